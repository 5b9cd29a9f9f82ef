import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RawAnswer } from './raw-client.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => stage.end());

const base = '/v3/refund/domestic/refunds';
const summary = ({ status, json }: RawAnswer): string =>
  [status, json?.code, json?.message].filter((part) => part !== undefined).join(' ');

describe('a refund', () => {
  test('is accepted, shown, and done after its delay', async () => {
    const [order] = stage.emulator.seed({ count: 1, total: 1290 });
    const amount = { refund: 290, total: 1290, currency: 'CNY' };
    const answer = await stage.client.call('POST', base, {
      out_trade_no: order!.out_trade_no,
      out_refund_no: 'R1',
      amount,
    });
    expect(summary(answer)).toBe('200');
    expect(answer.json).toMatchObject({ status: 'PROCESSING', transaction_id: order!.transaction_id });
    stage.advance(1000);
    const shown = await stage.client.call('GET', `${base}/R1`);
    expect(shown.json).toMatchObject({ status: 'SUCCESS', refund_id: answer.json['refund_id'] });
    expect(stage.emulator.ledger().refunds).toHaveLength(1);
  });
});
