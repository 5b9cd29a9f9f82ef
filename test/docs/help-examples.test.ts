/** Every example that help shows is run as it stands there (CLI-MANNERS H2). */
import { constants, generateKeyPairSync, publicEncrypt, X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findEntry } from '../../src/cli/program.ts';
import { type EmulatorClient, findEmulator } from '../../src/emulator/control-client.ts';
import { en } from '../../src/i18n/en/catalogue.ts';
import { zhCn } from '../../src/i18n/zh-cn/catalogue.ts';
import { merchantList, tradeAll } from '../operations/bill/bill-text.ts';
import { openShell, type Shell } from './shell.ts';

/** The command line of an example: what stands below a line that explains. */
const lines = [en, zhCn].flatMap((catalogue) =>
  Object.entries(catalogue).flatMap(([key, text]) => {
    if (/^\w+\.example\./.test(key)) return [text.split('\n').at(-1) ?? ''];
    // A topic's command lines are indented.
    return key.startsWith('topics.') ? [...text.matchAll(/^ {2}(wxpay .*)$/gm)].map(([, line]) => line ?? '') : [];
  }),
);
const commandOf = (line: string): readonly string[] => (/wxpay .*/.exec(line)?.[0] ?? '').split(' ').slice(1);
/** Batches need files, plans and reports of their own: their tests try them. */
const elsewhere = /^wxpay refund (?:batch|report) /;
/** They take away the orders that the other examples speak of. */
const wipes = /^wxpay emulator (?:reset|snapshot load)/;
/** They want a callback that is less than five minutes old, which on a slow machine is not to be had at the end. */
const hurries = /^wxpay (?:verify-callback|callback replay)/;
const turnOf = (line: string): number => (hurries.test(line) ? 0 : wipes.test(line) ? 2 : 1);
const examples = [...new Set(lines)]
  .filter((line) => findEntry(commandOf(line)) !== undefined && !elsewhere.test(line))
  .toSorted((a, b) => turnOf(a) - turnOf(b));

/** Examples that end with another code than 0 here, since nobody is at a terminal; the codes are documented. */
const otherCodes: Readonly<Record<string, number>> = {
  'wxpay profile add': 2,
  'wxpay profile remove shop': 10,
  'wxpay encrypt': 2,
  // The emulator's certificates are its own.
  'wxpay certs verify': 6,
  // What stands in for the app takes everything.
  'wxpay callback trigger TRANSACTION.SUCCESS --to http://127.0.0.1:3000/notify --break signature --expect fail': 6,
};

let shell: Shell;
let emulator: EmulatorClient;
let env: Readonly<Record<string, string>> = {};
/** What `--data @transfer.json` holds; amount and number come by flags. */
const transfer = {
  openid: 'oABCD5example_openid00000001',
  transfer_amount: 888,
  transfer_remark: '新会员有礼',
  transfer_scene_id: '1000',
  transfer_scene_report_infos: [
    { info_type: '活动名称', info_content: '新会员有礼' },
    { info_type: '奖励说明', info_content: '注册奖励' },
  ],
};
/** A payment by code can be reversed 15 s after it was made. */
let reversible = 0;

beforeAll(async () => {
  shell = await openShell();
  await shell.serve(`wxpay emulator start --port ${shell.port}`);
  emulator = await findEmulator(join(dirname(shell.dir), '.local', 'state', 'wxpay', 'emulator'));
  const merchant = await shell.furnish();
  const notify = `http://127.0.0.1:${shell.receiverPort}/notify`;
  env = { ...merchant, WXPAY_NOTIFY_URL: notify, SHOP_API_V3_KEY: merchant['WXPAY_API_V3_KEY'] ?? '' };

  const order = { description: '咖啡', amount: { total: 1 }, notify_url: notify, out_trade_no: 'DATA_0001' };
  for (const name of ['order.json', '订单.json'])
    writeFileSync(
      join(shell.dir, name),
      JSON.stringify({ appid: env['WXPAY_APPID'], mchid: env['WXPAY_MCHID'], ...order }),
    );
  const combined = (no: string): object => ({
    combine_out_trade_no: no,
    notify_url: notify,
    sub_orders: ['A', 'B'].map((part) => ({
      out_trade_no: `${no}${part}`,
      description: '咖啡',
      attach: 'shop=1',
      amount: { total_amount: 100 },
    })),
  });
  const combinedFiles = {
    'combined.json': 'COMBINED_0001',
    '合单.json': 'COMBINED_0002',
    'C1.json': 'C20261123_000001',
    'C2.json': 'C20261123_000002',
    'C3.json': 'C20261123_000003',
  };
  for (const [name, no] of Object.entries(combinedFiles))
    writeFileSync(join(shell.dir, name), JSON.stringify(combined(no)));
  writeFileSync(join(shell.dir, 'transfer.json'), JSON.stringify(transfer));
  writeFileSync(join(shell.dir, 'bill.csv'), tradeAll);
  writeFileSync(join(shell.dir, 'seed.ndjson'), '{"kind":"order","out_trade_no":"SEED_0001","total":1290}\n');
  writeFileSync(join(shell.dir, 'faults.json'), '[{"kind":"status","status":500,"path":"/v3/nowhere"}]');
  const placed = `<body>咖啡</body><out_trade_no>XML_0001</out_trade_no><total_fee>1</total_fee><trade_type>NATIVE</trade_type>`;
  const called = `<spbill_create_ip>203.0.113.9</spbill_create_ip><notify_url>${notify}</notify_url>`;
  writeFileSync(join(shell.dir, 'order.xml'), `<xml>${placed}${called}</xml>`);
  const back = '<out_refund_no>R_XML_0001</out_refund_no><total_fee>1</total_fee><refund_fee>1</refund_fee>';
  writeFileSync(join(shell.dir, 'refund.xml'), `<xml><out_trade_no>T20261123_000001</out_trade_no>${back}</xml>`);
  writeFileSync(join(shell.dir, 'orders.csv'), merchantList);
  writeFileSync(join(shell.dir, 'code.txt'), '130061098828009406\n');
  writeFileSync(join(shell.dir, '付款码.txt'), '130061098828009407\n');
  writeFileSync(join(shell.dir, 'code3.txt'), '130061098828009408\n');
  writeFileSync(join(shell.dir, 'name.txt'), '张三');
  writeFileSync(join(shell.dir, 'app.js'), "require('https').get('https://api.mch.weixin.qq.com/', (r) => r.resume())");
  writeFileSync(join(shell.dir, 'card.txt'), '6225880137006868');
  const create = (no: string, type: string): string =>
    `wxpay order create --type ${type} --description x --amount 1 --out-trade-no ${no} --json`;
  const setUp = [
    create('T20261123_000001', 'native'),
    create('T20261123_000002', 'native'),
    `${create('T20261123_000003', 'jsapi --openid oX')} --query pay_parameters > params.json`,
    'wxpay order create --type native --combine @C1.json --json',
    'wxpay order create --type native --combine @C2.json --json',
    'wxpay order create --type native --combine @C3.json --json',
    'wxpay emulator pay C20261123_000003 --no-callback',
    'wxpay order create --type codepay --description x --amount 1 --store-id 1 --auth-code-file code3.txt --out-trade-no T20261123_000004',
    'wxpay emulator pay T20261123_000001',
    'wxpay certs download',
    'wxpay certs list --json --query "[].serial_no" > serials.json',
  ];
  const result = await shell.run(setUp.join('\n'), env);
  reversible = Date.now() + 16_000;
  expect(result).toMatchObject({ code: 0 });
  await shell.capture('captured.http', '回调.http', 'callback.http');
  const captured = readFileSync(join(shell.dir, 'captured.http'), 'utf8');
  const body = captured.slice(captured.indexOf('\r\n\r\n') + 4);
  writeFileSync(join(shell.dir, 'callback.json'), body);
  // What a logger keeps of it.
  const headers = captured.slice(captured.indexOf('\r\n') + 2, captured.indexOf('\r\n\r\n'));
  for (const name of ['callbacks.ndjson', '回调.ndjson'])
    writeFileSync(join(shell.dir, name), `${JSON.stringify({ headers, body })}\n`.repeat(2));

  // What WeChat Pay says to a wrong key.
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const wrong = { ...env, WXPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  delete (wrong as Record<string, string>)['WXPAY_PRIVATE_KEY_FILE'];
  const refused = await shell.run('wxpay order create --type native --data @order.json --json', wrong);
  const { error } = JSON.parse(refused.stderr.trimEnd().split('\n').at(-1) ?? '') as { error: { wechat: object } };
  writeFileSync(join(shell.dir, 'answer.json'), JSON.stringify(error.wechat));
  // The CA of the emulator stands in for WeChat Pay's.
  const issuer = join(dirname(env['WXPAY_CLIENT_CERT_FILE'] ?? ''), '..', '..', 'platform', 'ca_cert.pem');
  copyFileSync(issuer, join(shell.dir, 'tenpay_ca.pem'));
  // What WeChat Pay encrypts for the merchant (protocol 5).
  const certificate = new X509Certificate(readFileSync(join(shell.dir, 'apiclient_cert.pem')));
  const padding = { key: certificate.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
  writeFileSync(join(shell.dir, 'ciphertext.txt'), publicEncrypt(padding, Buffer.from('张三')).toString('base64'));
});
afterAll(async () => {
  await shell.close();
});

/** A paid order of 12.90 yuan with this number; for those that ask about a refund, that refund; for abnormal ones, one of these. */
async function preparedRefund(line: string, number: string): Promise<string> {
  const asks = /^wxpay refund (?:query|abnormal|pending|resume)/.test(line);
  const outcome = line.includes('abnormal') ? 'ABNORMAL' : 'SUCCESS';
  await placePaid(number);
  await emulator.configureRefunds({ settle_after_ms: 0, next: [{ outcome, count: 1 }] });
  return [
    ...(asks ? [`ID=$(wxpay refund ${number} --all --out-refund-no ${number} --query refund_id || true)`] : []),
    ...(line.includes('--journal') ? ['cp "$HOME"/.local/state/wxpay/refunds/*.journal refunds.csv.journal'] : []),
  ].join('\n');
}

async function placePaid(number: string): Promise<void> {
  const [order] = await emulator.seed({ count: 1, total: 1290, prefix: number.slice(0, -8) });
  expect(order?.out_trade_no).toBe(number);
}

function daysAgo(days: number): string {
  return new Date(Date.now() + 8 * 3_600_000 - days * 86_400_000).toISOString().slice(0, 10);
}

/** What stands in the way of an example, or is missing for it. */
async function prepared(line: string, number: string): Promise<string> {
  if (line.startsWith('wxpay emulator pay')) {
    return `wxpay order create --type native --description x --amount 1 --out-trade-no ${number} > /dev/null`;
  }
  if (line.startsWith('wxpay emulator refund R')) {
    await placePaid(number);
    await emulator.configureRefunds({ settle_after_ms: null });
    return `wxpay refund ${number} --all --out-refund-no ${number} > /dev/null`;
  }
  if (/^wxpay (?:emulator transfer|transfer (?:query|cancel)) T/.test(line)) {
    const create = `wxpay transfer create --data @transfer.json --out-bill-no ${number.replaceAll('_', '')}`;
    const confirm = line.includes('--watch')
      ? [`wxpay emulator transfer ${number.replaceAll('_', '')} > /dev/null`]
      : [];
    return [`${create} > /dev/null`, ...confirm].join('\n');
  }
  if (line.startsWith('wxpay order reverse'))
    return `sleep ${Math.max(0, (reversible - Date.now()) / 1000).toFixed(1)}`;
  if (/^wxpay refund (?!batch|report)/.test(line)) return preparedRefund(line, number);
  if (line.startsWith('wxpay profile add shop')) return 'wxpay profile remove shop --yes >/dev/null 2>&1 || true';
  if (!/^wxpay profile (?:show|use|remove) shop/.test(line)) return 'true';
  const flags = '--mchid 1900000001 --appid wx1 --api-v3-key-ref env:SHOP_API_V3_KEY';
  const key = `--private-key-file apiclient_key.pem --certificate-file apiclient_cert.pem --base-url http://127.0.0.1:${shell.port}`;
  return `wxpay profile add shop ${flags} ${key} >/dev/null 2>&1 || true`;
}

test('there are examples for every command', () => {
  expect(examples.length).toBeGreaterThan(35);
});

test.each(examples)('%s', async (line) => {
  if (line.startsWith('wxpay emulator start')) {
    const other = line.replace('8080', '0').replace(/ --dir \S+/, '');
    await shell.serve(`${other} --dir ./another-${examples.indexOf(line)}`);
    return;
  }
  if (line.startsWith('wxpay callback listen')) {
    await shell.serve(line.replace('8090', '0'), env);
    return;
  }
  // An order is paid once.
  const number = `PAY_${examples.indexOf(line)}_00000001`;
  const serials = JSON.parse(readFileSync(join(shell.dir, 'serials.json'), 'utf8')) as string[];
  const serial = serials.find((candidate) => !candidate.startsWith('PUB_KEY')) ?? '';
  const command = line
    .replace(/(?<=emulator pay )\S+/, number)
    .replace(/(?<=emulator refund )R\S+/, number)
    .replace(/(?<=^wxpay refund )(?:T2026\S+|4200\d+)/, number)
    .replace(/(?<=^wxpay refund (?:query|abnormal .*--out-refund-no) )R\S+/, number)
    .replace(/(?<=transfer (?:query |cancel )?)T5a0c\S+/, number.replaceAll('_', ''))
    .replace('50000000382019052709732678859', '"$ID"')
    // Days that are over and have their bills, whenever this runs.
    .replaceAll(/2026-11-2([0-2])\b/g, (_, digit: string) => daysAgo(4 - Number(digit)))
    .replaceAll('1900000001', env['WXPAY_MCHID'] ?? '')
    .replaceAll('5E8EF0D8C1B2A3948576655443322110FFEEDDCC', serial)
    .replace(' --dir ./.wxpay-emulator', '')
    // Where the app under test would be.
    .replace('127.0.0.1:3000', `127.0.0.1:${shell.receiverPort}`)
    // The shell of that example is not on every machine.
    .replace(' | source', ' > /dev/null')
    .replace(/^(wxpay profile add shop.*?)( <.*)?$/, `$1 --base-url http://127.0.0.1:${shell.port}$2`);
  const result = await shell.run(`${await prepared(line, number)}\n${command}`, env);
  if (line.includes('emulator fault') && !line.includes('clear')) await shell.run('wxpay emulator fault clear', env);
  // Before ten in the morning, yesterday's bill is not there yet.
  const early = line.endsWith('bill trade yesterday');
  const allowed = line.includes('--against') ? [0, 6] : early ? [0, 4] : [otherCodes[line] ?? 0];
  expect({ command, ...result, allowed: allowed.includes(result.code ?? -1) }).toMatchObject({ allowed: true });
  expect(result.stderr).not.toContain('    at ');
});

test('a file name that an example uses is one that this test provides', () => {
  for (const [name] of examples.join('\n').matchAll(/[\w\u4e00-\u9fff]+\.(?:json|ndjson|http|txt|pem|p12)/g))
    expect(() => copyFileSync(join(shell.dir, name), join(shell.dir, 'copy'))).not.toThrow();
});
