// The readers of ckl-loss/data with files of every form: whole ones are read as they were written, damaged ones (bits flipped, cut off,
// pieces put in or repeated, nested, flooded, compressed before or after) give records or a DataError, and never hang.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  convertTeacher,
  DataError,
  formatList,
  formatRunLine,
  guessTeacherForm,
  loadBeir,
  loadQrels,
  loadRun,
  mergeQrels,
  openTeacher,
  OutputError,
  readCorpus,
  readQrels,
  readQueries,
  readRun,
  readTeacher,
  TEACHER_FORMS,
  WRITABLE_FORMS,
  type ReadOptions,
  type ScoredList,
  type TeacherForm,
  type TextForm,
} from '../../lib/data/index';
import { campaign, check } from './campaign';
import { parquetOf } from './parquets';
import { pickleOf } from './pickles';
import { pieces } from './pieces';
import type { Random } from './random';

const dir = mkdtempSync(join(tmpdir(), 'ckl-loss-fuzz-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
mkdirSync(join(dir, 'beir/qrels'), { recursive: true });

/** Longer than any file of the fuzzer takes, by far: a reader that is still busy then hangs. */
const patience = 120_000;

const words = ['a', '漢字', 'x y', '"', '\\', '\u2028', 'é\u0301', '\u{1F600}', '0', 'null', '<p>', '\t'];
const text = (random: Random) =>
  Array.from({ length: random.below(6) }, () => random.pick(words)).join(' ') || 'text';
const id = (random: Random) =>
  random.pick(['7', '12', '007', 'd1', 'd-2', '漢', 'q_3', '123456789012345678901']);

function listOf(random: Random, qid: string): ScoredList {
  const docs = [...new Set(Array.from({ length: 2 + random.below(6) }, () => id(random)))];
  if (docs.length < 2) docs.push('other');
  return {
    qid,
    query: text(random),
    docs: docs.map((docid, i) => ({
      docid,
      score: random.pick([random.normal(5), -0, 1e-7, 12345678.5, 3]),
      label: i === 0 ? 1 : 0,
      text: text(random),
    })),
    ids: { query: 'text', documents: 'text' },
  };
}

const uniqueIds = (random: Random) => [...new Set(Array.from({ length: random.below(6) }, () => id(random)))];

interface File {
  kind: string;
  lines: string[];
  /** What it holds, where that is no text. */
  bytes?: Buffer;
  /** Records that a whole file has; undefined where lines become fewer records. */
  records?: number;
}

/** Forms that are no text. */
type Binary = Exclude<TeacherForm, TextForm>;

function linesOf(list: ScoredList, form: Exclude<TeacherForm, Binary>): string[] {
  const { docs } = list;
  switch (form) {
    case 'sentence-transformers': {
      // Texts without ids: no two may be alike.
      const unlike = docs.map((doc, i) => ({ ...doc, text: `${i} ${doc.text}` }));
      return formatList({ ...list, docs: unlike }, form);
    }
    default:
      return formatList(list, form satisfies TextForm);
  }
}

/** A file as its users write it. */
async function fileOf(random: Random): Promise<File> {
  const kind = random.pick([...TEACHER_FORMS, 'corpus', 'queries', 'qrels', 'run', 'run3']);
  const ids = uniqueIds(random);
  const all = (lines: string[]): File => ({ kind, lines, records: lines.length });
  switch (kind) {
    case 'corpus':
      return all(
        ids.map((_id) => JSON.stringify({ _id, title: text(random), text: text(random), metadata: {} })),
      );
    case 'queries':
      return all(ids.map((_id) => JSON.stringify({ _id, text: text(random) })));
    case 'qrels': {
      const head = random.chance(0.5) ? ['query-id\tcorpus-id\tscore'] : [];
      const lines = ids.map((docid) => (head.length ? `1\t${docid}\t1` : `1 0 ${docid} ${random.below(4)}`));
      return { kind, lines: [...head, ...lines], records: lines.length };
    }
    case 'run':
      return all(
        ids.map((docid, i) =>
          formatRunLine({ qid: '1', docid, rank: i + 1, score: random.normal(), tag: 't' }),
        ),
      );
    case 'run3':
      return all(ids.map((docid, i) => `q ${docid} ${i + 1}`));
    default: {
      const lists = ids.map((qid) => listOf(random, qid));
      if (kind === 'pickle') {
        const entries = lists.map(({ qid, docs }): [string, [string, number][]] => [
          qid,
          docs.map(({ docid, score }) => [docid, score]),
        ]);
        return { kind, lines: [], bytes: pickleOf(entries), records: ids.length };
      }
      if (kind.startsWith('parquet'))
        return { kind, lines: [], bytes: await parquetOf(lists, random), records: ids.length };
      const lines = lists.map((list) => linesOf(list, kind as Exclude<TeacherForm, Binary>));
      // What stands between the lists of one JSON object.
      if (kind === 'json') return { kind, lines: ['{', lines.join(','), '}'], records: ids.length };
      return { kind, lines: lines.flat(), records: ids.length };
    }
  }
}

/** Cut off at either end. Within a page hyparquet does not survive damage: it may neither throw nor end. */
function cut(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  return random.chance(0.5) ? bytes.subarray(0, at) : bytes.subarray(at);
}

function damage(random: Random, bytes: Buffer): Buffer {
  const at = () => random.below(bytes.length + 1);
  const insert = (piece: Uint8Array | string) => {
    const place = at();
    return Buffer.concat([bytes.subarray(0, place), Buffer.from(piece), bytes.subarray(place)]);
  };
  switch (random.below(9)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      for (let k = 1 + random.below(4); k > 0 && flipped.length > 0; k--)
        flipped[random.below(flipped.length)] ^= 1 << random.below(8);
      return flipped;
    }
    case 1:
      return bytes.subarray(0, at());
    case 2:
      return bytes.subarray(at());
    case 3:
      return insert(random.pick(pieces));
    case 4:
      return insert(Uint8Array.from({ length: random.below(20) }, () => random.below(256)));
    case 5: {
      // A piece of it once more, or many times.
      const from = at();
      const piece = bytes.subarray(from, from + random.below(40)).toString('latin1');
      return insert(Buffer.from(piece.repeat(random.chance(0.1) ? 3000 : 1 + random.below(3)), 'latin1'));
    }
    case 6: {
      const from = at();
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + random.below(20))]);
    }
    case 7: {
      const depth = random.chance(0.1) ? 50_000 : random.below(50);
      const [open, close] = random.pick([
        ['[', ']'],
        ['{"a":', '}'],
        ['"', '"'],
      ]);
      return insert(open.repeat(depth) + (random.chance(0.5) ? close.repeat(depth) : ''));
    }
    default:
      return insert(random.pick(pieces).repeat(random.chance(0.05) ? 100_000 : 1 + random.below(100)));
  }
}

async function count(records: AsyncIterable<unknown>): Promise<number> {
  let n = 0;
  const iterator = records[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true) n++;
  return n;
}

async function countLists(lists: AsyncIterable<ScoredList>): Promise<number> {
  let n = 0;
  for await (const { qid, docs } of lists) {
    check(typeof qid === 'string' && docs.length > 0, 'a list without documents');
    for (const { docid, score } of docs)
      check(typeof docid === 'string' && Number.isFinite(score), `a document with the score ${score}`);
    n++;
  }
  return n;
}

type Reader = (path: string, options: ReadOptions) => Promise<number | void>;
const readers: Record<string, Reader> = {
  corpus: (path, options) => count(readCorpus(path, options)),
  queries: (path, options) => count(readQueries(path, options)),
  qrels: (path, options) => count(readQrels(path, options)),
  run: (path, options) => count(readRun(path, options)),
  run3: (path, options) => count(readRun(path, options)),
  ...Object.fromEntries(
    TEACHER_FORMS.map((form): [string, Reader] => [
      form,
      (path, options) => countLists(readTeacher(path, form, options)),
    ]),
  ),
};
const others: Reader[] = [
  ...Object.values(readers),
  async (path, options) => void (await loadRun(path, { ...options, order: 'rank' })),
  async (path, options) => {
    const table = await loadQrels(path, options);
    mergeQrels(
      [
        [path, table],
        [path, table],
      ],
      options,
    );
    for (const levels of table.values())
      for (const level of levels.values()) check(Number.isSafeInteger(level), `the level ${level}`);
  },
  async (path) => void (await guessTeacherForm(path)),
  async (path, options) => countLists((await openTeacher(path, options)).lists()),
  async (path, options) => {
    for (const form of WRITABLE_FORMS)
      await convertTeacher({ path }, { path: join(dir, 'out'), form }, options).catch(checkError);
  },
  async (_path, options) => {
    for (const name of ['corpus.jsonl', 'queries.jsonl', 'qrels/test.tsv'])
      writeFileSync(join(dir, 'beir', name), content);
    await loadBeir(join(dir, 'beir'), options);
  },
];
let content: Buffer = Buffer.alloc(0);

function checkError(error: unknown): void {
  if (error instanceof DataError || error instanceof OutputError) return;
  throw error;
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const [wall, used] = [performance.now(), process.cpuUsage()];
  // By processor time: on a busy machine a reader may wait for minutes. What waits for a quarter of an hour waits for ever.
  const late = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const { user, system } = process.cpuUsage(used);
      const ended = (user + system) / 1e3 > patience || performance.now() - wall > 900e3;
      if (ended) reject(new Error(`${what} does not end`));
    }, 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearInterval(timer);
  }
}

void campaign('readers', async (random) => {
  const file = await fileOf(random);
  const end = random.pick(['\n', '\r\n']);
  let bytes =
    file.bytes ??
    Buffer.from((random.chance(0.1) ? '\uFEFF' : '') + file.lines.map((line) => line + end).join(''));
  // Parquet is read from its end.
  const zipped = !file.kind.startsWith('parquet') && random.chance(0.3);
  const path = join(dir, random.pick(['file', 'file.gz', 'file.jsonl', 'file.tsv']));
  const whole = random.chance(0.2);
  if (whole) {
    writeFileSync(path, zipped ? gzipSync(bytes) : bytes);
    const read = await readers[file.kind](path, {});
    check(read === file.records, `${file.kind}: ${read} records of ${file.records} were read`);
    return;
  }
  const damages = 1 + random.below(3);
  const packFirst = zipped && random.chance(0.5);
  if (packFirst) bytes = gzipSync(bytes);
  for (let k = 0; k < damages; k++)
    bytes = Buffer.from((file.kind.startsWith('parquet') ? cut : damage)(random, bytes));
  if (zipped && !packFirst) bytes = gzipSync(bytes);
  content = bytes;
  writeFileSync(path, bytes);
  const options: ReadOptions = {
    skipBad: random.chance(0.5),
    ...(random.chance(0.1) && { maxLineBytes: 1 + random.below(200) }),
  };
  const own = readers[file.kind];
  for (const read of [own, random.pick(others), random.pick(others)])
    await inTime(read(path, options).catch(checkError), file.kind);
});
