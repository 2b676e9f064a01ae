// Candidate lists with the features of each document, for the linear student.
import { distinct } from '../../../data/beir.js';
import { readCorpus, readQueries } from '../../../data/index.js';
import {
  loadCandidates,
  type CandidateList,
  type CandidateOptions,
  type Candidates,
} from '../../training/candidates.js';
import { PreparedDocument } from './document.js';
import { FEATURE_COUNT, PreparedQuery } from './features.js';
import { knownLists } from '../../training/known.js';
import { words } from '../words/text.js';
import { Vocabulary } from '../words/vocabulary.js';

export interface FeatureList extends CandidateList {
  /** Documents × features, document after document. */
  features: Float64Array;
}

export interface TrainingData {
  lists: FeatureList[];
  qrels: Candidates['qrels'];
  /** The number of documents in the corpus. */
  documents: number;
  /** Counted over the corpus. */
  vocabulary: Vocabulary;
}

/**
 * Reads the data of a training run. The corpus is streamed: only candidate documents stay in memory.
 *
 * @throws DataError as {@link loadCandidates}, and for a query or document that the teacher scored and the folder lacks
 */
export async function loadTrainingData(
  dir: string,
  teacher: string,
  maxDocs?: number,
  reading?: CandidateOptions,
): Promise<TrainingData> {
  const { folder, lists, qrels } = await loadCandidates(dir, teacher, maxDocs, reading);
  const wanted = new Set(lists.flatMap((list) => list.docids));
  const documents = new Map<string, PreparedDocument>();
  const vocabulary = new Vocabulary();
  for await (const { id, title, text } of distinct(readCorpus(folder.corpus, reading))) {
    const document = new PreparedDocument(title, text);
    vocabulary.add(document.all);
    if (wanted.has(id)) documents.set(id, document);
  }
  const queries = new Map<string, string>();
  for await (const { id, text } of distinct(readQueries(folder.queries, reading))) queries.set(id, text);

  const known = knownLists(lists, folder, { queries, documents }, reading);
  const withFeatures = known.map((list): FeatureList => {
    const query = new PreparedQuery(words(queries.get(list.qid)!), vocabulary);
    const features = new Float64Array(list.docids.length * FEATURE_COUNT);
    list.docids.forEach((docid, i) => {
      query.write(documents.get(docid)!, features, i * FEATURE_COUNT);
    });
    return { ...list, features };
  });
  return { lists: withFeatures, qrels, documents: vocabulary.documents, vocabulary };
}
