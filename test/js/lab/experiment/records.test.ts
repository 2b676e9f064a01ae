// Results as a checkpoint or a share holds them: what does not fit together is refused.
import { expect, it } from 'vitest';
import { unitResult, unitState } from '../../../../lib/lab/experiment/records';

const values = { queries: ['a', 'b'], 'ndcg@10': [0.5, 1], 'mrr@10': [0.25, 1] };
const result = {
  ...{ search: [{ rate: 1, dev: 0.5 }], rate: 1, runs: [], interrupted: false },
  start: { dense: { rerank: values, full: values, zeroShot: { other: values } } },
  references: { teacher: values },
  figures: { weights: [{ rank: 1, label: 0, weight: 0.5, withoutBias: 0.25 }], ratios: [] },
};
const read = (value: object) => unitResult(JSON.parse(JSON.stringify(value)), 'result');

it('a result is read as it was written', () => {
  expect(read(result)).toEqual(result);
});

it.each(['ndcg@10', 'mrr@10'] as const)('%s has a value per query', (measure) => {
  for (const wrong of [[], [0.5], [0.5, 1, 1]]) {
    const references = { teacher: { ...values, [measure]: wrong } };
    expect(() => read({ ...result, references })).toThrow('result.references.teacher');
  }
});

it('the state of ranks is checked by the tracker itself', () => {
  const position = {
    ...{ epoch: 1, batch: 0, random: 3, order: [0], lossSum: 0, history: [{ epoch: 0, dev: 0.5 }] },
    best: { epoch: 0, dev: 0.5 },
  };
  const state = (ranks: unknown) => ({
    ...{ search: [], runs: [], warming: false, done: [], observed: [], steps: {} },
    position: { ...position, ranks },
  });
  expect(unitState(state(null), '').position.ranks).toBeNull();
  for (const ranks of [{}, { version: 1 }, 'ranks'])
    expect(() => unitState(state(ranks), 'state')).toThrow(
      'state.position.ranks is not the state of a rank tracker',
    );
});
