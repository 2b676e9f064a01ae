// `--level`: from which level on a judgement counts, in the labels and in the measures of train, refine and compare.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCompareArguments } from '../../../../lib/lab/cli/compare/options';
import { readRefineArguments } from '../../../../lib/lab/cli/refine/options';
import { readTrainArguments } from '../../../../lib/lab/cli/train/options';
import { experimentOf } from '../../../../lib/lab/compare/experiment';
import { Reranker } from '../../../../lib/lab/experiment/reranker';
import { Retrievers } from '../../../../lib/lab/experiment/retrievers';
import type { Experiment } from '../../../../lib/lab/experiment/plan';
import { experimentOf as refinement } from '../../../../lib/lab/refine/job';
import { loadCandidates } from '../../../../lib/lab/training/candidates';
import { OPTIONS } from '../report/small';
import { scratch } from '../../data/files';

const files = scratch();
const ids = [...Array(40).keys()];
const lines = (all: readonly string[]) => all.map((line) => `${line}\n`).join('');

/** Each query has one document of each level from 0 to 3; the teacher likes d0 best and d3 least. */
function folder(): { data: string; teacher: string } {
  const documents = [0, 1, 2, 3];
  mkdirSync(join(files.dir, 'qrels'));
  files.write('corpus.jsonl', lines(documents.map((d) => `{"_id":"d${d}","text":"word${d} other"}`)));
  files.write('queries.jsonl', lines(ids.map((q) => `{"_id":"q${q}","text":"word0 other"}`)));
  files.write('qrels/all.tsv', lines(ids.flatMap((q) => documents.map((d) => `q${q}\td${d}\t${d}`))));
  files.write('run', lines(ids.flatMap((q) => documents.map((d) => `q${q} Q0 d${d} ${d} ${9 - d} t`))));
  return { data: files.dir, teacher: join(files.dir, 'run') };
}

describe('--level', () => {
  const where = folder();

  it('is read by train, refine and compare, and goes into the experiment', () => {
    const given = ['--data', where.data, '--teacher', where.teacher, '--level', '2'];
    expect(readTrainArguments(given)!.options.level).toBe(2);
    expect(refinement(readRefineArguments(given)!.options).level).toBe(2);
    expect(experimentOf(readCompareArguments(given)!.options).level).toBe(2);
    for (const read of [readTrainArguments, readRefineArguments, readCompareArguments])
      for (const bad of ['0', '1.5', 'high'])
        expect(() => read(['--data', where.data, '--teacher', where.teacher, '--level', bad])).toThrow(
          `--level takes a whole number of at least 1, not "${bad}"`,
        );
  });

  it.each([
    [undefined, [0, 1, 1, 1]],
    [2, [0, 0, 1, 1]],
    [3, [0, 0, 0, 1]],
  ])('%s makes the labels %j', async (level, labels) => {
    const { lists } = await loadCandidates(where.data, where.teacher, undefined, { level });
    expect([...lists[0].labels]).toEqual(labels);
  });

  it.each([
    [undefined, 1 / 2],
    [2, 1 / 3],
    [3, 1 / 4],
  ])('%s makes the MRR of the teacher %d, of train as of refine', async (level, mrr) => {
    const options = { ...OPTIONS, ...where, zeroShot: [] };
    const experiment: Experiment = { ...experimentOf(options), student: { width: 8 }, level };
    const unit = { condition: experiment.conditions[0], fold: 0 };
    const reranker = await Reranker.load(experiment);
    const retrievers = await Retrievers.load(experiment);
    for (const subject of [
      reranker.open({ ...unit, model: 'linear', students: ['linear'] }),
      retrievers.open({ ...unit, model: 'dense', students: ['dense'] }),
    ])
      for (const value of subject.references().teacher['mrr@10']) expect(value).toBeCloseTo(mrr, 12);
  });

  it('leaves nothing to train on where no judgement reaches it', async () => {
    const experiment = experimentOf({ ...OPTIONS, ...where, zeroShot: [], level: 4 });
    await expect(Retrievers.load(experiment)).rejects.toThrow(
      'none of 24 has both a positive and a negative',
    );
  });
});
