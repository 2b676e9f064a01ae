// The options for an encoder's vectors, of `refine --student adapter` and of the commands that use a saved adapter.
import { SIDES, SIMILARITIES } from '../students/adapter/adapter-student.js';
import type { EmbeddingFiles } from '../students/adapter/vector-lists.js';
import { choice, number, text, type ValuesOf } from './command.js';
import { required, UsageError } from './usage.js';

/** The files of vectors and their ids. */
export const embeddingOptions = {
  'query-embeddings': text('FILE', 'vectors of the queries: .npy, safetensors or Parquet'),
  'document-embeddings': text('FILE', 'vectors of the documents, of the same encoder'),
  'query-ids': text(
    'FILE',
    "ids of the queries, one per line, in the order of the vectors (default: NAME.ids.txt next to NAME.npy; otherwise the folder's order)",
  ),
  'document-ids': text('FILE', 'the same for the documents'),
};

/** What is learned from them. */
export const adapterOptions = {
  ...embeddingOptions,
  adapt: choice(
    'which vectors are mapped: query leaves the documents and their index unchanged, both learns a map for each side (default: query)',
    SIDES,
  ),
  rank: number('learn the identity plus a matrix of rank N (default: a full matrix)', {
    min: 1,
    whole: true,
  }),
  similarity: choice('similarity of two vectors: cosine or dot (default: cosine)', SIMILARITIES),
};

export const ADAPTER_OPTION_NAMES = Object.keys(adapterOptions);

/** @throws UsageError for one without the other */
export function readEmbeddings(values: Partial<ValuesOf<typeof embeddingOptions>>): EmbeddingFiles {
  return {
    queryEmbeddings: required('query-embeddings', values['query-embeddings']),
    documentEmbeddings: required('document-embeddings', values['document-embeddings']),
    queryIds: values['query-ids'],
    documentIds: values['document-ids'],
  };
}

/** Whether a command is about vectors. */
export const hasEmbeddings = (values: {
  'query-embeddings'?: string;
  'document-embeddings'?: string;
}): boolean => values['query-embeddings'] !== undefined || values['document-embeddings'] !== undefined;

export const readAdapter = (values: ValuesOf<typeof adapterOptions>) => ({
  ...readEmbeddings(values),
  sides: values.adapt ?? ('query' as const),
  rank: values.rank ?? 0,
  similarity: values.similarity ?? ('cosine' as const),
});

/** @throws UsageError for options that belong to students of words */
export function refuseForAdapter(given: ReadonlySet<string>): void {
  const idle = ['zero-shot', 'width'].find((option) => given.has(option));
  if (idle)
    throw new UsageError(
      `--${idle} does not belong to --student adapter: ${idle === 'width' ? 'its vectors are as long as those of the files' : 'it has vectors of one collection'}`,
    );
}
