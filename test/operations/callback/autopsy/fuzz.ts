/**
 * Near-valid callbacks without end. An oracle of plain `node:crypto` judges each one; what `verifyCallback` accepts and the
 * oracle does not is a false accept, and so is a proof of the autopsy that the oracle does not confirm.
 */
import { setImmediate } from 'node:timers/promises';
import { createDecipheriv, sign, verify, type KeyObject } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WxpayError } from '../../../../src/core/errors.ts';
import type { Headers } from '../../../../src/core/ports.ts';
import { performAutopsy } from '../../../../src/operations/callback/autopsy/autopsy.ts';
import { defaultLimits, openBudget } from '../../../../src/operations/callback/autopsy/budget.ts';
import { verifyCallback } from '../../../../src/operations/callback/verify.ts';
import { seeded } from '../../../faults/random.ts';
import {
  apiV3Key,
  certificateKey,
  ids,
  keys,
  merchant,
  merchantKey,
  now,
  oracle,
  payment,
  platformKey,
  send,
  strangerKey,
  type Sent,
} from './stage.ts';

export interface Figures {
  readonly captures: number;
  readonly accepted: number;
  /** Accepted by `verifyCallback`, refused by the oracle; each as JSON. */
  readonly falseAccepts: readonly string[];
  /** Sound to the oracle and unchanged, and refused. */
  readonly falseRefusals: readonly string[];
  readonly autopsies: number;
  readonly proven: number;
  /** Proofs that the oracle does not confirm. */
  readonly falseProofs: readonly string[];
  readonly crashes: readonly string[];
  /** Of processor time: a busy machine is no hang. */
  readonly slowestMs: number;
  /** Growth of the resident set after the first tenth, in MiB, without garbage: when that is collected is the engine's choice. */
  readonly grownMiB: number;
}

interface Draft {
  headers: Record<string, string[]>;
  body: Buffer;
}

type Random = () => number;
type Mutation = (draft: Draft, random: Random, pool: readonly Sent[]) => void;

const signatureHeaders = ['timestamp', 'nonce', 'serial', 'signature', 'signature-type'].map(
  (name) => `wechatpay-${name}`,
);
const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)] as T;
const one = (draft: Draft, name: string): string => draft.headers[name]?.[0] ?? '';
const edit = (draft: Draft, name: string, change: (value: string) => string): void => {
  draft.headers[name] = (draft.headers[name] ?? []).map(change);
};
const at = (length: number, random: Random): number => Math.floor(random() * Math.max(1, length));
const inBody =
  (change: (text: string, random: Random) => string): Mutation =>
  (draft, random) => {
    draft.body = Buffer.from(change(draft.body.toString(), random));
  };
const flipBit = (bytes: Buffer, random: Random): Buffer => {
  const copy = Buffer.from(bytes);
  const index = at(copy.length, random);
  copy[index] = (copy[index] ?? 0) ^ (1 << at(8, random));
  return copy;
};
const signAgain = (draft: Draft, key: KeyObject): void => {
  const head = Buffer.from(`${one(draft, 'wechatpay-timestamp')}\n${one(draft, 'wechatpay-nonce')}\n`);
  const signature = sign('sha256', Buffer.concat([head, draft.body, Buffer.from('\n')]), key);
  draft.headers['wechatpay-signature'] = [signature.toString('base64')];
};
const withMember = (text: string, change: (resource: Record<string, unknown>) => object): string => {
  try {
    const value = JSON.parse(text) as { resource: Record<string, unknown> };
    return JSON.stringify({ ...value, resource: change(value.resource) });
  } catch {
    return text;
  }
};

const mutations: readonly Mutation[] = [
  // Bits.
  (draft, random) => (draft.body = flipBit(draft.body, random)),
  (draft, random) =>
    edit(draft, 'wechatpay-signature', (value) => flipBit(Buffer.from(value, 'base64'), random).toString('base64')),
  (draft, random) =>
    edit(draft, pick(signatureHeaders, random), (value) => flipBit(Buffer.from(value), random).toString('latin1')),
  // Base64 in other spellings.
  (draft) =>
    edit(draft, 'wechatpay-signature', (value) =>
      value.replace(/(.)==$/, (_, end: string) => `${String.fromCharCode(end.charCodeAt(0) + 1)}==`),
    ),
  (draft) => edit(draft, 'wechatpay-signature', (value) => value.replaceAll('+', '-').replaceAll('/', '_')),
  (draft, random) => edit(draft, 'wechatpay-signature', (value) => value.replace(/=+$/, '='.repeat(at(4, random)))),
  (draft, random) => {
    const cut = at(344, random);
    edit(
      draft,
      'wechatpay-signature',
      (value) => value.slice(0, cut) + pick([' ', '\n', '\t', '=', '\u00a0', '%'], random) + value.slice(cut),
    );
  },
  (draft, random) => edit(draft, 'wechatpay-signature', (value) => value.slice(0, at(345, random))),
  (draft) => edit(draft, 'wechatpay-signature', (value) => `WECHATPAY/SIGNTEST/${value}`),
  inBody((text) =>
    withMember(text, (resource) => ({
      ...resource,
      ciphertext: String(resource['ciphertext']).replace(/.(=*)$/, 'B$1'),
    })),
  ),
  // Headers repeated, joined, missing, empty, long.
  (draft, random) => {
    const name = pick(signatureHeaders, random);
    draft.headers[name] = [...(draft.headers[name] ?? []), ...(draft.headers[name] ?? [])];
  },
  (draft, random, pool) => {
    const name = pick(signatureHeaders, random);
    draft.headers[name] = [...(draft.headers[name] ?? []), pick(pool, random).headers[name] ?? ''];
  },
  (draft, random) => edit(draft, pick(signatureHeaders, random), (value) => `${value}, ${value}`),
  (draft, random) => delete draft.headers[pick(signatureHeaders, random)],
  (draft, random) =>
    (draft.headers[pick(signatureHeaders, random)] = [pick(['', ' ', '\t', 'null', 'undefined', '0'], random)]),
  (draft, random) => edit(draft, pick(signatureHeaders, random), (value) => value + 'A'.repeat(5_000)),
  (draft, random) =>
    edit(draft, pick(signatureHeaders, random), (value) =>
      pick(
        [` ${value}`, `${value} `, `"${value}"`, value.toLowerCase(), value.toUpperCase(), encodeURIComponent(value)],
        random,
      ),
    ),
  (draft, random) => {
    const [a, b] = [pick(signatureHeaders, random), pick(signatureHeaders, random)];
    [draft.headers[a], draft.headers[b]] = [draft.headers[b] ?? [], draft.headers[a] ?? []];
  },
  (draft) => Object.defineProperty(draft.headers, '__proto__', { value: ['x'], enumerable: true, configurable: true }),
  // Parts of another callback.
  (draft, random, pool) => {
    const name = pick(signatureHeaders, random);
    draft.headers[name] = [pick(pool, random).headers[name] ?? ''];
  },
  (draft, random, pool) => (draft.body = pick(pool, random).body),
  (draft, random, pool) => {
    const other = pick(pool, random).body;
    const cut = at(draft.body.length, random);
    draft.body = Buffer.concat([draft.body.subarray(0, cut), other.subarray(cut)]);
  },
  // Time.
  (draft, random) =>
    edit(draft, 'wechatpay-timestamp', (value) => String(Number(value) + pick([-301, -1, 1, 301, 28_800], random))),
  (draft, random) =>
    edit(draft, 'wechatpay-timestamp', (value) =>
      pick([`${value}000`, `+${value}`, `0${value}`, `${value}.0`, `${value}e0`], random),
    ),
  // The body around its bytes.
  inBody((text) => `\uFEFF${text}`),
  inBody((text, random) => text + pick(['\n', '\r\n', ' ', '\0', '}', '\t'], random)),
  (draft, random) => (draft.body = draft.body.subarray(0, at(draft.body.length, random))),
  inBody((text) =>
    JSON.stringify(
      JSON.parse(
        text === ''
          ? '{}'
          : text.startsWith('{"') && text.endsWith('}}')
            ? text.replaceAll(/[^\x20-\x7e]/g, '?')
            : '{}',
      ),
      null,
      1,
    ),
  ),
  inBody((text) => text.replaceAll('/', '\\/')),
  inBody(
    (text, random) =>
      text.slice(0, -1) +
      pick([',"id":"x"}', ',"__proto__":{"a":1}}', `,"a":${'['.repeat(5_000)}}`, ',"n":1e999}', ',"a":null}'], random),
  ),
  // Other keys, with a signature that holds.
  (draft, random) => signAgain(draft, pick([strangerKey, merchantKey, certificateKey, platformKey], random)),
  (draft, random) =>
    (draft.headers['wechatpay-serial'] = [
      pick(
        [
          ids.publicKey,
          ids.certificate,
          ids.certificate.toLowerCase(),
          ids.merchant,
          'PUB_KEY_ID_1',
          '__proto__',
          'constructor',
        ],
        random,
      ),
    ]),
  (draft, random) => {
    // Signed by WeChat Pay, encrypted by nobody.
    draft.body = Buffer.from(
      withMember(draft.body.toString(), (resource) => ({
        ...resource,
        ...pick<object>(
          [
            { nonce: 'fdasflkja485' },
            { associated_data: 'refund' },
            { associated_data: null },
            { ciphertext: 'AAAA' },
            { algorithm: 'AEAD_SM4_GCM' },
            { nonce: '' },
            { ciphertext: String(resource['ciphertext']).slice(0, -4) },
          ],
          random,
        ),
      })),
    );
    signAgain(draft, platformKey);
  },
  (draft, random) => {
    const wrongKey = Buffer.alloc(32, at(256, random));
    draft.body = send({ key: wrongKey }).body;
    signAgain(draft, platformKey);
  },
  (draft) => {
    draft.body = send({ plaintext: payment.replace('1900000001', '1900000002') }).body;
    signAgain(draft, platformKey);
  },
];

/** As strict as the protocol, and not a line of ours. */
function isGenuine({ headers, body }: { readonly headers: Headers; readonly body: Buffer }): boolean {
  const single = (name: string): string | undefined => {
    const values = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return values?.length === 1 ? values[0] : undefined;
  };
  const [timestamp, nonce, serial, signature] = ['timestamp', 'nonce', 'serial', 'signature'].map((name) =>
    single(`wechatpay-${name}`),
  );
  if (timestamp === undefined || nonce === undefined || serial === undefined || signature === undefined) return false;
  if (!/^\d{10}$/.test(timestamp) || Math.abs(Number(timestamp) - now / 1000) > 300) return false;
  if (
    Object.hasOwn(headers, 'wechatpay-signature-type') &&
    (headers['wechatpay-signature-type']?.length ?? 0) > 0 &&
    single('wechatpay-signature-type') !== 'WECHATPAY2-SHA256-RSA2048'
  )
    return false;
  const key = keys.find(({ id }) => (id.startsWith('PUB_') ? id === serial : id === serial.toUpperCase()));
  const bytes = Buffer.from(signature, 'base64');
  if (key === undefined || bytes.toString('base64') !== signature) return false;
  const message = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from('\n')]);
  if (!verify('sha256', message, key.publicKey, bytes)) return false;
  try {
    const { resource } = JSON.parse(body.toString()) as { resource: Record<string, string> };
    const sealed = Buffer.from(resource['ciphertext'] ?? '', 'base64');
    const decipher = createDecipheriv('aes-256-gcm', apiV3Key, resource['nonce'] ?? '', { authTagLength: 16 });
    decipher.setAAD(Buffer.from(resource['associated_data'] ?? ''));
    decipher.setAuthTag(sealed.subarray(-16));
    const text = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]).toString();
    return (JSON.parse(text) as { mchid?: unknown }).mchid === '1900000001';
  } catch {
    return false;
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function residentBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().rss;
}

const small = { messages: 200, bytes: 2 * 1024 * 1024, signatures: 8 };

/** @param autopsyEach every how many refused captures an autopsy is made, with a small budget; every 2,000th gets the whole one */
export async function fuzzCallbacks(count: number, seed: number, autopsyEach: number): Promise<Figures> {
  const random = seeded(seed);
  const pool = Array.from({ length: 16 }, (_, index) =>
    send({
      nonce: `Xq3Zr8vB1nM5kL7pW2sD9fG4hJ6tY0${String(index).padStart(2, '0')}`,
      timestamp: String(now / 1000 - index),
      envelope: { id: `EV-${index}` },
      ...(index % 4 === 3 ? { signedBy: certificateKey, serial: ids.certificate } : {}),
    }),
  );
  const falseAccepts: string[] = [];
  const falseRefusals: string[] = [];
  const falseProofs: string[] = [];
  const crashes: string[] = [];
  let [accepted, autopsies, proven, slowest, refused] = [0, 0, 0, 0, 0];
  let rssBefore = 0;
  const find = async (id: string) => keys.find((key) => key.id === id);
  const show = ({ headers, body }: Draft): string =>
    JSON.stringify({ headers, body: body.toString('base64') }).slice(0, 4_000);
  for (let index = 0; index < count; index += 1) {
    // What zlib held is given back by the event loop only, which awaiting settled promises never reaches.
    if (index % 500 === 0) await setImmediate();
    if (index === Math.floor(count / 10)) rssBefore = residentBytes();
    const sent = pick(pool, random);
    const draft: Draft = {
      headers: Object.fromEntries(Object.entries(sent.headers).map(([name, value]) => [name, [value]])),
      body: sent.body,
    };
    const times = at(4, random);
    for (let time = 0; time < times; time += 1)
      try {
        pick(mutations, random)(draft, random, pool);
      } catch (error) {
        // A second mutation may not be possible on what the first has left.
        if (!(error instanceof SyntaxError || error instanceof URIError)) throw error;
      }
    const started = cpuMs();
    try {
      const report = await verifyCallback(draft, { find, apiV3Key, mchid: '1900000001' }, now);
      const genuine = isGenuine(draft);
      if (report.verdict === 'valid') {
        accepted += 1;
        if (!genuine) falseAccepts.push(show(draft));
      } else if (times === 0) falseRefusals.push(show(draft));
      const { failure } = report;
      if (failure !== undefined) {
        refused += 1;
        if (refused % autopsyEach === 0) {
          autopsies += 1;
          const budget = openBudget(refused % (autopsyEach * 2_000) === 0 ? defaultLimits : small);
          const { grade, mended } = performAutopsy({ capture: draft, failure, keys, merchant, apiV3Key, budget });
          if (grade === 'proven') proven += 1;
          if (mended !== undefined && !oracle(mended)) falseProofs.push(show(draft));
        }
      }
    } catch (error) {
      crashes.push(`${error instanceof WxpayError ? error.code : String(error)} ${show(draft)}`);
    }
    slowest = Math.max(slowest, cpuMs() - started);
  }
  const grownMiB = Math.round((residentBytes() - rssBefore) / 1024 / 1024);
  return {
    captures: count,
    accepted,
    falseAccepts,
    falseRefusals,
    autopsies,
    proven,
    falseProofs,
    crashes,
    slowestMs: Math.round(slowest),
    grownMiB,
  };
}
