// `mpirun ckl-loss refine` and `train`: the files of one process, progress from rank 0, and checkpoints that any number of ranks goes on from.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import {
  describeEachMpi,
  type Launcher,
  mpirun,
  mpirunArguments,
  plainEnvironment,
  root,
  run,
} from './launch';

const main = join(root, 'dist/lab/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'ckl-refine-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const sample = ['--data', join(root, 'examples/sample')];
const refine = ['refine', ...sample, '--epochs', '2', '--docs', '12', '--losses', 'ckl,kl'];

/** All files of a run, by name; of the JSON all but how long it took. */
const filesOf = (name: string) =>
  Object.fromEntries(
    ['json', 'log', 'run'].flatMap((kind) => {
      const file = at(`${name}.${kind}`);
      if (!existsSync(file)) return [];
      return [[kind, readFileSync(file, 'utf8').replace(/"(seconds|queriesPerSecond)":\s*[\d.e+-]+/g, '')]];
    }),
  );
const outputs = (name: string, ...kinds: string[]) =>
  kinds.flatMap((kind) => [`--${kind}`, at(`${name}.${kind}`)]);

async function alone(name: string, args: readonly string[], ...kinds: string[]) {
  const ran = await run(process.execPath, [main, ...args, ...outputs(name, ...kinds)], plainEnvironment());
  expect(ran.stderr).not.toMatch(/Error/);
  expect(ran.code).toBe(0);
  return ran;
}
async function together(
  launcher: Launcher,
  ranks: number,
  name: string,
  args: readonly string[],
  ...kinds: string[]
) {
  const ran = await mpirun(launcher, ranks, [main, ...args, ...outputs(name, ...kinds)]);
  expect(ran.stderr).not.toMatch(/Error/);
  expect(ran.code, ran.stderr).toBe(0);
  return ran;
}

describeEachMpi('refine under mpirun', (launcher) => {
  const own = (name: string) => `${launcher.command}-${name}`;

  const cases: [what: string, options: string[]][] = [
    ['dense', ['--student', 'dense']],
    ['dense, in parts, with negatives of the batch', ['--microbatches', '4', '--in-batch', '0.5']],
    ['multi, in parts', ['--student', 'multi', '--microbatches', '3', '--warmup', 'kl']],
    ['two stages', ['--student', 'two-stage', '--microbatches', '2', '--epochs', '1']],
    ['sparse', ['--student', 'sparse', '--epochs', '1']],
  ];
  // What is between the ranks and the launcher has tests of its own. CKL_QUICK=1 leaves out students that others contain.
  const quick = process.env.CKL_QUICK ? [cases[1], cases[2], cases[4]] : cases;
  const some = launcher.name === 'MPICH' ? cases.slice(1, 2) : quick;
  it.each(some)('%s: writes the files of one process', async (_what, options) => {
    const args = [...refine, ...options];
    const one = await alone(own('one'), args, 'json', 'run');
    for (const ranks of options.includes('--in-batch') ? [2, 3] : [2]) {
      const many = await together(launcher, ranks, own('many'), args, 'json', 'run');
      expect(many.stdout).toBe(one.stdout);
      expect(many.stderr.match(/epoch 1\/\d/g)).toEqual(one.stderr.match(/epoch 1\/\d/g));
      expect(filesOf(own('many'))).toEqual(filesOf(own('one')));
      expect(Object.keys(filesOf(own('many')))).toContain('json');
    }
  });

  it('train writes the files of one process', async () => {
    for (const parts of process.env.CKL_QUICK ? [['--microbatches', '5']] : [[], ['--microbatches', '5']]) {
      const args = ['train', ...sample, '--epochs', '3', ...parts];
      await alone(own('train'), args, 'json', 'run');
      await together(launcher, 2, own('trains'), args, 'json', 'run');
      expect(filesOf(own('trains'))).toEqual(filesOf(own('train')));
    }
  });

  it('a rank that is killed ends the job, and another number of ranks goes on from its checkpoint', async () => {
    const options = ['--microbatches', '4', '--batch', '4'];
    await alone(own('whole'), [...refine, ...options], 'json');
    const checkpoint = at(own('ck'));
    const kept = ['--checkpoint', checkpoint, '--checkpoint-every', '1'];
    const args = [...refine, ...options, ...kept, ...outputs(own('killed'), 'json')];
    const { command, args: all, env } = mpirunArguments(launcher, 2, [main, ...args]);
    const job = spawn(command, all, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => job.once('close', resolve));
    let said = '';
    // In the middle of the second training.
    await new Promise<void>((resolve) => {
      job.stderr.on('data', (chunk) => {
        said += String(chunk);
        if (/^kl$[^]*epoch 1\//m.test(said)) resolve();
      });
      job.once('close', () => resolve());
    });
    process.kill(pidOfRank(1, checkpoint), 'SIGKILL');
    expect(await ended).not.toBe(0);
    expect(existsSync(at(own('killed.json')))).toBe(false);
    const more = await together(launcher, 3, own('resumed'), [...refine, ...options, ...kept], 'json');
    // What is done is not done again.
    expect(more.stderr.match(/epoch 1\//g)?.length ?? 0).toBeLessThan(said.match(/epoch 1\//g)!.length);
    expect(filesOf(own('resumed'))).toEqual(filesOf(own('whole')));
  });

  it('an error of one rank is one of the job, and a student without parts says so', async () => {
    const wrong = await mpirun(launcher, 2, [main, ...refine, '--json', at('no/such/folder/x.json')]);
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toMatch(/--json/);
    const sparse = await mpirun(launcher, 2, [main, ...refine, '--student', 'sparse', '--microbatches', '2']);
    expect(sparse.code).not.toBe(0);
    expect(sparse.stderr).toMatch(/microbatches: this student has a loss of whole batches/);
  });
});

/** The process of a rank of the job that has this text among its arguments. */
function pidOfRank(rank: number, text: string): number {
  const read = (pid: string, name: string) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'utf8').split('\0');
    } catch {
      return [];
    }
  };
  const pid = readdirSync('/proc').find(
    (name) =>
      /^\d+$/.test(name) &&
      read(name, 'cmdline')[0] === process.execPath &&
      read(name, 'cmdline').includes(text) &&
      read(name, 'environ').some((entry) =>
        [`OMPI_COMM_WORLD_RANK=${rank}`, `PMI_RANK=${rank}`].includes(entry),
      ),
  );
  if (pid === undefined) throw new Error(`no process of rank ${rank}`);
  return Number(pid);
}
