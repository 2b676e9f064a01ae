// CKL refines; it does not train from nothing. Three ways through ten epochs with a noisy teacher: KL alone, CKL alone, KL and then CKL.
//
//   node examples/warm-up.mjs
import { prepare } from 'ckl-loss';

const features = 24;
const docs = 16;
const queries = 300;
const trained = 200; // the rest are held out
const batch = 10;

// A generator of its own, so that every run prints the same.
let seed = 0;
function uniform() {
  let x = (seed = (seed + 0x6d2b79f5) | 0);
  x = Math.imul(x ^ (x >>> 15), x | 1);
  x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
  return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
}
/** Nearly normal: twelve uniform numbers. */
const gauss = () => Array.from({ length: 12 }, uniform).reduce((sum, u) => sum + u, -6);

/** A made collection: relevance is linear in the features, the most relevant document of a query is labelled, and the teacher errs. */
function collection(number, noise = 3) {
  seed = 97 * number;
  const weights = Float64Array.from({ length: features }, gauss);
  const x = Float32Array.from({ length: queries * docs * features }, gauss);
  const relevance = Float32Array.from({ length: queries * docs }, (_, i) => 0.25 * score(weights, x, i));
  const labels = new Uint8Array(queries * docs);
  for (let q = 0; q < queries; q++) {
    const row = relevance.subarray(q * docs, (q + 1) * docs);
    labels[q * docs + row.indexOf(Math.max(...row))] = 1;
  }
  return { x, labels, teacher: relevance.map((r) => r + noise * gauss()) };
}

function score(weights, x, document) {
  let sum = 0;
  for (let f = 0; f < features; f++) sum += weights[f] * x[document * features + f];
  return sum;
}

/** A linear student, trained by stages [loss, options, epochs] with Adam; returns its MRR@10 on the held-out queries. */
function train({ x, labels, teacher }, stages) {
  seed = 777;
  const weights = Float64Array.from({ length: features }, () => 0.01 * gauss());
  const first = new Float64Array(features);
  const second = new Float64Array(features);
  const student = new Float32Array(batch * docs);
  let step = 0;
  for (const [name, options, epochs] of stages) {
    const loss = prepare(name, { ...options, shape: [batch, docs] });
    for (let from = 0; from < epochs * trained * docs; from += batch * docs) {
      const start = from % (trained * docs);
      const of = (array) => array.subarray(start, start + batch * docs);
      for (let i = 0; i < student.length; i++) student[i] = score(weights, x, start + i);
      const inputs = { student, labels: of(labels) };
      const { grad } = loss.run(name === 'nll' ? inputs : { ...inputs, teacher: of(teacher) });
      step++;
      for (let f = 0; f < features; f++) {
        let slope = 0;
        for (let i = 0; i < grad.length; i++) slope += grad[i] * x[(start + i) * features + f];
        first[f] += 0.1 * (slope - first[f]);
        second[f] += 0.001 * (slope * slope - second[f]);
        const [m, v] = [first[f] / (1 - 0.9 ** step), second[f] / (1 - 0.999 ** step)];
        weights[f] -= (0.02 * m) / (Math.sqrt(v) + 1e-8);
      }
    }
    loss.dispose();
  }
  let sum = 0;
  for (let q = trained; q < queries; q++) {
    const scores = Array.from({ length: docs }, (_, d) => score(weights, x, q * docs + d));
    const positive = scores[labels.subarray(q * docs, (q + 1) * docs).indexOf(1)];
    const rank = 1 + scores.filter((s) => s > positive).length;
    if (rank <= 10) sum += 1 / rank;
  }
  return sum / (queries - trained);
}

const ckl = { gamma: 1, alpha: 0 }; // the paper's setting for a dense retriever, which it warms up with KL
const ways = {
  'kl, 10 epochs': [['kl', {}, 10]],
  'ckl, 10 epochs': [['ckl', ckl, 10]],
  'kl, 5 epochs, then ckl, 5': [
    ['kl', {}, 5],
    ['ckl', ckl, 5],
  ],
  'nll, 10 epochs (labels alone, all of them right here)': [['nll', {}, 10]],
};

const collections = Array.from({ length: 12 }, (_, i) => collection(i + 1));
const results = Object.values(ways).map((stages) => collections.map((data) => train(data, stages)));
const [alone] = results;
console.log(
  `MRR@10 of held-out queries over ${collections.length} made collections: mean, and where it is above that of KL`,
);
Object.keys(ways).forEach((name, way) => {
  const mrr = results[way];
  const mean = mrr.reduce((sum, one) => sum + one, 0) / mrr.length;
  const above = mrr.filter((one, i) => one > alone[i]).length;
  console.log(`${mean.toFixed(3)}  ${String(above).padStart(2)}  ${name}`);
});
