// Runs the mutations in test/mutants/lib one at a time, each with the suite that should detect it, in a copy of the tree. They are of kinds that
// tests of numbers alone do not notice: leaks, the training loop, choices, state between calls, statistics.
//
//   node test/mutants/kinds.mjs [--sample] [--kind leak,loop] [--in lib/data/trec.ts] [--list] [--json FILE] [--tree DIR]
//
// --sample runs the 20 mutations that CI runs. The addon must have been built (npm run build or npm ci).
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import calls from './lib/calls.mjs';
import experiments from './lib/experiments.mjs';
import readers from './lib/readers.mjs';
import tfjs from './lib/tfjs.mjs';
import trainingLoop from './lib/training-loop.mjs';

const kinds = [...experiments, ...trainingLoop, ...readers, ...tfjs, ...calls];

const root = resolve(import.meta.dirname, '../..');
const { values: options } = parseArgs({
  options: {
    sample: { type: 'boolean' },
    kind: { type: 'string' },
    in: { type: 'string' },
    list: { type: 'boolean' },
    json: { type: 'string' },
    tree: { type: 'string', default: join(root, 'build/mutants-lib') },
  },
});
const tree = resolve(options.tree);
// Without npx, which takes as long to start as some suites take to run.
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

/** The file with the mutation applied. Throws unless the mutated code occurs exactly once. */
function mutated({ in: file, code, to }) {
  const [before, from, after] = code.split(/[«»]/);
  const text = readFileSync(join(root, file), 'utf8');
  const parts = text.split(before + from + after);
  if (parts.length !== 2)
    throw new Error(`${file}: a mutation's code occurs ${parts.length - 1} times, not once:\n  ${code}`);
  return { from, text: parts.join(before + to + after) };
}

const wanted = options.kind?.split(',');
const chosen = kinds.filter(
  (one) =>
    (!options.sample || one.sample) &&
    (!wanted || wanted.includes(one.kind)) &&
    (!options.in || options.in.split(',').includes(one.in)),
);
const problems = kinds.flatMap((kind) => {
  try {
    mutated(kind);
    for (const file of kind.suite) if (!existsSync(join(root, file))) throw new Error(`no suite ${file}`);
    return [];
  } catch (error) {
    return [error.message];
  }
});
if (problems.length > 0) {
  console.error(
    `${problems.join('\n')}\n${problems.length} mutations no longer fit the code: mend test/mutants/lib`,
  );
  process.exit(1);
}
if (options.list) {
  for (const kind of chosen) console.log(`${kind.kind}\t${kind.in}\t${mutated(kind).from}  ->  ${kind.to}`);
  process.exit(0);
}

rmSync(tree, { recursive: true, force: true });
mkdirSync(join(tree, 'build/Release'), { recursive: true });
for (const name of [
  'lib',
  'test/js',
  'test/fuzz',
  'test/fixtures',
  'examples',
  'package.json',
  'vitest.config.mts',
  'tsconfig.json',
])
  cpSync(join(root, name), join(tree, name), { recursive: true });
cpSync(join(root, 'build/Release/ckl_loss.node'), join(tree, 'build/Release/ckl_loss.node'));
symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));

function run(suite) {
  const { status, signal, stdout, stderr } = spawnSync(
    'bash',
    // Limits processor time instead of wall time: on a busy machine, a slow test would otherwise count as one that failed.
    [
      '-c',
      'ulimit -t 900; exec "$@"',
      'bash',
      ...[process.execPath, vitest, 'run', '--bail', '1', '--reporter', 'dot'],
      ...['--testTimeout', '0', '--hookTimeout', '0', ...suite],
    ],
    {
      cwd: tree,
      encoding: 'utf8',
      timeout: 3_600_000,
      killSignal: 'SIGKILL',
      maxBuffer: 1 << 28,
      env: { ...process.env, NO_COLOR: '1' },
    },
  );
  return {
    killed: status !== 0,
    text: stdout + stderr,
    seen: signal ?? /FAIL\s+(.*)/.exec(stdout + stderr)?.[1] ?? '',
  };
}

// The suites must pass without a mutation, or their failures below would mean nothing.
const unmutated = run([...new Set(chosen.flatMap(({ suite }) => suite))]);
if (unmutated.killed) throw new Error(`the suites fail without a mutation:\n${unmutated.text.slice(-4000)}`);
const results = [];
for (const kind of chosen) {
  const { from, text } = mutated(kind);
  const path = join(tree, kind.in);
  writeFileSync(path, text);
  const { killed, seen } = run(kind.suite);
  cpSync(join(root, kind.in), path);
  results.push({ kind: kind.kind, file: kind.in, from, to: kind.to, killed, seen });
  console.log(
    `${killed ? 'killed  ' : 'SURVIVED'} ${kind.kind}: ${kind.in}: ${from} -> ${kind.to}  ${seen.slice(0, 140)}`,
  );
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
const killed = results.filter((result) => result.killed).length;
console.log(`${killed} passed, ${results.length - killed} failed: mutations killed, survived`);
process.exit(killed >= 0.95 * results.length ? 0 : 1);
