// The warning of a teacher's scale, from each job that divides the teacher's scores by a temperature.
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { OPTIONS } from '../report/small';

const sample = join(__dirname, '../../../../examples/sample');
const shared = { data: sample, teacher: join(sample, 'teacher.trec'), epochs: 1, batch: 32, seed: 1 };
const training = { ...shared, patience: 1, learningRate: 0.003 };

/** Ends a job once it has read its data. */
const hooks = {
  onData: () => {
    throw new Error('read');
  },
};

/** The jobs. Their modules are new at each test: a process warns once. */
const jobs: Record<string, (teacherTemperature?: number) => Promise<unknown>> = {
  train: async (teacherTemperature) => {
    const { runJob } = await import('../../../../lib/lab/train/job.js');
    return runJob({ ...training, loss: 'kl', teacherTemperature }, hooks);
  },
  refine: async (teacherTemperature) => {
    const { refine } = await import('../../../../lib/lab/refine/job.js');
    return refine({ ...training, losses: ['kl'], docs: 8, width: 8, teacherTemperature }, hooks);
  },
  compare: async (teacherTemperature) => {
    const { compareLosses } = await import('../../../../lib/lab/compare/compare.js');
    return compareLosses({ ...OPTIONS, folds: 2, zeroShot: [], teacherTemperature }, 1, hooks);
  },
};

describe.each(Object.keys(jobs))('%s', (name) => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.resetModules();
  });

  it('warns once of a temperature at which the teacher underflows, and of its own never', async () => {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await expect(jobs[name]()).rejects.toThrow('read');
    expect(emit).not.toHaveBeenCalled();
    for (let again = 0; again < 2; again++) await expect(jobs[name](1e-4)).rejects.toThrow('read');
    expect(emit).toHaveBeenCalledTimes(1);
    const [message, options] = emit.mock.calls[0] as unknown as [string, object];
    expect(options).toEqual({ type: 'CklWarning', code: 'CKL_TEACHER_UNDERFLOW' });
    expect(message).toMatch(
      /^At teacherTemperature 0\.0001, \d+ of \d+ teacher probabilities are 0 in float32/,
    );
  });
});
