// The bytes of a checkpoint: records of JSON and arrays, each with its digest.
import { createHash } from 'node:crypto';
import type { Numbers } from '../training/adam.js';
import * as p from '../parse.js';

/**
 * The first line of the file. A record is a line of SHA-256, a space and JSON, of which the digest is; then the arrays that the JSON lists,
 * little-endian, of which it holds another digest.
 */
export const MAGIC = 'ckl-loss checkpoint 1\n';

const DIGEST = 64;

export interface FileRecord {
  value: unknown;
  arrays: Record<string, Numbers>;
  /** The record's own bytes. */
  bytes: Buffer;
}

const listed = p.object({
  arrays: p.optional(
    p.array(p.object({ name: p.text, type: p.oneOf('float32', 'float64'), length: p.count })),
  ),
  arraysDigest: p.optional(p.text),
});

const digestOf = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

const bytesOf = ({ buffer, byteOffset, byteLength }: Numbers) => Buffer.from(buffer, byteOffset, byteLength);

export function formatRecord(value: object, arrays: Readonly<Record<string, Numbers>> = {}): Buffer {
  const names = Object.entries(arrays);
  const bytes = Buffer.concat(names.map(([, array]) => bytesOf(array)));
  const index = names.map(([name, array]) => ({
    name,
    type: array instanceof Float32Array ? 'float32' : 'float64',
    length: array.length,
  }));
  const json = p.toJson({
    ...value,
    ...(names.length > 0 && { arrays: index, arraysDigest: digestOf(bytes) }),
  });
  return Buffer.concat([Buffer.from(`${digestOf(json)} ${json}\n`), bytes]);
}

/**
 * The complete records of a file, after {@link MAGIC}. An incomplete one at the end was being written when the process ended.
 *
 * @throws Error for a record that does not match its digest
 */
export function* readRecords(bytes: Buffer): Generator<FileRecord> {
  for (let at = MAGIC.length, number = 1; at < bytes.length; number++) {
    const end = bytes.indexOf('\n', at);
    if (end < 0) return;
    const line = bytes.toString('utf8', at, end);
    const json = line.slice(DIGEST + 1);
    // The bytes and not the text, in which a bad byte could hide.
    if (!bytes.subarray(at, end).equals(Buffer.from(`${digestOf(json)} ${json}`)))
      throw new Error(`record ${number} does not match its digest`);
    const value: unknown = JSON.parse(json);
    const { arrays = [], arraysDigest } = listed(value, '');
    const sizes = arrays.map(({ type, length }) => (type === 'float32' ? 4 : 8) * length);
    const next = end + 1 + sizes.reduce((sum, size) => sum + size, 0);
    if (next > bytes.length) return;
    const body = bytes.subarray(end + 1, next);
    if (arraysDigest !== undefined && digestOf(body) !== arraysDigest)
      throw new Error(`the arrays of record ${number} do not match their digest`);
    let offset = 0;
    const read = arrays.map(({ name, type }, i): [string, Numbers] => {
      // A copy, because numbers have to begin at a multiple of their size.
      const { buffer } = Uint8Array.from(body.subarray(offset, (offset += sizes[i])));
      return [name, type === 'float32' ? new Float32Array(buffer) : new Float64Array(buffer)];
    });
    yield { value, arrays: Object.fromEntries(read), bytes: bytes.subarray(at, next) };
    at = next;
  }
}
