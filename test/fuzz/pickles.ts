// Writes a pickle of scores as Python does, for tests: {query: {document: score}}, protocol 4, in batches of 1000.

const [MARK, SETITEMS, STOP, MEMOIZE] = [0x28, 0x75, 0x2e, 0x94];

function id(text: string): Buffer {
  const number = Number(text);
  if (!/^(0|[1-9]\d{0,9})$/.test(text) || number >= 2 ** 31) {
    const bytes = Buffer.from(text);
    const head = Buffer.from([0x58, 0, 0, 0, 0]);
    head.writeUInt32LE(bytes.length, 1);
    return Buffer.concat([head, bytes, Buffer.from([MEMOIZE])]);
  }
  if (number < 256) return Buffer.from([0x4b, number]);
  const bytes = Buffer.from([0x4a, 0, 0, 0, 0]);
  bytes.writeInt32LE(number, 1);
  return bytes;
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0x47);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function dict(items: Buffer[][]): Buffer {
  const parts: Buffer[] = [Buffer.from([0x7d, MEMOIZE])];
  for (let at = 0; at < items.length; at += 1000)
    parts.push(Buffer.from([MARK]), ...items.slice(at, at + 1000).flat(), Buffer.from([SETITEMS]));
  return Buffer.concat(parts);
}

export function pickleOf(lists: [qid: string, docs: [docid: string, score: number][]][]): Buffer {
  const queries = lists.map(([qid, docs]) => [
    id(qid),
    dict(docs.map(([docid, score]) => [id(docid), float(score)])),
  ]);
  return Buffer.concat([Buffer.from([0x80, 4]), dict(queries), Buffer.from([STOP])]);
}
