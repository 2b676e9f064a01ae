/// <reference lib="esnext.disposable" preserve="true" />
// A prepared loss of embeddings of one dimension: scores, loss and the gradients with respect to both sides in one call.
import { allocate, nativeScores, scoresConstructor } from '../loss/arrays.js';
import { type BlockedLoss, prepareBlocked } from '../loss/blocked.js';
import { type refused, SingleRun } from '../loss/exchange.js';
import { GroupedLoss } from '../loss/grouped.js';
import { bufferOf, copyInto, lengthOf } from '../loss/intrinsics.js';
import type { Shape } from '../loss/layout.js';
import type { PreparedLoss } from '../loss/prepare.js';
import { checkFits, disposed } from '../loss/prepared.js';
import { checkScoring, type NativeScoring, newScoring, ScoringNumber } from '../native/scoring.js';
import { blockSize, isTooLarge, runBlocks } from './blocks.js';
import type { Wanted } from './options.js';
import { type Call, judge } from './judged.js';
import {
  argumentsOf,
  checkApart,
  newNumbers,
  type Pairs,
  readFloats,
  readPairs,
  readScale,
} from './pairs.js';
import { apartOf, embeddingResult, gradientArguments, readOutputs, resultOf } from './outputs.js';
import { checkAsync, runAsync } from './run-async.js';
import { inputsOf } from './scores.js';
import { noTiles, type Settings } from './settings.js';
import { type Given, snapshotOf } from './snapshot.js';
import { readTeacherPairs, teacherInputs, TeacherScorer } from './teacher.js';
import type { EmbeddingResult, Embeddings } from './types.js';
import { newVectors, type Vectors } from './vectors.js';

/** Scores and gradients around a prepared loss of the root. */
export class Prepared {
  readonly loss: string;
  readonly target: string;
  readonly threads: number;
  readonly shape: Shape;
  readonly dim: number;
  readonly dims: readonly number[];
  readonly wanted: Wanted;
  private inner: PreparedLoss | null;
  /** The same if its queries are spread over a group; kept after disposal, to tell the other ranks. */
  protected readonly grouped: GroupedLoss | null;
  private blocked: BlockedLoss | null = null;
  protected readonly scorer: NativeScoring;
  private readonly teacherScorer: TeacherScorer | null;
  protected readonly numbers = newNumbers();
  protected readonly single: SingleRun;
  /** The scores, and in their place the gradient with respect to them. */
  private matrix = new Float32Array(0);
  private readonly own = { queryGrad: null, documentGrad: null } as Record<string, Embeddings | null>;

  constructor(
    inner: PreparedLoss,
    protected readonly settings: Settings,
    private readonly ofLoss: Record<string, unknown>,
  ) {
    this.inner = inner;
    this.grouped = inner instanceof GroupedLoss ? inner : null;
    this.loss = inner.loss;
    this.single = new SingleRun(inner.loss);
    this.shape = inner.shape;
    this.dim = settings.read.space.dim;
    this.dims = [settings.read.space.compared];
    this.wanted = settings.wanted;
    this.scorer = newScoring(settings.read.cpuTarget, settings.read.threads);
    this.teacherScorer = settings.teacher && new TeacherScorer(settings.teacher);
    this.target = this.scorer.target;
    this.threads = this.scorer.threads;
  }

  run(batch: unknown): unknown {
    const given = this.orRefuse(() => {
      this.check();
      return snapshotOf(batch);
    });
    const result = this.single.do(() => this.start(given)());
    // The group's own code may have disposed of this loss.
    this.check();
    return result;
  }

  /**
   * Returns the result of `make`. If it throws, the other ranks of a group throw too, since they would
   * otherwise wait for this one.
   */
  orRefuse<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      this.grouped?.refuse(error);
      throw error;
    }
  }

  /**
   * The part of a run that involves other ranks. It returns a function that computes the gradients and whose
   * failure concerns this rank alone: a caller with further exchanges calls it where it can tell the other
   * ranks.
   * @param told the error if another rank reports that it failed
   */
  start(given: Given, told?: typeof refused): () => EmbeddingResult {
    const { settings, numbers, scorer, grouped } = this;
    const { space } = settings.read;
    const { inner, call, outputs, keeps, inBlocks } = this.orRefuse(() => this.begin(given));
    const { pairs } = call;
    if (inBlocks) {
      const size = settings.tileQueries ?? blockSize(pairs.layout.queries, pairs.layout.docs);
      const loss = this.lendBlocked(size, pairs.layout.docs);
      const result = runBlocks(loss, scorer, call, this.teacherScorer, outputs, space, size, numbers);
      const reduced = this.ofLoss.reduction === 'none' ? result.perQuery : result.loss;
      return () => ({ ...result, loss: reduced, ...resultOf(outputs, numbers) });
    }
    const args = argumentsOf(pairs, space, call.scale, numbers);
    const batch = this.orRefuse(() => {
      const student = this.lendMatrix(pairs.layout.extent);
      numbers[ScoringNumber.keepWinners] = 1;
      checkScoring(scorer.scores(...args, call.bias, student), numbers);
      return {
        ...call.judged.batch(),
        ...(call.teacher && { teacher: this.teacherScorer!.scores(call.teacher, false) }),
        student,
        ...(keeps ? {} : { grad: student }),
        ...(call.perQuery && { perQuery: call.perQuery }),
      };
    });
    const finish = grouped === null ? () => inner.run(batch) : grouped.start(batch, told);
    return () => {
      const result = finish();
      numbers[ScoringNumber.samePairs] = 1;
      const gradients = gradientArguments(outputs, numbers);
      checkScoring(scorer.backward(...args, result.grad as Float32Array, ...gradients), numbers);
      if (call.scores !== null) copyInto(call.scores, batch.student);
      return embeddingResult(result, outputs, numbers, keeps ? (call.scores ?? batch.student) : null);
    };
  }

  /** Reads and checks a batch and the destinations of its results. */
  private begin(given: Given) {
    // From here on none of the caller's code runs, except that of a group. A getter may have disposed of this
    // loss.
    const inner = this.check();
    const call = this.read(given);
    const { pairs } = call;
    const inputs = [
      ...inputsOf(pairs),
      ...call.judged.inputs,
      ...teacherInputs(call.teacher),
      ['bias', call.bias] as const,
    ];
    // Arrays of the last run that came back as inputs are not overwritten.
    const kept = new Set(inputs.map(([, array]) => array && bufferOf(array)));
    if (kept.has(bufferOf(this.matrix))) this.matrix = new Float32Array(0);
    const { read, wanted } = this.settings;
    const outputs = readOutputs(given, wanted, pairs, read.space, (like, name, dim) =>
      this.lend(like, name, dim, kept),
    );
    checkApart([...apartOf(outputs, pairs), ['perQuery', call.perQuery], ['scores', call.scores]], inputs);
    const keeps = this.settings.scores || call.scores !== null;
    return { inner, call, outputs, keeps, inBlocks: this.takesBlocks(pairs, keeps) };
  }

  async runAsync(batch: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> {
    this.check();
    signal?.throwIfAborted();
    const given = snapshotOf(batch);
    this.check();
    checkAsync(given, this.settings);
    const loss = { name: this.loss, options: this.ofLoss };
    return runAsync(this.read(given), this.settings, this.teacherScorer, loss, signal);
  }

  dispose(): void {
    this.single.end(() => {
      this.inner?.dispose();
      this.inner = null;
      this.blocked?.dispose();
      this.blocked = null;
      this.scorer.dispose();
      this.teacherScorer?.dispose();
      this.matrix = new Float32Array(0);
      this.own.queryGrad = this.own.documentGrad = null;
    });
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  check(): PreparedLoss {
    if (this.inner !== null) return this.inner;
    throw disposed(this.loss);
  }

  private read(given: Given): Call {
    const { settings, shape } = this;
    const { space, scale } = settings.read;
    const inBatch = given.inBatch === undefined ? settings.inBatch : given.inBatch;
    const pairs = readPairs({ ...given, inBatch }, space);
    const { layout } = pairs;
    checkFits(layout, shape, this.loss);
    return {
      pairs,
      judged: judge(given, pairs, space.half),
      scale: readScale(given.scale, scale),
      bias: readFloats(given.bias, 'bias', pairs.documents.count, true),
      scores: readFloats(given.scores, 'scores', layout.extent, false),
      perQuery: readFloats(given.perQuery, 'perQuery', layout.queries, false),
      teacher: readTeacherPairs(given, pairs, this.settings.teacher),
    };
  }

  private takesBlocks(pairs: Pairs, keeps: boolean): boolean {
    const { mode, ownMatrix } = this.settings;
    if (!pairs.all || mode === 'stored') return false;
    if (mode === 'tiles' && keeps) throw noTiles('scores');
    return mode === 'tiles' || (ownMatrix === null && !keeps && isTooLarge(pairs.layout.extent));
  }

  private lendBlocked(queries: number, documents: number): BlockedLoss {
    const { blocked } = this;
    if (blocked !== null && blocked.shape[0] >= queries && blocked.shape[1] >= documents) return blocked;
    blocked?.dispose();
    return (this.blocked = prepareBlocked(this.loss, { ...this.ofLoss, shape: [queries, documents] }));
  }

  private lendMatrix(length: number): Float32Array {
    if (lengthOf(this.matrix) < length) {
      this.matrix = allocate(Float32Array, Math.max(length, this.shape[0] * this.shape[1]), 'scores');
    }
    return new Float32Array(bufferOf(this.matrix) as ArrayBuffer, 0, length);
  }

  /** The gradient array of the last run, if it fits. */
  protected lend(like: Vectors, name: string, dim: number, kept: Set<ArrayBufferLike | null>): Vectors {
    const last = this.own[name];
    const fits =
      last !== null &&
      lengthOf(last) === like.rows * dim &&
      scoresConstructor(last) === scoresConstructor(like.source) &&
      !kept.has(bufferOf(last));
    const vectors = fits
      ? { ...like, source: last, native: nativeScores(last) }
      : newVectors(like, name, dim);
    this.own[name] = vectors.source;
    return vectors;
  }
}
