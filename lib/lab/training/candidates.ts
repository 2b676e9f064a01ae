// Reads the documents to rank: for each judged query, the teacher's candidates with scores and labels.
import {
  DataError,
  loadQrels,
  mergeQrels,
  openBeir,
  TeacherScores,
  type BeirFolder,
  type ReadOptions,
  type TeacherScoreList,
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

/** A candidate list with the student's view of each document, in the same order. */
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
 * @param teacher scores in any form that `ckl-loss/data` reads, recognised by content; plain or gzip
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

  const scores = await TeacherScores.load(teacher, { ...reading, wanted: judged });
  const shared = new Map<number, string>();
  const lists: CandidateList[] = [];
  for (let query = 0; query < scores.size; query++) {
    const list = scores.list(query, shared);
    lists.push(labelled(list, judged.get(list.qid)!, { level, maxDocs }));
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
  options: ListOptions,
): CandidateList {
  const scored = [...scores].sort(([, a], [, b]) => b - a);
  const docids = scored.map(([docid]) => docid);
  return labelled({ qid, docids, scores: Float32Array.from(scored, ([, score]) => score) }, levels, options);
}

/** The head of a list, best first, with labels. */
function labelled(
  { qid, docids, scores }: TeacherScoreList,
  levels: ReadonlyMap<string, number>,
  { level = 1, maxDocs = Infinity }: ListOptions,
): CandidateList {
  const kept = docids.length > maxDocs ? docids.slice(0, maxDocs) : docids;
  return {
    qid,
    docids: kept,
    teacher: scores.subarray(0, kept.length),
    labels: Uint8Array.from(kept, (docid) => ((levels.get(docid) ?? 0) >= level ? 1 : 0)),
  };
}
