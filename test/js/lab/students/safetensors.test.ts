// Tensors in the format of safetensors: they come back, and whatever is wrong with the bytes is said.
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../../lib/lab/parse';
import { formatTensors, parseTensors } from '../../../../lib/lab/students/saved/safetensors';

describe('safetensors', () => {
  const bytes = formatTensors(
    {
      b: { shape: [2, 3], numbers: Float32Array.of(1, 2, 3, 4, 5, 6) },
      a: { shape: [1], numbers: Float64Array.of(7) },
      c: { shape: [], numbers: Int32Array.of(-8) },
    },
    { made: 'here' },
  );
  const withHeader = (header: string, body = 8) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, Buffer.from(header), Buffer.alloc(body)]);
  };

  it('come back, in the order and the places that the format asks for', () => {
    expect(Object.fromEntries(parseTensors(bytes))).toEqual({
      a: { shape: [1], numbers: Float64Array.of(7) },
      b: { shape: [2, 3], numbers: Float32Array.of(1, 2, 3, 4, 5, 6) },
      c: { shape: [], numbers: Int32Array.of(-8) },
    });
    const length = Number(bytes.readBigUInt64LE());
    expect((8 + length) % 8).toBe(0);
    expect(JSON.parse(bytes.toString('utf8', 8, 8 + length))).toEqual({
      __metadata__: { made: 'here' },
      a: { dtype: 'F64', shape: [1], data_offsets: [0, 8] },
      b: { dtype: 'F32', shape: [2, 3], data_offsets: [8, 32] },
      c: { dtype: 'I32', shape: [], data_offsets: [32, 36] },
    });
  });

  it('are refused cut off anywhere', () => {
    for (let end = 0; end < bytes.length; end++)
      expect(() => parseTensors(bytes.subarray(0, end)), String(end)).toThrow(ShapeError);
  });

  it.each([
    ['{', 'its header is not JSON'],
    ['[]', 'its header is not an object'],
    ['{"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}', 'tensor "a".dtype is not one of'],
    ['{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', 'tensor "a".shape is not that of 8 bytes'],
    ['{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}', 'tensor "a".shape[0] is not a count'],
    ['{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}', 'is not a range within 8 bytes'],
    ['{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}', 'is not a range within 8 bytes'],
    ['{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 'its body is not 4 bytes long'],
    [
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      'its body is not without gaps and overlaps, at byte 0',
    ],
  ])('are refused with the header %s', (header, said) => {
    expect(() => parseTensors(withHeader(header))).toThrow(said);
  });
});
