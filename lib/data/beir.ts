// BEIR folders: corpus.jsonl, queries.jsonl and the qrels of each split, plain or gzip, wherever the folder keeps them.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Qrels } from '../metrics/types.js';
import { BadLine, DataError, excerpt } from './errors.js';
import { Records, type ReadOptions } from './records.js';
import { loadQrels } from './trec.js';
import { asId, asText, parseObject } from './values.js';

export interface Document {
  id: string;
  /** `''` when there is none. */
  title: string;
  text: string;
}

export interface Query {
  id: string;
  text: string;
}

/** Streams `{"_id", "title"?, "text"}` lines. */
export function readCorpus(path: string, options?: ReadOptions): Records<Document> {
  return new Records(
    path,
    (line) => {
      const { _id, title, text } = parseObject(line);
      return { id: asId(_id, '"_id"'), title: asText(title ?? '', '"title"'), text: asText(text, '"text"') };
    },
    options,
  );
}

/** Streams `{"_id", "text"}` lines. */
export function readQueries(path: string, options?: ReadOptions): Records<Query> {
  return new Records(
    path,
    (line) => {
      const { _id, text } = parseObject(line);
      return { id: asId(_id, '"_id"'), text: asText(text, '"text"') };
    },
    options,
  );
}

/**
 * The records, each id once.
 *
 * @throws DataError at an id that was there before; with `skipBad` it is counted
 */
export async function* distinct<T extends { id: string }>(records: Records<T>): AsyncGenerator<T> {
  const seen = new Set<string>();
  for await (const record of records) {
    if (seen.has(record.id)) {
      records.refuse(new BadLine('each id once', `${excerpt(record.id)} again`));
      continue;
    }
    seen.add(record.id);
    yield record;
  }
}

/** Where the files of a BEIR folder are. */
export interface BeirFolder {
  dir: string;
  corpus: string;
  queries: string;
  /** Split name (`train`, `dev`, `test`; `all` for a lone `qrels.tsv`) -> path. */
  qrels: ReadonlyMap<string, string>;
}

const QRELS_FILE = /^qrels(?:[._-](.+))?\.(?:tsv|txt)(?:\.gz)?$/;
const SPLIT_FILE = /^(.+)\.(?:tsv|txt)(?:\.gz)?$/;

/**
 * Finds the files of a BEIR folder: `corpus.jsonl[.gz]`, `queries.jsonl[.gz]`, and judgements as `qrels/<split>.tsv[.gz]`,
 * `qrels.<split>.tsv[.gz]` or `qrels.tsv[.gz]`. Nothing is read yet.
 *
 * @throws DataError naming the file that is missing, with what the folder holds instead
 */
export async function openBeir(dir: string): Promise<BeirFolder> {
  const names = await list(dir);
  const find = (name: string): string => {
    const found = [name, `${name}.gz`].find((candidate) => names.includes(candidate));
    if (!found)
      throw new DataError(
        dir,
        0,
        `${name} or ${name}.gz in this folder`,
        names.join(', ') || 'an empty folder',
      );
    return join(dir, found);
  };
  const qrels = new Map<string, string>();
  for (const name of names) {
    const match = QRELS_FILE.exec(name);
    if (match) qrels.set(match[1] ?? 'all', join(dir, name));
  }
  for (const name of names.includes('qrels') ? await list(join(dir, 'qrels')) : []) {
    const match = SPLIT_FILE.exec(name);
    if (match) qrels.set(match[1], join(dir, 'qrels', name));
  }
  if (qrels.size === 0)
    throw new DataError(dir, 0, 'judgements: qrels/<split>.tsv or qrels.tsv', names.join(', '));
  return { dir, corpus: find('corpus.jsonl'), queries: find('queries.jsonl'), qrels };
}

async function list(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    throw new DataError(dir, 0, 'a BEIR folder', (error as Error).message, { cause: error });
  }
}

/** A BEIR folder in memory. */
export interface Beir {
  /** Document id -> document. */
  corpus: Map<string, Document>;
  /** Query id -> text. */
  queries: Map<string, string>;
  /** Split -> judgements. */
  qrels: Map<string, Qrels>;
}

/**
 * Reads a whole BEIR folder. For a corpus larger than memory use {@link openBeir} and {@link readCorpus}.
 *
 * @throws DataError for a missing file or, without `skipBad`, a bad line
 */
export async function loadBeir(dir: string, options?: ReadOptions): Promise<Beir> {
  const folder = await openBeir(dir);
  const corpus = new Map<string, Document>();
  for await (const document of distinct(readCorpus(folder.corpus, options)))
    corpus.set(document.id, document);
  const queries = new Map<string, string>();
  for await (const query of distinct(readQueries(folder.queries, options))) queries.set(query.id, query.text);
  const qrels = new Map<string, Qrels>();
  for (const [split, path] of folder.qrels) qrels.set(split, await loadQrels(path, options));
  return { corpus, queries, qrels };
}
