// A prepared loss of embeddings is the loss of its scores, with the gradient carried back: for every loss, layout and option.
import { expect, it } from 'vitest';
import { backward, prepare, scores, type EmbeddingBatch } from '../../../lib/embeddings/index';
import * as ckl from '../../../lib/index';
import { floats, numbers } from './helpers';

const dim = 16;
const next = numbers(17);
const queries = floats(4 * dim, next);
const documents = floats(12 * dim, next);
const teacher = floats(12, next);
const labels = Uint8Array.from({ length: 12 }, (_, i) => (i % 3 === 1 ? 1 : 0));
const lists = { queries, documents, teacher, labels };

it.each(Object.keys(ckl.losses) as ckl.LossName[])('%s', async (loss) => {
  using op = prepare(loss, {
    dim,
    shape: [4, 3],
    similarity: 'cosine',
    scale: 4,
    scores: true,
    scaleGrad: true,
  });
  const found = op.run(lists);
  const space = { dim, similarity: 'cosine', scale: 4, scaleGrad: true } as const;
  const student = scores({ queries, documents }, { dim, similarity: 'cosine', scale: 4 });
  const right = ckl[loss]({ student, teacher, labels, shape: [4, 3] });
  expect(found.scores).toEqual(student);
  expect(found.loss).toBe(right.loss);
  expect(found.perQuery).toEqual(right.perQuery);
  expect(found.counted).toBe(right.counted);
  const { queryGrad, documentGrad, scaleGrad } = found;
  const back = backward({ queries, documents, grad: right.grad }, space);
  expect({ queryGrad, documentGrad, scaleGrad }).toEqual(back);
  const later = await op.runAsync(lists);
  expect({ ...later }).toEqual({ ...found });
});

it('combine, reductions, weights and ranks reach the loss', async () => {
  const terms = [{ loss: 'kl', weight: 0.9 }, { loss: 'marginMse' }] as const;
  const weights = Float32Array.of(1, 2, 0, 0.5);
  using op = prepare('combine', { terms, dim, shape: [4, 3], reduction: 'none' });
  const found = op.run({ ...lists, weights });
  const student = scores({ queries, documents }, { dim });
  const right = ckl.combine({ student, teacher, labels, weights, shape: [4, 3] }, terms, {
    reduction: 'none',
  });
  expect(found.loss).toEqual(right.loss);
  expect(found.queryGrad).toEqual(backward({ queries, documents, grad: right.grad }, { dim }).queryGrad);
  expect({ ...(await op.runAsync({ ...lists, weights })) }).toEqual({ ...found });
  using refine = prepare('ckl', {
    gamma: 3,
    alpha: 2,
    dim,
    shape: [4, 3],
    diagnostics: true,
    teacherGrad: true,
  });
  const ranks = Int32Array.from({ length: 12 }, (_, i) => 1 + (i % 3));
  const expected = ckl.ckl(
    { student, teacher, labels, ranks, shape: [4, 3] },
    { gamma: 3, alpha: 2, diagnostics: true, teacherGrad: true },
  );
  const result = refine.run({ ...lists, ranks });
  expect(result.loss).toBe(expected.loss);
  expect(result.teacherGrad).toEqual(expected.teacherGrad);
  expect(result.diagnostics).toEqual(expected.diagnostics);
});

it('in batch: every document is a candidate of every query', async () => {
  const all = { queries, documents, teacher: floats(48, next), labels: new Uint8Array(48) };
  for (let b = 0; b < 4; b++) all.labels[b * 12 + 3 * b] = 1;
  using op = prepare('ckl', { dim, shape: [4, 12], inBatch: true, threads: 2 });
  const found = op.run(all);
  const student = scores({ queries, documents, inBatch: true }, { dim });
  const right = ckl.ckl({ student, teacher: all.teacher, labels: all.labels, shape: [4, 12] });
  expect(found.loss).toBe(right.loss);
  const back = backward({ queries, documents, inBatch: true, grad: right.grad }, { dim });
  expect(found.queryGrad).toEqual(back.queryGrad);
  expect(found.documentGrad).toEqual(back.documentGrad);
  expect({ ...(await op.runAsync(all)) }).toEqual({ ...found });
});

it.each(['float32', 'bfloat16'] as const)(
  'own lists of %s: other documents are negatives of probability 0',
  async (dtype) => {
    const own = Int32Array.of(0, 5, 1, 2, -1, 7, 9, 10, 11, 3, 4, 6);
    const words = new Uint32Array(teacher.buffer);
    const given = dtype === 'float32' ? teacher : Uint16Array.from(words, (word) => word >>> 16);
    const wide = new Float32Array(Uint32Array.from(words, (word) => word & 0xffff0000).buffer);
    const relevance = floats(12, next);
    using op = prepare('kl', { dim, shape: [4, 12], inBatch: true, dtype, teacherTemperature: 2 });
    const batch = { queries, documents, teacher: given, labels, relevance, own } as EmbeddingBatch;
    const found = op.run(batch);
    const spread = new Float32Array(48).fill(-Infinity);
    const spreadLabels = new Uint8Array(48);
    own.forEach((document, i) => {
      if (document < 0) return;
      spread[Math.floor(i / 3) * 12 + document] = dtype === 'float32' ? teacher[i] : wide[i];
      spreadLabels[Math.floor(i / 3) * 12 + document] = labels[i];
    });
    const right = op.run({ queries, documents, teacher: spread, labels: spreadLabels });
    expect(right.loss).toBeGreaterThan(0);
    const again = op.run(batch);
    expect(again.loss).toBe(right.loss);
    expect(found.counted).toBe(4);
    expect((await op.runAsync(batch)).loss).toBe(right.loss);
  },
);

it('a masked pair is as padding: its embeddings are not read for the gradients', () => {
  const mask = Uint8Array.from(labels, (_, i) => (i === 5 ? 0 : 1));
  const padded = labels.map((label, i) => (i === 5 ? 255 : label));
  using op = prepare('ckl', { dim, shape: [4, 3], similarity: 'cosine' });
  const right = structuredClone({ ...op.run({ ...lists, labels: padded }) });
  expect({ ...op.run({ ...lists, mask }) }).toEqual(right);
  const broken = documents.slice();
  broken.fill(NaN, 5 * dim, 6 * dim);
  const found = op.run({ ...lists, documents: broken, mask });
  expect(found.loss).toBe(right.loss);
  expect(found.queryGrad).toEqual(right.queryGrad);
  expect([...found.documentGrad!.subarray(5 * dim, 6 * dim)]).toEqual(new Array(dim).fill(0));
});

it('NaN stays with its query and the documents of its list', () => {
  const broken = queries.slice();
  broken[2 * dim + 3] = NaN;
  using op = prepare('ckl', { dim, shape: [4, 3], similarity: 'cosine' });
  const right = structuredClone({ ...op.run(lists) });
  const found = op.run({ ...lists, queries: broken });
  for (let b = 0; b < 4; b++) {
    expect(Number.isNaN(found.perQuery[b])).toBe(b === 2);
    for (let i = 0; i < dim; i++) {
      if (b === 2) expect(found.queryGrad![b * dim + i]).toBeNaN();
      else expect(found.queryGrad![b * dim + i]).toBe(right.queryGrad![b * dim + i]);
    }
  }
  for (let m = 0; m < 12; m++)
    expect(Number.isNaN(found.documentGrad![m * dim])).toBe(Math.floor(m / 3) === 2);
});

it('a document that is infinitely far from all queries has no part in their gradients', () => {
  const positive = queries.map(Math.abs);
  const far = documents.slice();
  far[5 * dim + 1] = -Infinity;
  const teacher = Float32Array.from({ length: 48 }, (_, i) => (i % 12 === 5 ? -Infinity : (i % 7) / 7));
  const labels = Uint8Array.from({ length: 48 }, (_, i) => Number(i % 12 === 0));
  const mask = Uint8Array.from({ length: 48 }, (_, i) => Number(i % 12 !== 5));
  using op = prepare('kl', { dim, shape: [4, 12], inBatch: true });
  const batch = { queries: positive, documents: far, teacher, labels };
  const found = op.run(batch);
  expect([...found.queryGrad!].every(Number.isFinite)).toBe(true);
  const right = prepare('kl', { dim, shape: [4, 12], inBatch: true }).run({ ...batch, documents, mask });
  expect(found.loss).toBeCloseTo(right.loss as number, 6);
  found.queryGrad!.forEach((g, i) => expect(g).toBeCloseTo(right.queryGrad![i] as number, 6));
});

it('arrays of its own are overwritten; the caller’s are written, added to, and may be the embeddings', () => {
  using op = prepare('kl', { dim, shape: [4, 3] });
  const first = op.run(lists);
  const right = structuredClone({ ...first });
  expect(op.run(lists).queryGrad).toBe(first.queryGrad);
  const [q, d] = [queries.slice(), documents.slice()];
  const kept = op.run({ ...lists, queries: q, documents: d, queryGrad: q, documentGrad: d });
  expect(kept.queryGrad).toBe(q);
  expect(q).toEqual(right.queryGrad);
  expect(d).toEqual(right.documentGrad);
  const sum = { queryGrad: new Float32Array(4 * dim), documentGrad: new Float32Array(12 * dim) };
  for (let step = 0; step < 2; step++) op.run({ ...lists, ...sum, accumulate: true });
  expect(sum.queryGrad).toEqual(right.queryGrad!.map((g) => 2 * g));
  const out = { scores: new Float32Array(12), perQuery: new Float32Array(4) };
  const result = op.run({ ...lists, ...out });
  expect(result.scores).toBe(out.scores);
  expect(result.perQuery).toBe(out.perQuery);
  expect(out.scores).toEqual(scores({ queries, documents }, { dim }));
  // A gradient that went in as an embedding is not written over.
  const q2 = op.run(lists).queryGrad!;
  const before = q2.slice();
  op.run({ ...lists, queries: q2 });
  expect(q2).toEqual(before);
  const back = op.run({ ...lists, scores: undefined });
  expect(op.run({ ...lists, queries: back.documentGrad!.subarray(0, 4 * dim) }).documentGrad).not.toBe(
    back.documentGrad,
  );
  using keeps = prepare('kl', { dim, shape: [4, 3], scores: true });
  const taught = keeps.run(lists).scores!;
  const copy = taught.slice();
  const distilled = keeps.run({ ...lists, queries: queries.map((x) => 2 * x), teacher: taught });
  expect(taught).toEqual(copy);
  expect(distilled.loss).toBe(op.run({ ...lists, queries: queries.map((x) => 2 * x), teacher: copy }).loss);
  // The scale of a batch.
  expect(op.run({ ...lists, scale: 2, scores: out.scores }).scores).toEqual(
    scores({ queries, documents }, { dim, scale: 2 }),
  );
});

it('gradients are those of finite differences', () => {
  using op = prepare('ckl', {
    gamma: 3,
    dim,
    shape: [4, 12],
    inBatch: true,
    similarity: 'cosine',
    scale: 5,
    scaleGrad: true,
  });
  const batch = {
    queries,
    documents,
    labels: new Uint8Array(48),
    teacher: floats(48, next),
    ranks: new Uint8Array(48).fill(3),
  };
  for (let b = 0; b < 4; b++) batch.labels[b * 13] = 1;
  const { queryGrad, documentGrad, scaleGrad } = structuredClone({ ...op.run(batch) });
  const slope = (array: Float32Array, i: number) => {
    const [kept, step] = [array[i], 2 ** -7];
    array[i] = kept + step;
    const [high, above] = [op.run(batch).loss, array[i]];
    array[i] = kept - step;
    const [low, below] = [op.run(batch).loss, array[i]];
    array[i] = kept;
    return (high - low) / (above - below);
  };
  for (const i of [0, 7, 19, 40]) {
    expect(slope(queries, i)).toBeCloseTo(queryGrad![i], 3);
    expect(slope(documents, i)).toBeCloseTo(documentGrad![i], 3);
  }
  const [high, low] = [op.run({ ...batch, scale: 5.01 }).loss, op.run({ ...batch, scale: 4.99 }).loss];
  expect((high - low) / 0.02).toBeCloseTo(scaleGrad!, 3);
});

it('training with the gradients moves the positives up', () => {
  const [q, d] = [queries.slice(), documents.slice()];
  using op = prepare('nll', { dim, shape: [4, 3], similarity: 'cosine', scale: 10 });
  const first = op.run({ queries: q, documents: d, labels }).loss;
  for (let step = 0; step < 60; step++) {
    const { queryGrad, documentGrad } = op.run({ queries: q, documents: d, labels });
    q.forEach((x, i) => (q[i] = x - 0.5 * queryGrad![i]));
    d.forEach((x, i) => (d[i] = x - 0.5 * documentGrad![i]));
  }
  expect(op.run({ queries: q, documents: d, labels }).loss).toBeLessThan(first / 10);
});

it('runs that overlap, and an abort', async () => {
  using op = prepare('ckl', { dim, shape: [4, 3] });
  const right = { ...op.run(lists) };
  const later = [1, 2, 3].map(() => op.runAsync(lists));
  for (const result of await Promise.all(later)) expect({ ...result }).toEqual(right);
  const controller = new AbortController();
  const aborted = op.runAsync(lists, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
});
