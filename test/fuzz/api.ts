// The public losses called with anything: batches and options that are right, wrong, lying, or acting while they are read; plain, prepared
// and asynchronous. A right call gives the reference's values, a wrong one an error with a code of docs/errors.md, no byte around or in an
// array changes that is no output, and the next call works.
import * as api from '../../lib/index';
import { errorCodes } from '../../lib/errors';
import { type Made, makeBatch, names, type Result, verifyValues } from './batches';
import { campaign, check } from './campaign';
import { hostile, lying, transfer } from './memory';
import type { Random } from './random';

type AnyLoss = (batch: unknown, options?: unknown) => Result | Promise<Result>;
const functions = api as unknown as Record<string, AnyLoss>;
interface Prepared {
  run(batch: unknown): Result;
  dispose(): void;
}
const prepare = api.prepare as unknown as (loss: unknown, options: unknown) => Prepared;

/** What getters of the fuzzer throw: the one error that is none of the package's. */
const thrown = new Error('a getter of the fuzzer');

function checkError(error: unknown): void {
  if (error === thrown) return;
  check(error instanceof Error, `not an Error was thrown: ${typeof error}`);
  const { code } = error as Error & { code?: string };
  const own = error instanceof api.CklTypeError || error instanceof api.CklRangeError;
  if (!own || !Object.hasOwn(errorCodes, code!))
    throw new Error(`an error without a code: ${error.message}`, { cause: error });
}

/** A loss that is the same in every case, to see that whatever came before did no harm. */
const known = {
  batch: {
    student: Float32Array.of(1, 2, 0.5, -1, 3, 0, 1, 1),
    teacher: Float32Array.of(2, 1, 0, -1, 1, 0.5, 2, 4),
    labels: Uint8Array.of(1, 0, 0, 255, 0, 1, 0, 1),
    shape: [2, 4] as const,
  },
  options: names.map((name) => ({ name, options: api.losses[name].parameters.length > 0 ? {} : undefined })),
};
const bitsOf = (result: Result) =>
  [
    String(result.loss as number),
    ...Array.from(result.grad, String),
    ...Array.from(result.perQuery, String),
  ].join();
const expected = new Map(names.map((name) => [name, bitsOf(functions[name](known.batch) as Result)]));
const lasting = new Map(names.map((name) => [name, prepare(name, { shape: [2, 4] })]));

function nextCallWorks(random: Random): void {
  const name = random.pick(names);
  const run = random.chance(0.5) ? functions[name] : (batch: unknown) => lasting.get(name)!.run(batch);
  const bits = bitsOf(run(known.batch) as Result);
  check(bits === expected.get(name), `${name}: the next call gives ${bits}, not ${expected.get(name)}`);
}

const numbers = [NaN, -1, 0, 0.5, Infinity, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e300, -0, '3', null, 5n, true];
const anything = (random: Random) => (random.chance(0.5) ? hostile(random) : random.pick(numbers));

const optionNames = [
  ...['gamma', 'alpha', 'detachWeights', 'lambda', 'negativeWeight', 'nllWeight', 'beta', 'k', 'mu'],
  ...[
    'steepness',
    'studentTemperature',
    'teacherTemperature',
    'reduction',
    'pairMean',
    'gradScale',
    'diagnostics',
    'teacherGrad',
    'dtype',
  ],
  ...['threads', 'cpuTarget', 'backend', 'signal', 'gama'],
];
const batchNames = [
  ...['student', 'teacher', 'labels', 'shape', 'rowStride', 'offsets', 'ranks', 'beta', 'relevance'],
  ...['weights', 'grad', 'perQuery', 'teacherGrad'],
];

/** The property becomes a getter that does something first; a call inside it is a call like any other. */
function act(
  random: Random,
  on: Record<string, unknown>,
  name: string,
  made: Made,
  prepared?: Prepared,
): void {
  const value = on[name];
  const way = random.below(6);
  const victim = random.pick(made.inputs);
  const other = random.pick(numbers);
  let reads = 0;
  Object.defineProperty(on, name, {
    configurable: true,
    enumerable: true,
    get() {
      // Getters may call each other for ever.
      if (reads++ > 2) return value;
      if (way === 0) transfer(victim.view);
      if (way === 1) prepared?.dispose();
      if (way === 2) throw thrown;
      if (way === 3) return other;
      if (way === 4) nextCallWorks(random);
      if (way === 5 && prepared !== undefined) quietly(() => prepared.run(made.batch));
      return value;
    },
  });
}

function quietly(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    checkError(error);
  }
}

/** A proxy that answers as its object does, but for one property now and then. */
function proxied(random: Random, of: Record<string, unknown>): unknown {
  const odd = random.chance(0.5) ? random.pick([...Object.keys(of), Symbol.toStringTag]) : '';
  return new Proxy(of, {
    get: (target, key) => (key === odd && random.chance(0.3) ? anything(random) : Reflect.get(target, key)),
    ownKeys: (target) => [...new Set([...Reflect.ownKeys(target), ...(odd === '' ? [] : ['gama'])])],
    getOwnPropertyDescriptor: (target, key) =>
      Reflect.getOwnPropertyDescriptor(target, key) ?? { configurable: true, enumerable: true, value: 1 },
  });
}

/** Makes something of the call wrong, or odd, and says whether its results may still be taken at their word. */
function mutate(random: Random, call: { made: Made; batch: unknown; options: unknown }): void {
  const { made } = call;
  const { batch, options } = made;
  for (let k = random.pick([1, 1, 1, 2, 3]); k > 0; k--) {
    const way = random.below(9);
    const present = random.pick(Object.keys(batch));
    if (way === 0) batch[random.pick(batchNames)] = anything(random);
    if (way === 1) options[random.pick(optionNames)] = anything(random);
    if (way === 2) Reflect.deleteProperty(batch, present);
    if (way === 3) transfer(random.pick([...made.inputs, ...Object.values(made.outputs)]).view);
    if (way === 4) {
      const name = random.pick(['length', 'byteLength', 'byteOffset', 'buffer', 'constructor']);
      quietly(() => lying(random.pick(made.inputs).view, name, random));
    }
    if (way === 5) {
      // Memory that is shared by two arguments.
      const kind = random.pick([Float32Array, Uint8Array, Uint16Array, Int32Array]);
      batch[random.pick(batchNames)] = random.pick(made.inputs).alias(random, kind);
    }
    if (way === 6) {
      const array = random.pick(made.inputs);
      const at = random.below(array.length);
      if (array.length > 0) array.view[at] = random.pick([7, -1, 0, NaN, Infinity, 1e9]);
    }
    if (way === 7) {
      // Too short or too long, in its own memory.
      const array = random.pick(made.inputs);
      const name = batchNames.find((key) => batch[key] === array.view);
      if (name !== undefined) batch[name] = array.without(random.below(2), random.below(2));
    }
    if (way === 8)
      batch.shape = random.pick([
        [],
        [1],
        [2, 3, 4],
        [-1, 4],
        [1, 2 ** 40],
        [2 ** 53 - 1, 0],
        [NaN, 1],
        ['1', 1],
      ]);
  }
  if (random.chance(0.05)) call.batch = anything(random);
  else if (random.chance(0.1)) call.batch = proxied(random, batch);
  if (random.chance(0.05)) call.options = anything(random);
  else if (random.chance(0.1)) call.options = proxied(random, options);
}

function verifyMemory(made: Made, wild: boolean): void {
  for (const array of made.inputs) if (!wild) array.verify(false);
  for (const array of Object.values(made.outputs)) array.verify(true);
}

/** The results have the type and place that were asked for. */
function verifyPlaces(made: Made, result: Result): void {
  for (const [name, array] of Object.entries(made.outputs)) {
    const got = (result as unknown as Record<string, ArrayBufferView>)[name];
    check(got.buffer === array.view.buffer, `${name} is not in the array that was given`);
  }
}

void campaign('api', async (random) => {
  const made = makeBatch(random);
  const call = { made, batch: made.batch as unknown, options: made.options as unknown };
  const right = random.chance(0.4);
  const way = random.below(4);
  let prepared: Prepared | undefined;
  const shape = [made.queries, made.longest];
  if (way === 1) {
    const { gradScale, ...options } = made.options;
    if (gradScale !== undefined) options.gradScale = gradScale;
    quietly(() => (prepared = prepare(made.loss, { ...options, shape })));
    check(prepared !== undefined, 'a right loss was not prepared');
    if (random.chance(0.5)) quietly(() => prepared!.run(made.batch));
  }
  if (!right) {
    mutate(random, call);
    if (random.chance(0.3)) {
      const on = random.chance(0.7) ? made.batch : made.options;
      act(random, on, random.pick(Object.keys(on).concat('weights')), made, prepared);
    }
  }
  for (const array of [...made.inputs, ...Object.values(made.outputs)]) array.seal();
  const terms = [{ loss: made.loss, ...made.parameters }];
  /** An asynchronous loss makes its own outputs, and takes none. */
  const isAsync = way === 2;
  if (isAsync && right) {
    for (const name of Object.keys(made.outputs)) Reflect.deleteProperty(made.batch, name);
    made.outputs = {};
  }
  if (way === 1 && !right && random.chance(0.3)) {
    quietly(() => prepare(random.chance(0.8) ? made.loss : anything(random), call.options));
  }
  let result: Result | undefined;
  try {
    if (way === 1) result = prepared!.run(call.batch);
    else if (way === 2) result = await functions[`${made.loss}Async`](call.batch, call.options);
    else if (way === 3 && !right) {
      const combine = api.combine as unknown as (terms: unknown, batch: unknown, options: unknown) => Result;
      result = combine(random.chance(0.8) ? terms : anything(random), call.batch, call.options);
    } else result = await functions[made.loss](call.batch, call.options);
  } catch (error) {
    if (right) throw error;
    checkError(error);
  }
  verifyMemory(made, !right);
  if (right && result !== undefined) {
    verifyPlaces(made, result);
    verifyValues(made, result);
  }
  nextCallWorks(random);
  prepared?.dispose();
  if (prepared !== undefined) {
    let error: unknown;
    try {
      prepared.run(known.batch);
    } catch (caught) {
      error = caught;
    }
    check((error as { code?: string })?.code === 'ERR_CKL_DISPOSED', 'a disposed loss runs');
  }
});
