import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const { packages } = read('package-lock.json') as { packages: Readonly<Record<string, LockEntry>> };
const manifest = read('package.json') as Record<string, Readonly<Record<string, string>>>;
const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);

describe('R20: the supply chain', () => {
  test('has at most 80 production packages on one platform', () => {
    expect(production.filter(([, { optional }]) => optional !== true).length).toBeLessThanOrEqual(80);
  });

  test('runs no install script in production', () => {
    expect(production.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([]);
  });

  test('knows the hash of every production package', () => {
    expect(production.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path)).toEqual([]);
  });

  test('pins exact versions', () => {
    for (const field of ['dependencies', 'devDependencies', 'optionalDependencies'])
      for (const [name, version] of Object.entries(manifest[field] ?? {}))
        expect(`${name}@${version}`).toMatch(/@\d+\.\d+\.\d+$/);
  });
});

describe('the lockfile', () => {
  test('records no download address', () => {
    expect(Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  test('holds every platform package, which npm ci insists on (scripts/complete-lockfile.js)', () => {
    const missing = Object.values(packages).flatMap(({ optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}).filter((name) => packages[`node_modules/${name}`] === undefined),
    );
    expect(missing).toEqual([]);
  });
});

test('the bin named wxpay is ours: no other package of the tree brings one', () => {
  expect(Object.keys(packages)).not.toContain('node_modules/wechatpay-axios-plugin');
});
