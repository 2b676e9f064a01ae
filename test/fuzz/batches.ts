// Random valid batches of the public API, with every array between guard bytes, and their losses in double precision.
import { losses, type LossName } from '../../lib/index';
import { reference, type Parameters, type Query } from '../js/reference/losses';
import { fromBfloat16, fromFloat16 } from '../js/loss/halves';
import { check } from './campaign';
import { Guarded } from './memory';
import type { Random } from './random';

export const names = Object.keys(losses) as LossName[];
const half = ['bfloat16', 'float16'] as const;

export interface Made {
  batch: Record<string, unknown>;
  options: Record<string, unknown>;
  loss: LossName;
  parameters: Parameters;
  queries: number;
  longest: number;
  /** First and last position of each row. */
  rows: [number, number][];
  inputs: Guarded[];
  /** By name of the result. */
  outputs: Record<string, Guarded>;
  /** As the native side numbers types: float32, bfloat16, float16. */
  studentType: number;
  teacherType: number;
}

/** Documents of each row, and where it begins. */
function layoutOf(random: Random) {
  const queries = random.below(random.chance(0.05) ? 40 : 7);
  const docs = random.below(random.chance(0.05) ? 300 : 30);
  const ragged = random.chance(0.4);
  const stride = docs + (random.chance(0.2) ? random.below(5) : 0);
  const rows: [number, number][] = [];
  for (let b = 0, at = 0; b < queries; b++) {
    const from = ragged ? at : b * stride;
    rows.push([from, (at = from + (ragged ? random.below(docs + 1) : docs))]);
  }
  return { queries, docs, ragged, stride, rows, extent: rows.at(-1)?.[1] ?? 0 };
}

function parametersOf(random: Random, loss: LossName): Parameters {
  const gamma = random.pick([1, 2, 3.5, 5]);
  const all: Record<string, unknown> = {
    gamma,
    alpha: random.unit() * (gamma - 1),
    detachWeights: random.chance(0.3),
    lambda: random.unit(),
    negativeWeight: 2 * random.unit(),
    nllWeight: 2 * random.unit(),
    beta: 0.05 + 0.9 * random.unit(),
    k: 1 + random.below(12),
    mu: 10 * random.unit(),
    steepness: 0.1 + 2 * random.unit(),
    studentTemperature: random.pick([1, 0.5, 3]),
    teacherTemperature: random.pick([1, 0.5, 3]),
  };
  const known: readonly string[] = losses[loss].parameters;
  const chosen = Object.keys(all).filter((name) => known.includes(name) || name.endsWith('Temperature'));
  return Object.fromEntries(chosen.map((name) => [name, all[name]]));
}

/** A batch that its loss takes. */
export function makeBatch(random: Random): Made {
  const loss = random.pick(names);
  const { queries, docs, ragged, stride, rows, extent } = layoutOf(random);
  const dtype = random.chance(0.3) ? random.pick(half) : undefined;
  const type = () => (dtype === undefined || random.chance(0.3) ? 0 : 1 + half.indexOf(dtype));
  const [studentType, teacherType] = [type(), type()];
  const batch: Record<string, unknown> = {};
  const [inputs, outputs]: [Guarded[], Record<string, Guarded>] = [[], {}];
  const input = (name: string, kind: unknown, length: number, fill: (array: Guarded) => unknown) => {
    const made = new Guarded(random, kind, length);
    fill(made);
    inputs.push(made);
    batch[name] = made.view;
  };
  const output = (name: string, kind: unknown, length: number) => {
    if (random.chance(0.6)) return;
    // A batch with a shape wants its outputs at least as long, and leaves the rest alone.
    outputs[name] = new Guarded(random, kind, length);
    batch[name] = outputs[name].view;
  };
  const scores = (t: number) => (t === 0 ? Float32Array : Uint16Array);
  const values = (from: () => number) => (array: Guarded) => array.fill(from);
  input('student', scores(studentType), extent, (a) => a.fillScores(random, studentType));
  const { teacher: use } = losses[loss];
  const graded = use === 'order' ? random.chance(0.5) : loss === 'lambdaMrr' && random.chance(0.4);
  if (use === true || (use === 'order' && !graded) || random.chance(0.3))
    input('teacher', scores(teacherType), extent, (a) => a.fillScores(random, teacherType));
  input(
    'labels',
    Uint8Array,
    extent,
    values(() => (random.chance(0.1) ? 255 : random.chance(0.25) ? 1 : 0)),
  );
  if (ragged)
    input('offsets', Int32Array, queries + 1, (a) =>
      a.fill((i) => (i < queries ? rows[i][0] : (rows.at(-1)?.[1] ?? 0))),
    );
  else batch.shape = [queries, docs];
  if (!ragged && stride > docs) batch.rowStride = stride;
  const parameters = parametersOf(random, loss);
  if (loss === 'ckl' || loss === 'lambdaMrr') {
    const ranks = random.pick([Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array]);
    if (random.chance(0.3))
      input(
        'ranks',
        ranks,
        extent,
        values(() => 1 + random.below(200)),
      );
    else if (loss === 'ckl' && random.chance(0.2))
      input(
        'beta',
        Float32Array,
        extent,
        values(() => -random.unit()),
      );
  }
  if (graded)
    input(
      'relevance',
      Float32Array,
      extent,
      values(() => random.below(4)),
    );
  if (random.chance(0.3))
    input(
      'weights',
      Float32Array,
      queries,
      values(() => random.pick([0, 0.5, 1, 2])),
    );
  output('grad', scores(studentType), extent);
  output('perQuery', Float32Array, queries);
  const options: Record<string, unknown> = { ...parameters };
  if (use === true) {
    output('teacherGrad', scores(teacherType), extent);
    if (random.chance(0.2)) options.teacherGrad = true;
  }
  if (dtype !== undefined) options.dtype = dtype;
  if (random.chance(0.6)) options.reduction = random.pick(['mean', 'sum', 'none']);
  if (random.chance(0.2)) options.gradScale = random.pick([0.5, 1, -2]);
  if (random.chance(0.2)) options.diagnostics = true;
  if (random.chance(0.1)) options.threads = random.pick([1, 2]);
  const longest = Math.max(docs, 0);
  return {
    ...{ batch, options, loss, parameters, queries, longest, rows, inputs, outputs },
    ...{ studentType, teacherType },
  };
}

/** The smallest normal float32: results below it may be 0. */
const smallest = 2 ** -126;

/** What a row may lose where its scores lie hundreds of temperatures apart: docs/losses.md, accuracy, the line on the bottom of float32. */
function lostAtBottom(
  { student, teacher, labels }: Query,
  { studentTemperature = 1, teacherTemperature = 1 }: Parameters,
) {
  const spread = (scores: number[]) => {
    const shown = scores.filter((_, i) => labels[i] !== 255);
    return Math.max(...shown) - Math.min(...shown);
  };
  return (
    2 * smallest * Math.max(0, spread(student) / studentTemperature + spread(teacher) / teacherTemperature)
  );
}

const read = (type: number) => (type === 0 ? Number : type === 1 ? fromBfloat16 : fromFloat16);

function queryOf({ batch, rows, studentType, teacherType }: Made, b: number): Query {
  const part = (name: string, of: (x: number) => number = Number) =>
    name in batch
      ? Array.from(batch[name] as ArrayLike<number>)
          .slice(...rows[b])
          .map(of)
      : null;
  const student = part('student', read(studentType))!;
  return {
    student,
    teacher: part('teacher', read(teacherType)) ?? student.map(() => 0),
    labels: part('labels')!,
    ranks: part('ranks'),
    beta: part('beta'),
    relevance: part('relevance'),
  };
}

export interface Result {
  loss: number | Float32Array;
  grad: ArrayLike<number>;
  perQuery: Float32Array;
  counted: number;
}

/**
 * That a result of a valid batch is the reference's, in rows of finite scores of float32 (others: NaN and infinities have tests of their
 * own, and halves round). `inputs` has to hold what it held at the call.
 */
export function verifyValues(made: Made, result: Result): void {
  const { batch, options, rows, loss, parameters, studentType } = made;
  const weights = (batch.weights ?? rows.map(() => 1)) as ArrayLike<number>;
  const queries = rows.map((_, b) => queryOf(made, b));
  const references = queries.map((query) => reference(loss, query, parameters));
  const counted = references.filter((row) => row.counted).length;
  check(result.counted === counted, `${loss}: counted is ${result.counted}, not ${counted}`);
  const total = references.reduce((sum, row, b) => sum + (row.counted ? weights[b] : 0), 0);
  const reduction = options.reduction ?? 'mean';
  rows.forEach(([from, to], b) => {
    const { labels, student, teacher } = queries[b];
    const usual = labels.every((y, i) => y === 255 || Math.abs(student[i]) + Math.abs(teacher[i]) < 1e3);
    if (!usual) return;
    const row = references[b];
    const lost = lostAtBottom(queries[b], parameters);
    const near = (value: number, expected: number, tolerance: number, what: string) =>
      check(
        Math.abs(value - expected) <= tolerance + 1e-6 * Math.abs(expected) + smallest,
        `${loss}: ${what} of query ${b} is ${value}, not ${expected} within ${tolerance}`,
      );
    near(result.perQuery[b], row.loss, row.lossTolerance + lost, 'loss');
    if (studentType !== 0) return;
    const share = reduction === 'mean' ? (total === 0 ? 0 : weights[b] / total) : weights[b];
    const factor = share * Number(options.gradScale ?? 1);
    for (let i = from; i < to; i++) {
      const [grad, tolerance] = [row.grad[i - from], row.gradTolerance[i - from]];
      near(result.grad[i], factor * grad, Math.abs(factor) * (tolerance + lost), `gradient ${i - from}`);
    }
  });
}
