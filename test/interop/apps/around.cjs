// What an app of these tests needs around it: the payer, the bank, and a place for callbacks. Nothing here calls the API.
const { execFile } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const path = require('node:path');
const { promisify } = require('node:util');

const [, , wxpay] = process.argv;
const run = promisify(execFile);

/** `wxpay emulator …`: what the payer or the bank does. */
exports.emulator = async (...args) => run(process.execPath, [wxpay, 'emulator', ...args]);

/** An order of 12.90 yuan that was paid two days ago, so that it stands in a bill. @returns the bill's date */
exports.paidBefore = async () => {
  const { url, token } = JSON.parse(readFileSync(path.join(process.env.WXPAY_EMULATOR_DIR, 'emulator.json'), 'utf8'));
  const twoDays = 2 * 86_400_000;
  const response = await fetch(new URL('/_emulator/seed', url), {
    method: 'POST',
    headers: { 'wxpay-emulator-token': token, 'content-type': 'application/json' },
    body: JSON.stringify({ count: 1, total: 1290, paid_ago_ms: twoDays }),
  });
  if (!response.ok) throw new Error(`seed: ${response.status}`);
  return new Date(Date.now() - twoDays + 8 * 3_600_000).toISOString().slice(0, 10);
};

/** A notify_url on loopback; `answer` may look at each callback before it is acknowledged. */
exports.openReceiver = async (answer = async (_callback, response) => response.writeHead(204).end()) => {
  const told = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const callback = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8'), request };
      told.push(callback);
      answer(callback, response).catch(() => response.writeHead(500).end());
    });
  });
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}/notify`,
    told,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
};

exports.say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);
