// A small mutation test: npm run mutate. One change at a time in what signs, verifies, decrypts, counts money, builds targets, holds
// keys, keeps the journal, judges callbacks and refunds batches; a change that no test of that place notices is a survivor. Prints the
// score of what was sampled, and every survivor with its line. A change that makes a loop without end is stopped, and noticed.
//
// WXPAY_MUTANTS  how many are tried (default 150), drawn from all there are; WXPAY_FAULT_SEED repeats the draw;
// WXPAY_MUTATE_SECONDS  when to stop (default 1200); WXPAY_MUTATE_FILES  a part of a path narrows it.
import { parse } from '@babel/parser';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVitest } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));

// Folders or files, and the tests that mirror them.
const places = [
  ['src/core/money.ts', ['test/core/money.test.ts']],
  ['src/core/crypto', ['test/core/crypto']],
  ['src/core/wire', ['test/core/wire']],
  ['src/core/keys', ['test/core/keys']],
  ['src/core/http/signed.ts', ['test/core/http/signed.test.ts', 'test/core/http/compose.test.ts']],
  ['src/core/http/verified.ts', ['test/core/http/verified.test.ts', 'test/core/http/compose.test.ts']],
  ['src/operations/callback/verify.ts', ['test/operations/callback/verify.test.ts']],
  ['src/operations/refund-batch/apply.ts', ['test/operations/refund-batch']],
  ['src/operations/refund-batch/journal.ts', ['test/operations/refund-batch']],
];

const swaps = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '&&': '||',
  '||': '&&',
  '??': '&&',
  '+': '-',
  '-': '+',
  '*': '+',
  '%': '*',
  '&': '|',
  '|': '&',
  '+=': '-=',
};

/** Every change in a source: where, what stood there, what stands there now. */
function mutantsOf(file, source) {
  const found = [];
  const add = (node, text, kind) =>
    found.push({
      file,
      from: node.start,
      to: node.end,
      text,
      kind,
      line: node.loc.start.line,
      was: source.slice(node.start, node.end),
    });
  const operator = (node) => {
    const wanted = swaps[node.operator];
    const at = source.indexOf(node.operator, node.left.end);
    if (wanted !== undefined && at < node.right.start && !isText(node.left) && !isText(node.right))
      found.push({
        file,
        from: at,
        to: at + node.operator.length,
        text: wanted,
        kind: 'operator',
        line: node.loc.start.line,
        was: node.operator,
      });
  };
  const isText = (node) => /^(?:StringLiteral|TemplateLiteral)$/.test(node.type);
  const walk = (node, parent) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const child of node) walk(child, parent);
      return;
    }
    if (typeof node.type !== 'string') return;
    // Types are not there when it runs.
    if (/^(?:TS(?!As|NonNull|Satisfies)|Import|Export(?:All))/.test(node.type)) return;
    if (/^(?:BinaryExpression|LogicalExpression|AssignmentExpression)$/.test(node.type)) operator(node);
    if (node.type === 'BooleanLiteral') add(node, String(!node.value), 'boolean');
    if (node.type === 'NumericLiteral' && parent?.type !== 'TSEnumMember') add(node, `${node.value + 1}`, 'number');
    if (node.type === 'UnaryExpression' && node.operator === '!')
      add(node, source.slice(node.argument.start, node.argument.end), 'negation');
    if (node.type === 'IfStatement') {
      add(node.test, 'true', 'condition');
      add(node.test, 'false', 'condition');
    }
    if (node.type === 'ConditionalExpression')
      add(node.test, `!(${source.slice(node.test.start, node.test.end)})`, 'condition');
    if (node.type === 'ThrowStatement') add(node, ';', 'throw removed');
    if (
      node.type === 'ReturnStatement' &&
      node.argument !== null &&
      node.argument !== undefined &&
      node.argument.name !== 'undefined'
    )
      add(node.argument, 'undefined', 'return');
    if (node.type === 'ExpressionStatement' && /^(?:CallExpression|AwaitExpression)$/.test(node.expression.type))
      add(node, ';', 'call removed');
    for (const [name, child] of Object.entries(node))
      if (
        !/^(?:loc|typeAnnotation|returnType|typeParameters|typeArguments|leadingComments|trailingComments)$/.test(name)
      )
        walk(child, node);
  };
  walk(parsed(source));
  return found;
}

const parsed = (source) => parse(source, { sourceType: 'module', plugins: ['typescript'] }).program;

/** Where the bodies of the loops begin: a change there may make one without end, which no time-out of a test can stop. */
function loopsOf(source) {
  const places = [];
  const walk = (node) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const child of node) walk(child);
      return;
    }
    if (/^(?:For|While|DoWhile)(?:In|Of)?Statement$/.test(node.type ?? '')) places.push(node.body);
    for (const [name, child] of Object.entries(node)) if (name !== 'loc') walk(child);
  };
  walk(parsed(source));
  return places;
}

const lapSeconds = 60;
const lap = 'mutantLap();';
const lapCounter = `
const mutantStart = process.hrtime.bigint();
let mutantLaps = 0;
function mutantLap() {
  mutantLaps += 1;
  if (mutantLaps % 1_000 === 0 && process.hrtime.bigint() - mutantStart > ${lapSeconds}_000_000_000n) throw new Error('a loop without end');
}
`;

/** The source with the change in it, and every loop counting its laps. */
function changed(source, { from, to, text }) {
  const edits = [{ from, to, text }];
  for (const body of loopsOf(source)) {
    // A body within the change is gone or moved; the others are as they were.
    if (body.start >= from && body.start < to) continue;
    if (body.type === 'BlockStatement') edits.push({ from: body.start + 1, to: body.start + 1, text: lap });
    else edits.push({ from: body.start, to: body.start, text: `{${lap}` }, { from: body.end, to: body.end, text: '}' });
  }
  // From the end, so that places stay what they are; of two at one place the later one goes in first.
  const inOrder = edits.map((edit, order) => ({ ...edit, order })).sort((a, b) => b.from - a.from || b.order - a.order);
  return (
    inOrder.reduce((code, edit) => code.slice(0, edit.from) + edit.text + code.slice(edit.to), source) + lapCounter
  );
}

const imports = new Map();
/** The files that a file imports, by whatever way, itself included. What does not import a change cannot notice it. */
function reachOf(file) {
  const reach = new Set([file]);
  for (const one of reach) {
    if (!imports.has(one)) {
      const source = existsSync(one) ? readFileSync(one, 'utf8') : '';
      const names = [...source.matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g)].map(([, name]) => name);
      imports.set(
        one,
        names.map((name) => join(dirname(one), name)),
      );
    }
    for (const next of imports.get(one)) reach.add(next);
  }
  return reach;
}

const filesIn = (place, ending) => {
  const path = join(root, place);
  if (place.endsWith('.ts')) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(path, name));
};

/** Numbers in [0, 1) from a seed (mulberry32). */
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const seed = Number(process.env['WXPAY_FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const wanted = Number(process.env['WXPAY_MUTANTS'] ?? 150);
const seconds = Number(process.env['WXPAY_MUTATE_SECONDS'] ?? 1200);
const random = seeded(seed);
const all = places.flatMap(([place, tests]) =>
  filesIn(place, '.ts')
    .filter((file) => file.includes(process.env['WXPAY_MUTATE_FILES'] ?? ''))
    .flatMap((file) => {
      const mirrored = join(root, relative(root, file).replace(/^src/, 'test').replace(/\.ts$/, '.test.ts'));
      // The mirrored test first: most changes end there.
      const specs = [
        ...new Set([
          ...(existsSync(mirrored) ? [mirrored] : []),
          ...tests.flatMap((test) => filesIn(test, '.test.ts')).filter((test) => reachOf(test).has(file)),
        ]),
      ];
      return mutantsOf(file, readFileSync(file, 'utf8')).map((mutant) => ({ ...mutant, specs }));
    }),
);
for (let at = all.length - 1; at > 0; at -= 1) {
  const other = Math.floor(random() * (at + 1));
  [all[at], all[other]] = [all[other], all[at]];
}

let active;
const vitest = await createVitest(
  'test',
  {
    root,
    config: false,
    watch: false,
    bail: 1,
    reporters: [{}],
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
  },
  {
    plugins: [
      {
        name: 'mutant',
        enforce: 'pre',
        transform(code, id) {
          if (active === undefined || id.split('?')[0] !== active.file) return undefined;
          return { code: changed(code, active), map: null };
        },
      },
    ],
  },
);

const started = performance.now();
const figures = {};
const survivors = [];
const controls = new Set();
let tried = 0;
let killed = 0;

/** True when the tests pass. Slow ones count as noticed: a loop without end is a change that shows. */
async function passes(specs) {
  vitest.state.filesMap.clear();
  vitest.invalidateFile(active?.file ?? root);
  for (const project of vitest.projects) project.vite.moduleGraph.invalidateAll();
  const chosen = await vitest.globTestSpecifications(specs.map((file) => relative(root, file)));
  const result = await vitest.runTestSpecifications(chosen, false);
  return result.unhandledErrors.length === 0 && result.testModules.every((module) => module.ok());
}

try {
  // Unchanged, everything passes, or the score would mean nothing.
  for (const specs of new Set(all.slice(0, wanted).map((mutant) => mutant.specs.join('\n'))))
    for (const spec of specs.split('\n')) controls.add(spec);
  if (!(await passes([...controls]))) throw new Error('the tests fail without any change');
  for (const mutant of all.slice(0, wanted)) {
    if ((performance.now() - started) / 1000 > seconds) break;
    active = mutant;
    tried += 1;
    const place = relative(root, mutant.file);
    const row = (figures[place] ??= { killed: 0, survived: 0 });
    const alive =
      (await passes(mutant.specs.slice(0, 1))) && (mutant.specs.length === 1 || (await passes(mutant.specs.slice(1))));
    if (alive) {
      row.survived += 1;
      survivors.push(mutant);
      console.log(
        `survived  ${place}:${mutant.line}  ${mutant.kind}: ${JSON.stringify(mutant.was.slice(0, 80))} → ${JSON.stringify(mutant.text.slice(0, 80))}`,
      );
    } else {
      row.killed += 1;
      killed += 1;
    }
  }
} finally {
  await vitest.close();
}
console.log(
  JSON.stringify(
    {
      seed,
      mutants: all.length,
      tried,
      killed,
      survived: survivors.length,
      score: Math.round((1000 * killed) / Math.max(1, tried)) / 10,
      seconds: Math.round((performance.now() - started) / 1000),
      files: figures,
    },
    null,
    1,
  ),
);
