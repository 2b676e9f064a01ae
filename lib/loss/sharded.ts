// A prepared loss whose lists are spread over the ranks of a group: each has some documents of every query. Three small exchanges make the
// sums of whole lists: the largest scores; the sums of exponentials; the values and the sums of h. The gradients then need none.
import { largest } from '../extremes.js';
import { type Communicator, type Group, readGroup } from '../communicator.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { losses } from '../losses.js';
import { native, type NativePlanSpec } from '../native/native.js';
import { NativeType } from '../native/codes.js';
import type { Batch, LossResult } from '../types.js';
import { attempt, check, failedLater, ranksOf, refused } from './grouped.js';
import type { LivePlan } from './plans.js';
import { Prepared } from './prepared.js';
import { argumentsOf, newScalars, resultOf } from './run.js';

/** The part of every list that a rank has. */
export interface DocumentShard {
  /** The ranks that share the lists. All prepare and run alike, with the same queries and weights. */
  group: Communicator;
  /** Where this rank's documents begin in the whole lists: rank 0's at 0, each other's where those of the rank before end. */
  begin: number;
  /** How many documents the whole lists have, padding included. */
  documents: number;
}

export interface ReadShard {
  readonly group: Group;
  readonly begin: number;
  readonly documents: number;
}

/** Reads the option `shard`. */
export function readShard(value: unknown): ReadShard {
  if (typeof value !== 'object' || value === null) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `shard is ${describe(value)}; it must be { group, begin, documents }`,
    );
  }
  const { group, begin, documents } = value as DocumentShard;
  const read = { group: readGroup(group, 'shard.group'), begin, documents };
  for (const name of ['begin', 'documents'] as const) {
    if (Number.isSafeInteger(read[name]) && read[name] >= 0) continue;
    throw new CklRangeError(
      'ERR_CKL_OPTION',
      `shard.${name} is ${describe(read[name])}; it must be a whole number, at least 0`,
    );
  }
  return read;
}

/** Refuses what cannot be computed from parts of lists. */
export function checkShardable(
  spec: NativePlanSpec,
  { teacherGrad, diagnostics }: { teacherGrad: unknown; diagnostics: unknown },
): void {
  const table = losses as Record<string, { family: string }>;
  const pairwise = spec.terms.find(({ loss }) => table[loss].family === 'pairwise');
  const reason =
    pairwise !== undefined
      ? `${pairwise.loss} compares pairs of documents, or their order, and a rank has only its own; the losses that are sums over documents can be spread`
      : teacherGrad !== undefined && teacherGrad !== false
        ? 'teacherGrad is wanted, whose sums the ranks do not exchange; spread the queries (option group), or leave it out'
        : diagnostics === true
          ? 'diagnostics are wanted, which look at whole lists; leave them out'
          : '';
  if (reason !== '') throw new CklRangeError('ERR_CKL_OPTION', `shard is given, but ${reason}`);
}

/** Documents whose sums are added first; the row engine's own number. */
const chunk = 4096;
/** Bytes that are kept between exchanges, 20 per document: more queries go in several blocks, so that the cache holds one. */
const kept = 4 << 20;

const enum Step {
  look = 0,
  settle = 1,
  sums = 2,
  terms = 3,
  finish = 4,
  result = 5,
}

const looks = 6;

export class ShardedLoss extends Prepared {
  private readonly numbers: Float64Array;
  /** The most chunks that a rank has. */
  private readonly chunks: number;
  /** Queries of a block. */
  private readonly block: number;
  private readonly longest: number;

  constructor(
    private readonly shard: ReadShard,
    ...rest: ConstructorParameters<typeof Prepared>
  ) {
    super(...rest);
    const { group, begin, documents } = shard;
    const [queries, docs] = this.shape;
    const all = ranksOf(group.gather(Float64Array.of(begin, docs, documents, queries)), group.size);
    checkTiles(all);
    this.longest = largest(all.map(([, length]) => length));
    this.chunks = Math.max(1, Math.ceil(this.longest / chunk));
    this.block = Math.max(8, Math.floor(kept / (20 * Math.max(1, this.longest))));
    this.numbers = Float64Array.of(0, 0, 0, begin, group.size, this.chunks);
  }

  override run(batch: Batch): LossResult {
    const { group } = this.shard;
    let live!: LivePlan;
    let own = new Float64Array(0);
    const failure = attempt(() => {
      live = this.take(batch);
      this.checkWhole();
    });
    // What the ranks must agree on, and the error of one, before arrays of a length that they agree on.
    const { queries, weights } = this.view;
    const head = new Float64Array(4);
    if (failure === null) head.set([0, queries, Number(this.needsRanks(live)), digest(weights)]);
    else head[Head.failed] = 1;
    const heads = ranksOf(group.gather(head), group.size);
    if (failure !== null) throw failure.error;
    agree(heads);
    if (heads[0][Head.fresh] === 1) this.freshRanks();

    const looked = attempt(() => {
      own = new Float64Array(1 + looks * queries);
      this.call(live, Step.look, own, own.subarray(1));
    });
    if (looked !== null) own = new Float64Array(1 + looks * queries).fill(1, 0, 1);
    const parts = ranksOf(group.gather(own), group.size);
    if (looked !== null) throw looked.error;
    const failed = parts.findIndex((part) => part[0] !== 0);
    if (failed >= 0) throw refused(failed);
    const gathered = new Float64Array(looks * queries * group.size);
    parts.forEach((part, rank) => gathered.set(part.subarray(1), rank * looks * queries));
    this.call(live, Step.settle, gathered, gathered);
    for (let first = 0; first < queries; first += this.block) {
      this.runBlock(live, first, Math.min(queries, first + this.block));
    }
    this.call(live, Step.result, own, own);
    return resultOf(this.view, this.scalars, this.reduction);
  }

  private runBlock(live: LivePlan, first: number, last: number): void {
    const { numbers, chunks } = this;
    [numbers[1], numbers[2]] = [first, last];
    const rows = last - first;
    const none = numbers.subarray(0, 0);
    const sums = new Float64Array(rows * (2 + 16 * chunks) + 1);
    const ofSums = this.exchange(live, Step.sums, none, sums);
    const values = new Float64Array(rows * 25 * chunks * live.plan.spec.terms.length + 1);
    const ofTerms = this.exchange(live, Step.terms, ofSums, values);
    this.call(live, Step.finish, ofTerms, none);
  }

  /** A step, and what it leaves gathered from all ranks. The last number says whether a rank failed. */
  private exchange(live: LivePlan, step: Step, before: Float64Array, record: Float64Array): Float64Array {
    const { group } = this.shard;
    const length = record.length - 1;
    const failure = attempt(() => this.call(live, step, before, record));
    record[length] = Number(failure !== null);
    const parts = ranksOf(group.gather(record), group.size);
    if (failure !== null) throw failure.error;
    const failed = parts.findIndex((part) => part[length] !== 0);
    if (failed >= 0) throw failedLater(failed);
    const out = new Float64Array(length * group.size);
    parts.forEach((part, rank) => out.set(part.subarray(0, length), rank * length));
    return out;
  }

  private call(live: LivePlan, step: Step, gathered: Float64Array, record: Float64Array): void {
    this.numbers[0] = step;
    check(
      live.native.shardStep(...argumentsOf(this.view, this.scalars), this.numbers, gathered, record),
      this.scalars,
    );
  }

  private needsRanks(live: LivePlan | undefined): boolean {
    if (live === undefined || this.view.ranks !== null || this.view.beta !== null) return false;
    return live.plan.spec.terms.some(({ loss, alpha }) => loss === 'ckl' && alpha! > 0);
  }

  /** A batch must be as wide as the part that was prepared, and its lists a rectangle. */
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

  /** Competition ranks within the whole lists, which every rank computes from the scores of all: 8 bytes per document. */
  private freshRanks(): void {
    const { view, shard, longest } = this;
    const { group, documents, begin } = shard;
    const { queries, docs, stride } = view;
    // NaN stands for padding. Halves travel as the whole numbers that they are stored as.
    const own = new Float64Array(queries * longest).fill(NaN);
    for (let b = 0; b < queries; b++) {
      for (let i = 0; i < docs; i++) {
        if (view.labels[b * stride + i] !== 255) own[b * longest + i] = view.student[b * stride + i];
      }
    }
    const parts = ranksOf(group.gather(own), group.size);
    const lengths = ranksOf(group.gather(Float64Array.of(docs)), group.size);
    const Scores = view.studentType === NativeType.float32 ? Float32Array : Uint16Array;
    const scores = new Scores(queries * documents);
    const labels = new Uint8Array(queries * documents);
    for (let b = 0; b < queries; b++) {
      let at = b * documents;
      parts.forEach((part, rank) => {
        for (let i = 0; i < lengths[rank][0]; i++, at++) {
          const score = part[b * longest + i];
          scores[at] = score;
          // A score that is NaN makes its query NaN, whatever its rank.
          if (Number.isNaN(score)) labels[at] = 255;
        }
      });
    }
    const all = new Uint32Array(queries * documents);
    const scalars = newScalars();
    check(
      native.ranks(scores, view.studentType, labels, queries, documents, documents, null, all, scalars),
      scalars,
    );
    const ranks = new Uint32Array(Math.max(0, (queries - 1) * stride + docs)).fill(1);
    for (let b = 0; b < queries; b++) {
      for (let i = 0; i < docs; i++) ranks[b * stride + i] = all[b * documents + begin + i] || 1;
    }
    view.ranks = ranks;
  }
}

/** Throws, on every rank, where the parts of the ranks do not make up whole lists. */
function checkTiles(all: readonly Float64Array[]): void {
  const [, , documents, queries] = all[0];
  let end = 0;
  all.forEach(([begin, length, whole, rows], rank) => {
    const wrong =
      whole !== documents
        ? `rank ${rank} says that the lists have ${whole} documents, and rank 0 ${documents}`
        : rows !== queries
          ? `rank ${rank} prepares ${rows} queries, and rank 0 ${queries}`
          : begin !== end
            ? `rank ${rank}'s documents begin at ${begin}, and those before it end at ${end}`
            : '';
    if (wrong !== '') throw new CklRangeError('ERR_CKL_GROUP', `the ranks' shards do not fit: ${wrong}`);
    end += length;
  });
  if (end === documents) return;
  throw new CklRangeError(
    'ERR_CKL_GROUP',
    `the ranks' shards do not fit: they have ${end} documents together, and the lists ${documents}`,
  );
}

const enum Head {
  failed = 0,
  queries = 1,
  fresh = 2,
  weights = 3,
}

/** Throws where a rank refused its batch, or where the ranks run different queries. */
function agree(heads: readonly Float64Array[]): void {
  const failed = heads.findIndex((head) => head[Head.failed] !== 0);
  if (failed >= 0) throw refused(failed);
  const [first] = heads;
  const other = heads.findIndex((head) => head.some((value, k) => value !== first[k]));
  if (other < 0) return;
  const wrong =
    heads[other][Head.queries] !== first[Head.queries]
      ? `rank ${other} has ${heads[other][Head.queries]} queries, and rank 0 ${first[Head.queries]}`
      : heads[other][Head.weights] !== first[Head.weights]
        ? `the weights of rank ${other} are not those of rank 0`
        : `ranks or beta are given on rank ${heads[other][Head.fresh] === 1 ? 0 : other} and not on rank ${heads[other][Head.fresh] === 1 ? other : 0}`;
  throw new CklRangeError('ERR_CKL_GROUP', `the ranks run different batches: ${wrong}`);
}

/** Tells weights from others: FNV-1a over their words. */
function digest(weights: Float32Array | null): number {
  if (weights === null) return -1;
  let hash = 0x811c9dc5;
  for (const word of new Uint32Array(weights.slice().buffer)) hash = Math.imul(hash ^ word, 0x01000193);
  return hash >>> 0;
}
