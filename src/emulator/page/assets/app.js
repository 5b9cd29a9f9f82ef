/** The page: tabs at `/`, one order at `/pay?code_url=…`. It asks for news every second while it is looked at. */
import { call, Refusal, Restarted } from './connection.js';
import { button, data, h, language, sync, t, time, yuan } from './dom.js';
import { callbackRow, faultRow, orderFacts, orderRow, payControls, refundRow, requestRow } from './rows.js';

const everyMs = 1000;
const afterTroubleMs = 4000;
const noticeMs = 12_000;
const tabs = /** @type {const} */ (['orders', 'refunds', 'callbacks', 'requests', 'faults']);

const state = h('span', { class: 'state', role: 'status' });
const clock = h('span', { class: 'soft' });
const notice = h('div', { class: 'notice', role: 'status', hidden: true });
const main = h('main', {});

let version = '';
let over = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let quiet;

/** @type {(work: () => Promise<string>) => Promise<void>} */
async function go(work) {
  try {
    say(await work());
  } catch (error) {
    say(error instanceof Refusal ? error.message : t(error instanceof Restarted ? 'refused' : 'lost'));
  }
  await refresh();
}

/** @param {string} text */
function say(text) {
  notice.replaceChildren(data(text));
  notice.hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    notice.hidden = true;
  }, noticeMs);
}

function languageSwitch() {
  const other = language === 'en' ? 'zh-CN' : 'en';
  const link = /** @type {HTMLAnchorElement} */ (h('a', { lang: other, id: 'language' }, t('language')));
  const follow = () => {
    const parameters = new URLSearchParams(location.search);
    parameters.set('lang', other);
    link.href = `${location.pathname}?${parameters}${location.hash}`;
  };
  follow();
  addEventListener('hashchange', follow);
  return link;
}

/** The address of a page of ours in the language that was chosen. */
function address(/** @type {string} */ path, /** @type {Record<string, string>} */ more = {}) {
  const lang = new URLSearchParams(location.search).get('lang');
  const parameters = new URLSearchParams({ ...more, ...(lang === null ? {} : { lang }) });
  return `${path}${parameters.size === 0 ? '' : `?${parameters}`}`;
}

function findForm() {
  const input = /** @type {HTMLInputElement} */ (
    h('input', { name: 'order', placeholder: t('find_hint'), maxlength: 512, autocomplete: 'off', spellcheck: 'false' })
  );
  // Submitted by script: the policy allows no form to go anywhere.
  return h(
    'form',
    {
      submit: (event) => {
        event.preventDefault();
        if (input.value.trim() !== '') location.href = address('/pay', { code_url: input.value.trim() });
      },
    },
    h('label', { class: 'wide' }, t('find'), input),
    h('button', {}, t('find_go')),
  );
}

const drawers = /** @type {Record<string, (row: any) => HTMLElement>} */ ({
  orders: (row) => orderRow(row, go),
  refunds: (row) => refundRow(row, go),
  callbacks: (row) => callbackRow(row, go),
  requests: requestRow,
  faults: (row) => faultRow(row, go),
});
const keys = /** @type {Record<string, (row: any) => string>} */ ({
  orders: (row) => `${row.mchid} ${row.number}`,
  refunds: (row) => row.refund_id,
  callbacks: (row) => row.id,
  requests: (row) => row.key,
  faults: (row) => row.id,
});

/** @type {(state: any) => void | Promise<void>} the state is absent where it is the same as before */
let show = () => undefined;

function openTabs() {
  const nav = h('nav', {});
  const panels = tabs.map((name) => {
    const count = h('span', { class: 'count' });
    const link = h('a', { href: `#${name}`, 'data-tab': name }, t(name), count);
    const list = h('div', { 'data-list': name });
    const hint = h('p', { class: 'soft' });
    const panel = h(
      'section',
      { id: `panel-${name}`, 'aria-label': t(name) },
      name === 'orders' && findForm(),
      name === 'faults' && faultForm(),
      list,
      hint,
    );
    nav.append(link);
    return { name, count, link, list, hint, panel };
  });
  main.append(nav, ...panels.map(({ panel }) => panel));
  const choose = () => {
    const wanted = tabs.find((name) => `#${name}` === location.hash) ?? 'orders';
    for (const { name, link, panel } of panels) {
      panel.hidden = name !== wanted;
      if (name === wanted) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  };
  addEventListener('hashchange', choose);
  choose();
  show = (news) => {
    if (news === undefined) return;
    for (const { name, count, list, hint } of panels) {
      const { rows, total } = news[name];
      sync(
        list,
        name === 'requests' ? numbered(rows, total) : rows,
        /** @type {any} */ (keys[name]),
        /** @type {any} */ (drawers[name]),
      );
      count.textContent = String(total);
      hint.textContent =
        rows.length === 0
          ? t(`none_${name}`)
          : total > rows.length && name !== 'orders'
            ? t('newest', { shown: rows.length, total })
            : '';
    }
  };
}

/**
 * Requests have no name of their own.
 *
 * @param {readonly any[]} rows newest first
 * @param {number} total
 */
function numbered(rows, total) {
  return rows.map((row, index) => ({ ...row, key: `${row.at} ${row.request_id ?? total - index}` }));
}

function openPayPage() {
  const parameters = new URLSearchParams(location.search);
  const wanted = (parameters.get('code_url') ?? parameters.get('pr') ?? '').trim();
  const list = h('div', {});
  const none = h('p', { class: 'soft', hidden: true }, t('pay_none'));
  main.append(h('p', {}, h('a', { href: address('/') }, t('back'))), h('h2', {}, t('pay_title')));
  if (wanted === '') main.append(h('p', {}, t('pay_ask')), findForm());
  else main.append(h('p', {}, t('pay_text')), list, none);
  show = async () => {
    if (wanted === '') return;
    const orders = await call('GET', `find?${new URLSearchParams({ order: wanted })}`);
    none.hidden = orders.length > 0;
    sync(list, orders, keys['orders'] ?? String, (order) =>
      h(
        'section',
        { class: 'card' },
        h('div', { class: 'big' }, yuan(order.total)),
        h(
          'div',
          {},
          h('span', { class: 'name' }, data(order.number)),
          ' ',
          h('span', { class: 'chip', 'data-state': order.state }, order.state),
        ),
        orderFacts(order),
        order.can !== 'nothing' && payControls(order, go),
      ),
    );
  };
}

function faultForm() {
  const number = (/** @type {string} */ name, /** @type {number} */ value, /** @type {number} */ min) =>
    /** @type {HTMLInputElement} */ (h('input', { name, type: 'number', value, min }));
  const choice = (/** @type {string} */ name, /** @type {readonly (readonly [string, string])[]} */ options) =>
    /** @type {HTMLSelectElement} */ (
      h('select', { name }, ...options.map(([value, text]) => h('option', { value }, text)))
    );
  const kinds = [
    'status',
    'latency',
    'stall',
    'cut',
    'truncate',
    'signature',
    'replay-other',
    'late-commit',
    'redirect',
  ];
  const variants = ['wrong', 'missing', 'stale', 'foreign', 'unknown-serial', 'probe', 'duplicate-header', 'type'];
  const kind = choice(
    'kind',
    kinds.map((name) => [name, t(`fault_${name}`)]),
  );
  const method = choice('method', [
    ['', t('fault_any')],
    ['GET', 'GET'],
    ['POST', 'POST'],
  ]);
  const path = /** @type {HTMLInputElement} */ (
    h('input', { name: 'path', placeholder: '/v3/pay/*', maxlength: 512, autocomplete: 'off', spellcheck: 'false' })
  );
  const count = number('count', 1, -1);
  const fields = /** @type {Record<string, HTMLInputElement | HTMLSelectElement>} */ ({
    status: number('status', 500, 400),
    ms: number('ms', 3000, 0),
    variant: choice(
      'variant',
      variants.map((name) => [name, name]),
    ),
    location: /** @type {HTMLInputElement} */ (
      h('input', { name: 'location', value: 'http://127.0.0.1:9/', maxlength: 512 })
    ),
    when: choice('when', [
      ['before', t('fault_before')],
      ['after', t('fault_after')],
    ]),
  });
  const labels = /** @type {Record<string, string>} */ ({
    status: 'fault_http',
    ms: 'fault_ms',
    variant: 'fault_variant',
    location: 'fault_location',
    when: 'fault_when',
  });
  const uses = /** @type {Record<string, readonly string[]>} */ ({
    status: ['status', 'when'],
    latency: ['ms', 'when'],
    stall: ['when'],
    cut: ['when'],
    truncate: [],
    signature: ['variant'],
    'replay-other': [],
    'late-commit': ['ms'],
    redirect: ['location'],
  });
  const labelled = Object.entries(fields).map(([name, field]) => ({
    name,
    label: h('label', {}, t(labels[name] ?? name), field),
  }));
  const choose = () => {
    for (const { name, label } of labelled) label.hidden = !(uses[kind.value] ?? []).includes(name);
  };
  kind.addEventListener('change', choose);
  choose();
  const add = async () => {
    /** @type {Record<string, unknown>} */
    const rule = { kind: kind.value, count: Number(count.value) };
    if (method.value !== '') rule['method'] = method.value;
    if (path.value.trim() !== '') rule['path'] = path.value.trim();
    for (const name of uses[kind.value] ?? []) {
      const field = fields[name];
      if (field !== undefined) rule[name] = name === 'status' || name === 'ms' ? Number(field.value) : field.value;
    }
    const { id } = await call('POST', 'faults', rule);
    return t('fault_added', { id });
  };
  const form = h(
    'form',
    {
      submit: (event) => {
        event.preventDefault();
        void go(add);
      },
    },
    h('label', {}, t('fault_kind'), kind),
    ...labelled.map(({ label }) => label),
    h('label', {}, t('fault_method'), method),
    h('label', { class: 'wide' }, t('fault_path'), path),
    h('label', {}, t('fault_count'), count),
    h('button', { class: 'main', 'data-action': 'add-fault' }, t('fault_add')),
    button(
      t('fault_clear_all'),
      () => go(async () => t('fault_cleared', { count: (await call('DELETE', 'faults', {})).cleared })),
      { name: 'clear-faults' },
    ),
  );
  return form;
}

/** @param {unknown} error */
function trouble(error) {
  over = error instanceof Restarted;
  state.className = 'state lost';
  state.textContent = t(over ? 'refused' : 'lost');
}

async function refresh() {
  clearTimeout(timer);
  let wait = everyMs;
  try {
    const answer = await call('GET', `state?${new URLSearchParams({ version })}`);
    version = answer.version;
    await show(answer.state);
    clock.textContent = t('clock', { time: time(answer.now) });
    state.className = 'state live';
    state.textContent = t('live');
  } catch (error) {
    trouble(error);
    wait = afterTroubleMs;
  }
  clearTimeout(timer);
  if (!over && !document.hidden) timer = setTimeout(() => void refresh(), wait);
}

document.body.append(
  h('header', {}, h('h1', {}, t('title')), state, h('span', { class: 'grow' }), clock, languageSwitch()),
  main,
  notice,
);
if (location.pathname === '/pay') openPayPage();
else openTabs();
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && !over) void refresh();
});
void refresh();
