// Times our kernels and copies on the device: many are enqueued, then waited for once, and the clock's time is shared among them.
import { DeviceTensor, devices, prepare } from '../../dist/cuda/index.js';
import { bytesOf, isLatency, optionsOf, setsOf } from './cases.mjs';

export const [gpu] = devices();
export const isEmulated = gpu.name.startsWith('emulated');

/** Microseconds of one of `calls`, which are made in turn: the median of seven rounds, each of many calls and one wait. */
export function timeEnqueued(calls, seconds) {
  const round = (count) => {
    gpu.stream.synchronize();
    const start = process.hrtime.bigint();
    for (let k = 0; k < count; k++) calls[k % calls.length]();
    gpu.stream.synchronize();
    return Number(process.hrtime.bigint() - start) / 1e3 / count;
  };
  round(Math.max(3, calls.length));
  const once = round(Math.max(3, calls.length));
  const count = Math.max(calls.length, 3, Math.min(20_000, Math.floor((seconds * 1e6) / 7 / once)));
  return Array.from({ length: 7 }, () => round(count)).sort((a, b) => a - b)[3];
}

/** Random numbers that are the same each time. */
function normals(length, seed) {
  let state = seed;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Float32Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform()),
  );
}

const kept = new Map();
/** A million scores of a type: they are made once. */
function scoresOf(dtype, seed) {
  const key = `${dtype} ${seed}`;
  if (!kept.has(key)) {
    const floats = normals(2 ** 20, seed);
    kept.set(key, dtype === 'bfloat16' ? halves(floats) : floats);
  }
  return kept.get(key);
}

/** The upper half of each float32: bfloat16, rounded towards zero. */
const halves = (floats) => Uint16Array.from(new Uint32Array(floats.buffer), (bits) => bits >>> 16);

/** Host rows, repeated until the tensor is full. */
function fill(tensor, array) {
  const piece = Math.min(array.length, tensor.length);
  tensor.subtensor(0, piece).copyFrom(array.subarray(0, piece));
  for (let done = piece; done < tensor.length; done *= 2) {
    const more = Math.min(done, tensor.length - done);
    tensor.subtensor(done, done + more).copyFrom(tensor.subtensor(0, more));
  }
  return tensor;
}

/** Batches of a shape and type in device memory, with ranks: normal scores, one positive per query at any position. */
export class Batches {
  constructor(shape, dtype, count) {
    const [queries, docs] = shape;
    const rows = Math.max(1, Math.min(queries, Math.floor(2 ** 20 / docs)));
    const n = rows * docs;
    const labels = new Uint8Array(n);
    for (let b = 0; b < rows; b++) labels[b * docs + ((b * 7919) % docs)] = 1;
    const ranks = Uint16Array.from({ length: n }, (_, i) => 1 + Math.min(i % docs, 65534));
    const made = (array, type) => fill(DeviceTensor.allocate(shape, type), array);
    const student = scoresOf(dtype, 1).subarray(0, n);
    const teacher = scoresOf(dtype, 2).subarray(0, n);
    this.all = Array.from({ length: count }, () => ({
      student: made(student, dtype),
      teacher: made(teacher, dtype),
      labels: made(labels, 'uint8'),
      ranks: made(ranks, 'uint16'),
      grad: DeviceTensor.allocate(shape, dtype),
    }));
  }
  dispose() {
    for (const batch of this.all) for (const tensor of Object.values(batch)) tensor.dispose();
  }
}

/** What a variant reads of a batch. */
const read = ({ ranks, ...rest }, variant) => (variant.ranks === 'given' ? { ...rest, ranks } : rest);

/** Times one variant on batches, and a copy of as many bytes as it has to move. */
export function timeOurs(batches, shape, dtype, variant, seconds) {
  const bytes = bytesOf(shape, dtype, variant);
  const sets = batches.all
    .slice(0, setsOf(shape, dtype, variant, isEmulated))
    .map((batch) => read(batch, variant));
  const loss = prepare(variant.loss, { ...optionsOf(variant), shape });
  const result = {
    run: timeEnqueued(
      sets.map((batch) => () => loss.run(batch)),
      seconds,
    ),
  };
  if (isLatency(shape)) {
    const graphs = sets.map((batch) => loss.capture(batch));
    result.graph = timeEnqueued(
      graphs.map((graph) => () => graph.launch()),
      seconds,
    );
    for (const graph of graphs) graph.dispose();
  }
  loss.dispose();
  const half = Math.max(4, Math.floor(bytes / 2));
  const copies = sets.map(() => [DeviceTensor.allocate(half, 'uint8'), DeviceTensor.allocate(half, 'uint8')]);
  result.copy = timeEnqueued(
    copies.map(
      ([from, to]) =>
        () =>
          to.copyFrom(from),
    ),
    seconds,
  );
  for (const tensor of copies.flat()) tensor.dispose();
  return result;
}
