// The ids of a large file in compact memory: their bytes one after the other, with a hash table, where a Set of strings takes ten times the room.
import { BadLine } from './errors.js';

const SPACE_FIRST = 1 << 16;
const IDS_FIRST = 1 << 10;
/** The start of an id is a 32-bit integer. */
const MOST_BYTES = 2 ** 32 - 1;
/** The first byte of an id: how its characters are encoded. */
const [ONE_BYTE, TWO_BYTES] = [0, 1];
/** Minimum number of hash slots per id; a slot holds a place + 1, or 0 if it is free. */
const SLOTS_PER_ID = 1.5;

/** The memory of a list, which threads can share. */
export interface SharedIds {
  length: number;
  bytes: Uint8Array;
  starts: Uint32Array;
  slots: Uint32Array;
}

/** Different ids in the order in which they came, each with its place from 0; about 20 bytes per id of 8 characters. */
export class IdList implements Iterable<string> {
  private count = 0;
  private bytes: Uint8Array = new Uint8Array(new SharedArrayBuffer(SPACE_FIRST));
  /** Where each id's bytes begin, and where the last one's end. */
  private starts: Uint32Array = new Uint32Array(new SharedArrayBuffer(4 * (IDS_FIRST + 1)));
  private slots: Uint32Array = new Uint32Array(new SharedArrayBuffer(8 * IDS_FIRST));

  /** A list that shares the memory of another; it is only read. */
  static of({ length, bytes, starts, slots }: SharedIds): IdList {
    const list = new IdList();
    [list.count, list.bytes, list.starts, list.slots] = [length, bytes, starts, slots];
    return list;
  }

  get length(): number {
    return this.count;
  }

  /** The memory itself, for another thread's {@link IdList.of}. */
  get shared(): SharedIds {
    const { count, bytes, starts, slots } = this;
    return { length: count, bytes, starts, slots };
  }

  /**
   * @returns whether the id is new
   * @throws BadLine if ids would take more than 4 GiB
   */
  add(id: string): boolean {
    const slot = this.slotOf(id);
    if (this.slots[slot] > 0) return false;
    this.append(id);
    this.slots[slot] = this.count;
    if (SLOTS_PER_ID * this.count > this.slots.length) this.rehash();
    return true;
  }

  /** The place of an id, -1 if it is not there. */
  placeOf(id: string): number {
    return this.slots[this.slotOf(id)] - 1;
  }

  has(id: string): boolean {
    return this.placeOf(id) >= 0;
  }

  at(place: number): string | undefined {
    if (place < 0 || place >= this.count) return undefined;
    const { bytes, starts } = this;
    let text = '';
    const [first, end] = [starts[place] + 1, starts[place + 1]];
    const width = bytes[first - 1] === ONE_BYTE ? 1 : 2;
    for (let i = first; i < end; i += width)
      text += String.fromCharCode(width === 1 ? bytes[i] : bytes[i] | (bytes[i + 1] << 8));
    return text;
  }

  slice(first = 0, end = this.count): string[] {
    const out: string[] = [];
    for (let place = first; place < Math.min(end, this.count); place++) out.push(this.at(place)!);
    return out;
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let place = 0; place < this.count; place++) yield this.at(place)!;
  }

  /** The slot of the id in the table, or the slot where it would go. */
  private slotOf(id: string): number {
    const mask = this.slots.length - 1;
    let slot = hashOf(id) & mask;
    while (this.slots[slot] > 0 && !this.isAt(this.slots[slot] - 1, id)) slot = (slot + 1) & mask;
    return slot;
  }

  private isAt(place: number, id: string): boolean {
    const { bytes, starts } = this;
    const first = starts[place] + 1;
    const width = bytes[first - 1] === ONE_BYTE ? 1 : 2;
    if (starts[place + 1] - first !== width * id.length) return false;
    for (let i = 0, at = first; i < id.length; i++, at += width) {
      const code = width === 1 ? bytes[at] : bytes[at] | (bytes[at + 1] << 8);
      if (code !== id.charCodeAt(i)) return false;
    }
    return true;
  }

  private append(id: string): void {
    let widest = 0;
    for (let i = 0; i < id.length; i++) widest |= id.charCodeAt(i);
    const width = widest < 256 ? 1 : 2;
    const first = this.starts[this.count];
    const end = first + 1 + width * id.length;
    if (end > MOST_BYTES) throw new BadLine(`ids of at most ${MOST_BYTES} bytes together`, 'more');
    if (end > this.bytes.length) {
      const more = new Uint8Array(new SharedArrayBuffer(Math.min(MOST_BYTES, Math.ceil(1.5 * end))));
      more.set(this.bytes.subarray(0, first));
      this.bytes = more;
    }
    if (this.count + 2 > this.starts.length) {
      const more = new Uint32Array(new SharedArrayBuffer(4 * Math.ceil(1.5 * this.starts.length)));
      more.set(this.starts);
      this.starts = more;
    }
    const { bytes } = this;
    bytes[first] = width === 1 ? ONE_BYTE : TWO_BYTES;
    for (let i = 0, at = first + 1; i < id.length; i++, at += width) {
      const code = id.charCodeAt(i);
      bytes[at] = code & 255;
      if (width === 2) bytes[at + 1] = code >> 8;
    }
    this.starts[++this.count] = end;
  }

  private rehash(): void {
    const slots = new Uint32Array(new SharedArrayBuffer(8 * this.slots.length));
    const mask = slots.length - 1;
    for (let place = 0; place < this.count; place++) {
      let slot = hashOf(this.at(place)!) & mask;
      while (slots[slot] > 0) slot = (slot + 1) & mask;
      slots[slot] = place + 1;
    }
    this.slots = slots;
  }
}

/** FNV-1a over the characters, with its bits mixed once more: ids are mostly consecutive numbers. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
