// Options that change between reads, and values of any kind where something else belongs: the first value counts, every error has a code, and
// the next call works.
import { describe, expect, it } from 'vitest';
import { type Term, ckl, combine, kl, klAsync, prepare, rankBias, ranks } from '../../../lib/index';
import { detached, revoked } from './bad-input';
import { errorOf, expectSameResult, randomBatch } from './helpers';

describe('options that change between reads', () => {
  const batch = randomBatch({ seed: 71, queries: 2, docs: 4 });
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
  const batch = randomBatch({ seed: 71, queries: 2, docs: 4 });
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
