/** What `spinner.test.ts` bundles and runs in a terminal: argv is milliseconds of work and how it takes Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import { withSpinner } from '../../src/cli/spinner.ts';

const [milliseconds = '0', manner = 'plain'] = process.argv.slice(2);
const interrupt = new AbortController();
if (manner === 'handled') process.once('SIGINT', () => interrupt.abort());

try {
  await withSpinner(
    '正在请求 api.mch.weixin.qq.com \u001b[2J',
    () => sleep(Number(milliseconds), undefined, { signal: interrupt.signal }),
    {
      stream: process.stderr,
      clock: {
        now: () => Date.now(),
        monotonic: () => performance.now(),
        sleep: async (duration, signal) => {
          await sleep(duration, undefined, signal === undefined ? {} : { signal });
        },
      },
      colorLevel: 1,
      env: process.env,
      signal: interrupt.signal,
    },
  );
  process.stdout.write('answer\n');
} catch {
  process.exitCode = 130;
}
