// A cross-encoder's scores pickled by Python, {query: {document: score}}: queries become lists as they are
// read.
import { BadLine, DataError, excerpt } from '../errors.js';
import { readFailure, type Bytes, type Line } from '../lines.js';
import { BadPickle, Unpickler, type PickledEntry } from '../pickle.js';
import { Records } from '../records.js';
import { pickle, type PackedEntry } from '../pickle-writer.js';
import { counted, type Binary, type Form, type Head } from './form.js';
import { idTypesOf } from './lists.js';
import type { ScoredDocument, ScoredList } from './scored.js';

/** The operation that names the protocol comes first in protocols 2 to 5. */
export const isPickle = ({ bytes }: Head): boolean => bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5;

/**
 * Reads such a file. Memory holds one query, and what a pickle may refer to again: string ids, and NumPy's
 * numbers.
 */
export const readPickled: Form['read'] = (file, options) => {
  // It counts what is left out, and reads no lines.
  const counts = new Records<never>(file.path, () => undefined, options, noLines());
  return counted(counts, lists(file, counts));
};

async function* noLines(): AsyncGenerator<Line[]> {}

async function* lists({ path, chunks }: Bytes, counts: Records<never>): AsyncGenerator<ScoredList> {
  const unpickler = new Unpickler();
  try {
    for await (const chunk of chunks) {
      for (const entry of unpickler.push(chunk)) {
        const list = listOf(entry, counts);
        if (list) yield list;
      }
    }
    unpickler.end();
  } catch (error) {
    // Unreadable data has no known end after which reading could continue.
    if (error instanceof BadPickle) throw new DataError(path, 0, error.expected, error.found);
    throw readFailure(error, path, 0);
  }
}

function idOf(key: unknown, what: string): string {
  if ((typeof key === 'string' && key !== '') || typeof key === 'bigint') return String(key);
  if (typeof key === 'number' && Number.isSafeInteger(key)) return String(key);
  const found = typeof key === 'string' || typeof key === 'number' ? key : typeof key;
  throw new BadLine(`an id (text or a whole number) of ${what}`, excerpt(String(found)));
}

function listOf({ key, docs, scores }: PickledEntry, counts: Records<never>): ScoredList | undefined {
  const refuse = (error: unknown): void => {
    if (!(error instanceof BadLine)) throw error;
    counts.refuseFile(error);
  };
  let qid: string;
  try {
    qid = idOf(key, 'a query');
    if (docs.length === 0) throw new BadLine(`documents of query ${excerpt(qid)}`, 'none');
  } catch (error) {
    refuse(error);
    return undefined;
  }
  const seen = new Set<string>();
  const list: ScoredDocument[] = [];
  for (let i = 0; i < docs.length; i++) {
    try {
      const docid = idOf(docs[i], `a document of query ${excerpt(qid)}`);
      const score = typeof scores[i] === 'bigint' ? Number(scores[i]) : scores[i];
      if (typeof score !== 'number' || !Number.isFinite(score))
        throw new BadLine(
          `a finite number as the score of document ${excerpt(docid)} of query ${excerpt(qid)}`,
          typeof score === 'number' ? String(score) : typeof score,
        );
      if (seen.has(docid))
        throw new BadLine(`each document once for query ${excerpt(qid)}`, `${excerpt(docid)} twice`);
      seen.add(docid);
      list.push({ docid, score });
    } catch (error) {
      refuse(error);
    }
  }
  return list.length > 0 ? { qid, docs: list, ids: idTypesOf(key, docs) } : undefined;
}

/** Writes such a file, which `pickle.load` reads. */
export const pickledScores: Binary = {
  compressed: false,
  pack: ({ qid, docs }, { id }) => [
    {
      key: id(qid, 'query'),
      docs: docs.map(({ docid }) => id(docid, 'documents')),
      scores: docs.map(({ score }) => score),
    },
  ],
  encode: (packed) => pickle(packed as AsyncIterable<PackedEntry>),
};
