// What the CKL paper proves or plots, on random rows, from the library's own numbers. The bound that is wrong as printed is tested corrected.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ckl, kl, rankBias, ranks } from '../../../lib/index';
import { softmax } from '../reference/losses';
import { lossOf, randomBatch, randomNumbers, type TestBatch } from './helpers';

const rows = fc.record({
  seed: fc.integer(),
  docs: fc.integer({ min: 2, max: 60 }),
  scale: fc.constantFrom(0.2, 1, 3),
  gamma: fc.constantFrom(1, 2, 3.5, 5, 9),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
});

interface Row {
  batch: TestBatch;
  gamma: number;
  alpha: number;
  q: number[];
  p: number[];
  beta: number[];
  positives: number[];
  negatives: number[];
}

function forRows(property: (row: Row) => void) {
  fc.assert(
    fc.property(rows, ({ seed, docs, scale, gamma, share }) => {
      const batch = randomBatch({ seed, queries: 1, docs, scale });
      const { student, labels, shape } = batch;
      const alpha = share * (gamma - 1);
      const beta = [...rankBias({ ranks: ranks({ student, labels, shape }), labels, shape }, { alpha })];
      const positions = [...batch.labels.keys()];
      property({
        batch,
        gamma,
        alpha,
        q: softmax([...batch.student]).p,
        p: softmax([...batch.teacher]).p,
        beta,
        positives: positions.filter((i) => batch.labels[i] === 1),
        negatives: positions.filter((i) => batch.labels[i] === 0),
      });
    }),
    { numRuns: 300 },
  );
}

const sumOver = (positions: number[], value: (i: number) => number) =>
  positions.reduce((sum, i) => sum + value(i), 0);
/** Powers up to 9 of float32 probabilities: the promised accuracy allows about this much. */
const slack = 5e-5;
/** Weights below 2^-126 are 0. */
const underflow = 2 ** -125;

describe('section 3.1, the bias', () => {
  it('|beta| <= alpha (1 - 1/|D|) < alpha', () => {
    forRows(({ beta, alpha, batch }) => {
      const bound = alpha * (1 - 1 / batch.student.length);
      for (const b of beta) expect(Math.abs(b)).toBeLessThanOrEqual(bound * (1 + 1e-6) + 1e-44);
    });
  });

  it('gamma - beta >= 1', () => {
    forRows(({ beta, gamma }) => {
      for (const b of beta) expect(gamma - b).toBeGreaterThanOrEqual(1 - 1e-6);
    });
  });
});

describe('section 3.1, the order of the weights', () => {
  const weightsOf = ({ batch, gamma, alpha }: Row) =>
    ckl(batch, { gamma, alpha, diagnostics: true }).diagnostics!.weight;

  it('are (1 - q)^gamma for positives and q^(gamma - beta) for negatives', () => {
    forRows((row) => {
      const weight = weightsOf(row);
      const { q, gamma, beta } = row;
      for (const i of row.positives) expect(weight[i]).toBeCloseTo((1 - q[i]) ** gamma, 5);
      for (const i of row.negatives) expect(weight[i]).toBeCloseTo(q[i] ** (gamma - beta[i]), 5);
    });
  });

  it('a low-scoring positive weighs at least as much as a high-scoring one', () => {
    forRows((row) => {
      const weight = weightsOf(row);
      const sorted = [...row.positives].sort((a, b) => row.batch.student[b] - row.batch.student[a]);
      sorted
        .slice(1)
        .forEach((i, k) =>
          expect(weight[i]).toBeGreaterThanOrEqual(weight[sorted[k]] * (1 - slack) - underflow),
        );
    });
  });

  it('a high-scoring negative weighs at least as much as a low-scoring one', () => {
    forRows((row) => {
      const weight = weightsOf(row);
      const sorted = [...row.negatives].sort((a, b) => row.batch.student[b] - row.batch.student[a]);
      sorted
        .slice(1)
        .forEach((i, k) =>
          expect(weight[i]).toBeLessThanOrEqual(weight[sorted[k]] * (1 + slack) + underflow),
        );
    });
  });

  it('a negative with beta <= 0 weighs at most as much as any positive', () => {
    forRows((row) => {
      const weight = weightsOf(row);
      for (const i of row.negatives.filter((i) => row.beta[i] <= 0)) {
        for (const j of row.positives)
          expect(weight[i]).toBeLessThanOrEqual(weight[j] * (1 + slack) + underflow);
      }
    });
  });

  it('beta > 0 raises the weight of a negative, beta < 0 lowers it', () => {
    forRows((row) => {
      const weight = weightsOf(row);
      const plain = weightsOf({ ...row, alpha: 0 });
      for (const i of row.negatives) {
        if (row.beta[i] > 0) expect(weight[i]).toBeGreaterThanOrEqual(plain[i] * (1 - slack) - underflow);
        if (row.beta[i] < 0) expect(weight[i]).toBeLessThanOrEqual(plain[i] * (1 + slack) + underflow);
      }
    });
  });
});

describe('section 3.2, the bounds', () => {
  it('inequality (1): CKL >= KL + sum over negatives of p (1 - q^(gamma - beta)) ln q + gamma sum over positives of q ln q', () => {
    forRows((row) => {
      const { batch, gamma, alpha, q, p, beta } = row;
      const second = sumOver(row.negatives, (i) => p[i] * (1 - q[i] ** (gamma - beta[i])) * Math.log(q[i]));
      const third = gamma * sumOver(row.positives, (j) => q[j] * Math.log(q[j]));
      const left = ckl(batch, { gamma, alpha }).loss;
      const right = kl(batch).loss + second + third;
      expect(left).toBeGreaterThanOrEqual(right - slack * (1 + Math.abs(right)));
    });
  });

  it('its third term is at least -gamma ln |D+| - gamma / e, and at least -gamma ln |D+| where positives hold all the mass', () => {
    forRows(({ q, gamma, positives }) => {
      const third = gamma * sumOver(positives, (j) => q[j] * Math.log(q[j]));
      const mass = sumOver(positives, (j) => q[j]);
      // With mass m spread evenly: m ln(m / |D+|) = m ln m - m ln |D+|.
      const least = gamma * (mass * Math.log(mass) - mass * Math.log(positives.length));
      expect(third).toBeGreaterThanOrEqual(least - 1e-9);
      expect(least).toBeGreaterThanOrEqual(-gamma * (Math.log(positives.length) + 1 / Math.E) - 1e-9);
    });
  });

  it('the printed bound -2 gamma / e fails for three equal positives, the corrected -gamma ln |D+| holds', () => {
    const batch: TestBatch = {
      student: Float32Array.of(0, 0, 0, -40),
      teacher: new Float32Array(4),
      labels: Uint8Array.of(1, 1, 1, 0),
      shape: [1, 4],
    };
    const gamma = 5;
    const { entropy } = ckl(batch, { gamma, diagnostics: true }).diagnostics!;
    const third = -gamma * entropy[0];
    expect(third).toBeLessThan((-2 * gamma) / Math.E - 0.1);
    expect(third).toBeGreaterThanOrEqual(-gamma * Math.log(3) - 1e-5);
  });

  it('CKL has a lower bound that does not depend on the student', () => {
    forRows(({ batch, gamma, alpha, p, negatives, positives }) => {
      const constant = sumOver(negatives, (i) => p[i] * (-1 + Math.log(p[i])));
      const bound = constant - gamma * (Math.log(positives.length) + 1 / Math.E);
      expect(ckl(batch, { gamma, alpha }).loss).toBeGreaterThanOrEqual(bound - slack * Math.abs(bound));
    });
  });
});

describe('section 3.2, figure 2: the ratio g of gradient contributions, gamma = 5, beta = 0, lambda = 0.1', () => {
  /** g of the first of two documents, for which teacher and student give p and q. The other has the other label. */
  const ratioOf = (loss: string, p: number, q: number, label: 0 | 1): number => {
    const batch = {
      student: Float32Array.of(Math.log(q), Math.log(1 - q)),
      teacher: Float32Array.of(Math.log(p), Math.log(1 - p)),
      labels: Uint8Array.of(label, 1 - label),
      shape: [1, 2],
    };
    const options = loss === 'ckl' ? { gamma: 5, alpha: 0 } : {};
    return lossOf(loss)(batch, { ...options, diagnostics: true }).diagnostics!.ratio[0];
  };
  const values = [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95];
  const pairs = values.flatMap((p) => values.map((q) => [p, q] as const));

  it.each(pairs.filter(([p, q]) => p > q))('positive, teacher better (p %f > q %f): g_CKL > 0', (p, q) => {
    expect(ratioOf('ckl', p, q, 1)).toBeGreaterThan(0);
  });

  it('positive, teacher worse: g_CKL comes close to 0 or below', () => {
    expect(ratioOf('ckl', 0.05, 0.95, 1)).toBeLessThan(0.01);
    const worse = pairs.filter(([p, q]) => p < 0.4 * q).map(([p, q]) => ratioOf('ckl', p, q, 1));
    expect(Math.max(...worse)).toBeLessThan(0.5);
    expect(Math.min(...worse)).toBeLessThan(0);
  });

  it('positive, teacher worse: g_BKL > 0 in most cases, and above 1 in some', () => {
    const worse = pairs.filter(([p, q]) => p < q).map(([p, q]) => ratioOf('bkl', p, q, 1));
    expect(worse.filter((g) => g > 0).length).toBeGreaterThan(0.6 * worse.length);
    expect(Math.max(...worse)).toBeGreaterThan(1);
  });

  it.each(pairs.filter(([p, q]) => p < q))('negative, teacher better (p %f < q %f): g_CKL > 0', (p, q) => {
    expect(ratioOf('ckl', p, q, 0)).toBeGreaterThan(0);
  });

  it('negative, teacher better: g_BKL is below 1 and can be negative', () => {
    const better = pairs.filter(([p, q]) => p < q).map(([p, q]) => ratioOf('bkl', p, q, 0));
    expect(Math.max(...better)).toBeLessThan(1);
    expect(ratioOf('bkl', 0.05, 0.95, 0)).toBeLessThan(0);
  });

  it('negative, teacher worse by far: g_CKL is close to 0, g_BKL between 0 and 1', () => {
    for (const q of [0.05, 0.2]) {
      expect(Math.abs(ratioOf('ckl', 0.95, q, 0))).toBeLessThan(0.02);
      expect(ratioOf('bkl', 0.95, q, 0)).toBeGreaterThan(0);
      expect(ratioOf('bkl', 0.95, q, 0)).toBeLessThan(1);
    }
  });

  it('g of KL is 1', () => {
    for (const [p, q] of pairs) expect(ratioOf('kl', p, q, 1)).toBeCloseTo(1, 5);
  });
});

describe('figure 3: entropy and separation', () => {
  it('are those of the student’s probabilities', () => {
    forRows(({ batch, q, positives, negatives, gamma, alpha }) => {
      const { entropy, separation, separationTop10 } = ckl(batch, {
        gamma,
        alpha,
        diagnostics: true,
      }).diagnostics!;
      const least = Math.min(...positives.map((i) => q[i]));
      const most = Math.max(...negatives.map((i) => q[i]));
      expect(entropy[0]).toBeCloseTo(-sumOver(positives, (j) => q[j] * Math.log(q[j])), 4);
      expect(separation[0]).toBeCloseTo(least - most, 5);
      const tenth = [...q].sort((a, b) => b - a)[Math.min(9, q.length - 1)];
      const inTop = (i: number) => q[i] >= tenth;
      const gap =
        Math.min(...positives.filter(inTop).map((i) => q[i])) -
        Math.max(...negatives.filter(inTop).map((i) => q[i]));
      if (Number.isFinite(gap)) expect(separationTop10[0]).toBeCloseTo(gap, 5);
      else expect(separationTop10[0]).toBeNaN();
    });
  });

  it('leave loss and gradient as they are', () => {
    const batch = randomBatch({ seed: 1, queries: 12, docs: 40, padding: 20 });
    const plain = ckl(batch);
    const { diagnostics, ...rest } = ckl(batch, { diagnostics: true });
    expect(rest).toEqual(plain);
    expect(diagnostics!.weight.length).toBe(480);
    expect(diagnostics!.entropy.length).toBe(12);
    batch.labels.forEach((y, i) => {
      if (y === 255) expect([diagnostics!.weight[i], diagnostics!.ratio[i]]).toEqual([0, 0]);
    });
  });

  it('training towards CKL raises the entropy of the positives above what KL leaves', () => {
    // Gradient descent on the scores themselves, from the same start, as in figure 3 (c).
    const next = randomNumbers(3);
    const start = Float32Array.from({ length: 20 }, () => next() * 2);
    const teacher = Float32Array.from({ length: 20 }, () => next() * 6);
    const labels = Uint8Array.from({ length: 20 }, (_, i) => (i < 5 ? 1 : 0));
    const train = (loss: typeof ckl | typeof kl) => {
      const student = start.slice();
      for (let step = 0; step < 3000; step++) {
        const { grad } = loss({ student, teacher, labels, shape: [1, 20] });
        student.forEach((s, i) => (student[i] = s - 0.5 * grad[i]));
      }
      return kl({ student, teacher, labels, shape: [1, 20] }, { diagnostics: true }).diagnostics!.entropy[0];
    };
    expect(train(ckl)).toBeGreaterThan(train(kl));
  });
});
