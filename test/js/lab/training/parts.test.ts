// The parts of the training job, each against what defines it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Adam } from '../../../../lib/lab/training/adam';
import { linearDecay } from '../../../../lib/lab/training/schedule';
import { TrainingBatch } from '../../../../lib/lab/training/batch';
import { spoil } from '../../../../lib/lab/experiment/spoil';
import { setRelevance } from '../../../../lib/lab/training/cl-drd';
import { Random } from '../../../../lib/lab/training/random';
import { measureScale, standardise, teacherDeviation } from '../../../../lib/lab/students/linear/standardise';
import { LinearStudent } from '../../../../lib/lab/students/linear/linear-student';
import { drawLists } from './lists';

describe('Random', () => {
  it('gives the same numbers for a seed, on every machine', () => {
    const random = new Random(42);
    expect([random.next(), random.next(), random.below(1000)]).toEqual([
      0.6011037519201636, 0.44829055899754167, 852,
    ]);
  });
  it('shuffles fairly enough: each item is first about as often', () => {
    const random = new Random(7);
    const first = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) first[random.shuffle([0, 1, 2, 3])[0]]++;
    for (const count of first) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });
  it('has mean 0 and deviation 1 where it says normal', () => {
    const random = new Random(3);
    const draws = Array.from({ length: 20_000 }, () => random.normal());
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(Math.sqrt(draws.reduce((sum, x) => sum + x * x, 0) / draws.length) - 1)).toBeLessThan(
      0.03,
    );
  });
});

describe('LinearStudent', () => {
  it('has the gradient that differences of its scores show', () => {
    const random = new Random(5);
    const [list] = drawLists(random, 1, [1, 2, 3]);
    const student = new LinearStudent(3, 0);
    student.weights.set([0.5, -1, 2]);
    const upstream = Float32Array.from(list.docids, () => random.normal());
    const weighted = () => {
      const scores = new Float32Array(list.docids.length);
      student.score(list, scores, 0);
      return scores.reduce((sum, score, i) => sum + score * upstream[i], 0);
    };
    student.backward(list, upstream, 0);
    const gradient = student.gradient('weights').slice();
    for (let f = 0; f < 3; f++) {
      const kept = student.weights[f];
      student.weights[f] = kept + 0.5;
      const above = weighted();
      student.weights[f] = kept - 0.5;
      const below = weighted();
      student.weights[f] = kept;
      expect(gradient[f]).toBeCloseTo(above - below, 5);
    }
  });
});

describe('Adam', () => {
  const step = (adam: Adam<Float64Array>, gradient: number[], rate: number) => {
    adam.touch(0);
    adam.gradient.set(gradient);
    adam.step(rate);
  };
  it('takes first steps of the learning rate, against the gradient, whatever its size', () => {
    const parameters = new Float64Array([1, 1]);
    step(new Adam(parameters, 2), [1e-3, -1e3], 0.1);
    expect(parameters[0]).toBeCloseTo(0.9, 5);
    expect(parameters[1]).toBeCloseTo(1.1, 5);
  });
  it.each([
    ['here', undefined],
    ['in the addon', 'native' as const],
  ])('steps as the textbook does, row by row: %s', (_, arithmetic) => {
    const [rows, width, rate] = [3, 8, 0.05];
    const random = new Random(4);
    const numbers = (count: number) => Float64Array.from({ length: count }, () => random.next() - 0.5);
    const expected = numbers(rows * width);
    const adam = new Adam(Float32Array.from(expected), width, 0.5, arithmetic);
    const [first, second] = [new Float64Array(rows * width), new Float64Array(rows * width)];
    for (let t = 1; t <= 6; t++) {
      // The rows take turns: moments of those left out stand still.
      for (const row of t % 2 === 0 ? [2, 0] : [1, 0]) {
        const gradient = numbers(width);
        adam.touch(row);
        adam.gradient.set(gradient, row * width);
        gradient.forEach((g, k) => {
          const i = row * width + k;
          first[i] = 0.9 * first[i] + 0.1 * g;
          second[i] = 0.999 * second[i] + 0.001 * g * g;
          const [mean, square] = [first[i] / (1 - 0.9 ** t), second[i] / (1 - 0.999 ** t)];
          expected[i] -= rate * 0.5 * (mean / (Math.sqrt(square) + 1e-8));
        });
      }
      adam.step(rate);
      expect(adam.gradient.every((g) => g === 0)).toBe(true);
    }
    adam.parameters.forEach((x, i) => expect(x).toBeCloseTo(expected[i], 5));
  });
  it.each([Float32Array, Float64Array])(
    'hands out the gradient of touched rows in their order, and clears those alone (%o)',
    (Numbers) => {
      const adam = new Adam(new Numbers(5 * 3), 3);
      const fill = () => adam.gradient.forEach((_, i) => (adam.gradient[i] = i + 1));
      fill();
      for (const row of [3, 1, 3]) adam.touch(row);
      const { rows, values } = adam.take();
      expect([...rows]).toEqual([3, 1]);
      expect([...values]).toEqual([10, 11, 12, 4, 5, 6]);
      expect([...adam.gradient]).toEqual([1, 2, 3, 0, 0, 0, 7, 8, 9, 0, 0, 0, 13, 14, 15]);
      expect([...adam.rows]).toEqual([]);
      // Added to what is there, and handed out again.
      adam.add([4, 0], Numbers.of(1, 2, 3, 4, 5, 6));
      expect([...adam.rows]).toEqual([4, 0]);
      expect([...adam.take().values]).toEqual([14, 16, 18, 5, 7, 9]);
      // What was handed out stays as it was.
      expect([...rows]).toEqual([3, 1]);
    },
  );
  it('finds the bottom of a bowl', () => {
    const parameters = new Float64Array([5, -3]);
    const adam = new Adam(parameters, 2);
    for (let i = 0; i < 2000; i++) step(adam, [2 * (parameters[0] - 1), 20 * parameters[1]], 0.01);
    expect(parameters[0]).toBeCloseTo(1, 3);
    expect(parameters[1]).toBeCloseTo(0, 3);
  });
  it('decays its rate from the peak to a tenth', () => {
    expect(linearDecay(2, 0, 11)).toBe(2);
    expect(linearDecay(2, 10, 11)).toBeCloseTo(0.2, 12);
    expect(linearDecay(2, 0, 1)).toBe(2);
  });
});

describe('standardise', () => {
  it('makes the pooled deviation within lists 1, and the mean 0, and leaves the originals alone', () => {
    const lists = drawLists(new Random(9), 30, [1, 1]).map((list) => ({
      ...list,
      features: list.features.map((x, i) => (i % 2 === 0 ? 50 + 7 * x : 0)),
    }));
    const original = lists[0].features.slice();
    const scaled = standardise(lists, measureScale(lists, 2));
    const after = measureScale(scaled, 2);
    expect(after.mean[0]).toBeCloseTo(0, 10);
    expect(after.deviation[0]).toBeCloseTo(1, 10);
    expect(scaled[0].features[1]).toBe(0);
    expect(lists[0].features).toEqual(original);
  });
  it('has a deviation of exactly 0 for what never varies, which it leaves unscaled', () => {
    // Means of these are rounded.
    const lists = drawLists(new Random(9), 30, [1, 1]).map((list) => ({
      ...list,
      features: list.features.map((x, i) => (i % 2 === 0 ? x : 0.1)),
      teacher: list.teacher.map(() => 0.7),
    }));
    expect(measureScale(lists, 2).deviation[1]).toBe(1);
    expect(teacherDeviation(lists)).toBe(0);
    expect(teacherDeviation([])).toBe(0);
  });
  it("measures the teacher's spread within lists, not between them", () => {
    const list = (offset: number) => ({
      qid: '',
      docids: ['a', 'b'],
      features: new Float64Array(2),
      teacher: Float32Array.of(offset - 1, offset + 1),
      labels: new Uint8Array(2),
    });
    expect(teacherDeviation([list(0), list(100)])).toBe(1);
  });
});

describe('TrainingBatch', () => {
  it('lays lists one after the other, and forgets the batch before', () => {
    const lists = drawLists(new Random(1), 5, [1, 1]);
    const batch = new TrainingBatch([3, 12]);
    batch.fill(lists.slice(0, 3));
    batch.labels.fill(255);
    batch.fill(lists.slice(3));
    const [a, b] = lists.slice(3);
    expect([...batch.offsets]).toEqual([0, a.docids.length, a.docids.length + b.docids.length]);
    expect([...batch.labels.subarray(0, batch.offsets[2])]).toEqual([...a.labels, ...b.labels]);
    expect([...batch.teacher.subarray(0, batch.offsets[2])]).toEqual([...a.teacher, ...b.teacher]);
  });
});

describe('setRelevance', () => {
  it("gives CL-DRD's labels stage by stage and takes 30 documents of a list", () => {
    const docs = 40;
    const list = {
      qid: 'q',
      docids: Array.from({ length: docs }, (_, i) => `d${i}`),
      features: new Float64Array(docs),
      // In no order: ranks are the teacher's, not the list's.
      teacher: Float32Array.from({ length: docs }, (_, i) => (i * 7) % docs),
      labels: new Uint8Array(docs),
    };
    const at = (progress: number) => {
      const batch = new TrainingBatch([1, docs]);
      batch.fill([list]);
      setRelevance(batch, progress);
      const best = [...list.docids.keys()].sort((i, j) => list.teacher[j] - list.teacher[i]);
      expect(best.map((i) => batch.labels[i])).toEqual([
        ...Array<number>(30).fill(0),
        ...Array<number>(10).fill(255),
      ]);
      const values = best.slice(0, 30).map((i) => batch.relevance[i]);
      expect(values.slice(0, 3)).toEqual([1, 0.5, Math.fround(1 / 3)]);
      return [
        values.filter((r) => r > 0).length,
        values.filter((r) => r === -0.25).length,
        values.filter((r) => r === -0.5).length,
      ];
    };
    expect([0, 0.3, 0.34, 0.7, 1].map(at)).toEqual([
      [5, 12, 13],
      [5, 12, 13],
      [10, 10, 10],
      [30, 0, 0],
      [30, 0, 0],
    ]);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (progress) => {
        expect(at(progress).reduce((a, b) => a + b)).toBe(30);
      }),
    );
  });
});

describe('spoil', () => {
  const lists = drawLists(new Random(8), 200, [1, 1]);
  const changed = (
    after: readonly { teacher: Float32Array; labels: Uint8Array }[],
    what: 'teacher' | 'labels',
  ) => after.filter((list, i) => list[what].some((value, d) => value !== lists[i][what][d])).length;

  it('has the teacher take positives for documents of its lower half, in the share of lists that was asked for', () => {
    const after = spoil(lists, { wrongTeacher: 0.5, wrongLabels: 0 }, 1);
    expect(changed(after, 'teacher')).toBe(100);
    expect(changed(after, 'labels')).toBe(0);
    after.forEach((list, i) => {
      expect([...list.teacher].sort()).toEqual([...lists[i].teacher].sort());
      expect(list.features).toBe(lists[i].features);
    });
  });
  it('exchanges with each positive another negative of the lower half, and nothing else', () => {
    // The teacher's order is neither that of the list nor its reverse; positives stand in both halves.
    const teacher = Float32Array.of(4, 9, 1, 7, 3, 8, 2, 6, 5, 0);
    const labels = Uint8Array.of(1, 1, 0, 0, 0, 0, 1, 0, 0, 0);
    const one = { qid: 'q', docids: [...'abcdefghij'], teacher, labels };
    const partners = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const [{ teacher: after }] = spoil([one], { wrongTeacher: 1, wrongLabels: 0 }, seed);
      const moved = [...after.keys()].filter((d) => after[d] !== teacher[d]);
      const positives = moved.filter((d) => labels[d] === 1);
      const others = moved.filter((d) => labels[d] === 0);
      expect(positives).toEqual([0, 1, 6]);
      expect(others).toHaveLength(3);
      expect(others.map((d) => after[d]).sort()).toEqual([2, 4, 9]);
      expect(positives.map((d) => after[d]).sort()).toEqual(others.map((d) => teacher[d]).sort());
      for (const d of others) partners.add(teacher[d]);
    }
    // Scores 0 to 4 are the lower half, of which 2 and 4 are positives.
    expect([...partners].sort()).toEqual([0, 1, 3]);
  });
  it('leaves a positive alone where no negative is left', () => {
    const one = {
      qid: 'q',
      docids: ['a', 'b', 'c'],
      teacher: Float32Array.of(3, 1, 2),
      labels: Uint8Array.of(1, 0, 1),
    };
    const [{ teacher }] = spoil([one], { wrongTeacher: 1, wrongLabels: 0 }, 1);
    expect([...teacher]).toEqual([1, 3, 2]);
  });
  it('moves positives, of which there stay as many', () => {
    const after = spoil(lists, { wrongTeacher: 0, wrongLabels: 1 }, 1);
    // Of about 9 documents the positive falls on itself again one time in nine.
    expect(changed(after, 'labels')).toBeGreaterThan(150);
    expect(changed(after, 'teacher')).toBe(0);
    for (const { labels } of after) expect(labels.reduce((sum, label) => sum + label, 0)).toBe(1);
  });
  it('spoils both at once, each in lists of its own choice', () => {
    const after = spoil(lists, { wrongTeacher: 0.5, wrongLabels: 0.5 }, 1);
    expect(changed(after, 'teacher')).toBe(100);
    const both = after.filter(
      (list, i) => list.teacher !== lists[i].teacher && list.labels !== lists[i].labels,
    );
    expect(both.length).toBeGreaterThan(25);
    expect(both.length).toBeLessThan(75);
  });
  it('does nothing for shares of 0, and the same for the same seed', () => {
    expect(spoil(lists, { wrongTeacher: 0, wrongLabels: 0 }, 1)).toBe(lists);
    const wrong = { wrongTeacher: 0.3, wrongLabels: 0 };
    expect(spoil(lists, wrong, 5)).toEqual(spoil(lists, wrong, 5));
    expect(spoil(lists, wrong, 6)).not.toEqual(spoil(lists, wrong, 5));
  });
});
