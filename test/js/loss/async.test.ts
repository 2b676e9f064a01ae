// The asynchronous functions: same results, copies on call, abort before and during the work, process exit with work pending.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cklAsync, combine, combineAsync, klAsync } from '../../../lib/index';
import { NativeStatus, Scalar } from '../../../lib/native/codes';
import { native, type NativeAbortFlag } from '../../../lib/native/native';
import {
  asyncLossOf,
  copyOf,
  expectSameBits,
  expectSameResult,
  lossNames,
  lossOf,
  randomBatch,
} from './helpers';

const batch = randomBatch({ seed: 41, queries: 30, docs: 20, padding: 10 });
/** Long enough for many milliseconds: lambdaMrr looks at pairs. */
const long = randomBatch({ seed: 42, queries: 60, docs: 4000 });

const rejectionOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('resolved'),
    (reason) => reason,
  );

describe('results', () => {
  it.each(lossNames)('%s is what the plain function gives', async (name) => {
    const weights = Float32Array.from({ length: 30 }, (_, b) => b / 10);
    for (const reduction of ['mean', 'sum', 'none']) {
      const options = { reduction, diagnostics: true, studentTemperature: 2 };
      const plain = lossOf(name)({ ...batch, weights }, options);
      const pooled = await asyncLossOf(name)({ ...batch, weights }, options);
      expectSameResult(pooled, plain);
      expect(pooled.diagnostics).toEqual(plain.diagnostics);
      if (reduction === 'none') expect(pooled.loss).toBe(pooled.perQuery);
    }
  });

  it('of a ragged batch with ranks, and its teacher gradient', async () => {
    const offsets = Int32Array.from({ length: 31 }, (_, b) => 20 * b);
    const { student, teacher, labels } = batch;
    const ranks = Uint8Array.from({ length: 600 }, (_, i) => 1 + ((i * 7) % 20));
    const ragged = { student, teacher, labels, offsets, ranks };
    const plain = lossOf('ckl')(ragged, { teacherGrad: true });
    const pooled = await cklAsync(ragged, { teacherGrad: true });
    expectSameResult(pooled, plain);
    expectSameBits(pooled.teacherGrad as Float32Array, plain.teacherGrad as Float32Array);
  });

  it('of a weighted sum', async () => {
    const terms = [{ loss: 'ckl' }, { loss: 'lambdaMrr', weight: 0.1 }] as const;
    expectSameResult(await combineAsync(batch, terms), combine(batch, terms));
  });

  it('of many calls at once, with different batches and options, stay apart', async () => {
    const calls = Array.from({ length: 40 }, (_, i) => ({
      name: lossNames[i % lossNames.length],
      one: randomBatch({ seed: i, queries: 1 + (i % 9), docs: 3 + i }),
      options: { gradScale: 1 + (i % 3) },
    }));
    const results = await Promise.all(calls.map(({ name, one, options }) => asyncLossOf(name)(one, options)));
    calls.forEach(({ name, one, options }, i) => expectSameResult(results[i], lossOf(name)(one, options)));
  });

  it('of a Buffer of labels, which slices as a view', async () => {
    const labels = Buffer.from(batch.labels);
    const pending = klAsync({ ...batch, labels });
    labels.fill(255);
    expectSameResult(await pending, lossOf('kl')(batch));
  });
});

describe('the caller’s memory', () => {
  it.each(lossNames)('%s: may be overwritten right after the call', async (name) => {
    const mine = copyOf(batch);
    const weights = new Float32Array(30).fill(1);
    const pending = asyncLossOf(name)({ ...mine, weights });
    mine.student.fill(NaN);
    mine.teacher.fill(NaN);
    mine.labels.fill(255);
    weights.fill(0);
    expectSameResult(await pending, lossOf(name)(batch));
  });

  it('may be transferred right after the call', async () => {
    const mine = copyOf(batch);
    const pending = cklAsync(mine);
    structuredClone([mine.student, mine.teacher, mine.labels], {
      transfer: [mine.student.buffer, mine.teacher.buffer, mine.labels.buffer] as ArrayBuffer[],
    });
    expect(mine.student.length).toBe(0);
    expectSameResult(await pending, lossOf('ckl')(batch));
  });

  it.each(['grad', 'perQuery', 'teacherGrad'])('%s in the batch is an error', async (name) => {
    const error = await rejectionOf(asyncLossOf('kl')({ ...batch, [name]: new Float32Array(600) }));
    expect(error).toMatchObject({
      code: 'ERR_CKL_OPTION',
      message: expect.stringMatching(/klAsync returns arrays of its own/),
    });
  });

  it('teacherGrad as an array is an error', async () => {
    const error = await rejectionOf(asyncLossOf('kl')(batch, { teacherGrad: new Float32Array(600) }));
    expect(error).toMatchObject({ code: 'ERR_CKL_OPTION' });
  });
});

describe('errors reject, and never throw', () => {
  it('for a value that the addon finds', async () => {
    const labels = batch.labels.slice();
    labels[45] = 7;
    const error = await rejectionOf(klAsync({ ...batch, labels }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({
      code: 'ERR_CKL_LABEL',
      message: expect.stringMatching(/query 2, document 5, is 7/),
    });
  });

  it('for a batch that is none', async () => {
    expect(await rejectionOf(asyncLossOf('kl')(undefined))).toMatchObject({ code: 'ERR_CKL_TYPE' });
  });

  it.each([[5], [{}], ['abort']])('for a signal that is %j', async (signal) => {
    const error = await rejectionOf(asyncLossOf('kl')(batch, { signal }));
    expect(error).toMatchObject({
      code: 'ERR_CKL_OPTION',
      message: expect.stringMatching(/it must be an AbortSignal/),
    });
  });
});

describe('abort', () => {
  it('before the call: rejects with the reason', async () => {
    const error = await rejectionOf(klAsync(batch, { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ name: 'AbortError' });
    const reason = new Error('no time');
    expect(await rejectionOf(klAsync(batch, { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it('during the work: rejects with the reason', async () => {
    const controller = new AbortController();
    const pending = asyncLossOf('lambdaMrr')(long, { threads: 1, signal: controller.signal });
    const reason = new Error('stop');
    controller.abort(reason);
    expect(await rejectionOf(pending)).toBe(reason);
    expectSameResult(await klAsync(batch), lossOf('kl')(batch));
  });

  it('during the work: the work stops, before other work that began earlier is done', async () => {
    // 320 rows of the same length, looked at in five parts: the aborted half of the work ends with its first part.
    const [queries, docs] = [320, 4000];
    const { student, labels } = randomBatch({ seed: 5, queries, docs });
    const plan = new native.Plan({
      terms: [{ loss: 'lambdaMrr', weight: 1 }],
      ...{
        backend: 'cpu',
        studentTemperature: 1,
        teacherTemperature: 1,
        reduction: 'sum',
        pairMean: 'query',
      },
      ...{ gradScale: 1, cpuTarget: '', threads: 1, reserveDocs: docs },
    });
    const settled: string[] = [];
    const start = async (name: string, flag: NativeAbortFlag | null) => {
      const scalars = new Float64Array(16);
      scalars[Scalar.queries] = queries;
      scalars[Scalar.docs] = scalars[Scalar.stride] = docs;
      const [grad, perQuery] = [new Float32Array(queries * docs), new Float32Array(queries)];
      const inputs = [student, null, labels, null, null, null, null, null] as const;
      const status = await plan.runAsync(...inputs, grad, perQuery, null, null, scalars, flag);
      settled.push(name);
      return { status, perQuery };
    };
    const flag = new native.AbortFlag();
    const running = [start('whole', null), start('aborted', flag)];
    flag.set();
    const [whole, aborted] = await Promise.all(running);
    expect(settled).toEqual(['aborted', 'whole']);
    expect([whole.status, aborted.status]).toEqual([NativeStatus.ok, NativeStatus.aborted]);
    expect(whole.perQuery.every((loss) => loss > 0)).toBe(true);
    expect(aborted.perQuery.every((loss) => loss === 0)).toBe(true);
  });

  it('after the work: has no effect', async () => {
    const controller = new AbortController();
    const result = await klAsync(batch, { signal: controller.signal });
    controller.abort();
    expectSameResult(result, lossOf('kl')(batch));
  });

  it('of one call leaves others with the same plan alone', async () => {
    const controller = new AbortController();
    const aborted = rejectionOf(klAsync(batch, { signal: controller.signal }));
    const kept = klAsync(batch);
    controller.abort();
    await aborted;
    expectSameResult(await kept, lossOf('kl')(batch));
  });
});

describe('the process', () => {
  const root = join(__dirname, '../../..');
  const runNode = (code: string) =>
    execFileSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' });
  const setUp = `
    const { lambdaMrrAsync } = require('./dist/index.js');
    const n = 40 * 4000;
    const student = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
    const labels = Uint8Array.from({ length: n }, (_, i) => i % 2);
    const start = () => lambdaMrrAsync({ student, labels, shape: [40, 4000] });`;

  it('exits with code 0 when work is pending', () => {
    expect(runNode(`${setUp} for (let i = 0; i < 8; i++) start(); setImmediate(() => process.exit(0))`)).toBe(
      '',
    );
  });

  it('stays alive until the work is done', () => {
    expect(runNode(`${setUp} start().then(() => console.log('done'))`)).toBe('done\n');
  });

  it('goes on with other things meanwhile: the main thread is free', () => {
    // Turns of the event loop, not milliseconds: work on the main thread would leave it none but those that settle the promises.
    const turns = runNode(`${setUp}
      let turns = 0, pending = true;
      const turn = () => { turns++; if (pending) setImmediate(turn); };
      setImmediate(turn);
      Promise.all([start(), start()]).then(() => { pending = false; console.log(turns); });`);
    expect(Number(turns)).toBeGreaterThan(5);
  });
});
