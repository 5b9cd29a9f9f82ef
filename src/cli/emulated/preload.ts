/**
 * Loaded into every Node.js program below `wxpay emulator run` before its own code, since Node's own HTTPS, and most clients
 * on top of it, know no proxy variables: connections to WeChat Pay's hosts end at the emulator instead, whoever makes them
 * (https, tls, http2, fetch, undici, axios). Names in certificates are checked as ever, against the emulator's authority.
 *
 * A program of its own: nothing of wxpay but the settings is in it, and nothing of it may throw into the app.
 */
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { settingsVariable, type RunSettings } from './settings.ts';

const settings = readSettings();
if (settings !== undefined) {
  leadConnections(settings);
  leadProxiedRequests(settings);
  syncBuiltinESMExports();
}

function readSettings(): RunSettings | undefined {
  try {
    return JSON.parse(process.env[settingsVariable] ?? '') as RunSettings;
  } catch {
    return undefined;
  }
}

type Arguments = unknown[];
interface Destination {
  readonly host?: unknown;
  readonly port?: unknown;
  readonly path?: unknown;
}

/** Every TCP connection of a program goes through `Socket.prototype.connect`. */
function leadConnections({ hosts, address, port, others, refusal }: RunSettings): void {
  const connect = Reflect.get(net.Socket.prototype, 'connect') as (this: net.Socket, ...args: Arguments) => net.Socket;
  const lead = function (this: net.Socket, ...args: Arguments): net.Socket {
    const wanted = destinationOf(args);
    const host = textOf(wanted.host).toLowerCase().replace(/\.$/, '');
    if (Number(wanted.port) !== 443 || typeof wanted.path === 'string') return connect.apply(this, args);
    if (hosts.includes(host)) return connect.apply(this, replaced(args, { host: address, port }));
    if (!isRefused(host, others)) return connect.apply(this, args);
    const facts = { code: 'ECONNREFUSED', address: host, port: 443, syscall: 'connect' };
    const error = Object.assign(new Error(refusal.replace('{host}', host)), facts);
    process.nextTick(() => this.destroy(error));
    return this;
  };
  net.Socket.prototype.connect = lead;
}

function isLive(host: string): boolean {
  return /(?:^|\.)(?:mch\.weixin\.qq\.com|wechatpay\.cn|payapp\.weixin\.qq\.com)$/.test(host);
}

function isRefused(host: string, others: RunSettings['others']): boolean {
  if (/^(?:localhost|.*\.localhost|127(?:\.\d{1,3}){3}|::1|)$/.test(host)) return false;
  return others === 'refuse' || isLive(host);
}

/** `connect(options)`, `connect(port, host)`, `connect(path)`, or the array that `net.connect` makes of them. */
function destinationOf(args: Arguments): Destination {
  const [first, second] = args;
  if (Array.isArray(first)) return (first[0] ?? {}) as Destination;
  if (typeof first === 'object' && first !== null) return first;
  return { port: first, host: typeof second === 'string' ? second : 'localhost' };
}

function replaced(args: Arguments, to: { readonly host: string; readonly port: number }): Arguments {
  const [first, ...rest] = args;
  if (Array.isArray(first)) {
    // Node marks this array with a symbol of its own, which has to stay on it.
    const copy = Object.assign(
      [{ ...(first[0] as object), ...to }, ...(first as unknown[]).slice(1)],
      symbolsOf(first),
    );
    return [copy, ...rest];
  }
  if (typeof first === 'object' && first !== null) return [{ ...first, ...to }, ...rest];
  return [to, ...rest.filter((value) => typeof value === 'function')];
}

function symbolsOf(value: object): object {
  return Object.fromEntries(
    Object.getOwnPropertySymbols(value).map((symbol) => [symbol, (value as Record<symbol, unknown>)[symbol]]),
  );
}

type Request = (...args: Arguments) => http.ClientRequest;

/**
 * Older axios, and others, take an HTTPS proxy for one that they may talk to in the clear: they send `POST https://host/path`
 * to it. Here they get the TLS that was meant, with the agent, and so the client certificate, that they have for it.
 */
function leadProxiedRequests({ address, proxyPort }: RunSettings): void {
  const original = http.request as Request;
  const request: Request = (...args) => {
    const options = args.find((arg) => typeof arg === 'object' && arg !== null && !(arg instanceof URL)) as
      | Record<string, unknown>
      | undefined;
    const match = /^https:\/\/([^/?#:@]+)(?::(\d+))?(\/[^#]*)?$/.exec(textOf(options?.['path']));
    const host = options?.['hostname'] ?? options?.['host'];
    if (options === undefined || match === null || host !== address || Number(options['port']) !== proxyPort)
      return original(...args);
    const { agents, agent, ...others } = options as { agents?: { https?: unknown }; agent?: unknown };
    const own = agents?.https ?? (agent instanceof https.Agent ? agent : undefined);
    const direct = {
      ...others,
      protocol: 'https:',
      hostname: match[1],
      host: match[1],
      port: Number(match[2] ?? 443),
      path: match[3] ?? '/',
      ...(own === undefined ? {} : { agent: own }),
    };
    return (https.request as Request)(direct, ...args.filter((arg) => typeof arg === 'function'));
  };
  http.request = request;
  http.get = (...args: Arguments) => {
    const sent = request(...args);
    sent.end();
    return sent;
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
