/** Elements from data. Text only ever becomes text: there is no way from a string to markup here. */
import { texts } from './texts.js';

export const language = document.documentElement.lang === 'zh-CN' ? 'zh-CN' : 'en';

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const words = /** @type {Record<string, string>} */ (texts[language]);
  const text = Object.hasOwn(words, key) ? (words[key] ?? key) : key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

/** @param {string} key */
export function hasText(key) {
  return Object.hasOwn(texts[language], key);
}

/** @typedef {(work: () => Promise<string>) => Promise<void>} Do carries something out and tells how it went */

/**
 * @typedef {Node | string | undefined | false} Child
 * @param {string} tag
 * @param {Record<string, string | number | boolean | ((event: Event) => void) | undefined>} [attributes] functions listen
 * @param {readonly Child[]} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child !== undefined && child !== false) element.append(child);
  return element;
}

// Controls, and what turns the direction of text around or hides in it.
const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;

/**
 * Something that came from outside: isolated, its invisible characters made visible.
 *
 * @param {string | number | undefined} value
 * @param {{ lines?: boolean }} [options] `lines` keeps line breaks
 */
export function data(value, { lines = false } = {}) {
  const element = h('bdi', { class: 'data' });
  let plain = '';
  for (const char of String(value ?? '')) {
    if (!hidden.test(char) || (lines && (char === '\n' || char === '\t'))) {
      plain += char;
      continue;
    }
    if (lines && char === '\r') continue;
    element.append(
      plain,
      h('span', { class: 'escape' }, `U+${char.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`),
    );
    plain = '';
  }
  element.append(plain);
  return element;
}

/**
 * The value as text in which nothing is invisible, for places that take no elements.
 *
 * @param {string} value
 */
export function visible(value) {
  return data(value).textContent ?? '';
}

/** @param {number} fen */
export function yuan(fen) {
  return `¥${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
}

const clock = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Asia/Shanghai',
  dateStyle: 'short',
  timeStyle: 'medium',
});

/**
 * Beijing time, as everything in WeChat Pay.
 *
 * @param {number} at milliseconds since the epoch
 */
export function time(at) {
  return clock.format(at);
}

/**
 * How far one time is from another: `+1d 2h`.
 *
 * @param {number} milliseconds
 */
export function distance(milliseconds) {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  const parts = /** @type {const} */ ([
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]).filter(([count]) => count > 0);
  return `${milliseconds < 0 ? '−' : '+'}${parts.map(([count, unit]) => `${count}${unit}`).join(' ')}`;
}

/**
 * @param {readonly (readonly [string, Child] | undefined | false)[]} pairs label and value
 */
export function facts(...pairs) {
  const list = h('dl', {});
  for (const pair of pairs) if (pair) list.append(h('dt', {}, pair[0]), h('dd', {}, pair[1]));
  return list;
}

/**
 * @param {string} label
 * @param {() => Promise<void>} act
 * @param {{ kind?: 'main' | 'danger', name?: string }} [options]
 */
export function button(label, act, { kind, name } = {}) {
  const element = /** @type {HTMLButtonElement} */ (
    h(
      'button',
      {
        type: 'button',
        class: kind,
        'data-action': name,
        click: () => {
          element.disabled = true;
          void act().finally(() => {
            element.disabled = false;
          });
        },
      },
      label,
    )
  );
  return element;
}

/**
 * A button for what cannot be undone: it acts when it is pressed a second time.
 *
 * @param {string} label
 * @param {() => Promise<void>} act
 * @param {{ name?: string }} [options]
 */
export function armedButton(label, act, { name } = {}) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let armed;
  const disarm = () => {
    clearTimeout(armed);
    armed = undefined;
    element.textContent = label;
  };
  const options = /** @type {const} */ ({ kind: 'danger', ...(name === undefined ? {} : { name }) });
  const element = button(
    label,
    async () => {
      if (armed !== undefined) {
        disarm();
        await act();
        return;
      }
      element.textContent = t('sure', { what: label });
      armed = setTimeout(disarm, 5000);
    },
    options,
  );
  return element;
}

/**
 * @param {string} name
 * @param {Record<string, string | number | boolean | undefined>} [attributes]
 */
export function field(name, attributes = {}) {
  return /** @type {HTMLInputElement} */ (
    h('input', { name, autocomplete: 'off', spellcheck: 'false', ...attributes })
  );
}

/**
 * @param {string} name
 * @param {readonly (readonly [string, string])[]} options value and label
 */
export function choice(name, options) {
  return /** @type {HTMLSelectElement} */ (
    h('select', { name }, ...options.map(([value, text]) => h('option', { value }, text)))
  );
}

/**
 * A form that only the script submits: the policy allows none to go anywhere.
 *
 * @param {() => void} submit
 * @param {readonly Child[]} children
 */
export function form(submit, ...children) {
  return h(
    'form',
    {
      submit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    ...children,
  );
}

/**
 * @param {string} text
 * @param {string} [tone]
 */
export function chip(text, tone = '') {
  return h('span', { class: `chip ${tone}` }, text);
}

/**
 * @param {string} key
 * @param {readonly (Node | undefined | false)[]} summary
 * @param {readonly (Node | undefined | false)[]} inside
 */
export function row(key, summary, inside) {
  return h(
    'details',
    { class: 'row', 'data-key': key },
    h('summary', {}, ...summary),
    h('div', { class: 'inside' }, ...inside),
  );
}

/**
 * Brings a list up to date: rows that did not change keep their element, and what is open stays open.
 *
 * @template Row
 * @param {HTMLElement} container
 * @param {readonly Row[]} rows
 * @param {(row: Row) => string} keyOf
 * @param {(row: Row) => HTMLElement} draw
 */
export function sync(container, rows, keyOf, draw) {
  const known = shown.get(container) ?? new Map();
  /** @type {Map<string, { text: string, element: HTMLElement }>} */
  const next = new Map();
  /** @type {ChildNode | null} */
  let place = container.firstChild;
  for (const row of rows) {
    const key = keyOf(row);
    const text = JSON.stringify(row);
    const before = known.get(key);
    const element = before?.text === text ? before.element : draw(row);
    if (before !== undefined && before.element !== element) {
      if (before.element.hasAttribute('open')) element.setAttribute('open', '');
      keepInputs(before.element, element);
      if (place === before.element) place = before.element.nextSibling;
      before.element.remove();
    }
    next.set(key, { text, element });
    if (element === place) place = element.nextSibling;
    else container.insertBefore(element, place);
  }
  for (const [key, { element }] of known) if (!next.has(key)) element.remove();
  shown.set(container, next);
}

/** @type {WeakMap<HTMLElement, Map<string, { text: string, element: HTMLElement }>>} */
const shown = new WeakMap();

/**
 * @param {HTMLElement} from
 * @param {HTMLElement} to
 */
function keepInputs(from, to) {
  for (const old of from.querySelectorAll('input')) {
    const fresh = to.querySelector(`input[name="${old.name}"]`);
    if (fresh instanceof HTMLInputElement) fresh.value = old.value;
  }
}
