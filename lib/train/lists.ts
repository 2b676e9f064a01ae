// Reads a BEIR folder and a teacher run into candidate lists: features, teacher scores and labels, ready for a loss.
import { DataError, loadRun, openBeir, readCorpus, readQueries, loadQrels } from '../data/index.js';
import type { Qrels } from '../metrics/index.js';
import { PreparedDocument } from './document.js';
import { FEATURE_COUNT, PreparedQuery } from './features.js';
import { words } from './text.js';
import { Vocabulary } from './vocabulary.js';

/** The candidates of one query, in the order of the teacher's scores, best first. */
export interface CandidateList {
  qid: string;
  docids: readonly string[];
  /** Documents × features, document after document. */
  features: Float64Array;
  /** The teacher's score of each document. */
  teacher: Float32Array;
  /** 1 for a document judged relevant (level 1 and up), else 0. */
  labels: Uint8Array;
}

export interface TrainingData {
  /** One list a query that the teacher scored and someone judged, in the order of the teacher's run. */
  lists: CandidateList[];
  /** Split -> judgements, as in the folder. */
  qrels: ReadonlyMap<string, Qrels>;
  documents: number;
}

/**
 * Reads the data of a training run. The corpus is streamed: only candidate documents stay in memory.
 *
 * @param dir a BEIR folder
 * @param teacher a TREC run, plain or gzip
 * @param maxDocs keep the teacher's best so many documents a query
 * @throws DataError for a file that is missing or bad, a query or document the folder lacks, or a run that no judgement meets
 */
export async function loadTrainingData(
  dir: string,
  teacher: string,
  maxDocs = Infinity,
): Promise<TrainingData> {
  const folder = await openBeir(dir);
  const qrels = new Map<string, Qrels>();
  for (const [split, path] of folder.qrels) qrels.set(split, await loadQrels(path));
  const judged = new Map([...qrels.values()].flatMap((split) => [...split]));

  const candidates = new Map<string, [docid: string, score: number][]>();
  for (const [qid, scores] of await loadRun(teacher)) {
    if (!judged.has(qid)) continue;
    candidates.set(qid, [...scores].sort(([, a], [, b]) => b - a).slice(0, maxDocs));
  }
  if (candidates.size === 0)
    throw new DataError(teacher, 0, 'queries that the folder has judgements for', 'none');

  const wanted = new Set([...candidates.values()].flatMap((list) => list.map(([docid]) => docid)));
  const documents = new Map<string, PreparedDocument>();
  const vocabulary = new Vocabulary();
  for await (const { id, title, text } of readCorpus(folder.corpus)) {
    const document = new PreparedDocument(title, text);
    vocabulary.add(document.all);
    if (wanted.has(id)) documents.set(id, document);
  }
  const queries = new Map<string, string>();
  for await (const { id, text } of readQueries(folder.queries)) queries.set(id, text);

  const lists = [...candidates].map(([qid, scored]): CandidateList => {
    const text = queries.get(qid);
    if (text === undefined)
      throw new DataError(folder.queries, 0, `query ${qid}, which the teacher scored`, 'no such query');
    const query = new PreparedQuery(words(text), vocabulary);
    const features = new Float64Array(scored.length * FEATURE_COUNT);
    scored.forEach(([docid], i) => {
      const document = documents.get(docid);
      if (!document)
        throw new DataError(
          folder.corpus,
          0,
          `document ${docid}, which the teacher scored`,
          'no such document',
        );
      query.write(document, features, i * FEATURE_COUNT);
    });
    return {
      qid,
      docids: scored.map(([docid]) => docid),
      features,
      teacher: Float32Array.from(scored, ([, score]) => score),
      labels: Uint8Array.from(scored, ([docid]) => ((judged.get(qid)!.get(docid) ?? 0) >= 1 ? 1 : 0)),
    };
  });
  return { lists, qrels, documents: vocabulary.documents };
}
