// A linear map of frozen embeddings learns from a teacher, without any framework: node examples/adapter.mjs
// The map is of the queries alone, so the documents' embeddings and their index stay as they are.
import { prepare } from 'ckl-loss/embeddings';

const [queries, documents, dim] = [64, 16, 24];
let state = 11;
const random = (length) =>
  Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / (1 << 23) - 1;
  });

// Frozen embeddings; the teacher sees the queries turned by a map that the adapter has to find.
const frozen = { queries: random(queries * dim), documents: random(queries * documents * dim) };
const turn = random(dim * dim);
const times = (x, map) => {
  const out = new Float32Array(x.length);
  for (let r = 0; r < x.length; r += dim)
    for (let i = 0; i < dim; i++) for (let k = 0; k < dim; k++) out[r + k] += x[r + i] * map[i * dim + k];
  return out;
};
const turned = times(frozen.queries, turn);
const teacher = Float32Array.from({ length: queries * documents }, (_, at) => {
  const b = Math.floor(at / documents);
  let score = 0;
  for (let k = 0; k < dim; k++) score += turned[b * dim + k] * frozen.documents[at * dim + k];
  return score;
});
const labels = Uint8Array.from(teacher, (score, at) => {
  const begin = at - (at % documents);
  return score === Math.max(...teacher.subarray(begin, begin + documents)) ? 1 : 0;
});

// The adapter begins as the identity.
const map = Float32Array.from({ length: dim * dim }, (_, at) => (at % (dim + 1) === 0 ? 1 : 0));
const op = prepare('ckl', {
  ...{ dim, shape: [queries, documents], similarity: 'cosine', scale: 20, documentGrad: false },
  scores: true,
});
for (let step = 0; step <= 300; step++) {
  const { loss, queryGrad, scores } = op.run({
    queries: times(frozen.queries, map),
    documents: frozen.documents,
    teacher,
    labels,
  });
  if (step % 100 === 0) {
    let found = 0;
    for (let b = 0; b < queries; b++) {
      const list = scores.subarray(b * documents, (b + 1) * documents);
      found += labels[b * documents + list.indexOf(Math.max(...list))];
    }
    console.log(
      `step ${step}  loss ${loss.toFixed(4)}  positives found ${Math.round((100 * found) / queries)} %`,
    );
  }
  // dL/dmap: each query's embedding times the gradient of what it was mapped to.
  for (let r = 0; r < queries * dim; r += dim)
    for (let i = 0; i < dim; i++)
      for (let k = 0; k < dim; k++) map[i * dim + k] -= 0.5 * frozen.queries[r + i] * queryGrad[r + k];
}
op.dispose();
