// Scores that live on a GPU: the loss reads and writes them there, and only a number comes back to Node. Needs an NVIDIA GPU; says so if
// there is none.
// Run: node examples/device-tensors.mjs
import { backends } from 'ckl-loss';
import { DeviceTensor, prepare } from 'ckl-loss/cuda';

const { cuda } = backends();
if (!cuda.available) {
  console.log(`no GPU to run on: ${cuda.reason}`);
  process.exit();
}

const [queries, docs] = [64, 32];
const n = queries * docs;
const labels = Uint8Array.from({ length: n }, (_, i) => Number(i % docs === (i >> 5) % docs));
const scores = Float32Array.from(labels, (label, i) => 3 * label + Math.sin(i));

// In a training program these are views of what the model has on the GPU:
//   DeviceTensor.view(pointer, [queries, docs], 'float32'), or anything with __cuda_array_interface__
const shape = [queries, docs];
const student = DeviceTensor.from(new Float32Array(n), { shape });
const batch = {
  student,
  teacher: DeviceTensor.from(scores, { shape }),
  labels: DeviceTensor.from(labels, { shape }),
};

// A run enqueues and returns; the loss stays on the GPU until it is asked for.
const loss = prepare('ckl', { gamma: 5, alpha: 1, shape });
const first = await loss.run(batch).readAsync();

// The same as a CUDA graph: one call enqueues all of it, on the same tensors, with what they hold then.
const graph = loss.capture(batch);
const host = new Float32Array(n);
for (let step = 0; step < 60; step++) {
  const { grad } = graph.launch();
  // model.backward(grad.pointer) and the optimiser's step stay on the GPU; here the host does them.
  const slope = await grad.toArrayAsync();
  for (let i = 0; i < n; i++) host[i] -= 60 * slope[i];
  student.copyFrom(host);
}
const last = graph.launch().read();
console.log(
  `${first.counted} queries on ${student.device.name}: loss ${first.loss.toFixed(4)} -> ${last.loss.toFixed(4)}`,
);

graph.dispose();
loss.dispose();
