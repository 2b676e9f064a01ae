// The exports of the native file called with anything: wrong kinds, wrong lengths, wrong numbers, arrays that share memory or lose it. Nothing
// but a status or an error may come of it, and no byte outside the outputs may change. Addresses of devices are not made up: they are
// trusted (SECURITY.md).
import { check, campaign } from './campaign';
import { Guarded, hostile, transfer } from './memory';
import type { Random } from './random';
import { native, type NativeDevice, type NativePlan } from '../../lib/native/native';
import { type Call, callOf, cuda, numberOf, objects, plans, quietly, remember, specOf } from './native-calls';

const devices: NativeDevice[] = [];

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
