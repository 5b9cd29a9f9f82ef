/**
 * The main screens as people see them: at 60, 80 and 120 columns, in both languages, numbers and times masked. What they
 * should look like stands in screens.txt, to be read in review; UPDATE_GOLDEN=1 writes it anew.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/core/ports.ts';
import type { Emulator } from '../../src/emulator/contract.ts';
import { startEmulator } from '../../src/emulator/server.ts';
import { runInProcess } from '../helpers/in-process.ts';
import { realClock } from '../helpers/local.ts';

const fixture = join(import.meta.dirname, 'screens.txt');
const updating = process.env['UPDATE_GOLDEN'] === '1';
const languages = ['en', 'zh-CN'] as const;
const widths = [60, 80, 120] as const;

type Language = (typeof languages)[number];

/** Time stands still, so that days left and ages are the same on every run; pauses are real. */
const clock: Clock = { ...realClock, now: () => Date.UTC(2026, 10, 24, 2, 0, 0) };

let dir = '';
let emulator: Emulator;

interface Shown {
  readonly code: number;
  readonly text: string;
}

async function wxpay(argv: readonly string[], language: Language, columns?: number): Promise<Shown> {
  const { code, stdout, stderr } = await runInProcess(argv, {
    env: {
      HOME: dir,
      LANG: 'C.UTF-8',
      TZ: 'Asia/Shanghai',
      NO_COLOR: '1',
      WXPAY_LANG: language,
      WXPAY_CONFIG_DIR: join(dir, 'config'),
      WXPAY_CACHE_DIR: join(dir, 'cache'),
      WXPAY_EMULATOR_DIR: join(dir, 'emulator'),
    },
    clock,
    cwd: dir,
    ...(columns === undefined ? {} : { columns }),
  });
  return { code: code ?? -1, text: stderr + stdout };
}

async function must(argv: readonly string[]): Promise<void> {
  const { code, text } = await wxpay(argv, 'en');
  if (code !== 0) throw new Error(`wxpay ${argv.join(' ')}: ${code}\n${text}`);
}

/** A new order of the same length of number each time, placed and paid. */
let orders = 0;
async function paidOrder(): Promise<string> {
  orders += 1;
  const no = `SCREEN_${String(orders).padStart(4, '0')}`;
  await must(['order', 'create', '--type', 'native', '--description', 'x', '--amount', '1000', '--out-trade-no', no, '--notify-url', 'http://127.0.0.1:9/notify']); // oxfmt-ignore
  await must(['emulator', 'pay', no]);
  return no;
}

/** What to type for each screen, after what has to be there before. */
const screens: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  'nothing at all': async () => [],
  help: async () => ['--help'],
  'refund batch --help': async () => ['refund', 'batch', '--help'],
  async 'order create'() {
    orders += 1;
    const no = `SCREEN_${String(orders).padStart(4, '0')}`;
    return ['order', 'create', '--type', 'native', '--description', 'Coffee', '--amount', '12.34yuan', '--out-trade-no', no, '--notify-url', 'http://127.0.0.1:9/notify']; // oxfmt-ignore
  },
  'order query': async () => ['order', 'query', await paidOrder()],
  'order query of what is not there': async () => ['order', 'query', 'NO_SUCH_ORDER'],
  async 'refund batch with wrong rows'() {
    const rows = ['SCREEN_A,abc,cold,', ',1.00,cold,', 'SCREEN_B,1.005,=cmd(),', 'SCREEN_C,1.00,cold,', 'SCREEN_C,1.00,cold,']; // oxfmt-ignore
    writeFileSync(join(dir, 'wrong.csv'), ['out_trade_no,amount_yuan,reason,ref', ...rows, ''].join('\n'));
    return ['refund', 'batch', 'wrong.csv'];
  },
  async 'refund batch report'() {
    const [first, second] = [await paidOrder(), await paidOrder()];
    await must(['refund', 'create', '--out-trade-no', second, '--amount', '100', '--ref', 'a']);
    writeFileSync(
      join(dir, 'refunds.csv'),
      `out_trade_no,amount_yuan,reason,ref\n${first},1.50,cold,\n${second},2.00,cold,a\n`,
    );
    rmSync(join(dir, 'refunds.csv.journal'), { force: true });
    return ['refund', 'batch', 'refunds.csv'];
  },
  'verify-callback of a body that was serialised again': async () => ['verify-callback', 'again.http'],
  'profile show': async () => ['profile', 'show', 'shop'],
  'certs list': async () => ['certs', 'list'],
  doctor: async () => ['doctor'],
};

/** Where a value is broken over two lines: the rest of its line in a table, the line end, the margin. */
const gap = String.raw`(?:(?: {2,}(?:profile|配置) shop)?\n +)?`;

/** So many characters of a class, wherever they are broken. */
function run(characters: string, count: number): string {
  return `${characters}(?:${gap}${characters}){${count - 1}}`;
}

/** Puts one character in place of all of a class, and leaves what stands between the parts of a broken value. */
function fill(characters: string, filler: string): (found: string) => string {
  const each = new RegExp(`( {2,}(?:profile|配置) shop)|${characters}`, 'g');
  return (found) => found.replaceAll(each, (_, kept: string | undefined) => kept ?? filler);
}

/** Masks keep the width, so that the layout stays what it was. */
const masks: readonly [RegExp, (found: string) => string][] = [
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d/g, () => 'YYYY-MM-DD hh:mm:ss +hh:mm'],
  [/PUB_KEY_ID_\d{20,}/g, (found) => `PUB_KEY_ID_${'0'.repeat(found.length - 11)}`],
  [
    new RegExp(String.raw`(?<=\bR-)${run(String.raw`\d`, 28)}-${gap}${run('[0-9a-f]', 28)}`, 'g'),
    fill('[0-9a-f]', '0'),
  ],
  [/\b\d{28,29}\b/g, fill(String.raw`\d`, '0')],
  [new RegExp(String.raw`\b${run('[0-9A-F]', 40)}\b`, 'g'), fill('[0-9A-F]', 'A')],
  [/\b[0-9A-F]{16}(?=\))/g, fill('.', 'A')],
  [/\bwx[0-9a-f]{16}\b/g, () => `wx${'a'.repeat(16)}`],
  [/(?<=pr=)\w+/g, fill('.', 'a')],
  [/\bo[\w-]{27}(?![\w-])/g, () => `o${'a'.repeat(27)}`],
  [/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, () => '00000000-0000-0000-0000-000000000000'],
  [/(?<=127\.0\.0\.1:)\d{4,5}/g, () => '00000'],
  [/[0-9A-F]{36}-\d+/g, () => 'REQUEST-ID'],
  [/SCREEN_\d{4}/g, () => 'SCREEN_0000'],
  [new RegExp(String.raw`(?<=wxpay-screens-)${run(String.raw`\w`, 6)}`, 'g'), fill(String.raw`\w`, 'X')],
  [/^(?: *[█▀▄][ █▀▄]*\n)+/gm, () => '    (QR code)\n'],
];

function masked(text: string): string {
  const trimmed = text.replaceAll(/[ \t]+$/gm, '').trimEnd();
  return masks.reduce((shown, [pattern, mask]) => shown.replaceAll(pattern, mask), trimmed);
}

/** `=== screen | language | columns` and the text below it; screens that look alike at several widths stand there once. */
const head = /^=== (.+) \| (.+) \| ([\d, ]+)$/;

function readFixture(): Map<string, string> {
  const found = new Map<string, string>();
  let keys: readonly string[] = [];
  for (const line of readFileSync(fixture, 'utf8').split('\n')) {
    const [, screen, language, columns] = head.exec(line) ?? [];
    if (screen !== undefined) keys = (columns ?? '').split(', ').map((width) => `${screen} | ${language} | ${width}`);
    else for (const key of keys) found.set(key, `${found.get(key) ?? ''}${line}\n`);
  }
  return new Map([...found].map(([key, text]) => [key, text.trimEnd()]));
}

function writeFixture(shown: ReadonlyMap<string, string>): void {
  const blocks: string[] = [];
  for (const screen of Object.keys(screens))
    for (const language of languages) {
      const byText = new Map<string, number[]>();
      for (const width of widths) {
        const text = shown.get(`${screen} | ${language} | ${width}`);
        if (text !== undefined) byText.set(text, [...(byText.get(text) ?? []), width]);
      }
      for (const [text, alike] of byText) blocks.push(`=== ${screen} | ${language} | ${alike.join(', ')}\n${text}\n`);
    }
  writeFileSync(fixture, blocks.join('\n'));
}

const shown = new Map<string, string>();

beforeAll(async () => {
  // Paths are wrapped, too: their length must not depend on the machine.
  dir = mkdtempSync('/tmp/wxpay-screens-');
  emulator = await startEmulator({ clock, randomBytes: (size) => randomBytes(size), dir: join(dir, 'emulator') });
  const { info } = emulator;
  writeFileSync(join(dir, 'api_v3_key'), info.api_v3_key, { mode: 0o600 });
  await must(['profile', 'add', 'shop', '--mchid', info.mchid, '--appid', info.appid, '--private-key-file', info.private_key_file, '--certificate-file', info.certificate_file, '--api-v3-key-file', 'api_v3_key', '--base-url', info.url, '--use']); // oxfmt-ignore
  await must(['certs', 'download']);
  await must(['callback', 'trigger', 'TRANSACTION.SUCCESS', '--to', 'http://127.0.0.1:9/notify', '--dry-run', '--out', 'callback.http']); // oxfmt-ignore
  // As an app writes it down that knows the headers and an object.
  const [headers = '', body = ''] = readFileSync(join(dir, 'callback.http'), 'utf8').split('\r\n\r\n');
  writeFileSync(join(dir, 'again.http'), `${headers}\r\n\r\n${JSON.stringify(JSON.parse(body), null, 2)}`);
});

afterAll(async () => {
  await emulator?.close();
  rmSync(dir, { recursive: true, force: true });
  // A run that ended early, or only some of it, must not take the rest away.
  if (updating && shown.size === Object.keys(screens).length * languages.length * widths.length) writeFixture(shown);
});

describe.skipIf(process.platform === 'win32')('looks as it should', () => {
  const golden = updating ? new Map<string, string>() : readFixture();
  const cases = Object.keys(screens).flatMap((screen) =>
    languages.flatMap((language) => widths.map((columns) => [screen, language, columns] as const)),
  );

  test.each(cases)('%s, %s, %i columns', async (screen, language, columns) => {
    const argv = await screens[screen]?.();
    const { code, text } = await wxpay(argv ?? [], language, columns);
    const key = `${screen} | ${language} | ${columns}`;
    const now = masked(`$ wxpay ${argv?.join(' ')}\n${text}[exit ${code}]`);
    if (updating) shown.set(key, now);
    else expect(now).toBe(golden.get(key));
  });
});
