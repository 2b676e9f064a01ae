// The students that `ckl-loss refine` trains: how each starts, which of its parts learn, and how it searches.
import type { Bag } from './words/bags.js';
import type { Sequence } from './words/sequence.js';
import { DenseStudent } from './dense/dense-student.js';
import { multiVectorStart } from './multi-vector/multi-vector-start.js';
import { MultiVectorStudent } from './multi-vector/multi-vector-student.js';
import { SPARSE_DEFAULTS, SparseStudent } from './sparse/sparse-student.js';
import type { TableStudent } from './table-student.js';
import { bm25, twoStage, type Searcher } from './two-stage.js';
import { Random } from '../training/random.js';
import { startVectors } from './dense/word-vectors.js';
import type { OnPass } from './words/lsa.js';
import { idfOf } from './words/weighing.js';

export type StudentName = 'dense' | 'multi' | 'sparse' | 'two-stage';

/** The retrievers, and what of them learns in a comparison: students of one model share its trainings there. */
export const STUDENTS = {
  dense: { title: 'Dense (one vector a text)', model: 'dense' },
  multi: { title: 'Multi-vector (late interaction)', model: 'multi' },
  sparse: { title: 'Sparse (term weights with expansion)', model: 'sparse' },
  'two-stage': { title: 'Two stages (BM25, then multi-vector)', model: 'multi' },
} as const satisfies Record<StudentName, { title: string; model: StudentName }>;
export const STUDENT_NAMES = Object.keys(STUDENTS) as StudentName[];

export const isStudentName = (name: string): name is StudentName => Object.hasOwn(STUDENTS, name);

/** The negatives that a training list takes by default: the teacher's best, or drawn from its candidates. */
export const negativesOf = (student: StudentName): 'best' | 'drawn' =>
  student === 'dense' ? 'best' : 'drawn';

export interface StudentOptions {
  /** Default: dense. */
  student?: StudentName;
  /** Length of the vectors, even. */
  width: number;
  seed: number;
  /** Weights of the sparse student's FLOPS in the loss. */
  queryFlops?: number;
  documentFlops?: number;
  /**
   * Two-stage student only: the source of its candidates (default: bm25), and their number (default: 100).
   */
  firstStage?: 'bm25' | 'sparse';
  candidates?: number;
}

/** A student that learns and can search. */
export type Model = TableStudent & Searcher;

export interface Pipeline extends Searcher {
  /** What learns, one after the other; the last one is what reranks a list. */
  parts: { name: string; student: Model }[];
}

/** Default number of documents that a first stage retrieves per query. */
export const CANDIDATES = 100;

/**
 * An untrained student. The same data, options and seed give the same student, whatever words of other
 * collections are known.
 *
 * @param vocabulary total number of words, including those of other collections
 * @param given its word vectors, if already computed ({@link wordVectors})
 */
export function makeStudent(
  collection: Documents,
  vocabulary: number,
  options: StudentOptions,
  { start = wordVectors(collection, vocabulary, options) }: { start?: Float32Array } = {},
): Pipeline {
  const { bags } = collection;
  const { width, student: name = 'dense' } = options;
  if (name === 'dense') return assemble(start, new Float32Array(0), { width, student: name });
  const idf = idfsOf(bags.length, frequenciesOf(bags, vocabulary));
  return assemble(start, idf, { ...options, student: name });
}

/** The starting point of a student: latent semantic analysis of the documents. */
type Documents = { bags: Sequence<Bag>; vocabulary: number };

/**
 * The word vectors that an untrained student has.
 *
 * @param vocabulary as for {@link makeStudent}
 * @param onPass called after each pass of the latent semantic analysis
 * @returns words × width
 */
export function wordVectors(
  { bags, vocabulary: known }: Documents,
  vocabulary: number,
  { width, seed, student = 'dense' }: StudentOptions,
  onPass?: OnPass,
): Float32Array {
  if (student !== 'dense') return startOf(bags, [known, vocabulary, width, seed], onPass);
  const vectors = new Float32Array(vocabulary * width);
  vectors.set(startVectors(bags, known, width, seed, onPass));
  const random = new Random(~seed);
  for (let i = known * width; i < vectors.length; i++) vectors[i] = random.normal() / Math.sqrt(width);
  return vectors;
}

/**
 * A student with given word vectors.
 *
 * @param vectors words × width, copied: the initial vectors of a dense student, and the fixed vectors of all
 * others
 * @param idf of each word; a dense student uses the weights of its texts instead
 */
export function assemble(
  vectors: Float32Array,
  idf: Float32Array,
  options: Omit<StudentOptions, 'seed'>,
): Pipeline {
  const { width, student: name = 'dense', candidates = CANDIDATES } = options;
  if (name === 'dense') return single(name, new DenseStudent(vectors, width));
  const multi = () => new MultiVectorStudent(vectors, width, idf);
  const sparse = () =>
    new SparseStudent(vectors, width, idf, {
      queryFlops: options.queryFlops ?? SPARSE_DEFAULTS.queryFlops,
      documentFlops: options.documentFlops ?? SPARSE_DEFAULTS.documentFlops,
    });
  if (name === 'multi') return single(name, multi());
  if (name === 'sparse') return single(name, sparse());
  const reranker = { name: 'multi', student: multi() };
  if (options.firstStage !== 'sparse')
    return { parts: [reranker], ...twoStage(bm25, reranker.student, candidates) };
  const first = sparse();
  return {
    parts: [{ name: 'sparse', student: first }, reranker],
    ...twoStage(first, reranker.student, candidates),
  };
}

/** The searcher of a student that is measured with a model made for another: two stages rerank with multi. */
export function searcherOf(student: string, model: string, pipeline: Pipeline): Searcher {
  if (student === model) return pipeline;
  if (student === 'two-stage' && model === 'multi')
    return twoStage(bm25, pipeline.parts.at(-1)!.student, CANDIDATES);
  throw new RangeError(`no student ${student} has the model ${model}`);
}

/** The last start of a collection: multi and sparse, one after the other, have the same. */
const starts = new WeakMap<Sequence<Bag>, { asked: string; vectors: Float32Array }>();

/** {@link multiVectorStart}, made once for the same documents and options. */
function startOf(
  bags: Sequence<Bag>,
  rest: [known: number, vocabulary: number, width: number, seed: number],
  onPass?: OnPass,
): Float32Array {
  const asked = rest.join();
  let start = starts.get(bags);
  if (start?.asked !== asked)
    starts.set(bags, (start = { asked, vectors: multiVectorStart(bags, ...rest, onPass) }));
  return start.vectors;
}

function single(name: string, student: Model): Pipeline {
  return {
    parts: [{ name, student }],
    search: (corpus, queries, depth, onShare) => student.search(corpus, queries, depth, onShare),
  };
}

/** The number of documents with each word. */
function frequenciesOf(bags: Sequence<Bag>, vocabulary: number): Int32Array {
  const frequency = new Int32Array(vocabulary);
  for (const { words } of bags) for (const word of words) frequency[word]++;
  return frequency;
}

/** The idf of each word, see {@link idfOf}. */
export const idfsOf = (documents: number, frequency: Int32Array): Float32Array =>
  Float32Array.from(frequency, (n) => idfOf(documents, n));
