// Every way through ckl-loss/cuda and backend 'cuda' once or twice, on small batches: to be run under compute-sanitizer (run.mjs).
const { ckl, combine, klAsync, lambdaMrr } = require('../../dist/index.js');
const { DeviceTensor, prepare, Stream } = require('../../dist/cuda/index.js');

function batchOf(queries, docs) {
  const n = queries * docs;
  return {
    student: Float32Array.from({ length: n }, (_, i) => 3 * Math.sin(i * i)),
    teacher: Float32Array.from({ length: n }, (_, i) => 3 * Math.cos(i * i)),
    labels: Uint8Array.from({ length: n }, (_, i) => (i % docs === 1 ? 255 : Number(i % docs < 3))),
    shape: [queries, docs],
  };
}

const toDevice = ({ student, teacher, labels, shape }, stream) => ({
  student: DeviceTensor.from(student, { shape, stream }),
  teacher: DeviceTensor.from(teacher, { stream }),
  labels: DeviceTensor.from(labels, { stream }),
});

function near(value, expected, what) {
  if (!(Math.abs(value - expected) <= 1e-4 * (1 + Math.abs(expected))))
    throw new Error(`${what}: ${value}, not ${expected}`);
}

async function shape(queries, docs) {
  const batch = batchOf(queries, docs);
  const options = { gamma: 5, alpha: 1 };
  const expected = ckl(batch, { ...options, backend: 'cpu' }).loss;
  const stream = Stream.create();
  const tensors = toDevice(batch, stream);
  const loss = prepare('ckl', { ...options, shape: [queries, docs], diagnostics: true, teacherGrad: true });
  near(loss.run(tensors, { stream }).read().loss, expected, 'run');
  const graph = loss.capture(tensors);
  graph.launch({ stream });
  near((await graph.launch({ stream }).readAsync()).loss, expected, 'graph');
  const half = prepare('ckl', { ...options, shape: [queries, docs] });
  const grad = DeviceTensor.allocate(queries * docs, 'bfloat16');
  await half.run({ ...tensors, grad }, { stream }).grad.toArrayAsync({ stream });
  const offsets = Int32Array.from({ length: queries + 1 }, (_, b) => b * docs);
  near(half.run({ ...tensors, offsets }, { stream }).read().loss, expected, 'lists');
  near(
    half.run({ ...tensors, offsets: DeviceTensor.from(offsets, { stream }) }, { stream }).read().loss,
    expected,
    'lists on the device',
  );
  near(half.run({ ...tensors, grad: tensors.student }, { stream }).read().loss, expected, 'in place');
  near(ckl(batch, { ...options, backend: 'cuda' }).loss, expected, 'host arrays');
  for (const object of [graph, loss, half, grad, ...Object.values(tensors)]) object.dispose();
  stream.dispose();
}

async function main() {
  for (const [queries, docs] of [
    [7, 5],
    [40, 64],
    [9, 129],
    [3, 1000],
    [2, 1500],
    [1, 9001],
  ])
    await shape(queries, docs);
  const batch = batchOf(6, 20);
  near(
    (await klAsync(batch, { backend: 'cuda' })).loss,
    (await klAsync(batch, { backend: 'cpu' })).loss,
    'async',
  );
  const terms = [{ loss: 'kl' }, { loss: 'marginMse', weight: 0.1 }];
  for (const call of [lambdaMrr, (given, options) => combine(given, terms, options)])
    near(call(batch, { backend: 'cuda' }).loss, call(batch, { backend: 'cpu' }).loss, 'pairs');
  console.log('every way gave the same loss');
}

void main();
