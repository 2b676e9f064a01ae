// A small batch in host memory and on the GPU, a loss prepared for it, and what it gives: for programs that look at waiting and ending.
const { DeviceTensor, prepare } = require('../../dist/cuda/index.js');

const n = 96;
const student = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
const teacher = Float32Array.from({ length: n }, (_, i) => Math.cos(i));
const labels = Uint8Array.from({ length: n }, (_, i) => (i % 12 < 2 ? 1 : 0));
const host = { student, teacher, labels, shape: [8, 12] };
const tensors = {
  student: DeviceTensor.from(student, { shape: [8, 12] }),
  teacher: DeviceTensor.from(teacher),
  labels: DeviceTensor.from(labels),
};
const loss = prepare('ckl', { shape: [8, 12] });
const expected = loss.run(tensors).read().loss;

module.exports = { host, tensors, loss, expected };
