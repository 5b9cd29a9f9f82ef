// Runs every measurement that package.json names `bench:…`, one after another, and puts goals beside figures at the end.
// Usage: npm run bench [-- name …] [-- --json]; with --json stdout is one JSON document and the rest goes to stderr
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { goalText, isMet } from './measure.js';

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const known = Object.entries(scripts).flatMap(([name, script]) => {
  const [, suite] = /^bench:(.+)$/.exec(name) ?? [];
  const [, file] = /\bnode (bench\/[\w-]+\.js)$/.exec(script) ?? [];
  return suite === undefined || file === undefined ? [] : [{ suite, file }];
});
for (const name of positionals)
  if (!known.some(({ suite }) => suite === name))
    throw new Error(`${name} is none of ${known.map(({ suite }) => suite).join(', ')}`);
const chosen = known.filter(({ suite }) => positionals.length === 0 || positionals.includes(suite));

const dir = mkdtempSync(join(tmpdir(), 'wxpay-bench-run-'));
const suites = [];
try {
  for (const { suite, file } of chosen) {
    const collect = join(dir, `${suite}.ndjson`);
    const started = performance.now();
    const exit = await run(file, collect);
    suites.push({
      suite,
      exit,
      seconds: Math.round((performance.now() - started) / 1000),
      tables: readTables(collect),
    });
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}

if (values.json) {
  const machine = { cpu: cpus()[0]?.model ?? '', processors: availableParallelism() };
  const { version, platform, arch } = process;
  console.log(JSON.stringify({ at: new Date().toISOString(), node: version, platform, arch, ...machine, suites }));
} else printGoals();
if (suites.some(({ exit }) => exit !== 0)) process.exitCode = 1;

function run(file, collect) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, file)], {
      env: { ...process.env, WXPAY_BENCH_COLLECT: collect },
      stdio: ['ignore', values.json ? process.stderr : 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** What a suite has reported before it ended, however it ended. */
function readTables(collect) {
  let text = '';
  try {
    text = readFileSync(collect, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .map(({ title, rows }) => ({ title, rows: rows.map((row) => ({ ...row, met: isMet(row) ?? null })) }));
}

function printGoals() {
  console.log('\ngoals');
  for (const { suite, exit, seconds, tables } of suites) {
    console.log(`  ${suite} (${seconds} s)${exit === 0 ? '' : `: ended with ${exit}`}`);
    for (const { title, rows } of tables)
      for (const row of rows) {
        if (row.met === null) continue;
        const words = [`    ${row.met ? 'met   ' : 'MISSED'}`, row.ratio.toFixed(2), goalText(row), row.value];
        console.log(`${words.join('  ')}  ${row.name}: ${title}`);
      }
  }
}
