// Inflates gzip data piece by piece, and yields everything that precedes damage.
import { createGunzip } from 'node:zlib';

/** Deflate expands a byte to at most 1032, so a piece inflates to at most 16 MiB. */
const PIECE_BYTES = 1 << 14;

/** Whether bytes begin as gzip does. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * Inflates. Node's own iteration over an inflating stream drops buffered data when it finds damage; here the
 * error comes after all data before it, so that its position is known.
 *
 * @param chunkSize of the pieces that come out
 */
export async function* inflate(compressed: AsyncIterable<Buffer>, chunkSize: number): AsyncGenerator<Buffer> {
  const stream = createGunzip({ chunkSize });
  let ready: Buffer[] = [];
  let failure: Error | undefined;
  const drain = (): void => {
    for (let chunk; (chunk = stream.read() as Buffer | null) !== null;) ready.push(chunk);
  };
  const ended = new Promise<void>((resolve) => {
    stream.once('error', (error) => {
      failure = error;
      drain();
      resolve();
    });
    stream.once('end', resolve);
  });
  stream.on('readable', drain);
  try {
    for await (const chunk of compressed) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        const written = new Promise<void>((resolve) => stream.write(piece, () => resolve()));
        await Promise.race([written, ended]);
        yield* ready;
        ready = [];
        if (failure) throw failure;
      }
    }
    stream.end();
    await ended;
    yield* ready;
    if (failure) throw failure;
  } finally {
    stream.destroy();
  }
}
