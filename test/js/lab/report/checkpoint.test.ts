// A comparison that is interrupted: what was done is kept, the same command goes on from there, and the numbers are those of one run.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CompareProgress } from '../../../../lib/lab/cli/compare/progress';
import { compareLosses } from '../../../../lib/lab/compare/compare';
import { Checkpoint } from '../../../../lib/lab/experiment/checkpoint';
import { scratch } from '../../data/files';
import { OPTIONS } from './small';

const files = scratch();
const main = join(__dirname, '../../../../dist/lab/cli/main.js');
const LESS = {
  ...OPTIONS,
  students: ['multi' as const],
  recipes: OPTIONS.recipes.filter(({ name }) => name !== 'kl+ckl'),
  epochs: 1,
  zeroShot: [],
};

const open = async (file: string, options = LESS) =>
  (await Checkpoint.open({ checkpoint: file }, { command: 'compare', options }))!;

/** Runs until so many trainings are done, then stops it as Ctrl-C does. */
async function interrupted(file: string, after: number): Promise<void> {
  const stop = new AbortController();
  const checkpoint = await open(file);
  const onTraining = (done: number) => done === after && stop.abort(new Error('stopped'));
  const run = compareLosses(LESS, 1, { checkpoint, signal: stop.signal, onTraining });
  await expect(run).rejects.toThrow('stopped');
  await checkpoint.close();
}

describe('a checkpoint', () => {
  it('is gone on from, with the same numbers in the end, also behind a line that was cut short', async () => {
    const file = join(files.dir, 'compare.ckpt');
    await interrupted(file, 4);
    appendFileSync(file, '[8,{"unit":{"mo');
    const checkpoint = await open(file);
    expect([...checkpoint.done.keys()]).toEqual([0, 1, 2, 3]);
    const seen: [number, number][] = [];
    const compared = await compareLosses(LESS, 1, {
      checkpoint,
      onTraining: (done, all) => seen.push([done, all]),
    });
    expect(compared).toEqual(JSON.parse(JSON.stringify(await compareLosses(LESS))));
    // Three conditions with a reference and two losses each.
    expect(seen.map(([done]) => done)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(seen[0][1]).toBe(9);
    await checkpoint.close();
    // All is there now, so nothing is left to do.
    const whole = await open(file);
    const again: number[] = [];
    await compareLosses(LESS, 2, { checkpoint: whole, onTraining: (done) => again.push(done) });
    expect(again).toEqual([9]);
    await whole.close();
  });

  it('of other options, or something else, is refused and left as it is', async () => {
    const file = join(files.dir, 'other.ckpt');
    await (await open(file)).close();
    await expect(open(file, { ...LESS, seeds: 2 })).rejects.toMatchObject({
      code: 'ERR_CKL_CHECKPOINT',
      message: expect.stringContaining('seeds was 1, now 2') as string,
    });
    writeFileSync(file, '{"format":"something"}\n');
    await expect(open(file)).rejects.toThrow('not a checkpoint of ckl-loss');
    expect(readFileSync(file, 'utf8')).toBe('{"format":"something"}\n');
  });

  it('damaged in the middle is refused with the record', async () => {
    const file = join(files.dir, 'damaged.ckpt');
    await (await open(file)).close();
    appendFileSync(file, '[0,{"un\n[1,{}]\n');
    await expect(open(file)).rejects.toMatchObject({
      code: 'ERR_CKL_CHECKPOINT',
      message: `${file}: damaged: record 2 does not match its digest`,
    });
  });

  it('is kept by the command, which says so when it is interrupted', { timeout: 120_000 }, async () => {
    const file = join(files.dir, 'command.ckpt');
    const child = spawn(process.execPath, [
      ...[main, 'compare', '--data', OPTIONS.data, '--teacher', OPTIONS.teacher, '--checkpoint', file],
      ...['--students', 'multi', '--jobs', '2'],
    ]);
    let [err, stopped] = ['', false];
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      // Once: a second Ctrl-C would end it at once.
      if (!stopped && /\d+ of \d+ trainings/.test(err)) stopped = child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(130);
    expect(err).toMatch(/interrupted after \d+ of \d+ trainings; the same command goes on from /);
    expect(err).toContain(`goes on from ${file}`);
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file, 'utf8').split('\n').length).toBeGreaterThan(2);
  });
});

describe('CompareProgress', () => {
  it('foretells the end from the trainings of this run alone', () => {
    let [text, now] = ['', 0];
    const progress = new CompareProgress(
      { isTTY: false, write: (more: string) => (text += more) },
      () => now,
    );
    progress.training(90, 100);
    now = 10_000;
    progress.training(95, 100);
    expect(text).toBe('90 of 100 trainings were done before\n95 of 100 trainings, 0:10 left\n');
  });
});
