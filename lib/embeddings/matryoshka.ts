/// <reference lib="esnext.disposable" preserve="true" />
// Matryoshka: the weighted sum of one loss over several prefixes of the same embeddings, with gradients that add up.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isFloat32, overlap } from '../loss/arrays.js';
import { failedLater, refused, SingleRun } from '../loss/exchange.js';
import { lengthOf } from '../loss/intrinsics.js';
import type { Prepared } from './prepared.js';
import { type Given, snapshotOf } from './snapshot.js';
import type { EmbeddingResult, Embeddings } from './types.js';

/** Dimensions and their weights, as given. */
export interface Nested {
  dims: readonly number[];
  weights: readonly number[];
}

/** @returns null without `dims` */
export function readDims(
  { dims, dimWeights }: { dims?: unknown; dimWeights?: unknown },
  dim: number,
): Nested | null {
  if (dims === undefined) {
    if (dimWeights === undefined) return null;
    throw new CklTypeError('ERR_CKL_OPTION', 'dimWeights is given without dims');
  }
  const rule = `it must be an array of different integers from 1 to dim, ${dim}, at most ${mostDims} of them`;
  const list = elementsOf(dims);
  if (list.length === 0 || list.length > mostDims)
    throw new CklTypeError('ERR_CKL_OPTION', `dims is ${describe(dims)}; ${rule}`);
  for (const [i, one] of list.entries()) {
    if (Number.isInteger(one) && (one as number) >= 1 && (one as number) <= dim && list.indexOf(one) === i)
      continue;
    throw new CklRangeError('ERR_CKL_OPTION', `dims[${i}] is ${describe(one)}; ${rule}`);
  }
  const weights = dimWeights === undefined ? list.map(() => 1) : elementsOf(dimWeights);
  const good = (x: unknown) => typeof x === 'number' && x >= 0 && x < Infinity;
  if (weights.length !== list.length || !weights.every(good)) {
    throw new CklRangeError(
      'ERR_CKL_OPTION',
      `dimWeights is ${describe(dimWeights)}; it must be an array of ${list.length} numbers, each finite and 0 or more`,
    );
  }
  return { dims: list as number[], weights: weights as number[] };
}

const mostDims = 64;

/** The elements of an array, each read once; of an array that is too long, slightly more than are allowed. */
function elementsOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) return [];
  const length = Math.min(Number(value.length) || 0, mostDims + 1);
  const list: unknown[] = [];
  for (let i = 0; i < length; i++) list.push(value[i]);
  return list;
}

interface Side {
  embeddings: 'queries' | 'documents';
  grad: 'queryGrad' | 'documentGrad';
}
const sides: readonly Side[] = [
  { embeddings: 'queries', grad: 'queryGrad' },
  { embeddings: 'documents', grad: 'documentGrad' },
];

/**
 * Runs a loss for each dimension. The largest comes first and writes the gradients to which the others add.
 */
export class Matryoshka {
  readonly loss: string;
  readonly target: string;
  readonly threads: number;
  readonly shape: readonly [queries: number, documents: number];
  readonly dim: number;
  readonly dims: readonly number[];
  readonly wanted: Prepared['wanted'];
  /** Indices of the dimensions, the largest first. */
  private readonly order: readonly number[];
  private readonly single: SingleRun;

  /** @param parts one loss per element of `nested.dims`, whose gradients include its weight */
  constructor(
    private readonly parts: readonly Prepared[],
    private readonly nested: Nested,
  ) {
    const [part] = parts;
    this.loss = part.loss;
    this.single = new SingleRun(part.loss);
    this.target = part.target;
    this.threads = part.threads;
    this.shape = part.shape;
    this.dim = part.dim;
    this.wanted = part.wanted;
    this.dims = nested.dims;
    this.order = [...nested.dims.keys()].sort((i, j) => nested.dims[j] - nested.dims[i]);
  }

  run(batch: unknown): unknown {
    const [part] = this.parts;
    const given = part.orRefuse(() => {
      const read = snapshotOf(batch);
      for (const side of sides) if (this.wanted[side.grad]) checkSide(read, side, read[side.grad]);
      return read;
    });
    const result = this.single.do(() => this.runSnapshot(given));
    // The group's own code may have disposed of this loss.
    part.check();
    return result;
  }

  private runSnapshot(given: Given): EmbeddingResult {
    const results = new Array<EmbeddingResult>(this.parts.length);
    const [first] = this.order;
    // Completes the previous dimension and returns the batch of the next one. A failure may be this rank's
    // alone, so the next dimension's exchange reports it.
    let complete = (): Given => given;
    for (const i of this.order) {
      const own = this.parts[i].orRefuse(complete);
      const finish = this.parts[i].start(own, i === first ? refused : failedLater);
      complete = () => {
        results[i] = finish();
        return i === first ? this.restOf(given, results[i]) : own;
      };
    }
    complete();
    return this.sum(results);
  }

  /** The batch of the dimensions after the first, which add to its gradients. */
  private restOf(given: Given, whole: EmbeddingResult): Given {
    if (given.accumulate !== true) this.clearRest(given, whole, this.nested.dims[this.order[0]]);
    const { queryGrad, documentGrad } = whole;
    return {
      ...given,
      queryGrad,
      documentGrad,
      accumulate: true,
      perQuery: undefined,
      scores: undefined,
    };
  }

  async runAsync(batch: unknown, options?: { signal?: AbortSignal }): Promise<unknown> {
    const given = snapshotOf(batch);
    for (const side of sides) if (this.wanted[side.grad]) checkSide(given, side, undefined);
    // All are started at once: each copies the batch before anything can change it.
    const runs = this.parts.map((part) => part.runAsync(given, options) as Promise<EmbeddingResult>);
    const results = await Promise.all(runs);
    const [first, ...others] = this.order;
    for (const { grad } of sides) {
      const into = results[first][grad] as Float32Array | undefined;
      if (into === undefined) continue;
      for (const i of others) {
        const from = results[i][grad] as Float32Array;
        for (let k = 0; k < into.length; k++) into[k] += from[k];
      }
    }
    return this.sum(results);
  }

  dispose(): void {
    this.single.end(() => this.parts.forEach((part) => part.dispose()));
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** No loss reads elements past the largest dimension, so their gradient is 0. */
  private clearRest(given: Given, { queryGrad, documentGrad }: EmbeddingResult, most: number): void {
    const { dim } = this;
    for (const [array, like] of [
      [queryGrad, given.queries],
      [documentGrad, given.documents],
    ] as const) {
      if (array === undefined || most === dim) continue;
      for (let row = dim; row <= lengthOf(like as Embeddings); row += dim)
        (array as Float32Array).fill(0, row - dim + most, row);
    }
  }

  /** Adds up the losses, and the results that are not accumulated in place. */
  private sum(results: readonly EmbeddingResult[]): EmbeddingResult {
    const { weights } = this.nested;
    const whole = results[this.order[0]];
    const { perQuery, counted, scores, queryGrad, documentGrad } = whole;
    for (let b = 0; b < perQuery.length; b++)
      perQuery[b] = results.reduce((sum, result, i) => sum + weights[i] * result.perQuery[b], 0);
    const perDim = results.map(({ loss }) => loss);
    const numbers = perDim.every((loss) => typeof loss === 'number');
    return {
      loss: numbers ? perDim.reduce((sum, loss, i) => sum + weights[i] * loss, 0) : perQuery,
      perQuery,
      counted,
      ...(numbers && { perDim }),
      ...(queryGrad && { queryGrad }),
      ...(documentGrad && { documentGrad }),
      ...(this.wanted.scaleGrad && {
        scaleGrad: results.reduce((sum, { scaleGrad }) => sum + scaleGrad!, 0),
      }),
      ...(scores && { scores }),
    };
  }
}

/**
 * Sums are rounded when they are stored, so they are stored as float32; and no loss may change what the next
 * one reads.
 */
function checkSide(given: Given, { embeddings, grad }: Side, array: unknown): void {
  const value = given[embeddings];
  if (array === undefined || array === null) {
    if (isFloat32(value) || !ArrayBuffer.isView(value)) return;
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `${embeddings} is ${describe(value)}; with dims its gradient adds up in float32: ` +
        `call run with a Float32Array as ${grad}, or switch ${grad} off`,
    );
  }
  if (!isFloat32(array)) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `${grad} is ${describe(array)}; with dims it must be a Float32Array: gradients add up in it`,
    );
  }
  if (isFloat32(value) && overlap(array, value)) {
    throw new CklRangeError(
      'ERR_CKL_OVERLAP',
      `${grad} and ${embeddings} share memory; with dims the embeddings are read more than once`,
    );
  }
}
