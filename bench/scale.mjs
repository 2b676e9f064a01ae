// What does work of MS MARCO's size cost? Measures CPU seconds and peak memory in a separate process, on generated files of any size.
//
//   node bench/scale.mjs [--only NAME]… [--size small|full|huge] [--against OLD-DIST] [--dir DIR] [--json FILE]
//
// Each file of bench/scale/ exports `cases(size)`, which returns a list of { name, unit, count, make(dir), work(dist, made), command?(made) }.
// `make` writes files and returns what `work` needs, as JSON. `work` runs in the measured process and gets the folder of a build.
// `command` is another program on the same files, as [program, …arguments]; it is measured too if it is installed.
// --against measures an older build on the same work, in turns. Other rows of the JSON file are kept; each row names its CPU and commit.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit, machine, report, round } from './lib/harness.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    size: { type: 'string', default: 'small' },
    against: { type: 'string' },
    dir: { type: 'string' },
    json: { type: 'string' },
    turns: { type: 'string', default: '2' },
  },
});
const { only } = values;
const dists = [resolve(here, '../dist'), ...(values.against ? [resolve(values.against)] : [])];
const dir = values.dir ? resolve(values.dir) : mkdtempSync(join(tmpdir(), 'ckl-scale-'));
mkdirSync(dir, { recursive: true });

/** Runs a program and returns its wall seconds and its output. */
function measured(program, args) {
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  const wall = (performance.now() - begun) / 1e3;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.slice(-2000)}`);
  return { wall, stdout };
}

const child = (dist, module, name, made) => {
  const { stdout } = measured(process.execPath, [
    join(here, 'lib/scale-child.mjs'),
    dist,
    module,
    values.size,
    name,
    JSON.stringify(made),
  ]);
  return JSON.parse(stdout.trim().split('\n').at(-1));
};

/** CPU seconds and peak memory of another program, or undefined if it or GNU time is not installed. */
function beside([program, ...args]) {
  if (spawnSync('sh', ['-c', `command -v ${program} && test -x /usr/bin/time`]).status !== 0)
    return undefined;
  const { stderr } = spawnSync('/usr/bin/time', ['-f', '%U %S %M', program, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const [user, system, kb] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return { program, cpu: user + system, memory: kb / 1e3 };
}

const rows = [];
for (const file of readdirSync(join(here, 'scale')).sort()) {
  const module = join(here, 'scale', file);
  const { cases } = await import(module);
  for (const one of cases(values.size)) {
    if (only && !only.some((name) => one.name.startsWith(name))) continue;
    console.error(`${one.name}: ${one.count} ${one.unit}s`);
    const made = await one.make(dir);
    const results = dists.map(() => []);
    for (let turn = 0; turn < Number(values.turns); turn++)
      for (const [i, dist] of dists.entries()) {
        try {
          results[i].push(child(dist, module, one.name, made));
        } catch (error) {
          if (i === 0) throw error;
          console.error(`  the other build: ${error.message.split('\n').find((line) => line) ?? error}`);
        }
      }
    const least = (list, key) => Math.min(...list.map((result) => result[key]));
    const [own, old] = results;
    const other = one.command && beside(one.command(made));
    rows.push({
      case: one.name,
      count: one.count,
      unit: one.unit,
      'CPU, s': round(least(own, 'cpu'), 2),
      'µs a unit': round((1e6 * least(own, 'cpu')) / one.count, 3),
      'memory, MB': Math.round(least(own, 'memory')),
      'wall, s': round(least(own, 'wall'), 2),
      ...own[0].more,
      ...(old?.length && {
        'CPU before, s': round(least(old, 'cpu'), 2),
        'memory before, MB': Math.round(least(old, 'memory')),
        'CPU, times before': round(least(own, 'cpu') / least(old, 'cpu'), 2),
      }),
      ...(other && {
        [`${other.program}, CPU s`]: round(other.cpu, 2),
        [`${other.program}, MB`]: Math.round(other.memory),
      }),
      cpu: machine().cpu,
      commit: commit(),
    });
  }
}
if (!values.dir) rmSync(dir, { recursive: true, force: true });
if (values.json && existsSync(values.json)) {
  const names = new Set(rows.map((row) => `${row.case} ${row.count}`));
  const kept = JSON.parse(readFileSync(values.json, 'utf8')).rows;
  rows.unshift(...kept.filter((row) => !names.has(`${row.case} ${row.count}`)));
}
report('what work of MS MARCO’s size costs', rows);
