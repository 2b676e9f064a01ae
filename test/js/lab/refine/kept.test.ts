// Which student a refinement hands out to be saved: the best of all trainings, also where the run that found it did not ask for it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { refine, type RefineOptions } from '../../../../lib/lab/refine/job';
import { saveStudent } from '../../../../lib/lab/refine/save';
import { load } from '../../../../lib/lab/students/index';
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
