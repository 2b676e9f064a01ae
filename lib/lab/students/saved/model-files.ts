// The files of a saved student of words (config.json, vocabulary.txt and model.safetensors), and their
// content.
import { join } from 'node:path';
import * as p from '../../parse.js';
import { STUDENT_NAMES } from '../students.js';
import type { Statistics } from '../words/weighing.js';
import {
  configBytes,
  digestOf,
  MODEL_FILES,
  parseJson,
  read,
  readChecked,
  readConfig,
  shaped,
  takeTensor,
  TENSORS_FORMAT,
  tensorsIn,
} from './folder.js';
import { ModelError } from './model-error.js';
import { formatTensors, type Tensor } from './safetensors.js';

/** Not needed to load the student. */
const TEST_QUERIES = 'test-queries.json';

/** The tensor with the number of documents that hold each word. */
const FREQUENCY = 'frequency';

export const MODEL_STUDENTS = [...STUDENT_NAMES, 'linear'] as const;

/** The description of a saved student, without its numbers. */
export interface ModelConfig {
  student: (typeof MODEL_STUDENTS)[number];
  /** Length of the vectors; 0 for a student without vectors. */
  width: number;
  /** Two stages only. */
  firstStage?: 'bm25' | 'sparse';
  candidates?: number;
  /** Linear student only: the names of its features, in order. */
  features?: string[];
}

/** The content of a saved student. */
export interface ModelContent extends ModelConfig {
  /** The version of the package that wrote it. */
  version: string;
  /** The words, by number. */
  words: string[];
  /** Counted over the collection that it was trained on. */
  statistics: Statistics & { frequency: Int32Array };
  /** Parameters and other tensors of the student, by name. */
  tensors: Map<string, Tensor>;
}

/** The files by name. */
export function formatModel({
  words,
  statistics,
  tensors,
  ...model
}: Omit<ModelContent, 'version'>): Record<string, Uint8Array> {
  const { documents, length, frequency } = statistics;
  const { student, width, firstStage, candidates, features } = model;
  const bytes = formatTensors(
    { ...Object.fromEntries(tensors), [FREQUENCY]: { shape: [words.length], numbers: frequency } },
    { format: TENSORS_FORMAT, student },
  );
  const text = Buffer.from(words.map((word) => `${word}\n`).join(''));
  const config = {
    ...{ student, width, firstStage, candidates, features },
    collection: { documents, length },
    sha256: { [MODEL_FILES.words]: digestOf(text), [MODEL_FILES.tensors]: digestOf(bytes) },
  };
  return {
    [MODEL_FILES.config]: configBytes(config),
    [MODEL_FILES.words]: text,
    [MODEL_FILES.tensors]: bytes,
  };
}

const configShape = p.object({
  version: p.text,
  student: p.oneOf(...MODEL_STUDENTS),
  width: p.count,
  firstStage: p.optional(p.oneOf('bm25', 'sparse')),
  candidates: p.optional(p.count),
  features: p.optional(p.array(p.text)),
  collection: p.object({ documents: p.count, length: p.count }),
  sha256: p.object({ [MODEL_FILES.words]: p.text, [MODEL_FILES.tensors]: p.text }),
});

/**
 * Reads a folder that {@link formatModel} made.
 *
 * @throws ModelError
 */
export async function readModel(dir: string): Promise<ModelContent> {
  const { sha256, collection, ...config } = await readConfig(dir, (value, at) => {
    refuseAdapter(dir, value);
    return configShape(value, at);
  });
  const words = wordsOf(...(await readChecked(dir, MODEL_FILES.words, sha256)));
  const [file, bytes] = await readChecked(dir, MODEL_FILES.tensors, sha256);
  const tensors = tensorsIn(file, bytes);
  const frequency = takeTensor(file, tensors, FREQUENCY, [words.length], Int32Array);
  const { documents } = collection;
  if (documents < 1 || !frequency.every((n) => n >= 0 && n <= documents))
    throw new ModelError(file, 'shape', `${FREQUENCY} does not count ${documents} documents`);
  return { ...config, words, statistics: { ...collection, frequency }, tensors };
}

function refuseAdapter(dir: string, config: unknown): void {
  if (p.record(p.anything)(config, '').student === 'adapter')
    throw new ModelError(
      dir,
      'shape',
      'it is an adapter, which takes vectors and no texts: loadAdapter, or --query-embeddings and --document-embeddings',
    );
}

function wordsOf(file: string, bytes: Buffer): string[] {
  const words = bytes.toString('utf8').split('\n');
  const last = words.pop();
  if (last !== '' || words.length === 0 || words.includes('') || new Set(words).size !== words.length)
    throw new ModelError(file, 'shape', 'it is not a list of different words, one per line');
  return words;
}

/** The ids of the queries that a student was tested on, as a file's name and content. */
export const formatTestQueries = (qids: readonly string[]): Record<string, string> => ({
  [TEST_QUERIES]: `${JSON.stringify(qids)}\n`,
});

/**
 * The ids that {@link formatTestQueries} wrote.
 *
 * @throws ModelError
 */
export async function readTestQueries(dir: string): Promise<ReadonlySet<string>> {
  const file = join(dir, TEST_QUERIES);
  const value = parseJson(file, await read(file));
  return new Set(shaped(file, () => p.array(p.text)(value, '')));
}
