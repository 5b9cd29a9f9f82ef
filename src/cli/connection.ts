/** From profile and credentials to a key ring and a transport: the one place where the core's layers meet the CLI's world. */
import { parseBaseUrl, type BaseUrl } from '../core/http/base-url.ts';
import { parseDownloadUrl } from '../core/http/download-url.ts';
import { createTransport, type ComposedTransport } from '../core/http/compose.ts';
import { isTlsUnverified, leakingOptions, nodeOptions } from '../core/http/environment.ts';
import type { TraceEvent } from '../core/http/logged.ts';
import { createRedactor } from '../core/http/redact.ts';
import { downloadCertificates, isIssuedByTenpay } from '../core/keys/download.ts';
import { createKeyRing, type CertificateKeyRing } from '../core/keys/keyring.ts';
import { createCertificateStore } from '../core/keys/store.ts';
import type { Signer, Transport } from '../core/ports.ts';
import type { MessageKey, Params, Translate } from '../i18n/translate.ts';
import type { Credentials } from '../profiles/credentials.ts';
import type { ResolvedProfile } from '../profiles/schema.ts';
import type { Globals } from './command.ts';
import { baseUrlOf } from '../profiles/base-url.ts';
import { traceText } from './trace.ts';
import type { World } from './world.ts';

export interface ConnectionParts {
  readonly profile: ResolvedProfile;
  readonly credentials: Credentials;
  /** Asked for with the first request: a key ring of public keys needs no merchant key. */
  readonly signer: () => Promise<Signer>;
  readonly world: World;
  readonly globals: Globals;
  readonly cacheDir: string;
  /** Default 150. */
  readonly ratePerSecond?: number;
  readonly nonce: () => string;
  readonly note: (key: MessageKey, params?: Params) => void;
  readonly writeTrace: (text: string) => void;
  readonly t: Translate;
}

export interface Connection {
  readonly transport: () => Promise<Transport>;
  /** To the host of a URL that an answer named. @throws `HOST_NOT_ALLOWED` */
  readonly transportTo: (url: string) => Promise<{ readonly transport: Transport; readonly target: string }>;
  readonly keyRing: CertificateKeyRing;
  close(): Promise<void>;
}

export async function connect(parts: ConnectionParts): Promise<Connection> {
  const { profile, credentials, world, globals } = parts;
  const allowHosts = globals.allowHost === undefined ? [] : [globals.allowHost];
  const baseUrl = parseBaseUrl(baseUrlOf(profile), allowHosts);
  if (isTlsUnverified(world.env)) parts.note('cli.tls_unverified.warn');
  // An emulator's keys are worth nothing.
  const [option] = baseUrl.loopback ? [] : nodeOptions(world.env, leakingOptions);
  if (option !== undefined) parts.note('cli.node_options.warn', { option });
  const apiV3Key = profile.values.api_v3_key === undefined ? undefined : await credentials.apiV3Key();
  const publicKeys = await credentials.publicKeys();
  // Without a merchant number a public key still verifies a callback.
  const withCertificates = profile.values.mchid !== undefined || publicKeys.length === 0;
  const keyRing: CertificateKeyRing = createKeyRing({
    publicKeys,
    clock: world.clock,
    ...(apiV3Key === undefined || !withCertificates
      ? {}
      : {
          certificates: {
            store: createCertificateStore({
              dir: parts.cacheDir,
              mchid: credentials.mchid(),
              origin: baseUrl.origin,
              apiV3Key,
              clock: world.clock,
              platform: world.platform,
              pid: world.pid,
              uid: world.uid,
              isAlive: (pid) => world.isAlive(pid),
              randomName: () => world.randomBytes(12).toString('hex'),
            }),
            download: async () => {
              const { transport } = await composed();
              return downloadCertificates({ transport, apiV3Key, publicKeys, clock: world.clock });
            },
            // The commands that are about certificates say it themselves. An emulator's never chain to that CA.
            onUnasked: ({ certificates }) => {
              for (const { id, certificate } of certificates)
                if (profile.live && !isIssuedByTenpay(certificate)) parts.note('certs.chain.warn', { serial: id });
            },
          },
        }),
  });

  /** By origin. */
  const made = new Map<string, Promise<ComposedTransport>>();
  const composed = (to = baseUrl): Promise<ComposedTransport> => {
    const transport = made.get(to.origin) ?? compose(to);
    made.set(to.origin, transport);
    return transport;
  };
  const compose = async (to: BaseUrl): Promise<ComposedTransport> => {
    const ca = await credentials.ca();
    return createTransport({
      baseUrl: to,
      signer: parts.signer,
      keyRing,
      clock: world.clock,
      nonce: parts.nonce,
      random: () => world.random(),
      env: world.env,
      userAgent: `wxpay-cli/${world.version} (${world.platform}; node ${world.nodeVersion})`,
      acceptLanguage: globals.lang,
      timeouts: { total: globals.timeoutMs, firstByte: globals.timeoutMs, connect: Math.min(5_000, globals.timeoutMs) },
      retries: globals.retries,
      ...(parts.ratePerSecond === undefined ? {} : { ratePerSecond: parts.ratePerSecond }),
      ...(ca === undefined ? {} : { ca }),
      clientCertificate: async () => {
        const { presentableCertificate } = await import('../profiles/client-certificate.ts');
        return presentableCertificate(credentials, world.clock.now());
      },
      ...(globals.debug || globals.verbose
        ? {
            trace: {
              redact: createRedactor(await secretValues(profile, credentials)),
              onEvent: (event: TraceEvent): void => parts.writeTrace(traceText(event, globals.debug, parts.t)),
            },
          }
        : {}),
    });
  };
  return {
    keyRing,
    transport: async () => (await composed()).transport,
    transportTo: async (url) => {
      const { base, target } = parseDownloadUrl(url, baseUrl, allowHosts);
      return { transport: (await composed(base)).transport, target };
    },
    close: async () => {
      await Promise.allSettled([...made.values()].map(async (one) => (await one).close()));
    },
  };
}

/** What a trace must never show, whatever it stands in. */
async function secretValues(profile: ResolvedProfile, credentials: Credentials): Promise<readonly string[]> {
  const { values } = profile;
  const secrets: string[] = [];
  // APIv2 alone needs no private key.
  if (values.private_key !== undefined || values.client_cert_file !== undefined)
    secrets.push((await credentials.merchantKey()).export({ type: 'pkcs8', format: 'pem' }).toString());
  if (values.api_v3_key !== undefined) secrets.push((await credentials.apiV3Key()).toString());
  if (values.api_v2_key !== undefined) secrets.push((await credentials.apiV2Key()).reveal());
  if (values.client_cert_file !== undefined && values.client_cert_passphrase !== undefined) {
    const certificate = await credentials.clientCertificate();
    if ('passphrase' in certificate) secrets.push(certificate.passphrase);
  }
  return secrets;
}
