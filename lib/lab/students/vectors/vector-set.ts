// The frozen vectors of a set of texts: one per text, or for late interaction one per token.

/** Vectors of texts, in order. */
export interface Vectors {
  /** Elements of a vector. */
  dim: number;
  /** Vectors × dim, one after the other; finite. */
  values: Float32Array;
  /** For late interaction: texts + 1 positions; the vectors of text t are [offsets[t], offsets[t + 1]). */
  offsets?: Int32Array;
}

/** Vectors with the ids of their texts. */
export interface VectorSet extends Vectors {
  ids: readonly string[];
}

/** The number of texts. */
export const textsOf = ({ dim, values, offsets }: Vectors): number =>
  offsets ? offsets.length - 1 : values.length / dim;

/** The first and the last vector of a text. */
const rangeOf = ({ offsets }: Vectors, text: number): [number, number] =>
  offsets ? [offsets[text], offsets[text + 1]] : [text, text + 1];

/** The vectors of some texts, copied; `places` may name one twice. */
export function gather(vectors: Vectors, places: ArrayLike<number>): Vectors {
  const { dim, values } = vectors;
  const ranges = Array.from(places, (text) => rangeOf(vectors, text));
  const count = ranges.reduce((sum, [first, end]) => sum + end - first, 0);
  const out = new Float32Array(count * dim);
  const offsets = new Int32Array(places.length + 1);
  ranges.forEach(([first, end], i) => {
    out.set(values.subarray(first * dim, end * dim), offsets[i] * dim);
    offsets[i + 1] = offsets[i] + end - first;
  });
  return { dim, values: out, ...(vectors.offsets && { offsets }) };
}

/** The vectors of the texts from `first` on, up to `end`; those of one vector each are not copied. */
export function slice(vectors: Vectors, first: number, end: number): Vectors {
  const { dim, values, offsets } = vectors;
  const [from, to] = offsets ? [offsets[first], offsets[end]] : [first, end];
  return {
    dim,
    values: values.subarray(from * dim, to * dim),
    ...(offsets && { offsets: offsets.slice(first, end + 1).map((place) => place - from) }),
  };
}
