// NumPy's file format, version 1.0: a header that describes the array, padded to 64 bytes, and its numbers.

const MAGIC = '\x93NUMPY\x01\x00';
const ALIGNED = 64;

/**
 * The bytes of a float32 matrix as `numpy.load` reads them.
 *
 * @param values rows × columns
 */
export function formatNpy(values: Float32Array, rows: number, columns: number): Buffer {
  const description = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  // Magic, two bytes of length, the description and a line end.
  const used = MAGIC.length + 2 + description.length + 1;
  const header = `${description}${' '.repeat((ALIGNED - (used % ALIGNED)) % ALIGNED)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    length,
    Buffer.from(header, 'latin1'),
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  ]);
}
