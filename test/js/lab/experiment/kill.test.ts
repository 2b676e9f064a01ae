// Killed at any moment and started again, a run ends with the bytes of one that was never interrupted. CKL_KILL_ROUNDS sets how often this is tried.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Random } from '../../../../lib/lab/training/random';
import { scratch } from '../../data/files';

const files = scratch();
const main = join(__dirname, '../../../../dist/lab/cli/main.js');
const rounds = Number(process.env.CKL_KILL_ROUNDS ?? 1);
const small = ['--docs', '8', '--batch', '32', '--epochs', '1'];

/** Runs the command, and kills it after so many writes to stderr, where that many come. */
function run(args: readonly string[], lines = Infinity): Promise<{ code: number | null; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let [err, seen] = ['', 0];
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      if (++seen >= lines) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, err }));
  });
}

/** What --json wrote, but for time and machine. */
function saved(file: string): unknown {
  const found = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  return { ...found, made: null, seconds: null };
}

it.each([
  ['train', ['--epochs', '12'], ['--checkpoint-every', '3']],
  [
    'refine',
    [...small, '--width', '16', '--student', 'multi', '--losses', 'ckl,kl', '--warmup', 'kl', '--folds', '2'],
    ['--checkpoint-every', '2'],
  ],
  [
    'compare',
    [
      ...small,
      '--quick',
      '--students',
      'multi',
      '--losses',
      'kl',
      '--wrong-teacher',
      '0',
      '--wrong-labels',
      '0',
    ],
    [],
  ],
])('%s', { timeout: 300_000 * rounds }, async (command, args, more) => {
  const [whole, parts, checkpoint] = ['whole', 'parts', 'ckpt'].map((name) =>
    join(files.dir, `${command}-${name}`),
  );
  expect((await run([command, ...args, '--json', whole])).code).toBe(0);
  const random = new Random(Number(process.env.CKL_KILL_SEED ?? 1));
  for (let round = 0; round < rounds; round++) {
    rmSync(checkpoint, { force: true });
    const again = [command, ...args, ...more, '--checkpoint', checkpoint, '--json', parts];
    for (let kill = 0; kill < 3; kill++) await run(again, 1 + random.below(5));
    const { code, err } = await run(again);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(saved(parts)).toEqual(saved(whole));
    rmSync(parts);
    expect(readdirSync(files.dir).filter((name) => /partial|lock/.test(name))).toEqual([]);
  }
});

/** The command while it holds its checkpoint's lock; started again where it was over before that was seen. */
async function startedWithLock(args: readonly string[], checkpoint: string) {
  for (;;) {
    const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    while (child.exitCode === null && !existsSync(`${checkpoint}.lock`))
      await new Promise((resolve) => setTimeout(resolve, 2));
    if (child.exitCode === null) return { child, ended };
    rmSync(checkpoint, { force: true });
  }
}

it('of two processes on one checkpoint the second is refused, and the first ends with its numbers', async () => {
  const [whole, first, second, checkpoint] = ['alone', 'first', 'second', 'shared'].map((name) =>
    join(files.dir, name),
  );
  const args = ['train', '--epochs', '12'];
  expect((await run([...args, '--json', whole])).code).toBe(0);
  const { child, ended } = await startedWithLock(
    [...args, '--checkpoint', checkpoint, '--json', first],
    checkpoint,
  );
  child.kill('SIGSTOP');
  const refused = await run([...args, '--checkpoint', checkpoint, '--json', second]);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain(`in use by process ${child.pid}`);
  expect(existsSync(second)).toBe(false);
  child.kill('SIGCONT');
  expect(await ended).toBe(0);
  expect(saved(first)).toEqual(saved(whole));
}, 120_000);
