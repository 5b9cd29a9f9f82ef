/** The page: tabs at `/`, one order at `/pay?code_url=…`. It asks for news every second while it is looked at. */
import { call, Refusal, Restarted } from './connection.js';
import { data, distance, field, form, h, language, sync, t, time, yuan } from './dom.js';
import { faultForm, faultRow } from './faults.js';
import { payerRow, payersPanel } from './payers.js';
import { callbackRow, orderFacts, orderRow, payControls, refundRow, requestRow } from './rows.js';
import { settingsPanel } from './settings.js';
import { transferRow } from './transfers.js';

const everyMs = 1000;
const afterTroubleMs = 4000;
const noticeMs = 12_000;
const lists = /** @type {const} */ (['orders', 'refunds', 'transfers', 'callbacks', 'requests', 'payers', 'faults']);

const state = h('span', { class: 'state', role: 'status' });
const clock = h('span', { class: 'soft' });
const notice = h('div', { class: 'notice', role: 'status', hidden: true });
const main = h('main', {});

let version = '';
let offset = 0;
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
  const input = field('order', { placeholder: t('find_hint'), maxlength: 512 });
  return form(
    () => {
      if (input.value.trim() !== '') location.href = address('/pay', { code_url: input.value.trim() });
    },
    h('label', { class: 'wide' }, t('find'), input),
    h('button', {}, t('find_go')),
  );
}

const payers = payersPanel(go);

const drawers = /** @type {Record<string, (row: any) => HTMLElement>} */ ({
  orders: (row) => orderRow(row, go),
  refunds: (row) => refundRow(row, go),
  transfers: (row) => transferRow(row, go),
  callbacks: (row) => callbackRow(row, go),
  requests: requestRow,
  payers: (row) => payerRow(row, payers),
  faults: (row) => faultRow(row, go),
});
const keys = /** @type {Record<string, (row: any) => string>} */ ({
  orders: (row) => `${row.mchid} ${row.number}`,
  refunds: (row) => row.refund_id,
  transfers: (row) => row.transfer_bill_no,
  callbacks: (row) => row.id,
  requests: (row) => row.key,
  payers: (row) => row.openid,
  faults: (row) => row.id,
});

/** @type {(state: any) => void | Promise<void>} the state is absent where it is the same as before */
let show = () => undefined;

/** A tab with a list of what there is. */
function listPanel(/** @type {(typeof lists)[number]} */ name) {
  const count = h('span', { class: 'count' });
  const list = h('div', { 'data-list': name });
  const hint = h('p', { class: 'soft' });
  const above = { orders: findForm, payers: () => payers.element, faults: () => faultForm(go) };
  return {
    name,
    link: h('a', { href: `#${name}`, 'data-tab': name }, t(name), count),
    panel: h(
      'section',
      { id: `panel-${name}`, 'aria-label': t(name) },
      name in above && above[/** @type {keyof typeof above} */ (name)](),
      list,
      hint,
    ),
    update(/** @type {any} */ news) {
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
    },
  };
}

function openTabs() {
  const nav = h('nav', {});
  const settings = settingsPanel(go);
  const panels = [
    ...lists.map(listPanel),
    {
      name: 'settings',
      link: h('a', { href: '#settings', 'data-tab': 'settings' }, t('settings')),
      panel: h('section', { id: 'panel-settings', 'aria-label': t('settings') }, settings.element),
      update: (/** @type {any} */ news) => settings.update(news),
    },
  ];
  nav.append(...panels.map(({ link }) => link));
  main.append(nav, ...panels.map(({ panel }) => panel));
  const choose = () => {
    const wanted = panels.find(({ name }) => `#${name}` === location.hash)?.name ?? 'orders';
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
    for (const { update } of panels) update(news);
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
    if (answer.state !== undefined) offset = answer.state.clock_offset_ms;
    await show(answer.state);
    clock.replaceChildren(
      t('clock', { time: time(answer.now) }),
      offset === 0 ? '' : h('strong', { class: 'ahead' }, ` ${distance(offset)}`),
    );
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
