// The refinement job: what it reports, that it repeats itself, that it improves a real retriever.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reportRefinement } from '../../../../lib/lab/cli/refine/report';
import { behaviourOn } from '../../../../lib/lab/experiment/behaviour';
import { refine, type RefineOptions } from '../../../../lib/lab/refine/job';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import type { Student } from '../../../../lib/lab/training/student';
import { holm } from '../../../../lib/metrics/index';
import { scratch } from '../../data/files';
import { haveShared, shared } from '../../data/shared';

const files = scratch();

const sample = join(__dirname, '../../../../examples/sample');
const OPTIONS: RefineOptions = {
  data: sample,
  teacher: join(sample, 'teacher.trec'),
  losses: ['kl', 'nll'],
  docs: 20,
  width: 64,
  epochs: 3,
  patience: 3,
  batch: 16,
  learningRate: 0.003,
  seed: 1,
};

describe('behaviourOn', () => {
  /** A student whose scores are the teacher's. */
  const copycat: Student<CandidateList> = {
    score: (list, out, at) => list.teacher.forEach((score, d) => (out[at + d] = score)),
    backward: () => {},
    step: () => {},
    scale: () => {},
    save: () => () => {},
  };
  const list = (probabilities: number[], labels: number[]): CandidateList => ({
    qid: 'q',
    docids: probabilities.map((_, d) => `d${d}`),
    teacher: Float32Array.from(probabilities, Math.log),
    labels: Uint8Array.from(labels),
  });

  it('is the mean of separation and entropy over the lists that have both kinds', () => {
    const lists = [list([0.5, 0.3, 0.2], [1, 1, 0]), list([0.2, 0.8], [1, 0]), list([0.4, 0.6], [0, 0])];
    const { separation, entropy } = behaviourOn(copycat, lists);
    expect(separation).toBeCloseTo((0.3 - 0.2 + (0.2 - 0.8)) / 2, 5);
    const h = (p: number) => -p * Math.log(p);
    expect(entropy).toBeCloseTo((h(0.5) + h(0.3) + h(0.2)) / 2, 5);
  });
  it('counts a positive outside the ten best as absent there', () => {
    const far = list([...Array<number>(10).fill(0.095), 0.05], [...Array<number>(10).fill(0), 1]);
    expect(behaviourOn(copycat, [far]).separation).toBe(0);
    expect(behaviourOn(copycat, []).entropy).toBe(0);
  });
});

describe('refine', () => {
  it('refines the same start with each loss, compares the first with the rest, and repeats itself', async () => {
    const result = await refine(OPTIONS);
    expect(result.refined.map(({ loss }) => loss)).toEqual(['kl', 'nll']);
    for (const { training, behaviour, rerank, full } of result.refined) {
      expect(training.history[0].dev).toBe(result.refined[0].training.history[0].dev);
      expect(behaviour).toHaveLength(training.history.length);
      for (const point of behaviour)
        expect(point).toMatchObject({ separation: expect.any(Number), entropy: expect.any(Number) });
      expect(rerank.queries).toHaveLength(100);
      expect(full.queries).toHaveLength(100);
      expect(rerank.mean['ndcg@10']).toBeGreaterThan(result.start.rerank.mean['ndcg@10']);
    }
    expect(result.folds).toBeUndefined();
    // Two settings, two measures, against the start and one other loss.
    expect(result.comparisons).toHaveLength(8);
    const corrected = holm(result.comparisons.map(({ p }) => p));
    expect(result.comparisons.map(({ pHolm }) => pHolm)).toEqual(corrected);

    const again = await refine({ ...OPTIONS, losses: ['kl'] });
    expect(again.refined[0]).toEqual(result.refined[0]);

    const text = reportRefinement(result);
    const ndcg = result.refined[0].rerank.mean['ndcg@10'].toFixed(4);
    expect(text.split('\n').find((line) => line.startsWith('kl '))).toContain(ndcg);
  });

  it('reports on what was reached when it is interrupted', async () => {
    const interrupt = new AbortController();
    const result = await refine(OPTIONS, {
      signal: interrupt.signal,
      onProgress: ({ step }) => step === 12 && interrupt.abort(),
    });
    expect(result.refined.map(({ loss, training }) => [loss, training.stopped])).toEqual([
      ['kl', 'interrupted'],
    ]);
    expect(reportRefinement(result)).toContain('kl against');
  });

  it('goes on from the step of its checkpoint, within an unfinished loss, and ends as if never interrupted', async () => {
    const checkpoint = join(files.dir, 'interrupted');
    const options: RefineOptions = { ...OPTIONS, losses: ['kl'], checkpoint };
    const interrupt = new AbortController();
    await refine(options, {
      signal: interrupt.signal,
      onProgress: ({ step }) => step === 12 && interrupt.abort(),
    });
    const steps: number[] = [];
    const resumed = await refine(
      { ...OPTIONS, losses: ['kl'], resume: checkpoint },
      { onProgress: ({ step }) => void steps.push(step) },
    );
    expect(Math.min(...steps)).toBeGreaterThan(12);
    const whole = await refine({ ...OPTIONS, losses: ['kl'] });
    expect(resumed.refined).toEqual(whole.refined);
  });

  it("shortens training lists to positives and the teacher's best, and refuses what a loss refuses", async () => {
    await expect(refine({ ...OPTIONS, losses: ['ckl'], gamma: 2, alpha: 5 })).rejects.toThrow(RangeError);
    const short = await refine({ ...OPTIONS, losses: ['nll'], docs: 2, epochs: 1 });
    const long = await refine({ ...OPTIONS, losses: ['nll'], docs: 20, epochs: 1 });
    // The likelihood of one positive among 2 documents starts higher than among 20.
    expect(short.refined[0].training.history[1].loss).toBeLessThan(
      long.refined[0].training.history[1].loss! - 0.5,
    );
  });

  it('tells of the data of each fold once, before its losses', async () => {
    const told: (string | object)[] = [];
    const { folds, data } = await refine(
      { ...OPTIONS, losses: ['kl', 'nll'], epochs: 1, folds: 2 },
      { onData: (of) => void told.push(of), onLoss: (loss) => void told.push(loss) },
    );
    expect(folds).toBe(2);
    const ofFold = expect.objectContaining({ documents: data.documents, test: 150 }) as object;
    expect(told).toEqual([ofFold, 'kl', 'nll', ofFold, 'kl', 'nll']);
  });

  it('in folds that is interrupted reports on the folds that it came to', async () => {
    const interrupt = new AbortController();
    const result = await refine(
      { ...OPTIONS, losses: ['kl'], epochs: 1, folds: 3, zeroShot: [sample] },
      { signal: interrupt.signal, onProgress: () => interrupt.abort() },
    );
    expect(result.folds).toBe(1);
    expect(result.data.test).toBe(100);
    expect(result.start.rerank.queries).toHaveLength(100);
    expect(result.start.zeroShot.sample.queries).toHaveLength(100);
    expect(result.start.zeroShot.sample.mean['ndcg@10']).toBeGreaterThan(0);
  });

  it.each([
    [1, 0],
    [2, 4],
  ])('with %i test queries makes %i comparisons', async (count, expected) => {
    const dir = join(files.dir, `queries${count}`);
    mkdirSync(join(dir, 'qrels'), { recursive: true });
    for (const name of ['corpus.jsonl', 'queries.jsonl', 'teacher.trec', 'qrels/train.tsv'])
      cpSync(join(sample, name), join(dir, name));
    const [header, ...lines] = readFileSync(join(sample, 'qrels/test.tsv'), 'utf8').trim().split('\n');
    const qidOf = (line: string) => line.split('\t')[0];
    const chosen = [...new Set(lines.map(qidOf))].slice(0, count);
    const kept = lines.filter((line) => chosen.includes(qidOf(line)));
    writeFileSync(join(dir, 'qrels/test.tsv'), [header, ...kept, ''].join('\n'));
    const { comparisons, start } = await refine({
      ...{ ...OPTIONS, losses: ['kl'], epochs: 1 },
      ...{ data: dir, teacher: join(dir, 'teacher.trec') },
    });
    expect(start.rerank.queries).toEqual(chosen);
    // Two measures in two settings, against the start.
    expect(comparisons).toHaveLength(expected);
  });

  it('trains with one loss after the other', async () => {
    const [both] = (await refine({ ...OPTIONS, losses: ['kl+ckl'], epochs: 2 })).refined;
    const [kl] = (await refine({ ...OPTIONS, losses: ['kl'], epochs: 1 })).refined;
    expect(both.loss).toBe('kl+ckl');
    expect(both.training.history).toHaveLength(3);
    expect(both.training.history[1].loss).toBe(kl.training.history[1].loss);
  });
});

describe.skipIf(!haveShared)('SciFact with E5 as the teacher (needs ../shared)', () => {
  it('ckl improves reranking and full retrieval of the held-out queries', { timeout: 300_000 }, async () => {
    const { start, refined, data } = await refine({
      ...OPTIONS,
      data: shared('scifact/beir'),
      teacher: shared('scifact/teacher_e5/E5_Results.txt.gz'),
      losses: ['ckl'],
      docs: 33,
      width: 128,
      epochs: 4,
      learningRate: 0.003,
    });
    expect(data).toMatchObject({ documents: 5183, test: 153 });
    for (const setting of ['rerank', 'full'] as const) {
      for (const measure of ['ndcg@10', 'mrr@10']) {
        expect(refined[0][setting].mean[measure]).toBeGreaterThan(start[setting].mean[measure] + 0.01);
      }
    }
  });
});
