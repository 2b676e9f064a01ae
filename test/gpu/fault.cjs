// Makes a call to the GPU fail in the way that is named, and prints how each call after it fares: failures.test.ts reads it.
const { ckl } = require('../../dist/index.js');
const { DeviceTensor, prepare, Stream } = require('../../dist/cuda/index.js');

const n = 64;
const scores = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
const batch = {
  student: scores,
  teacher: scores.map(Math.cos),
  labels: new Uint8Array(n).fill(1, 0, 8),
  shape: [1, n],
};
const options = { gamma: 5, alpha: 0 };
const expected = ckl(batch, { ...options, backend: 'cpu' }).loss;

/** Prints the CudaError that a call ends with. Anything else ends the process. */
function failing(call) {
  try {
    call();
  } catch (error) {
    if (error.name !== 'CudaError') throw error;
    console.log(`CudaError ${error.message.split('\n')[0]}`);
    return;
  }
  throw new Error(`${call} did not fail`);
}

function tensorsOf() {
  return {
    student: DeviceTensor.from(batch.student, { shape: [1, n] }),
    teacher: DeviceTensor.from(batch.teacher),
    labels: DeviceTensor.from(batch.labels),
  };
}

function refused() {
  const tensors = tensorsOf();
  const loss = prepare('ckl', { ...options, shape: [1, n] });
  failing(() => DeviceTensor.allocate(2 ** 44));
  if (Math.abs(loss.run(tensors).read().loss - expected) > 1e-5) throw new Error('another loss');
  console.log('gpu works');
}

function pastTheEnd() {
  const small = tensorsOf();
  const loss = prepare('ckl', { ...options, shape: [1, n] });
  loss.run(small).read();
  // The one list lies eight gigabytes behind the memory that the views begin with.
  const elements = 2 ** 31;
  const view = (tensor) => DeviceTensor.view(tensor.pointer, elements, tensor.dtype);
  const offsets = DeviceTensor.from(Int32Array.of(2 ** 31 - 1 - n, 2 ** 31 - 1));
  const wild = {
    student: view(small.student),
    teacher: view(small.teacher),
    labels: view(small.labels),
    offsets,
  };
  const grad = view(DeviceTensor.allocate(n));
  failing(() => loss.run({ ...wild, grad }).read());
  failing(() => small.student.toArray());
  failing(() => loss.run(small).read());
  failing(() => DeviceTensor.allocate(4));
  failing(() => Stream.create());
  failing(() =>
    prepare('kl', { shape: [1, n] })
      .run(small)
      .read(),
  );
  failing(() => ckl(batch, { ...options, backend: 'cuda' }));
}

if (process.argv[2] === 'refused') refused();
else pastTheEnd();
const { loss, grad } = ckl(batch, { ...options, backend: 'cpu' });
if (loss === expected && grad.every(Number.isFinite)) console.log('cpu works');
