// End to end from JavaScript: what enqueueing costs, host arrays against device memory, copies, and whether `auto` chooses well.
import { DeviceTensor, prepare as prepareOnDevice } from '../../dist/cuda/index.js';
import { prepare } from '../../dist/index.mjs';
import { leastTime, makeBatch, round } from '../lib/harness.mjs';
import { gpu, isEmulated, timeEnqueued } from './ours.mjs';

const options = { gamma: 5, alpha: 0 };

const toDevice = ({ student, teacher, labels, shape }) => ({
  student: DeviceTensor.from(student, { shape }),
  teacher: DeviceTensor.from(teacher, { shape }),
  labels: DeviceTensor.from(labels, { shape }),
});

/** Host time in microseconds of a call that enqueues; batches of calls are small enough that the queue never fills. */
function timeHost(call, rounds = isEmulated ? 3 : 200, count = isEmulated ? 10 : 200) {
  let least = Infinity;
  for (let r = 0; r < rounds; r++) {
    gpu.stream.synchronize();
    const start = process.hrtime.bigint();
    for (let k = 0; k < count; k++) call();
    least = Math.min(least, Number(process.hrtime.bigint() - start) / 1e3 / count);
  }
  gpu.stream.synchronize();
  return least;
}

/** Mean milliseconds of an asynchronous call. */
async function timeAsync(call, count) {
  await call();
  const start = performance.now();
  for (let k = 0; k < count; k++) await call();
  return (performance.now() - start) / count;
}

function enqueueing(rows) {
  const batch = toDevice(makeBatch(32, 8));
  const loss = prepareOnDevice('ckl', { ...options, shape: [32, 8] });
  const [from, to] = [DeviceTensor.from(new Float32Array(1)), DeviceTensor.allocate(1)];
  const bare = timeHost(() => to.copyFrom(from));
  const run = timeHost(() => loss.run(batch));
  const own = { ...batch, grad: DeviceTensor.allocate([32, 8]) };
  const graph = loss.capture(batch);
  rows.push({ what: 'enqueue a copy of 4 bytes (the bare launch), µs', value: round(bare, 2) });
  rows.push({ what: 'enqueue run() of 32 × 8, µs', value: round(run, 2) });
  rows.push({ what: 'run() over the bare launch, µs (to reach: 1)', value: round(run - bare, 2) });
  rows.push({
    what: 'run() with the gradient’s tensor given, µs',
    value: round(
      timeHost(() => loss.run(own)),
      2,
    ),
  });
  rows.push({
    what: 'enqueue graph.launch(), µs',
    value: round(
      timeHost(() => graph.launch()),
      2,
    ),
  });
  rows.push({
    what: 'run() and read() of 32 × 8, there and back, µs',
    value: round(leastTime(() => loss.run(batch).read()) / 1e3, 1),
  });
  graph.dispose();
  loss.dispose();
}

/** Host arrays on both backends, and device memory, shape by shape: where the GPU begins to pay, and what `auto` takes. */
function crossover(rows) {
  const shapes = isEmulated
    ? [[64, 32]]
    : [
        [64, 32],
        [256, 64],
        [1024, 64],
        [2048, 64],
        [8192, 64],
        [65536, 64],
        [4096, 1000],
      ];
  for (const shape of shapes) {
    const name = shape.join('×');
    const batch = makeBatch(...shape);
    const time = (backend) => {
      const loss = prepare('ckl', { ...options, shape, backend });
      const least = leastTime(() => loss.run(batch), isEmulated ? 0.01 : 0.2) / 1e3;
      loss.dispose();
      return least;
    };
    const [cpu, cuda] = [time('cpu'), time('cuda')];
    const tensors = toDevice(batch);
    const loss = prepareOnDevice('ckl', { ...options, shape });
    const device = timeEnqueued([() => loss.run(tensors)], 0.1);
    const auto = prepare('ckl', { ...options, shape, backend: 'auto' });
    const better = cuda < cpu ? 'cuda' : 'cpu';
    const lost = (auto.backend === 'cuda' ? cuda : cpu) / Math.min(cpu, cuda);
    rows.push({
      what: `${name}, host arrays: CPU / GPU; device memory, µs`,
      value: `${round(cpu, 1)} / ${round(cuda, 1)}; ${round(device, 1)}`,
    });
    rows.push({
      what: `${name}: auto takes (better; times the better’s time)`,
      value: `${auto.backend} (${better}; ${round(lost, 2)})`,
    });
    auto.dispose();
    loss.dispose();
    for (const tensor of Object.values(tensors)) tensor.dispose();
  }
}

async function copies(rows) {
  const megabytes = isEmulated ? 1 : 64;
  const host = new Float32Array(megabytes * 2 ** 18).fill(1);
  const tensor = DeviceTensor.allocate(host.length);
  const rate = (ms) => `${round((host.byteLength / ms) * 1e-6, 1)} GB/s`;
  const sync = (call) => rate(leastTime(call, isEmulated ? 0.01 : 0.3) / 1e6);
  const count = isEmulated ? 2 : 10;
  rows.push({
    what: `copyFrom ${megabytes} MB, waited for`,
    value: sync(() => (tensor.copyFrom(host), gpu.stream.synchronize())),
  });
  rows.push({ what: `copyTo ${megabytes} MB`, value: sync(() => tensor.copyTo(host)) });
  rows.push({
    what: `copyFromAsync ${megabytes} MB`,
    value: rate(await timeAsync(() => tensor.copyFromAsync(host), count)),
  });
  rows.push({
    what: `toArrayAsync ${megabytes} MB`,
    value: rate(await timeAsync(() => tensor.toArrayAsync(), count)),
  });
  const small = tensor.subtensor(0, 2048);
  rows.push({ what: 'toArray 8 kB, µs', value: round(leastTime(() => small.toArray(), 0.1) / 1e3, 1) });
  rows.push({
    what: 'toArrayAsync 8 kB, µs',
    value: round(1e3 * (await timeAsync(() => small.toArrayAsync(), isEmulated ? 5 : 500)), 1),
  });
  tensor.dispose();
}

/** Rows of { what, value }. */
export async function timeCalls() {
  const rows = [];
  enqueueing(rows);
  await copies(rows);
  crossover(rows);
  return rows;
}
