// A specification of a native plan, for the tests that call it directly.
import type { NativePlanSpec } from '../../../lib/native/native';

/** One loss on one thread of the CPU, the mean over queries. Every parameter is given; a loss reads those it takes. */
export const specificationOf = (loss = 'ckl'): NativePlanSpec => ({
  terms: [
    {
      loss,
      weight: 1,
      gamma: 5,
      alpha: 1,
      detachWeights: 0,
      lambda: 0.1,
      negativeWeight: 1,
      nllWeight: 1,
    },
  ],
  backend: 'cpu',
  studentTemperature: 1,
  teacherTemperature: 1,
  reduction: 'mean',
  pairMean: 'query',
  gradScale: 1,
  cpuTarget: '',
  threads: 1,
  reserveDocs: 0,
});
