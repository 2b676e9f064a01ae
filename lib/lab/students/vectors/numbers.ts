// Numbers of a binary file, little-endian, read in parts and made float32.
import type { FileHandle } from 'node:fs/promises';

/** How each element type is read. */
const TYPES = {
  float64: { bytes: 8, read: (view: DataView, at: number) => view.getFloat64(at, true) },
  float32: { bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at, true) },
  float16: { bytes: 2, read: (view: DataView, at: number) => fromHalf(view.getUint16(at, true)) },
  bfloat16: { bytes: 2, read: (view: DataView, at: number) => fromBfloat(view.getUint16(at, true)) },
  int64: { bytes: 8, read: (view: DataView, at: number) => Number(view.getBigInt64(at, true)) },
  int32: { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) },
} as const;

export type NumberType = keyof typeof TYPES;

/** A matrix in a file: where its numbers begin, and what they are. */
export interface StoredMatrix {
  shape: readonly number[];
  type: NumberType;
  position: number;
}

export const bytesOf = (type: NumberType): number => TYPES[type].bytes;

/** Bytes of a file in memory at a time; a multiple of every element size. */
const PART_BYTES = 1 << 24;

/**
 * Reads numbers from a place of a file.
 *
 * @returns `out`, filled
 * @throws RangeError if the file ends too early
 */
export async function readNumbers<N extends Float32Array | Float64Array>(
  handle: FileHandle,
  position: number,
  type: NumberType,
  out: N,
): Promise<N> {
  const { bytes, read } = TYPES[type];
  const part = Buffer.alloc(Math.min(PART_BYTES, out.length * bytes));
  for (let done = 0; done < out.length;) {
    const count = Math.min(part.length / bytes, out.length - done);
    await readBytes(handle, part.subarray(0, count * bytes), position + done * bytes);
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
    for (let i = 0; i < count; i++) out[done + i] = read(view, i * bytes);
    done += count;
  }
  return out;
}

/** @throws RangeError if the file ends too early */
export async function readBytes(handle: FileHandle, into: Buffer, position: number): Promise<Buffer> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new RangeError(`the file ends at byte ${position + done}`);
    done += bytesRead;
  }
  return into;
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

const bits = new DataView(new ArrayBuffer(4));

function fromBfloat(half: number): number {
  bits.setUint16(0, half);
  bits.setUint16(2, 0);
  return bits.getFloat32(0);
}
