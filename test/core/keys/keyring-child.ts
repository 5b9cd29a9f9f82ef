/** A process of `keyring-processes.test.ts`: `<cache dir> <download url> <serial>`; prints whether it found the key. */
import { X509Certificate } from 'node:crypto';
import { createKeyRing } from '../../../src/core/keys/keyring.ts';
import { createCertificateStore } from '../../../src/core/keys/store.ts';
import { apiV3Key } from './api-key.ts';

const [dir, url, serial] = process.argv.slice(2) as [string, string, string];
const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
};
const ring = createKeyRing({
  publicKeys: [],
  clock,
  certificates: {
    store: createCertificateStore({
      dir,
      mchid: '1900000001',
      origin: 'https://api.mch.weixin.qq.com',
      apiV3Key,
      clock,
      platform: process.platform,
      pid: process.pid,
      uid: process.getuid?.(),
      isAlive: (pid) => {
        try {
          return process.kill(pid, 0);
        } catch {
          return false;
        }
      },
      randomName: () => Math.random().toString(36).slice(2),
    }),
    download: async () => {
      const { id, pem } = (await (await fetch(url)).json()) as { id: string; pem: string };
      const now = Date.now();
      const { publicKey } = new X509Certificate(pem);
      const times = { effectiveAt: now - 1, expiresAt: now + 100 * 86_400_000 };
      return {
        downloadedAt: now,
        certificates: [{ id, kind: 'platform-certificate', publicKey, certificate: pem, ...times }],
      };
    },
  },
});
const found = await ring.find(serial);
process.stdout.write(String(found?.id === serial));
