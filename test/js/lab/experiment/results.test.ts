// Results as plain data: stages joined into one training, and values per query and back.
import { expect, it } from 'vitest';
import {
  joined,
  lastPart,
  meanOf,
  toEvaluation,
  toValues,
  type Trained,
} from '../../../../lib/lab/experiment/results';

/** A stage with dev values after each epoch; the first is that of its start. */
const stage = (part: string, dev: readonly number[], bestEpoch: number, stopped = 'finished'): Trained => ({
  part,
  training: {
    stopped: stopped as Trained['training']['stopped'],
    bestEpoch,
    history: dev.map((value, epoch) => ({ epoch, dev: value })),
  },
  observed: dev.map((value) => ({ dev: { separation: value, entropy: -value } })),
});

it('joins stages: epochs are counted on, and the start of a later stage is not repeated', () => {
  const { part, training, observed } = joined([
    stage('a', [0.1, 0.3, 0.2], 1),
    stage('b', [0.3, 0.5, 0.4], 1, 'early'),
    stage('b', [0.5, 0.6], 1, 'interrupted'),
  ]);
  expect(part).toBe('b');
  expect(training.stopped).toBe('interrupted');
  expect(training.history).toEqual([0.1, 0.3, 0.2, 0.5, 0.4, 0.6].map((dev, epoch) => ({ epoch, dev })));
  expect(training.bestEpoch).toBe(5);
  expect(observed.map(({ dev }) => dev.separation)).toEqual([0.1, 0.3, 0.2, 0.5, 0.4, 0.6]);
});

it('keeps the best epoch of an earlier stage where the later one only lost', () => {
  const first = stage('a', [0.1, 0.2, 0.3, 0.2], 2);
  expect(joined([first, stage('a', [0.3, 0.1, 0.2], 0)]).training.bestEpoch).toBe(2);
  expect(joined([first, stage('a', [0.3, 0.1, 0.4], 2)]).training.bestEpoch).toBe(5);
  expect(joined([first])).toBe(first);
});

it('takes the stages of the last part, which is what reranks', () => {
  const stages = [stage('first', [0.1, 0.2], 1), stage('last', [0.4, 0.5], 1), stage('last', [0.5, 0.7], 1)];
  const { part, training } = lastPart(stages);
  expect(part).toBe('last');
  expect(training.history.map(({ dev }) => dev)).toEqual([0.4, 0.5, 0.7]);
});

it('goes from an evaluation to plain values and back', () => {
  const values = { queries: ['a', 'b', 'c', 'd'], 'ndcg@10': [0.5, 1, 0, 0.5], 'mrr@10': [1, 1, 0, 0] };
  const evaluation = toEvaluation(values);
  expect(evaluation.mean).toEqual({ 'ndcg@10': 0.5, 'mrr@10': 0.5 });
  expect(evaluation.perQuery['ndcg@10']).toEqual(Float64Array.of(0.5, 1, 0, 0.5));
  expect(toValues(evaluation)).toEqual(values);
  expect([meanOf([]), meanOf([3]), meanOf([1, 2, 6])]).toEqual([0, 3, 3]);
});
