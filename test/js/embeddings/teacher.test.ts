// A teacher given as embeddings: the bits of its scores given as a matrix, in every form and mode; and what is refused.
import { describe, expect, it } from 'vitest';
import { type EmbeddingBatch, prepare, scores } from '../../../lib/embeddings/index';
import { TeacherScorer } from '../../../lib/embeddings/teacher';
import { losses } from '../../../lib/index';
import { floats, numbers } from './helpers';

const [queries, documents, dim, teacherDim] = [11, 50, 19, 7];
const next = numbers(83);
const student = { queries: floats(queries * dim, next), documents: floats(documents * dim, next) };
const teacherQueries = floats(queries * teacherDim, next);
const teacherDocuments = floats(documents * teacherDim, next);
const labels = Uint8Array.from({ length: queries * documents }, (_, i) => {
  const [b, m] = [Math.floor(i / documents), i % documents];
  return m === 3 * b ? 1 : m % 17 === 5 ? 255 : 0;
});
const ofTeacher = { dim: teacherDim, similarity: 'cosine', scale: 4 } as const;
const teacher = scores({ queries: teacherQueries, documents: teacherDocuments, inBatch: true }, ofTeacher);
const options = { dim, shape: [queries, documents], similarity: 'cosine', scale: 6, inBatch: true } as const;
const matrix = { ...student, labels, teacher };
const embedded = { ...student, labels, teacherQueries, teacherDocuments };

function run(loss: string, changed: object, given: object) {
  using op = prepare(loss as 'kl', { ...options, ...changed } as never);
  const { perQuery, queryGrad, documentGrad, ...rest } = op.run(given as EmbeddingBatch);
  const copy = (x: unknown) => (x as Float32Array | undefined)?.slice();
  return { ...rest, perQuery: copy(perQuery), queryGrad: copy(queryGrad), documentGrad: copy(documentGrad) };
}

const withTeacher = { teacherEmbeddings: ofTeacher };

describe.each(Object.keys(losses))('%s', (loss) => {
  const grades = loss.startsWith('lambda') && { relevance: floats(queries * documents, next).map(Math.abs) };
  it('has the loss and gradients of the matrix, stored and in tiles', () => {
    const right = run(loss, { inBatchScores: 'stored' }, { ...matrix, ...grades });
    expect(right.queryGrad!.some((g) => g !== 0)).toBe(true);
    for (const mode of [
      { inBatchScores: 'stored' },
      ...[1, 4, 11].map((tileQueries) => ({ inBatchScores: 'tiles', tileQueries })),
    ])
      expect(run(loss, { ...withTeacher, ...mode }, { ...embedded, ...grades })).toEqual(right);
  });
});

const half = (length: number) => Uint16Array.from({ length }, (_, i) => 0x3f00 + ((i * 37) % 200));
describe.each([
  ['by dot products', { dim: teacherDim }, {}, {}],
  ['of bfloat16', { ...ofTeacher, dtype: 'bfloat16' }, { teacherQueries: half(queries * teacherDim) }, {}],
  [
    'with the element type of the options',
    ofTeacher,
    { teacherDocuments: half(documents * teacherDim) },
    { dtype: 'float16' },
  ],
  ['with prefixes of the student', ofTeacher, {}, { dims: [19, 5] }],
  ['on one thread', ofTeacher, {}, { threads: 1 }],
] as const)('a teacher %s', (_, teacherEmbeddings, changed, form) => {
  it('in tiles as stored', () => {
    const given = { ...embedded, ...changed };
    const right = scores(
      { queries: given.teacherQueries, documents: given.teacherDocuments, inBatch: true },
      { ...('dims' in form ? {} : form), ...teacherEmbeddings } as never,
    );
    const found = run('kl', { ...form, teacherEmbeddings, inBatchScores: 'tiles', tileQueries: 3 }, given);
    expect(found).toEqual(
      run('kl', { ...form, inBatchScores: 'stored' }, { ...student, labels, teacher: right }),
    );
    expect(found).toEqual(run('kl', { ...form, teacherEmbeddings, inBatchScores: 'stored' }, given));
  });
});

it('lists with candidates, own lists, tokens and runAsync', async () => {
  const candidates = Int32Array.from({ length: queries * 4 }, (_, i) =>
    i % 9 === 8 ? -1 : (i * 7) % documents,
  );
  const lists = {
    ...student,
    candidates,
    labels: Uint8Array.from(candidates, (m, i) => (m < 0 ? 255 : i % 4 === 1 ? 1 : 0)),
  };
  const placed = candidates.map((m) => Math.max(m, 0));
  const listScores = Float32Array.from(placed, (m, i) => teacher[Math.floor(i / 4) * documents + m]);
  const form = { inBatch: false, shape: [queries, 4] };
  const found = run('kl', { ...form, ...withTeacher }, { ...lists, teacherQueries, teacherDocuments });
  expect(found).toEqual(run('kl', form, { ...lists, teacher: listScores }));

  // The labels are of a query's own documents; the teacher scores all.
  const own = Int32Array.from({ length: queries * 2 }, (_, i) => (i * 7) % documents);
  const ownLabels = Uint8Array.from(own, (_, i) => (i % 2 === 1 ? 1 : 0));
  const spread = new Uint8Array(queries * documents);
  own.forEach((m, i) => (spread[Math.floor(i / 2) * documents + m] = ownLabels[i]));
  for (const inBatchScores of ['stored', 'tiles'])
    expect(
      run('ckl', { ...withTeacher, inBatchScores, tileQueries: 4 }, { ...embedded, own, labels: ownLabels }),
    ).toEqual(run('ckl', {}, { ...matrix, labels: spread }));

  const tokens = {
    queryOffsets: Int32Array.from({ length: 6 }, (_, i) => 2 * i),
    documentOffsets: Int32Array.of(0, 9, 20, 50),
  };
  const late = {
    ...student,
    ...tokens,
    queries: student.queries.slice(0, 10 * dim),
    labels: Uint8Array.from({ length: 15 }, (_, i) => Number(i % 3 === 0)),
  };
  const [tq, td] = [teacherQueries.slice(0, 5 * teacherDim), teacherDocuments.slice(0, 3 * teacherDim)];
  const lateScores = scores({ queries: tq, documents: td, inBatch: true }, ofTeacher);
  expect(
    run(
      'kl',
      { similarity: 'maxSim', ...withTeacher },
      { ...late, teacherQueries: tq, teacherDocuments: td },
    ),
  ).toEqual(run('kl', { similarity: 'maxSim' }, { ...late, teacher: lateScores }));

  using op = prepare('kl', { ...options, ...withTeacher, teacherGrad: true });
  const mine = {
    ...embedded,
    teacherQueries: teacherQueries.slice(),
    teacherDocuments: teacherDocuments.slice(),
  };
  const later = op.runAsync(mine);
  mine.teacherQueries.fill(0);
  mine.teacherDocuments.fill(NaN);
  using plain = prepare('kl', { ...options, teacherGrad: true });
  expect(await later).toEqual(await plain.runAsync(matrix));
});

it('in tiles the teacher has the scores of one tile, too', () => {
  const lengths: number[] = [];
  const { scores: whole } = TeacherScorer.prototype;
  TeacherScorer.prototype.scores = function (pairs, compact) {
    const made = whole.call(this, pairs, compact);
    lengths.push(made.buffer.byteLength / 4);
    return made;
  };
  try {
    run('kl', { ...withTeacher, inBatchScores: 'tiles', tileQueries: 4 }, embedded);
    run('kl', { ...withTeacher, inBatchScores: 'tiles' }, embedded);
  } finally {
    TeacherScorer.prototype.scores = whole;
  }
  // To count and to run: twice. A tile of all queries once.
  expect(lengths).toEqual([...Array<number>(6).fill(4 * documents), queries * documents]);
});

it('a batch may still bring scores', () => {
  expect(run('kl', withTeacher, matrix)).toEqual(run('kl', {}, matrix));
});

it.each([
  [{ teacherEmbeddings: 3 }, {}, /teacherEmbeddings is 3; it must be an object/],
  [{ teacherEmbeddings: { dim: 7, dims: [3] } }, {}, /teacherEmbeddings.dims is unknown/],
  [{ teacherEmbeddings: {} }, {}, /teacherEmbeddings.dim is undefined; it must be an integer from 1/],
  [
    { teacherEmbeddings: { dim: 7, similarity: 'maxSim' } },
    {},
    /teacherEmbeddings.similarity is 'maxSim'; a teacher has one vector/,
  ],
  [
    { teacherEmbeddings: { dim: 7, similarity: 'cos' } },
    {},
    /teacherEmbeddings.similarity is 'cos'.*it must be/,
  ],
  [
    { teacherEmbeddings: { dim: 7, scale: Infinity } },
    {},
    /teacherEmbeddings.scale is Infinity; it must be finite/,
  ],
  [{ teacherEmbeddings: { dim: 7, dtype: 'half' } }, {}, /teacherEmbeddings.dtype is 'half'/],
  [{ teacherEmbeddings: undefined }, {}, /teacherQueries is given, but not the option teacherEmbeddings/],
  [{}, { teacher }, /teacherQueries is given, but teacher, too/],
  [{}, { teacherDocuments: undefined }, /teacherQueries is given, but teacherDocuments is undefined/],
  [{}, { teacherQueries: null }, /teacherDocuments is given, but teacherQueries is undefined/],
  [
    {},
    { teacherQueries: floats(10 * teacherDim, next) },
    /teacherQueries holds 10 of 7 elements; the batch has 11/,
  ],
  [{}, { teacherDocuments: floats(7, next) }, /teacherDocuments holds 1 of 7 elements; the batch has 50/],
  [
    {},
    { teacherDocuments: floats(8, next) },
    /teacherDocuments has 8 elements; it must hold whole embeddings of 7/,
  ],
  [{}, { teacherQueries: [1] }, /teacherQueries is/],
  [{}, { queryGrad: teacherDocuments }, /queryGrad and teacherDocuments share memory/],
  [
    { across: 'gather', group: { rank: 0, size: 1, allGather: (x: Float64Array) => x.slice() } },
    {},
    /across is given, but teacherEmbeddings is, too/,
  ],
] as [object, object, RegExp][])('refuses %#', (changed, given, message) => {
  const before = teacherDocuments.slice();
  expect(() => run('kl', { ...withTeacher, ...changed }, { ...embedded, ...given })).toThrow(message);
  expect(teacherDocuments).toEqual(before);
});

it('a vector that is not finite spoils the loss of its query and no other', () => {
  const bad = teacherQueries.slice();
  bad[9 * teacherDim] = NaN;
  const right = run('kl', withTeacher, embedded);
  for (const inBatchScores of ['stored', 'tiles']) {
    const form = { ...withTeacher, inBatchScores, tileQueries: 4, documentGrad: false };
    const found = run('kl', form, { ...embedded, teacherQueries: bad });
    for (let b = 0; b < queries; b++) {
      const own = (x: Float32Array) => x.subarray(b * dim, (b + 1) * dim);
      expect(found.perQuery![b]).toBe(b === 9 ? NaN : right.perQuery![b]);
      expect(own(found.queryGrad!)).toEqual(
        b === 9 ? new Float32Array(dim).fill(NaN) : own(right.queryGrad!),
      );
    }
  }
});
