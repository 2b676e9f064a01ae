// What `refine` can be asked for beyond one loss on one split: sums of losses, folds, curricula, files with bad lines.
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refine, type RefineOptions } from '../../../../lib/lab/refine/job';
import { distil } from '../../../../lib/lab/training/distil';
import { LinearStudent } from '../../../../lib/lab/students/linear/linear-student';
import { titleOfLoss, type TrainingLoss } from '../../../../lib/lab/training/loss-sum';
import type { Curriculum } from '../../../../lib/lab/training/cl-drd';
import { Random } from '../../../../lib/lab/training/random';
import { scratch } from '../../data/files';
import { drawLists, judgementsOf } from '../training/lists';

const files = scratch();
const main = join(__dirname, '../../../../dist/lab/cli/main.js');
const sample = join(__dirname, '../../../../examples/sample');
const OPTIONS: RefineOptions = {
  data: sample,
  teacher: join(sample, 'teacher.trec'),
  losses: ['ckl'],
  docs: 8,
  width: 16,
  epochs: 1,
  patience: 2,
  batch: 32,
  learningRate: 0.003,
  seed: 1,
};

describe('training with a weighted sum', () => {
  const TRUTH = [0.2, 2, -1.5, 1];
  const all = drawLists(new Random(11), 130, TRUTH, 0.15);
  const data = { train: all.slice(0, 100), dev: all.slice(100), qrels: judgementsOf(all) };
  const trained = async (loss: TrainingLoss, curriculum?: Curriculum) => {
    const student = new LinearStudent(TRUTH.length, 0);
    const { history } = await distil(student, data, {
      ...{ loss, curriculum, nllWeight: loss === 'klLogL' ? 0.5 : undefined },
      ...{
        teacherTemperature: 1,
        epochs: 2,
        batch: 16,
        learningRate: 0.05,
        patience: 2,
        refreshRanks: 7,
        seed: 3,
      },
    });
    return { weights: [...student.weights], loss: history[1].loss! };
  };

  it('is training with the loss that this sum is', async () => {
    const [sum, single] = [await trained({ kl: 1, nll: 0.5 }), await trained('klLogL')];
    expect(sum.loss).toBeCloseTo(single.loss, 5);
    sum.weights.forEach((weight, f) => expect(weight).toBeCloseTo(single.weights[f], 3));
    expect(titleOfLoss({ kl: 1, nll: 0.5 })).toBe('kl:1+nll:0.5');
  });

  it('reads ranks and relevance where a term does', async () => {
    const [ckl, both] = [await trained('ckl'), await trained({ ckl: 1, lambdaMrr: 0.5 })];
    expect(both.loss).toBeGreaterThan(ckl.loss);
    const none = await trained({ ckl: 1, lambdaMrr: 0 });
    none.weights.forEach((weight, f) => expect(weight).toBeCloseTo(ckl.weights[f], 4));
  });

  it('lambdaMrr learns other things from each curriculum', async () => {
    const found = [];
    for (const curriculum of ['cl-drd', 'last-stage', 'labels'] as const)
      found.push((await trained('lambdaMrr', curriculum)).weights);
    expect(await trained('lambdaMrr')).toMatchObject({ weights: found[0] });
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ])
      expect(found[a]).not.toEqual(found[b]);
  });
});

describe('folds', () => {
  it('test every judged query once, with the comparisons over all of them', async () => {
    const data: number[] = [];
    const result = await refine(
      { ...OPTIONS, losses: ['ckl', { kl: 1, marginMse: 0.05 }], folds: 3, zeroShot: [sample] },
      { onData: ({ test }) => data.push(test) },
    );
    expect(data).toHaveLength(3);
    const { queries, mean, perQuery } = result.refined[0].rerank;
    expect(new Set(queries).size).toBe(queries.length);
    expect(queries).toHaveLength(data.reduce((a, b) => a + b));
    expect(result.data.test).toBe(queries.length);
    expect(result.folds).toBe(3);
    expect(mean['ndcg@10']).toBeCloseTo(perQuery['ndcg@10'].reduce((a, b) => a + b) / queries.length, 12);
    expect(result.refined.map(({ loss }) => loss)).toEqual(['ckl', 'kl:1+marginMse:0.05']);
    for (const { n } of result.comparisons) expect(n).toBe(queries.length);
    // Measured by three students; their mean counts, a value a query.
    expect(result.start.zeroShot.sample.queries).toHaveLength(100);
  });
});

describe('the command', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, 'refine', ...args], { encoding: 'utf8' });
  const data = ['--data', sample, '--teacher', OPTIONS.teacher];
  const small = ['--width', '16', '--epochs', '1', '--docs', '8', '--batch', '32'];

  it('takes a sum with commas, shows Figure 3 as it goes', () => {
    const json = join(files.dir, 'sum.json');
    const { stderr, stdout } = run(...data, ...small, '--loss', 'kl:1,marginMse:0.05', '--json', json);
    expect(stdout).toMatch(/^kl:1\+marginMse:0.05 /m);
    expect(stderr).toMatch(/separation -?\d\.\d{3} {2}entropy \d\.\d{3}/);
    const { options } = JSON.parse(readFileSync(json, 'utf8')) as { options: RefineOptions };
    expect(options.losses).toEqual([{ kl: 1, marginMse: 0.05 }]);
  });

  it.each([
    [['--loss', 'kl:1,klx:2'], '--loss takes kl, ckl'],
    [['--loss', 'kl:1,kl:2'], 'kl occurs twice'],
    [['--loss', 'kl:x,nll:1'], '--loss takes a number'],
    [['--losses', 'kl,nll', '--gamma', '4'], '--gamma does not belong'],
    [['--loss', 'kl', '--beta', '0.3'], '--beta does not belong to --loss kl'],
    [['--loss', 'kl', '--negative-weight', '1'], '--negative-weight does not belong to --loss kl'],
    [['--loss', 'jsd', '--beta', '1'], '--beta takes a number'],
    [['--loss', 'jsd', '--beta', '0'], '--beta takes a number'],
    [['--loss', 'lambdaNdcg', '--k', '1.5'], '--k takes a whole number'],
    [['--loss', 'lambdaNdcg', '--k', '0'], '--k takes a whole number'],
    [['--loss', 'lambdaNdcg', '--mu=-1'], '--mu takes a number'],
    [['--loss', 'adrMse', '--steepness', '0'], '--steepness takes a number'],
    [['--loss', 'rankNet', '--k', '3'], '--k does not belong to --loss rankNet'],
    [['--loss', 'kl', '--curriculum', 'labels'], '--curriculum belongs to lambdaMrr'],
    [['--loss', 'lambdaMrr', '--curriculum', 'x'], '--curriculum takes cl-drd'],
    [['--folds', '1'], '--folds takes 0 or at least 2'],
    [['--batch', '1e15'], '--batch takes a whole number from 1 to 1000000, not "1e15"'],
    [['--docs', '1e15'], '--docs takes a whole number from 2 to 1000000'],
    [['--loss', 'kl:0,ckl:0'], '--loss: all weights of kl:0,ckl:0 are 0'],
    [['--loss', 'kl', '--refresh-ranks', '3'], '--refresh-ranks belongs to ckl, not to kl'],
    [['--candidates', '5'], '--candidates does nothing without --student two-stage'],
    [['--student', 'two-stage', '--query-flops', '1'], '--query-flops does nothing without --student sparse'],
    [['--warmup-epochs', '2'], '--warmup-epochs does nothing without --warmup'],
    [['--checkpoint-every', '2'], '--checkpoint-every does nothing without --checkpoint'],
  ])('refuses %j', (args, message) => {
    const { stderr, status } = run(...data, ...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it('takes the bundled sample where nobody names data', () => {
    const { stderr, stdout } = run(...small, '--loss', 'kl');
    expect(stderr).toContain('the sample (synthetic): 576 documents');
    expect(stdout).toMatch(/^kl /m);
    expect(run('--teacher', OPTIONS.teacher).stderr).toContain('--teacher needs --data');
  });

  it('stops at a bad line, or counts it with --skip-bad', () => {
    const dir = join(files.dir, 'bad');
    cpSync(sample, dir, { recursive: true });
    appendFileSync(join(dir, 'corpus.jsonl'), '{"_id": "half\n');
    const bad = ['--data', dir, '--teacher', join(dir, 'teacher.trec'), '--loss', 'kl', ...small];
    const { stderr, status } = run(...bad);
    expect(status).toBe(1);
    expect(stderr).toMatch(/corpus\.jsonl:577/);
    const skipped = execFileSync(process.execPath, [main, 'refine', ...bad, '--skip-bad'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(skipped).toContain('kl ');
    expect(run(...bad, '--skip-bad').stderr).toContain('left out: 1 lines');
  });
});
