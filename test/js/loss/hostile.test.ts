// Objects that lie or act: lengths that an object makes up, getters that transfer arrays, call losses or dispose of them, and proxies.
// No memory but the batch's own is read or written, every error has a code, and the next call works.
import { describe, expect, it } from 'vitest';
import {
  type Batch,
  ckl,
  cklAsync,
  combine,
  kl,
  klAsync,
  prepare,
  rankBias,
  ranks,
} from '../../../lib/index';
import { revoked } from './bad-input';
import { errorOf, expectSameBits, expectSameResult, randomBatch, type TestBatch } from './helpers';

/** Small enough to be copied, and too large for it. */
const sizes = [
  [2, 4],
  [4, 512],
] as const;
const batchOf = ([queries, docs]: readonly [number, number], seed = 71) =>
  randomBatch({ seed, queries, docs });

const claim = <T extends object>(array: T, length: number): T =>
  Object.defineProperty(array, 'length', { value: length });

/** Moves the memory of an array to another, filled with `value`. */
function stolen(array: { buffer: ArrayBufferLike }, value: number): Float32Array {
  return new Float32Array(structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })).fill(
    value,
  );
}

/** The batch with one property that acts when it is read, and then is what it was. */
const acting = (batch: TestBatch, name: keyof TestBatch, act: () => void): TestBatch =>
  Object.defineProperty({ ...batch }, name, {
    enumerable: true,
    get: () => {
      act();
      return batch[name];
    },
  });

describe.each(sizes)('an array of a %i x %i batch', (...size) => {
  const batch = batchOf(size);
  const n = size[0] * size[1];
  const arrays = () => ({
    ...batch,
    student: batch.student.slice(),
    teacher: batch.teacher.slice(),
    labels: batch.labels.slice(),
    ranks: new Uint8Array(n).fill(1),
    beta: new Float32Array(n),
    relevance: new Float32Array(n),
    weights: new Float32Array(size[0]).fill(1),
    grad: new Float32Array(n),
    perQuery: new Float32Array(size[0]),
    teacherGrad: new Float32Array(n),
  });
  const names = ['student', 'teacher', 'labels', 'ranks', 'beta', 'relevance', 'weights'] as const;
  const outputs = ['grad', 'perQuery', 'teacherGrad'] as const;

  it.each([...names, ...outputs])('%s that claims a length is taken at its own', (name) => {
    using prepared = prepare('ckl', { shape: size });
    const own = arrays();
    expect(prepared.run(own).loss).toBe(prepared.run(own).loss);
    const short = own[name].slice(1);
    const lying = { ...own, [name]: claim(short, own[name].length) };
    for (const run of [(b: Batch) => prepared.run(b), (b: Batch) => ckl(b)]) {
      expect(errorOf(() => run(lying))).toMatchObject({ code: 'ERR_CKL_SHAPE' });
    }
    expect(errorOf(() => prepared.run({ ...own, [name]: short })).code).toBe('ERR_CKL_SHAPE');
    prepared.run(own);
  });

  it.each([...names, ...outputs])('%s that claims to be there after it was transferred', (name) => {
    using prepared = prepare('ckl', { shape: size });
    const own = arrays();
    prepared.run(own);
    prepared.run(own);
    const { length } = own[name];
    const other = stolen(own[name], 777);
    claim(own[name], length);
    expect(errorOf(() => prepared.run(own)).code).toBe('ERR_CKL_BUFFER');
    expect(errorOf(() => ckl(own)).code).toBe('ERR_CKL_BUFFER');
    expect(new Set(other)).toEqual(new Set([777]));
  });

  it('that the loss lent out is replaced after a transfer, whatever it claims', () => {
    using prepared = prepare('ckl', { shape: size, diagnostics: true, teacherGrad: true });
    const expected = ckl(batch, { diagnostics: true, teacherGrad: true });
    prepared.run(batch);
    const { grad, perQuery, teacherGrad, diagnostics } = prepared.run(batch);
    const lent = [grad, perQuery, teacherGrad!, ...Object.values(diagnostics!)] as Float32Array[];
    const lengths = lent.map((array) => array.length);
    const moved = lent.map((array) => stolen(array, 777));
    lent.forEach((array, i) => claim(array, lengths[i]));
    const again = prepared.run(batch);
    expectSameResult(again, expected);
    expect(again.diagnostics).toEqual(expected.diagnostics);
    for (const array of moved) expect(new Set(array)).toEqual(new Set([777]));
  });

  it.each(['buffer', 'byteOffset', 'byteLength', 'set', 'subarray', 'constructor', Symbol.toStringTag])(
    'with a %s of its own is read and written by the engine’s',
    (name) => {
      using prepared = prepare('kl', { shape: size });
      const spoil = <T extends object>(array: T): T =>
        Object.defineProperty(array, name, { get: () => expect.fail('read') });
      const { student, teacher, labels } = arrays();
      const own = { ...batch, student: spoil(student), teacher: spoil(teacher), labels: spoil(labels) };
      const expected = kl(batch);
      const seen = new Float32Array(n);
      const grad = spoil(new Float32Array(seen.buffer));
      const perQuery = spoil(new Float32Array(size[0]));
      for (const run of [kl, (b: Batch) => prepared.run(b)]) {
        run({ ...own, grad, perQuery });
        expectSameBits(seen.slice(), expected.grad);
        seen.fill(0);
      }
      const lent = prepared.run(own);
      const view = new Float32Array(lent.grad.buffer);
      spoil(lent.grad);
      spoil(lent.perQuery);
      view.fill(0);
      prepared.run(own);
      expectSameBits(view, expected.grad);
    },
  );

  it('of a subclass whose getters lie', () => {
    class Lying extends Float32Array {
      override get length() {
        return n;
      }
      override get buffer() {
        return new ArrayBuffer(4 * n);
      }
      static get [Symbol.species]() {
        return expect.fail('made') as never;
      }
    }
    using prepared = prepare('kl', { shape: size });
    for (const student of [new Lying(n - 1), new Lying(0)]) {
      expect(errorOf(() => kl({ ...batch, student })).code).toBe('ERR_CKL_SHAPE');
      expect(errorOf(() => prepared.run({ ...batch, student })).code).toBe('ERR_CKL_SHAPE');
    }
    const student = new Lying(n);
    student.set(batch.student);
    expectSameResult(kl({ ...batch, student }), kl(batch));
    expectSameResult(prepared.run({ ...batch, student }), kl(batch));
  });

  it.each(['Float32Array', 'Map', 'Set'] as const)(
    'whose shape has the prototype of %s is refused by its kind',
    (name) => {
      const { prototype } = globalThis[name];
      using prepared = prepare('kl', { shape: size });
      const bad = { ...batch, shape: Object.create(prototype) as [number, number] };
      for (const run of [() => kl(bad), () => prepared.run(bad)])
        expect(errorOf(run).code).toBe('ERR_CKL_SHAPE');
    },
  );

  it.each([
    ['a Proxy', () => new Proxy(batch.student, {}), /student is a Proxy/],
    ['a Proxy of nothing', () => revoked(), /student is a Proxy/],
    ['an object with the prototype of arrays', () => Object.create(Float32Array.prototype), /student is/],
    ['a view of bytes', () => new DataView(new ArrayBuffer(4 * n)), /student is a DataView/],
    ['an object without a prototype', () => Object.create(null), /student is an object/],
    ['a symbol', () => Symbol('scores'), /student is Symbol\(scores\)/],
  ])('that is %s is refused by its kind', async (_, make, message) => {
    using prepared = prepare('kl', { shape: size });
    const bad = { ...batch, student: make() as Float32Array };
    for (const run of [() => kl(bad), () => prepared.run(bad), () => ranks({ ...bad, labels: undefined })]) {
      const error = errorOf(run);
      expect(error.code).toMatch(/ERR_CKL_TYPE|ERR_CKL_OPTION/);
    }
    await expect(klAsync(bad)).rejects.toMatchObject({
      code: 'ERR_CKL_TYPE',
      message: expect.stringMatching(message),
    });
  });

  it.each(['labels', 'shape', 'teacher', 'student'] as const)(
    'that the getter of %s transfers is refused, and not read or written',
    (name) => {
      using prepared = prepare('kl', { shape: size });
      for (const victim of ['student', 'teacher', 'grad', 'perQuery'] as const) {
        const own = { ...arrays(), ranks: undefined, beta: undefined, relevance: undefined };
        prepared.run(own);
        prepared.run(own);
        let moved: Float32Array | null = null;
        // The victim is read before or after the getter runs: either way it is gone when it is used.
        const bad = acting(own, name, () => (moved ??= stolen(own[victim], 777)));
        expect(errorOf(() => prepared.run(bad)).code).toBe('ERR_CKL_BUFFER');
        expect(new Set(moved!)).toEqual(new Set([777]));
        expect(errorOf(() => kl(bad)).code).toBe('ERR_CKL_BUFFER');
      }
    },
  );
});

describe.each(sizes)('a getter of a %i x %i batch', (...size) => {
  const batch = batchOf(size);
  const other = batchOf(size, 72);

  it.each(['student', 'shape', 'labels'] as const)('of %s may call the same function', (name) => {
    const options = { gamma: 3, diagnostics: true };
    const [expected, inner] = [ckl(batch, options), ckl(other, { gamma: 7 })];
    for (let i = 0; i < 2; i++) {
      const nested = acting(batch, name, () => expectSameResult(ckl(other, { gamma: 7 }), inner));
      expectSameResult(ckl(nested, options), expected);
      expectSameResult(ckl(batch, options), expected);
    }
  });

  it.each(['student', 'shape', 'labels'] as const)('of %s may run the same prepared loss', (name) => {
    using prepared = prepare('kl', { shape: size });
    const expected = kl(batch);
    const nested = acting(batch, name, () => prepared.run(other));
    expectSameResult(prepared.run(nested), expected);
    expectSameResult(prepared.run(batch), expected);
  });

  it('may dispose of the prepared loss', () => {
    const prepared = prepare('kl', { shape: size });
    prepared.run(batch);
    const bad = acting(batch, 'labels', () => prepared.dispose());
    expect(errorOf(() => prepared.run(bad)).code).toBe('ERR_CKL_DISPOSED');
  });

  it('that throws leaves the loss as it was', () => {
    using prepared = prepare('kl', { shape: size });
    const expected = kl(batch);
    const bad = acting(batch, 'labels', () => {
      throw new Error('mine');
    });
    for (const run of [kl, (b: Batch) => prepared.run(b)]) {
      expect(() => run(bad)).toThrow('mine');
      expectSameResult(run(batch), expected);
    }
  });

  it('is called once', async () => {
    let reads: Map<PropertyKey, number>[] = [];
    const counting = <T extends object>(target: T): T => {
      const counts = new Map<PropertyKey, number>();
      reads.push(counts);
      return new Proxy(target, {
        get: (from, name) => {
          counts.set(name, (counts.get(name) ?? 0) + 1);
          return Reflect.get(from, name);
        },
      });
    };
    const check = (call: () => unknown) => {
      reads = [];
      const result = call();
      for (const counts of reads) {
        expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
        expect(counts.size).toBeGreaterThan(0);
      }
      return result;
    };
    const weights = new Float32Array(size[0]).fill(1);
    const full = () => ({ ...batch, shape: counting(batch.shape), weights });
    const options = { gamma: 5, diagnostics: true, dtype: 'float32', teacherGrad: true } as const;
    const prepared = check(() => prepare('ckl', counting({ ...options, shape: size }))) as Disposable;
    prepared[Symbol.dispose]();
    const expected = ckl({ ...batch, weights }, options);
    for (let i = 0; i < 2; i++) {
      expectSameResult(check(() => ckl(counting(full()), counting(options))) as typeof expected, expected);
      await check(() => cklAsync(counting(full()), counting(options)));
      check(() => combine(counting(full()), [counting({ loss: 'ckl' as const, gamma: 4 })]));
      check(() => ranks(counting({ student: batch.student, shape: counting(batch.shape) })));
      const bias = { ranks: new Uint8Array(batch.labels.length).fill(1), labels: batch.labels };
      check(() => rankBias(counting({ ...bias, shape: counting(batch.shape) }), counting({ alpha: 1 })));
    }
  });
});

describe('a shape that has the methods of a typed array without being one', () => {
  const batch = batchOf([2, 4]);
  it.each([
    ['an object with its prototype', Object.create(Uint32Array.prototype) as unknown],
    ['a proxy', new Proxy(Uint32Array.of(2, 4), {})],
  ])('%s is refused', (_, shape) => {
    using prepared = prepare('kl', { shape: [2, 4] });
    for (const call of [
      () => kl({ ...batch, shape: shape as [number, number] }),
      () => prepared.run({ ...batch, shape: shape as [number, number] }),
      () => ranks({ student: batch.student, shape: shape as [number, number] }),
    ])
      expect(errorOf(call).code).toBe('ERR_CKL_SHAPE');
  });
});
