// The source of an adapter's training: what it tells of its data, with the lines that were left out and the teacher's scales of each fold.
import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadBeir } from '../../../../lib/data/index';
import { formatNpy } from '../../../../lib/data/npy';
import { Adapters } from '../../../../lib/lab/experiment/adapters';
import type { Experiment } from '../../../../lib/lab/experiment/plan';
import { Random } from '../../../../lib/lab/training/random';
import { scratch } from '../../data/files';

const files = scratch();
const sample = join(__dirname, '../../../../examples/sample');
const DIM = 8;

it('counts the lines that were left out, and has the scale of the teacher in each fold', async () => {
  const at = (name: string) => join(files.dir, name);
  const { corpus, queries } = await loadBeir(sample);
  const random = new Random(3);
  const vectors = (rows: number) =>
    formatNpy(
      Float32Array.from({ length: rows * DIM }, () => random.normal()),
      rows,
      DIM,
    );
  writeFileSync(at('queries.npy'), vectors(queries.size));
  writeFileSync(at('documents.npy'), vectors(corpus.size));
  cpSync(join(sample, 'teacher.trec'), at('teacher.trec'));
  appendFileSync(at('teacher.trec'), 'q1 Q0\nq1 Q0 d1 1 high t\n');
  const experiment = (skipBad: boolean) =>
    ({
      ...{ data: sample, teacher: at('teacher.trec'), zeroShot: [], folds: 2, seed: 1, skipBad },
      ...{ models: [], student: {}, recipes: [], conditions: [], loss: {} },
    }) as unknown as Experiment;
  const options = { queryEmbeddings: at('queries.npy'), documentEmbeddings: at('documents.npy') };
  const read = (skipBad: boolean) =>
    Adapters.load(experiment(skipBad), options as unknown as Parameters<typeof Adapters.load>[1]);
  const { summary } = await read(true);
  expect(summary).toMatchObject({ documents: corpus.size, words: 0, skipped: 2 });
  expect(summary.folds).toHaveLength(2);
  expect(summary.teacherScales).toHaveLength(2);
  summary.teacherScales.forEach(({ temperature }, fold) =>
    expect(temperature).toBe(summary.folds[fold].teacherTemperature),
  );
  await expect(read(false)).rejects.toThrow('teacher.trec');
});
