/** Merchant transfers, and buttons for the user who gets the money. */
import { failReasons } from './choices.js';
import { call } from './connection.js';
import { button, chip, choice, data, facts, h, row, t, time, yuan } from './dom.js';
import { why } from './rows.js';

const tones = /** @type {Record<string, string>} */ ({
  ACCEPTED: 'wait',
  PROCESSING: 'wait',
  WAIT_USER_CONFIRM: 'wait',
  TRANSFERING: 'wait',
  CANCELING: 'wait',
  SUCCESS: 'good',
  FAIL: 'bad',
});

/**
 * @param {any} transfer
 * @param {import('./dom.js').Do} go
 */
export function transferRow(transfer, go) {
  const { number, state, can } = transfer;
  return row(
    transfer.transfer_bill_no,
    [
      h('span', { class: 'name' }, data(number)),
      h('span', { class: 'amount' }, yuan(transfer.amount)),
      chip(state, tones[state]),
      transfer.fail_reason !== undefined && h('span', {}, data(transfer.fail_reason)),
      h('span', { class: 'soft' }, data(transfer.remark)),
    ],
    [
      facts(
        ['transfer_bill_no', data(transfer.transfer_bill_no)],
        [t('merchant'), data(transfer.mchid)],
        ['openid', data(transfer.openid)],
        transfer.notify_url !== undefined && [t('notify_url'), data(transfer.notify_url)],
        [t('created_at'), time(transfer.created_at)],
        transfer.until !== undefined && [t(`transfer_until_${state}`), time(transfer.until)],
      ),
      can.length > 0 && controls(transfer, go),
    ],
  );
}

/**
 * @param {any} transfer
 * @param {import('./dom.js').Do} go
 */
function controls({ number, mchid, transfer_bill_no: transfer, can }, go) {
  const reason = choice(
    'reason',
    failReasons.map((name) => [name, name]),
  );
  reason.value = 'OVERDUE_CLOSE';
  /** @param {() => Record<string, unknown>} wanted */
  const end = (wanted) => () =>
    go(async () => {
      const { transfer: ended, callback } = await call('POST', 'transfer', { transfer, mchid, ...wanted() });
      const values = { number, state: ended.state };
      if (callback === null) return t('transferred', values);
      return callback.delivered
        ? t('transferred_delivered', { ...values, status: callback.status })
        : t('transferred_undelivered', { ...values, why: why(callback) });
    });
  return h(
    'div',
    { class: 'actions' },
    can.includes('success') &&
      button(
        t('transfer_success'),
        end(() => ({ outcome: 'success' })),
        { kind: 'main', name: 'transfer-success' },
      ),
    can.includes('transfering') &&
      button(
        t('transfer_transfering'),
        end(() => ({ outcome: 'transfering' })),
        { name: 'transfer-transfering' },
      ),
    h('label', {}, 'fail_reason', reason),
    button(
      t('transfer_fail'),
      end(() => ({ outcome: 'fail', reason: reason.value })),
      {
        kind: 'danger',
        name: 'transfer-fail',
      },
    ),
  );
}
