// A checkpoint of a refinement in one file: where it stands as JSON, parameters and moments as bytes, a digest against damage.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeWhole } from '../../data/whole-file.js';
import type { Position } from '../training/distil.js';

const MAGIC = 'CKLCKPT1';
const DIGEST_BYTES = 32;

/** A checkpoint that cannot be read, or that belongs to another run. */
export class CheckpointError extends Error {
  readonly code = 'ERR_CKL_CHECKPOINT';

  constructor(
    readonly file: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${problem}`, options);
  }

  override get name(): string {
    return 'CheckpointError';
  }
}

export interface Checkpoint {
  /** What the run was asked for; a run with other options cannot go on from here. */
  options: Record<string, unknown>;
  /** Of its data, as dataDigest makes it. */
  data: string;
  /** How many trainings of the run are done, warm-ups included. */
  trainings: number;
  /** Of the training at hand. */
  position: Position;
  /** What the run notes besides, as JSON can hold it. */
  notes: unknown;
  /** Counts of optimizer steps, by table. */
  steps: Record<string, number>;
  /** Parameters and moments, by name. */
  arrays: Record<string, Float32Array>;
}

/**
 * Writes a checkpoint whole: an interrupted write leaves the one before. Layout: the magic word, the
 * length of the header (uint32, little-endian), the header (JSON), the arrays (float32, little-endian) and the SHA-256 of all of that.
 */
export async function writeCheckpoint(file: string, { arrays, ...rest }: Checkpoint): Promise<void> {
  const index = Object.entries(arrays).map(([name, { length }]) => [name, length] as const);
  const header = Buffer.from(JSON.stringify({ ...rest, index }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const bytes = Object.values(arrays).map((array) =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength),
  );
  const body = Buffer.concat([Buffer.from(MAGIC), length, header, ...bytes]);
  const digest = createHash('sha256').update(body).digest();
  await writeWhole(file, Buffer.concat([body, digest]), { streams: false });
}

/**
 * @param options what this run was asked for
 * @param data the digest of its data
 * @throws CheckpointError for a file that is missing, damaged, or of a run with other options or data
 */
export async function readCheckpoint(
  file: string,
  options: Record<string, unknown>,
  data: string,
): Promise<Checkpoint> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new CheckpointError(file, `no checkpoint to read: ${(error as Error).message}`, { cause: error });
  }
  const start = MAGIC.length + 4;
  if (bytes.length < start + DIGEST_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw new CheckpointError(file, 'not a checkpoint of ckl-loss refine');
  const body = bytes.subarray(0, -DIGEST_BYTES);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(-DIGEST_BYTES)))
    throw new CheckpointError(file, 'damaged: its digest does not fit its content');
  const end = start + bytes.readUInt32LE(MAGIC.length);
  const { index, ...rest } = JSON.parse(body.toString('utf8', start, end)) as Omit<Checkpoint, 'arrays'> & {
    index: [string, number][];
  };
  checkOptions(file, rest.options, options);
  checkData(file, rest.data, data);
  const arrays: Record<string, Float32Array> = {};
  let at = end;
  for (const [name, length] of index) {
    // A copy, because float32 memory has to begin at a multiple of 4.
    arrays[name] = new Float32Array(Uint8Array.from(body.subarray(at, at + 4 * length)).buffer);
    at += 4 * length;
  }
  return { ...rest, arrays };
}

/**
 * @param were of the run that a file is of
 * @param options what this run was asked for
 * @throws CheckpointError that names the first option that differs
 */
export function checkOptions(file: string, were: Record<string, unknown>, options: object): void {
  // As the file would hold them.
  const asked = JSON.parse(JSON.stringify(options)) as Record<string, unknown>;
  for (const name of new Set([...Object.keys(asked), ...Object.keys(were)])) {
    const [was, is] = [were[name], asked[name]].map((value) => JSON.stringify(value) ?? 'not given');
    if (was !== is)
      throw new CheckpointError(file, `of a run with other options: ${name} was ${was}, now ${is}`);
  }
}

/** @throws CheckpointError when the digests differ */
export function checkData(file: string, was: string, is: string): void {
  if (was !== is)
    throw new CheckpointError(file, 'of a run on other data: texts, scores or judgements have changed since');
}
