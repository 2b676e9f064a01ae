// Converts a retriever to the tensors of a saved student, and back.
import { assemble, CANDIDATES, idfsOf, type Pipeline, type StudentOptions } from '../students.js';
import type { TableStudent } from '../table-student.js';
import type { Statistics } from '../words/weighing.js';
import { takeTensor, tensorsFile } from './folder.js';
import { ModelError } from './model-error.js';
import type { ModelConfig, ModelContent } from './model-files.js';
import type { Tensor } from './safetensors.js';

/** The word vectors that do not learn, which all parts share. */
const VECTORS = 'vectors';

/**
 * @param numbers word -> its number
 * @param statistics of the collection that it was trained on
 */
export function modelOf(
  { parts }: Pick<Pipeline, 'parts'>,
  { student = 'dense', width, firstStage, candidates }: Omit<StudentOptions, 'seed'>,
  numbers: ReadonlyMap<string, number>,
  { frequency, ...counts }: Statistics,
): Omit<ModelContent, 'version'> {
  const tensors = new Map<string, Tensor>();
  for (const { name, student } of parts) {
    for (const [table, numbers] of Object.entries(student.parameters))
      tensors.set(`${name}.${table}`, { shape: student.shapes[table], numbers });
    for (const [table, numbers] of Object.entries(student.fixed))
      tensors.set(table, { shape: [numbers.length / width, width], numbers });
  }
  return {
    ...{ student, width },
    ...(student === 'two-stage' && {
      firstStage: firstStage ?? 'bm25',
      candidates: candidates ?? CANDIDATES,
    }),
    words: [...numbers.keys()],
    statistics: {
      ...counts,
      frequency: Int32Array.from({ length: numbers.size }, (_, i) => frequency[i] ?? 0),
    },
    tensors,
  };
}

/**
 * The student of a folder's content, with its parameters.
 *
 * @throws ModelError for tensors that are not those of such a student
 */
export function retrieverOf(
  dir: string,
  { student, words, statistics, ...model }: ModelContent & ModelConfig,
): Pipeline {
  const file = tensorsFile(dir);
  const tensors = new Map(model.tensors);
  const { width, firstStage, candidates } = model;
  if (student === 'linear') throw new RangeError('a linear student has no vectors');
  if (width === 0 || width % 4 !== 0)
    throw new ModelError(dir, 'shape', `its width is ${width}, not a multiple of 4`);
  if (candidates === 0) throw new ModelError(dir, 'shape', 'it reranks 0 candidates');
  const shape = [words.length, width];
  // Of the dense student they are parameters, and taken as such below.
  const vectors =
    student === 'dense'
      ? takeTensor(file, new Map(tensors), `${student}.vectors`, shape, Float32Array)
      : takeTensor(file, tensors, VECTORS, shape, Float32Array);
  const idf = idfsOf(statistics.documents, statistics.frequency);
  const pipeline = assemble(vectors, idf, { student, width, firstStage, candidates });
  for (const part of pipeline.parts) part.student.load(parametersOf(file, tensors, part));
  const [strange] = tensors.keys();
  if (strange !== undefined)
    throw new ModelError(
      file,
      'shape',
      `its tensor ${JSON.stringify(strange)} belongs to no part of the student`,
    );
  return pipeline;
}

function parametersOf(
  file: string,
  tensors: Map<string, Tensor>,
  { name, student }: { name: string; student: TableStudent },
): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(student.shapes).map(([table, shape]) => [
      table,
      takeTensor(file, tensors, `${name}.${table}`, shape, Float32Array),
    ]),
  );
}
