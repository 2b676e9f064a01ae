// The smallest training loop: a student of three weights follows a teacher, one call of ckl() a batch.
//
//   node examples/minimal.mjs
import { ckl } from 'ckl-loss';

const queries = 64;
const docs = 8;
const features = 3;

// Made-up data: the teacher weighs the features 2, -1, 0.5; its favourite is the positive of each query.
let seed = 1;
const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647) * 2 - 1;
const x = Float32Array.from({ length: queries * docs * features }, random);
const teacher = new Float32Array(queries * docs);
const labels = new Uint8Array(queries * docs);
for (let q = 0; q < queries; q++) {
  const row = teacher.subarray(q * docs, (q + 1) * docs);
  for (let d = 0; d < docs; d++) {
    const at = (q * docs + d) * features;
    row[d] = 2 * x[at] - x[at + 1] + 0.5 * x[at + 2];
  }
  labels[q * docs + row.indexOf(Math.max(...row))] = 1;
}

const weights = [0, 0, 0];
const student = new Float32Array(queries * docs);
for (let epoch = 0; epoch <= 300; epoch++) {
  // Forward: your model's scores, one per document.
  for (let i = 0; i < student.length; i++) {
    student[i] = weights.reduce((sum, w, f) => sum + w * x[i * features + f], 0);
  }

  const { loss, grad } = ckl({ student, teacher, labels, shape: [queries, docs] }, { gamma: 5, alpha: 1 });

  // Backward: grad[i] is dL/dstudent[i]; from here on it is your model's own chain rule.
  for (let f = 0; f < features; f++) {
    let slope = 0;
    for (let i = 0; i < grad.length; i++) slope += grad[i] * x[i * features + f];
    weights[f] -= 2 * slope;
  }
  if (epoch % 100 === 0) console.log(`epoch ${epoch}  loss ${loss.toFixed(4)}`);
}
// The directions agree; CKL ends steeper than the teacher, for it also parts positives from negatives.
const steepness = weights[0] / 2;
console.log(
  `weights ${steepness.toFixed(2)} * (${weights.map((w) => (w / steepness).toFixed(2)).join(', ')})`,
);
console.log('teacher 1.00 * (2.00, -1.00, 0.50)');
