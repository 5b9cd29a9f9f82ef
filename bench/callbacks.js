// A stream of captures, read, verified, decrypted and judged, against a bare loop of node:crypto (KeyObject kept) that verifies
// and decrypts the same callbacks out of memory. Usage: npm run bench:callbacks [captures] [rounds]
import { createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { interleave, report, timesAsFast } from './measure.js';

const captures = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 5);
/** Signing is the slow half: so many different callbacks are made, and they come again and again. */
const different = Math.min(captures, 2_000);
const now = Date.now();
const apiV3Key = randomBytes(16).toString('hex');
const keyBytes = Buffer.from(apiV3Key);
const serial = 'PUB_KEY_ID_0119000000012026112300000000000001';
const platform = generateKeyPairSync('rsa', { modulusLength: 2048 });

const root = fileURLToPath(new URL('..', import.meta.url));
const library = join(root, 'node_modules/.cache/wxpay-bench/callbacks.mjs');
await build({
  stdin: {
    contents: `export { readCaptureStream } from './src/operations/callback/capture/read.ts';
      export { verifyCallback } from './src/operations/callback/verify.ts';
      export { verifySha256InPool } from './src/core/crypto/rsa.ts';`,
    resolveDir: root,
    loader: 'ts',
  },
  outfile: library,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
  logLevel: 'error',
});
const { readCaptureStream, verifyCallback, verifySha256InPool } = await import(pathToFileURL(library).href);

const made = Array.from({ length: different }, (_, index) => make(index));
const lines = made.map(({ timestamp, nonce, signature, body }) =>
  Buffer.from(
    `${JSON.stringify({
      time: '2026-11-23T10:00:00.000Z',
      method: 'POST',
      url: '/notify',
      headers: {
        'user-agent': 'Mozilla/4.0',
        accept: '*/*',
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'request-id': '08F78BB4AA0610D50318E0B8DE5C20EE2428F4B903-0',
        'wechatpay-timestamp': timestamp,
        'wechatpay-nonce': nonce,
        'wechatpay-serial': serial,
        'wechatpay-signature': signature,
        'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
      },
      body,
    })}\n`,
  ),
);
const key = { id: serial, kind: 'wechatpay-public-key', publicKey: platform.publicKey };
const keys = { find: async (id) => (id === serial ? key : undefined), apiV3Key: keyBytes, mchid: '1900000001' };

let peak = 0;
const times = await interleave(
  {
    bare: async () => bare(false),
    parsing: async () => bare(true),
    ours: () => ours(true),
    oneThread: () => ours(false),
  },
  rounds,
);
const perSecond = (name) => captures / (times[name].median / 1000);
const row = (name, title, goal) => ({
  name: title,
  value: `${perSecond(name).toFixed(0)}/s`,
  ratio: timesAsFast(times[name], times.bare),
  ...(goal === undefined ? {} : { goal, better: 'higher' }),
});
report(`${captures} captured callbacks of ${lines[0].length} bytes a line`, [
  row('bare', 'bare node:crypto, verify and decrypt'),
  row('parsing', 'the same, with JSON.parse of line and content'),
  row('ours', 'stream read, verified, decrypted, judged', 0.7),
  row('oneThread', 'the same on one thread'),
  { name: 'peak heap above the start of a round', value: `${(peak / 2 ** 20).toFixed(0)} MiB`, ratio: 1 },
]);

/** What nobody can do without: the signature and the decryption. */
function bare(parse) {
  for (let index = 0; index < captures; index += 1) {
    const at = index % different;
    const one = parse ? parsed(JSON.parse(lines[at].toString())) : made[at];
    const message = Buffer.from(`${one.timestamp}\n${one.nonce}\n${one.body}\n`);
    if (!verify('sha256', message, platform.publicKey, Buffer.from(one.signature, 'base64')))
      throw new Error('signature');
    const { ciphertext, nonce, associated_data: data } = parse ? JSON.parse(one.body).resource : one.resource;
    const bytes = Buffer.from(ciphertext, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', keyBytes, nonce, { authTagLength: 16 });
    decipher.setAAD(Buffer.from(data));
    decipher.setAuthTag(bytes.subarray(-16));
    const plain = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
    if (parse && JSON.parse(plain.toString()).mchid !== '1900000001') throw new Error('merchant');
  }
}

function parsed({ headers, body }) {
  return {
    timestamp: headers['wechatpay-timestamp'],
    nonce: headers['wechatpay-nonce'],
    signature: headers['wechatpay-signature'],
    body,
  };
}

async function ours(inPool) {
  const start = process.memoryUsage();
  let valid = 0;
  for await (const entries of readCaptureStream(chunks())) {
    // As the command does it: what one piece of the input completed, at once.
    const reports = await Promise.all(
      entries.map(({ capture }) => verifyCallback(capture, keys, now, false, inPool ? verifySha256InPool : undefined)),
    );
    for (const { verdict } of reports) if (verdict === 'valid') valid += 1;
    if (valid % 50_000 < 40) {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      peak = Math.max(peak, heapUsed + arrayBuffers - start.heapUsed - start.arrayBuffers);
    }
  }
  if (valid !== captures) throw new Error(`${valid} of ${captures} are valid`);
}

/** As a file is read: 64 KiB at a time, whatever the lines are. */
async function* chunks() {
  let held = [];
  let size = 0;
  for (let index = 0; index < captures; index += 1) {
    held.push(lines[index % different]);
    size += lines[index % different].length;
    if (size < 65_536) continue;
    const whole = Buffer.concat(held);
    yield whole.subarray(0, 65_536);
    held = [whole.subarray(65_536)];
    size = held[0].length;
  }
  yield Buffer.concat(held);
}

function make(index) {
  const timestamp = String(Math.floor(now / 1000));
  const nonce = randomBytes(16).toString('hex');
  const resourceNonce = randomBytes(6).toString('hex');
  const cipher = createCipheriv('aes-256-gcm', keyBytes, resourceNonce);
  cipher.setAAD(Buffer.from('transaction'));
  const plain = JSON.stringify({
    mchid: '1900000001',
    appid: 'wxd678efh567hg6787',
    out_trade_no: `BENCH_${String(index).padStart(8, '0')}`,
    transaction_id: `42000012342026112312345${String(index).padStart(5, '0')}`,
    trade_type: 'JSAPI',
    trade_state: 'SUCCESS',
    trade_state_desc: '支付成功',
    bank_type: 'OTHERS',
    attach: '',
    success_time: '2026-11-23T10:00:00+08:00',
    payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
    amount: { total: 100, payer_total: 100, currency: 'CNY', payer_currency: 'CNY' },
  });
  const resource = {
    original_type: 'transaction',
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64'),
    associated_data: 'transaction',
    nonce: resourceNonce,
  };
  const body = JSON.stringify({
    id: `EV-202611231000000${String(index).padStart(6, '0')}`,
    create_time: '2026-11-23T10:00:00+08:00',
    resource_type: 'encrypt-resource',
    event_type: 'TRANSACTION.SUCCESS',
    summary: '支付成功',
    resource,
  });
  const signature = sign('sha256', Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), platform.privateKey);
  return { timestamp, nonce, signature: signature.toString('base64'), body, resource };
}
