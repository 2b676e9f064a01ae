// The types that callers rely on; checked by the compiler, so that a run of this file asserts little more than that it compiles.
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  adrMse,
  type Batch,
  ckl,
  cklAsync,
  combine,
  type Diagnostics,
  jsd,
  jsdAsync,
  kl,
  lambdaNdcg,
  listMle,
  type LossResult,
  nll,
  prepare,
  rankNet,
  type Reduction,
  reverseKl,
  type Scores,
} from '../../../lib/index';
import { randomBatch } from './helpers';

const { student, teacher, labels } = randomBatch({ seed: 1, queries: 2, docs: 3 });
const shape = [2, 3] as const;

describe('types', () => {
  it('loss is a number, or with reduction none an array', () => {
    expectTypeOf(kl({ student, teacher, labels, shape }).loss).toEqualTypeOf<number>();
    expectTypeOf(kl({ student, teacher, labels, shape }, { reduction: 'sum' }).loss).toEqualTypeOf<number>();
    expectTypeOf(
      ckl({ student, teacher, labels, shape }, { reduction: 'none', gamma: 2 }).loss,
    ).toEqualTypeOf<Float32Array>();
    const reduction = 'mean' as Reduction;
    expectTypeOf(kl({ student, teacher, labels, shape }, { reduction }).loss).toEqualTypeOf<
      number | Float32Array
    >();
  });

  it('a shape that was written down before is an array of numbers', () => {
    const earlier = [2, 3];
    expectTypeOf(kl({ student, teacher, labels, shape: earlier }).loss).toEqualTypeOf<number>();
    using prepared = prepare('kl', { shape: earlier });
    expectTypeOf(prepared.shape).toEqualTypeOf<readonly [queries: number, documents: number]>();
    expect(() => kl({ student, teacher, labels, shape: [2, 3, 1] })).toThrow(
      'shape must be [queries, documents]',
    );
    // @ts-expect-error not numbers
    expect(() => kl({ student, teacher, labels, shape: ['2', '3'] })).toThrow('shape must be');
  });

  it('grad has the type of the student, or of the array that the batch brings', () => {
    expectTypeOf(kl({ student, teacher, labels, shape }).grad).toExtend<Float32Array>();
    const half = new Uint16Array(6);
    expectTypeOf(nll({ student: half, labels, shape }, { dtype: 'float16' }).grad).toExtend<Uint16Array>();
    expectTypeOf(
      nll({ student: half, labels, shape, grad: student }, { dtype: 'float16' }).grad,
    ).toExtend<Float32Array>();
  });

  it('the asynchronous form promises the same, and takes no outputs', () => {
    expectTypeOf(cklAsync({ student, teacher, labels, shape })).resolves.toExtend<
      LossResult<'mean', Float32Array>
    >();
    // @ts-expect-error the asynchronous functions own their outputs
    void cklAsync({ student, teacher, labels, shape, grad: student }).catch(() => undefined);
  });

  it('a loss takes its own parameters only', () => {
    // @ts-expect-error kl has no gamma
    const wrong = () => kl({ student, teacher, labels, shape }, { gamma: 5 });
    // @ts-expect-error detachWeights is ckl's
    const detached = () => kl({ student, teacher, labels, shape }, { detachWeights: true });
    expectTypeOf(ckl<Float32Array>)
      .parameter(1)
      .toExtend<{ detachWeights?: boolean; negativeWeight?: undefined } | undefined>();
    expectTypeOf(detached).returns.not.toBeNever();
    // @ts-expect-error the terms of a sum carry the parameters
    const sum = () => combine({ student, teacher, labels, shape }, [{ loss: 'kl' }], { lambda: 5 });
    // @ts-expect-error a prepared loss needs its size
    const sizeless = () => prepare('ckl', { gamma: 3 });
    expectTypeOf(wrong).returns.not.toBeNever();
    expectTypeOf(sum).returns.not.toBeNever();
    expectTypeOf(sizeless).returns.not.toBeNever();
  });

  it('the losses of an order take relevance and no teacher, and parameters of their own', () => {
    const relevance = new Float32Array(6);
    const batch = { student, labels, relevance, shape };
    expectTypeOf(rankNet(batch, { pairMean: 'batch' }).loss).toEqualTypeOf<number>();
    expectTypeOf(lambdaNdcg(batch, { k: 3, mu: 0, pairMean: 'batch' }).loss).toEqualTypeOf<number>();
    expectTypeOf(listMle(batch, { reduction: 'none' }).loss).toEqualTypeOf<Float32Array>();
    expectTypeOf(adrMse(batch, { steepness: 2 }).grad).toExtend<Float32Array>();
    const all = { student, teacher, labels, shape };
    expectTypeOf(jsd(all, { beta: 0.3 }).loss).toEqualTypeOf<number>();
    expectTypeOf(jsdAsync(all, { beta: 0.3 })).resolves.toExtend<LossResult<'mean', Float32Array>>();
    using sum = prepare('combine', {
      shape,
      terms: [
        { loss: 'jsd', beta: 0.3 },
        { loss: 'lambdaNdcg', k: 3 },
      ],
    });
    expectTypeOf(sum.run({ ...all, relevance }).loss).toEqualTypeOf<number>();
    const wrong = [
      // @ts-expect-error beta is jsd's
      () => reverseKl(all, { beta: 0.3 }),
      // @ts-expect-error k is lambdaNdcg's
      () => rankNet(batch, { k: 3 }),
      // @ts-expect-error listMle has no pairs to average
      () => listMle(batch, { pairMean: 'batch' }),
      // @ts-expect-error steepness is adrMse's
      () => prepare('listMle', { shape, steepness: 2 }),
      // @ts-expect-error beta as an option is a number
      () => jsd(all, { beta: new Float32Array(6) }),
    ];
    expectTypeOf(wrong).not.toBeNever();
  });

  it('a prepared loss keeps its reduction', () => {
    using mean = prepare('ckl', { shape, gamma: 3 });
    using none = prepare('combine', { shape, reduction: 'none', terms: [{ loss: 'kl' }] });
    expectTypeOf(mean.run({ student, teacher, labels }).loss).toEqualTypeOf<number>();
    expectTypeOf(none.run({ student, teacher, labels }).loss).toEqualTypeOf<Float32Array>();
    expectTypeOf(mean.run({ student, teacher, labels }).diagnostics).toEqualTypeOf<Diagnostics | undefined>();
  });

  it('a batch can be declared on its own', () => {
    expectTypeOf<Batch['student']>().toEqualTypeOf<Scores>();
    const batch: Batch<Float32Array> = { student, teacher, labels, shape };
    expectTypeOf(kl(batch).grad).toEqualTypeOf<Float32Array>();
  });
});
