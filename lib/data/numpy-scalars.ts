// NumPy's number types: their sizes in bytes, and how to read them.

/** Size in bytes, and the value of these bytes. */
export type Scalar = readonly [
  size: number,
  read: (view: DataView, littleEndian: boolean) => number | bigint,
];

/** Whole numbers of 8 bytes, exact. */
const whole = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

/** The value of a float16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

export const SCALARS: Readonly<Record<string, Scalar>> = {
  f2: [2, (view, little) => half(view.getUint16(0, little))],
  f4: [4, (view, little) => view.getFloat32(0, little)],
  f8: [8, (view, little) => view.getFloat64(0, little)],
  i1: [1, (view) => view.getInt8(0)],
  i2: [2, (view, little) => view.getInt16(0, little)],
  i4: [4, (view, little) => view.getInt32(0, little)],
  i8: [8, (view, little) => whole(view.getBigInt64(0, little))],
  u1: [1, (view) => view.getUint8(0)],
  u2: [2, (view, little) => view.getUint16(0, little)],
  u4: [4, (view, little) => view.getUint32(0, little)],
  u8: [8, (view, little) => whole(view.getBigUint64(0, little))],
};
