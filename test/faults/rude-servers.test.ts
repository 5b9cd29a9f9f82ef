/**
 * H1, H2: servers that are slow, or end early, or lie about how much they send; the built program in front of an emulator whose answers
 * go through them. A read ends in time with a code of its own, a refund never ends as done when nobody can know it, and the same
 * command afterwards refunds once.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { long } from './long.ts';
import { chooseSeed, seeded } from './random.ts';

let local: Local;
let server: Server;
/** What becomes of the bytes of one answer. */
let mangle: (answer: Buffer, socket: Socket) => void = (answer, socket) => void socket.write(answer);
/** Only requests that match are answered rudely. */
let victim: (request: string) => boolean = () => false;
const matches =
  (pattern: RegExp): typeof victim =>
  (request) =>
    pattern.test(request);
/** The refund itself and every question about it afterwards; not the look before it, which costs nothing. */
const fromTheRefundOn = (): typeof victim => {
  let posted = false;
  return (request) => {
    posted ||= request.startsWith('POST /v3/refund/');
    return posted && request.includes(' /v3/refund/');
  };
};
const sockets = new Set<Socket>();

beforeAll(async () => {
  local = await startLocal();
  const { port } = new URL(local.info.url);
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const upstream = connect(Number(port), '127.0.0.1');
    sockets.add(upstream);
    upstream.on('error', () => {});
    let rude = false;
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (/^[A-Z]+ \//.test(text)) rude = victim(text);
      upstream.write(text.replace(/^host: .*$/im, `Host: 127.0.0.1:${port}`), 'latin1');
    });
    let answer = Buffer.alloc(0);
    upstream.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      const end = answer.indexOf('\r\n\r\n');
      const length = Number(/^content-length: (\d+)/im.exec(answer.toString('latin1'))?.[1] ?? 0);
      if (end === -1 || answer.length < end + 4 + length) return;
      const whole = answer;
      answer = Buffer.alloc(0);
      if (rude) mangle(whole, socket);
      else socket.write(whole);
    });
    socket.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  server.close();
  await local.close();
});
afterEach(() => {
  mangle = (answer, socket) => void socket.write(answer);
  victim = () => false;
});

const run = (argv: readonly string[]): Promise<RunResult> =>
  local.run([...argv, '--json', '--timeout', '1', '--retries', '1'], {
    env: { WXPAY_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    timeout: 60_000,
  });
const paid = (): { out_trade_no: string; transaction_id: string } => {
  const [order] = local.emulator.seed({ count: 1, total: 1_000 });
  if (order === undefined) throw new Error('no order');
  return order;
};

const rewritten = (answer: Buffer, change: (head: string) => string): Buffer => {
  const end = answer.indexOf('\r\n\r\n');
  return Buffer.concat([Buffer.from(change(answer.toString('latin1', 0, end)), 'latin1'), answer.subarray(end)]);
};
/** One piece, then another every so often, until nobody listens. */
const dripping =
  (piece: Buffer, everyMs: number): typeof mangle =>
  (answer, socket) => {
    socket.write(rewritten(answer, (head) => head.replace(/content-length: \d+/i, 'Content-Length: 9999999')));
    const timer = setInterval(() => socket.write(piece), everyMs);
    socket.on('close', () => clearInterval(timer));
  };

const rudenesses: readonly (readonly [string, typeof mangle])[] = [
  ['sends a byte every four seconds', dripping(Buffer.from(' '), 4_000)],
  ['sends a byte every 100 ms, so that it is never silent', dripping(Buffer.from(' '), 100)],
  [
    'sends its head a byte at a time',
    (answer, socket) => {
      let at = 0;
      const timer = setInterval(() => socket.write(answer.subarray(at, (at += 1))), 100);
      socket.on('close', () => clearInterval(timer));
    },
  ],
  ['says nothing', () => {}],
  [
    'never ends its body',
    (answer, socket) => {
      socket.write(
        rewritten(answer, (head) => head.replace(/content-length: \d+/i, 'Transfer-Encoding: chunked')).subarray(
          0,
          answer.indexOf('\r\n\r\n') + 8,
        ),
      );
      const chunk = Buffer.from(`10000\r\n${' '.repeat(0x1_00_00)}\r\n`);
      const push = (): void => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on('drain', push);
      push();
    },
  ],
  [
    'promises more than it sends, and ends',
    (answer, socket) =>
      void socket.end(rewritten(answer, (head) => head.replace(/content-length: \d+/i, 'Content-Length: 99999'))),
  ],
  [
    'promises less than it sends',
    (answer, socket) =>
      void socket.write(rewritten(answer, (head) => head.replace(/content-length: \d+/i, 'Content-Length: 20'))),
  ],
  [
    'promises nothing, and ends in the middle',
    (answer, socket) =>
      void socket.end(
        rewritten(answer, (head) =>
          head.replace(/content-length: \d+\r\n/i, '').replace(/connection: .*/i, 'Connection: close'),
        ).subarray(0, -20),
      ),
  ],
  ['speaks another protocol', (_, socket) => void socket.end('220 mail.example ESMTP ready\r\n')],
  [
    'hangs up with a reset',
    (_, socket) => {
      socket.resetAndDestroy();
    },
  ],
];

/** What a read may end with when its answer is no answer. */
const readCodes = [6, 7, 11];

describe('H2: a server that', () => {
  test.each(rudenesses)('%s: a read fails in time, a refund stays open and is made once', async (_, rudeness) => {
    const order = paid();
    mangle = rudeness;
    victim = matches(/^GET \/v3\/pay\//);
    const began = performance.now();
    const read = await run(['order', 'query', order.out_trade_no]);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect({ code: read.code, stderr: read.stderr }).toMatchObject({
      code: expect.toSatisfy((code: number) => readCodes.includes(code)),
    });
    expect(read.stdout).toBe('');
    expect(read.stderr).not.toContain('\n    at ');

    victim = fromTheRefundOn();
    const refund = ['refund', order.out_trade_no, '--amount', '5'];
    const open = await run(refund);
    expect({ code: open.code, stderr: open.stderr }).toMatchObject({ code: 8 });
    expect(open.stdout).toBe('');
    expect(open.stderr).toMatch(/wxpay refund (query|resume)/);
    victim = () => false;
    expect(await run(refund)).toMatchObject({ code: 0 });
    const made = local.emulator.ledger().refunds.filter((entry) => entry.transaction_id === order.transaction_id);
    expect(made).toHaveLength(1);
  });

  test('ends after any number of bytes: never a success, never twice', async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const tries = long ? 60 : 6;
    const codes = new Map<string, number>();
    for (let at = 0; at < tries; at += 1) {
      const order = paid();
      const share = random();
      mangle = (answer, socket) => void socket.end(answer.subarray(0, Math.floor(share * answer.length)));
      victim = matches(/^POST \/v3\/refund\//);
      const refund = ['refund', order.out_trade_no, '--amount', '5'];
      const first = await run(refund);
      // The question afterwards is answered, so that it comes to a good end, by a refund that was found.
      expect({ seed, share, code: first.code }).toEqual({ seed, share, code: 0 });
      const { result } = JSON.parse(first.stdout) as { result: string };
      codes.set(result, (codes.get(result) ?? 0) + 1);
      const made = local.emulator.ledger().refunds.filter((entry) => entry.transaction_id === order.transaction_id);
      expect({ seed, share, made: made.length }).toEqual({ seed, share, made: 1 });
    }
    process.stdout.write(`seed ${seed}: ${tries} answers cut, ${JSON.stringify([...codes])}\n`);
    expect([...codes.keys()]).toEqual(['adopted']);
  }, 240_000);
});
