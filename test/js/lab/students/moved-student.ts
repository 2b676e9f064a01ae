// The sample collection, students of it whose parameters differ from where they start, and the score that encodings give.
import { join } from 'node:path';
import { beforeAll } from 'vitest';
import { loadBeir } from '../../../../lib/data/index';
import type { LoadedStudent } from '../../../../lib/lab/students/index';
import { formatModel } from '../../../../lib/lab/students/saved/model-files';
import { modelOf } from '../../../../lib/lab/students/saved/retriever-model';
import { makeStudent, type StudentName } from '../../../../lib/lab/students/students';
import { type Collection, loadCollection } from '../../../../lib/lab/students/words/bags';
import { Random } from '../../../../lib/lab/training/random';

export const sample = join(__dirname, '../../../../examples/sample');
export const teacher = join(sample, 'teacher.trec');
export const WIDTH = 16;

export let collection: Collection;
export let beir: Awaited<ReturnType<typeof loadBeir>>;
beforeAll(async () => {
  collection = await loadCollection(sample, teacher);
  beir = await loadBeir(sample);
});

/** A student whose parameters are all different from where they start. */
export function moved(student: StudentName, firstStage?: 'bm25' | 'sparse') {
  const options = { student, firstStage, width: WIDTH, candidates: 40, seed: 3 };
  const pipeline = makeStudent(collection, collection.vocabulary, options);
  const random = new Random(9);
  for (const part of pipeline.parts) {
    for (const values of Object.values(part.student.parameters))
      values.forEach((value, i) => (values[i] = value + random.normal() / 16));
    part.student.forget();
  }
  const { numbers, statistics } = collection;
  return { pipeline, files: () => formatModel(modelOf(pipeline, options, numbers, statistics)) };
}

export const documentOf = (id: string) => beir.corpus.get(id)!;
export const queryOf = (id: string) => ({ id, text: beir.queries.get(id)! });

type Encoded = ReturnType<LoadedStudent['encodeQueries']>;

/** The score of a query and document d, computed from their encodings. */
export function product(query: Encoded, documents: Encoded, d: number): number {
  if (query.kind === 'vectors' && documents.kind === 'vectors')
    return query.vectors.reduce((sum, value, k) => sum + value * documents.vectors[d * query.width + k], 0);
  if (query.kind === 'terms' && documents.kind === 'terms') {
    const { terms, weights } = documents.texts[d];
    const own = new Map(query.texts[0].terms.map((term, i) => [term, query.texts[0].weights[i]]));
    return terms.reduce((sum, term, i) => sum + (own.get(term) ?? 0) * weights[i], 0);
  }
  if (query.kind === 'tokens' && documents.kind === 'tokens') {
    const { width } = query;
    const [{ weights, vectors }, other] = [query.texts[0], documents.texts[d]];
    const cosine = (t: number, u: number) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += vectors[t * width + k] * other.vectors[u * width + k];
      return Math.max(0, sum);
    };
    return weights.reduce(
      (sum, weight, t) =>
        sum + weight * Math.max(...other.weights.map((worth, u) => worth * cosine(t, u) ** 2)),
      0,
    );
  }
  throw new Error('two kinds');
}
