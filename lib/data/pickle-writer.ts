// Writes a pickle of scores, {query: {document: score}}, protocol 4, a query at a time.

/** A query, its documents and their scores. */
export interface PackedEntry {
  key: string | number;
  docs: (string | number)[];
  scores: number[];
}

const HEAD = Buffer.from([0x80, 4, 0x7d]); // PROTO 4, EMPTY_DICT
const [MARK, EMPTY_DICT, SETITEMS, STOP] = [0x28, 0x7d, 0x75, 0x2e];
const [BININT, LONG1, BINUNICODE, BINFLOAT] = [0x4a, 0x8a, 0x58, 0x47];
const SCORE_BYTES = 9;
const [LEAST_INT, MOST_INT] = [-(2 ** 31), 2 ** 31 - 1];
/**
 * A reader keeps everything after a mark on its stack, so at most this many documents of a query follow one.
 */
const BATCH = 1000;

export async function* pickle(entries: AsyncIterable<PackedEntry>): AsyncGenerator<Uint8Array> {
  yield HEAD;
  for await (const { key, docs, scores } of entries) {
    const parts = [Buffer.from([MARK]), idOf(key), Buffer.from([EMPTY_DICT])];
    for (let start = 0; start < docs.length; start += BATCH) {
      parts.push(Buffer.from([MARK]));
      for (let i = start; i < Math.min(docs.length, start + BATCH); i++)
        parts.push(idOf(docs[i]), scoreOf(scores[i]));
      parts.push(Buffer.from([SETITEMS]));
    }
    parts.push(Buffer.from([SETITEMS]));
    yield Buffer.concat(parts);
  }
  yield Buffer.from([STOP]);
}

function idOf(id: string | number): Buffer {
  if (typeof id === 'string') {
    const text = Buffer.from(id);
    const head = Buffer.alloc(5);
    head[0] = BINUNICODE;
    head.writeUInt32LE(text.length, 1);
    return Buffer.concat([head, text]);
  }
  if (id >= LEAST_INT && id <= MOST_INT) {
    const bytes = Buffer.alloc(5);
    bytes[0] = BININT;
    bytes.writeInt32LE(id, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(10);
  bytes[0] = LONG1;
  bytes[1] = 8;
  bytes.writeBigInt64LE(BigInt(id), 2);
  return bytes;
}

function scoreOf(score: number): Buffer {
  const bytes = Buffer.alloc(SCORE_BYTES);
  bytes[0] = BINFLOAT;
  bytes.writeDoubleBE(score, 1);
  return bytes;
}
