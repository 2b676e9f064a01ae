// The data of the paper's Figures 1 and 2, against the losses' own diagnostics of each list.
import { describe, expect, it } from 'vitest';
import { bkl, ckl, ranks } from '../../../../lib/index';
import { figureData, ratioGrid } from '../../../../lib/lab/experiment/figures';
import type { TableStudent } from '../../../../lib/lab/students/table-student';
import type { BagList } from '../../../../lib/lab/students/words/bags';
import { listOf, RecordingStudent } from '../training/recording';

// None is the default.
const OPTIONS = { gamma: 3, alpha: 2, lambda: 0.4, negativeWeight: 0.7, teacherTemperature: 2 };
const LISTS = [
  listOf('a', [3, 2, 1, 0.5], [1, 0, 0, 0]),
  listOf('positives alone', [2, 1], [1, 1]),
  listOf('b', [1, 2.5, -1, 0.25, 2], [0, 1, 0, 1, 0]),
  listOf('negatives alone', [2, 1, 0], [0, 0, 0]),
  listOf('c', [0.5, 1], [0, 1]),
  listOf('d', [2, 0.1, 1.5, 0.7], [0, 1, 0, 0]),
  listOf('g', [1, 0.2, 2.2, 1.1], [0, 0, 0, 1]),
  listOf('k', [0, 0.4, 1.2, 3], [1, 0, 0, 0]),
] as unknown as BagList[];
const USABLE = [LISTS[0], LISTS[2], ...LISTS.slice(4)];

/** Scores with another order than the teacher's; the fitted scale comes from the lists alone. */
const student = () =>
  new RecordingStudent<BagList>((list, d) => Math.sin(2 * d + list.qid.charCodeAt(0)) * 2);
const figuresOf = (lists: readonly BagList[], by = student()) =>
  figureData(by as unknown as TableStudent, lists, OPTIONS);
const median = (values: number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** What the losses say of each document of the lists that have both kinds. */
function documentsOf(by: RecordingStudent<BagList>) {
  return USABLE.flatMap((list) => {
    const scores = Float32Array.from(by.scoresOf(list));
    const { labels, teacher } = list;
    const input = { student: scores, teacher, labels, shape: [1, scores.length] as const };
    const common = { teacherTemperature: 2, diagnostics: true } as const;
    const biased = ckl(input, { ...common, gamma: 3, alpha: 2 }).diagnostics!;
    const plain = ckl(input, { ...common, gamma: 3, alpha: 0 }).diagnostics!;
    const binary = bkl(input, { ...common, lambda: 0.4, negativeWeight: 0.7 }).diagnostics!;
    const softmax = (values: ArrayLike<number>, temperature: number) => {
      const powers = Array.from(values, (value) => Math.exp(value / temperature));
      return powers.map((power) => power / powers.reduce((a, b) => a + b));
    };
    const [p, q] = [softmax(teacher, 2), softmax(scores, 1)];
    const places = ranks({ student: scores, labels, shape: input.shape });
    return p.map((_, d) => ({
      ...{ label: labels[d], rank: places[d], weight: biased.weight[d], withoutBias: plain.weight[d] },
      ...{ pOverQ: p[d] / q[d], ckl: biased.ratio[d], bkl: binary.ratio[d] },
    }));
  });
}

describe('figureData', () => {
  it('has per label and rank the median weight, of the lists that have both kinds of document', () => {
    const by = student();
    const { weights, ratios } = figuresOf(LISTS, by);
    expect(by.factor).not.toBe(1);
    const documents = documentsOf(by);
    const groups = new Map<string, typeof documents>();
    for (const label of [1, 0])
      for (let rank = 1; rank <= 5; rank++) {
        const there = documents.filter((one) => one.label === label && one.rank === rank);
        if (there.length > 0) groups.set(`${label} ${rank}`, there);
      }
    expect(weights.map(({ label, rank }) => `${label} ${rank}`)).toEqual([...groups.keys()]);
    expect(Math.max(...[...groups.values()].map(({ length }) => length))).toBeGreaterThan(4);
    for (const { label, rank, weight, withoutBias } of weights) {
      const there = groups.get(`${label} ${rank}`)!;
      expect(weight).toBeCloseTo(median(there.map((one) => one.weight)), 6);
      expect(withoutBias).toBeCloseTo(median(there.map((one) => one.withoutBias)), 6);
    }
    const expected = [1, 0].flatMap((label) => documents.filter((one) => one.label === label));
    expect(ratios).toHaveLength(expected.length);
    ratios.forEach((one, i) => {
      expect(one.label).toBe(expected[i].label);
      for (const name of ['pOverQ', 'ckl', 'bkl'] as const)
        expect(one[name]).toBeCloseTo(expected[i][name], 4);
    });
  });

  it('has at most 500 ratios per label, of documents evenly taken', () => {
    const docs = 1203;
    const teacher = Array.from({ length: docs }, (_, d) => Math.cos(d));
    const long = listOf('long', teacher, [1, ...Array<number>(docs - 1).fill(0)]) as unknown as BagList;
    const { ratios, weights } = figuresOf([long]);
    // Weights are those of the twenty best ranks: of negatives all but the positive's.
    const place = weights.find(({ label }) => label === 1)?.rank;
    const twenty = Array.from({ length: 20 }, (_, i) => i + 1);
    expect(weights.filter(({ label }) => label === 0).map(({ rank }) => rank)).toEqual(
      twenty.filter((rank) => rank !== place),
    );
    const negatives = ratios.filter(({ label }) => label === 0);
    // Every third of 1202.
    expect([negatives.length, ratios.length]).toEqual([401, 402]);
    const by = student();
    figuresOf([long], by);
    const powers = (values: ArrayLike<number>, temperature: number) =>
      Array.from(values, (value) => Math.exp(value / temperature));
    const share = (all: readonly number[], d: number) => all[d] / all.reduce((a, b) => a + b);
    const [p, q] = [powers(long.teacher, 2), powers(by.scoresOf(long), 1)];
    negatives
      .slice(0, 5)
      .forEach(({ pOverQ }, i) => expect(pOverQ).toBeCloseTo(share(p, 1 + 3 * i) / share(q, 1 + 3 * i), 4));
  });

  it('has ratios of teacher scores of any size', () => {
    const far = [1600, 1599, 1598].map((score) => score + 0.5);
    const list = listOf('far', far, [1, 0, 0]) as unknown as BagList;
    const near = listOf('far', [2.5, 1.5, 0.5], [1, 0, 0]) as unknown as BagList;
    const ratios = figuresOf([list]).ratios;
    expect(ratios).toHaveLength(3);
    figuresOf([near]).ratios.forEach(({ pOverQ }, i) => expect(ratios[i].pOverQ).toBeCloseTo(pOverQ, 4));
  });

  it('needs lists that have both kinds', () => {
    expect(figuresOf([LISTS[1], LISTS[3]])).toEqual({ weights: [], ratios: [] });
    const by = student();
    expect(figuresOf([], by)).toEqual({ weights: [], ratios: [] });
    // Without lists there is nothing to scale a student by.
    expect(by.of('scale')).toEqual([]);
    expect(figuresOf(LISTS)).toEqual(figuresOf(USABLE));
  });
});

it('ratioGrid has p and q from .1 to .9, for the positive and for the negative of two documents', () => {
  const grid = ratioGrid(5, 0.1);
  expect(grid).toHaveLength(2 * 81);
  const tenths = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => i / 10);
  const expected = [1, 0].flatMap((label) => tenths.flatMap((p) => tenths.map((q) => ({ label, p, q }))));
  expected.forEach(({ label, p, q }, i) => {
    const logit = (x: number) => Float32Array.of(Math.log(x / (1 - x)), 0);
    const batch = { student: logit(q), teacher: logit(p), labels: Uint8Array.of(label, 1 - label) };
    const input = { ...batch, shape: [1, 2] as const };
    const one = grid[i];
    expect(one.label).toBe(label);
    expect(one.pOverQ).toBeCloseTo(p / q, 12);
    const ratioOf = ({ diagnostics }: { diagnostics?: { ratio: Float32Array } }) => diagnostics!.ratio[0];
    expect(one.ckl).toBe(ratioOf(ckl(input, { gamma: 5, alpha: 0, diagnostics: true })));
    expect(one.bkl).toBe(ratioOf(bkl(input, { lambda: 0.1, diagnostics: true })));
  });
  // A gamma of its own, and another negative weight.
  expect(ratioGrid(2, 0.1)[3].ckl).not.toBe(grid[3].ckl);
  expect(ratioGrid(5, 0.1, 0.5)[100].bkl).not.toBe(grid[100].bkl);
});
