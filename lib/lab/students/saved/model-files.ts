// The files of a saved student: config.json, vocabulary.txt and model.safetensors, written and checked as they are read.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as p from '../../parse.js';
import { STUDENT_NAMES } from '../students.js';
import type { Statistics } from '../words/weighing.js';
import { ModelError } from './model-error.js';
import { formatTensors, parseTensors, type Tensor } from './safetensors.js';

/** This package's. Asked for by its name, for which every entry and bundle finds it. */
export const PACKAGE_VERSION = p.object({ version: p.text })(
  createRequire(__filename)('ckl-loss/package.json'),
  'package.json',
).version;

const FORMAT = 'ckl-loss student ';
const FORMAT_VERSION = '1';
export const MODEL_FILES = {
  config: 'config.json',
  words: 'vocabulary.txt',
  tensors: 'model.safetensors',
} as const;

/** Not needed to load the student. */
const TEST_QUERIES = 'test-queries.json';

/** The tensor with the number of documents that hold each word. */
const FREQUENCY = 'frequency';

export const MODEL_STUDENTS = [...STUDENT_NAMES, 'linear'] as const;

/** What a saved student is, without its numbers. */
export interface ModelConfig {
  student: (typeof MODEL_STUDENTS)[number];
  /** Length of the vectors; 0 for a student without. */
  width: number;
  /** Of two stages. */
  firstStage?: 'bm25' | 'sparse';
  candidates?: number;
  /** Of the linear student: what it sees of a query and a document, in order. */
  features?: string[];
}

/** What a saved student consists of. */
export interface ModelContent extends ModelConfig {
  /** The version of the package that wrote it. */
  version: string;
  /** The words, by number. */
  words: string[];
  /** Counted over the collection that it was trained on. */
  statistics: Statistics & { frequency: Int32Array };
  /** Parameters and what else the student consists of, by name. */
  tensors: Map<string, Tensor>;
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

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
    { format: `${FORMAT}${FORMAT_VERSION}`, student },
  );
  const text = Buffer.from(words.map((word) => `${word}\n`).join(''));
  const config = {
    format: `${FORMAT}${FORMAT_VERSION}`,
    version: PACKAGE_VERSION,
    ...{ student, width, firstStage, candidates, features },
    collection: { documents, length },
    sha256: { [MODEL_FILES.words]: digestOf(text), [MODEL_FILES.tensors]: digestOf(bytes) },
  };
  return {
    [MODEL_FILES.config]: Buffer.from(`${JSON.stringify(config, null, 2)}\n`),
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
  const configFile = join(dir, MODEL_FILES.config);
  const { sha256, collection, ...config } = readConfig(configFile, await read(configFile));
  const checked = async (name: keyof typeof sha256): Promise<[file: string, bytes: Buffer]> => {
    const file = join(dir, name);
    const bytes = await read(file);
    if (digestOf(bytes) !== sha256[name])
      throw new ModelError(file, 'damaged', `its SHA-256 is not the one in ${MODEL_FILES.config}`);
    return [file, bytes];
  };
  const words = wordsOf(...(await checked(MODEL_FILES.words)));
  const [file, bytes] = await checked(MODEL_FILES.tensors);
  const tensors = shaped(file, () => parseTensors(bytes));
  const frequency = takeTensor(file, tensors, FREQUENCY, [words.length], Int32Array);
  const { documents } = collection;
  if (documents < 1 || !frequency.every((n) => n >= 0 && n <= documents))
    throw new ModelError(file, 'shape', `${FREQUENCY} does not count ${documents} documents`);
  return { ...config, words, statistics: { ...collection, frequency }, tensors };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ModelError(file, 'missing', `it cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function parseJson(file: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ModelError(file, 'damaged', `no JSON: ${(error as Error).message}`, { cause: error });
  }
}

function readConfig(file: string, bytes: Buffer) {
  const value = parseJson(file, bytes);
  return shaped(file, () => {
    const { format } = p.object({ format: p.text })(value, '');
    if (!format.startsWith(FORMAT)) throw new p.ShapeError('format', 'that of a student of ckl-loss');
    const found = format.slice(FORMAT.length);
    if (found !== FORMAT_VERSION)
      throw new ModelError(
        file,
        'version',
        `of version ${JSON.stringify(found)} of the format, and ckl-loss ${PACKAGE_VERSION} reads version ${FORMAT_VERSION}`,
      );
    return configShape(value, '');
  });
}

function wordsOf(file: string, bytes: Buffer): string[] {
  const words = bytes.toString('utf8').split('\n');
  const last = words.pop();
  if (last !== '' || words.length === 0 || words.includes('') || new Set(words).size !== words.length)
    throw new ModelError(file, 'shape', 'it is not a list of different words, one per line');
  return words;
}

/** Makes a ModelError of a ShapeError. */
function shaped<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof p.ShapeError) throw new ModelError(file, 'shape', error.message, { cause: error });
    throw error;
  }
}

/**
 * Takes a tensor away, so that what is left in the end belongs to nothing.
 *
 * @throws ModelError for one that is not there, or of another shape or type
 */
export function takeTensor<N extends Tensor['numbers']>(
  file: string,
  tensors: Map<string, Tensor>,
  name: string,
  shape: readonly number[],
  type: abstract new (...parameters: never[]) => N,
): N {
  const found = tensors.get(name);
  if (!found) throw new ModelError(file, 'shape', `it has no tensor ${JSON.stringify(name)}`);
  const { numbers } = found;
  if (!(numbers instanceof type) || found.shape.join() !== shape.join())
    throw new ModelError(
      file,
      'shape',
      `tensor ${JSON.stringify(name)} is ${numbers.constructor.name} [${found.shape.join(', ')}] and not ${type.name} [${shape.join(', ')}]`,
    );
  tensors.delete(name);
  return numbers;
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

/** Where the tensors of a folder are. */
export const tensorsFile = (dir: string): string => join(dir, MODEL_FILES.tensors);
