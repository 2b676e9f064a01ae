// Files of vectors: NumPy, safetensors and Parquet give the numbers and ids that were written, and what is wrong with one is said.
import { describe, expect, it } from 'vitest';
import { formatNpy } from '../../../../lib/data/npy';
import { loadVectors } from '../../../../lib/lab/students/vectors/vector-file';
import { scratch } from '../../data/files';
import { parquetOf } from '../../data/parquets';

const files = scratch();
const VALUES = [1, -2, 0.5, 3, 0, 0.25];
const order = { ids: ['a', 'b', 'c'], of: 'corpus.jsonl' };

/** A NumPy file as numpy.save writes it. */
function npy(
  type: string,
  shape: string,
  bytes: Buffer,
  more: { order?: string; version?: number } = {},
): Buffer {
  const { order: fortran = 'False', version = 1 } = more;
  const text = `{'descr': '${type}', 'fortran_order': ${fortran}, 'shape': (${shape}), }\n`;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.from([version, 0]),
    length,
    Buffer.from(text),
    bytes,
  ]);
}

const bytesOf = (array: Float32Array | Float64Array | Uint16Array | Int32Array | BigInt64Array) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** The halves of VALUES. */
const HALVES = bytesOf(Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x4200, 0, 0x3400));
const BFLOATS = bytesOf(Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0x4040, 0, 0x3e80));

type Stored = Record<string, { dtype: string; shape: number[]; bytes: Buffer }>;

function safetensors(tensors: Stored): Buffer {
  let at = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
      const begin = at;
      at += bytes.length;
      return [name, { dtype, shape, data_offsets: [begin, at] }];
    }),
  );
  const json = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...header }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}

const floats = Float32Array.from(VALUES);
const embeddings = { dtype: 'F32', shape: [3, 2], bytes: bytesOf(floats) };

const ROOT = { name: 'root', num_children: 2 };
const FLOAT = { name: 'element', type: 'FLOAT', repetition_type: 'OPTIONAL' };

/** A column of lists, as pyarrow writes it. */
const listOf = (name: string, element: readonly object[]) => [
  { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  ...element,
];

describe('loadVectors', () => {
  it.each([
    ['float32', npy('<f4', '3, 2', bytesOf(floats))],
    ['float64', npy('<f8', '3, 2', bytesOf(Float64Array.from(VALUES)))],
    ['float16', npy('<f2', '3, 2', HALVES)],
    ['format 2', npy('<f4', '3, 2', bytesOf(floats), { version: 2 })],
    ['of encode', formatNpy(floats, 3, 2)],
    ['safetensors', safetensors({ embeddings })],
    [
      'a tensor of another name',
      safetensors({ x: embeddings, n: { dtype: 'F32', shape: [6], bytes: bytesOf(floats) } }),
    ],
    ['float16 tensors', safetensors({ embeddings: { dtype: 'F16', shape: [3, 2], bytes: HALVES } })],
    ['bfloat16 tensors', safetensors({ embeddings: { dtype: 'BF16', shape: [3, 2], bytes: BFLOATS } })],
  ])('reads %s', async (_, content) => {
    const path = files.write('vectors', content);
    expect(await loadVectors(path, { order })).toEqual({ ids: order.ids, dim: 2, values: floats });
  });

  it('reads Parquet with ids of its own, of texts and of tokens', async () => {
    const lists = [
      [1, -2],
      [0.5, 3],
      [0, 0.25],
    ];
    const one = files.write(
      'v.parquet',
      await parquetOf(
        { _id: [7n, 8n, 9n], embedding: lists },
        { schema: [ROOT, { name: '_id', type: 'INT64' }, ...listOf('embedding', [FLOAT])] },
      ),
    );
    expect(await loadVectors(one)).toEqual({ ids: ['7', '8', '9'], dim: 2, values: floats });
    const late = files.write(
      't.parquet',
      await parquetOf(
        { docid: ['x', 'y'], embeddings: [[lists[0]], [lists[1], lists[2]]] },
        {
          schema: [
            ROOT,
            { name: 'docid', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
            ...listOf('embeddings', listOf('element', [FLOAT])),
          ],
        },
      ),
    );
    expect(await loadVectors(late)).toEqual({
      ...{ ids: ['x', 'y'], dim: 2, values: floats },
      offsets: Int32Array.of(0, 1, 3),
    });
  });

  it('reads the vectors of tokens, and leaves padding out', async () => {
    const of = { ids: ['a', 'b'], of: 'corpus.jsonl' };
    const padded = npy('<f4', '2, 2, 2', bytesOf(Float32Array.of(1, -2, 0, 0, 0.5, 3, 0, 0.25)));
    const expected = { ids: of.ids, dim: 2, values: floats, offsets: Int32Array.of(0, 1, 3) };
    expect(await loadVectors(files.write('p.npy', padded), { order: of })).toEqual(expected);
    for (const offsets of [
      { dtype: 'I32', shape: [3], bytes: bytesOf(Int32Array.of(0, 1, 3)) },
      { dtype: 'I64', shape: [3], bytes: bytesOf(BigInt64Array.of(0n, 1n, 3n)) },
    ])
      expect(
        await loadVectors(files.write('p.st', safetensors({ embeddings, offsets })), { order: of }),
      ).toEqual(expected);
  });

  it('takes ids from the file beside, or the one that is named, before the order of a folder', async () => {
    const path = files.write('beside.npy', npy('<f4', '3, 2', bytesOf(floats)));
    const other = files.write('others.txt', 'x\r\ny\r\nz z\r\n');
    expect((await loadVectors(path, { ids: other, order })).ids).toEqual(['x', 'y', 'z z']);
    files.write('beside.ids.txt', '1\n2\n3');
    expect((await loadVectors(path, { order })).ids).toEqual(['1', '2', '3']);
  });

  it.each([
    ['nothing', '', 'expected vectors as NumPy (.npy), safetensors or Parquet'],
    ['text', 'one two three\n', 'expected vectors as NumPy (.npy), safetensors or Parquet'],
    ['whole numbers', npy('<i4', '3, 2', bytesOf(floats)), 'float32, float64 or float16'],
    ['big-endian numbers', npy('>f4', '3, 2', bytesOf(floats)), 'little-endian'],
    ['columns first', npy('<f4', '3, 2', bytesOf(floats), { order: 'True' }), 'C order'],
    ['one row', npy('<f4', '6,', bytesOf(floats)), 'found shape 6'],
    ['no row', npy('<f4', '0, 2', Buffer.alloc(0)), 'expected vectors; found none'],
    ['a cut file', npy('<f4', '3, 3', bytesOf(floats)), 'expected 9 numbers of 4 bytes'],
    ['a NaN', npy('<f4', '3, 2', bytesOf(Float32Array.of(1, 2, 3, NaN, 5, 6))), 'found NaN in vector 1'],
    ['two tensors', safetensors({ a: embeddings, b: embeddings }), 'found "a", "b"'],
    [
      'offsets of others',
      safetensors({
        embeddings,
        offsets: { dtype: 'I32', shape: [3], bytes: bytesOf(Int32Array.of(0, 2, 1)) },
      }),
      'ascending offsets from 0 to 3',
    ],
    [
      'fewer vectors than ids',
      npy('<f4', '2, 3', bytesOf(floats)),
      'each of the 3 ids of corpus.jsonl; found 2',
    ],
  ])('refuses %s', async (_, content, message) => {
    const path = files.write('bad', content);
    await expect(loadVectors(path, { order })).rejects.toMatchObject({
      name: 'DataError',
      message: expect.stringContaining(message),
    });
  });

  it('refuses ids that there are not, or that are there twice', async () => {
    const path = files.write('alone.npy', npy('<f4', '3, 2', bytesOf(floats)));
    await expect(loadVectors(path)).rejects.toThrow('alone.ids.txt; found none');
    const twice = files.write('twice.txt', 'a\nb\na\n');
    await expect(loadVectors(path, { ids: twice })).rejects.toThrow(
      'twice.txt: expected each id once; found "a" again',
    );
    await expect(loadVectors(path, { ids: 'nowhere' })).rejects.toThrow('nowhere: expected a readable file');
  });
});
