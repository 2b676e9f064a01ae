// A rank of a group of GPUs: `RANK SIZE ID-FILE OUT-FOLDER`, or with RANK `mpi` over MPI. Writes what each operation left, or what it threw.
import { DeviceTensor, devices, prepare, Stream } from 'ckl-loss/cuda';
import { mpi, nccl } from 'ckl-loss/distributed';
import { writeFileSync } from 'node:fs';

const [how, ofRanks, file, folder, wish = ''] = process.argv.slice(2);
const world = how === 'mpi' ? mpi() : { rank: Number(how), size: Number(ofRanks), file };
const out = { rank: world.rank, errors: [] };
const attempt = (call) => {
  try {
    call();
  } catch ({ code, message }) {
    out.errors.push(`${code}: ${message}`);
  }
};
const bits = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
/** Values whose sum depends on its order. */
const values = (n, rank) => Array.from({ length: n }, (_, k) => Math.sin(k + 1) * 10 ** ((rank * 3 + k) % 5));

/** A loss over the ranks, each with two queries of five documents. */
function lossOf(group) {
  const from = (array) => DeviceTensor.from(array, { device: group.device });
  const number = (k) => Math.fround(3 * Math.sin(12.9898 * (k + 1)));
  const make = (seed) => Float32Array.from({ length: 10 }, (_, k) => number(seed + k + 10 * group.rank));
  const loss = prepare('ckl', { shape: [2, 5], group });
  const result = loss.run({
    student: from(make(0)),
    teacher: from(make(1000)),
    labels: from(Uint8Array.from({ length: 10 }, (_, k) => Number(k % 5 === 1))),
    weights: from(Float32Array.of(0.3 + group.rank, 1.7)),
  });
  return { ...result.read(), grad: bits(result.grad.toArray()) };
}

attempt(() => {
  const group = nccl(world);
  const { rank, size } = group;
  Object.assign(out, { size, version: group.version, file: group.file });
  const device = group.device;
  if (wish === 'fail') {
    const tensor = DeviceTensor.from(new Float32Array(8), { device });
    attempt(() => group.allGather(tensor).toArray());
    attempt(() => group.broadcast(tensor));
    attempt(() => group.allReduce(tensor));
    attempt(() => lossOf(group));
    return;
  }
  const own = DeviceTensor.from(Int32Array.of(rank, -rank, 7), { device });
  out.gathered = [...group.allGather(own).toArray()];
  const given = DeviceTensor.allocate(3 * size, 'int32', { device });
  out.returned = group.allGather(own, { out: given }) === given;
  out.given = [...given.toArray()];
  const sent = DeviceTensor.from(Uint8Array.of(rank, 200 + rank), { device });
  out.broadcast = [...group.broadcast(sent, { root: size - 1 }).toArray()];
  // Lengths that ranks cannot share evenly, one element, none, and more than a launch has threads.
  out.sums = [0, 1, 2, 7, 1000, 70_001].map((n) => {
    const tensor = DeviceTensor.from(Float32Array.from(values(n, rank)), { device });
    return bits(group.allReduce(tensor).toArray());
  });
  const halves = Uint16Array.from({ length: 9 }, (_, k) => 0x3f80 + 3 * k + 5 * rank);
  out.bfloat16 = bits(group.allReduce(DeviceTensor.from(halves, { dtype: 'bfloat16', device })).toArray());
  out.float16 = bits(group.allReduce(DeviceTensor.from(halves, { dtype: 'float16', device })).toArray());
  out.float64 = bits(
    group.allReduce(DeviceTensor.from(Float64Array.from(values(5, rank)), { device })).toArray(),
  );
  // In order on another stream, and after what stands on it.
  const stream = Stream.create({ device });
  const late = DeviceTensor.from(Float32Array.of(1), { stream });
  group.allReduce(late, { stream });
  out.onStream = [...group.allGather(late, { stream }).toArray({ stream })];

  out.numbers = [3, 1, 2].map((n) => bits(group.allGather(new Float64Array(n).fill(rank || -0))));
  out.loss = lossOf(group);

  attempt(() => group.allReduce(own));
  attempt(() => group.allReduce([1]));
  attempt(() => group.allGather(own, { out: own }));
  attempt(() => group.allGather(given.subtensor(0, 1), { out: given.subtensor(0, size) }));
  attempt(() => group.broadcast(own, { root: size }));
  attempt(() => group.broadcast(own, { from: 0 }));
  attempt(() => group.allGather(Float64Array.of(1), { out: own }));
  const other = devices().find((one) => one !== device);
  attempt(() => prepare('kl', { shape: [2, 5], group, device: other }));
  group.dispose();
  attempt(() => group.broadcast(own));
  attempt(() => group.allGather(Float64Array.of(1)));
});
writeFileSync(`${folder}/${world.rank}.json`, JSON.stringify(out));
