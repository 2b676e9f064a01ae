// Reading and writing the files of a saved student: config.json with version and digests, and tensors, each checked as it is read.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as p from '../../parse.js';
import { ModelError } from './model-error.js';
import { parseTensors, type Tensor } from './safetensors.js';

/** This package's version. Resolved by package name, which works from every entry and bundle. */
export const PACKAGE_VERSION = p.object({ version: p.text })(
  createRequire(__filename)('ckl-loss/package.json'),
  'package.json',
).version;

const FORMAT = 'ckl-loss student ';
const FORMAT_VERSION = '1';
/** The descriptions of tensors. */
export const TENSORS_FORMAT = `${FORMAT}${FORMAT_VERSION}`;

export const MODEL_FILES = {
  config: 'config.json',
  words: 'vocabulary.txt',
  tensors: 'model.safetensors',
} as const;

/** Where the tensors of a folder are. */
export const tensorsFile = (dir: string): string => join(dir, MODEL_FILES.tensors);

export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The bytes of config.json. */
export const configBytes = (config: object): Buffer =>
  Buffer.from(
    `${JSON.stringify({ format: TENSORS_FORMAT, version: PACKAGE_VERSION, ...config }, null, 2)}\n`,
  );

/**
 * The config of a folder, of any kind of student.
 *
 * @throws ModelError
 */
export async function readConfig<T>(dir: string, parse: p.Parser<T>): Promise<T> {
  const file = join(dir, MODEL_FILES.config);
  const value = parseJson(file, await read(file));
  return shaped(file, () => {
    const { format } = p.object({ format: p.text })(value, '');
    if (!format.startsWith(FORMAT)) throw new p.ShapeError('format', 'that of a student of ckl-loss');
    const found = format.slice(FORMAT.length);
    if (found !== FORMAT_VERSION)
      throw new ModelError(
        file,
        'version',
        `it has version ${JSON.stringify(found)} of the format, and ckl-loss ${PACKAGE_VERSION} reads version ${FORMAT_VERSION}`,
      );
    return parse(value, '');
  });
}

/**
 * A file whose digest is in the config.
 *
 * @throws ModelError
 */
export async function readChecked<N extends string>(
  dir: string,
  name: N,
  digests: Readonly<Record<N, string>>,
): Promise<[file: string, bytes: Buffer]> {
  const file = join(dir, name);
  const bytes = await read(file);
  if (digestOf(bytes) !== digests[name])
    throw new ModelError(file, 'damaged', `its SHA-256 is not the one in ${MODEL_FILES.config}`);
  return [file, bytes];
}

/** @throws ModelError */
export const tensorsIn = (file: string, bytes: Buffer): Map<string, Tensor> =>
  shaped(file, () => parseTensors(bytes));

/** @throws ModelError */
export async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ModelError(file, 'missing', `it cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws ModelError */
export function parseJson(file: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ModelError(file, 'damaged', `it is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** Converts a ShapeError to a ModelError. */
export function shaped<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof p.ShapeError) throw new ModelError(file, 'shape', error.message, { cause: error });
    throw error;
  }
}

/**
 * Removes a tensor, so that any left over at the end are unknown.
 *
 * @throws ModelError if it is missing, or has another shape or type
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
