// ckl-loss/embeddings: losses of embeddings, their scores, and gradients with respect to the embeddings.
export { chunked } from './chunked.js';
export { falseNegatives, type LabelledLists, sameDocuments } from './masks.js';
export { prepare } from './prepare.js';
export { backward, backwardAsync, scores, scoresAsync, topK, topKAsync } from './scores.js';
export type * from './types.js';
