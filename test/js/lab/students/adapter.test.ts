// The adapter student: it starts as the encoder it is given, its gradients are right, its search finds what scoring everything finds.
import { describe, expect, it } from 'vitest';
import { scores } from '../../../../lib/embeddings/index';
import { AdapterStudent, type VectorList } from '../../../../lib/lab/students/adapter/adapter-student';
import { TopScores } from '../../../../lib/lab/students/top-scores';
import { textsOf, type VectorSet } from '../../../../lib/lab/students/vectors/vector-set';
import { Random } from '../../../../lib/lab/training/random';
import { checkGradient } from './collection';

const DIM = 6;

function drawSet(random: Random, texts: number, late: boolean): VectorSet {
  const lengths = Array.from({ length: texts }, () => (late ? 1 + random.below(3) : 1));
  const offsets = Int32Array.from([0, ...lengths], (_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0));
  return {
    ids: lengths.map((_, i) => `t${i}`),
    dim: DIM,
    values: Float32Array.from({ length: offsets[texts] * DIM }, () => random.normal()),
    ...(late && { offsets }),
  };
}

function drawList(random: Random, documents: number): VectorList {
  const places = random.shuffle([...Array(documents).keys()]).slice(0, 5);
  return {
    ...{ qid: 'q', query: 2, documents: places, docids: places.map((place) => `t${place}`) },
    teacher: Float32Array.from(places, () => random.normal()),
    labels: Uint8Array.from(places, (_, d) => (d === 0 ? 1 : 0)),
  };
}

const cases = ([false, true] as const).flatMap((late) =>
  (['cosine', 'dot'] as const).flatMap((similarity) =>
    (['query', 'both'] as const).flatMap((sides) =>
      [0, 2].map((rank) => ({ late, similarity, sides, rank })),
    ),
  ),
);

describe.each(cases)('an adapter with %o', ({ late, ...shape }) => {
  const random = new Random(5);
  const vectors = { queries: drawSet(random, 4, late), documents: drawSet(random, 9, late) };
  const list = drawList(random, 9);
  const made = () => new AdapterStudent(DIM, late, shape, 3, vectors);
  const scored = (student: AdapterStudent) => {
    const out = new Float32Array(7);
    student.score(list, out, 1);
    return out.slice(1, 6);
  };

  it('begins with the similarities of the encoder', () => {
    const { queries, documents } = vectors;
    const similarity = late ? 'maxSim' : shape.similarity;
    const all = scores(
      {
        ...{ queries: queries.values, documents: documents.values, inBatch: true },
        ...(late && { queryOffsets: queries.offsets, documentOffsets: documents.offsets }),
      },
      { dim: DIM, similarity, ...(late && { tokenSimilarity: shape.similarity }) },
    );
    expect([...scored(made())]).toEqual(list.documents.map((place) => all[2 * 9 + place]));
  });

  it('has the gradient of its scores', () => {
    const student = made();
    for (const values of Object.values(student.parameters))
      values.forEach((value, i) => (values[i] = value + random.normal() / 8));
    student.forget();
    checkGradient(student, list, random);
  });

  it('finds what scoring every document finds, whatever the learned factor', () => {
    const student = made();
    for (const [name, values] of Object.entries(student.parameters))
      if (name !== 'logScale') values.forEach((value, i) => (values[i] = value + random.normal() / 2));
    student.forget();
    const [found] = [...student.search(vectors.documents, vectors.queries, 3).values()].slice(2);
    const everything = new Float32Array(textsOf(vectors.documents));
    const all = { ...list, documents: [...everything.keys()], docids: vectors.documents.ids };
    student.score(all, everything, 0);
    const best = [...everything.keys()].sort((a, b) => everything[b] - everything[a]).slice(0, 3);
    expect(new Map(found)).toEqual(new Map(best.map((place) => [`t${place}`, everything[place]])));
    student.scale(7);
    expect([...student.search(vectors.documents, vectors.queries, 3).values()][2]).toEqual(found);
  });

  it('comes back from its state', () => {
    const student = made();
    const step = (one: AdapterStudent) => {
      scored(one);
      one.backward(list, Float32Array.of(0, 1, -1, 0.5, 0.25, -2), 1);
      one.step(0.1);
    };
    step(student);
    const { arrays, steps } = student.state;
    const other = made();
    other.restore({
      arrays: Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values.slice()])),
      steps: { ...steps },
    });
    step(student);
    step(other);
    expect(other.parameters).toEqual(student.parameters);
    expect(student.parameters).not.toEqual(made().parameters);
  });
});

describe('TopScores', () => {
  it('keeps the best of blocks, and those that tie with the last', () => {
    const best = new TopScores(2);
    best.add(0, Float32Array.of(1, 5, 3, NaN, -Infinity));
    best.add(5, Float32Array.of(3, 3, 9, 2));
    expect(best.entries()).toEqual([
      [1, 5],
      [7, 9],
    ]);
    const tied = new TopScores(2);
    tied.add(0, Float32Array.of(1, 3, 0, 3, 3, 9));
    expect(tied.entries().map(([place]) => place)).toEqual([1, 3, 4, 5]);
  });

  it('keeps all where there are fewer', () => {
    const best = new TopScores(9);
    best.add(3, Float32Array.of(0, -1));
    expect(best.entries()).toEqual([
      [3, 0],
      [4, -1],
    ]);
  });
});
