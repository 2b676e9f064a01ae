// Objects that lie or act: lengths that an object makes up, getters that transfer arrays, call losses or dispose of them, proxies, and
// options that change between reads. No memory but the batch's own is read or written, every error has a code, and the next call works.
import { describe, expect, it } from 'vitest';
import {
  type Batch,
  type Term,
  ckl,
  cklAsync,
  combine,
  kl,
  klAsync,
  prepare,
  rankBias,
  ranks,
} from '../../../lib/index';
import { detached } from './bad-input';
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

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

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

describe('options that change between reads', () => {
  const batch = batchOf([2, 4]);
  /** An option that is `first` once and `then` ever after. */
  const changing = (name: string, first: unknown, then: unknown): object => {
    let reads = 0;
    return Object.defineProperty({}, name, { enumerable: true, get: () => (reads++ === 0 ? first : then) });
  };

  it.each([
    ['studentTemperature', 2, 7],
    ['gamma', 3, 9],
    ['reduction', 'sum', 'mean'],
    ['gradScale', 2, 5],
  ])('%s: the first value is used, and later calls have their own', (name, first, then) => {
    const expected = ckl(batch, { [name]: first });
    const later = ckl(batch, { [name]: then });
    expectSameResult(ckl(batch, changing(name, first, then)), expected);
    expectSameResult(ckl(batch, { [name]: first }), expected);
    expectSameResult(ckl(batch, { [name]: then }), later);
    const shaped = Object.defineProperty(changing(name, first, then), 'shape', {
      enumerable: true,
      value: [2, 4],
    });
    using prepared = prepare('ckl', shaped as { shape: [number, number] });
    expectSameResult(prepared.run(batch), expected);
  });

  it('a term: the same', () => {
    const expected = combine(batch, [{ loss: 'ckl', gamma: 3 }]);
    const term = Object.defineProperty(changing('gamma', 3, 9), 'loss', { enumerable: true, value: 'ckl' });
    expectSameResult(combine(batch, [term as Term]), expected);
    expectSameResult(combine(batch, [{ loss: 'ckl', gamma: 9 }]), combine(batch, [term as Term]));
    expectSameResult(combine(batch, [{ loss: 'ckl', gamma: 3 }]), expected);
  });

  it('getters of a class count, though they cannot be listed', () => {
    class Settings {
      constructor(readonly scale: number) {}
      get gradScale() {
        return this.scale;
      }
    }
    const hidden = (scale: number) =>
      Object.defineProperty(new Settings(scale), 'scale', { enumerable: false });
    expectSameResult(kl(batch, hidden(2)), kl(batch, { gradScale: 2 }));
    expectSameResult(kl(batch, hidden(3)), kl(batch, { gradScale: 3 }));
  });

  it('a getter that calls the same function with others', () => {
    const expected = ckl(batch, { gamma: 3 });
    const nested = Object.defineProperty({ gamma: 3 }, 'gradScale', {
      enumerable: true,
      get: () => (ckl(batch, { gamma: 8 }), 1),
    });
    expectSameResult(ckl(batch, nested), expected);
    expectSameResult(ckl(batch, { gamma: 3 }), expected);
  });
});

describe('values of any kind end in an error with a code', () => {
  const batch = batchOf([2, 4]);
  const odd: [string, unknown][] = [
    ['a symbol', Symbol('odd')],
    ['an object without a prototype', Object.create(null)],
    ['a Proxy', new Proxy({}, {})],
    ['a revoked Proxy', revoked()],
    [
      'an object whose class throws',
      Object.defineProperty({}, 'constructor', { get: () => expect.fail('read') }),
    ],
    ['a bigint', 5n],
    ['a function', () => 5],
    ['deep nesting', JSON.parse('['.repeat(2000) + ']'.repeat(2000))],
    ['a long text', 'x'.repeat(1_000_000)],
    ['a detached array', detached(new Float32Array(2))],
  ];
  const options = [
    'gamma',
    'reduction',
    'backend',
    'cpuTarget',
    'threads',
    'dtype',
    'diagnostics',
    'teacherGrad',
  ];

  it.each(odd)('%s', async (_, value) => {
    const prepared = { shape: [2, 4] as const };
    const calls: (() => unknown)[] = [
      ...options.map((name) => () => ckl(batch, { [name]: value } as never)),
      ...options.map((name) => () => prepare('nll', { ...prepared, [name]: value } as never)),
      ...Object.keys(batch).map((name) => () => kl({ ...batch, [name]: value } as never)),
      ...['offsets', 'rowStride', 'ranks', 'grad'].map(
        (name) => () => kl({ ...batch, [name]: value } as never),
      ),
      () => kl(value as never),
      () => prepare(value as never, prepared as never),
      () => prepare('kl', { shape: value as never }),
      () => combine(batch, value as never),
      () => combine(batch, [value as never]),
      () => combine(batch, [{ loss: value as never }]),
      () => combine(batch, [{ loss: 'ckl', gamma: value as never }]),
      () => rankBias({ ranks: value as never, labels: batch.labels, shape: [2, 4] }),
      () =>
        rankBias(
          { ranks: new Uint8Array(8).fill(1), labels: batch.labels, shape: [2, 4] },
          { alpha: value as never },
        ),
      () => ranks({ student: value as never, shape: [2, 4] }),
    ];
    for (const call of calls) {
      const error = errorOf(call);
      expect(error.code, error.stack).toMatch(/^ERR_CKL_/);
      expect(error.message.length).toBeLessThan(600);
    }
    await expect(klAsync(batch, { signal: value as never })).rejects.toMatchObject({
      code: 'ERR_CKL_OPTION',
    });
  });

  it('sizes that cannot be allocated', async () => {
    const none = { student: new Float32Array(0), teacher: new Float32Array(0), labels: new Uint8Array(0) };
    for (const queries of [2 ** 40, 2 ** 53 - 1]) {
      const empty = { ...none, shape: [queries, 0] as const };
      expect(errorOf(() => kl(empty)).code).toBe('ERR_CKL_MEMORY');
      await expect(klAsync(empty)).rejects.toMatchObject({ code: 'ERR_CKL_MEMORY' });
      expect(ranks(empty.shape && { student: none.student, shape: empty.shape }).length).toBe(0);
      const bias = { ranks: new Uint8Array(0), labels: none.labels, shape: empty.shape };
      expect(rankBias(bias).length).toBe(0);
      expect(errorOf(() => prepare('kl', { shape: [queries, 2] })).code).toBe('ERR_CKL_MEMORY');
    }
  });

  it('a long name is not compared with those that a batch or a loss has', () => {
    const name = 'x'.repeat(2_000_000);
    expect(errorOf(() => kl({ ...batch, [name]: 1 } as never)).message.length).toBeLessThan(400);
    expect(errorOf(() => kl(batch, { [name]: 1 } as never)).message.length).toBeLessThan(400);
  });

  it.each([
    ['of a misspelt method', { aborted: false, addEventListener: 5 }],
    ['without removal', { aborted: false, addEventListener: () => {} }],
  ])('a signal %s', async (_, signal) => {
    await expect(klAsync(batch, { signal: signal as never })).rejects.toMatchObject({
      code: 'ERR_CKL_OPTION',
    });
  });

  it('a signal of another library aborts', async () => {
    const reason = new Error('mine');
    const signal = { aborted: true, reason, addEventListener: () => {}, removeEventListener: () => {} };
    await expect(klAsync(batch, { signal: signal as never })).rejects.toBe(reason);
  });
});
