// Lists of different lengths: offsets instead of a shape, or padding with label 255. Both give the same loss and gradient.
//
//   node examples/ragged.mjs
import { prepare } from 'ckl-loss';

const lists = [
  { student: [1.2, 0.3, -0.5], teacher: [2.1, 0.4, -1.0], labels: [1, 0, 0] },
  { student: [0.1, 0.9], teacher: [1.5, 0.2], labels: [1, 0] },
  { student: [0.4, 0.2, 0.7, -0.3, 0.0], teacher: [0.9, 0.8, 0.1, -2.0, -0.7], labels: [1, 1, 0, 0, 0] },
];

// One after the other, with the places where they start and end.
const offsets = Int32Array.of(0, 3, 5, 10);
const flat = (name) => lists.flatMap((list) => list[name]);
const ragged = {
  student: Float32Array.from(flat('student')),
  teacher: Float32Array.from(flat('teacher')),
  labels: Uint8Array.from(flat('labels')),
  offsets,
};

// The same in rows of five; what stands in the padding does not matter, not even NaN.
const width = 5;
const rows = (name, fill) =>
  lists.flatMap((list) => [...list[name], ...Array(width - list[name].length).fill(fill)]);
const padded = {
  student: Float32Array.from(rows('student', NaN)),
  teacher: Float32Array.from(rows('teacher', NaN)),
  labels: Uint8Array.from(rows('labels', 255)),
  shape: [lists.length, width],
};

// Prepared once for the largest batch: no allocation in the loop. Each run overwrites the arrays of the run before,
// hence the copies here.
const loss = prepare('ckl', { shape: [lists.length, width], gamma: 5, alpha: 1 });
const copy = ({ loss, grad, perQuery }) => ({ loss, grad: grad.slice(), perQuery: perQuery.slice() });
const a = copy(loss.run(ragged));
const b = copy(loss.run(padded));
loss.dispose();

console.log(
  `ragged  loss ${a.loss.toFixed(6)}  per query ${Array.from(a.perQuery, (v) => v.toFixed(4)).join(' ')}`,
);
console.log(
  `padded  loss ${b.loss.toFixed(6)}  per query ${Array.from(b.perQuery, (v) => v.toFixed(4)).join(' ')}`,
);

let difference = 0;
lists.forEach((list, q) =>
  list.labels.forEach((_, d) => {
    difference = Math.max(difference, Math.abs(a.grad[offsets[q] + d] - b.grad[q * width + d]));
  }),
);
const padding = b.grad.filter((_, i) => padded.labels[i] === 255);
console.log(
  `largest difference of the gradients ${difference}; gradient of padding ${[...new Set(padding)].join(' ')}`,
);
