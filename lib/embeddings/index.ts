// ckl-loss/embeddings: embeddings in, scores and gradients with respect to the embeddings out.
export { falseNegatives, type LabelledLists, sameDocuments } from './masks.js';
export {
  type EmbeddingBatch,
  type EmbeddingOptions,
  type EmbeddingResult,
  type EmbeddingSum,
  type Judgements,
  prepare,
  type PreparedEmbeddings,
} from './prepare.js';
export { backward, backwardAsync, scores, scoresAsync, topK, topKAsync } from './scores.js';
export type * from './types.js';
