// Puts work of every kind on the GPU and ends as it is told, without waiting: exits.test.ts looks at how that goes. As a worker, it goes on
// until it is terminated.
const { isMainThread, parentPort } = require('node:worker_threads');
const { cklAsync } = require('../../dist/index.js');
const { DeviceTensor, prepare, Stream } = require('../../dist/cuda/index.js');

const emulated = require('../../dist/cuda/index.js').devices()[0].name.startsWith('emulated');
const [queries, docs] = emulated ? [40, 64] : [65536, 256];
const n = queries * docs;
/** One row again and again: to make each element by a function would take seconds of a GPU's time. */
function rows(Type, of) {
  const array = new Type(n);
  for (let i = 0; i < docs; i++) array[i] = of(i);
  for (let done = docs; done < n; done *= 2) array.copyWithin(done, 0, Math.min(done, n - done));
  return array;
}
const student = rows(Float32Array, Math.sin);
const teacher = rows(Float32Array, Math.cos);
const labels = rows(Uint8Array, (i) => (i < 3 ? 1 : 0));
const host = { student, teacher, labels, shape: [queries, docs] };
const options = { gamma: 5, alpha: 1 };

const stream = Stream.create();
const tensors = {
  student: DeviceTensor.from(student, { shape: [queries, docs] }),
  teacher: DeviceTensor.from(teacher),
  labels: DeviceTensor.from(labels),
};
stream.waitFor(tensors.student.device.stream);
const loss = prepare('ckl', { ...options, shape: [queries, docs] });
const graph = loss.capture(tensors);

/** Nobody waits for any of it. */
function enqueue() {
  for (let k = 0; k < (emulated ? 2 : 200); k++) loss.run(tensors, { stream });
  for (let k = 0; k < (emulated ? 2 : 200); k++) graph.launch();
  const copies = [tensors.student.toArrayAsync(), loss.run(tensors, { stream }).readAsync(), stream.done()];
  return [...copies, cklAsync(host, { ...options, backend: 'cuda' })];
}

if (!isMainThread) {
  const again = () => void Promise.all(enqueue()).then(() => setImmediate(again));
  again();
  parentPort.postMessage('in flight');
} else {
  for (const promise of enqueue()) promise.catch(() => {});
  process.stdout.write('in flight\n', () => {
    if (process.argv[2] === 'exit') process.exit(0);
    if (process.argv[2] === 'throw') throw new Error('thrown on purpose');
  });
}
