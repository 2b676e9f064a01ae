// Which rankings `--run` writes, and into which files; that a comparison's log and runs do not depend on the order of its units.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runFilesOf, writtenRuns } from '../../../../lib/lab/cli/run-files';
import type { Unit } from '../../../../lib/lab/experiment/plan';
import { Rankings } from '../../../../lib/lab/experiment/rankings';
import { ExperimentLog, UnitLog } from '../../../../lib/lab/experiment/training-log';

const unitOf = (condition: string, fold: number, recipe?: string): Unit => ({
  model: 'dense',
  students: ['dense'],
  condition: { name: condition, wrongTeacher: 0, wrongLabels: 0 },
  fold,
  ...(recipe && { recipe: { name: recipe, stages: ['kl'] } }),
});
const runOf = (qid: string) => new Map([[qid, new Map([['d', 1]])]]);

describe('Rankings', () => {
  it.each([[[1, 4]], [[4, 1]]])('joins the folds in the order of the plan, not of %s', (places) => {
    const rankings = new Rankings({ condition: 'clean', seed: 1 });
    for (const place of places)
      rankings.offer({ unit: unitOf('clean', place, 'kl'), place }, 1, 'dense', runOf(`q${place}`));
    expect([...rankings.get('dense', 'kl')!.keys()]).toEqual(['q1', 'q4']);
    expect(rankings.get('dense', 'ckl')).toBeUndefined();
    expect(rankings.get('multi', 'kl')).toBeUndefined();
  });

  it('leaves out the warm-up, other seeds and other conditions', () => {
    const rankings = new Rankings({ condition: 'clean', seed: 1 });
    const offer = (unit: Unit, seed: number) => rankings.offer({ unit, place: 0 }, seed, 'dense', runOf('q'));
    expect(offer(unitOf('clean', 0), 1)).toBeUndefined();
    expect(offer(unitOf('clean', 0, 'kl'), 2)).toBeUndefined();
    expect(offer(unitOf('wrongTeacher', 0, 'kl'), 1)).toBeUndefined();
    expect(rankings.get('dense', 'kl')).toBeUndefined();
  });
});

describe('runFilesOf', () => {
  const names = (...of: Parameters<typeof runFilesOf>) => runFilesOf(...of).map(({ file }) => file);

  it('is FILE for one training, and else FILE with the names that differ', () => {
    expect(names('a/b.trec', ['dense'], ['kl'])).toEqual(['a/b.trec']);
    expect(names('a/b.trec', ['dense'], ['kl', 'kl+ckl'])).toEqual([
      join('a', 'b.kl.trec'),
      join('a', 'b.kl+ckl.trec'),
    ]);
    expect(names('b', ['dense', 'multi'], ['kl'])).toEqual(['b.dense', 'b.multi']);
    expect(names('b.run', ['dense', 'multi'], ['kl:1+nll:0.5', 'ckl'])).toEqual([
      'b.dense.kl-1+nll-0.5.run',
      'b.dense.ckl.run',
      'b.multi.kl-1+nll-0.5.run',
      'b.multi.ckl.run',
    ]);
    expect(names(undefined, ['dense'], ['kl'])).toEqual([]);
  });

  it('writes those that were reached', () => {
    const rankings = new Rankings({ condition: 'clean', seed: 1 });
    rankings.offer({ unit: unitOf('clean', 0, 'kl'), place: 0 }, 1, 'dense', runOf('q'));
    const written = writtenRuns(runFilesOf('r', ['dense'], ['kl', 'ckl']), rankings);
    expect(written.map(([file, content]) => [file, content()])).toEqual([['r.kl', 'q Q0 d 1 1 dense-kl\n']]);
  });
});

it('a log has the units in the order of the plan, and says whose each line is', () => {
  const whole = new ExperimentLog();
  const progress = {
    ...{ epoch: 1, epochs: 1, step: 1, steps: 1, loss: 0.5, dev: 0.25 },
    ...{ learningRate: 0.1, queriesPerSecond: 10, secondsLeft: 0 },
  };
  for (const place of [2, 0]) {
    const log = new UnitLog(unitOf('clean', place, 'kl'));
    log.recipe('kl', 7, 0.003);
    log.batch(progress);
    whole.take(place, log.text());
  }
  const entries = whole
    .text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(entries.map(({ fold }) => fold)).toEqual([0, 2]);
  expect(entries[0]).toMatchObject({
    ...{ kind: 'step', model: 'dense', condition: 'clean', training: 'kl', seed: 7, rate: 0.003, loss: 0.5 },
  });
});
