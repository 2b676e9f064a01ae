// The exports of the native file called with anything: wrong kinds, wrong lengths, wrong numbers, arrays that share memory or lose it. Nothing
// but a status or an error may come of it, and no byte outside the outputs may change. Addresses of devices are not made up: they are
// trusted (SECURITY.md).
import { check, campaign } from './campaign';
import { Guarded, hostile, transfer } from './memory';
import type { Random } from './random';
import { native, type NativeDevice, type NativePlan, type NativePlanSpec } from '../../lib/native/native';

const losses = native.losses().map(({ name }) => name);
const targets = native.cpu().targets;
const cuda = native.cuda().available;
const plans: NativePlan[] = [];
const devices: NativeDevice[] = [];
/** Anything that the addon made so far: what one class gives is given to the others. */
const objects: unknown[] = [];

const remember = <T>(random: Random, list: T[], made: T): T => {
  if (list.length < 24) list.push(made);
  else list[random.below(list.length)] = made;
  return made;
};

function numberOf(random: Random, usual: number): unknown {
  if (random.chance(0.93)) return usual;
  return random.pick([
    NaN,
    -1,
    0,
    0.5,
    Infinity,
    2 ** 31,
    2 ** 53 - 1,
    2 ** 53,
    1e300,
    -0,
    '3',
    null,
    undefined,
    5n,
  ]);
}

function specOf(random: Random): NativePlanSpec {
  const term = () => {
    const gamma = random.pick([1, 2, 5]);
    return {
      loss: random.pick(losses),
      weight: numberOf(random, random.normal()),
      gamma: numberOf(random, gamma),
      alpha: numberOf(random, random.unit() * (gamma - 1)),
      lambda: numberOf(random, random.unit()),
      nllWeight: numberOf(random, random.unit()),
      detachWeights: numberOf(random, random.below(2)),
      negativeWeight: numberOf(random, 2 * random.unit()),
      beta: numberOf(random, random.pick([0.1, 0.5, 0.9])),
      k: numberOf(random, random.pick([1, 3, 10])),
      mu: numberOf(random, random.pick([0, 1, 10])),
      steepness: numberOf(random, random.pick([0.5, 1, 4])),
    };
  };
  const terms = Array.from({ length: random.chance(0.9) ? 1 + random.below(3) : random.below(12) }, term);
  const spec: Record<string, unknown> = {
    terms,
    backend: cuda && random.chance(0.4) ? 'cuda' : 'cpu',
    studentTemperature: numberOf(random, random.pick([1, 0.5, 3])),
    teacherTemperature: numberOf(random, random.pick([1, 0.5, 3])),
    reduction: random.pick(['mean', 'sum', 'none']),
    pairMean: random.pick(['query', 'batch']),
    gradScale: numberOf(random, 1),
    cpuTarget: random.chance(0.95) ? random.pick(['', ...targets]) : 'vax',
    threads: numberOf(random, random.pick([0, 1, 2])),
    reserveDocs: numberOf(random, random.pick([0, 0, 100])),
  };
  if (spec.reserveDocs === 2 ** 31) spec.reserveDocs = 0; // memory that is given, and slow to touch
  if (random.chance(0.1)) act(random, spec, random.pick(Object.keys(spec)));
  if (random.chance(0.05)) act(random, terms, 0);
  if (random.chance(0.03)) spec[random.pick(Object.keys(spec))] = hostile(random);
  return spec as unknown as NativePlanSpec;
}

/** Makes a property a getter that does something first. */
function act(random: Random, on: object, name: string | number, arrays: ArrayBufferView[] = []): void {
  const value = (on as Record<string, unknown>)[name];
  const what = random.below(6);
  const other = random.pick(plans);
  const spec = what === 1 ? specOf(random) : null;
  const victim = arrays.length > 0 ? random.pick(arrays) : null;
  let busy = false;
  Object.defineProperty(on, name, {
    configurable: true,
    enumerable: true,
    get() {
      if (busy) return value; // getters may call each other for ever
      busy = true;
      try {
        meanwhile();
      } finally {
        busy = false;
      }
      return value;
    },
  });
  function meanwhile() {
    if (what === 0) other?.dispose();
    if (what === 1 && other !== undefined) quietly(() => other.configure(spec!));
    if (what === 2 && Array.isArray(on)) on.length = 0;
    if (what === 3 && Array.isArray(on)) on.push(...on);
    if (what === 4) throw new Error('a getter of the fuzzer');
    if (what === 5 && victim !== null) transfer(victim);
  }
}

function quietly(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    check(error instanceof Error, `not an Error was thrown: ${String(error)}`);
  }
}

interface Call {
  arrays: Guarded[];
  outputs: Guarded[];
  args: unknown[];
}

/** Arguments of `run`, for the most part right. */
function callOf(random: Random): Call {
  const queries = random.below(random.chance(0.1) ? 40 : 7);
  const docs = random.below(random.chance(0.1) ? 300 : 40);
  const ragged = random.chance(0.3);
  const stride = docs + (random.chance(0.2) ? random.below(5) : 0);
  const offsets = new Int32Array(queries + 1);
  for (let b = 0; b < queries; b++) offsets[b + 1] = offsets[b] + random.below(docs + 1);
  if (ragged && random.chance(0.05)) offsets[random.below(queries + 1)] = random.pick([-1, 2 ** 31 - 1, 5]);
  const extent = ragged ? Math.max(0, offsets[queries]) : queries === 0 ? 0 : (queries - 1) * stride + docs;
  const call: Call = { arrays: [], outputs: [], args: [] };
  const type = random.below(3);
  const teacherType = random.below(3);
  const lengthOf = (needed: number) =>
    Math.min(1e6, random.chance(0.97) ? needed + random.below(3) : random.below(needed + 2));
  const array = (kind: new (n: number) => ArrayBufferView, needed: number, output = false) => {
    const made = new Guarded(random, random.chance(0.99) ? kind : random.pick(kinds), lengthOf(needed));
    call.arrays.push(made);
    if (output) call.outputs.push(made);
    return made;
  };
  const scores = (t: number, output = false) =>
    array(t === 0 ? Float32Array : Uint16Array, extent, output).fillScores(random, t);
  const student = scores(type);
  const teacher = scores(teacherType);
  const labels = array(Uint8Array, extent).fill(() =>
    random.chance(0.1) ? 255 : random.chance(0.0005) ? random.below(256) : random.chance(0.2) ? 1 : 0,
  );
  const rankKind = random.pick([Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array]);
  const optional = (p: number, make: () => Guarded) => (random.chance(p) ? make().view : null);
  const rank = () => (random.chance(0.0005) ? 0 : 1 + random.below(200));
  const ranks = optional(0.3, () => array(rankKind, extent).fill(rank));
  const beta = optional(0.1, () => array(Float32Array, extent).fill(() => -random.unit()));
  const relevance = optional(0.2, () => array(Float32Array, extent).fill(() => random.below(4)));
  const weights = optional(0.3, () => array(Float32Array, queries).fill(() => random.unit()));
  const grad = random.chance(0.3) ? student : scores(type, true);
  if (grad === student) call.outputs.push(student);
  const perQuery = array(Float32Array, queries, true);
  const teacherGrad = optional(0.3, () => scores(teacherType, true));
  const diagnostics = optional(0.3, () => array(Float32Array, 0)) && [
    ...[extent, extent, queries, queries, queries].map((n) => array(Float32Array, n, true).view),
  ];
  const scalars = array(Float64Array, 16, true);
  const numbers = [queries, docs, stride, type, teacherType, type];
  numbers.forEach((x, k) => (scalars.view as Float64Array).fill(Number(numberOf(random, x)), 8 + k, 9 + k));
  const boxed = ragged ? array(Int32Array, queries + 1) : null;
  boxed?.fill((i) => offsets[i] ?? 0);
  call.args = [student.view, teacher.view, labels.view, boxed?.view ?? null, ranks, beta, relevance, weights];
  call.args.push(grad.view, perQuery.view, teacherGrad, diagnostics, scalars.view);
  if (diagnostics && random.chance(0.3)) {
    const views = call.arrays.map(({ view }) => view);
    act(random, diagnostics, random.below(5), views);
  }
  mutate(random, call);
  return call;
}

const kinds = [Float32Array, Float64Array, Uint8Array, Int32Array, Uint16Array, Int8Array];

/** Now and then something else in a place, memory shared by two arguments, or memory that is gone. */
function mutate(random: Random, call: Call): void {
  if (random.chance(0.7)) return;
  const place = random.below(call.args.length);
  if (random.chance(0.4)) {
    call.args[place] = random.chance(0.3) && objects.length > 0 ? random.pick(objects) : hostile(random);
  } else if (random.chance(0.5)) {
    // An output that overlaps another array: results are undefined, memory safety is not.
    const from = random.pick(call.arrays);
    const made = from.alias(
      random,
      random.pick([Float32Array, Uint8Array, Uint16Array, Int32Array, Float64Array]),
    );
    if (made !== null) call.args[place] = made;
  } else transfer(random.pick(call.arrays).view);
}

const isStatus = (x: unknown) => typeof x === 'number' && Number.isInteger(x) && x >= 0 && x <= 12;

function verify(call: Call, status: unknown): void {
  for (const array of call.arrays) {
    const written = status === 0 && call.outputs.includes(array);
    array.verify(written || array === call.outputs.at(-1));
  }
}

function runOnce(random: Random): void | Promise<void> {
  const plan = random.pick(plans);
  const call = callOf(random);
  for (const array of call.arrays) array.seal();
  if (random.chance(0.2)) {
    const flag = random.chance(0.5) ? new native.AbortFlag() : random.chance(0.8) ? null : hostile(random);
    let promise: Promise<unknown> | null = null;
    try {
      promise = plan.runAsync(...(call.args as Parameters<NativePlan['run']>), flag as never);
    } catch (error) {
      check(error instanceof Error, 'runAsync threw something else than an error');
    }
    if (random.chance(0.3)) for (const { view } of call.arrays) if (random.chance(0.3)) transfer(view);
    if (flag instanceof native.AbortFlag && random.chance(0.3)) flag.set();
    return promise?.then((status) => {
      check(isStatus(status), `runAsync gave ${String(status)}`);
      verify(call, status);
    });
  }
  try {
    const status = plan.run(...(call.args as Parameters<NativePlan['run']>));
    check(isStatus(status), `run gave ${String(status)}`);
    verify(call, status);
  } catch (error) {
    check(error instanceof Error && error.message === 'a getter of the fuzzer', `run threw ${String(error)}`);
    verify(call, 1);
  }
}

/** A small batch in one buffer, for the most part right: nothing but scalars and outputs that are there may change. */
function stagedOnce(random: Random): void {
  const most = 1024;
  const placeBytes = 4 * (most + 16);
  const start = (argument: number) => 128 + placeBytes * (argument - 1);
  const bytes = random.chance(0.95) ? start(17) : random.below(start(18));
  const stage = new ArrayBuffer(bytes);
  const whole = bytes >= start(17);
  let present = 0;
  if (whole) {
    const queries = random.below(random.chance(0.1) ? most + 1 : 40);
    const docs = random.below(1 + Math.floor(most / Math.max(1, queries)));
    const stride = docs + (random.chance(0.1) ? random.below(3) : 0);
    const types = [random.below(3), random.below(3), random.below(3)];
    const optional = [4, 5, 6, 7, 8, 11].filter(() => random.chance(0.2));
    const diagnostics = random.chance(0.3) ? [12, 13, 14, 15, 16] : [];
    for (const k of [1, 2, 3, 9, 10, ...optional, ...diagnostics]) present += 2 ** k;
    if (random.chance(0.05)) present = random.below(2 ** 17);
    const numbers = [queries, docs, stride, ...types, present, 1 + random.below(5)];
    new Float64Array(stage, 64, 8).set(numbers.map((x) => Number(numberOf(random, x))));
    const place = (k: number) => new Float32Array(stage, start(k), most);
    for (const k of [1, 2]) {
      const scores = new Guarded(random, types[k - 1] === 0 ? Float32Array : Uint16Array, most);
      scores.fillScores(random, types[k - 1]);
      const { buffer, byteOffset, byteLength } = scores.view;
      new Uint8Array(stage, start(k), byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
    }
    const labels = new Uint8Array(stage, start(3), most);
    labels.forEach((_, i) => (labels[i] = random.chance(0.1) ? 255 : random.chance(0.2) ? 1 : 0));
    if (random.chance(0.02)) labels[random.below(most)] = random.below(256);
    const offsets = new Int32Array(stage, start(4), most);
    for (let b = 1; b < most; b++) offsets[b] = Math.min(most, offsets[b - 1] + random.below(40));
    if (random.chance(0.05)) offsets[random.below(most)] = random.pick([-1, most + 1, 2 ** 31 - 1]);
    new Uint8Array(stage, start(5), placeBytes).fill(1 + random.below(60));
    for (const k of [6, 7, 8])
      place(k).forEach((_, i, all) => (all[i] = k === 6 ? -random.unit() : random.unit()));
  }
  // Scalar.plan; the last is no plan's.
  if (whole)
    new Float64Array(stage)[2] = Number(numberOf(random, random.pick([...plans.map((p) => p.id), 1e4])));
  const before = new Uint8Array(stage.slice(0));
  const status = native.runStaged(stage);
  check(isStatus(status), `runStaged gave ${String(status)}`);
  const after = Buffer.from(stage);
  for (let k = 0; whole && k <= 16; k++) {
    const output = k === 0 || (k >= 9 && status === 0 && (present & (1 << k)) !== 0);
    // Nothing is written past the numbers of a place, not even if the place is an output.
    const [from, end] =
      k === 0 ? [128, 128] : output ? [start(k) + 4 * most, start(k + 1)] : [start(k), start(k + 1)];
    check(after.subarray(from, end).equals(before.subarray(from, end)), `runStaged changed place ${k}`);
  }
  check(whole || after.equals(before), 'runStaged changed a buffer that is too short');
}

type AnyArguments = (...args: unknown[]) => unknown;
const { ranks: ranksOf, rankBias } = native as unknown as Record<string, AnyArguments>;

function ranksOnce(random: Random): void {
  const { args, arrays } = callOf(random);
  const [student, , labels, offsets, ranks] = args;
  const [queries, docs, stride] = [random.below(7), random.below(40), random.below(50)].map((x) =>
    numberOf(random, x),
  );
  const bias = random.chance(0.5);
  const out = new Guarded(random, bias ? Float32Array : Uint32Array, random.below(300));
  const scalars = new Float64Array(random.chance(0.98) ? 16 : random.below(16));
  for (const array of arrays) array.seal();
  out.seal();
  quietly(() => {
    const status = bias
      ? rankBias(ranks, labels, queries, docs, stride, offsets, 1, out.view, scalars)
      : ranksOf(student, 0, labels, queries, docs, stride, offsets, out.view, scalars);
    check(isStatus(status), `ranks gave ${String(status)}`);
    out.verify(status === 0);
  });
  for (const array of arrays) array.verify(false);
}

/** Every export, method and accessor with anything. */
function anything(random: Random): void {
  const argument = () =>
    random.chance(0.5) && objects.length > 0
      ? random.pick(objects)
      : random.chance(0.4)
        ? numberOf(random, random.below(5))
        : random.chance(0.2)
          ? specOf(random)
          : hostile(random);
  const name = random.pick(Object.keys(native));
  const exported = native[name as 'Plan'] as unknown as new (...args: unknown[]) => object;
  const args = Array.from({ length: random.below(5) }, argument);
  // Addresses and streams are numbers that are trusted.
  if (name === 'whereabouts') return;
  quietly(() => {
    if (random.chance(0.3)) return (exported as unknown as (...a: unknown[]) => unknown)(...args);
    const made = Reflect.construct(exported, args, random.chance(0.2) ? native.Plan : exported);
    remember(random, objects, made);
  });
  const prototype = exported.prototype as object | undefined;
  if (prototype === undefined) return;
  for (const [key, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (typeof (get ?? value) !== 'function' || key === 'constructor') continue;
    const self = argument();
    // These take addresses and streams.
    if (self instanceof native.Device || (self instanceof native.DeviceGraph && key === 'launch')) continue;
    quietly(() => Reflect.apply(get ?? (value as () => unknown), self, get ? [] : [argument(), argument()]));
  }
}

/** Memory of a device through its own methods; sizes are right, arrays lose their memory while copies are under way. */
function deviceOnce(random: Random): void | Promise<void> {
  if (devices.length === 0) devices.push(new native.Device(0));
  const [device] = devices;
  const bytes = random.below(5000);
  const memory = remember(random, objects, new native.DeviceMemory(device, bytes)) as { address: number };
  const from = new Uint8Array(bytes).map(() => random.below(256));
  const { address } = memory;
  if (bytes === 0) return;
  device.toDevice(address, from, 0);
  const to = new Guarded(random, Uint8Array, bytes);
  to.seal();
  const done = device.download(to.view, address, 0);
  const lost = random.chance(0.3);
  if (lost) transfer(to.view);
  return done.then(
    () => {
      check(!lost, 'a copy to memory that is gone was done');
      check(Buffer.from(from).equals(Buffer.from(to.view as Uint8Array)), 'a copy differs');
      to.verify(true);
    },
    (error) => check(lost && error instanceof TypeError, `a copy failed: ${String(error)}`),
  );
}

void campaign('native', (random) => {
  if (plans.length < 6 || random.chance(0.01)) {
    quietly(() => remember(random, objects, remember(random, plans, new native.Plan(specOf(random)))));
    if (plans.length === 0) return;
  }
  if (random.chance(0.05)) quietly(() => random.pick(plans).configure(specOf(random)));
  if (random.chance(0.02)) random.pick(plans).dispose();
  const way = random.unit();
  if (way < 0.65) return runOnce(random);
  if (way < 0.75) return stagedOnce(random);
  if (way < 0.85) return ranksOnce(random);
  if (way < 0.9 && cuda) return deviceOnce(random);
  return anything(random);
});
