/**
 * The flood of listen-flood.test.ts, in a process of its own, so that whoever waits for an answer beside it does not wait for the flood's
 * own work: 500 slow sockets, 20 large bodies, 4 endless ones, and junk by the thousand. Ends when its standard input does, and prints
 * how many answers it had. Argument: the port.
 */
import { setMaxListeners } from 'node:events';
import { connect, type Socket } from 'node:net';

const port = Number(process.argv[2]);
const slowSockets = 500;

const over = new AbortController();
setMaxListeners(0, over.signal);
/** Opens a connection, gives it to `use`, and does so again when it is closed, until it is over. */
function again(use: (socket: Socket) => void, pauseMs: number): void {
  if (over.signal.aborted) return;
  const socket = connect(port, '127.0.0.1');
  const stop = (): void => void socket.destroy();
  over.signal.addEventListener('abort', stop, { once: true });
  socket.on('error', () => {});
  socket.on('connect', () => use(socket));
  socket.on('close', () => {
    over.signal.removeEventListener('abort', stop);
    setTimeout(() => again(use, pauseMs), pauseMs);
  });
}

/** A byte a second, for ever. */
function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('x'), 1_000);
  socket.on('close', () => clearInterval(timer));
}

const head = (more: readonly string[]): string =>
  `${['POST /notify HTTP/1.1', `Host: 127.0.0.1:${port}`, ...more].join('\r\n')}\r\n`;

/** In turn: no head, a head that does not end, a body that does not come. */
const slow: readonly ((socket: Socket) => void)[] = [
  () => {},
  (socket) => {
    socket.write(head(['X-Slow: ']).slice(0, -2));
    drip(socket);
  },
  (socket) => {
    socket.write(`${head(['Content-Length: 1000'])}\r\n`);
    drip(socket);
  },
];

/** A large body of which nearly all is there. */
function large(socket: Socket): void {
  socket.write(`${head(['Content-Length: 2000000'])}\r\n`);
  socket.write(Buffer.alloc(1_900_000, 0x20));
  drip(socket);
}

/** A gigabyte in chunks, as fast as it is taken. */
function endless(socket: Socket): void {
  socket.write(`${head(['Transfer-Encoding: chunked'])}\r\n`);
  const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x1_00_00)}\r\n`);
  let left = 16_384;
  const push = (): void => {
    while (left > 0 && !socket.destroyed && socket.write(chunk)) left -= 1;
  };
  socket.on('drain', push);
  push();
}

/** What a scanner sends; each is answered, and the connection closed. */
const scans = (): readonly string[] => [
  `GET /wp-login.php HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
  'POST /notify HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4\r\n\r\njunk',
];

/** What somebody sends who has seen a callback: as many in one breath as one connection is allowed. */
function forgeries(): string {
  const body = '{"id":"x","resource":{"algorithm":"AEAD_AES_256_GCM","ciphertext":"AAAA"}}';
  const forged = [
    'Wechatpay-Serial: 5157F09EFDC096DE15EBE81A47057A7232F1B8E1',
    `Wechatpay-Timestamp: ${Math.floor(Date.now() / 1_000)}`,
    'Wechatpay-Nonce: 0123456789abcdef0123456789abcdef',
    `Wechatpay-Signature: ${'A'.repeat(342)}==`,
  ];
  const bare = `${head(['Content-Length: 4'])}\r\njunk`;
  return `${bare}${head([...forged, `Content-Length: ${body.length}`])}\r\n${body}`.repeat(8);
}

function junk(bytes: string, onAnswers: (count: number) => void): (socket: Socket) => void {
  return (socket) => {
    socket.on('data', (chunk) => onAnswers(chunk.toString('latin1').split('HTTP/1.1 ').length - 1));
    socket.write(bytes);
  };
}

let answered = 0;
const onAnswers = (count: number): void => void (answered += count);
for (let index = 0; index < slowSockets; index += 1) again(slow[index % slow.length] ?? (() => {}), 1_000);
for (let index = 0; index < 20; index += 1) again(large, 1_000);
for (let index = 0; index < 4; index += 1) again(endless, 1_000);
for (let index = 0; index < 32; index += 1) {
  again(junk(scans()[index % 2] ?? '', onAnswers), 1);
  again(junk(forgeries(), onAnswers), 1);
}
process.stdin.on('end', () => {
  over.abort();
  process.stdout.write(`${answered}\n`);
});
process.stdin.resume();
