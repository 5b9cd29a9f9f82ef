import * as undici from 'undici';
import { expect, test } from 'vitest';
import { loadUndici } from '../../../src/core/http/undici.ts';

test('the parts that are loaded by themselves are those of the index', async () => {
  const { Pool, buildConnector } = await loadUndici();
  expect(Pool).toBe(undici.Pool);
  expect(buildConnector).toBe(undici.buildConnector);
});
