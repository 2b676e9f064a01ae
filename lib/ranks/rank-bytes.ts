// The binary saved form of a rank tracker: a JSON header, then little-endian typed arrays; about 4 bytes per
// listed document.
import { describe } from '../describe.js';
import { isUint8 } from '../loss/arrays.js';
import { isObject } from '../loss/intrinsics.js';
import type { RankStore } from './rank-store.js';
import { bad } from './rank-state.js';

/** The first bytes of the format. */
const MAGIC = 'ckl-loss/ranks/2';
const HEAD_BYTES = MAGIC.length + 8;
/** Codes from here on are names of the table. */
const FIRST_NAME = 2 ** 31;

/** The options and counts of a tracker. */
export interface Head {
  every: number;
  depth: number;
  unlisted: 'infinity' | 'next';
  unseen: 'current' | 'error';
  batches: number;
  refreshedAt: number | null;
}

interface Counts {
  queries: number;
  documents: number;
  /** Rankings whose ranks are not 1, 2, 3, …, and all documents of these. */
  tied: number;
  tiedDocuments: number;
  names: number;
  /** Of all names together, and of one unit. */
  nameUnits: number;
  unitBytes: 1 | 2;
}

type Packed = ReturnType<RankStore['packed']>;

/** @param names of ids that are no whole numbers below 2³¹, by code from there on */
export function toBytes(
  head: Head,
  { queries, lengths, documents, ranks }: Packed,
  names: readonly string[],
): Uint8Array {
  const tied: number[] = [];
  let tiedDocuments = 0;
  for (let q = 0, from = 0; q < queries.length; from += lengths[q++]) {
    if (isCounting(ranks, from, lengths[q])) continue;
    tied.push(q);
    tiedDocuments += lengths[q];
  }
  let nameUnits = 0;
  let wide = false;
  for (const name of names) {
    nameUnits += name.length;

    wide ||= !/^[\0-\xff]*$/.test(name);
  }
  const counts: Counts = {
    queries: queries.length,
    documents: documents.length,
    tied: tied.length,
    tiedDocuments,
    names: names.length,
    nameUnits,
    unitBytes: wide ? 2 : 1,
  };
  const json = Buffer.from(JSON.stringify({ ...head, ...counts }));
  const parts = [
    queries,
    lengths,
    documents,
    Uint32Array.from(tied),
    Uint32Array.from(names, (name) => name.length),
    tiedRanks(tied, lengths, ranks, tiedDocuments),
  ];
  const body = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const bytes = Buffer.alloc(HEAD_BYTES + json.length + body + nameUnits * counts.unitBytes);
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(json.length, MAGIC.length);
  json.copy(bytes, HEAD_BYTES);
  let at = HEAD_BYTES + json.length;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  for (const name of names) at += bytes.write(name, at, wide ? 'utf16le' : 'latin1');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** @throws RangeError (ERR_CKL_TRACKER) for bytes that are not a complete state */
export function fromBytes(given: unknown): { head: Head; packed: Packed; names: string[] } {
  if (!isUint8(given)) throw bad(`it is ${describe(given)}, not the Uint8Array that toBytes returned`);
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  if (bytes.length < HEAD_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw bad(`it does not begin with ${describe(MAGIC)}`);
  const { head, counts, from } = readHead(bytes);
  const { queries: q, documents: d, tied: t, tiedDocuments, names: n, nameUnits, unitBytes } = counts;
  const whole = from + 4 * (2 * q + d + t + n) + 2 * tiedDocuments + nameUnits * unitBytes;
  if (bytes.length !== whole) throw bad(`it has ${bytes.length} bytes of ${whole}`);
  let at = from;
  const take = <T extends Uint32Array | Uint16Array>(Made: new (length: number) => T, length: number): T => {
    const array = new Made(length);
    const part = new Uint8Array(array.buffer);
    part.set(bytes.subarray(at, at + part.length));
    at += part.length;
    return array;
  };
  const [queries, lengths, documents] = [take(Uint32Array, q), take(Uint32Array, q), take(Uint32Array, d)];
  const [tied, nameLengths, tiedOnes] = [
    take(Uint32Array, t),
    take(Uint32Array, n),
    take(Uint16Array, tiedDocuments),
  ];
  const names = Array.from(nameLengths, (length) =>
    bytes.toString(unitBytes === 2 ? 'utf16le' : 'latin1', at, (at += length * unitBytes)),
  );
  if (at !== whole) throw bad('its names do not fit');
  if (sum(lengths) !== d) throw bad('the lengths of its rankings do not add up to its documents');
  checkCodes(queries, n);
  checkCodes(documents, n);
  const ranks = ranksOf(lengths, tied, tiedOnes, d, head.depth);
  return { head, packed: { queries, lengths, documents, ranks }, names };
}

function readHead(bytes: Buffer): { head: Head; counts: Counts; from: number } {
  const from = HEAD_BYTES + bytes.readUInt32LE(MAGIC.length);
  let read: Head & Counts;
  try {
    read = JSON.parse(bytes.toString('utf8', HEAD_BYTES, from)) as Head & Counts;
  } catch {
    throw bad('its head is no JSON');
  }
  if (!isObject(read)) throw bad('its head is no object');
  const { every, depth, unlisted, unseen, batches, refreshedAt, ...counts } = read;
  const { queries, documents, tied, tiedDocuments, names, nameUnits, unitBytes } = counts;
  const whole = [queries, documents, tied, tiedDocuments, names, nameUnits, batches, refreshedAt ?? 0];
  if (!whole.every((count) => Number.isSafeInteger(count) && count >= 0) || ![1, 2].includes(unitBytes))
    throw bad('its head lacks a count');
  if (refreshedAt !== null && refreshedAt > batches) throw bad(`refreshedAt is ${describe(refreshedAt)}`);
  return { head: { every, depth, unlisted, unseen, batches, refreshedAt }, counts, from };
}

/** Whether ranks are 1, 2, 3, …, which is the case without ties. */
function isCounting(ranks: Uint16Array, from: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (ranks[from + i] !== i + 1) return false;
  return true;
}

function tiedRanks(
  tied: readonly number[],
  lengths: Uint32Array,
  ranks: Uint16Array,
  count: number,
): Uint16Array {
  const all = new Uint16Array(count);
  let [next, to] = [0, 0];
  for (let q = 0, from = 0; q < lengths.length; from += lengths[q++]) {
    if (tied[next] !== q) continue;
    next++;
    all.set(ranks.subarray(from, from + lengths[q]), to);
    to += lengths[q];
  }
  return all;
}

function ranksOf(
  lengths: Uint32Array,
  tied: Uint32Array,
  tiedOnes: Uint16Array,
  count: number,
  depth: number,
): Uint16Array {
  const ranks = new Uint16Array(count);
  let [next, taken, from] = [0, 0, 0];
  for (let q = 0; q < lengths.length; q++) {
    const length = lengths[q];
    if (tied[next] === q) {
      next++;
      for (let i = 0; i < length; i++) ranks[from + i] = checkedRank(tiedOnes[taken++], depth);
    } else {
      if (length > depth) checkedRank(depth + 1, depth);
      for (let i = 0; i < length; i++) ranks[from + i] = i + 1;
    }
    from += length;
  }
  if (next !== tied.length || taken !== tiedOnes.length) throw bad('its tied ranks do not fit');
  return ranks;
}

function checkedRank(rank: number, depth: number): number {
  if (rank >= 1 && rank <= depth) return rank;
  throw bad(`a rank is ${describe(rank)}, not 1 to ${describe(depth)}`);
}

function checkCodes(codes: Uint32Array, names: number): void {
  // Codes of names have the highest bit set, so that their absence is detected without comparing each.
  const signed = new Int32Array(codes.buffer, codes.byteOffset, codes.length);
  let every = 0;
  for (let i = 0; i < signed.length; i++) every |= signed[i];
  if (every >= 0) return;
  for (let i = 0; i < codes.length; i++) if (codes[i] >= FIRST_NAME + names) throw bad('an id has no name');
}

const sum = (lengths: Uint32Array): number => lengths.reduce((all, length) => all + length, 0);
