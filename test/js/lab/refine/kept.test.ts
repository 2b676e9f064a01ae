// Which student a refinement hands out to be saved: the best of all trainings, also where the run that found it did not ask for it.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadBeir } from '../../../../lib/data/index';
import { formatNpy } from '../../../../lib/data/npy';
import { Random } from '../../../../lib/lab/training/random';
import { refine, type RefineOptions } from '../../../../lib/lab/refine/job';
import { saveStudent } from '../../../../lib/lab/refine/save';
import { load, loadAdapter } from '../../../../lib/lab/students/index';
import { readTestQueries } from '../../../../lib/lab/students/saved/model-files';
import { scratch } from '../../data/files';

const files = scratch();
const sample = join(__dirname, '../../../../examples/sample');
const OPTIONS: RefineOptions = {
  ...{ data: sample, teacher: join(sample, 'teacher.trec'), losses: ['nll', 'kl'] },
  ...{ docs: 8, width: 8, epochs: 1, patience: 1, batch: 32, learningRate: 0.003, seed: 1 },
};

it('is the best on dev, from a run or from its checkpoint', async () => {
  const { chosen, refined } = await refine({ ...OPTIONS, keepsStudent: true });
  const dev = refined.map(({ training }) => Math.max(...training.history.map((epoch) => epoch.dev)));
  expect(dev[0]).not.toBe(dev[1]);
  expect(chosen).toMatchObject({ loss: dev[0] > dev[1] ? 'nll' : 'kl', dev: Math.max(...dev), rate: 0.003 });

  // Nobody asked for it: the file has it all the same.
  const checkpoint = join(files.dir, 'checkpoint');
  expect((await refine({ ...OPTIONS, checkpoint })).chosen).toBeUndefined();
  const copied = join(files.dir, 'copied');
  for (const where of [{ checkpoint }, { resume: checkpoint }, { resume: checkpoint, checkpoint: copied }])
    expect((await refine({ ...OPTIONS, ...where, keepsStudent: true })).chosen).toEqual(chosen);
  expect((await refine({ ...OPTIONS, checkpoint: copied, keepsStudent: true })).chosen).toEqual(chosen);
});

it('is none of a refinement in folds, which has a student per fold', async () => {
  const { chosen, folds } = await refine({ ...OPTIONS, losses: ['kl'], folds: 2, keepsStudent: true });
  expect(folds).toBe(2);
  expect(chosen).toBeUndefined();
});

it('is saved in a new folder, with the test queries; a result without one is refused', async () => {
  const result = await refine({ ...OPTIONS, losses: ['kl'], keepsStudent: true });
  const dir = join(files.dir, 'saved');
  await saveStudent(dir, result);
  expect((await load(dir)).name).toBe('dense');
  expect([...(await readTestQueries(dir))]).toEqual(result.start.full.queries);
  await expect(saveStudent(dir, result)).rejects.toMatchObject({ code: 'ERR_CKL_OUTPUT' });
  const without = await refine({ ...OPTIONS, losses: ['kl'] });
  await expect(saveStudent(join(files.dir, 'none'), without)).rejects.toThrow('keepsStudent: true');
  expect(existsSync(join(files.dir, 'none'))).toBe(false);
});

it('is an adapter of frozen vectors, too', async () => {
  const { corpus, queries } = await loadBeir(sample);
  const random = new Random(3);
  for (const [name, rows] of [
    ['queries', queries.size],
    ['documents', corpus.size],
  ] as const)
    writeFileSync(
      join(files.dir, `${name}.npy`),
      formatNpy(
        Float32Array.from({ length: rows * 8 }, () => random.normal()),
        rows,
        8,
      ),
    );
  const options = {
    ...{ ...OPTIONS, student: 'adapter' as const, losses: ['kl' as const], keepsStudent: true },
    adapter: {
      ...{
        queryEmbeddings: join(files.dir, 'queries.npy'),
        documentEmbeddings: join(files.dir, 'documents.npy'),
      },
      ...{ sides: 'query' as const, rank: 2, similarity: 'cosine' as const },
    },
  };
  for (const [name, value, problem] of [
    ['sides', 'queries', 'adapter.sides is "queries"; it must be query or both'],
    ['similarity', undefined, 'adapter.similarity is undefined; it must be cosine or dot'],
    ['rank', 1.5, 'adapter.rank is 1.5; it must be a whole number of at least 0'],
  ])
    await expect(
      refine({ ...options, adapter: { ...options.adapter, [name as string]: value } }),
    ).rejects.toThrow(new RangeError(problem as string));
  const result = await refine(options);
  expect(result.refined[0].rerank.queries).toHaveLength(100);
  const dir = join(files.dir, 'adapter');
  await saveStudent(dir, result);
  const adapter = await loadAdapter(dir);
  expect(adapter.mapQueries(new Float32Array(8).fill(1))).toHaveLength(8);
});
