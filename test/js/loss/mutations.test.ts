// Would the golden test notice? Each deliberate fault, made in double precision, must be rejected by the comparison that it uses.
import { describe, expect, it } from 'vitest';
import { softmax, reference, type Parameters, rankBias, competitionRanks } from '../reference/losses';
import { fault, type GoldenCase, type Outcome } from '../../../lib/lab/cli/doctor/golden';
import { goldenCases } from './golden';

type Mutant = (c: GoldenCase) => Outcome;

const correct: Mutant = (c) => reference(c.loss, c, c.options);

/** The gradient without its `q sum h` part. */
const withoutProjection: Mutant = (c) => {
  const { loss, counted, grad } = correct(c);
  if (!counted) return { loss, counted, grad };
  const keep = c.labels.flatMap((y, i) => (y === 255 ? [] : [i]));
  const ts = c.options.studentTemperature ?? 1;
  const { p: q } = softmax(keep.map((i) => c.student[i] / ts));
  // For KL, h = -p sums to -1: the full gradient is q - p.
  const bare = Array.from(grad);
  keep.forEach((i, k) => (bare[i] -= q[k] / ts));
  return { loss, counted, grad: bare };
};

const withOptions = (c: GoldenCase, options: Parameters) =>
  reference(c.loss, c, { ...c.options, ...options });

/** CKL with the bias of the wrong sign. */
const wrongBetaSign: Mutant = (c) => {
  const beta = c.beta ?? rankBias(c.ranks ?? competitionRanks(c.student), c.labels, c.options.alpha!);
  return reference(c.loss, { ...c, beta: beta.map((b) => -b) }, c.options);
};

/** Padding taken for negatives, its garbage for scores of 0. */
const unmasked: Mutant = (c) => {
  const clean = (scores: number[]) => scores.map((s, i) => (c.labels[i] === 255 ? 0 : s));
  const labels = c.labels.map((y) => (y === 255 ? 0 : y));
  return reference(c.loss, { ...c, labels, student: clean(c.student), teacher: clean(c.teacher) }, c.options);
};

const notTrivial = (c: GoldenCase) => c.expected.counted && c.expected.grad.filter((g) => g !== 0).length > 1;
const moderate = (c: GoldenCase) => /^normal( x3)?$|cosine/.test(c.family);
const visible = (c: GoldenCase) => notTrivial(c) && moderate(c) && c.student.length <= 64;

interface Fault {
  name: string;
  mutant: Mutant;
  /** Cases on which the fault changes the truth by more than the tolerance. */
  cases: GoldenCase[];
}

const faults: Fault[] = [
  {
    name: 'an output of zeros',
    mutant: (c) => ({ loss: 0, grad: c.student.map(() => 0), counted: c.expected.counted }),
    cases: goldenCases.filter(visible),
  },
  {
    name: 'the missing q sum h term',
    mutant: withoutProjection,
    cases: goldenCases.filter((c) => c.loss === 'kl' && visible(c)),
  },
  {
    name: 'gamma taken as 1',
    mutant: (c) => withOptions(c, { gamma: 1 }),
    // Not where constant weights make gamma invisible: every document is positive, one has q near 1, the others have q near 0.
    cases: goldenCases.filter(
      (c) => c.loss === 'ckl' && c.options.gamma === 5 && visible(c) && c.id !== 'ckl-1529',
    ),
  },
  {
    name: 'beta of the wrong sign',
    mutant: wrongBetaSign,
    cases: goldenCases.filter(
      (c) =>
        c.loss === 'ckl' &&
        c.options.alpha === 4 &&
        visible(c) &&
        c.labels.includes(0) &&
        !c.labels.includes(255),
    ),
  },
  {
    name: 'padding that counts',
    mutant: unmasked,
    cases: goldenCases.filter(
      (c) => visible(c) && c.labels.includes(255) && !['nll', 'lambdaMrr'].includes(c.loss),
    ),
  },
  {
    name: 'a temperature left out of the gradient',
    mutant: (c) => ({ ...correct(c), ...scaleGrad(c) }),
    cases: goldenCases.filter((c) => visible(c) && c.options.studentTemperature !== undefined),
  },
  {
    name: 'one wrong element of the gradient',
    mutant: (c) => ({
      ...correct(c),
      grad: Array.from(correct(c).grad, (g, i) => (i === hottest(c) ? g * 1.001 : g)),
    }),
    cases: goldenCases.filter((c) => visible(c) && c.loss === 'kl'),
  },
  {
    name: 'NaN for a gradient',
    mutant: (c) => ({ ...correct(c), grad: c.student.map(() => NaN) }),
    cases: goldenCases.filter((c) => c.expected.counted),
  },
  {
    name: 'a query not counted',
    mutant: (c) => ({ ...correct(c), counted: !c.expected.counted }),
    cases: [...goldenCases],
  },
];

function scaleGrad(c: GoldenCase) {
  return { grad: Array.from(correct(c).grad, (g) => g * c.options.studentTemperature!) };
}

function hottest(c: GoldenCase): number {
  const sizes = c.expected.grad.map(Math.abs);
  return sizes.indexOf(Math.max(...sizes));
}

describe('the golden comparison', () => {
  it('accepts the double-precision reference', () => {
    expect(goldenCases.filter((c) => fault(correct(c), c.expected) !== '').map((c) => c.id)).toEqual([]);
  });

  it.each(faults.map((f) => [f.name, f] as const))('rejects %s', (_, { mutant, cases }) => {
    expect(cases.length).toBeGreaterThan(3);
    const accepted = cases.filter((c) => fault(mutant(c), c.expected) === '');
    expect(accepted.map((c) => c.id)).toEqual([]);
  });
});
