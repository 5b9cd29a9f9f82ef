/** Trouble on demand: the form and the rules that are on. */
import { signatureFaults } from './choices.js';
import { call } from './connection.js';
import { button, choice, data, field, form, h, t } from './dom.js';

/**
 * @param {import('./dom.js').Do} go
 */
export function faultForm(go) {
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
  const kind = choice(
    'kind',
    kinds.map((name) => [name, t(`fault_${name}`)]),
  );
  const method = choice('method', [
    ['', t('fault_any')],
    ['GET', 'GET'],
    ['POST', 'POST'],
  ]);
  const path = field('path', { placeholder: '/v3/pay/*', maxlength: 512 });
  const count = field('count', { type: 'number', value: 1, min: -1 });
  const fields = /** @type {Record<string, HTMLInputElement | HTMLSelectElement>} */ ({
    status: field('status', { type: 'number', value: 500, min: 400 }),
    code: field('code', { placeholder: 'SYSTEM_ERROR', maxlength: 64 }),
    ms: field('ms', { type: 'number', value: 3000, min: 0 }),
    variant: choice(
      'variant',
      signatureFaults.map((name) => [name, name]),
    ),
    location: field('location', { value: 'http://127.0.0.1:9/', maxlength: 512 }),
    when: choice('when', [
      ['before', t('fault_before')],
      ['after', t('fault_after')],
    ]),
  });
  const labels = /** @type {Record<string, string>} */ ({
    status: 'fault_http',
    code: 'fault_code',
    ms: 'fault_ms',
    variant: 'fault_variant',
    location: 'fault_location',
    when: 'fault_when',
  });
  const uses = /** @type {Record<string, readonly string[]>} */ ({
    status: ['status', 'code', 'when'],
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
      const value = fields[name]?.value.trim() ?? '';
      if (value !== '') rule[name] = name === 'status' || name === 'ms' ? Number(value) : value;
    }
    const { id } = await call('POST', 'faults', rule);
    return t('fault_added', { id });
  };
  return form(
    () => void go(add),
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
}

/**
 * @param {any} rule
 * @param {import('./dom.js').Do} go
 */
export function faultRow(rule, go) {
  const { kind, ...parameters } = rule.fault;
  const words = Object.entries(parameters).map(([name, value]) => `${name} ${String(value)}`);
  if (rule.probability !== undefined) words.push(`probability ${rule.probability}`);
  return h(
    'div',
    { class: 'card actions', 'data-key': rule.id },
    h('strong', {}, t(`fault_${kind}`)),
    h('span', {}, data(words.join(', '))),
    h('span', {}, data(`${rule.method ?? t('fault_any')} ${rule.path ?? '*'}`)),
    h('span', { class: 'soft' }, rule.count < 0 ? t('fault_always') : t('fault_left', { count: rule.count })),
    h('span', { class: 'grow' }),
    button(
      t('fault_clear'),
      () =>
        go(async () => {
          const { cleared } = await call('DELETE', 'faults', { id: rule.id });
          return t('fault_cleared', { count: cleared });
        }),
      { name: 'clear-fault' },
    ),
  );
}
