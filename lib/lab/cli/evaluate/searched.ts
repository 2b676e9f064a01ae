// `ckl-loss evaluate --model`: what a saved student is to search, and the judgements that it is measured against.
import { loadQrels, mergeQrels, openBeir, type BeirFolder, type ReadOptions } from '../../../data/index.js';
import type { Qrels, Run } from '../../../metrics/index.js';
import { load } from '../../students/index.js';
import { readTestQueries } from '../../students/saved/model-files.js';
import { searchVectors } from '../adapter-search.js';
import { hasEmbeddings, readEmbeddings } from '../embedding-options.js';
import { searchFiles, splitOf } from '../model-options.js';
import type { Output } from '../progress.js';
import { readNumber, required, UsageError } from '../usage.js';

interface Asked {
  model?: string;
  data?: string;
  split?: string;
  measured?: boolean;
  k?: string;
  run?: string;
  qrels?: string;
  'query-embeddings'?: string;
  'document-embeddings'?: string;
  'query-ids'?: string;
  'document-ids'?: string;
}

/** The options that need a model. */
const OWN = [
  ...(['data', 'split', 'measured', 'k'] as const),
  ...(['query-embeddings', 'document-embeddings', 'query-ids', 'document-ids'] as const),
];

/** @throws UsageError for options that belong to a model where there is none */
export function refuseIdle(values: Asked): void {
  const idle = OWN.find((name) => values[name] !== undefined);
  if (idle) throw new UsageError(`--${idle} does nothing without --model`);
}

/** What a model is to search. */
export async function readSearched(values: Asked) {
  const { model, data, split, measured = false, k, run, qrels } = values;
  if (measured && split !== undefined) throw new UsageError('--measured and --split exclude each other');
  if (run !== undefined || qrels !== undefined)
    throw new UsageError(`--model and --${run === undefined ? 'qrels' : 'run'} exclude each other`);
  const folder = await openBeir(required('data', data));
  return {
    model: required('model', model),
    data: folder.dir,
    embeddings: hasEmbeddings(values) ? readEmbeddings(values) : undefined,
    corpus: folder.corpus,
    queries: folder.queries,
    folder,
    measured,
    judgements: measured ? [...folder.qrels.values()].join(', ') : splitOf(folder.qrels, split ?? 'test'),
    k: readNumber('k', k, { min: 1, whole: true }) ?? 1000,
  };
}

/** The judgements that what a student finds is measured against. */
export function loadSearched(
  { model, folder, measured, judgements }: Awaited<ReturnType<typeof readSearched>>,
  reading: ReadOptions,
): Promise<Qrels> {
  return measured ? loadMeasured(model, folder, reading) : loadQrels(judgements, reading);
}

/** The judgements of all splits, of the queries that the student was tested on. */
async function loadMeasured(model: string, { qrels }: BeirFolder, reading: ReadOptions): Promise<Qrels> {
  const tested = await readTestQueries(model);
  const parts: [string, Qrels][] = [];
  for (const file of qrels.values()) parts.push([file, await loadQrels(file, reading)]);
  return new Map([...mergeQrels(parts, { skipBad: true })].filter(([qid]) => tested.has(qid)));
}

/** What a model finds for the judged queries. */
export async function searchModel(
  searched: Awaited<ReturnType<typeof readSearched>>,
  qrels: Qrels,
  reading: ReadOptions,
  progressOut: Output,
): Promise<Run> {
  const { model, embeddings, k, data } = searched;
  return embeddings
    ? searchVectors(model, embeddings, { k, data, judged: qrels, reading }, progressOut)
    : searchFiles(await load(model), { ...searched, qrels }, { k }, reading, progressOut);
}
