// Distributes NCCL's id, which rank 0 creates, to the ranks of a group of GPUs: over another group, or
// through a file.
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Group } from '../communicator.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';

const idBytes = 128;

/** Ranks that share only a file. */
export interface NcclFile {
  /** This process's number, 0 to `size - 1`. */
  readonly rank: number;
  readonly size: number;
  /**
   * A path that all ranks can access and that no other job uses. Rank 0 creates the file, and removes it when
   * all ranks have read it.
   */
  readonly file: string;
  /** How long a rank waits for the file, in milliseconds. Default 60,000. */
  readonly timeout?: number;
}

/** Reads `{ rank, size, file }`; null for anything else. */
export function readNcclFile(value: unknown): Required<NcclFile> | null {
  if (typeof value !== 'object' || value === null || !('file' in value) || 'allGather' in value) return null;
  const { rank, size, file, timeout = 60_000 } = value as NcclFile;
  const wrong = (name: string, found: unknown, needed: string): Error =>
    new CklRangeError('ERR_CKL_OPTION', `${name} is ${describe(found)}; it must be ${needed}`);
  if (!Number.isInteger(size) || size < 1) throw wrong('size', size, 'a whole number, at least 1');
  if (!Number.isInteger(rank) || rank < 0 || rank >= size) throw wrong('rank', rank, `0 to ${size - 1}`);
  if (typeof file !== 'string' || file === '') throw wrong('file', file, 'a path');
  if (!(typeof timeout === 'number' && timeout >= 0))
    throw wrong('timeout', timeout, 'a number of milliseconds');
  return { rank, size, file, timeout };
}

/** Exchanges the id through a file. `joined` is called when all ranks have it. */
export function idOverFile(
  { rank, file, timeout }: Required<NcclFile>,
  make: () => Uint8Array,
): { id: Uint8Array; joined: () => void } {
  if (rank > 0) return { id: readId(file, timeout), joined: () => {} };
  const id = make();
  // Written atomically: others read it as soon as it exists.
  const unfinished = `${file}.${process.pid}`;
  try {
    writeFileSync(unfinished, id);
    linkSync(unfinished, file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CklRangeError(
      'ERR_CKL_GROUP',
      code === 'EEXIST'
        ? `${file} exists already, from another job or from one that failed; delete it, or choose another path`
        : `${file} cannot be written: ${message}`,
    );
  } finally {
    rmSync(unfinished, { force: true });
  }
  return { id, joined: () => rmSync(file, { force: true }) };
}

function readId(file: string, timeout: number): Uint8Array {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const end = performance.now() + timeout;
  for (;;) {
    try {
      const id = readFileSync(file);
      if (id.length === idBytes) return new Uint8Array(id);
      throw new CklRangeError('ERR_CKL_GROUP', `${file} is not a file that rank 0 of nccl() wrote`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (performance.now() >= end) {
      throw new CklRangeError(
        'ERR_CKL_GROUP',
        `${file} did not appear within ${timeout} ms; rank 0 writes it`,
      );
    }
    Atomics.wait(clock, 0, 0, 10);
  }
}

/** The message of a rank: whether it failed, its version, and from rank 0 the id. */
const enum Told {
  failed = 0,
  version = 1,
  id = 4,
  size = 4 + idBytes / 8,
}

/**
 * Exchanges the id over a group. A rank that cannot open NCCL, or has no GPU, tells the others, which would
 * otherwise wait for it.
 */
export function idOverGroup<T extends { found: { version: string } }>(
  { rank, size, gather }: Group,
  open: () => T,
  make: () => Uint8Array,
): T & { id: Uint8Array } {
  const told = new Float64Array(Told.size);
  let opened!: T;
  let failure: { error: unknown } | null = null;
  try {
    opened = open();
    told.set(opened.found.version.split('.').map(Number), Told.version);
    if (rank === 0) new Uint8Array(told.buffer).set(make(), 8 * Told.id);
  } catch (error) {
    failure = { error };
    told[Told.failed] = 1;
  }
  const all = gather(told);
  if (failure !== null) throw failure.error;
  const of = (other: number) => all.subarray(other * Told.size, (other + 1) * Told.size);
  const version = (other: number) => [...of(other).subarray(Told.version, Told.id)].join('.');
  for (let other = 0; other < size; other++) {
    if (of(other)[Told.failed] !== 0) {
      throw new CklTypeError('ERR_CKL_GROUP', `NCCL cannot be used on rank ${other}, which says why`);
    }
    if (version(other) === version(0)) continue;
    throw new CklTypeError(
      'ERR_CKL_GROUP',
      `rank ${other} has NCCL ${version(other)} and rank 0 ${version(0)}; all need the same version`,
    );
  }
  return { ...opened, id: new Uint8Array(of(0).slice(Told.id).buffer) };
}
