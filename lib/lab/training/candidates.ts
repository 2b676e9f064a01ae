// Reads who is to be ranked: for each judged query the teacher's candidates, their scores and labels.
import {
  DataError,
  loadQrels,
  mergeQrels,
  openBeir,
  openTeacher,
  type BeirFolder,
  type ReadOptions,
} from '../../data/index.js';
import { CklRangeError } from '../../errors.js';
import type { Qrels, Run } from '../../metrics/index.js';

/** The candidates of one query, in the order of the teacher's scores, best first. */
export interface CandidateList {
  qid: string;
  docids: readonly string[];
  /** The teacher's score of each document. */
  teacher: Float32Array;
  /** 1 for a document judged relevant, else 0. */
  labels: Uint8Array;
}

/** One with what a student sees of each document, in the same order. */
export interface DocumentList extends CandidateList {
  documents: readonly unknown[];
}

export interface CandidateOptions extends ReadOptions {
  /** The lowest level of a judgement that counts as relevant. Default: 1. */
  level?: number;
}

export interface Candidates {
  folder: BeirFolder;
  /** One list per query that is both scored by the teacher and judged, in the order of the teacher's file. */
  lists: CandidateList[];
  /** Split -> judgements, as in the folder. */
  qrels: ReadonlyMap<string, Qrels>;
}

/**
 * @param dir a BEIR folder
 * @param teacher scores in any of the forms that `ckl-loss/data` reads, told by content; plain or gzip
 * @param maxDocs maximum number of documents per query, the teacher's best
 * @throws DataError for a file that is missing or bad, a folder without a judgement, a teacher none of whose queries is judged, or a score
 * that float32 cannot hold
 */
export async function loadCandidates(
  dir: string,
  teacher: string,
  maxDocs = Infinity,
  { level = 1, ...reading }: CandidateOptions = {},
): Promise<Candidates> {
  const folder = await openBeir(dir);
  const qrels = new Map<string, Qrels>();
  for (const [split, path] of folder.qrels) qrels.set(split, await loadQrels(path, reading));
  const judged = mergeQrels(
    [...qrels].map(([split, levels]) => [folder.qrels.get(split)!, levels]),
    reading,
  );
  if (judged.size === 0) throw new DataError([...folder.qrels.values()].join(', '), 0, 'judgements', 'none');

  const lists: CandidateList[] = [];
  for (const [qid, scores] of await loadTeacher(teacher, reading)) {
    const levels = judged.get(qid);
    if (!levels) continue;
    const scored = [...scores].filter(([docid, score]) => fits(score, teacher, qid, docid, reading));
    lists.push(listOf(qid, scored, levels, { level, maxDocs }));
  }
  if (lists.length === 0)
    throw new DataError(teacher, 0, 'queries that the folder has judgements for', 'none');
  return { folder, lists, qrels };
}

/** Of {@link candidateLists}. */
export interface ListOptions {
  /** The lowest level of a judgement that makes a document a positive. Default: 1. */
  level?: number;
  /** Maximum number of documents per query, the teacher's best. Default: all. */
  maxDocs?: number;
}

/**
 * The lists of a teacher's scores and of judgements in memory: one for each query that has both, in the order of the scores.
 *
 * @param teacher as `loadRun` reads a run, or `toRun` makes one of a teacher's lists
 * @throws CklRangeError (`ERR_CKL_OPTION`) for a score that float32 cannot hold
 */
export function candidateLists(teacher: Run, qrels: Qrels, options: ListOptions = {}): CandidateList[] {
  return [...teacher].flatMap(([qid, scores]) => {
    const levels = qrels.get(qid);
    if (!levels || scores.size === 0) return [];
    for (const [docid, score] of scores)
      if (!Number.isFinite(Math.fround(score)))
        throw new CklRangeError(
          'ERR_CKL_OPTION',
          `teacher has the score ${score} of query ${qid}, document ${docid}; it must be finite as float32`,
        );
    return [listOf(qid, [...scores], levels, options)];
  });
}

/** The best of some scored documents, with their labels. */
function listOf(
  qid: string,
  scores: readonly [docid: string, score: number][],
  levels: ReadonlyMap<string, number>,
  { level = 1, maxDocs }: ListOptions,
): CandidateList {
  const scored = [...scores].sort(([, a], [, b]) => b - a).slice(0, maxDocs);
  return {
    qid,
    docids: scored.map(([docid]) => docid),
    teacher: Float32Array.from(scored, ([, score]) => score),
    labels: Uint8Array.from(scored, ([docid]) => ((levels.get(docid) ?? 0) >= level ? 1 : 0)),
  };
}

/** Whether a score stays finite as float32, in which the losses take it. */
function fits(
  score: number,
  file: string,
  qid: string,
  docid: string,
  { skipBad = false, onSkip }: ReadOptions = {},
): boolean {
  if (Number.isFinite(Math.fround(score))) return true;
  const error = new DataError(
    file,
    0,
    `a score of query ${qid}, document ${docid} within float32`,
    `${score}`,
  );
  if (!skipBad) throw error;
  onSkip?.(error);
  return false;
}

/** Query -> document -> score. Which documents are positive, the judgements say, whatever the file has. */
async function loadTeacher(
  path: string,
  reading?: ReadOptions,
): Promise<Iterable<[string, Iterable<[docid: string, score: number]>]>> {
  const file = await openTeacher(path, reading);
  // A run is read whole: its lines may stand in any order.
  if (file.form === 'trec') return file.run();
  const lists = new Map<string, Map<string, number>>();
  // A query may stand on several lines.
  for await (const { qid, docs } of file.lists()) {
    const scores = lists.get(qid) ?? new Map<string, number>();
    lists.set(qid, scores);
    for (const { docid, score } of docs) {
      const known = scores.get(docid);
      if (known === undefined) scores.set(docid, score);
      if (known === undefined || known === score) continue;
      const error = new DataError(
        path,
        0,
        `one score of document ${docid} for query ${qid}`,
        `${known} and ${score}`,
      );
      if (!reading?.skipBad) throw error;
      reading.onSkip?.(error);
    }
  }
  return lists;
}
