import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import { createKeyRing, type CertificateKeyRing } from '../../../src/core/keys/keyring.ts';
import {
  createMemoryStore,
  type CertificateSet,
  type CertificateStore,
  type PlatformCertificate,
} from '../../../src/core/keys/store.ts';
import type { VerificationKey } from '../../../src/core/ports.ts';
import { fakeClock } from '../http/merchant.ts';
import { day, platformCertificate } from './platform.ts';

const start = fakeClock().now();
const hour = 3_600_000;
const made = platformCertificate('5a'.repeat(20), start - day, start + 400 * day);

function key(serial: string, change: Partial<PlatformCertificate> = {}): PlatformCertificate {
  return {
    id: serial,
    kind: 'platform-certificate',
    publicKey: new X509Certificate(made.pem).publicKey,
    certificate: made.pem,
    effectiveAt: start - day,
    expiresAt: start + 400 * day,
    ...change,
  };
}

const publicKey: VerificationKey = {
  id: 'PUB_KEY_ID_0000000000000024101100397200000006',
  kind: 'wechatpay-public-key',
  publicKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
};
const A = 'AA'.repeat(20);
const B = 'BB'.repeat(20);

interface World {
  ring: CertificateKeyRing;
  clock: ReturnType<typeof fakeClock>;
  store: CertificateStore;
  downloads: () => number;
}

/** `answers` is what each download brings, the last one for ever; a function may throw. */
function world(
  answers: (() => readonly PlatformCertificate[] | Promise<readonly PlatformCertificate[]>)[],
  options: { store?: CertificateStore; publicKeys?: VerificationKey[]; clock?: ReturnType<typeof fakeClock> } = {},
): World {
  const clock = options.clock ?? fakeClock();
  const store = options.store ?? createMemoryStore();
  let downloads = 0;
  const ring = createKeyRing({
    publicKeys: options.publicKeys ?? [],
    certificates: {
      store,
      download: async () => {
        const answer = answers[Math.min(downloads, answers.length - 1)];
        downloads += 1;
        await new Promise((resolve) => setImmediate(resolve));
        return { downloadedAt: clock.now(), certificates: (await answer?.()) ?? [] };
      },
    },
    clock,
  });
  return { ring, clock, store, downloads: () => downloads };
}

test('public keys and platform certificates are found side by side, by their own kind of id', async () => {
  const { ring, downloads } = world([() => [key(A)]], { publicKeys: [publicKey] });
  expect(await ring.find(publicKey.id)).toBe(publicKey);
  expect(downloads()).toBe(0);
  expect((await ring.find(A))?.id).toBe(A);
  expect((await ring.find(A.toLowerCase()))?.id).toBe(A);
  expect((await ring.list()).map(({ id }) => id)).toEqual([publicKey.id, A]);
});

test('C3: a public key id is matched exactly and never causes a download', async () => {
  const { ring, downloads } = world([() => []], { publicKeys: [publicKey] });
  for (const id of [publicKey.id.toLowerCase(), 'PUB_KEY_ID_1', '', '../../x', 'xyz', 'A'.repeat(41)]) {
    expect(await ring.find(id)).toBeUndefined();
  }
  expect(downloads()).toBe(0);
});

test('C3: 1 000 random serials, at once and one after the other, cause one download', async () => {
  const { ring, downloads } = world([() => [key(A)]]);
  const random = (i: number): string => i.toString(16).padStart(40, '1');
  await Promise.all(Array.from({ length: 500 }, (_, i) => ring.find(random(i))));
  for (let i = 500; i < 1_000; i++) expect(await ring.find(random(i))).toBeUndefined();
  expect(downloads()).toBe(1);
});

test('an unknown serial is asked for again after the cooldown, and found when it came', async () => {
  const { ring, clock, downloads } = world([() => [key(A)], () => [key(A), key(B)]]);
  expect(await ring.find(B)).toBeUndefined();
  clock.advance(59_000);
  expect(await ring.find(B)).toBeUndefined();
  expect(downloads()).toBe(1);
  clock.advance(2_000);
  expect((await ring.find(B))?.id).toBe(B);
  expect(downloads()).toBe(2);
});

test('a known key needs no download for 12 hours, then one', async () => {
  const { ring, clock, downloads } = world([() => [key(A)]]);
  await ring.find(A);
  clock.advance(11 * hour);
  await ring.find(A);
  expect(downloads()).toBe(1);
  clock.advance(2 * hour);
  expect((await ring.find(A))?.id).toBe(A);
  expect(downloads()).toBe(2);
});

test('within 30 days of the end it is looked for hourly', async () => {
  const { ring, clock, downloads } = world([() => [key(A, { expiresAt: start + 20 * day })]]);
  await ring.find(A);
  clock.advance(2 * hour);
  await ring.find(A);
  expect(downloads()).toBe(2);
});

test('a refresh that fails does not take a working key away', async () => {
  const { ring, clock, downloads } = world([
    () => [key(A)],
    () => {
      throw new WxpayError('NETWORK_DNS');
    },
  ]);
  await ring.find(A);
  clock.advance(13 * hour);
  expect((await ring.find(A))?.id).toBe(A);
  expect((await ring.find(A))?.id).toBe(A);
  expect(downloads()).toBe(2);
});

test('a miss says why nothing could be fetched, also while cooling down', async () => {
  const { ring, downloads } = world([
    () => {
      throw new WxpayError('DECRYPT_FAILED');
    },
  ]);
  await expect(ring.find(A)).rejects.toMatchObject({ code: 'DECRYPT_FAILED' });
  await expect(ring.find(A)).rejects.toMatchObject({ code: 'DECRYPT_FAILED' });
  expect(downloads()).toBe(1);
});

test('a merchant without platform certificates simply does not know the serial', async () => {
  const { ring, downloads } = world([
    () => {
      throw new WxpayError('CERTIFICATES_NONE');
    },
  ]);
  expect(await ring.find(A)).toBeUndefined();
  expect(await ring.find(A)).toBeUndefined();
  expect(downloads()).toBe(1);
  await expect(ring.refresh()).rejects.toMatchObject({ code: 'CERTIFICATES_NONE' });
});

test('an expired key is not found, and one that WeChat Pay no longer lists goes with the next refresh', async () => {
  const { ring, clock } = world([() => [key(A, { expiresAt: start + hour }), key(B)], () => [key('EE'.repeat(20))]]);
  expect((await ring.find(A))?.id).toBe(A);
  clock.advance(2 * hour);
  expect(await ring.find(A)).toBeUndefined();
  clock.advance(13 * hour);
  expect(await ring.find(B)).toBeUndefined();
});

test('a public key is preferred; else the certificate that became effective last and still is', async () => {
  const certificates = [
    key(A),
    key(B, { effectiveAt: start - hour }),
    key('CC'.repeat(20), { effectiveAt: start + hour }),
    key('DD'.repeat(20), { effectiveAt: start - 1, expiresAt: start }),
  ];
  const both = world([() => certificates], { publicKeys: [publicKey] });
  expect((await both.ring.preferred())?.id).toBe(publicKey.id);
  const { ring, downloads } = world([() => certificates]);
  expect(await ring.preferred()).toBeUndefined();
  expect(downloads()).toBe(0);
  await ring.refresh();
  expect((await ring.preferred())?.id).toBe(B);
});

test('a fresh cache on disk saves the download; an old or future one does not', async () => {
  const clock = fakeClock();
  const saved = (downloadedAt: number): CertificateStore => {
    const store = createMemoryStore();
    store.save({ downloadedAt, certificates: [key(A)] });
    return store;
  };
  for (const [at, downloads] of [
    [start - hour, 0],
    [start - 13 * hour, 1],
    [start + hour, 1],
  ] as const) {
    const made = world([() => [key(A)]], { store: saved(at), clock });
    expect((await made.ring.find(A))?.id).toBe(A);
    expect(made.downloads()).toBe(downloads);
  }
});

test('what another process fetched meanwhile is used instead of fetching again', async () => {
  const store = createMemoryStore();
  const first = world([() => [key(A)]], { store });
  await first.ring.find(A);
  first.clock.advance(120_000);
  // The other process downloads while this one is about to.
  const gate: CertificateStore = {
    ...store,
    exclusively: async (work) => {
      store.save({ downloadedAt: first.clock.now(), certificates: [key(A), key(B)] });
      return work();
    },
  };
  const second = world([() => []], { store: gate, clock: first.clock });
  expect((await second.ring.find(A))?.id).toBe(A);
  expect((await second.ring.find(B))?.id).toBe(B);
  expect(second.downloads()).toBe(0);
});

test('what another process fetched a moment ago without finding the serial is enough, too', async () => {
  const store = createMemoryStore();
  const clock = fakeClock();
  store.save({ downloadedAt: clock.now() - 5_000, certificates: [key(A)] });
  const { ring, downloads } = world([() => [key(B)]], { store, clock });
  expect(await ring.find(B)).toBeUndefined();
  expect(downloads()).toBe(0);
});

test('refresh on purpose downloads whatever is cached, and says whether the cache took it', async () => {
  const { ring, downloads } = world([() => [key(A)], () => [key(B)]]);
  expect(await ring.refresh()).toMatchObject({ cached: true, certificates: [{ id: A }] });
  expect(await ring.refresh()).toMatchObject({ certificates: [{ id: B }] });
  expect(downloads()).toBe(2);
  const unwritable: CertificateStore = { ...createMemoryStore(), save: () => false };
  expect(await world([() => [key(A)]], { store: unwritable }).ring.refresh()).toMatchObject({ cached: false });
});

test('without an APIv3 key there are the public keys and nothing else', async () => {
  const ring = createKeyRing({ publicKeys: [publicKey], clock: fakeClock() });
  expect(await ring.find(A)).toBeUndefined();
  expect(await ring.find(publicKey.id)).toBe(publicKey);
  await expect(ring.refresh()).rejects.toMatchObject({ code: 'CREDENTIAL_MISSING' });
});

test('single flight: everybody who misses at once gets the key that one download brings', async () => {
  let release: (set: readonly PlatformCertificate[]) => void = () => undefined;
  const { ring, downloads } = world([
    () => new Promise<CertificateSet['certificates']>((resolve) => (release = resolve)),
  ]);
  const found = Promise.all([ring.find(A), ring.find(A), ring.find(B)]);
  await new Promise((resolve) => setTimeout(resolve, 10));
  release([key(A)]);
  expect((await found).map((one) => one?.id)).toEqual([A, A, undefined]);
  expect(downloads()).toBe(1);
});

test('what a refresh brings is kept only if it is accepted', async () => {
  const { ring, store } = world([() => [key(A)], () => [key(B)]]);
  await ring.refresh();
  const refused = ring.refresh(() => {
    throw new WxpayError('CERTIFICATES_INVALID');
  });
  await expect(refused).rejects.toMatchObject({ code: 'CERTIFICATES_INVALID' });
  expect(store.load()?.certificates.map(({ id }) => id)).toEqual([A]);
  expect((await ring.list()).map(({ id }) => id)).toEqual([A]);
});

test('the state of a sound cache has its time; a ring without certificates has no cache', () => {
  const store: CertificateStore = { ...createMemoryStore(), file: '/cache/x' };
  store.save({ downloadedAt: 7, certificates: [] });
  expect(world([], { store }).ring.cache()).toEqual({ file: '/cache/x', state: 'sound', downloadedAt: 7 });
  expect(createKeyRing({ publicKeys: [publicKey], clock: fakeClock() }).cache()).toBeUndefined();
});

test('a refresh waits for a download that is under way, and then makes its own, whatever became of that one', async () => {
  let fail: (error: Error) => void = () => undefined;
  const { ring, downloads } = world([
    () => new Promise<CertificateSet['certificates']>((_, reject) => (fail = reject)),
    () => [key(B)],
  ]);
  const found = ring.find(A);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const refreshed = ring.refresh();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(downloads()).toBe(1);
  fail(new WxpayError('NETWORK_DNS'));
  await expect(found).rejects.toMatchObject({ code: 'NETWORK_DNS' });
  expect((await refreshed).certificates.map(({ id }) => id)).toEqual([B]);
  expect(downloads()).toBe(2);
});

test('what a download brought unasked is told; what was asked for by name is not', async () => {
  const clock = fakeClock();
  const told: string[][] = [];
  const ring = createKeyRing({
    publicKeys: [],
    clock,
    certificates: {
      store: createMemoryStore(),
      download: async () => ({ downloadedAt: clock.now(), certificates: [key(A)] }),
      onUnasked: (set) => told.push(set.certificates.map(({ id }) => id)),
    },
  });
  await ring.refresh();
  expect(told).toEqual([]);
  clock.advance(61_000);
  await ring.find(B);
  expect(told).toEqual([[A]]);
});

test('the limits of age are exact: 12 hours, and one hour within 30 days of the end', async () => {
  const clock = fakeClock();
  const ages = (expiresAt: number, age: number): Promise<number> => {
    const store = createMemoryStore();
    store.save({ downloadedAt: start - age, certificates: [key(A, { expiresAt })] });
    const made = world([() => [key(A)]], { store, clock });
    return made.ring.find(A).then(() => made.downloads());
  };
  const far = start + 30 * day;
  expect(await Promise.all([ages(far, 12 * hour), ages(far, 12 * hour + 1)])).toEqual([0, 1]);
  expect(await Promise.all([ages(far - 1, hour), ages(far - 1, hour + 1)])).toEqual([0, 1]);
});

test('one certificate that lives long is enough for the long interval', async () => {
  const clock = fakeClock();
  const store = createMemoryStore();
  store.save({ downloadedAt: start - 2 * hour, certificates: [key(A, { expiresAt: start + day }), key(B)] });
  const made = world([() => [key(A)]], { store, clock });
  expect((await made.ring.find(A))?.id).toBe(A);
  expect(made.downloads()).toBe(0);
});

test('a time stamp up to five minutes ahead is that of a neighbour clock, further ahead of a broken one', async () => {
  const clock = fakeClock();
  const ahead = (milliseconds: number): Promise<number> => {
    const store = createMemoryStore();
    store.save({ downloadedAt: start + milliseconds, certificates: [key(A)] });
    const made = world([() => [key(A)]], { store, clock });
    return made.ring.find(A).then(() => made.downloads());
  };
  expect(await Promise.all([ahead(300_000), ahead(300_001)])).toEqual([0, 1]);
});

test('the cooldown is exact, of this process and of what others have put on the disk', async () => {
  const { ring, clock, downloads } = world([() => [key(A)]]);
  await ring.find(B);
  clock.advance(59_999);
  await ring.find(B);
  expect(downloads()).toBe(1);
  clock.advance(1);
  await ring.find(B);
  expect(downloads()).toBe(2);
  const others = async (age: number): Promise<number> => {
    const store = createMemoryStore();
    store.save({ downloadedAt: start - age, certificates: [key(A)] });
    const made = world([() => [key(B)]], { store, clock: fakeClock() });
    await made.ring.find(B);
    return made.downloads();
  };
  expect([await others(59_999), await others(60_000)]).toEqual([0, 1]);
});

test('a shorter cooldown can be asked for', async () => {
  const clock = fakeClock();
  let downloads = 0;
  const download = async (): Promise<CertificateSet> => {
    downloads += 1;
    return { downloadedAt: clock.now(), certificates: [] };
  };
  const certificates = { store: createMemoryStore(), download };
  const ring = createKeyRing({ publicKeys: [], clock, cooldownMs: 10, certificates });
  await ring.find(A);
  clock.advance(9);
  await ring.find(A);
  expect(downloads).toBe(1);
  clock.advance(1);
  await ring.find(A);
  expect(downloads).toBe(2);
});

test('a certificate is over at its very end', async () => {
  const { ring, clock } = world([() => [key(A, { expiresAt: start + hour }), key(B)]]);
  await ring.refresh();
  clock.advance(hour - 1);
  expect((await ring.find(A))?.id).toBe(A);
  clock.advance(1);
  expect(await ring.find(A)).toBeUndefined();
});

test('a certificate is preferred from the instant at which it becomes effective', async () => {
  const { ring, clock } = world([() => [key(A), key(B, { effectiveAt: start + hour })]]);
  await ring.refresh();
  clock.advance(hour - 1);
  expect((await ring.preferred())?.id).toBe(A);
  clock.advance(1);
  expect((await ring.preferred())?.id).toBe(B);
});

test('of two that became effective at once the first is preferred; an older one that follows changes nothing', async () => {
  const { ring } = world([() => [key(A), key(B), key('CC'.repeat(20), { effectiveAt: start - 2 * day })]]);
  await ring.refresh();
  expect((await ring.preferred())?.id).toBe(A);
});

test.each(['1234567', '1'.repeat(41), 'G'.repeat(8), ` ${'1'.repeat(8)}`])(
  'C3: %j is no serial and causes no download',
  async (id) => {
    const { ring, downloads } = world([() => [key(A)]]);
    expect(await ring.find(id)).toBeUndefined();
    expect(downloads()).toBe(0);
  },
);

test('C3: serials of 8 and of 40 digits are looked for', async () => {
  for (const id of ['12345678', '1'.repeat(40)]) {
    const { ring, downloads } = world([() => [key(A)]]);
    expect(await ring.find(id)).toBeUndefined();
    expect(downloads()).toBe(1);
  }
});

test('a failure is forgotten when a later download succeeds', async () => {
  const { ring, clock } = world([
    () => {
      throw new WxpayError('NETWORK_DNS');
    },
    () => [key(A)],
  ]);
  await expect(ring.find(B)).rejects.toMatchObject({ code: 'NETWORK_DNS' });
  clock.advance(60_000);
  expect(await ring.find(B)).toBeUndefined();
  expect(await ring.find(B)).toBeUndefined();
});

test('a stale cache is fetched anew even when somebody else has just replaced it by another that lacks the key', async () => {
  const clock = fakeClock();
  const store = createMemoryStore();
  store.save({ downloadedAt: start - 13 * hour, certificates: [key(A)] });
  const gate: CertificateStore = {
    ...store,
    exclusively: async (work) => {
      store.save({ downloadedAt: start - 2 * 60_000, certificates: [key('EE'.repeat(20))] });
      return work();
    },
  };
  const { ring, downloads } = world([() => [key(B)]], { store: gate, clock });
  expect((await ring.find(B))?.id).toBe(B);
  expect(downloads()).toBe(1);
});

test('what somebody else has fetched within the cooldown is taken as it is, although it lacks the key', async () => {
  const clock = fakeClock();
  const store = createMemoryStore();
  const gate: CertificateStore = {
    ...store,
    exclusively: async (work) => {
      store.save({ downloadedAt: start - 59_999, certificates: [key(A)] });
      return work();
    },
  };
  const { ring, downloads } = world([() => [key(B)]], { store: gate, clock });
  expect(await ring.find(B)).toBeUndefined();
  expect(downloads()).toBe(0);
});

test('what is cached is listed and preferred without a question or a download', async () => {
  const store = createMemoryStore();
  store.save({ downloadedAt: start, certificates: [key(A)] });
  const { ring, downloads } = world([], { store });
  expect((await ring.list()).map(({ id }) => id)).toEqual([A]);
  expect((await world([], { store }).ring.preferred())?.id).toBe(A);
  expect(downloads()).toBe(0);
});

test('where the cache takes nothing, what was downloaded is kept in memory', async () => {
  const unwritable: CertificateStore = { ...createMemoryStore(), save: () => false };
  const { ring, downloads } = world([() => [key(A)]], { store: unwritable });
  await ring.refresh();
  expect((await ring.list()).map(({ id }) => id)).toEqual([A]);
  expect((await ring.find(A))?.id).toBe(A);
  expect(downloads()).toBe(1);
});

test('a ring without anything lists and prefers nothing', async () => {
  const ring = createKeyRing({ publicKeys: [], clock: fakeClock() });
  expect(await ring.list()).toEqual([]);
  expect(await ring.preferred()).toBeUndefined();
});

test('the state of the cache is told without a request', () => {
  const store: CertificateStore = { ...createMemoryStore(), file: '/cache/x', exists: () => true };
  const { ring, downloads } = world([() => [key(A)]], { store });
  expect(ring.cache()).toEqual({ file: '/cache/x', state: 'unusable', downloadedAt: undefined });
  expect(world([() => [key(A)]]).ring.cache()?.state).toBe('absent');
  expect(downloads()).toBe(0);
});
