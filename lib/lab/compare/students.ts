// The students that a comparison can train: one entry each, with the model that learns and how it searches a corpus.
import type { ComparisonData } from './data.js';
import { CANDIDATES, makeStudent, type Model } from '../students/students.js';
import { bm25, twoStage, type Searcher } from '../students/two-stage.js';

/** What learns. Students of the same model share its trainings. */
export type ModelName = 'dense' | 'multi' | 'sparse';

export interface StudentKind {
  title: string;
  model: ModelName;
  /** How it searches with the model as it then is. */
  searcher(model: Model): Searcher;
}

const WIDTH = 128;

const alone = (model: Model): Searcher => model;

export const studentKinds = {
  dense: { title: 'Dense (one vector a text)', model: 'dense', searcher: alone },
  multi: { title: 'Multi-vector (late interaction)', model: 'multi', searcher: alone },
  sparse: { title: 'Sparse (term weights with expansion)', model: 'sparse', searcher: alone },
  'two-stage': {
    title: 'Two stages (BM25, then multi-vector)',
    model: 'multi',
    searcher: (model) => twoStage(bm25, model, CANDIDATES),
  },
} satisfies Record<string, StudentKind>;

export type StudentName = keyof typeof studentKinds;

/** The learning rates that the factors of the search multiply. */
export const modelRates: Record<ModelName, number> = { dense: 0.003, multi: 0.003, sparse: 0.003 };

/** Makes the untrained model; the same seed gives the same one. */
export function makeModel(
  { collection, vocabulary }: ComparisonData,
  student: ModelName,
  seed: number,
): Model {
  return makeStudent(collection, vocabulary, { student, width: WIDTH, seed }).parts[0].student;
}

/** The students by the model that they share, in the order given. */
export function byModel(students: readonly StudentName[]): Map<ModelName, StudentName[]> {
  const out = new Map<ModelName, StudentName[]>();
  for (const student of students) {
    const { model } = studentKinds[student];
    out.set(model, [...(out.get(model) ?? []), student]);
  }
  return out;
}
