// Looks up runs of letters and digits by their characters, without creating a string for each: a text has
// dozens, a corpus billions.

/** Maximum number of remembered runs; if there are more, the table is cleared. */
const MOST_RUNS = 1 << 20;
const RUNS_FIRST = 1 << 11;
const BYTES_FIRST = 1 << 16;

/** The lower-case form of an ASCII letter or digit, 0 for any other character of ASCII. */
const LOWER = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(character) ? character.charCodeAt(0) : 0;
});

/** A slot: hash, first byte, length (0: free) and value of a run, together in one cache line. */
const [HASH, FIRST, SIZE, VALUE, FIELDS] = [0, 1, 2, 3, 4];

export class RunTable {
  /** Two per run, a power of two. */
  private slots = new Int32Array(2 * FIELDS * RUNS_FIRST);
  private bytes = new Uint8Array(BYTES_FIRST);
  private end = 0;
  private count = 0;
  /** The run that is looked at, in lower case. */
  private run = new Uint8Array(64);

  /**
   * Passes on the value of each run of a text, in order.
   *
   * @param text of ASCII characters alone
   * @param take is given each value
   * @param valueOf finds the value of a run that is not known
   */
  scan(text: string, take: (value: number) => void, valueOf: (run: string) => number): void {
    const { length } = text;
    for (let i = 0; i < length;) {
      let size = 0;
      let hash = 0x811c9dc5;
      for (; i < length; i++) {
        const lower = LOWER[text.charCodeAt(i)];
        if (lower === 0) break;
        if (size === this.run.length) this.run = twice(this.run);
        this.run[size++] = lower;
        hash = Math.imul(hash ^ lower, 0x01000193);
      }
      i++;
      if (size > 0) take(this.valueOf(size, hash, valueOf));
    }
  }

  private valueOf(size: number, hash: number, valueOf: (run: string) => number): number {
    const { slots, bytes, run } = this;
    const mask = slots.length - 1;
    let slot = slotOf(hash) & mask;
    for (; slots[slot + SIZE] > 0; slot = (slot + FIELDS) & mask) {
      if (slots[slot + HASH] !== hash || slots[slot + SIZE] !== size) continue;
      const first = slots[slot + FIRST];
      let i = 0;
      while (i < size && bytes[first + i] === run[i]) i++;
      if (i === size) return slots[slot + VALUE];
    }
    const value = valueOf(Buffer.from(run.buffer).toString('latin1', 0, size));
    if (this.count === MOST_RUNS) {
      slots.fill(0);
      this.count = this.end = 0;
      slot = slotOf(hash) & mask;
    }
    while (this.end + size > this.bytes.length) this.bytes = twice(this.bytes);
    this.bytes.set(run.subarray(0, size), this.end);
    slots.set([hash, this.end, size, value], slot);
    this.end += size;
    this.count++;
    if (this.count < MOST_RUNS && 2 * FIELDS * this.count === slots.length) this.grow();
    return value;
  }

  private grow(): void {
    const slots = new Int32Array(4 * this.slots.length);
    const mask = slots.length - 1;
    for (let at = 0; at < this.slots.length; at += FIELDS) {
      if (this.slots[at + SIZE] === 0) continue;
      let slot = slotOf(this.slots[at + HASH]) & mask;
      while (slots[slot + SIZE] > 0) slot = (slot + FIELDS) & mask;
      slots.set(this.slots.subarray(at, at + FIELDS), slot);
    }
    this.slots = slots;
  }
}

/** Where a run's slot begins, before the table's size is taken into account. The low bits of FNV's hash depend on those of the characters alone. */
const slotOf = (hash: number): number => FIELDS * (hash ^ (hash >>> 15));

function twice(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(2 * bytes.length);
  out.set(bytes);
  return out;
}
