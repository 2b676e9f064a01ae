// A teacher given as embeddings: its scores are computed when the loss reads them, all at once or for a block
// of queries.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { allocate, type BatchArray, viewOf } from '../loss/arrays.js';
import { lengthOf } from '../loss/intrinsics.js';
import { checkScoring, type NativeScoring, newScoring, ScoringNumber } from '../native/scoring.js';
import { readSimilarity, type ReadSimilarity } from './options.js';
import { argumentsOf, checkNames, newNumbers, type Pairs } from './pairs.js';
import { held, readVectors, type Vectors } from './vectors.js';

/** The caller's properties, each read once. */
export interface GivenTeacher {
  teacher: unknown;
  teacherQueries: unknown;
  teacherDocuments: unknown;
}

const name = 'teacherEmbeddings';
const nothing = { offsets: undefined, mask: undefined, ids: undefined };

/** @param options those of `prepare`, whose element type, instruction set and threads the teacher shares */
export function readTeacherOption(options: Record<string, unknown>): ReadSimilarity | null {
  const value = options[name];
  if (value === undefined) return null;
  checkNames(value, name, ['dim', 'similarity', 'scale', 'dtype']);
  const { dtype, cpuTarget, threads } = options;
  const all = { dtype, ...value, cpuTarget, threads };
  const read = readSimilarity(all as Parameters<typeof readSimilarity>[0], `${name}.`);
  const { similarity } = read.space;
  if (similarity === 'dot' || similarity === 'cosine') return read;
  throw new CklRangeError(
    'ERR_CKL_OPTION',
    `${name}.similarity is '${similarity}'; a teacher has one vector for each text: dot or cosine`,
  );
}

/**
 * The pairs of a batch with the teacher's vectors, one for each query and document of the student's; null: the batch has none.
 * @param read the option; null: there is none
 */
export function readTeacherPairs(
  given: GivenTeacher,
  pairs: Pairs,
  read: ReadSimilarity | null,
): Pairs | null {
  const isGiven = (value: unknown) => value !== undefined && value !== null;
  const found = (['teacherQueries', 'teacherDocuments'] as const).filter((side) => isGiven(given[side]));
  if (found.length === 0) return null;
  const refuse = (why: string) => new CklTypeError('ERR_CKL_OPTION', `${found[0]} is given, but ${why}`);
  if (read === null)
    throw refuse(`not the option ${name}, which says how the teacher's embeddings are compared`);
  if (isGiven(given.teacher)) throw refuse('teacher, too; leave one of them out');
  if (found.length === 1)
    throw refuse(
      `${found[0] === 'teacherQueries' ? 'teacherDocuments' : 'teacherQueries'} is ${describe(undefined)}`,
    );
  const side = (ofTeacher: (typeof found)[number], student: Vectors): Vectors => {
    const vectors = readVectors(given[ofTeacher], ofTeacher, nothing, read.space);
    if (vectors.count === student.count) return vectors;
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `${ofTeacher} holds ${held(vectors, read.space.dim)}; the batch has ${student.count}`,
    );
  };
  return {
    ...pairs,
    queries: side('teacherQueries', pairs.queries),
    documents: side('teacherDocuments', pairs.documents),
  };
}

/** The teacher's arrays, by name. */
export function teacherInputs(pairs: Pairs | null): [name: string, array: BatchArray | null][] {
  return [
    ['teacherQueries', pairs && pairs.queries.native],
    ['teacherDocuments', pairs && pairs.documents.native],
  ];
}

/** Computes a teacher's scores, in memory that the next scores are written to. */
export class TeacherScorer {
  private readonly scorer: NativeScoring;
  private readonly numbers = newNumbers();
  private memory = new Float32Array(0);

  constructor(private readonly read: ReadSimilarity) {
    this.scorer = newScoring(read.cpuTarget, read.threads);
  }

  /** Elements of a vector. */
  get dim(): number {
    return this.read.space.dim;
  }

  /** @param compact documents are normalised as they are read, and not held as a whole */
  scores(pairs: Pairs, compact: boolean): Float32Array {
    const { read, numbers } = this;
    const { extent } = pairs.layout;
    if (lengthOf(this.memory) < extent) this.memory = allocate(Float32Array, extent, 'teacher');
    const made = viewOf(this.memory, 0, extent);
    const args = argumentsOf(pairs, read.space, read.scale, numbers);
    numbers[ScoringNumber.compact] = Number(compact);
    checkScoring(this.scorer.scores(...args, null, made), numbers);
    return made;
  }

  /** Computes the scores into new memory. @param pairs owned by the library until the scores are complete */
  async scoresAsync(pairs: Pairs): Promise<Float32Array> {
    const numbers = newNumbers();
    const made = allocate(Float32Array, pairs.layout.extent, 'teacher');
    const args = argumentsOf(pairs, this.read.space, this.read.scale, numbers);
    checkScoring(await this.scorer.scoresAsync(...args, null, made), numbers);
    return made;
  }

  dispose(): void {
    this.scorer.dispose();
    this.memory = new Float32Array(0);
  }
}
