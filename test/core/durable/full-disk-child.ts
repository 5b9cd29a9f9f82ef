/** A process of `full-disk.test.ts`: replaces `<file>` by 11 KiB; prints `ok` or the error's code and reason. */
import { writeFileAtomic } from '../../../src/core/durable/atomic-file.ts';
import { WxpayError } from '../../../src/core/errors.ts';

const [file = ''] = process.argv.slice(2);
try {
  const options = { platform: process.platform, pid: process.pid, randomName: () => 'r' };
  writeFileAtomic(file, JSON.stringify({ filler: 'n'.repeat(11_280) }), options);
  process.stdout.write('ok');
} catch (error) {
  process.stdout.write(error instanceof WxpayError ? `${error.code} ${String(error.params['reason'])}` : String(error));
}
