// Ids as bytes, with codes in the order of first appearance: no string and no Map entry per id.
import { grown } from './grow.js';

/** Maximum total bytes of the ids of a table. */
const MOST_BYTES = 2 ** 32 - 1;
/** Slots are kept at most three quarters full. */
const FILL = 0.75;
const FEWEST_SLOTS = 256;

/** The FNV-1a hash of bytes, before {@link mixed}; parsers compute it byte by byte as they read. */
export const HASH_START = 0x811c9dc5 | 0;
export const HASH_FACTOR = 0x01000193;

/** Spreads an FNV hash over all bits: otherwise the low bits, which choose a slot, depend on few bytes. */
export function mixed(hash: number): number {
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 12;
  return hash >>> 0;
}

export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_START;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], HASH_FACTOR);
  return mixed(hash);
}

/** Of a query and one of its documents, by their codes. */
export const pairHash = (query: number, document: number): number =>
  mixed(Math.imul(query, HASH_FACTOR) ^ Math.imul(document, 0x9e3779b1));

/** Ids in one array of bytes, with a hash table of their codes 0, 1, 2, …: about 12 bytes per id, plus the id itself. */
export class ByteIds {
  private bytes = new Uint8Array(1024);
  /** Where each id begins; the next begins where it ends. */
  private starts = new Uint32Array(64);
  private hashes = new Uint32Array(64);
  /** Code + 1; 0 is free. */
  private slots = new Uint32Array(FEWEST_SLOTS);
  private ids = 0;
  /** The bitwise OR of all bytes: below 0x80, there is only ASCII. */
  private every = 0;
  private asBuffer = Buffer.from(this.bytes.buffer);

  get count(): number {
    return this.ids;
  }

  /** The code of an id, which is the old `count` if it is new. */
  intern(from: Uint8Array, start: number, end: number, hash = hashOf(from, start, end)): number {
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let found = this.slots[slot]; found !== 0; found = this.slots[(slot = (slot + 1) & mask)])
      if (this.hashes[found - 1] === hash && this.is(found - 1, from, start, end)) return found - 1;
    return this.append(from, start, end, hash, slot);
  }

  /** The code of an id, -1 if it is not there. */
  find(from: Uint8Array, start: number, end: number, hash = hashOf(from, start, end)): number {
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let found = this.slots[slot]; found !== 0; found = this.slots[(slot = (slot + 1) & mask)])
      if (this.hashes[found - 1] === hash && this.is(found - 1, from, start, end)) return found - 1;
    return -1;
  }

  /** As {@link intern}, for an id of another table. */
  internFrom(other: ByteIds, code: number): number {
    return this.intern(other.bytes, other.starts[code], other.starts[code + 1], other.hashes[code]);
  }

  /** The code of an id of another table, -1 if it is not there. */
  findIn(other: ByteIds, code: number): number {
    return this.find(other.bytes, other.starts[code], other.starts[code + 1], other.hashes[code]);
  }

  is(code: number, from: Uint8Array, start: number, end: number): boolean {
    const { bytes, starts } = this;
    const own = starts[code];
    if (starts[code + 1] - own !== end - start) return false;
    for (let i = own, j = start; j < end; i++, j++) if (bytes[i] !== from[j]) return false;
    return true;
  }

  /** Orders two ids byte by byte, as C's strcmp does. */
  compare(a: number, b: number): number {
    const { bytes, starts } = this;
    let [i, j] = [starts[a], starts[b]];
    const [aEnd, bEnd] = [starts[a + 1], starts[b + 1]];
    for (; i < aEnd && j < bEnd; i++, j++) if (bytes[i] !== bytes[j]) return bytes[i] - bytes[j];
    return aEnd - i - (bEnd - j);
  }

  /** The value of an id that is an integer below 2³¹ in JavaScript's notation; -1 for any other id. */
  wholeNumber(code: number): number {
    const { bytes, starts } = this;
    const [start, end] = [starts[code], starts[code + 1]];
    if (end === start || end - start > 10 || (bytes[start] === 0x30 && end - start > 1)) return -1;
    let value = 0;
    for (let i = start; i < end; i++) {
      const digit = bytes[i] - 0x30;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value < 2 ** 31 ? value : -1;
  }

  /** A view of the bytes of an id, until another one is added. */
  bytesOf(code: number): Uint8Array {
    return this.bytes.subarray(this.starts[code], this.starts[code + 1]);
  }

  /**
   * The bytes of all ids, until another one is added: creating a view for each would take as long as reading
   * a line.
   */
  get all(): Uint8Array {
    return this.bytes;
  }

  /** Where an id begins in {@link all}. */
  startOf(code: number): number {
    return this.starts[code];
  }

  /** Where an id ends in {@link all}. */
  endOf(code: number): number {
    return this.starts[code + 1];
  }

  /** The hash of an id, as {@link hashOf} has it. */
  hashAt(code: number): number {
    return this.hashes[code];
  }

  copyTo(out: { copy(from: Uint8Array, start: number, end: number): void }, code: number): void {
    out.copy(this.bytes, this.starts[code], this.starts[code + 1]);
  }

  text(code: number): string {
    const [start, end] = [this.starts[code], this.starts[code + 1]];
    if (this.every >= 0x80) return decodeId(this.bytes.subarray(start, end));
    if (this.asBuffer.buffer !== this.bytes.buffer) this.asBuffer = Buffer.from(this.bytes.buffer);
    return this.asBuffer.toString('latin1', start, end);
  }

  /** Removes all ids; keeps the memory unless it is far more than was recently needed. */
  clear(): void {
    if (this.slots.length > Math.max(FEWEST_SLOTS, 16 * this.ids))
      this.slots = new Uint32Array(this.slots.length >> 1);
    else this.slots.fill(0);
    this.ids = 0;
  }

  private append(from: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const code = this.ids;
    const first = this.starts[code];
    const last = first + (end - start);
    if (last > MOST_BYTES)
      throw new RangeError(`ids of at most ${MOST_BYTES} bytes together; shorter ids are needed for more`);
    if (last > this.bytes.length) this.bytes = grown(this.bytes, last);
    if (code + 2 > this.starts.length) {
      this.starts = grown(this.starts, code + 2);
      this.hashes = grown(this.hashes, code + 2);
    }
    const { bytes } = this;
    let every = 0;
    for (let i = first, j = start; j < end; i++, j++) every |= bytes[i] = from[j];
    this.every |= every;
    this.starts[code + 1] = last;
    this.hashes[code] = hash;
    this.slots[slot] = code + 1;
    this.ids = code + 1;
    if (this.ids > FILL * this.slots.length) this.spread();
    return code;
  }

  private spread(): void {
    const slots = new Uint32Array(2 * this.slots.length);
    const mask = slots.length - 1;
    for (let code = 0; code < this.ids; code++) {
      let slot = this.hashes[code] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = code + 1;
    }
    this.slots = slots;
  }
}

/** The bytes of a query's and a document's id, one after the other. */
export function encodeIds(qid: string, docid = ''): { bytes: Buffer; middle: number } {
  const [query, document] = [encodeId(qid), encodeId(docid)];
  return { bytes: Buffer.concat([query, document]), middle: query.length };
}

const SURROGATE = /[\ud800-\udfff]/u;

/**
 * The UTF-8 bytes of an id. Half a surrogate pair, which JSON can contain, is encoded as UTF-8 would encode
 * its number, so that ids stay distinct.
 */
function encodeId(id: string): Buffer {
  if (!SURROGATE.test(id)) return Buffer.from(id);
  const parts = Array.from(id, (character) => {
    const code = character.charCodeAt(0);
    return SURROGATE.test(character)
      ? Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)])
      : Buffer.from(character);
  });
  return Buffer.concat(parts);
}

/** What {@link encodeId} encoded. */
export function decodeId(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  let from = 0;
  for (let i = buffer.indexOf(0xed); i >= 0; i = buffer.indexOf(0xed, i + 1)) {
    // ED A0 .. ED BF begin no character of UTF-8.
    if (buffer[i + 1] < 0xa0) continue;
    text += buffer.toString('utf8', from, i);
    text += String.fromCharCode(0xd000 | ((buffer[i + 1] & 0x3f) << 6) | (buffer[i + 2] & 0x3f));
    from = i + 3;
  }
  return text + buffer.toString('utf8', from);
}
