/** The environment of a program that `emulator run` starts: proxy, trust and merchant, as each language reads them. */
import { settingsVariable, type RunSettings } from './settings.ts';

export interface ChildParts {
  /** What the program would have had. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings: RunSettings;
  /** The emulator's merchant as `WXPAY_*`. */
  readonly merchant: Readonly<Record<string, string>>;
  readonly files: {
    /** PEM: everything that was trusted, and the emulator. */
    readonly bundle: string;
    /** PEM: only what is beyond the usual roots. */
    readonly extra: string;
    /** PKCS#12, with the same as the bundle. */
    readonly trustStore: string;
    /** The preload for Node.js. */
    readonly preload: string;
  };
}

/** Variables that name a file of trusted certificates in place of the system's. */
export const bundleVariables = ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'] as const;

const loopback = ['localhost', '127.0.0.1', '::1'];

export function childEnvironment({ env, settings, merchant, files }: ChildParts): Record<string, string> {
  const { address, proxyPort } = settings;
  const proxy = `http://${address}:${proxyPort}`;
  const noProxy = exceptions(env, settings.hosts).join(',');
  const own: Record<string, string> = {
    ...withoutMerchant(env),
    ...merchant,
    [settingsVariable]: JSON.stringify(settings),
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    NODE_EXTRA_CA_CERTS: files.extra,
    NODE_OPTIONS: joined(env['NODE_OPTIONS'], `--require ${quoted(files.preload)}`),
    JAVA_TOOL_OPTIONS: joined(env['JAVA_TOOL_OPTIONS'], javaOptions(settings, files.trustStore)),
  };
  for (const name of bundleVariables) own[name] = files.bundle;
  return own;
}

/** Nothing of a live merchant reaches a program that runs against the emulator. */
function withoutMerchant(env: ChildParts['env']): Record<string, string> {
  const kept = new Set(['WXPAY_CONFIG_DIR', 'WXPAY_CACHE_DIR', 'WXPAY_LANG', 'WXPAY_DEBUG', 'WXPAY_NOTIFY_URL']);
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && (!entry[0].startsWith('WXPAY_') || kept.has(entry[0])),
    ),
  );
}

/**
 * The hosts that are reached without the proxy: this machine, where callbacks are received, and what was excepted before,
 * but for exceptions that WeChat Pay's hosts would fall under: those would lead a client past the emulator to the live hosts.
 */
function exceptions(env: ChildParts['env'], hosts: readonly string[]): string[] {
  const before = [env['no_proxy'] ?? '', env['NO_PROXY'] ?? '']
    .join(',')
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  const covers = (entry: string): boolean => {
    const name = entry
      .toLowerCase()
      .replace(/:\d+$/, '')
      .replace(/^\*?\.?/, '');
    return name === '' || hosts.some((host) => host === name || host.endsWith(`.${name}`) || wildcard(name).test(host));
  };
  return [...new Set([...loopback, ...before.filter((entry) => !covers(entry))])];
}

function wildcard(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`);
}

function javaOptions({ address, proxyPort }: RunSettings, trustStore: string): string {
  return [
    `-Dhttps.proxyHost=${address}`,
    `-Dhttps.proxyPort=${proxyPort}`,
    // Java has one list for both schemes, and excepts this machine by it alone where it is given.
    '-Dhttp.nonProxyHosts=localhost|127.*|[::1]',
    quoted(`-Djavax.net.ssl.trustStore=${trustStore}`),
    '-Djavax.net.ssl.trustStoreType=PKCS12',
  ].join(' ');
}

function joined(before: string | undefined, added: string): string {
  return before === undefined || before.trim() === '' ? added : `${before} ${added}`;
}

/** Both NODE_OPTIONS and JAVA_TOOL_OPTIONS split at blanks and know double quotes. */
function quoted(text: string): string {
  return /\s/.test(text) ? `"${text.replaceAll('"', String.raw`\"`)}"` : text;
}
