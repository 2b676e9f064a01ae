// Stryker over lib/, part by part, each with its own suites: a sample by seed within a time budget.
//
//   node test/mutants/stryker.mjs [--part metrics,data] [--json FILE]
//
//   CKL_MUTANT_MINUTES  for all parts together (default 60), the same share for each; a round that has begun is finished
//   CKL_MUTANT_SEED     which stretches of code are mutated (default 1)
//   CKL_MUTANT_ROUNDS   maximum number of rounds of each part
//
// The lines of a part are cut into stretches of five, which are shuffled by the seed. A round of Stryker makes all mutants of some of them: ten at
// first, then as many as the part's share of the time allows, twice the round before at the most, since a round begins by running all suites. The
// parts take turns. Suites that only run programs of dist/ are left out: they do not see a mutated lib/.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import equivalents from './equivalent.mjs';

const root = resolve(import.meta.dirname, '../..');
const work = join(root, 'build/stryker');
const { values: options } = parseArgs({ options: { part: { type: 'string' }, json: { type: 'string' } } });
const minutes = Number(process.env.CKL_MUTANT_MINUTES ?? 60);
const LINES = 5;
const STRETCHES = 10;

const lab = 'test/js/lab';
/** Code, the suites that should see its mutations, and those of them that run programs of dist/ or take too long for one mutant. */
const PARTS = {
  metrics: { code: ['lib/metrics'], suites: ['test/js/metrics/**', 'test/js/data/runs.test.ts'] },
  data: {
    code: ['lib/data'],
    suites: ['test/js/data/**', `${lab}/training/known.test.ts`],
    without: ['test/js/data/floods.test.ts'],
  },
  loss: {
    // What auto.ts chooses, a clock decides; batches of groups have suites that start processes.
    code: ['lib/loss'],
    but: ['auto', 'grouped', 'shares', 'sharded'].map((name) => `lib/loss/${name}.ts`),
    suites: [
      'test/js/loss/**',
      'test/js/native/plan.test.ts',
      'test/js/native/staged.test.ts',
      'test/js/ranks/rank-tracker.test.ts',
      'test/js/ranks/tracker-ids.test.ts',
      'test/js/ranks/tracker-json.test.ts',
      'test/js/embeddings/tiles.test.ts',
    ],
    without: ['memory', 'async', 'threads', 'theorems', 'types', 'auto'].map(
      (name) => `test/js/loss/${name}.test.ts`,
    ),
  },
  tfjs: { code: ['lib/tfjs'], suites: ['test/js/tfjs/**'], without: ['test/js/tfjs/optional.test.ts'] },
  training: {
    code: ['lib/lab/training'],
    but: ['lib/lab/training/team.ts'], // has suites that start processes
    suites: [`${lab}/training/**`],
    without: ['teachers', 'scifact'].map((name) => `${lab}/training/${name}.test.ts`),
  },
  experiment: {
    code: ['lib/lab/experiment', 'lib/lab/refine', 'lib/lab/compare'],
    // They run in threads of dist/.
    but: ['worker', 'threads'].map((name) => `lib/lab/experiment/${name}.ts`),
    suites: [
      ...['experiment/**', 'refine/**', 'compare/**'].map((name) => `${lab}/${name}`),
      ...['report/tables', 'cli/adapter', 'training/parts', 'training/level'].map(
        (name) => `${lab}/${name}.test.ts`,
      ),
    ],
    // The last loads modules within its tests, which then seem to look at what a module computes once.
    without: ['refine/options', 'experiment/kill', 'experiment/teacher-scale'].map(
      (name) => `${lab}/${name}.test.ts`,
    ),
  },
};

const filesBelow = (path) =>
  statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => filesBelow(join(path, name))) : [path];

/** The same order for the same seed (mulberry32). */
function shuffled(items, seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}

function stretchesOf({ code, but = [] }) {
  return code.flatMap((folder) =>
    filesBelow(join(root, folder)).flatMap((path) => {
      const lines = readFileSync(path, 'utf8').split('\n').length;
      const file = path.slice(root.length + 1);
      if (but.includes(file)) return [];
      return Array.from(
        { length: Math.ceil(lines / LINES) },
        (_, i) => `${file}:${i * LINES + 1}-${Math.min(lines, (i + 1) * LINES)}`,
      );
    }),
  );
}

mkdirSync(work, { recursive: true });
const names = options.part ? options.part.split(',') : Object.keys(PARTS);
const queues = new Map(
  names.map((name) => [name, shuffled(stretchesOf(PARTS[name]), Number(process.env.CKL_MUTANT_SEED ?? 1))]),
);
const sizes = new Map([...queues].map(([name, queue]) => [name, queue.length]));

function suitesOf({ suites, without = [] }) {
  return suites
    .flatMap((glob) => (glob.endsWith('**') ? filesBelow(join(root, glob.slice(0, -3))) : [join(root, glob)]))
    .map((path) => path.slice(root.length + 1))
    .filter(
      (path) => path.endsWith('.test.ts') && !path.endsWith('.slow.test.ts') && !without.includes(path),
    );
}

/** One round: all mutants of some stretches of a part. */
function round(name, mutate) {
  const report = join(work, `${name}.json`);
  const { suites, without = [] } = PARTS[name];
  const config = {
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'test/mutants/vitest.config.mts', related: false },
    mutate,
    // What only words, or what a module computes once when it is loaded, is not what the suites are about.
    mutator: { excludedMutations: ['StringLiteral', 'Regex'] },
    ignoreStatic: true,
    coverageAnalysis: 'perTest',
    ignorePatterns: ['/build', '/bench', '/findings', '/prebuilds', '/cuda', '/src'],
    concurrency: Number(process.env.CKL_JOBS ?? 1),
    timeoutMS: 180_000, // beyond what the tests of a mutant took before: many times the longest of them
    dryRunTimeoutMinutes: 60, // a busy machine is no failure
    reporters: ['json'],
    allowEmpty: true,
    tempDirName: join(work, 'sandbox'),
    jsonReporter: { fileName: report },
  };
  const file = join(work, `${name}.config.json`);
  writeFileSync(file, JSON.stringify(config));
  const { status, stdout, stderr } = spawnSync('npx', ['stryker', 'run', file, '--logLevel', 'warn'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      // Build folders stay out of the copies; all of them load the addon from here.
      CKL_LOSS_PREBUILD: root,
      CKL_MUTANTS_TESTS: suites.map((glob) => (glob.endsWith('**') ? `${glob}/*.test.ts` : glob)).join(),
      CKL_MUTANTS_WITHOUT: without.join(),
    },
  });
  if (status !== 0) throw new Error(`Stryker failed on ${name}:\n${(stdout + stderr).slice(-4000)}`);
  const { files, testFiles } = JSON.parse(readFileSync(report, 'utf8'));
  // Stryker takes a suite that cannot be loaded, or wants data that is not there, for one without tests.
  const ran = Object.keys(testFiles).filter((path) => testFiles[path].tests.length > 0);
  const idle = suitesOf(PARTS[name]).filter((path) => !ran.includes(path));
  if (ran.length === 0) throw new Error(`no suite of ${name} has run a test`);
  if (idle.length > 0) console.log(`${name}: no test ran of ${idle.join(', ')}`);
  return Object.entries(files).flatMap(([path, { mutants, source }]) =>
    mutants.map(({ mutatorName, replacement: to, location: { start, end }, status }) => {
      const line = source.split('\n')[start.line - 1];
      const was = line.slice(start.column - 1, start.line === end.line ? end.column - 1 : undefined);
      const survived = status === 'Survived' || status === 'NoCoverage';
      return {
        part: name,
        place: `${path}:${start.line}:${start.column}`,
        mutator: mutatorName,
        was,
        to,
        status: survived && isEquivalent(path, line.trim(), was, to) ? 'Equivalent' : status,
      };
    }),
  );
}

/** Whether a mutation is of those that equivalent.mjs lists. */
function isEquivalent(path, line, was, to) {
  return equivalents.some(
    (one) =>
      one.in === path && (one.was ?? was) === was && (one.to ?? to) === to && (one.line ?? line) === line,
  );
}

const results = [];
const done = new Map(names.map((name) => [name, 0]));
const left = new Map(names.map((name) => [name, (60 * minutes) / names.length]));
const sizeOfRound = new Map(names.map((name) => [name, STRETCHES]));
const rounds = Number(process.env.CKL_MUTANT_ROUNDS ?? Infinity);
for (let ran = true, turn = 0; ran && turn < rounds; turn++) {
  ran = false;
  for (const [name, queue] of queues) {
    const mutate = queue.splice(0, sizeOfRound.get(name));
    if (mutate.length === 0) continue;
    ran = true;
    const start = performance.now();
    const found = round(name, mutate);
    const seconds = (performance.now() - start) / 1000;
    left.set(name, left.get(name) - seconds);
    const fits = Math.floor((mutate.length * left.get(name)) / seconds);
    sizeOfRound.set(name, Math.max(0, Math.min(2 * mutate.length, fits)));
    results.push(...found);
    done.set(name, done.get(name) + mutate.length);
    for (const { place, mutator, was, to, status } of found)
      if (status === 'Survived' || status === 'NoCoverage')
        console.log(`${status} ${place} ${mutator}: ${was} -> ${to}`);
    console.log(`${name}: ${found.length} mutants of ${mutate.length} stretches in ${seconds.toFixed(0)} s`);
    if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
  }
}

const killed = ({ status }) => status === 'Killed' || status === 'Timeout';
const meaningful = ({ status }) => killed({ status }) || status === 'Survived' || status === 'NoCoverage';
for (const name of names) {
  const own = results.filter((result) => result.part === name && meaningful(result));
  const share = own.length ? ((100 * own.filter(killed).length) / own.length).toFixed(1) : '-';
  console.log(
    `${name}: ${own.filter(killed).length} of ${own.length} killed (${share} %), ${done.get(name)} of ${sizes.get(name)} stretches of code`,
  );
}
const all = results.filter(meaningful);
const equivalent = results.filter(({ status }) => status === 'Equivalent').length;
console.log(
  `${all.filter(killed).length} of ${all.length} of Stryker's mutants killed, ${equivalent} equivalent`,
);
if (all.filter(killed).length < 0.95 * all.length) process.exit(1);
