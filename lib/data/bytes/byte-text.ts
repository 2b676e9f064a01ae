// Writes text as bytes: ids are copied, and common numbers are written digit by digit, exactly as JavaScript
// does.
import { grown } from './grow.js';

const [ZERO, MINUS, POINT] = [0x30, 0x2d, 0x2e];
/** Numbers with up to so many digits after the point are written here; their digits before it are an int32. */
const DECIMALS = 6;
const UNITS = 10 ** DECIMALS;
const MOST_WHOLE = 1e9;
/** Any longer number takes String(): a double does not hold all of them exactly. */
const MOST_SCALED = 1e15;
const START_BYTES = 1 << 19;

export class ByteText {
  private bytes = Buffer.allocUnsafe(START_BYTES);
  private end = 0;
  private readonly digits = new Uint8Array(10);

  get length(): number {
    return this.end;
  }

  /** The bytes written since the last call, which the caller then owns. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.end);
    this.bytes = Buffer.allocUnsafe(START_BYTES);
    this.end = 0;
    return taken;
  }

  byte(byte: number): void {
    this.room(1);
    this.bytes[this.end++] = byte;
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.room(end - start);
    const { bytes } = this;
    let at = this.end;
    for (let i = start; i < end; i++) bytes[at++] = from[i];
    this.end = at;
  }

  text(text: string): void {
    this.room(Buffer.byteLength(text));
    this.end += this.bytes.write(text, this.end);
  }

  /** A finite number, as String() and JSON.stringify() write it. */
  number(value: number): void {
    this.room(32);
    let size = value;
    if (value < 0) {
      size = -value;
      this.bytes[this.end] = MINUS;
    }
    const sign = value < 0 ? 1 : 0;
    if (size < MOST_WHOLE) {
      const whole = Math.floor(size);
      if (whole === size) {
        this.end += sign;
        return this.whole(whole);
      }
      const scaled = Math.round(size * UNITS);
      // The nearest double to these few digits is this number, so no shorter text represents it, and
      // JavaScript writes these digits.
      if (scaled < MOST_SCALED && scaled >= 1 && scaled / UNITS === size) {
        this.end += sign;
        const before = Math.floor(scaled / UNITS);
        this.whole(before);
        return this.fraction(scaled - before * UNITS);
      }
    }
    this.end += this.bytes.write(String(value), this.end);
  }

  /** @param value below 10⁹ */
  private whole(value: number): void {
    const { digits, bytes } = this;
    let rest = value | 0;
    let count = 0;
    do {
      const tenth = (rest / 10) | 0;
      digits[count++] = ZERO + rest - 10 * tenth;
      rest = tenth;
    } while (rest > 0);
    while (count > 0) bytes[this.end++] = digits[--count];
  }

  /** The point and the digits after it, without zeros at the end. @param value in units of the last digit */
  private fraction(value: number): void {
    const { bytes } = this;
    const point = this.end;
    bytes[point] = POINT;
    let rest = value | 0;
    let last = 0;
    for (let i = DECIMALS; i > 0; i--) {
      const tenth = (rest / 10) | 0;
      const digit = rest - 10 * tenth;
      if (last === 0 && digit > 0) last = i;
      bytes[point + i] = ZERO + digit;
      rest = tenth;
    }
    this.end = point + last + 1;
  }

  private room(more: number): void {
    if (this.end + more <= this.bytes.length) return;
    const { buffer, byteOffset, length } = this.bytes;
    const old = new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
    const longer = grown(old, this.end + more);
    this.bytes = Buffer.from(longer.buffer, 0, longer.length);
  }
}
