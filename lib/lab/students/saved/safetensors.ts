// The safetensors format: eight bytes with the length of a JSON header, the header, and the numbers of all
// tensors without gaps.
import * as p from '../../parse.js';

/** The element types that students have. */
export type TensorNumbers = Float32Array | Float64Array | Int32Array;

export interface Tensor {
  shape: number[];
  numbers: TensorNumbers;
}

const TYPES = { F32: Float32Array, F64: Float64Array, I32: Int32Array } as const;
type TypeName = keyof typeof TYPES;
const TYPE_NAMES = Object.keys(TYPES) as TypeName[];

const LENGTH_BYTES = 8;
/** Numbers begin at a multiple of this, for programs that map the file into memory. */
const ALIGNED = 8;

const typeOf = (numbers: TensorNumbers): TypeName =>
  TYPE_NAMES.find((name) => numbers instanceof TYPES[name])!;

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

/** The bytes of a file; the widest numbers come first, so that all are aligned. */
export function formatTensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const sorted = Object.entries(tensors).sort(
    ([a, { numbers: x }], [b, { numbers: y }]) =>
      y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  let end = 0;
  const entries = sorted.map(([name, { shape, numbers }]) => {
    const begin = end;
    end += numbers.byteLength;
    return [name, { dtype: typeOf(numbers), shape, data_offsets: [begin, end] }] as const;
  });
  const json = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  const padding = (ALIGNED - ((LENGTH_BYTES + json.length) % ALIGNED)) % ALIGNED;
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(json.length + padding));
  return Buffer.concat([
    length,
    json,
    Buffer.alloc(padding, ' '),
    ...sorted.map(([, { numbers }]) => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength)),
  ]);
}

const entry = p.object({
  dtype: p.oneOf(...TYPE_NAMES),
  shape: p.array(p.count),
  data_offsets: p.array(p.count),
});

/**
 * The tensors of a file, copied.
 *
 * @throws ShapeError for bytes in another format, or truncated
 */
export function parseTensors(bytes: Buffer): Map<string, Tensor> {
  const length = bytes.length < LENGTH_BYTES ? Infinity : Number(bytes.readBigUInt64LE());
  if (length > bytes.length - LENGTH_BYTES) throw new p.ShapeError('its header', 'all there');
  const body = bytes.subarray(LENGTH_BYTES + length);
  const entries = p.record(p.anything)(
    parseJson(bytes.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length)),
    'its header',
  );
  const found = new Map<string, Tensor>();
  const ranges: [begin: number, end: number][] = [];
  for (const [name, value] of Object.entries(entries)) {
    if (name === '__metadata__') continue;
    const at = `tensor ${JSON.stringify(name)}`;
    const { dtype, shape, data_offsets: offsets } = entry(value, at);
    const [begin, end] = offsets;
    const isWithin = offsets.length === 2 && begin <= end && end <= body.length;
    if (!isWithin) throw new p.ShapeError(`${at}.data_offsets`, `a range within ${body.length} bytes`);
    if (sizeOf(shape) * TYPES[dtype].BYTES_PER_ELEMENT !== end - begin)
      throw new p.ShapeError(`${at}.shape`, `that of ${end - begin} bytes`);
    ranges.push([begin, end]);
    // A copy, because numbers must begin at a multiple of their size.
    const { buffer } = Uint8Array.from(body.subarray(begin, end));
    found.set(name, { shape, numbers: new TYPES[dtype](buffer) });
  }
  let covered = 0;
  for (const [begin, end] of ranges.sort(([a, b], [c, d]) => a - c || b - d)) {
    if (begin !== covered)
      throw new p.ShapeError('its body', `without gaps and overlaps, at byte ${covered}`);
    covered = end;
  }
  if (covered !== body.length) throw new p.ShapeError('its body', `${covered} bytes long`);
  return found;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new p.ShapeError('its header', 'JSON');
  }
}
