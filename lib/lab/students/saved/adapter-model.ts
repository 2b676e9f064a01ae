// Converts the adapter student to the files of a saved student, and back.
import { join } from 'node:path';
import * as p from '../../parse.js';
import { AdapterStudent, SIDES, SIMILARITIES } from '../adapter/adapter-student.js';
import {
  configBytes,
  digestOf,
  MODEL_FILES,
  readChecked,
  readConfig,
  takeTensor,
  TENSORS_FORMAT,
  tensorsIn,
} from './folder.js';
import { ModelError } from './model-error.js';
import { formatTensors, type Tensor } from './safetensors.js';

/** The description of a saved adapter. */
export interface AdapterContent {
  student: 'adapter';
  /** Elements of a vector. */
  width: number;
  sides: (typeof SIDES)[number];
  /** 0: a full matrix. */
  rank: number;
  similarity: (typeof SIMILARITIES)[number];
  /** Whether each text has several vectors. */
  late: boolean;
  tensors: Map<string, Tensor>;
}

export function adapterModelOf(student: AdapterStudent): AdapterContent {
  const { dim, isLate, shape, parameters, shapes } = student;
  const tensors = Object.entries(parameters).map(
    ([name, numbers]) => [`adapter.${name}`, { shape: shapes[name], numbers: numbers.slice() }] as const,
  );
  return { student: 'adapter', width: dim, ...shape, late: isLate, tensors: new Map(tensors) };
}

/** The files by name. */
export function formatAdapter({ tensors, ...config }: AdapterContent): Record<string, Uint8Array> {
  const bytes = formatTensors(Object.fromEntries(tensors), {
    format: TENSORS_FORMAT,
    student: config.student,
  });
  return {
    [MODEL_FILES.config]: configBytes({ ...config, sha256: { [MODEL_FILES.tensors]: digestOf(bytes) } }),
    [MODEL_FILES.tensors]: bytes,
  };
}

const configShape = p.object({
  version: p.text,
  student: p.oneOf('adapter'),
  width: p.count,
  sides: p.oneOf(...SIDES),
  rank: p.count,
  similarity: p.oneOf(...SIMILARITIES),
  late: p.truth,
  sha256: p.object({ [MODEL_FILES.tensors]: p.text }),
});

/**
 * Reads a folder that {@link formatAdapter} made.
 *
 * @throws ModelError
 */
export async function readAdapter(dir: string): Promise<{ version: string; student: AdapterStudent }> {
  const { version, width, late, sha256, ...shape } = await readConfig(dir, configShape);
  const configFile = join(dir, MODEL_FILES.config);
  if (width === 0) throw new ModelError(configFile, 'shape', 'its vectors have no elements');
  const [file, bytes] = await readChecked(dir, MODEL_FILES.tensors, sha256);
  const tensors = tensorsIn(file, bytes);
  // Checked before allocating the memory that the config asks for.
  if (4 * width * (shape.rank || width) > bytes.length)
    throw new ModelError(file, 'shape', `it contains no map for vectors of ${width} elements`);
  const student = new AdapterStudent(width, late, shape, 0);
  student.load(
    Object.fromEntries(
      Object.entries(student.shapes).map(([name, sides]) => [
        name,
        takeTensor(file, tensors, `adapter.${name}`, sides, Float32Array),
      ]),
    ),
  );
  const [strange] = tensors.keys();
  if (strange !== undefined)
    throw new ModelError(file, 'shape', `its tensor ${JSON.stringify(strange)} belongs to no adapter`);
  return { version, student };
}
