// NumPy's file format: a header that describes the array, padded to 64 bytes, and its numbers.

/** The first bytes of every file. */
export const NPY_MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const VERSION_1 = Buffer.from([1, 0]);
const ALIGNED = 64;

/** The element types of vectors that are read. */
const TYPES = { '<f8': 'float64', '<f4': 'float32', '<f2': 'float16' } as const;

/**
 * The bytes of a float32 matrix as `numpy.load` reads them, version 1.0.
 *
 * @param values rows × columns
 */
export function formatNpy(values: Float32Array, rows: number, columns: number): Buffer {
  const description = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  // Magic, version, two bytes of length, the description and a line end.
  const used = NPY_MAGIC.length + VERSION_1.length + 2 + description.length + 1;
  const header = `${description}${' '.repeat((ALIGNED - (used % ALIGNED)) % ALIGNED)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([
    NPY_MAGIC,
    VERSION_1,
    length,
    Buffer.from(header, 'latin1'),
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  ]);
}

/**
 * Parses a header of version 1.0, 2.0 or 3.0 of an array of real numbers in C order.
 *
 * @param head the first bytes of the file
 * @returns the array, or what was expected instead
 */
export function parseNpyHeader(
  head: Buffer,
): { shape: number[]; type: (typeof TYPES)[keyof typeof TYPES]; position: number } | string {
  const isLong = head[NPY_MAGIC.length] >= 2;
  const start = NPY_MAGIC.length + VERSION_1.length + (isLong ? 4 : 2);
  if (head.length < start) return 'the header of a NumPy file';
  const length = isLong ? head.readUInt32LE(start - 4) : head.readUInt16LE(start - 2);
  if (start + length > head.length) return 'a NumPy array without fields';
  const text = head.toString('latin1', start, start + length);
  const type = /'descr':\s*'([^']*)'/.exec(text)?.[1] ?? '';
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (order === undefined || shape === undefined) return 'the header of a NumPy file';
  if (!Object.hasOwn(TYPES, type))
    return `a NumPy array of float32, float64 or float16, little-endian (not ${JSON.stringify(type)})`;
  if (order === 'True') return 'a NumPy array in C order (numpy.ascontiguousarray makes one)';
  const sides = shape.split(',').filter((side) => side.trim() !== '');
  return { shape: sides.map(Number), type: TYPES[type as keyof typeof TYPES], position: start + length };
}
