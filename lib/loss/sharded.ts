// A prepared loss whose lists are spread over the ranks of a group: each rank has some documents of every query. Three small exchanges give the
// sums over whole lists: first the largest scores, then the sums of exponentials, then the values and the sums of h. Gradients need no exchange.
// If the queries take several blocks, the largest scores of a block travel with the values of the previous one: two exchanges per block.
import { largest } from '../extremes.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { native } from '../native/native.js';
import { NativeType } from '../native/codes.js';
import type { Batch, LossResult } from '../types.js';
import {
  attempt,
  digest,
  digestOf,
  failedLater,
  joined,
  Message,
  otherLoss,
  otherThanFirst,
  refused,
  SingleRun,
} from './exchange.js';
import { check } from './grouped.js';
import type { LivePlan } from './plans.js';
import { Prepared } from './prepared.js';
import { argumentsOf, newScalars, resultOf } from './run.js';
import { checkTiles, type ReadShard } from './shard.js';

/** Documents per chunk, whose sums are added first; the same number as in the row engine. */
const chunk = 4096;
/**
 * Bytes per document in a block: 20 that are kept between exchanges, plus the scores and the label, which two
 * steps read.
 */
const bytes = 29;
/** Maximum number of bytes of a block of queries, so that it stays in the cache. */
const cached = 4 << 20;

const enum Step {
  survey = 0,
  settle = 1,
  maxima = 2,
  sums = 3,
  terms = 4,
  finish = 5,
  result = 6,
}

/** Numbers per query in the record of the survey. */
const surveyed = 4;

/** Places in the first message about a batch, which determines the lengths of later messages. */
const enum Head {
  queries = 0,
  fresh = 1,
  weights = 2,
  size = 3,
}

/** Numbers of all ranks that this rank has not used yet. */
interface Gathered {
  /** The step that needs them. Since it may throw, it runs just before the next exchange, which reports failures; the last step has none. */
  use(): void;
  /** The largest scores of the next block, by rank. */
  maxima: readonly Float64Array[];
}

const nothing = new Float64Array(0);

export class ShardedLoss extends Prepared {
  /** @internal */
  readonly told: readonly number[];
  private numbers = nothing;
  /** The largest number of chunks of any rank. */
  private chunks = 1;
  /** The number of queries per block. */
  private block = 1;
  private longest = 0;
  private readonly terms: number;
  private readonly single = new SingleRun(this.loss);

  constructor(
    private readonly shard: ReadShard,
    ...rest: ConstructorParameters<typeof Prepared>
  ) {
    super(...rest);
    const [queries, docs] = this.shape;
    const { spec } = rest[0].plan;
    this.told = [shard.begin, docs, shard.documents, queries, digestOf(spec)];
    this.terms = spec.terms.length;
  }

  /** @internal Before the first run. */
  compare(all: readonly Float64Array[]): void {
    const { group, begin } = this.shard;
    checkTiles(all);
    const another = otherThanFirst(all, this.told.length - 1);
    if (another !== null) throw otherLoss(another);
    this.longest = largest(all.map(([, length]) => length));
    this.chunks = Math.max(1, Math.ceil(this.longest / chunk));
    this.block = Math.max(8, Math.floor(cached / (bytes * Math.max(1, this.longest))));
    this.numbers = Float64Array.of(0, 0, 0, begin, group.size, this.chunks);
  }

  override run(batch: Batch): LossResult {
    return this.single.do(() => this.runWithOthers(batch));
  }

  private runWithOthers(batch: Batch): LossResult {
    const { group } = this.shard;
    const head = new Message(Head.size);
    let ownScores = null as Message | null;
    const refusal = attempt(() => {
      const live = this.take(batch);
      this.checkWhole();
      const { queries, weights } = this.view;
      const fresh = this.needsRanks(live);
      head.numbers.set([queries, Number(fresh), digestOfWeights(weights)]);
      // Allocated before an exchange that reports failures, because it is large.
      if (fresh) ownScores = new Message(1 + queries * this.longest);
    });
    const heads = head.exchange(group, refusal, refused);
    agree(heads);
    const queries = heads[0][Head.queries];
    const scores = ownScores && this.gatherScores(ownScores);

    let first = 0;
    let last = Math.min(queries, this.block);
    const record = new Message(surveyed * queries + (last - first));
    const [survey, maxima] = split(record.numbers, surveyed * queries);
    const failure = attempt(() => {
      if (scores !== null) this.freshRanks(queries, scores);
      this.call(Step.survey, nothing, survey);
      this.callFor(first, last, Step.maxima, nothing, maxima);
    });
    const parts = record.exchange(group, failure, refused).map((part) => split(part, survey.length));
    let gathered: Gathered = {
      use: () => this.call(Step.settle, joined(parts.map(([part]) => part)), nothing),
      maxima: parts.map(([, part]) => part),
    };
    while (first < queries) {
      const next = Math.min(queries, last + this.block);
      gathered = this.runBlock([first, last, next], gathered);
      [first, last] = [last, next];
    }
    gathered.use();
    this.call(Step.result, nothing, nothing);
    return resultOf(this.view, this.scalars, this.reduction);
  }

  /**
   * Runs queries [first, last), whose maxima are in `before`. Returns the last gathered numbers, including
   * the maxima of queries [last, next).
   */
  private runBlock([first, last, next]: readonly [number, number, number], before: Gathered): Gathered {
    const { chunks } = this;
    const { group } = this.shard;
    const rows = last - first;
    const sums = new Message(rows * (2 + 16 * chunks));
    const failure = attempt(() => {
      before.use();
      this.callFor(first, last, Step.sums, joined(before.maxima), sums.numbers);
    });
    const ofSums = sums.exchange(group, failure, failedLater);
    const length = rows * 25 * chunks * this.terms;
    const both = new Message(length + (next - last));
    const [terms, maxima] = split(both.numbers, length);
    const failed = attempt(() => {
      this.callFor(first, last, Step.terms, joined(ofSums), terms);
      if (next > last) this.callFor(last, next, Step.maxima, nothing, maxima);
    });
    const parts = both.exchange(group, failed, failedLater).map((part) => split(part, length));
    return {
      use: () => this.callFor(first, last, Step.finish, joined(parts.map(([part]) => part)), nothing),
      maxima: parts.map(([, part]) => part),
    };
  }

  private callFor(
    first: number,
    last: number,
    step: Step,
    gathered: Float64Array,
    record: Float64Array,
  ): void {
    [this.numbers[1], this.numbers[2]] = [first, last];
    this.call(step, gathered, record);
  }

  private call(step: Step, gathered: Float64Array, record: Float64Array): void {
    // The caller's group may have disposed of this loss.
    const live = this.check();
    this.numbers[0] = step;
    check(
      live.native.shardStep(...argumentsOf(this.view, this.scalars), this.numbers, gathered, record),
      this.scalars,
    );
  }

  private needsRanks(live: LivePlan): boolean {
    if (this.view.ranks !== null || this.view.beta !== null) return false;
    return live.plan.spec.terms.some(({ loss, alpha }) => loss === 'ckl' && alpha! > 0);
  }

  /** Requires a rectangular batch with as many documents per query as were prepared. */
  private checkWhole(): void {
    const { view, shape } = this;
    if (view.offsets !== null) {
      throw new CklTypeError(
        'ERR_CKL_SHAPE',
        'offsets are given; lists that are spread over ranks have a shape',
      );
    }
    if (view.docs === shape[1]) return;
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `the batch has ${view.docs} documents per query, and this rank's part was prepared with ${shape[1]}`,
    );
  }

  /** Every rank's student scores, NaN for padding: 8 bytes per document. */
  private gatherScores(message: Message): Float64Array[] {
    const { view, longest } = this;
    const { queries, docs, stride } = view;
    message.numbers[0] = docs;
    // Two-byte scores travel as the integers that store them.
    const own = message.numbers.subarray(1).fill(NaN);
    const failure = attempt(() => {
      this.check();
      for (let b = 0; b < queries; b++) {
        for (let i = 0; i < docs; i++) {
          if (view.labels[b * stride + i] !== 255) own[b * longest + i] = view.student[b * stride + i];
        }
      }
    });
    return message.exchange(this.shard.group, failure, failedLater);
  }

  /** Competition ranks within the whole lists, which every rank computes from the scores of all. */
  private freshRanks(queries: number, parts: readonly Float64Array[]): void {
    const { view, shard, longest } = this;
    const { documents, begin } = shard;
    const { docs, stride, studentType } = view;
    const Scores = studentType === NativeType.float32 ? Float32Array : Uint16Array;
    const scores = new Scores(queries * documents);
    const labels = new Uint8Array(queries * documents);
    for (let b = 0; b < queries; b++) {
      let at = b * documents;
      parts.forEach((part) => {
        for (let i = 0; i < part[0]; i++, at++) {
          const score = part[1 + b * longest + i];
          scores[at] = score;
          // A NaN score makes its query NaN, whatever its rank.
          if (Number.isNaN(score)) labels[at] = 255;
        }
      });
    }
    const all = new Uint32Array(queries * documents);
    const scalars = newScalars();
    check(
      native.ranks(scores, studentType, labels, queries, documents, documents, null, all, scalars),
      scalars,
    );
    const ranks = new Uint32Array(Math.max(0, (queries - 1) * stride + docs)).fill(1);
    for (let b = 0; b < queries; b++) {
      for (let i = 0; i < docs; i++) ranks[b * stride + i] = all[b * documents + begin + i] || 1;
    }
    view.ranks = ranks;
  }
}

/** Throws if the ranks run different batches. */
function agree(heads: readonly Float64Array[]): void {
  const places = [Head.queries, Head.weights, Head.fresh].map((place) => otherThanFirst(heads, place));
  const [queries, weights, fresh] = places;
  if (places.every((other) => other === null)) return;
  const wrong =
    queries !== null
      ? `rank ${queries} has ${heads[queries][Head.queries]} queries, and rank 0 ${heads[0][Head.queries]}`
      : weights !== null
        ? `the weights of rank ${weights} are not those of rank 0`
        : `ranks or beta are given on rank ${heads[0][Head.fresh] === 1 ? fresh : 0} and not on rank ${heads[0][Head.fresh] === 1 ? 0 : fresh}`;
  throw new CklRangeError('ERR_CKL_GROUP', `the ranks run different batches: ${wrong}`);
}

/** A hash that differs if ranks have different weights. */
const digestOfWeights = (weights: Float32Array | null): number =>
  weights === null ? -1 : digest(new Uint32Array(weights.slice().buffer));

const split = (numbers: Float64Array, at: number): [Float64Array, Float64Array] => [
  numbers.subarray(0, at),
  numbers.subarray(at),
];
