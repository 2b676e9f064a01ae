// Keeps the id of the previous line as bytes, to compare it with the next line's.

export class HeldId {
  private held = new Uint8Array(64);
  /** -1: none is held yet. */
  private length = -1;

  is(bytes: Uint8Array, start: number, end: number): boolean {
    const { held } = this;
    if (end - start !== this.length) return false;
    for (let i = 0, j = start; j < end; i++, j++) if (held[i] !== bytes[j]) return false;
    return true;
  }

  /** Replaces the id with a copy of another. */
  hold(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > this.held.length) this.held = new Uint8Array(2 * length);
    for (let i = 0; i < length; i++) this.held[i] = bytes[start + i];
    this.length = length;
  }

  /** A view, until the next is held. */
  get bytes(): Uint8Array {
    return this.held.subarray(0, this.length);
  }
}
