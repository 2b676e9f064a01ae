// The option `shard`, which part of every list a rank has: what it excludes, and whether the parts of all
// ranks make up whole lists.
import { type Communicator, type Group, readGroup } from '../communicator.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { losses } from '../losses.js';
import type { NativePlanSpec } from '../native/native.js';

/** The part of every list that a rank has. */
export interface DocumentShard {
  /**
   * The ranks that share the lists. All must prepare and run the same loss, with the same queries and
   * weights.
   */
  group: Communicator;
  /**
   * Where this rank's documents begin in the whole lists: at 0 for rank 0, and where those of the previous
   * rank end for the others.
   */
  begin: number;
  /** The number of documents in the whole lists, padding included. */
  documents: number;
}

export interface ReadShard {
  readonly group: Group;
  readonly begin: number;
  readonly documents: number;
}

/**
 * Reads the option `shard`. Only a shard without a group is rejected here; `checkPlace` checks the rest, when
 * the other ranks can be told.
 */
export function readShard(value: unknown): ReadShard {
  if (typeof value !== 'object' || value === null) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `shard is ${describe(value)}; it must be { group, begin, documents }`,
    );
  }
  const { group, begin, documents } = value as DocumentShard;
  return { group: readGroup(group, 'shard.group'), begin, documents };
}

export function checkPlace(read: ReadShard): void {
  for (const name of ['begin', 'documents'] as const) {
    if (Number.isSafeInteger(read[name]) && read[name] >= 0) continue;
    throw new CklRangeError(
      'ERR_CKL_OPTION',
      `shard.${name} is ${describe(read[name])}; it must be a whole number, at least 0`,
    );
  }
}

/** Rejects losses and options that cannot be computed from parts of lists. */
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

/** Throws, on every rank, if the parts of the ranks do not make up whole lists. */
export function checkTiles(all: readonly Float64Array[]): void {
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
