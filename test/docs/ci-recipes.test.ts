/** The CI jobs of the READMEs: their structure, and their wxpay steps run as a runner would run them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { findEmulator } from '../../src/emulator/control-client.ts';
import { openShell, readText, type Shell } from './shell.ts';

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly with?: { readonly path?: string };
}
interface GithubWorkflow {
  readonly concurrency: string;
  readonly jobs: { readonly refund: { readonly env: Record<string, string>; readonly steps: readonly Step[] } };
}
interface GitlabPipeline {
  readonly refund: {
    readonly resource_group: string;
    readonly script: readonly string[];
    readonly artifacts: { readonly when: string; readonly paths: readonly string[] };
  };
}

/** What a job hands over to people: report and journal, also when it failed. */
const kept = ['report.json', 'refunds.csv.journal'];

describe.each(['README.md', 'README.zh-CN.md'])('the CI jobs of %s', (file) => {
  const blocks = [...readText(file).matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
  const github = parse(blocks[0] ?? '') as GithubWorkflow;
  const gitlab = parse(blocks[1] ?? '') as GitlabPipeline;
  let shell: Shell;
  let merchant: Readonly<Record<string, string>> = {};
  beforeAll(async () => {
    shell = await openShell();
    await shell.serve(`wxpay emulator start --port ${shell.port}`);
    merchant = await shell.furnish();
  });
  afterAll(async () => {
    await shell.close();
  });

  test('are two, and one run at a time', () => {
    expect(blocks).toHaveLength(2);
    expect([github.concurrency, gitlab.refund.resource_group]).toEqual(['refunds', 'refunds']);
  });

  test('take no expression into a script: what somebody types must not become a command', () => {
    for (const { run } of github.jobs.refund.steps) expect(run ?? '').not.toContain('${{');
  });

  test('hold no secret: every key comes from the secret store', () => {
    const { env } = github.jobs.refund;
    expect(env['WXPAY_PRIVATE_KEY']).toBe('${{ secrets.WXPAY_PRIVATE_KEY }}');
    expect(env['WXPAY_API_V3_KEY']).toBe('${{ secrets.WXPAY_API_V3_KEY }}');
  });

  test('keep report and journal, also of a run that failed', () => {
    const upload = github.jobs.refund.steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact') === true);
    expect(upload).toMatchObject({ if: 'always()' });
    expect(upload?.with?.path?.trim().split('\n')).toEqual(kept);
    expect(gitlab.refund.artifacts).toEqual({ when: 'always', paths: kept });
  });

  test.each([
    ['GitHub Actions', 'GH', 'WXPAY_PRIVATE_KEY'],
    ['GitLab', 'GL', 'WXPAY_PRIVATE_KEY_FILE'],
  ])('%s refunds every row once, and a second run refunds nothing more', async (_, name, key) => {
    const steps = name === 'GH' ? github.jobs.refund.steps.flatMap(({ run }) => run ?? []) : gitlab.refund.script;
    const commands = steps.filter((step) => step.startsWith('wxpay '));
    expect(commands).toHaveLength(2);
    const pem = readFileSync(merchant['WXPAY_PRIVATE_KEY_FILE'] ?? '', 'utf8');
    const env = {
      WXPAY_MCHID: merchant['WXPAY_MCHID'] ?? '',
      WXPAY_SERIAL_NO: merchant['WXPAY_SERIAL_NO'] ?? '',
      WXPAY_API_V3_KEY: merchant['WXPAY_API_V3_KEY'] ?? '',
      [key]: key === 'WXPAY_PRIVATE_KEY' ? pem : (merchant['WXPAY_PRIVATE_KEY_FILE'] ?? ''),
      TOTAL: '300',
      CI: 'true',
      // Where the job of a reader has WeChat Pay.
      WXPAY_BASE_URL: `http://127.0.0.1:${shell.port}`,
    };
    const orders = [`CI_${name}_0001`, `CI_${name}_0002`];
    const notify = `http://127.0.0.1:${shell.receiverPort}/notify`;
    const setUp = orders.map(
      (order) =>
        `wxpay order create --type native --description x --amount 200 --out-trade-no ${order} --notify-url ${notify} > /dev/null\nwxpay emulator pay ${order} > /dev/null`,
    );
    const rows = ['out_trade_no,amount_fen', `${orders[0]},100`, `${orders[1]},200`].join('\\n');
    const furnished = { ...env, WXPAY_APPID: merchant['WXPAY_APPID'] ?? '' };
    expect(await shell.run(`${setUp.join('\n')}\nprintf '${rows}\\n' > refunds.csv`, furnished)).toMatchObject({
      code: 0,
    });

    for (const round of ['first', 'second']) {
      const result = await shell.run(commands.join('\n'), env);
      expect({ round, ...result }).toMatchObject({ code: 0 });
      const said = result.stdout + result.stderr;
      for (const secret of [env.WXPAY_API_V3_KEY, ...pem.split('\n').slice(1, -2)]) expect(said).not.toContain(secret);
      const report = JSON.parse(readFileSync(join(shell.dir, 'report.json'), 'utf8')) as Record<string, unknown>;
      expect(report).toMatchObject({ planned: { count: 2, fen: 300 }, reconciled: true });
    }
    const ledger = await (await findEmulator(join(shell.dir, '..', '.local', 'state', 'wxpay', 'emulator'))).ledger();
    const mine = ledger.refunds.filter(({ out_trade_no }) => orders.includes(out_trade_no));
    expect(mine.map(({ amount }) => amount).toSorted((a, b) => a - b)).toEqual([100, 200]);
    await shell.run('rm -f refunds.csv refunds.csv.journal report.json');
  });
});
