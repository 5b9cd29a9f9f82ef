/** A process of its own that uses the profile store; bundled and started by store.test.ts. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openProfileStore } from '../../src/profiles/store.ts';

const [command = '', config = '', name = ''] = process.argv.slice(2);
const store = openProfileStore({
  config,
  platform: process.platform,
  pid: process.pid,
  uid: process.getuid?.(),
  isAlive,
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: async (milliseconds) => {
      await sleep(milliseconds);
    },
  },
  randomName: () => randomBytes(8).toString('hex'),
});

if (command === 'add') {
  // Adds its own profile, and counts itself in one that all share.
  await store.save(name, { version: 1, mchid: '1900000001', appid: name });
  await store.update('shared', (profile) => ({ ...profile, api_v2_key: `${profile.api_v2_key ?? ''}${name},` }));
} else if (command === 'churn') {
  // Writes for ever, each time a whole new content, and says when it has begun.
  process.stdout.write('begun\n');
  for (let round = 0; ; round++) {
    await store.save(
      name,
      { version: 1, mchid: '1900000001', api_v2_key: `${round % 10}`.repeat(20_000) },
      { force: true },
    );
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
