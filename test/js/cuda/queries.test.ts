// Queries spread over ranks that have GPUs: gradients have the bits of one loss without ranks, and nothing depends on the number of ranks.
import { describe, expect, it } from 'vitest';
import { type DeviceLoss, DeviceTensor, prepare } from '../../../lib/cuda/index';
import type { Communicator } from '../../../lib/index';
import { begins, type Case, cases, dealt, nameOf } from '../distributed/query-cases';
import { team } from '../distributed/team';
import { errorOf, expectSameBits, randomBatch, type TestBatch } from '../loss/helpers';
import { hasGpu, toDevice } from './helpers';

interface Outcome {
  loss: number | Float32Array;
  counted: number;
  summary: Float64Array;
  grad: Float32Array;
  perQuery: Float32Array;
  teacherGrad?: Float32Array;
}

const alone = {
  rank: 0,
  size: 1,
  allGather: (values: Float64Array) => values.slice(),
} as unknown as Communicator;

/** A case in this thread: without ranks, or as the only one. */
function outcomeOf({ loss, options, batch }: Case, group?: Communicator): Outcome {
  using prepared = prepare(loss as 'kl', { ...options, shape: batch.shape!, group });
  const result = (prepared as DeviceLoss).run(toDevice(batch));
  return {
    ...result.read(),
    summary: result.summary.toArray(),
    grad: result.grad.toArray() as Float32Array,
    perQuery: result.perQuery.toArray(),
    teacherGrad: result.teacherGrad?.toArray() as Float32Array | undefined,
  };
}

/** The same in a rank's thread. */
const body = `(group, cases, within) => {
  const { DeviceTensor, prepare } = within('ckl-loss/cuda');
  return cases.map(({ loss, options, batch: { shape, ...arrays } }) => {
    const prepared = prepare(loss, { ...options, shape, group });
    const batch = { shape };
    for (const name in arrays) batch[name] = DeviceTensor.from(arrays[name]);
    const result = prepared.run(batch);
    const { grad, perQuery, teacherGrad, summary } = result;
    const found = { ...result.read(), summary: summary.toArray(), grad: grad.toArray(), perQuery: perQuery.toArray(),
      teacherGrad: teacherGrad && teacherGrad.toArray() };
    prepared.dispose();
    return found;
  });
}`;

describe.runIf(hasGpu)('queries spread over ranks with GPUs', () => {
  const plain = hasGpu ? cases.map((one) => outcomeOf(one)) : [];
  const one = hasGpu ? cases.map((each) => outcomeOf(each, alone)) : [];

  it('one rank has the gradients and the count of a loss without ranks, and its loss but for the order of a sum', () => {
    cases.forEach((each, k) => {
      const name = nameOf(each);
      expect(one[k].counted, name).toBe(plain[k].counted);
      for (const array of ['grad', 'perQuery'] as const) expectSameBits(one[k][array], plain[k][array]);
      if (plain[k].teacherGrad) expectSameBits(one[k].teacherGrad!, plain[k].teacherGrad);
      const expected = plain[k].loss;
      if (typeof expected === 'number') {
        expect(Math.abs((one[k].loss as number) - expected), name).toBeLessThanOrEqual(
          1e-6 * Math.abs(expected),
        );
      } else expectSameBits(one[k].loss as Float32Array, expected);
    });
  });

  it.each([2, 3, 4])('%i ranks have the bits of one', async (size) => {
    const begin = begins[size];
    const ranks = await team<Outcome[]>(size, body, (rank) => dealt(size, rank));
    ranks.forEach((outcomes, rank) => {
      expect(outcomes, String((outcomes as unknown as Error).message)).toBeInstanceOf(Array);
      cases.forEach((each, k) => {
        const name = nameOf(each);
        const [found, expected, docs] = [outcomes[k], one[k], each.batch.shape[1]];
        const [from, to] = [begin[rank], begin[rank + 1]];
        expect(found.counted, name).toBe(expected.counted);
        expect(found.summary[1], name).toBe(expected.counted);
        expectSameBits(found.grad, expected.grad.slice(from * docs, to * docs));
        expectSameBits(found.perQuery, expected.perQuery.slice(from, to));
        if (expected.teacherGrad)
          expectSameBits(found.teacherGrad!, expected.teacherGrad.slice(from * docs, to * docs));
        if (typeof expected.loss === 'number') {
          expectSameBits(Float64Array.of(found.loss as number), Float64Array.of(expected.loss));
          expect(found.summary[0]).toBe(found.loss);
        } else expectSameBits(found.loss as Float32Array, found.perQuery);
      });
    });
  });

  it('offsets on the host and on the device, halves, long lists and other streams', async () => {
    const run = `(group, batches, within) => {
      const { DeviceTensor, prepare, Stream } = within('ckl-loss/cuda');
      const from = (array, dtype) => DeviceTensor.from(array, { dtype });
      const out = [];
      for (const { student, teacher, labels, offsets, weights } of batches) {
        const loss = prepare('ckl', { shape: [3, 1300], alpha: 1, group });
        const batch = { student: from(student), teacher: from(teacher), labels: from(labels), weights: from(weights) };
        for (const layout of [offsets, from(offsets)]) {
          const stream = Stream.create();
          stream.waitFor(batch.student.device.stream);
          const result = loss.run({ ...batch, offsets: layout }, { stream });
          out.push(result.read().loss, ...result.grad.toArray({ stream }));
        }
        const halves = { ...batch, student: from(new Uint16Array(new Uint32Array(student.buffer).map((x) => x >>> 16)), 'bfloat16') };
        out.push(loss.run({ ...halves, offsets }).read().loss);
      }
      return out;
    }`;
    const lengths = [5, 1300, 0, 33, 200];
    const { student, teacher, labels } = randomBatch({ seed: 8, queries: 1, docs: 1538 });
    labels.set([1, 0, 1, 0, 1]);
    const weights = Float32Array.of(0.3, 2.1, 5, 0.7, 1.9);
    const starts = [0, 5, 1305, 1305, 1338, 1538];
    const slice = (first: number, last: number) => ({
      student: (student as Float32Array).slice(starts[first], starts[last]),
      teacher: teacher.slice(starts[first], starts[last]),
      labels: labels.slice(starts[first], starts[last]),
      weights: weights.slice(first, last),
      offsets: Int32Array.from(starts.slice(first, last + 1), (at) => at - starts[first]),
    });
    expect(starts[5]).toBe(lengths.reduce((a, b) => a + b));
    const [whole, twice] = await Promise.all([
      team<number[]>(1, run.replace('[3, 1300]', '[5, 1300]'), () => [slice(0, 5)]),
      team<number[]>(2, run, (rank) => [rank === 0 ? slice(0, 2) : slice(2, 5)]),
    ]);
    const of = (found: number[], documents: number) => ({
      losses: [found[0], found[documents + 1], found[2 * documents + 2]],
      grads: [found.slice(1, documents + 1), found.slice(documents + 2, 2 * documents + 2)],
    });
    const all = of(whole[0], 1538);
    const [first, second] = [of(twice[0], 1305), of(twice[1], 233)];
    expect(first.losses).toEqual(all.losses);
    expect(second.losses).toEqual(all.losses);
    for (const k of [0, 1]) expect([...first.grads[k], ...second.grads[k]]).toEqual(all.grads[k]);
  });

  it('a rank that refuses its batch says why, the others which it was, and the next run works', async () => {
    const run = `(group, input, within) => {
      const { DeviceTensor, prepare } = within('ckl-loss/cuda');
      const prepared = prepare('kl', { shape: [1, 2], group, check: true });
      const grad = DeviceTensor.from(Float32Array.of(8, 9));
      const from = (array) => DeviceTensor.from(array);
      const batch = { student: from(new Float32Array(2)), teacher: from(Float32Array.of(0, 1)), labels: from(Uint8Array.of(1, 0)), grad };
      const disposed = from(new Float32Array(2));
      disposed.dispose();
      const tried = [group.rank === 1 ? { ...batch, labels: from(Uint8Array.of(7, 0)) } : batch,
        group.rank === 0 ? { ...batch, weights: from(Float32Array.of(1)) } : batch,
        group.rank === 2 ? { ...batch, teacher: disposed } : batch];
      const found = tried.map((one) => { try { return prepared.run(one).read().counted; } catch (error) { return error.code + ': ' + error.message; } });
      const untouched = [...grad.toArray()];
      return [...found, untouched, prepared.run(batch).read().counted];
    }`;
    const ranks = await team<unknown[]>(3, run);
    const refused = (rank: number) =>
      `ERR_CKL_GROUP: rank ${rank} refused its batch and reports the reason; nothing was computed`;
    expect(ranks.map((found) => found[0])).toEqual([
      refused(1),
      'ERR_CKL_LABEL: labels at query 0, document 0, is 7; a label is 1 (positive), 0 (negative) or 255 (padding)',
      refused(1),
    ]);
    for (const [, weights] of ranks)
      expect(weights).toBe(
        'ERR_CKL_GROUP: rank 1 has none and rank 0 has weights; the weights of the queries are given on all ranks or on none',
      );
    expect(ranks.map((found) => found[2])).toEqual([
      refused(2),
      refused(2),
      'ERR_CKL_DISPOSED: teacher was disposed; allocate another tensor',
    ]);
    for (const found of ranks) expect(found.slice(3)).toEqual([[8, 9], 3]);
  });

  it('a rank that fails after the first exchange says why, the others which it was, and the next run works', async () => {
    const run = `(joined, input, within) => {
      const { DeviceTensor, prepare } = within('ckl-loss/cuda');
      const { rank, size } = joined;
      const from = (array) => DeviceTensor.from(array);
      const batchOf = () => ({ student: from(new Float32Array(2)), teacher: from(Float32Array.of(0, 1)), labels: from(Uint8Array.of(1, 0)) });
      let batch = batchOf();
      let failing = rank === 1;
      const group = { rank, size, allGather: (values) => {
        const all = joined.allGather(values);
        if (failing) batch.teacher.dispose();
        return all;
      } };
      const prepared = prepare('kl', { shape: [1, 2], group });
      const tried = [0, 1].map(() => {
        try { return prepared.run(batch).read().counted; } catch (error) { return error.code + ': ' + error.message; }
        finally { failing = false; batch = batchOf(); }
      });
      return tried;
    }`;
    expect(await team<unknown[]>(2, run)).toEqual([
      ['ERR_CKL_GROUP: rank 1 failed while it computed, and says why', 2],
      ['ERR_CKL_DISPOSED: teacher was disposed; allocate another tensor', 2],
    ]);
  });

  it('ranks that prepare other losses are told so', async () => {
    const run = `(group, input, within) => {
      const { DeviceTensor, prepare } = within('ckl-loss/cuda');
      const from = (array) => DeviceTensor.from(array);
      const batch = { student: from(new Float32Array(2)), teacher: from(Float32Array.of(0, 1)), labels: from(Uint8Array.of(1, 0)) };
      const tried = [() => prepare(group.rank === 1 ? 'jsd' : 'kl', { shape: [1, 2], group }), () => prepare('kl', { shape: [1, 2], group })];
      return tried.map((make) => { try { return make().run(batch).read().counted; } catch (error) { return error.message; } });
    }`;
    for (const found of await team<unknown[]>(2, run))
      expect(found).toEqual([
        'rank 1 has prepared another loss than rank 0, or with other options; all ranks prepare alike',
        2,
      ]);
  });

  it('refuses to be captured, and what is no group; an error of the group leaves a loss that works', () => {
    const batch: TestBatch = randomBatch({ seed: 3, queries: 2, docs: 3 });
    const tensors = toDevice(batch);
    let broken = true;
    const group = {
      ...alone,
      allGather: (values: Float64Array) => (broken ? new Float64Array(1) : values.slice()),
    } as Communicator;
    using loss = prepare('kl', { shape: [2, 3], group });
    const error = errorOf(() => loss.capture(tensors));
    expect(error.code).toBe('ERR_CKL_GROUP');
    expect(error.message).toMatch(
      /^this kl was prepared with a group, .* capture one that was prepared without group/,
    );
    expect(errorOf(() => loss.run(tensors)).message).toMatch(/^group\.allGather returned 1 numbers/);
    broken = false;
    expect(loss.run(tensors).read().counted).toBe(2);
    expect(errorOf(() => prepare('kl', { shape: [2, 3], group: null as never })).message).toMatch(
      /^group is null; it must be a Communicator/,
    );
  });

  it.each(['tensor', 'output', 'loss', 'run'] as const)(
    "a group's own code that %s-disposes or runs between the exchanges",
    (what) => {
      const tensors = toDevice(randomBatch({ seed: 3, queries: 2, docs: 3 }));
      let calls = 0;
      let at = 0;
      let act = (): unknown => null;
      const group = {
        ...alone,
        allGather: (values: Float64Array) => (++calls === at && act(), values.slice()),
      } as Communicator;
      using loss = prepare('kl', { shape: [2, 3], group });
      for (at of [1, 2]) {
        calls = 0;
        act = () => null;
        const own = { ...tensors, student: DeviceTensor.from(new Float32Array(6)) };
        const before = loss.run(own);
        calls = 0;
        act = {
          tensor: () => own.student.dispose(),
          output: () => before.grad.dispose(),
          loss: () => loss.dispose(),
          run: () => loss.run(own),
        }[what];
        const { code, message } = errorOf(() => loss.run(own));
        expect(code).toBe(what === 'run' ? 'ERR_CKL_GROUP' : 'ERR_CKL_DISPOSED');
        expect(message).toMatch(
          { tensor: /^student was/, output: /^grad was/, loss: /^this prepared kl/, run: /runs already/ }[
            what
          ],
        );
        act = () => null;
        if (what === 'loss') return;
        expect(loss.run(tensors).read().counted).toBe(2);
      }
    },
  );

  it('a result is overwritten by the next run, and a disposed loss does not run', () => {
    const tensors = toDevice(randomBatch({ seed: 3, queries: 2, docs: 3 }));
    const loss = prepare('kl', { shape: [2, 3], group: alone });
    const first = loss.run(tensors);
    const second = loss.run({ ...tensors, grad: DeviceTensor.allocate(6) });
    expect(errorOf(() => first.read()).code).toBe('ERR_CKL_DISPOSED');
    expect(second.read().counted).toBe(2);
    loss.dispose();
    expect(errorOf(() => loss.run(tensors)).code).toBe('ERR_CKL_DISPOSED');
  });
});
