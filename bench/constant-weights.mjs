// Are CKL's weights better as constants on real text? Compares both forms of CKL with KL, NLL and their sum by cross-validation, under a clean and
// a half-wrong teacher, with and without a warm-up by KL. Prints the table of docs/comparison.md and writes the results of `compare`.
//
//   node bench/constant-weights.mjs [--seeds 1] [--json FILE]
//
// Finished comparisons are kept in build/constant-weights, and the same command continues from there.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit, machine } from './lib/harness.mjs';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1' }, json: { type: 'string' } },
});
const scifact = path('../../shared/data/scifact/');
if (!existsSync(scifact)) {
  console.log(`no SciFact at ${scifact}: nothing measured`);
  process.exit(0);
}
const kept = path('../build/constant-weights/');
mkdirSync(kept, { recursive: true });

const PAIR = 'ckl,ckl-detached';
const PARTS = [
  { warmup: 'none', gamma: 5, losses: `${PAIR},kl,klLogL,nll` },
  { warmup: 'kl', gamma: 5, losses: `${PAIR},kl,klLogL,nll` },
  { warmup: 'none', gamma: 2, losses: PAIR },
  { warmup: 'kl', gamma: 2, losses: PAIR },
];

/** Runs one comparison, or reads its result from an earlier run. */
function compare({ warmup, gamma, losses }) {
  const file = `${kept}${warmup}-${gamma}-${values.seeds}.json`;
  if (!existsSync(file)) {
    const options = {
      data: `${scifact}beir`,
      teacher: `${scifact}teacher_e5/E5_Results.txt.gz`,
      students: 'multi',
      folds: 5,
      rates: 1,
      'wrong-labels': 0,
      seeds: values.seeds,
      checkpoint: file.replace('.json', '.ckpt'),
      json: file,
      ...{ losses, gamma, warmup },
      ...(warmup !== 'none' && { 'warmup-epochs': 2 }),
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    execFileSync(process.execPath, [path('../dist/lab/cli/main.js'), 'compare', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

const SETTINGS = ['rerank', 'full'];
const parts = PARTS.map((part) => ({ ...part, found: compare(part) }));

for (const { warmup, gamma, found } of parts) {
  const columns = found.tables.flatMap((table) => SETTINGS.map((setting) => ({ table, setting })));
  console.log(`\ngamma ${gamma}, ${warmup === 'none' ? 'no warm-up' : `${warmup} first`}\n`);
  console.log(
    `| nDCG@10 | ${columns.map(({ table, setting }) => `${table.condition}: ${setting}`).join(' | ')} |`,
  );
  console.log(`| --- |${' --- |'.repeat(columns.length)}`);
  for (const { name } of found.tables[0].rows) {
    const cells = columns.map(({ table, setting }) => {
      const cell = table.rows.find((row) => row.name === name)?.cells[`${setting} ndcg@10`];
      if (!cell) return '';
      const { versusCkl: test } = cell;
      const shown = (x) => x.toFixed(3).replace('0.', '.');
      return `${shown(cell.mean)}${test ? ` (p ${shown(test.p)}, Holm ${shown(test.pHolm)})` : ''}`;
    });
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

if (values.json) {
  const results = parts.map(({ warmup, gamma, found }) => ({
    ...{ warmup, gamma, options: found.options, made: found.made },
    tables: found.tables,
  }));
  const about = { ...machine(), commit: commit(), date: new Date().toISOString().slice(0, 10) };
  writeFileSync(
    values.json,
    `${JSON.stringify({ ...about, data: parts[0].found.data, results }, null, 1)}\n`,
  );
}
