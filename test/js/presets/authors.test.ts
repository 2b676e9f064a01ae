// The losses of the CKL paper's authors, element by element as their training code adds them up, in double precision.
import { describe, expect, it } from 'vitest';
import { prepare, RankTracker, ranks } from '../../../lib/index';
import {
  applyPreset,
  authors,
  authorsBias,
  authorsLoss,
  authorsWeights,
  type Preset,
} from '../../../lib/presets';
import { check, type Definition, logSoftmax, over, rowsOf, scores, softmax, sum } from './definitions';

const { documents } = authors.lists;
const queries = 4;
const shape = [queries, documents] as const;
const student = scores(queries * documents, 3);
const teacher = scores(queries * documents, 5);
/** One positive a list, first; and lists of one, two and three. */
const single = Uint8Array.from({ length: queries * documents }, (_, i) => (i % documents === 0 ? 1 : 0));
const several = single.map((label, i) =>
  i % documents < [1, 2, 3, 1][Math.floor(i / documents)] ? 1 : label,
);

/** Sums over the elements of a batch; p and ln q of each with the code's temperatures. */
interface Element {
  p: number;
  lnP: number;
  q: number;
  lnQ: number;
  positive: boolean;
  query: number;
  i: number;
}
const elementsOf = (from: ArrayLike<number>, labels: Uint8Array, studentTemperature = 1): Element[] => {
  const lnP = rowsOf(teacher, documents).map((row) => logSoftmax(over(row, 2)));
  const lnQ = rowsOf(from, documents).map((row) => logSoftmax(over(row, studentTemperature)));
  return Array.from(labels, (label, i) => {
    const [query, k] = [Math.floor(i / documents), i % documents];
    const [a, b] = [lnP[query][k], lnQ[query][k]];
    return { p: Math.exp(a), lnP: a, q: Math.exp(b), lnQ: b, positive: label === 1, query, i };
  });
};
const meanOver = (elements: Element[], value: (e: Element) => number) =>
  sum(elements.map(value)) / (queries * documents);
const divergence = ({ p, lnP, lnQ }: Element) => p * (lnP - lnQ);

const batchOf = (labels: Uint8Array) => ({ student, teacher, labels, shape });
function checkPreset(preset: Preset, labels: Uint8Array, definition: Definition, more: object = {}) {
  const batch = { ...batchOf(labels), ...more };
  const { loss, grad } = applyPreset(preset, batch);
  check(definition, student, loss as number, grad);
  expect(prepare('combine', { shape, ...preset }).run(batch).loss).toBe(loss);
}

describe('ckl', () => {
  const definition =
    (labels: Uint8Array, exponent: (e: Element) => number, weight = (_: Element) => 1): Definition =>
    (from) =>
      meanOver(
        elementsOf(from, labels),
        (e) => weight(e) * divergence(e) * (e.positive ? 1 - e.q : e.q) ** exponent(e),
      );

  it('without ranks, alpha 0', () => {
    checkPreset(
      authors.ckl({ shape, alpha: 0 }),
      several,
      definition(several, () => 5),
    );
    checkPreset(
      authors.ckl({ shape, gamma: 2, alpha: 0 }),
      single,
      definition(single, () => 2),
    );
  });

  it('with ranks and one positive: theirs is ours', () => {
    const held = ranks({ student: scores(queries * documents, 1), shape });
    const exponent = ({ i, query }: Element) => 5 - 1.5 * (1 / held[i] - 1 / held[query * documents]);
    checkPreset(authors.ckl({ shape, alpha: 1.5 }), single, definition(single, exponent), { ranks: held });
    const beta = authorsBias({ ranks: held, labels: single, shape }, 1.5);
    checkPreset(authors.ckl({ shape }), single, definition(single, exponent), { beta });
  });

  it('with several positives: their bias for the negatives; gamma stays the exponent of positives', () => {
    const held = ranks({ student: scores(queries * documents, 1), shape });
    const exponent = ({ i, query, positive }: Element) =>
      positive ? 5 : 5 - (1 / held[i] - 1 / held[query * documents]);
    const beta = authorsBias({ ranks: held, labels: several, shape });
    checkPreset(authors.ckl({ shape }), several, definition(several, exponent), { beta });
  });

  it('with their query weights', () => {
    const weights = authorsWeights(batchOf(several), 0.5);
    const weighted = definition(
      several,
      () => 5,
      ({ query }) => weights[query],
    );
    const { loss, grad } = authorsLoss('ckl', batchOf(several), { alpha: 0 }, 0.5);
    check(weighted, student, loss, grad);
  });
});

describe('bkl', () => {
  const definition =
    (
      betaP: number,
      omega: number,
      weights: ArrayLike<number> = new Float32Array(queries).fill(1),
    ): Definition =>
    (from) => {
      const elements = elementsOf(from, several);
      const positives = elements.filter(({ positive }) => positive);
      const negatives = elements.filter(({ positive }) => !positive);
      return (
        meanOver(elements, (e) => weights[e.query] * divergence(e)) +
        betaP * sum(positives.map(({ q, lnQ }) => q * lnQ)) +
        betaP * omega * sum(negatives.map(({ q }) => q))
      );
    };

  it('mean of the divergence, sums of the rest', () => {
    checkPreset(authors.bkl({ shape }), several, definition(0.01, 1 / Math.log(2)));
    checkPreset(authors.bkl({ shape, betaP: 0.2, negativeWeight: 1.5 }), several, definition(0.2, 1.5));
    const { loss, grad } = authorsLoss('bkl', batchOf(several), { betaP: 0.2 });
    check(definition(0.2, 1 / Math.log(2)), student, loss, grad);
  });

  it('with query weights, on the divergence alone', () => {
    const weights = authorsWeights(batchOf(several), 2);
    const { loss, grad } = authorsLoss('bkl', batchOf(several), { betaP: 0.2 }, 2);
    check(definition(0.2, 1 / Math.log(2), weights), student, loss, grad);
  });
});

describe('klLogL', () => {
  const definition =
    (
      beta: number,
      labels: Uint8Array,
      weights: ArrayLike<number> = new Float32Array(queries).fill(1),
    ): Definition =>
    (from) => {
      const elements = elementsOf(from, labels);
      const positives = elements.filter(({ positive }) => positive);
      return (
        meanOver(elements, (e) => weights[e.query] * divergence(e)) -
        beta * sum(positives.map(({ lnQ }) => lnQ))
      );
    };

  it('as a preset, for lists with the same number of positives', () => {
    checkPreset(authors.klLogL({ shape }), single, definition(0.01, single));
    const three = single.map((_, i) => (i % documents < 3 ? 1 : 0));
    checkPreset(authors.klLogL({ shape, beta: 0.1, positives: 3 }), three, definition(0.1, three));
  });

  it('for lists that differ in positives, and with query weights', () => {
    const plain = authorsLoss('klLogL', batchOf(several), { beta: 0.1 });
    check(definition(0.1, several), student, plain.loss, plain.grad);
    const weights = authorsWeights(batchOf(several), 2);
    const weighted = authorsLoss('klLogL', batchOf(several), { beta: 0.1 }, 2);
    check(definition(0.1, several, weights), student, weighted.loss, weighted.grad);
  });

  it('in the batch: cross-entropy of the matrix times 0.05', () => {
    const matrix = scores(9, 2);
    const labels = Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
    const { loss, grad } = applyPreset(authors.inBatch(), { student: matrix, labels, shape: [3, 3] });
    const entropy: Definition = (from) =>
      (-0.05 / 3) * sum(rowsOf(from, 3).map((row, b) => logSoftmax(row)[b]));
    check(entropy, matrix, loss as number, grad);
  });
});

describe('the query weights', () => {
  it('are u / (u + e^-r), r the ratio of teacher probabilities', () => {
    const expected = rowsOf(teacher, documents).map((row, b) => {
      const p = softmax(over(row, 2));
      const marks = several.subarray(b * documents, (b + 1) * documents);
      const least = Math.min(...p.filter((_, i) => marks[i] === 1));
      const largest = Math.max(...p.filter((_, i) => marks[i] === 0));
      return 0.3 / (0.3 + Math.exp(-least / largest));
    });
    const found = authorsWeights(batchOf(several), 0.3);
    expected.forEach((weight, b) => expect(found[b]).toBeCloseTo(weight, 6));
  });

  it('are 1 for lists without positives or negatives; padding takes no part', () => {
    const labels = Uint8Array.of(0, 0, 1, 1, 1, 255, 1, 0);
    const batch = { teacher: Float32Array.of(1, 2, 3, 4, 0, NaN, 0, 0), labels, shape: [4, 2] as const };
    const [a, b, c, d] = authorsWeights(batch, 1);
    expect([a, b, c]).toEqual([1, 1, 1]);
    expect(d).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
  });
});

describe('the rank bias', () => {
  it('is 0 without a positive and for padding; refuses ranks that do not fit', () => {
    const labels = Uint8Array.of(0, 0, 255, 0, 1, 1);
    const bias = authorsBias({ ranks: [1, 2, 3, 1, 2, 4], labels, offsets: Int32Array.of(0, 2, 6) });
    expect([...bias]).toEqual([0, 0, 0, 0.5, 0, -0.25]);
  });

  it('comes from a tracker of their depth', () => {
    const tracker = new RankTracker(authors.refresh);
    expect([tracker.every, tracker.depth]).toEqual([2000, 3 + 20]);
  });
});

describe('bad arguments', () => {
  it.each([
    [() => authors.ckl({ shape: [0, 6] }), 'shape is [ 0, 6 ]'],
    [() => authors.ckl({ shape: 6 as never }), 'shape is 6'],
    [() => authors.bkl({ shape, betaP: -1 }), 'betaP is -1'],
    [() => authors.klLogL({ shape, positives: 0 }), 'positives is 0'],
    [() => authors.klLogL({ shape, teacherTemperature: 0 }), 'teacherTemperature is 0'],
    [() => authors.inBatch(NaN), 'weight is NaN'],
    [() => authorsWeights(batchOf(single), 0), 'upweight is 0'],
    [() => authorsBias({ ranks: [], labels: single, shape }, -1), 'alpha is -1'],
    [() => authorsBias({ ranks: [], labels: single, shape }), 'ranks has 0 elements'],
  ])('%s', (action, message) => {
    expect(action).toThrow(message);
  });

  it('and options that there are not', () => {
    const preset = authors.ckl({ shape, lambda: 1 } as never);
    expect(() => applyPreset(preset, batchOf(single))).toThrow('combine takes no option lambda');
  });
});
