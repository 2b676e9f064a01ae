// Random specifications of plans and arguments of calls for the fuzzer of the native file: for the most part valid, now and then wrong, with
// getters that act in the middle of a call.
import { native, type NativePlan, type NativePlanSpec } from '../../lib/native/native';
import { check } from './campaign';
import { Guarded, hostile, transfer } from './memory';
import type { Random } from './random';

const losses = native.losses().map(({ name }) => name);
const targets = native.cpu().targets;
export const cuda = native.cuda().available;
export const plans: NativePlan[] = [];
/** Anything that the addon made so far: what one class gives is given to the others. */
export const objects: unknown[] = [];

export const remember = <T>(random: Random, list: T[], made: T): T => {
  if (list.length < 24) list.push(made);
  else list[random.below(list.length)] = made;
  return made;
};

export function numberOf(random: Random, usual: number): unknown {
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

export function specOf(random: Random): NativePlanSpec {
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

export function quietly(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    check(error instanceof Error, `not an Error was thrown: ${String(error)}`);
  }
}

export interface Call {
  arrays: Guarded[];
  outputs: Guarded[];
  args: unknown[];
}

/** Arguments of `run`, for the most part right. */
export function callOf(random: Random): Call {
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
