/** Every command of the READMEs is run as a reader would run it (CLI-MANNERS S12). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShell, readText, type Shell } from './shell.ts';

/** Installing is tried in test/e2e/pack.test.ts, the demo in test/e2e/demo.test.ts. */
const elsewhere = /^npm (?:install -g wxpay-cli|ci && npm run demo)$/;

describe.each(['README.md', 'README.zh-CN.md'])('%s', (file) => {
  const blocks = [...readText(file).matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
  const commands = blocks.flatMap((block) => block.split('\n').filter((line) => line !== ''));
  let shell: Shell;
  let merchant: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    shell = await openShell();
  });
  afterAll(async () => {
    await shell.close();
  });

  test('has blocks, and nothing in them that a shell would not take as it stands', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(6);
    for (const command of commands) expect(command).toMatch(/^(?:wxpay|npm) /);
  });

  /** The reader's own numbers and ports, as far as this machine has others. */
  const adapted = (command: string): string =>
    command
      .replaceAll('8080', String(shell.port))
      .replaceAll('127.0.0.1:3000', `127.0.0.1:${shell.receiverPort}`)
      .replaceAll('1900000001', merchant['WXPAY_MCHID'] ?? '1900000001')
      .replaceAll('wx8a1b2c3d4e5f6071', merchant['WXPAY_APPID'] ?? 'wx8a1b2c3d4e5f6071');

  test.each(commands.filter((command) => !elsewhere.test(command)))('%s', async (command) => {
    if (command.startsWith('wxpay emulator start')) {
      await shell.serve(adapted(command));
      merchant = await shell.furnish();
      return;
    }
    if (command.startsWith('wxpay callback listen')) {
      await shell.serve(adapted(command).replace('8090', '0'));
      return;
    }
    // A file of refunds, for the order that this page has made and paid.
    if (command.includes('refunds.csv')) {
      const order = /COFFEE_\d+/.exec(commands.join('\n'))?.[0] ?? '';
      await shell.run(`printf 'out_trade_no,amount_yuan,ref\\n${order},2.00,third\\n' > refunds.csv`);
    }
    // A reader's own merchant is at WeChat Pay; here it is at the emulator, and has to say so.
    const own = command.startsWith('wxpay profile add') ? ` --base-url http://127.0.0.1:${shell.port}` : '';
    const result = await shell.run(adapted(command) + own);
    expect({ command, ...result }).toMatchObject({ code: 0 });
    expect(result.stdout).not.toBe('');
    if (command.startsWith('wxpay emulator pay')) await shell.capture('callback.http');
  });
});
