/** The payers: what their wallets, accounts and banks are like, and the payment codes that their phones show. */
import { call } from './connection.js';
import { button, chip, choice, data, field, form, h, t, time, visible, yuan } from './dom.js';

/** @typedef {{ element: HTMLElement, edit(openid: string): void, code(openid: string): Promise<void> }} Payers */

/**
 * The form; it changes what is filled in and leaves the rest.
 *
 * @param {import('./dom.js').Do} go
 * @returns {Payers}
 */
export function payersPanel(go) {
  const openid = field('payer', { maxlength: 128 });
  const unchanged = /** @type {const} */ (['', t('payer_unchanged')]);
  const wallet = choice('wallet', [unchanged, ['plenty', t('payer_plenty')], ['fen', t('payer_fen')]]);
  const fen = field('fen', { type: 'number', min: 0, value: 0 });
  const amount = h('label', { hidden: true }, t('payer_fen_label'), fen);
  wallet.addEventListener('change', () => {
    amount.hidden = wallet.value !== 'fen';
  });
  const choices = {
    state: choice('state', [
      unchanged,
      ['normal', t('payer_state_normal')],
      ['frozen', t('payer_state_frozen')],
      ['closed', t('payer_state_closed')],
    ]),
    bank: choice('bank', [unchanged, ['up', t('payer_bank_up')], ['down', t('payer_bank_down')]]),
    password: choice('password', [
      unchanged,
      ['auto', t('payer_password_auto')],
      ['always', t('payer_password_always')],
      ['never', t('payer_password_never')],
    ]),
  };
  const codes = h('p', { hidden: true, 'data-code': true });
  const change = async () => {
    /** @type {Record<string, unknown>} */
    const wanted = { openid: openid.value.trim() };
    if (wallet.value === 'plenty') wanted['balance'] = null;
    if (wallet.value === 'fen') wanted['balance'] = fen.value === '' ? '' : Number(fen.value);
    for (const [name, { value }] of Object.entries(choices)) if (value !== '') wanted[name] = value;
    const payer = await call('POST', 'payers', wanted);
    for (const select of [wallet, ...Object.values(choices)]) select.value = '';
    amount.hidden = true;
    return t('payer_changed', { openid: visible(payer.openid) });
  };
  const code = (/** @type {string} */ wanted) =>
    go(async () => {
      const issued = await call('POST', 'codes', wanted === '' ? {} : { openid: wanted });
      const values = { openid: visible(issued.openid), time: time(issued.expires_at) };
      codes.replaceChildren(h('strong', { class: 'whole' }, issued.auth_code), ` ${t('payer_code_of', values)}`);
      codes.hidden = false;
      return t('payer_code_shown', values);
    });
  return {
    element: h(
      'div',
      { class: 'payer' },
      h('p', { class: 'soft' }, t('payers_text')),
      form(
        () => void go(change),
        h('label', { class: 'wide' }, 'openid', openid),
        h('label', {}, t('payer_balance'), wallet),
        amount,
        h('label', {}, t('payer_state'), choices.state),
        h('label', {}, t('payer_bank'), choices.bank),
        h('label', {}, t('payer_password'), choices.password),
        h('button', { class: 'main', 'data-action': 'change-payer' }, t('payer_change')),
        button(t('payer_code'), () => code(openid.value.trim()), { name: 'payer-code' }),
      ),
      codes,
    ),
    edit(wanted) {
      openid.value = wanted;
      wallet.focus();
    },
    code,
  };
}

/**
 * @param {any} payer
 * @param {Payers} panel
 */
export function payerRow({ openid, balance, state, bank, password }, panel) {
  const poor = balance === 0;
  return h(
    'div',
    { class: 'card actions', 'data-key': openid },
    h('span', { class: 'name' }, data(openid)),
    h('span', { class: 'amount' }, balance === null ? t('payer_plenty') : yuan(balance)),
    chip(t(`payer_state_${state}`), state === 'normal' ? (poor ? 'wait' : 'good') : 'bad'),
    bank === 'down' && chip(t('payer_bank_down'), 'bad'),
    h('span', { class: 'soft' }, t(`payer_password_${password}`)),
    h('span', { class: 'grow' }),
    button(t('payer_edit'), async () => panel.edit(openid), { name: 'edit-payer' }),
    button(t('payer_code'), () => panel.code(openid), { name: 'payer-code' }),
  );
}
