/** The emulator's own time, the platform's keys, and everything it knows as one file. */
import { call } from './connection.js';
import { armedButton, button, choice, data, distance, facts, field, form, h, t, time } from './dom.js';

/**
 * @param {import('./dom.js').Do} go
 * @returns {{ element: HTMLElement, update(state: any): void }}
 */
export function settingsPanel(go) {
  const clock = clockCard(go);
  const keys = keysCard(go);
  return {
    element: h('div', {}, clock.element, keys.element, stateCard(go)),
    update(state) {
      clock.update(state.clock_offset_ms);
      keys.update(state.keys);
    },
  };
}

const hour = 3_600_000;

/** @param {import('./dom.js').Do} go */
function clockCard(go) {
  const place = h('div', {});
  const by = field('by', { type: 'number', value: 2, min: 0, step: 'any' });
  const unit = choice('unit', [
    [String(hour / 60), t('unit_minutes')],
    [String(hour), t('unit_hours')],
    [String(24 * hour), t('unit_days')],
  ]);
  unit.value = String(hour);
  const at = field('at', { type: 'datetime-local', step: 1 });
  /** @param {() => Record<string, unknown>} change */
  const move = (change) => () =>
    go(async () => t('clock_moved', { time: time((await call('POST', 'clock', change())).now) }));
  const far = () => Math.round(Number(by.value) * Number(unit.value));
  const forward = move(() => ({ by_ms: far() }));
  return {
    element: h(
      'section',
      { class: 'card', 'data-card': 'clock' },
      h('h2', {}, t('clock_title')),
      h('p', { class: 'soft' }, t('clock_text')),
      place,
      form(
        () => void forward(),
        h('label', {}, t('clock_by'), by),
        h('label', {}, t('clock_unit'), unit),
        h('button', { class: 'main', 'data-action': 'clock-forward' }, t('clock_forward')),
        button(
          t('clock_back'),
          move(() => ({ by_ms: -far() })),
          { name: 'clock-back' },
        ),
      ),
      form(
        () => void move(() => ({ at: at.value === '' ? '' : beijing(at.value) }))(),
        h('label', {}, t('clock_at'), at),
        h('button', { 'data-action': 'clock-set' }, t('clock_set')),
        button(
          t('clock_reset'),
          move(() => ({ reset: true })),
          { name: 'clock-reset' },
        ),
      ),
    ),
    update(/** @type {number} */ offset) {
      place.replaceChildren(facts([t('clock_offset'), offset === 0 ? t('clock_real') : distance(offset)]));
    },
  };
}

/**
 * What a field for times says, as a time in Beijing; browsers leave out seconds that are 0.
 *
 * @param {string} value
 */
function beijing(value) {
  return `${value}${value.length === 16 ? ':00' : ''}+08:00`;
}

/** @param {import('./dom.js').Do} go */
function keysCard(go) {
  const place = h('div', {});
  const mode = choice('mode', [
    ['mixed', t('mode_mixed')],
    ['certificate', t('mode_certificate')],
    ['public-key', t('mode_public-key')],
  ]);
  const days = field('days', { type: 'number', value: 1825, step: 'any' });
  const oldDays = field('old_days', { type: 'number', step: 'any' });
  const share = field('share', { type: 'number', value: 100, min: 0, max: 100, step: 'any' });
  /** @param {() => Record<string, unknown>} wanted */
  const rotate = (wanted) => () =>
    go(async () => {
      const change = wanted();
      const { signing, listed } = await call('POST', 'rotate', change);
      return change['step'] === 'issue' && listed.length > 0
        ? t('rotate_issued', { id: listed.at(-1), signing })
        : t('rotated', { id: signing });
    });
  /** @param {HTMLInputElement} input */
  const number = (input) => (input.value === '' ? {} : { [input.name]: Number(input.value) });
  let known = '';
  return {
    element: h(
      'section',
      { class: 'card', 'data-card': 'keys' },
      h('h2', {}, t('keys_title')),
      h('p', { class: 'soft' }, t('keys_text')),
      place,
      form(
        () => void rotate(() => ({ mode: mode.value }))(),
        h('label', {}, t('mode'), mode),
        h('button', { 'data-action': 'mode' }, t('mode_set')),
      ),
      form(
        () => void rotate(() => ({ step: 'issue', ...number(days), ...number(oldDays) }))(),
        h('label', {}, t('rotate_days'), days),
        h('label', {}, t('rotate_old_days'), oldDays),
        h('button', { 'data-action': 'rotate-issue' }, t('rotate_issue')),
      ),
      form(
        () =>
          void rotate(() => ({
            step: 'switch',
            ...(share.value === '' ? {} : { share: Number(share.value) / 100 }),
          }))(),
        h('label', {}, t('rotate_share'), share),
        h('button', { 'data-action': 'rotate-switch' }, t('rotate_switch')),
        button(
          t('rotate_retire'),
          rotate(() => ({ step: 'retire' })),
          { name: 'rotate-retire' },
        ),
      ),
    ),
    update(/** @type {any} */ keys) {
      // What is chosen but not yet set stays; what changed elsewhere is shown.
      if (keys.mode !== known) mode.value = keys.mode;
      known = keys.mode;
      const { listed, expires_at: ends, successor } = keys;
      place.replaceChildren(
        facts(
          [t('mode'), t(`mode_${keys.mode}`)],
          [t('keys_signing'), data(keys.signing)],
          successor !== null && [
            t('keys_successor', { share: Math.round(successor.share * 1000) / 10 }),
            data(successor.id),
          ],
          ...listed.map((/** @type {string} */ serial, /** @type {number} */ index) => [
            t('keys_listed'),
            h('span', {}, data(serial), ' ', h('span', { class: 'soft' }, t('expires', { time: time(ends[index]) }))),
          ]),
        ),
      );
    },
  };
}

/** @param {import('./dom.js').Do} go */
function stateCard(go) {
  const file = field('file', { type: 'file', accept: '.json,application/json' });
  const save = async () => {
    const snapshot = await call('GET', 'snapshot');
    const url = URL.createObjectURL(new Blob([JSON.stringify(snapshot)], { type: 'application/json' }));
    h('a', { href: url, download: 'wxpay-emulator-snapshot.json' }).click();
    // The browser has its own hold on it by then.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    return t('snapshot_saved');
  };
  const load = async () => {
    const chosen = file.files?.[0];
    if (chosen === undefined) return t('snapshot_none');
    const snapshot = parse(await chosen.text());
    if (snapshot === undefined) return t('snapshot_unreadable');
    await call('POST', 'snapshot', snapshot);
    file.value = '';
    return t('snapshot_loaded');
  };
  const reset = async () => {
    await call('POST', 'reset', {});
    return t('was_reset');
  };
  return h(
    'section',
    { class: 'card', 'data-card': 'state' },
    h('h2', {}, t('state_title')),
    h('p', { class: 'soft' }, t('state_text')),
    form(
      () => void go(load),
      button(t('snapshot_save'), () => go(save), { name: 'snapshot-save' }),
      h('label', {}, t('snapshot_file'), file),
      h('button', { 'data-action': 'snapshot-load' }, t('snapshot_load')),
      armedButton(t('reset'), () => go(reset), { name: 'reset' }),
    ),
  );
}

/**
 * @param {string} text
 * @returns {Record<string, unknown> | undefined}
 */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
