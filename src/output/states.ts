/** States in words and tones (states.md, 1 and 3). The words carry the meaning. */
import type { MessageKey, Translate } from '../i18n/translate.ts';
import type { Cell, Tone } from './view.ts';

interface State {
  readonly key: MessageKey;
  readonly tone: Tone;
}

const tradeStates: ReadonlyMap<string, State> = new Map([
  ['NOTPAY', { key: 'output.state.NOTPAY', tone: 'warn' }],
  ['SUCCESS', { key: 'output.state.SUCCESS', tone: 'good' }],
  ['REFUND', { key: 'output.state.REFUND', tone: 'warn' }],
  ['CLOSED', { key: 'output.state.CLOSED', tone: 'dim' }],
  ['USERPAYING', { key: 'output.state.USERPAYING', tone: 'warn' }],
  ['PAYERROR', { key: 'output.state.PAYERROR', tone: 'bad' }],
  ['REVOKED', { key: 'output.state.REVOKED', tone: 'dim' }],
]);

const refundStates: ReadonlyMap<string, State> = new Map([
  ['PROCESSING', { key: 'output.refund_state.PROCESSING', tone: 'warn' }],
  ['SUCCESS', { key: 'output.refund_state.SUCCESS', tone: 'good' }],
  ['CLOSED', { key: 'output.refund_state.CLOSED', tone: 'bad' }],
  ['ABNORMAL', { key: 'output.refund_state.ABNORMAL', tone: 'bad' }],
]);

const transferStates: ReadonlyMap<string, State> = new Map([
  ['ACCEPTED', { key: 'output.transfer_state.ACCEPTED', tone: 'warn' }],
  ['PROCESSING', { key: 'output.transfer_state.PROCESSING', tone: 'warn' }],
  ['WAIT_USER_CONFIRM', { key: 'output.transfer_state.WAIT_USER_CONFIRM', tone: 'warn' }],
  ['TRANSFERING', { key: 'output.transfer_state.TRANSFERING', tone: 'warn' }],
  ['SUCCESS', { key: 'output.transfer_state.SUCCESS', tone: 'good' }],
  ['FAIL', { key: 'output.transfer_state.FAIL', tone: 'bad' }],
  ['CANCELING', { key: 'output.transfer_state.CANCELING', tone: 'dim' }],
  ['CANCELLED', { key: 'output.transfer_state.CANCELLED', tone: 'dim' }],
]);

/** A state in words, with the tone that goes with it. */
export interface StateWords extends Cell {
  readonly tone: Tone;
}

/** An order's `trade_state`. A state that we do not know is shown as it came. */
export function describeState(state: string, t: Translate): StateWords {
  return describe(tradeStates, state, t);
}

/** A refund's `status` or `refund_status`. A state that we do not know is shown as it came. */
export function describeRefundState(state: string, t: Translate): StateWords {
  return describe(refundStates, state, t);
}

/** A merchant transfer's `state`. A state that we do not know is shown as it came. */
export function describeTransferState(state: string, t: Translate): StateWords {
  return describe(transferStates, state, t);
}

function describe(states: ReadonlyMap<string, State>, state: string, t: Translate): StateWords {
  const known = states.get(state);
  return known === undefined ? { text: state, tone: 'plain' } : { text: t(known.key), tone: known.tone };
}
