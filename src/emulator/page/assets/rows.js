/** How orders, refunds, callbacks and requests look. */
import { button, chip, data, facts, h, row, t, time, yuan } from './dom.js';
import { call } from './connection.js';

const tones = /** @type {Record<string, string>} */ ({
  SUCCESS: 'good',
  NOTPAY: 'wait',
  USERPAYING: 'wait',
  PROCESSING: 'wait',
  ABNORMAL: 'bad',
  PAYERROR: 'bad',
  delivered: 'good',
  waiting: 'wait',
  given_up: 'bad',
});

/** @param {any} order */
export function orderFacts(order) {
  return facts(
    [t('merchant'), data(order.mchid)],
    order.sub_mchid !== undefined && [t('sub_merchant'), data(order.sub_mchid)],
    order.description !== undefined && [t('description'), data(order.description)],
    order.attach !== undefined && order.attach !== '' && [t('attach'), data(order.attach)],
    order.notify_url !== undefined && [t('notify_url'), data(order.notify_url)],
    order.transaction_id !== undefined && ['transaction_id', data(order.transaction_id)],
    order.success_at !== undefined && [t('success_at'), time(order.success_at)],
    order.payer !== undefined && [t('payer'), data(order.payer)],
    order.can !== 'nothing' && [t('payable_until'), time(order.payable_until)],
    ...order.handles
      .slice(-3)
      .map((/** @type {any} */ handle) => [
        handle.value.startsWith('weixin:') ? 'code_url' : handle.value.startsWith('https:') ? 'h5_url' : 'prepay_id',
        h(
          'span',
          {},
          data(handle.value),
          ' ',
          h('span', { class: 'soft' }, t('expires', { time: time(handle.expiresAt) })),
        ),
      ]),
  );
}

/**
 * @param {any} order
 * @param {import('./dom.js').Do} go
 */
export function orderRow(order, go) {
  const subs = order.subs ?? [];
  return row(
    `${order.mchid} ${order.number}`,
    [
      h('span', { class: 'name' }, data(order.number)),
      h('span', { class: 'amount' }, yuan(order.total)),
      chip(order.state, tones[order.state]),
      order.refunded > 0 && chip(t('refunded', { amount: yuan(order.refunded) })),
      h(
        'span',
        { class: 'soft' },
        order.trade_type,
        order.combined ? ` · ${t('combined')}` : '',
        order.api === 'v2' ? ' · APIv2' : '',
      ),
      order.description !== undefined && h('span', { class: 'soft' }, data(order.description)),
    ],
    [
      orderFacts(order),
      subs.length > 0 && h('h3', {}, t('sub_orders')),
      ...subs.map((/** @type {any} */ sub) =>
        facts([
          h('span', {}, data(sub.number)).textContent ?? '',
          h('span', {}, `${yuan(sub.total)} · ${sub.state} · `, data(sub.mchid), ' ', data(sub.description)),
        ]),
      ),
      order.can !== 'nothing' && payControls(order, go),
    ],
  );
}

/**
 * The buttons that play the payer.
 *
 * @param {any} order
 * @param {import('./dom.js').Do} go
 */
export function payControls(order, go) {
  const openid = /** @type {HTMLInputElement} */ (
    h('input', { name: 'openid', maxlength: 128, autocomplete: 'off', spellcheck: 'false' })
  );
  const byCode = order.can === 'confirm';
  /** @param {Record<string, unknown>} extra */
  const pay = (extra) => async () => {
    const result = await call('POST', 'pay', {
      order: order.number,
      mchid: order.mchid,
      ...(openid.value === '' ? {} : { openid: openid.value }),
      ...extra,
    });
    const { number } = order;
    if (extra['decline'] === true) return t('declined', { number });
    if (result.callback === null) return t('paid', { number });
    const { delivered, status, failure } = result.callback;
    return delivered
      ? t('paid_delivered', { number, status })
      : t('paid_undelivered', { number, why: why({ status, failure }) });
  };
  return h(
    'div',
    { class: 'actions paying' },
    !byCode && h('label', { class: 'wide' }, t('openid'), openid),
    button(t(byCode ? 'confirm' : 'pay', { amount: yuan(order.total) }), () => go(pay({})), {
      kind: 'main',
      name: 'pay',
    }),
    byCode
      ? button(t('decline'), () => go(pay({ decline: true })), { kind: 'danger', name: 'decline' })
      : button(t('pay_quiet'), () => go(pay({ callback: false })), { name: 'pay-quiet' }),
    !byCode && location.pathname === '/' && h('a', { class: 'button', href: payAddress(order) }, t('open_pay')),
  );
}

/** @param {any} order */
function payAddress(order) {
  const parameters = new URLSearchParams(location.search);
  const lang = parameters.get('lang');
  const codeUrl = order.handles.at(-1)?.value;
  return `/pay?${new URLSearchParams({ code_url: codeUrl ?? order.number, ...(lang === null ? {} : { lang }) })}`;
}

/** @param {{ status?: number, failure?: string }} outcome */
export function why({ status, failure }) {
  if (failure === undefined) return t('failure_status', { status: status ?? '' });
  const known = ['timeout', 'cut', 'url', 'later', 'stopped'].includes(failure);
  return known ? t(`failure_${failure}`) : t('failure_other', { failure });
}

/**
 * @param {any} refund
 * @param {import('./dom.js').Do} go
 */
export function refundRow(refund, go) {
  /** @param {string} outcome */
  const settle = (outcome) => () =>
    go(async () => {
      const result = await call('POST', 'refund', { refund: refund.refund_id, mchid: refund.mchid, outcome });
      return t('settled', { number: refund.number, status: result.refund.status });
    });
  return row(
    refund.refund_id,
    [
      h('span', { class: 'name' }, data(refund.number)),
      h('span', { class: 'amount' }, yuan(refund.amount)),
      chip(refund.status, tones[refund.status]),
      h('span', { class: 'soft' }, data(t('refund_of', { number: refund.order }))),
    ],
    [
      facts(
        ['refund_id', data(refund.refund_id)],
        [t('merchant'), data(refund.mchid)],
        [t('refund_total'), yuan(refund.total)],
        [t('created_at'), time(refund.created_at)],
        refund.settles_at !== undefined && [t('settles_at'), time(refund.settles_at)],
        refund.success_at !== undefined && ['success_time', time(refund.success_at)],
        [t('account'), data(refund.account)],
      ),
      refund.open &&
        h(
          'div',
          { class: 'actions' },
          button(t('settle_success'), settle('SUCCESS'), { kind: 'main', name: 'settle-success' }),
          button(t('settle_closed'), settle('CLOSED'), { name: 'settle-closed' }),
          refund.status !== 'ABNORMAL' &&
            button(t('settle_abnormal'), settle('ABNORMAL'), { kind: 'danger', name: 'settle-abnormal' }),
        ),
    ],
  );
}

/**
 * @param {any} callback
 * @param {import('./dom.js').Do} go
 */
export function callbackRow(callback, go) {
  const { attempts, state } = callback;
  const wire = h('div', {});
  const element = row(
    callback.id,
    [
      h('span', { class: 'name' }, data(Object.values(callback.subject)[0] ?? callback.id)),
      h('span', {}, data(callback.event_type)),
      chip(t(`callback_${state}`), tones[state]),
      h('span', { class: 'soft' }, attempts.length === 1 ? t('one_try') : t('tries', { count: attempts.length })),
      h('span', { class: 'soft' }, time(callback.at)),
    ],
    [
      facts(
        ['id', data(callback.id)],
        [t('merchant'), data(callback.mchid)],
        [t('notify_url'), data(callback.url)],
        ...Object.entries(callback.subject).map(([name, value]) => /** @type {const} */ ([name, data(String(value))])),
        callback.next_at !== null && [t('next_at'), time(callback.next_at)],
      ),
      h(
        'div',
        { class: 'actions' },
        button(
          t('redeliver'),
          () =>
            go(async () => {
              const record = await call('POST', 'redeliver', { id: callback.id });
              const last = record.attempts.at(-1);
              return t('redelivered', { outcome: last.delivered ? t('acknowledged') : why(last) });
            }),
          { name: 'redeliver' },
        ),
      ),
      wire,
    ],
  );
  element.addEventListener('toggle', () => {
    if (element.hasAttribute('open') && !wire.hasChildNodes()) void showWire(callback.id, wire);
  });
  return element;
}

/**
 * Every send with the bytes of both sides.
 *
 * @param {string} id
 * @param {HTMLElement} place
 */
async function showWire(id, place) {
  const record = await call('POST', 'callbacks', { id }).catch(() => undefined);
  if (record === undefined) return;
  place.replaceChildren(...record.attempts.toReversed().map((/** @type {any} */ attempt) => tryOf(attempt, record)));
}

/**
 * @param {any} attempt
 * @param {any} record
 */
function tryOf(attempt, record) {
  const { answer, headers, status } = attempt;
  const head = (/** @type {readonly [string, string][]} */ pairs) =>
    pairs.map(([name, value]) => `${name}: ${value}\n`).join('');
  return h(
    'section',
    { 'data-try': attempt.why },
    h(
      'h3',
      {},
      `${t(`try_${attempt.why}`)} · ${time(attempt.at)} `,
      attempt.delivered
        ? chip(`${t('acknowledged')} ${status}`, 'good')
        : chip(`${t('not_acknowledged')}: ${why(attempt)}`, 'bad'),
    ),
    headers === undefined
      ? h('p', { class: 'soft' }, t('bytes_gone'))
      : h(
          'div',
          { class: 'sides' },
          h(
            'div',
            {},
            h('div', { class: 'soft' }, t('sent')),
            h('pre', {}, data(`POST ${record.url}\n${head(headers)}\n${record.body}`, { lines: true })),
          ),
          h(
            'div',
            {},
            h('div', { class: 'soft' }, t('received')),
            answer === undefined
              ? h('p', { class: 'soft' }, t('no_answer'))
              : h(
                  'pre',
                  {},
                  data(`HTTP ${status ?? ''}\n${head(answer.headers)}\n${decode(answer.body)}`, { lines: true }),
                  answer.whole ? '' : ` ${t('answer_cut')}`,
                ),
          ),
        ),
  );
}

/** @param {string} base64 */
function decode(base64) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/** @param {any} entry */
export function requestRow(entry) {
  const { status, code, fault, refused_by: refusedBy } = entry;
  const tone = refusedBy !== undefined || status === undefined || status >= 400 ? 'bad' : 'good';
  return row(
    entry.key,
    [
      h('span', { class: 'soft' }, time(entry.at).slice(11)),
      h('span', { class: 'name' }, data(`${entry.method} ${entry.target}`)),
      chip(status === undefined ? t('no_status') : String(status), tone),
      code !== undefined && h('span', {}, data(code)),
      fault !== undefined && chip(t('fault_applied', { kind: fault }), 'wait'),
      refusedBy !== undefined && h('span', { class: 'soft' }, `${t('step_refused')}: ${t(`check_${refusedBy}`)}`),
    ],
    [
      h(
        'ol',
        { class: 'steps' },
        ...entry.steps.map((/** @type {any} */ { check, outcome }) =>
          h('li', { class: outcome, title: t(`step_${outcome}`), 'data-check': check }, t(`check_${check}`)),
        ),
      ),
      facts(
        entry.message !== undefined && [t('said'), data(entry.message)],
        entry.mchid !== undefined && [t('merchant'), data(entry.mchid)],
        entry.request_id !== undefined && ['Request-ID', data(entry.request_id)],
      ),
    ],
  );
}
