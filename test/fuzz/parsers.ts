/**
 * Every parser of the program as a target: good inputs, and a judge. A judge throws when something was wrong: an exception that
 * is none of ours, something accepted that an independent reader refuses, or two answers to one question.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import { readBer, type BerNode } from '../../src/core/crypto/ber.ts';
import { identify, loadCertificate, loadPrivateKey, loadPublicKey } from '../../src/core/crypto/key-files.ts';
import { openPkcs12 } from '../../src/core/crypto/pkcs12.ts';
import { isWxpayError, WxpayError, type ErrorCode } from '../../src/core/errors.ts';
import { decodeBody } from '../../src/core/http/decode-body.ts';
import { proxyFor } from '../../src/core/http/proxy.ts';
import { parseBaseUrl, type BaseUrl } from '../../src/core/http/base-url.ts';
import { createCertificateStore } from '../../src/core/keys/store.ts';
import { parseAmount } from '../../src/core/money.ts';
import { buildAuthorization, parseAuthorization } from '../../src/core/wire/authorization.ts';
import { decryptCertificates, parseEnvelope } from '../../src/core/wire/envelope.ts';
import { parseErrorBody, signInformation } from '../../src/core/wire/error-body.ts';
import { parseJson } from '../../src/core/wire/json.ts';
import { buildV2Xml, parseV2Xml } from '../../src/core/wire/v2-xml.ts';
import { parseDuration } from '../../src/cli/duration.ts';
import { splitLine } from '../../src/cli/completion/split.ts';
import { parseJson as parseEmulatorJson, plain } from '../../src/emulator/json.ts';
import { openFaults, signatureFaults, type FaultInput } from '../../src/emulator/faults.ts';
import { readXml } from '../../src/emulator/v2/xml.ts';
import { openBillReader } from '../../src/operations/bill/rows.ts';
import { rowValues } from '../../src/operations/bill/values.ts';
import { readEntries } from '../../src/operations/callback/capture/read.ts';
import { verifyCallback } from '../../src/operations/callback/verify.ts';
import { readJournal } from '../../src/operations/refund-batch/journal.ts';
import { parseBatch } from '../../src/operations/refund-batch/parse.ts';
import { mergeReports, reportDocument, reportRows, summarise } from '../../src/operations/refund-batch/report.ts';
import { compileQuery, QueryError } from '../../src/output/query.ts';
import { parseProfile } from '../../src/profiles/schema.ts';
import { certificateFor, p12For } from '../core/crypto/files.ts';
import { apiV3Key, day, platformCertificate } from '../core/keys/platform.ts';
import { runInProcess } from '../helpers/in-process.ts';
import { realClock } from '../helpers/local.ts';
import { fundflow, legacy, tradeAll } from '../operations/bill/bill-text.ts';
import { writers } from '../operations/callback/capture/written-as.ts';
import { keys, makeCallback, now } from '../operations/callback/staged-callback.ts';
import { openWorld, row } from '../operations/refund-batch/batch-world.ts';
import { intent, makeFolder } from '../operations/refund-batch/journal-files.ts';
import { anyJson, below, pick, type Random } from './mutate.ts';

export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** @returns true when the input was taken; throws when that, or anything else, was wrong */
  judge(bytes: Buffer, random: Random): boolean | Promise<boolean>;
  /** How many times fewer runs: for what costs milliseconds. */
  readonly dear?: number;
}

const texts = (...list: readonly string[]): Buffer[] => list.map((text) => Buffer.from(text));
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** The value, or `undefined` for a refusal with one of these codes. */
function attempt<T>(codes: readonly ErrorCode[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isWxpayError(error) && codes.includes(error.code)) return undefined;
    throw error;
  }
}

async function attemptLater<T>(codes: readonly ErrorCode[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isWxpayError(error) && codes.includes(error.code)) return undefined;
    throw error;
  }
}

const isUtf8 = (bytes: Buffer): boolean => Buffer.from(bytes.toString()).equals(bytes);

const made = makeCallback();
const captures: Target = {
  name: 'captures of callbacks',
  seeds: Object.values(writers).map((write) => write(made)),
  judge: async (bytes) => {
    let valid = false;
    for (const entry of attempt(['CALLBACK_MALFORMED'], () => readEntries(bytes)) ?? []) {
      if (!('capture' in entry)) continue;
      const { verdict } = await verifyCallback(entry.capture, keys, now);
      if (verdict !== 'valid') continue;
      valid = true;
      // Only one body was ever signed.
      assert.equal(entry.capture.body.toString(), made.body);
    }
    return valid;
  },
};

const header = 'transaction_id,amount_fen,reason,out_refund_no,ref';
const order = (n: number): string => `420000234620261123${String(n).padStart(9, '0')}7`;
const batches: Target = {
  name: 'files of refunds',
  seeds: texts(
    `${header}\n${order(1)},1234,sold out,R1,\n${order(2)},1,"two, and\nmore",,a\n${order(2)},2,,,b\n`,
    `\uFEFF商户订单号;退款金额(元)\r\nORDER_0001;12.34\r\nORDER_0002;"0.01"\r\n`,
    `微信订单号\t金额\n\`${order(3)}\t12.34元\n${order(4)}\t5分\n`,
    `{"out_trade_no":"ORDER_1","amount_fen":7,"reason":"x"}\n{"transaction_id":"${order(5)}","amount_yuan":"1.20"}\n`,
  ),
  judge: async (bytes, random) => {
    const read = (size: number) =>
      parseBatch(async function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      });
    const whole = await read(Math.max(1, bytes.length));
    const pieces = await read(1 + below(9, random));
    const rowsOf = ({ rows }: typeof whole) => Array.from({ length: rows.count }, (_, index) => rows.get(index));
    // How much is still looked at behind the first fault may differ: nothing of such a file is used.
    assert.deepEqual(pieces.faults.list[0], whole.faults.list[0]);
    if (whole.faults.count === 0) assert.deepEqual(rowsOf(pieces), rowsOf(whole));
    assert.ok(whole.rows.count + whole.faults.count > 0);
    let sum = 0;
    for (const row of rowsOf(whole)) {
      assert.ok(Number.isSafeInteger(row.fen) && row.fen >= 1);
      assert.match(row.no, row.by === 'transaction_id' ? /^[0-9A-Za-z]{1,32}$/ : /^[0-9A-Za-z_\-|*]{6,32}$/);
      assert.match(row.out_refund_no, /^[0-9A-Za-z_\-|*@]{0,64}$/);
      assert.ok(Buffer.byteLength(row.reason) <= 80);
      assert.doesNotMatch(row.reason, /[\0-\u001F\u007F-\u009F]/);
      // An amount that nobody wrote: its digits must stand in the file, as fen or as yuan.
      const [units, cents] = [Math.floor(row.fen / 100), String(row.fen % 100).padStart(2, '0')];
      const spelled = [
        `${row.fen}`,
        `${units}.${cents}`,
        ...(cents === '00' ? [`${units}`] : []),
        ...(cents.endsWith('0') ? [`${units}.${cents[0]}`] : []),
      ];
      const plainText = bytes.toString(whole.encoding === 'utf-8' ? 'utf8' : 'latin1');
      assert.ok(spelled.some((text) => plainText.includes(text)) || /\\u/.test(plainText), `no ${row.fen} in the file`);
      sum += row.fen;
    }
    assert.equal(whole.rows.fen, sum);
    return whole.faults.count === 0;
  },
};

const xml: Target = {
  name: 'XML of APIv2, against the reader of the emulator',
  seeds: texts(
    '<xml><appid>wx8a1b</appid><body><![CDATA[Coffee & <cake>]]></body><total_fee>1290</total_fee><sign>AB</sign></xml>',
    '<?xml version="1.0" encoding="UTF-8"?>\n<xml>\n  <a>&lt;&amp;&#x652F;&quot;</a>\n <b></b><c/>\n</xml>\n',
    '<xml><transaction_id>4200001234202311231234567890</transaction_id><n>00520</n><e>1e3</e></xml>',
    '<xml><refund_status_0>SUCCESS</refund_status_0><a_1>支付</a_1></xml>',
  ),
  judge: (bytes) => {
    const ours = attempt(['ANSWER_MALFORMED'], () => parseV2Xml(bytes));
    const theirs = readXml(bytes);
    if (ours === undefined) return false;
    // Values stay the text that they are, and what is written can be read again.
    const filled = new Map([...ours].filter(([, value]) => value !== ''));
    if (filled.size > 0) assert.deepEqual(new Map(parseV2Xml(Buffer.from(buildV2Xml(ours)))), filled);
    // XML reads CR and CRLF as LF, which the emulator has no need of.
    const ends = (text: string): string => text.replaceAll(/\r\n?/g, '\n');
    if (typeof theirs !== 'string')
      assert.deepEqual(
        [...ours],
        [...theirs].map(([name, value]) => [name, ends(value)]),
      );
    assert.doesNotMatch(bytes.toString(), /<!(?:DOCTYPE|ENTITY)/i);
    return true;
  },
};

const answers: Target = {
  name: 'JSON answers, against JSON.parse',
  seeds: [
    json({ out_trade_no: 'A', amount: { total: 1, payer_total: 2 ** 53 - 1 }, list: [1, null, true, { a: [] }] }),
    json({ data: [{ serial_no: '5E8E', encrypt_certificate: { nonce: 'x' } }] }),
    ...texts('{"a":1,"b":{"a":[{}]}}', '[]', '{"支付":"\\u652f\\ud83d\\ude00"}', ' {"a" : 0.1e-3 } '),
  ],
  judge: (bytes) => {
    const ours = attempt(['ANSWER_MALFORMED'], () => parseJson(bytes));
    let theirs: unknown;
    let sound = true;
    try {
      theirs = JSON.parse(bytes.toString()) as unknown;
    } catch {
      sound = false;
    }
    if (ours === undefined) return false;
    assert.ok(sound && isUtf8(bytes));
    assert.deepEqual(ours, theirs);
    // A member twice, or a number that a double changes, would be lost when it is written again.
    assert.deepEqual(JSON.parse(JSON.stringify(ours)), theirs);
    return true;
  },
};

const emulatorJson: Target = {
  name: 'JSON requests to the emulator, against JSON.parse',
  seeds: [...answers.seeds],
  judge: (bytes) => {
    const text = bytes.toString();
    const ours = parseEmulatorJson(text);
    if (ours === undefined) return false;
    assert.equal(JSON.stringify(plain(ours)), JSON.stringify(JSON.parse(text)));
    return true;
  },
};

const errorBodies: Target = {
  name: 'error bodies and callback envelopes',
  seeds: [
    json({
      code: 'SIGN_ERROR',
      message: '签名错误',
      detail: { sign_information: { method: 'POST', url: '/v3/x', truncated_sign_message: 'POST\n' } },
    }),
    Buffer.from(made.body),
  ],
  judge: (bytes) => {
    const body = parseErrorBody(bytes);
    if (body !== undefined) signInformation(body.detail);
    const envelope = attempt(['ANSWER_MALFORMED', 'CALLBACK_MALFORMED'], () => parseEnvelope(bytes));
    const list = attempt(['ANSWER_MALFORMED', 'DECRYPT_FAILED', 'CERTIFICATES_INVALID'], () =>
      decryptCertificates(bytes, apiV3Key),
    );
    // Nothing here was ever encrypted under that key.
    assert.ok(list === undefined || list.length === 0);
    return body !== undefined || envelope !== undefined;
  },
};

const packed = Buffer.from('{"status":"SUCCESS"}'.repeat(20));
const codings: Target = {
  name: 'packed bodies',
  seeds: [gzipSync(packed), deflateSync(packed), brotliCompressSync(packed)],
  judge: async (bytes, random) => {
    const own = bytes[0] === 0x1f ? 'gzip' : bytes[0] === 0x78 ? 'deflate' : 'br';
    const coding =
      below(2, random) === 0 ? own : pick(['x-gzip', 'GZIP', 'identity', 'gzip, gzip', '__proto__'], random);
    const body = await attemptLater(['ANSWER_MALFORMED', 'ANSWER_TOO_LARGE'], () =>
      decodeBody(bytes, { 'content-encoding': [coding] }, 1_000, 'h'),
    );
    if (body === undefined) return false;
    if (coding === 'identity') return false;
    assert.ok(body.length <= 1_000);
    if (/^(?:x-)?gzip$/i.test(coding) && bytes.length > 0) assert.deepEqual(Buffer.from(body), gunzipSync(bytes));
    return true;
  },
};

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const certificate = certificateFor(pair, 'CN=1900000109');
const passphrase = '1900000109';
const p12 = p12For(pair.privateKey, certificate, passphrase);
const pem = (type: 'pkcs1' | 'pkcs8') => Buffer.from(pair.privateKey.export({ type, format: 'pem' }));
const keyFiles: Target = {
  name: 'key files (PEM, DER), against node:crypto',
  seeds: [
    pem('pkcs8'),
    pem('pkcs1'),
    Buffer.from(pair.publicKey.export({ type: 'spki', format: 'pem' })),
    Buffer.from(certificate),
    new X509Certificate(certificate).raw,
    pair.privateKey.export({ type: 'pkcs8', format: 'der' }),
    p12,
    Buffer.concat([Buffer.from(certificate), pem('pkcs8')]),
  ],
  judge: (bytes) => {
    identify(bytes);
    const codes = ['KEY_UNREADABLE', 'KEY_WRONG_KIND', 'KEY_WEAK'] as const;
    const strong = (key: { asymmetricKeyType?: string; asymmetricKeyDetails?: { modulusLength?: number } }): void => {
      assert.equal(key.asymmetricKeyType, 'rsa');
      assert.ok((key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048);
    };
    const secret = attempt(codes, () => loadPrivateKey(bytes, 'x'));
    const open = attempt(codes, () => loadPublicKey(bytes, 'x'));
    const issued = attempt(codes, () => loadCertificate(bytes, 'x'));
    if (secret !== undefined) {
      strong(secret);
      assert.ok(createPrivateKey(secret.export({ type: 'pkcs8', format: 'pem' })).equals(secret));
    }
    if (open !== undefined) {
      strong(open);
      // The key of a private key is not a public key that was asked for.
      assert.doesNotMatch(bytes.toString('latin1'), /^-----BEGIN (?:RSA )?PRIVATE KEY/);
      assert.ok(createPublicKey(open.export({ type: 'spki', format: 'pem' })).equals(open));
    }
    if (issued !== undefined) strong(issued.publicKey);
    return secret !== undefined || open !== undefined || issued !== undefined;
  },
};

const ber: Target = {
  name: 'BER',
  seeds: [p12, new X509Certificate(certificate).raw, Buffer.from('30800201030000', 'hex')],
  judge: (bytes) => {
    const within = (node: BerNode, from: number, to: number): void => {
      assert.ok(node.start >= from && node.start <= node.end && node.end <= to);
      let at = node.start;
      for (const child of node.children) {
        within(child, at, node.end);
        at = child.end;
      }
    };
    const tree = readBer(bytes);
    if (tree !== undefined) within(tree, 0, bytes.length);
    return tree !== undefined;
  },
};

const pkcs12: Target = {
  name: '.p12',
  seeds: [p12],
  dear: 200,
  judge: async (bytes) => {
    const opened = await attemptLater(['P12_INVALID', 'P12_PASSPHRASE_WRONG', 'KEY_WRONG_KIND'], () =>
      openPkcs12(bytes, passphrase, 'x.p12', { timeoutMs: 4_000, memoryMb: 256 }),
    );
    if (opened === undefined) return false;
    assert.ok(createPrivateKey(opened.privateKey).equals(pair.privateKey));
    return true;
  },
};

const bills: Target = {
  name: 'bills',
  seeds: texts(tradeAll, fundflow, legacy),
  judge: (bytes, random) => {
    const read = (size: number): string | undefined =>
      attempt(['BILL_MALFORMED'], () => {
        const rows: unknown[] = [];
        const reader = openBillReader({ onRow: (row) => rows.push(rowValues(row)) });
        for (let at = 0; at < bytes.length; at += size) reader.push(Buffer.from(bytes.subarray(at, at + size)));
        return JSON.stringify([rows, reader.end()]);
      });
    const whole = read(Math.max(1, bytes.length));
    assert.equal(read(1 + below(99, random)), whole);
    return whole !== undefined;
  },
};

const names = [
  'kind',
  'when',
  'status',
  'count',
  'method',
  'path',
  'ms',
  'bytes',
  'variant',
  'header',
  'location',
  'hang_up',
  'probability',
  'seed',
  'retry_after',
];
const kinds = ['status', 'latency', 'stall', 'cut', 'truncate', 'signature', 'replay-other', 'redirect', 'late-commit'];
/** Half of them would fall at a field of another kind: it is taken away, as the refusal says, so that the others are read, too. */
function withoutStrays(asked: FaultInput, open: ReturnType<typeof openFaults>): FaultInput {
  for (;;) {
    try {
      open.clear(open.add(asked).id);
      return asked;
    } catch (error) {
      const { field, reason } = (error as WxpayError).params ?? {};
      if (reason !== 'key:emulator.reason.fault_field' || !Object.hasOwn(asked, String(field))) return asked;
      asked = Object.fromEntries(Object.entries(asked).filter(([name]) => name !== field)) as unknown as FaultInput;
    }
  }
}

const faults: Target = {
  name: 'faults asked of the emulator',
  seeds: [Buffer.alloc(0)],
  judge: (_, random) => {
    const input = anyJson(names, random);
    const asked = (
      below(4, random) === 0 || typeof input !== 'object' || input === null
        ? input
        : {
            ...input,
            kind: pick(kinds, random),
            ...(below(2, random) === 0 ? { variant: pick(signatureFaults, random) } : {}),
          }
    ) as FaultInput;
    const open = openFaults();
    const rule = attempt(['INPUT_INVALID', 'INPUT_MISSING'], () => open.add(withoutStrays(asked, open)));
    if (rule === undefined) return false;
    // What was taken can be written out and read again, and asks nothing that has no end.
    const text = JSON.stringify(open.list());
    assert.equal(JSON.stringify(JSON.parse(text)), text);
    for (let time = 0; time < 3; time += 1) open.take('POST', '/v3/pay/transactions/native');
    return true;
  },
};

const amounts: Target = {
  name: 'amounts and durations, against BigInt',
  seeds: texts('1234', '12.34yuan', '12yuan', '0.01元', '5分', '7fen', '9007199254740991', '30s', '500ms', '2h'),
  judge: (bytes) => {
    const text = bytes.toString();
    attempt(['INPUT_INVALID'], () => parseDuration('--timeout', text));
    const fen = attempt(['AMOUNT_INVALID', 'AMOUNT_UNIT_MISSING'], () => parseAmount(text));
    if (fen === undefined) return false;
    const yuan = /^([0-9]+)(?:\.([0-9]{1,2}))?(?:yuan|元)$/.exec(text);
    const bare = /^([0-9]+)(?:fen|分)?$/.exec(text);
    assert.ok(yuan !== null || bare !== null);
    const wanted =
      yuan === null ? BigInt(bare?.[1] ?? 0) : BigInt(yuan[1] ?? 0) * 100n + BigInt((yuan[2] ?? '').padEnd(2, '0'));
    assert.equal(BigInt(fen), wanted);
    assert.ok(fen >= 1 && Number.isSafeInteger(fen));
    return true;
  },
};

const authorizations: Target = {
  name: 'Authorization headers',
  seeds: texts(
    'WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="N1",signature="QUJD/+8=",timestamp="1700000000",serial_no="5E8EF0D8"',
    'WECHATPAY2-SHA256-RSA2048 serial_no="5E8E",mchid="1",timestamp="1",nonce_str="x",signature="A=="',
  ),
  judge: (bytes) => {
    const parts = parseAuthorization(bytes.toString());
    if (parts === undefined) return false;
    const again = attempt(['INPUT_INVALID'], () => buildAuthorization(parts));
    if (again !== undefined) assert.deepEqual(parseAuthorization(again), parts);
    return true;
  },
};

const lines: Target = {
  name: 'half-typed command lines',
  seeds: texts(
    'wxpay order query "ORDER 1" --o',
    "wxpay sign GET '/v3/x?y=1' \\",
    'wxpay refund 退款 --reason "a\\"b"',
  ),
  judge: (bytes) => {
    const text = bytes.toString();
    const { words, current } = splitLine(text);
    // Nothing is expanded, and nothing comes out that was not typed.
    for (const word of [...words, current]) for (const char of word) assert.ok(text.includes(char));
    assert.ok([...words, current].join('').length <= text.length);
    return words.length > 0;
  },
};

const data = { a: { b: [1, 2, { c: '支付' }] }, items: [{ n: 1 }, { n: 2 }], s: 'x', z: null };
const queries: Target = {
  name: 'JMESPath',
  seeds: texts(
    'a.b[?c].c | [0]',
    'items[*].{n: n, m: `1`}',
    'length(items) > `1` && !z',
    'sort_by(items, &n)[-1].n',
    "join(',', keys(@))",
    'items[::-1].n',
    `${'('.repeat(40)}a${')'.repeat(40)}`,
  ),
  judge: async (bytes) => {
    try {
      const query = await compileQuery(bytes.toString());
      JSON.stringify(query(data));
      return true;
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      return false;
    }
  },
};

const profile = {
  version: 1,
  mchid: '1900000001',
  appid: 'wx8a1b2c3d4e5f6071',
  base_url: 'http://127.0.0.1:8080',
  serial_no: '5E8EF0D8C1',
  private_key: 'file:/keys/apiclient_key.pem',
  api_v3_key: 'env:API_V3_KEY',
};
const profiles: Target = {
  name: 'profile files',
  seeds: [json(profile), Buffer.from(JSON.stringify(profile, null, 2))],
  judge: (bytes) => {
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString());
    } catch {
      return false;
    }
    const read = attempt(['PROFILE_INVALID', 'PROFILE_FILE_NEWER', 'INPUT_INVALID', 'HOST_NOT_ALLOWED'], () =>
      parseProfile(value, 'x'),
    );
    if (read === undefined) return false;
    // A secret that stands there itself is judged when it is used.
    for (const [name, field] of Object.entries(read))
      if (!/key|passphrase/.test(name)) assert.ok(field === 1 || (typeof field === 'string' && !/[\0\n]/.test(field)));
    assert.deepEqual(parseProfile(JSON.parse(JSON.stringify(read)), 'x'), read);
    return true;
  },
};

const proxies: Target = {
  name: 'proxy variables and base URLs',
  seeds: texts(
    'http://user:secret@proxy.example:3128',
    'https://10.0.0.1',
    'socks5://x',
    'proxy:80',
    'https://api.mch.weixin.qq.com',
    'http://127.0.0.1:80',
  ),
  judge: (bytes) => {
    const text = bytes.toString();
    const silent = (error: unknown): void => {
      if (!(error instanceof WxpayError)) throw error;
      assert.ok(!/secret[^@]*@/s.test(Object.values(error.params).join('\n')), JSON.stringify(error.params));
    };
    let base: BaseUrl | undefined;
    try {
      base = parseBaseUrl(text);
    } catch (error) {
      silent(error);
    }
    if (base !== undefined)
      assert.ok(
        base.loopback ||
          /^(?:api2?|api(?:hk|us|eu))\.(?:mch\.weixin\.qq\.com)$|^api2?\.wechatpay\.cn$/.test(base.hostname),
      );
    const live = parseBaseUrl('https://api.mch.weixin.qq.com');
    try {
      const proxy = proxyFor(live, { HTTPS_PROXY: text });
      if (proxy !== undefined) assert.doesNotMatch(proxy.label, /secret[^@]*@/);
    } catch (error) {
      silent(error);
    }
    return base !== undefined;
  },
};

/** The parsers that need files; `close` removes them. */
export async function fileTargets(): Promise<{ readonly targets: readonly Target[]; close(): void }> {
  const folder = makeFolder();
  await folder.open(async (journal) => {
    for (const number of [1, 2, 3]) {
      await journal.recordIntent(intent(number));
      await journal.recordOutcome({
        out_refund_no: `R-${number}`,
        result: 'accepted',
        status: 'SUCCESS',
        refund_id: `50${number}`,
      });
    }
  });
  const good = readFileSync(folder.path);
  const read = () =>
    readJournal(folder.path, async (journal) => {
      const found: string[] = [];
      for await (const record of journal.records())
        found.push(JSON.stringify([record.intent, record.outcome?.refund_id]));
      return found;
    });
  const whole = (await read()) ?? [];
  const intents = whole.map((record) => JSON.stringify((JSON.parse(record) as unknown[])[0]));
  const journals: Target = {
    name: 'journals',
    seeds: [good],
    dear: 4,
    judge: async (bytes) => {
      writeFileSync(folder.path, bytes);
      const found = await attemptLater(['JOURNAL_BROKEN', 'JOURNAL_FOREIGN'], read);
      if (found === undefined) return false;
      // Whatever is believed is a beginning of what was written.
      assert.ok(found.length <= whole.length);
      for (const [index, record] of found.entries()) {
        const [recorded, refundId] = JSON.parse(record) as [unknown, string | null];
        assert.equal(JSON.stringify(recorded), intents[index]);
        assert.ok(refundId === null || record === whole[index]);
      }
      return true;
    },
  };

  const issued = platformCertificate('5a'.repeat(20), Date.now() - day, Date.now() + 400 * day);
  let temps = 0;
  const store = createCertificateStore({
    dir: folder.dir,
    mchid: '1900000001',
    origin: 'https://api.mch.weixin.qq.com',
    apiV3Key,
    clock: realClock,
    platform: process.platform,
    pid: process.pid,
    uid: process.getuid?.(),
    isAlive: () => true,
    randomName: () => `n${(temps += 1)}`,
  });
  store.save({
    downloadedAt: Date.now(),
    certificates: [
      {
        id: issued.serial,
        kind: 'platform-certificate',
        publicKey: new X509Certificate(issued.pem).publicKey,
        certificate: issued.pem,
        effectiveAt: Date.now() - day,
        expiresAt: Date.now() + 400 * day,
      },
    ],
  });
  const cached = readFileSync(store.file);
  const caches: Target = {
    name: 'the cache of certificates',
    seeds: [cached],
    dear: 4,
    judge: (bytes) => {
      writeFileSync(store.file, bytes);
      const set = store.load();
      if (set === undefined) return false;
      assert.deepEqual(
        set.certificates.map((entry) => entry.certificate),
        [issued.pem],
      );
      return true;
    },
  };

  const world = openWorld(3);
  const done = await world.run([row(1, 100), row(2, 101), row(3, 102)]);
  const report = [...reportDocument(summarise(done.plan, done), reportRows(done.plan, done.outcomes))].join('');
  world.close();
  const reports: Target = {
    name: 'reports of batches',
    seeds: texts(report, JSON.stringify(JSON.parse(report), null, 2)),
    judge: async (bytes) => {
      const source = {
        name: 'x',
        async *lines() {
          yield* bytes.toString().split('\n');
        },
      };
      const merged = await attemptLater(['INPUT_UNREADABLE'], () => mergeReports([source]));
      if (merged === undefined || merged.problems.length > 0) return false;
      // What adds up says what happened: three rows, 303 fen.
      assert.deepEqual(merged.summary.planned, { count: 3, fen: 303 });
      return true;
    },
  };
  return { targets: [journals, caches, reports], close: () => folder.remove() };
}

const words = [
  'order',
  'query',
  'create',
  'close',
  'refund',
  'batch',
  'sign',
  'encrypt',
  'decrypt',
  'verify-callback',
  'bill',
  'read',
  'profile',
  'show',
  'list',
  'use',
  'add',
  'remove',
  'certs',
  'import',
  'help',
  '__complete',
  'GET',
  'POST',
  '/v3/x',
  'A'.repeat(40),
  'ORDER_0001',
  '--type',
  'native',
  '--amount',
  '12.34yuan',
  '--template',
  '--explain',
  '--data',
  '@-',
  '@nowhere',
  '--json',
  '-o',
  'csv',
  'table',
  '--query',
  'a.b',
  '--lang',
  'zh-CN',
  '--profile',
  'shop',
  '--dry-run',
  '--yes',
  '--timeout',
  '1s',
  '--retries',
  '0',
  '--',
  '-',
  '-h',
  '--version',
  '--quiet',
  '--debug',
  '--api-v3-key',
  '--out-refund-no',
  '--against',
  '--check',
  '--file',
  '--headers',
  '--body',
  '--ref',
];
const commandLines: Target = {
  name: 'command lines',
  seeds: texts(
    'order query ORDER_0001 --json',
    'sign GET /v3/x --explain',
    'refund ORDER_0001 --amount 1yuan --dry-run',
    'help exit-codes',
  ),
  dear: 4,
  judge: async (bytes, random) => {
    const argv = bytes.toString().split(' ');
    // An undamaged one stays so.
    const isSeed = commandLines.seeds.some((one) => bytes.equals(one));
    for (let count = isSeed ? 0 : pick([0, 0, 0, 1, 2, 4], random); count > 0; count -= 1)
      argv.splice(below(argv.length + 1, random), 0, pick(words, random));
    // What serves or waits has no end of its own.
    if (
      argv.some((word) => /emul|liste|dem|doct|complet$|replay|trigg|watch|wait|migr|download|rotat|^api$/.test(word))
    )
      return false;
    const env = {
      HOME: '/nonexistent',
      WXPAY_CONFIG_DIR: '/nonexistent/c',
      WXPAY_CACHE_DIR: '/nonexistent/d',
      WXPAY_LANG: 'en',
    };
    const { code, stdout, stderr } = await runInProcess(argv, {
      env: { ...env, WXPAY_BASE_URL: 'http://127.0.0.1:1' },
      input: '{}',
      cwd: '/nonexistent',
    });
    // 1 is a bug of ours.
    assert.notEqual(code, 1, `${JSON.stringify(argv)}\n${stderr}`);
    assert.doesNotMatch(`${stdout}${stderr}`, /[\0-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E]/);
    return code === 0;
  },
};

export const targets: readonly Target[] = [
  captures,
  batches,
  xml,
  answers,
  emulatorJson,
  errorBodies,
  codings,
  keyFiles,
  ber,
  pkcs12,
  bills,
  faults,
  amounts,
  authorizations,
  lines,
  queries,
  profiles,
  proxies,
  commandLines,
];
