// Each tfjs loss: the plain function's numbers, gradients that differences confirm, reductions, masks, memory.
import { describe, expect, it } from 'vitest';
import { DOCS, type Lists, lists, losses, matrix, QUERIES, tf, tfjs } from './helpers';

const shape = [QUERIES, DOCS] as const;

/** The scalar loss at other logits or another teacher. */
function valueAt(name: string, data: Lists, options: object = {}): number {
  const { op } = losses[name];
  return tf.tidy(
    () =>
      op(matrix(data.labels), matrix(data.logits), matrix(data.teacher), null, {
        ...losses[name].options,
        ...options,
      }).dataSync()[0],
  );
}

/** Differences on both sides, one number at a time, as tfjs' own gradient tests do; padding is left alone. */
function differences(name: string, data: Lists, which: 'logits' | 'teacher', options: object): number[] {
  const step = 2 ** -6;
  return [...data.labels].map((label, i) => {
    if (label === 255) return 0;
    const at = (offset: number) => {
      const moved = data[which].slice();
      moved[i] += offset;
      return valueAt(name, { ...data, [which]: moved }, options);
    };
    return (at(step) - at(-step)) / (2 * step);
  });
}

/** Ranks made once, so that a difference does not move them: to the gradient they are constants. */
const fixedRanks = (data: Lists) => {
  const ranks = new Float32Array(data.labels.length).fill(1);
  for (let q = 0; q < QUERIES; q++) {
    const row = [...Array(DOCS).keys()].map((d) => q * DOCS + d).filter((i) => data.labels[i] !== 255);
    for (const i of row) ranks[i] = 1 + row.filter((j) => data.logits[j] > data.logits[i]).length;
  }
  return { ranks: matrix(ranks) };
};

describe.each(Object.keys(losses))('%s', (name) => {
  const { op, plain, teacher: readsTeacher, options } = losses[name];
  const data = lists(7);
  const batch = {
    student: data.logits,
    labels: data.labels,
    shape,
    ...(readsTeacher && { teacher: data.teacher }),
  };
  const call = (weights?: tfjs.Input, reduction?: tf.Reduction) =>
    op(matrix(data.labels), matrix(data.logits), matrix(data.teacher), weights, options, reduction);

  it('gives the plain loss of each query, and by default its mean over the counted ones', () => {
    const each = plain(batch, { ...options, reduction: 'none' });
    expect([...call(undefined, tf.Reduction.NONE).dataSync()]).toEqual([...each.perQuery]);
    if (name === 'combine') return; // combine means each term over its own queries.
    expect(call().dataSync()[0]).toBeCloseTo(plain(batch, options ?? {}).loss as number, 5);
  });

  it('has the gradient of the plain loss, and differences confirm it', () => {
    const logits = matrix(data.logits);
    const gradient = tf.grad(
      (x) => op(matrix(data.labels), x, matrix(data.teacher), null, options) as tf.Scalar,
    )(logits);
    if (name !== 'combine') expectClose(gradient.dataSync(), plain(batch, options ?? {}).grad, 1e-6);
    if (name === 'lambdaNdcg') return; // Its ranks are constants for the gradient, and jump under differences.
    const measured = differences(name, data, 'logits', fixedRanks(data));
    expectClose(gradient.dataSync(), measured, 2e-3);
    expect(Math.max(...measured.map(Math.abs))).toBeGreaterThan(0.01);
  });

  it('gives padding the gradient 0, whatever it holds', () => {
    const gradient = tf
      .grad((x) => op(matrix(data.labels), x, matrix(data.teacher), null, options) as tf.Scalar)(
        matrix(data.logits),
      )
      .dataSync();
    for (const i of [2 * DOCS + 4, 2 * DOCS + 5]) expect(gradient[i]).toBe(0);
    expect([...gradient].every(Number.isFinite)).toBe(true);
  });

  it('reduces with weights as tf.losses do, over the counted queries', () => {
    const weights = [1, 0.5, 2, 4, 0];
    const each = [...call(undefined, tf.Reduction.NONE).dataSync()];
    const counts = each.map((loss) => (loss === 0 ? 0 : 1));
    const weighted = each.map((loss, q) => weights[q] * loss);
    const total = weighted.reduce((sum, loss) => sum + loss, 0);
    const used = weights.map((weight, q) => weight * counts[q]);
    const sum = used.reduce((a, b) => a + b, 0);
    expectClose(call(weights, tf.Reduction.NONE).dataSync(), weighted, 1e-5);
    expectClose(call(weights, tf.Reduction.SUM).dataSync(), [total], 1e-5);
    expectClose(call(weights, tf.Reduction.MEAN).dataSync(), [total / sum], 1e-5);
    expectClose(call(weights).dataSync(), [total / used.filter((w) => w > 0).length], 1e-5);
    expectClose(call(2, tf.Reduction.MEAN).dataSync(), call(undefined, tf.Reduction.MEAN).dataSync(), 1e-5);
  });

  it('under NONE passes each query the gradient that came to it, times its weight', () => {
    const weights = [1, 0.5, 2, 4, 0];
    const upstream = [3, -1, 0.25, 2, 7];
    const none = (x: tf.Tensor) =>
      op(matrix(data.labels), x, matrix(data.teacher), weights, options, tf.Reduction.NONE);
    const each = plain(batch, { ...options, reduction: 'none' });
    const counted = each.perQuery.map((loss) => (loss === 0 ? 0 : 1));
    const expected = each.grad.map((g, i) => {
      const query = Math.floor(i / DOCS);
      const share = weights[query] * upstream[query] * counted[query];
      return share === 0 ? 0 : share * g;
    });
    const gradient = tf.grad((x) => none(x))(matrix(data.logits), tf.tensor1d(upstream));
    expect(gradient.shape).toEqual(shape);
    expectClose(gradient.dataSync(), expected, 1e-5);
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.01);
  });

  it.runIf(readsTeacher === true)('under NONE and SUM gives the teacher its share, too', () => {
    const upstream = [3, -1, 0.25, 2, 7];
    const each = plain(batch, { ...options, reduction: 'none', teacherGrad: true });
    const toTeacher = each.teacherGrad as Float32Array;
    const loss = (reduction: tf.Reduction) => (logits: tf.Tensor, teacher: tf.Tensor) =>
      op(matrix(data.labels), logits, teacher, null, { ...options, teacherGrad: true }, reduction);
    const inputs = [matrix(data.logits), matrix(data.teacher)];
    const [, none] = tf.grads((a, b) => loss(tf.Reduction.NONE)(a, b))(inputs, tf.tensor1d(upstream));
    expectClose(
      none.dataSync(),
      toTeacher.map((g, i) => g * upstream[Math.floor(i / DOCS)]),
      1e-5,
    );
    const [, sum] = tf.grads((a, b) => loss(tf.Reduction.SUM)(a, b) as tf.Scalar)(inputs);
    expectClose(sum.dataSync(), toTeacher, 1e-5);
    expect(Math.max(...Array.from(toTeacher, Math.abs))).toBeGreaterThan(0.01);
  });

  it('is 0, not NaN, where no query is counted, and so is its gradient', () => {
    const nothing = matrix(new Uint8Array(QUERIES * DOCS).fill(255));
    for (const reduction of [tf.Reduction.MEAN, tf.Reduction.SUM_BY_NONZERO_WEIGHTS]) {
      const loss = (x: tf.Tensor) =>
        op(nothing, x, matrix(data.teacher), null, options, reduction) as tf.Scalar;
      expect(loss(matrix(data.logits)).dataSync()[0]).toBe(0);
      expect(new Set(tf.grad(loss)(matrix(data.logits)).dataSync())).toEqual(new Set([0]));
    }
  });

  it('leaves no tensor behind', () => {
    const [labels, logits, teacher] = [matrix(data.labels), matrix(data.logits), matrix(data.teacher)];
    const before = tf.memory().numTensors;
    op(labels, logits, teacher, null, options).dispose();
    expect(tf.memory().numTensors).toBe(before);
    const { value, grad } = tf.valueAndGrad((x) => op(labels, x, teacher, null, options) as tf.Scalar)(
      logits,
    );
    tf.dispose([value, grad]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.runIf(readsTeacher === true)('has a gradient for the teacher when asked, and only then', () => {
    const loss = (asked: boolean) => (logits: tf.Tensor, teacher: tf.Tensor) =>
      op(matrix(data.labels), logits, teacher, null, { ...options, teacherGrad: asked }) as tf.Scalar;
    const [toLogits, toTeacher] = tf.grads(loss(true))([matrix(data.logits), matrix(data.teacher)]);
    const measured = differences(name, data, 'teacher', fixedRanks(data));
    expectClose(toTeacher.dataSync(), measured, 2e-3);
    const alone = tf.grad((x) => loss(false)(x, matrix(data.teacher)))(matrix(data.logits));
    expect([...toLogits.dataSync()]).toEqual([...alone.dataSync()]);
    expect(() => tf.grads(loss(false))([matrix(data.logits), matrix(data.teacher)])).toThrow(
      /Cannot compute gradient/,
    );
  });
});

describe('inputs', () => {
  const data = lists(3);
  const nested = (values: ArrayLike<number>) =>
    Array.from({ length: QUERIES }, (_, q) => Array.from(values).slice(q * DOCS, (q + 1) * DOCS));

  it('takes nested numbers, integer labels and any leading axes', () => {
    const expected = tfjs
      .cklLoss(matrix(data.labels), matrix(data.logits), matrix(data.teacher))
      .dataSync()[0];
    const ofArrays = tfjs.cklLoss(nested(data.labels), nested(data.logits), nested(data.teacher));
    expect(ofArrays.dataSync()[0]).toBe(expected);
    const stack = (values: ArrayLike<number>) => tf.tensor(Float32Array.from(values), [1, QUERIES, DOCS]);
    const integers = tf.tensor(Int32Array.from(data.labels), [1, QUERIES, DOCS], 'int32');
    expect(tfjs.cklLoss(integers, stack(data.logits), stack(data.teacher)).dataSync()[0]).toBe(expected);
    const one = tfjs.klLoss([1, 0, 0], [2, 1, 0], [1, 2, 0], null, {}, tf.Reduction.NONE);
    expect(one.shape).toEqual([]);
  });

  it('passes beta, ranks and relevance on', () => {
    const labels = [[1, 0, 0]];
    const [logits, teacher] = [[[0.2, 0.5, -1]], [[1, 0, 0.3]]];
    const withBeta = (beta: number) =>
      tfjs.cklLoss(labels, logits, teacher, null, { gamma: 3, beta: [[0, beta, beta]] }).dataSync()[0];
    expect(withBeta(1)).not.toBe(withBeta(0));
    const relevant = tfjs.lambdaMrrLoss(labels, logits, null, { relevance: [[0, 2, 1]] }).dataSync()[0];
    expect(relevant).not.toBe(tfjs.lambdaMrrLoss(labels, logits).dataSync()[0]);
  });

  it.each([
    ['a label of 2', () => tfjs.klLoss([[2, 0]], [[1, 2]], [[1, 2]]), /labels holds 2/, 'ERR_CKL_LABEL'],
    [
      'a label of 256, which is no byte',
      () => tfjs.klLoss([[256, 0]], [[1, 2]], [[1, 2]]),
      /256/,
      'ERR_CKL_LABEL',
    ],
    [
      'labels of another shape',
      () => tfjs.klLoss([[1, 0, 0]], [[1, 2]], [[1, 2]]),
      /\[1, 3\].*\[1, 2\]/,
      'ERR_CKL_SHAPE',
    ],
    [
      'a teacher of another shape',
      () => tfjs.klLoss([[1, 0]], [[1, 2]], [1, 2]),
      /teacher has shape \[2\]/,
      'ERR_CKL_SHAPE',
    ],
    ['no teacher', () => tfjs.klLoss([[1, 0]], [[1, 2]], null as never), /teacher is null/, 'ERR_CKL_TYPE'],
    [
      'weights a document',
      () =>
        tfjs.klLoss(
          [[1, 0]],
          [[1, 2]],
          [[1, 2]],
          [
            [1, 2],
            [1, 2],
          ],
        ),
      /broadcast/,
      'ERR_CKL_SHAPE',
    ],
    ['scalar logits', () => tfjs.klLoss(1, 2, 3), /last axis/, 'ERR_CKL_SHAPE'],
    [
      'gamma below 1',
      () => tfjs.cklLoss([[1, 0]], [[1, 2]], [[1, 2]], null, { gamma: 0.5 }),
      /gamma/,
      'ERR_CKL_OPTION',
    ],
    [
      'an unknown reduction',
      () => tfjs.klLoss([[1, 0]], [[1, 2]], [[1, 2]], null, {}, 9 as never),
      /reduction is 9/,
      'ERR_CKL_OPTION',
    ],
  ])('refuses %s', (_, call, message, code) => {
    expect(call).toThrow(message);
    try {
      call();
    } catch (error) {
      expect(error).toMatchObject({ code });
    }
  });
});

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    expect(
      Math.abs(actual[i] - expected[i]),
      `element ${i}: ${actual[i]}, ${expected[i]}`,
    ).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected[i])));
  }
}

describe('types and arguments', () => {
  const [labels, logits, teacher] = [[[1, 0]], [[0.5, 1]], [[2, 1]]];

  it('is a Scalar to minimize, and what NONE makes on request', () => {
    const variable = tf.variable(tf.tensor2d(logits));
    const optimizer = tf.train.sgd(0.1);
    const cost = optimizer.minimize(() => tfjs.cklLoss(labels, variable, teacher), true);
    expect(cost!.dataSync()).toHaveLength(1);
    optimizer.minimize(() => tfjs.nllLoss(labels, variable));
    optimizer.minimize(() => tfjs.rankNetLoss(labels, variable, teacher));
    optimizer.minimize(() => tfjs.combineLoss(labels, variable, teacher, [{ loss: 'kl' }]));
    const alone: tf.Scalar = tfjs.klLoss(labels, logits, teacher);
    const each: tf.Tensor1D = tfjs.klLoss(labels, logits, teacher, null, {}, tf.Reduction.NONE);
    expect([alone.rank, each.rank]).toEqual([0, 1]);
  });

  it('says where the options belong when they stand in place of the weights', () => {
    const options = { gamma: 3 } as unknown as tfjs.Input;
    const wrong = {
      code: 'ERR_CKL_TYPE',
      message:
        'weights is an object; a tensor or nested numbers are needed, or null; the options come after the weights',
    };
    const thrown = (call: () => unknown): unknown => {
      try {
        call();
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(thrown(() => tfjs.cklLoss(labels, logits, teacher, options))).toMatchObject(wrong);
    expect(thrown(() => tfjs.nllLoss(labels, logits, options))).toMatchObject(wrong);
    expect(thrown(() => tfjs.klLoss(labels, logits, options))).toMatchObject({
      code: 'ERR_CKL_TYPE',
      message: 'teacher is an object; a tensor or nested numbers are needed',
    });
  });
});
