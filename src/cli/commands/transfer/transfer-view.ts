/** How a transfer looks to people, and what its user's client needs; one list for create, query and cancel. */
import { clientParameters, type Transfer } from '../../../operations/transfer.ts';
import { formatFen } from '../../../output/money.ts';
import { describeTransferState } from '../../../output/states.ts';
import { formatTime } from '../../../output/time.ts';
import type { Block, DetailRow, Result } from '../../../output/view.ts';
import type { Translate } from '../../../i18n/translate.ts';

/** What the user's client hands to `wx.requestMerchantTransfer`; absent where there is nothing to confirm. */
export function parametersOf(
  transfer: Transfer,
  party: { readonly mchid: string; readonly appid: string },
): ReturnType<typeof clientParameters> | undefined {
  const { package_info, state } = transfer;
  return state === 'WAIT_USER_CONFIRM' && package_info !== undefined
    ? clientParameters(party, package_info)
    : undefined;
}

/** The error code of a transfer that brought nobody any money. */
export function faultOf({ state }: Pick<Transfer, 'state'>): 'TRANSFER_FAILED' | undefined {
  return state === 'FAIL' || state === 'CANCELLED' ? 'TRANSFER_FAILED' : undefined;
}

export interface Shown {
  readonly transfer: Transfer;
  readonly mchid: string;
  /** Where the answer names none. */
  readonly appid: string | undefined;
  readonly title?: string;
  /** Of `data`, before the API's own fields. */
  readonly result?: string;
}

export function transferResult({ transfer, mchid, appid, title, result }: Shown, t: Translate): Result {
  const of = typeof transfer['appid'] === 'string' ? transfer['appid'] : appid;
  const client_parameters = of === undefined ? undefined : parametersOf(transfer, { mchid, appid: of });
  return {
    data: {
      ...(result === undefined ? {} : { result }),
      ...transfer,
      ...(client_parameters === undefined ? {} : { client_parameters }),
    },
    view: view(transfer, client_parameters, title, t),
    id: transfer.out_bill_no,
  };
}

function view(
  transfer: Transfer,
  parameters: ReturnType<typeof clientParameters> | undefined,
  title: string | undefined,
  t: Translate,
): readonly Block[] {
  const rows: DetailRow[] = [];
  const add = (label: string, value: unknown): void => {
    if (typeof value === 'string' && value !== '') rows.push({ label, value });
  };
  add('out_bill_no', transfer.out_bill_no);
  add('transfer_bill_no', transfer.transfer_bill_no);
  rows.push({ label: t('transfer.label.state'), value: describeTransferState(transfer.state, t) });
  add('fail_reason', transfer.fail_reason);
  const amount = transfer['transfer_amount'];
  if (typeof amount === 'number') rows.push({ label: t('transfer.label.amount'), value: formatFen(amount) });
  add('openid', transfer['openid']);
  add(t('transfer.label.remark'), transfer['transfer_remark']);
  for (const [label, time] of [
    [t('transfer.label.create_time'), transfer['create_time']],
    [t('transfer.label.update_time'), transfer['update_time']],
  ] as const)
    if (typeof time === 'string') add(label, formatTime(time));
  const blocks: Block[] = [{ kind: 'details', ...(title === undefined ? {} : { title }), rows }];
  if (parameters !== undefined)
    blocks.push(
      { kind: 'text', text: t('transfer.text.parameters') },
      { kind: 'verbatim', text: JSON.stringify(parameters, null, 2) },
    );
  else if (transfer.state === 'WAIT_USER_CONFIRM')
    blocks.push({ kind: 'text', tone: 'warn', text: t('transfer.text.no_package') });
  if (faultOf(transfer) !== undefined)
    blocks.push({ kind: 'text', tone: 'bad', text: t('hint.TRANSFER_FAILED', { out_bill_no: transfer.out_bill_no }) });
  return blocks;
}
