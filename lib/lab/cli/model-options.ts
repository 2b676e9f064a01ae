// What `search`, `encode` and `evaluate --model` share: the options of a model and its texts, and reading them.
import {
  DataError,
  loadQrels,
  openBeir,
  readCorpus,
  readQueries,
  type ReadOptions,
} from '../../data/index.js';
import { distinct } from '../../data/beir.js';
import type { Qrels } from '../../metrics/index.js';
import type { LoadedStudent } from '../students/index.js';
import { STATISTICS, type SearchOptions } from '../students/saved/loaded.js';
import { choice, flag, number, text } from './command.js';
import { timeLeft, type Output } from './progress.js';
import { countInto } from '../students/words/bags.js';
import { UsageError } from './usage.js';

export const modelOption = { model: text('DIR', 'a folder that --save of train, refine or compare wrote') };

export const textOptions = {
  data: text('DIR', 'a BEIR folder with corpus and queries'),
  corpus: text('FILE', 'instead of --data: documents in the form of corpus.jsonl, or Parquet'),
  queries: text('FILE', 'instead of --data: queries in the form of queries.jsonl, or Parquet'),
  split: text('NAME', 'with --data: only the queries that are judged in this split'),
  'skip-bad': flag('skip lines that cannot be read, and count them'),
};

export const searchOptions = {
  k: number('number of documents per query', { min: 1, whole: true }, 1000),
  statistics: choice(
    'source of idf and document length: corpus is the corpus that is searched, model is the training collection',
    STATISTICS,
    'corpus',
  ),
};

/** Where texts come from: a BEIR folder, or files. */
export interface TextFiles {
  corpus?: string;
  queries?: string;
  /** Only the queries that it judges. */
  qrels?: string;
}

interface Given {
  data?: string;
  corpus?: string;
  queries?: string;
  split?: string;
}

/** @throws UsageError, DataError */
export async function findTexts({ data, corpus, queries, split }: Given): Promise<TextFiles> {
  if (data === undefined) {
    if (split !== undefined) throw new UsageError('--split needs --data, the folder that has it');
    return { corpus, queries };
  }
  if (corpus !== undefined || queries !== undefined)
    throw new UsageError(`--data and --${corpus === undefined ? 'queries' : 'corpus'} exclude each other`);
  const folder = await openBeir(data);
  const qrels = split === undefined ? undefined : splitOf(folder.qrels, split);
  return { corpus: folder.corpus, queries: folder.queries, qrels };
}

/** @throws UsageError that names the splits there are */
export function splitOf(qrels: ReadonlyMap<string, string>, split: string): string {
  const found = qrels.get(split);
  if (found !== undefined) return found;
  throw new UsageError(`--split takes ${[...qrels.keys()].join(', ')}, not ${JSON.stringify(split)}`);
}

/** Documents in the order of the file, each id once. */
export async function readDocuments(file: string, reading: ReadOptions) {
  const documents = [];
  for await (const document of distinct(readCorpus(file, reading))) documents.push(document);
  if (documents.length === 0) throw new DataError(file, 0, 'documents', 'none');
  return documents;
}

/** Queries in the order of the file, of which the judged ones where judgements are given. */
export async function readAsked(file: string, reading: ReadOptions, judged?: Qrels) {
  const queries = [];
  for await (const query of distinct(readQueries(file, reading)))
    if (!judged || judged.has(query.id)) queries.push(query);
  if (queries.length === 0) throw new DataError(file, 0, judged ? 'judged queries' : 'queries', 'none');
  return queries;
}

const PLAIN_LINES = 10;

/** Searches a corpus, and shows how far it is. */
export async function searchFiles(
  student: LoadedStudent,
  { corpus, queries, qrels }: Required<Pick<TextFiles, 'corpus' | 'queries'>> & { qrels?: Qrels | string },
  { k, ...options }: Omit<SearchOptions, 'onProgress'> & { k: number },
  reading: ReadOptions,
  progressOut: Output,
) {
  const judged = typeof qrels === 'string' ? await loadQrels(qrels, reading) : qrels;
  const asked = await readAsked(queries, reading, judged);
  const prepared = await student.prepareFrom(
    (counting) => countInto(counting, readCorpus(corpus, reading)),
    options,
  );
  if (prepared.size === 0) throw new DataError(corpus, 0, 'documents', 'none');
  progressOut.write(`${prepared.size} documents, ${asked.length} queries\n`);
  const every = Math.ceil(asked.length / PLAIN_LINES);
  const started = performance.now();
  let shown = 0;
  return student.search(prepared, asked, k, {
    ...options,
    onProgress: (done, all) => {
      if (done === all && shown === 0) return;
      if (done - shown < every && done < all) return;
      shown = done;
      const left = done < all ? `, ${timeLeft(performance.now() - started, done, all)} left` : '';
      progressOut.write(`searched ${done} of ${all} queries${left}\n`);
    },
  });
}
