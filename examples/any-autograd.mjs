// Two encoders learn to rank through any autograd, here jax-js: vjp → run → pull. node examples/any-autograd.mjs
// In your own project: npm install ckl-loss @jax-js/jax
import { defaultDevice, init, numpy as np, vjp } from '@jax-js/jax';
import { prepare } from 'ckl-loss/embeddings';

await init('wasm'); // Node has no WebGPU
defaultDevice('wasm');

const [queries, documents, features, dim] = [16, 8, 12, 6];
let state = 7;
const random = (length) =>
  Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / (1 << 23) - 1;
  });
const array = (data, ...shape) => np.array(data).reshape(shape);

// Inputs of the encoders, and a teacher that knows a hidden map between them.
const queryInputs = random(queries * features);
const documentInputs = random(queries * documents * features);
const hidden = random(features * features);
const teacher = Float32Array.from({ length: queries * documents }, (_, at) => {
  const b = Math.floor(at / documents);
  let score = 0;
  for (let i = 0; i < features; i++)
    for (let k = 0; k < features; k++)
      score += queryInputs[b * features + i] * hidden[i * features + k] * documentInputs[at * features + k];
  return score;
});
const labels = Uint8Array.from(teacher, (score, at) => {
  const begin = at - (at % documents);
  return score === Math.max(...teacher.subarray(begin, begin + documents)) ? 1 : 0;
});

// jax-js counts references: an array that is used again is passed as .ref.
const encode = (inputs, count) => (weights) => np.tanh(np.matmul(array(inputs, count, features), weights));
const sides = [
  { weights: random(features * dim), encode: encode(queryInputs, queries), count: queries },
  {
    weights: random(features * dim),
    encode: encode(documentInputs, queries * documents),
    count: queries * documents,
  },
];
const op = prepare('kl', { dim, shape: [queries, documents], similarity: 'cosine', scale: 10 });

for (let step = 0; step <= 100; step++) {
  const made = sides.map((side) => vjp(side.encode, [array(side.weights, features, dim)])); //   vjp
  const [q, d] = await Promise.all(made.map(([embeddings]) => embeddings.data()));
  const { loss, queryGrad, documentGrad } = op.run({ queries: q, documents: d, teacher, labels }); // run
  for (const [i, grad] of [queryGrad, documentGrad].entries()) {
    const [, pull] = made[i];
    const [toWeights] = pull(array(grad, sides[i].count, dim)); //                                    pull
    const slope = await toWeights.data();
    pull.dispose();
    for (let k = 0; k < slope.length; k++) sides[i].weights[k] -= 0.5 * slope[k];
  }
  if (step % 25 === 0) console.log(`step ${step}  loss ${loss.toFixed(4)}`);
}
