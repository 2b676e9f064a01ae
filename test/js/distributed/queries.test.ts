// Queries spread over ranks: loss, counted and gradients have the bits of one process, whatever the loss and the number of ranks.
import { describe, expect, it } from 'vitest';
import { prepare as prepareOnDevice } from '../../../lib/cuda/index';
import { type Communicator, prepare } from '../../../lib/index';
import { errorOf, randomBatch } from '../loss/helpers';
import { join } from 'node:path';
import { describeEachMpi, programs, written } from './launch';
import { begins, type Case, cases, dealt, nameOf } from './query-cases';
import { team } from './team';

interface Outcome {
  loss: number | Float32Array;
  counted: number;
  grad: Float32Array;
  perQuery: Float32Array;
  teacherGrad?: Float32Array;
}

/** What a rank does: all cases, with its own queries. The text is run in worker threads and under mpirun. */
const body = `(group, cases, within) => cases.map(({ loss, options, batch }) => {
  const prepared = within('ckl-loss').prepare(loss, { ...options, shape: batch.shape, group });
  const { loss: value, counted, grad, perQuery, teacherGrad } = prepared.run(batch);
  const copy = { loss: value, counted, grad: grad.slice(), perQuery: perQuery.slice(), teacherGrad: teacherGrad && teacherGrad.slice() };
  prepared.dispose();
  return copy;
})`;

function whole({ loss, options, batch }: Case): Outcome {
  using prepared = prepare(loss as 'kl', { ...options, shape: batch.shape });
  return prepared.run(batch) as unknown as Outcome;
}

const bits = (x: Float32Array): number[] => [...new Uint32Array(x.slice().buffer)];
const one = new Float64Array(1);
const bitsOf = (x: number): bigint => ((one[0] = x), new BigUint64Array(one.buffer)[0]);

describe('queries spread over ranks', () => {
  it.each([1, 2, 3, 4])('%i ranks have the bits of one process', async (size) => {
    const begin = begins[size];
    const ranks = await team<Outcome[]>(size, body, (rank) => dealt(size, rank));
    cases.forEach((one, k) => {
      const expected = whole(one);
      const docs = one.batch.shape[1];
      const name = nameOf(one);
      ranks.forEach((outcomes, rank) => {
        expect(outcomes, String((outcomes as unknown as Error).message)).toBeInstanceOf(Array);
        const found = outcomes[k];
        const [from, to] = [begin[rank], begin[rank + 1]];
        expect(found.counted, name).toBe(expected.counted);
        expect(bits(found.grad), name).toEqual(bits(expected.grad.slice(from * docs, to * docs)));
        expect(bits(found.perQuery), name).toEqual(bits(expected.perQuery.slice(from, to)));
        if (found.teacherGrad !== undefined)
          expect(bits(found.teacherGrad)).toEqual(bits(expected.teacherGrad!.slice(from * docs, to * docs)));
        if (typeof expected.loss === 'number')
          expect(bitsOf(found.loss as number), name).toBe(bitsOf(expected.loss));
        else expect(found.loss).toEqual(found.perQuery);
      });
    });
  });

  it('a rank that refuses its batch says why, the others which it was, and the next run works', async () => {
    const run = `(group, input, within) => {
      const prepared = within('ckl-loss').prepare('kl', { shape: [1, 2], group });
      const batch = { student: new Float32Array(2), teacher: Float32Array.of(0, 1), labels: Uint8Array.of(1, 0) };
      const tried = [group.rank === 1 ? { ...batch, labels: Uint8Array.of(7, 0) } : batch,
        group.rank === 0 ? { ...batch, weights: Float32Array.of(1) } : batch,
        group.rank === 2 ? null : batch, batch];
      return tried.map((one) => { try { return prepared.run(one).counted; } catch (error) { return error.code + ': ' + error.message; } });
    }`;
    const ranks = await team<string[]>(3, run);
    const refused = (rank: number) =>
      `ERR_CKL_GROUP: rank ${rank} refused its batch and reports the reason; nothing was computed`;
    expect(ranks.map((found) => found[0])).toEqual([
      refused(1),
      'ERR_CKL_LABEL: labels at query 0, document 0, is 7; a label is 1 (positive), 0 (negative) or 255 (padding)',
      refused(1),
    ]);
    for (const found of ranks)
      expect(found[1]).toBe(
        'ERR_CKL_GROUP: rank 1 has none and rank 0 has weights; the weights of the queries are given on all ranks or on none',
      );
    expect(ranks[0][2]).toBe(refused(2));
    expect(ranks[2][2]).toMatch(/^ERR_CKL_TYPE: batch is null/);
    for (const found of ranks) expect(found[3]).toBe(3);
  });

  it('ranks that prepare other losses or options are told so, and do not wait for each other', async () => {
    const run = `(group, input, within) => {
      const { prepare } = within('ckl-loss');
      const batch = { student: new Float32Array(2), teacher: Float32Array.of(0, 1), labels: Uint8Array.of(1, 0) };
      const one = group.rank === 1;
      const two = [{ loss: 'kl', weight: 1 }, { loss: 'nll', weight: 1 }];
      const tried = [() => prepare(one ? 'jsd' : 'kl', { shape: [1, 2], group }),
        () => prepare('kl', { shape: [1, 2], group, reduction: one ? 'none' : 'mean' }),
        () => prepare('ckl', { shape: [1, 2], group, gamma: one ? 3 : 2 }),
        () => prepare('combine', { shape: [1, 2], group, terms: one ? two : two.slice(1) }),
        () => prepare('kl', { shape: [1, 2], group, threads: one ? 1 : 2 })];
      return tried.map((make) => { try { return make().run(batch).counted; } catch (error) { return error.code + ': ' + error.message; } });
    }`;
    const other =
      'ERR_CKL_GROUP: rank 1 has prepared another loss than rank 0, or with other options; all ranks prepare alike';
    for (const found of await team<string[]>(2, run)) expect(found).toEqual([other, other, other, other, 2]);
  });

  it('losses on device memory say why they take no shards', () => {
    const error = errorOf(() => prepareOnDevice('kl', { shard: {}, shape: [1, 2] } as never));
    expect(error.code).toBe('ERR_CKL_OPTION');
    expect(error.message).toMatch(
      /^shard is given, but kernels make the sums of a list in one pass.*; spread the queries \(option group\), or prepare the loss with 'ckl-loss'/,
    );
  });

  it('takes any object with rank, size and allGather, and refuses others', () => {
    const alone = {
      rank: 0,
      size: 1,
      allGather: (values: Float64Array) => values.slice(),
    } as unknown as Communicator;
    const batch = randomBatch({ seed: 3, queries: 2, docs: 3 });
    expect(prepare('kl', { shape: [2, 3], group: alone }).run(batch).loss).toBe(
      prepare('kl', { shape: [2, 3] }).run(batch).loss,
    );
    const wrong: [unknown, RegExp][] = [
      [null, /^group is null; it must be a Communicator/],
      [{ ...alone, size: 0 }, /^group has size 0; it must/],
      [{ ...alone, rank: 1 }, /^group has rank 1 of 1; it must/],
      [{ rank: 0, size: 1 }, /^group has no method allGather; it must/],
    ];
    for (const [group, message] of wrong) {
      const error = errorOf(() => prepare('kl', { shape: [2, 3], group: group as Communicator }));
      expect(error.code).toBe('ERR_CKL_OPTION');
      expect(error.message).toMatch(message);
    }
    const short = { ...alone, allGather: () => new Float64Array(1) } as unknown as Communicator;
    expect(() => prepare('kl', { shape: [2, 3], group: short }).run(batch)).toThrow(
      /^group\.allGather returned 1 numbers; it must return a Float64Array of 1 times the 13 numbers/,
    );
    expect(() => prepare('kl', { shape: [2, 3], group: alone, backend: 'cuda' })).toThrow(
      /CUDA is not available|backend is 'cuda' and a group is given/,
    );
  });
});

describeEachMpi('queries spread over ranks', (launcher) => {
  it.each([1, 2, 3, 4])('%i ranks print the same bits', async (size) => {
    const program = join(programs, 'queries.mjs');
    const [expected] = await written<{ loss: string; grad: string }>(launcher, 1, [program, 'alone']);
    const ranks = await written<{ loss: string; grad: string }>(launcher, size, [program]);
    for (const { loss } of ranks) expect(loss).toBe(expected.loss);
    expect(ranks.map(({ grad }) => grad).join('')).toBe(expected.grad);
  });
});
