// Embeddings of random numbers, and scores and gradients in double precision to compare with.
import type { Similarity } from '../../../lib/embeddings/index';

/** Numbers between -1 and 1 that are the same each time. */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / (1 << 23) - 1;
  };
}

export function floats(length: number, next: () => number): Float32Array {
  return Float32Array.from({ length }, next);
}

export interface Reference {
  scores: Float64Array;
  /** The gradients that dL/dscores `grad` has. */
  backward(grad: ArrayLike<number>): {
    queryGrad: Float64Array;
    documentGrad: Float64Array;
    scaleGrad: number;
  };
}

/**
 * @param places [query, document, place of the score] of each pair
 */
export function reference(
  queries: ArrayLike<number>,
  documents: ArrayLike<number>,
  places: readonly (readonly [number, number, number])[],
  { dim, similarity = 'dot', scale = 1 }: { dim: number; similarity?: Similarity; scale?: number },
): Reference {
  const unit = (x: ArrayLike<number>) => {
    const u = Float64Array.from(x);
    const norms: number[] = [];
    for (let r = 0; r < u.length; r += dim) {
      const norm = similarity === 'cosine' ? Math.hypot(...u.subarray(r, r + dim)) : 1;
      norms.push(norm);
      for (let i = r; i < r + dim; i++) u[i] = norm > 0 ? u[i] / norm : 0;
    }
    return { u, norms };
  };
  const [q, d] = [unit(queries), unit(documents)];
  const dot = (b: number, m: number) => {
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += q.u[b * dim + i] * d.u[m * dim + i];
    return sum;
  };
  const scores = new Float64Array(Math.max(0, ...places.map(([, , at]) => at + 1)));
  for (const [b, m, at] of places) scores[at] = scale * dot(b, m);
  const back = (grad: Float64Array, { u, norms }: typeof q) => {
    if (similarity === 'dot') return grad;
    norms.forEach((norm, r) => {
      let along = 0;
      for (let i = r * dim; i < (r + 1) * dim; i++) along += grad[i] * u[i];
      for (let i = r * dim; i < (r + 1) * dim; i++) grad[i] = norm > 0 ? (grad[i] - along * u[i]) / norm : 0;
    });
    return grad;
  };
  return {
    scores,
    backward(grad) {
      const queryGrad = new Float64Array(queries.length);
      const documentGrad = new Float64Array(documents.length);
      let scaleGrad = 0;
      for (const [b, m, at] of places) {
        scaleGrad += grad[at] * dot(b, m);
        for (let i = 0; i < dim; i++) {
          queryGrad[b * dim + i] += scale * grad[at] * d.u[m * dim + i];
          documentGrad[m * dim + i] += scale * grad[at] * q.u[b * dim + i];
        }
      }
      return { queryGrad: back(queryGrad, q), documentGrad: back(documentGrad, d), scaleGrad };
    },
  };
}

/** The largest difference, relative to the largest number. */
export function distance(found: ArrayLike<number>, right: ArrayLike<number>): number {
  let most = 1e-30;
  let worst = found.length === right.length ? 0 : Infinity;
  for (let i = 0; i < right.length; i++) {
    most = Math.max(most, Math.abs(right[i]));
    if (found[i] !== right[i]) worst = Math.max(worst, Math.abs(found[i] - right[i]));
  }
  return Number.isNaN(worst) ? Infinity : worst / most;
}

/** All pairs of so many queries and documents. */
export function allPlaces(queries: number, documents: number): [number, number, number][] {
  return Array.from({ length: queries * documents }, (_, at) => [
    Math.floor(at / documents),
    at % documents,
    at,
  ]);
}
