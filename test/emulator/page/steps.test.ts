import { afterAll, beforeAll, expect, test } from 'vitest';
import { stepsOf } from '../../../src/emulator/page/steps.ts';
import { openStage, orderBody } from '../stage.ts';
import type { Stage } from '../stage.ts';
import type { RawOptions } from '../raw-client.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => stage.end());

const lastSteps = (): Record<string, string> =>
  Object.fromEntries(stepsOf(stage.emulator.requests.at(-1)!).map(({ check, outcome }) => [check, outcome]));

const cases: readonly (readonly [string, string, RawOptions, string])[] = [
  ['host', '/v3/certificates', { headers: { host: 'evil.example' } }, 'host'],
  ['path', '/v3/unknown', {}, 'path'],
  ['client headers', '/v3/certificates', { headers: { 'user-agent': undefined } }, 'client-headers'],
  ['Authorization', '/v3/certificates', { authorization: () => 'nonsense' }, 'authorization'],
  ['timestamp', '/v3/certificates', { timestamp: '1' }, 'timestamp'],
  ['merchant', '/v3/certificates', { mchid: '1999999999' }, 'merchant'],
  ['serial number', '/v3/certificates', { serialNo: 'AB' }, 'serial'],
  ['signature', '/v3/certificates', { signedTarget: '/v3/other' }, 'signature'],
  ['rules', '/v3/pay/transactions/out-trade-no/none?mchid=1', {}, 'rules'],
];

test.each(cases)('what %s refuses stops there', async (_name, target, options, check) => {
  await stage.client.call('GET', target, undefined, options);
  const steps = Object.entries(lastSteps());
  const at = steps.findIndex(([name]) => name === check);
  expect(steps[at]).toEqual([check, 'refused']);
  expect(steps.slice(0, at).every(([, outcome]) => outcome === 'passed')).toBe(true);
  expect(steps.slice(at + 1).every(([, outcome]) => outcome === 'not-reached')).toBe(true);
});

test('a request that is answered passed everything', async () => {
  await stage.client.call('POST', '/v3/pay/transactions/native', orderBody(stage, 'native'));
  expect(lastSteps()).toEqual({
    host: 'passed',
    size: 'passed',
    path: 'passed',
    authorization: 'passed',
    timestamp: 'passed',
    merchant: 'passed',
    serial: 'passed',
    signature: 'passed',
    rules: 'passed',
  });
});

test('a refusal keeps its words', async () => {
  await stage.client.call('GET', '/v3/certificates', undefined, { serialNo: 'AB' });
  expect(stage.emulator.requests.at(-1)).toMatchObject({
    refused_by: 'serial',
    message: expect.stringContaining('序列号'),
  });
});

test.each([{ kind: 'status', status: 500 } as const, { kind: 'cut' } as const])(
  'a fault that takes over is named, and is no refusal of the rules: $kind',
  async (fault) => {
    stage.emulator.faults.add(fault);
    await stage.client.call('GET', '/v3/certificates').catch(() => undefined);
    expect(lastSteps()).toMatchObject({ signature: 'passed', fault: 'refused' });
    expect(lastSteps()).not.toHaveProperty('rules');
  },
);

test.each([
  ['not xml', 'xml'],
  ['<xml><mch_id>1999999999</mch_id></xml>', 'merchant'],
  ['<xml><mch_id>MCHID</mch_id><sign>00</sign></xml>', 'signature'],
])('APIv2: %s', async (body, check) => {
  const text = body.replace('MCHID', stage.emulator.info.mchid);
  await (await fetch(`${stage.emulator.url}/pay/orderquery`, { method: 'POST', body: text })).text();
  expect(lastSteps()).toMatchObject({ path: 'passed', [check]: 'refused' });
});
