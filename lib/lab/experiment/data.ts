// The data of an experiment with retrievers: collection, folds, and the corpora of the zero-shot columns.
import { basename, dirname } from 'node:path';
import { DataError, loadQrels, mergeQrels, openBeir, type ReadOptions } from '../../data/index.js';
import type { Qrels } from '../../metrics/index.js';
import { foldLists, splitLists, type Split } from '../training/split.js';
import { teacherDeviation } from '../students/linear/standardise.js';
import { loadCollection, readBags, type Bag, type BagList, type Collection } from '../students/words/bags.js';
import type { CountedCorpus } from '../students/words/corpus.js';
import type { Experiment } from './plan.js';
import { dataDigest, fullDigest } from './data-digest.js';
import type { DataSummary } from './results.js';
import { findOwnDocuments, withoutOwn, type IdenticalIds, type OwnDocuments } from './own-documents.js';
import { teacherScale } from './teacher-scale.js';

export interface SearchTask extends Pick<CountedCorpus, 'docids' | 'bags' | 'statistics'> {
  name: string;
  queries: ReadonlyMap<string, Bag>;
  qrels: Qrels;
  own: OwnDocuments;
}

export interface Fold extends Split<BagList> {
  /** The test queries. */
  queries: ReadonlyMap<string, Bag>;
  teacherTemperature: number;
}

export interface RetrievalData {
  collection: Collection;
  own: OwnDocuments;
  zeroShot: SearchTask[];
  /** Words of all corpora together. */
  vocabulary: number;
  folds: Fold[];
  /** Lines left out, of all files. */
  skipped: number;
}

/** How sharp the teacher's distribution is made by default: this share of its standard deviation within lists. */
export const TEMPERATURE_SHARE = 0.7;

/** A folder's name in reports: its own, or its parent's where it is only called `beir`. */
export function nameOf(dir: string): string {
  const name = basename(dir);
  return name === 'beir' ? basename(dirname(dir)) : name;
}

/** @throws DataError for bad files, RangeError for data that cannot be split */
export async function loadRetrieval(
  options: Pick<
    Experiment,
    | 'data'
    | 'teacher'
    | 'zeroShot'
    | 'skipBad'
    | 'level'
    | 'identicalIds'
    | 'folds'
    | 'seed'
    | 'teacherTemperature'
  >,
): Promise<RetrievalData> {
  let skipped = 0;
  const reading = { skipBad: options.skipBad, onSkip: () => skipped++ };
  const { identicalIds } = options;
  const read = await loadCollection(options.data, options.teacher, { ...reading, level: options.level });
  const queries = new Map(read.lists.map((list) => [list.qid, list.query.words]));
  const own = findOwnDocuments(
    namesakes(read, queries.keys()),
    queries,
    mergeQrels(read.qrels, { skipBad: true }),
    identicalIds,
  );
  const collection = own.ignored ? { ...read, lists: withoutOwn(read.lists) } : read;
  const zeroShot = await loadTasks(options.zeroShot, collection.numbers, reading, identicalIds);
  const splits =
    options.folds > 0
      ? foldLists(collection, options.folds, options.seed)
      : [splitLists(collection, options.seed)];
  const folds = splits.map((split) => ({
    ...split,
    queries: new Map(split.test.map((list) => [list.qid, list.query])),
    teacherTemperature:
      options.teacherTemperature ?? (TEMPERATURE_SHARE * teacherDeviation(split.train) || 1),
  }));
  return { collection, own, zeroShot, vocabulary: collection.numbers.size, folds, skipped };
}

/** The documents that have the id of a query, with their words. */
function* namesakes({ docids, bags }: Pick<CountedCorpus, 'docids' | 'bags'>, qids: Iterable<string>) {
  for (const qid of qids) {
    const place = docids.placeOf(qid);
    if (place >= 0) yield [qid, bags.rows.row(place).words] as const;
  }
}

/** Reads folders one by one; of several with one name, the later ones get a number after it. */
export async function loadTasks(
  dirs: readonly string[],
  numbers: Map<string, number>,
  reading?: ReadOptions,
  identicalIds?: IdenticalIds,
): Promise<SearchTask[]> {
  const tasks: SearchTask[] = [];
  const met = new Map<string, number>();
  for (const dir of dirs) {
    const task = await loadTask(dir, numbers, reading, identicalIds);
    const count = (met.get(task.name) ?? 0) + 1;
    met.set(task.name, count);
    tasks.push(count === 1 ? task : { ...task, name: `${task.name} ${count}` });
  }
  return tasks;
}

/** Reads the test split of a folder, or all that is judged where it has none. */
async function loadTask(
  dir: string,
  numbers: Map<string, number>,
  reading?: ReadOptions,
  identicalIds?: IdenticalIds,
): Promise<SearchTask> {
  const folder = await openBeir(dir);
  // The test split where there is one; else all that is judged.
  const paths = folder.qrels.has('test') ? [folder.qrels.get('test')!] : [...folder.qrels.values()];
  const parts: [string, Qrels][] = [];
  for (const path of paths) parts.push([path, await loadQrels(path, reading)]);
  const qrels = mergeQrels(parts, reading);
  const { queries: judged, ...corpus } = await readBags(folder, numbers, reading, qrels);
  if (judged.size === 0)
    throw new DataError(paths.join(', '), 0, `judgements of queries in ${folder.queries}`, 'none');
  const asked = new Map([...judged].map(([qid, { words }]) => [qid, words]));
  const own = findOwnDocuments(namesakes(corpus, asked.keys()), asked, qrels, identicalIds);
  const { docids, bags, statistics } = corpus;
  return { name: nameOf(dir), docids, bags, statistics, queries: judged, qrels, own };
}

/** The data in numbers, without a word of their texts. */
export function summarise(
  { collection, own, folds, zeroShot, vocabulary, skipped }: RetrievalData,
  { data }: Pick<Experiment, 'data'>,
): DataSummary {
  const digest = dataDigest(collection);
  return {
    name: nameOf(data),
    documents: collection.docids.length,
    words: collection.vocabulary,
    allWords: vocabulary,
    lists: collection.lists.length,
    digest,
    fullDigest: fullDigest(digest, collection, zeroShot),
    skipped,
    own: [{ name: nameOf(data), own }, ...zeroShot]
      .map((one) => ({ name: one.name, ...one.own }))
      .filter(({ queries }) => queries > 0),
    folds: folds.map(({ train, dev, test, unusable, teacherTemperature }) => ({
      train: train.length,
      dev: dev.length,
      test: test.length,
      unusable,
      teacherTemperature,
    })),
    teacherScales: folds.map(({ train, teacherTemperature }) => teacherScale(train, teacherTemperature)),
    zeroShot: zeroShot.map(({ name, docids, queries }) => ({
      name,
      documents: docids.length,
      queries: queries.size,
    })),
  };
}
