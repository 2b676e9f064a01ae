// Parses decimal numbers from bytes: the same value as Number() of the text, or a mark that Number() is
// needed.

/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** Number of digits of an integer that are always exact in a double. */
const EXACT_DIGITS = 15;
/** A bound on the relative error of what {@link decimal} makes of more digits. */
const ERROR = 4e-15;

/** Returned for a text that is not a common number; never the value of a score. */
export const UNKNOWN = NaN;

/**
 * The value of a plain decimal number: an exact whole number times or over an exact power of ten, rounded once, is what Number() rounds to.
 *
 * @param single whether the nearest float32 is enough: then longer numbers are parsed, too, unless they are
 * close to the middle of two float32 values
 * @returns {@link UNKNOWN} if Number() is needed, or if it is not a number
 */
export function decimal(bytes: Uint8Array, start: number, end: number, single: boolean): number {
  let i = start;
  let c = bytes[i];
  const negative = c === 0x2d;
  if (negative || c === 0x2b) i++;
  let value = 0;
  let digits = 0;
  let power = 0;
  let any = false;
  for (; i < end && (c = bytes[i] - 0x30) >= 0 && c <= 9; i++) {
    any = true;
    if (digits < 19) {
      value = value * 10 + c;
      if (value > 0) digits++;
    } else power++;
  }
  if (i < end && bytes[i] === 0x2e) {
    i++;
    for (; i < end && (c = bytes[i] - 0x30) >= 0 && c <= 9; i++) {
      any = true;
      if (digits < 19) {
        value = value * 10 + c;
        if (value > 0) digits++;
        power--;
      }
    }
  }
  if (!any) return UNKNOWN;
  if (i < end) {
    if ((bytes[i] | 0x20) !== 0x65) return UNKNOWN;
    i++;
    const down = bytes[i] === 0x2d;
    if (down || bytes[i] === 0x2b) i++;
    if (i === end || end - i > 3) return UNKNOWN;
    let exponent = 0;
    for (; i < end && (c = bytes[i] - 0x30) >= 0 && c <= 9; i++) exponent = exponent * 10 + c;
    if (i < end) return UNKNOWN;
    power += down ? -exponent : exponent;
  }
  if (value === 0) return negative ? -0 : 0;
  if (power < -22 || power > 22) return UNKNOWN;
  const scaled = power < 0 ? value / POWERS[-power] : value * POWERS[power];
  if (digits > EXACT_DIGITS) {
    if (!single || scaled < 1e-30 || scaled > 1e30) return UNKNOWN;
    if (Math.fround(scaled * (1 - ERROR)) !== Math.fround(scaled * (1 + ERROR))) return UNKNOWN;
  }
  return negative ? -scaled : scaled;
}

/** A whole number of at most 15 digits and no sign; {@link UNKNOWN} for anything else. */
export function wholeNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > EXACT_DIGITS) return UNKNOWN;
  let value = 0;
  for (let i = start; i < end; i++) {
    const c = bytes[i] - 0x30;
    if (c < 0 || c > 9) return UNKNOWN;
    value = value * 10 + c;
  }
  return value;
}
