// The files that `ckl-loss encode` writes: NumPy for one vector per text, safetensors for the vectors of tokens, JSON lines for terms.
import { formatNpy } from '../../../data/npy.js';
import type { Encoded } from '../../students/index.js';
import { formatTensors } from '../../students/saved/safetensors.js';
import type { Vectors } from '../../students/vectors/vector-set.js';

/** What the encodings of texts come in, part by part. */
export interface EncodedFile {
  add(encoded: Encoded, ids: readonly string[]): void;
  bytes(): Uint8Array;
}

/** @param texts how many there will be */
export function encodedFile(kind: Encoded['kind'], texts: number, width: number): EncodedFile {
  if (kind === 'vectors') return new VectorFile(texts, width);
  return kind === 'tokens' ? new TokenFile(width) : new TermFile();
}

/** Vectors that an adapter mapped: NumPy, or of tokens safetensors. */
export function vectorBytes({ dim, values, offsets }: Vectors): Uint8Array {
  if (!offsets) return formatNpy(values, values.length / dim, dim);
  return formatTensors(
    {
      embeddings: { shape: [values.length / dim, dim], numbers: values },
      offsets: { shape: [offsets.length], numbers: offsets },
    },
    { format: 'ckl-loss vectors 1' },
  );
}

class VectorFile implements EncodedFile {
  private readonly vectors: Float32Array;
  private done = 0;

  constructor(
    private readonly texts: number,
    private readonly width: number,
  ) {
    this.vectors = new Float32Array(texts * width);
  }

  add(encoded: Encoded): void {
    if (encoded.kind !== 'vectors') throw new TypeError(`vectors are expected, not ${encoded.kind}`);
    this.vectors.set(encoded.vectors, this.done);
    this.done += encoded.vectors.length;
  }

  bytes(): Uint8Array {
    return formatNpy(this.vectors, this.texts, this.width);
  }
}

class TokenFile implements EncodedFile {
  private readonly parts: { weights: Float32Array; vectors: Float32Array }[] = [];

  constructor(private readonly width: number) {}

  add(encoded: Encoded): void {
    if (encoded.kind !== 'tokens') throw new TypeError(`tokens are expected, not ${encoded.kind}`);
    for (const text of encoded.texts) this.parts.push(text);
  }

  bytes(): Uint8Array {
    const { parts, width } = this;
    const offsets = new Int32Array(parts.length + 1);
    parts.forEach(({ weights }, i) => (offsets[i + 1] = offsets[i] + weights.length));
    const tokens = offsets[parts.length];
    const [embeddings, weights] = [new Float32Array(tokens * width), new Float32Array(tokens)];
    parts.forEach((part, i) => {
      embeddings.set(part.vectors, offsets[i] * width);
      weights.set(part.weights, offsets[i]);
    });
    return formatTensors(
      {
        embeddings: { shape: [tokens, width], numbers: embeddings },
        weights: { shape: [tokens], numbers: weights },
        offsets: { shape: [offsets.length], numbers: offsets },
      },
      { format: 'ckl-loss vectors 1' },
    );
  }
}

class TermFile implements EncodedFile {
  private readonly parts: Buffer[] = [];

  add(encoded: Encoded, ids: readonly string[]): void {
    if (encoded.kind !== 'terms') throw new TypeError(`terms are expected, not ${encoded.kind}`);
    const lines = encoded.texts.map(({ terms, weights }, i) => {
      const vector = Object.fromEntries(terms.map((term, t) => [term, weights[t]]));
      return `${JSON.stringify({ id: ids[i], vector })}\n`;
    });
    this.parts.push(Buffer.from(lines.join('')));
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}
