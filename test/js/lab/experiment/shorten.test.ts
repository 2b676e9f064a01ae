// What a training sees of a candidate list: which negatives, in which order, and whose positives stand in as in-batch negatives.
import { describe, expect, it } from 'vitest';
import { crossPositives, draw, pick, shorten } from '../../../../lib/lab/experiment/shorten';
import { Random } from '../../../../lib/lab/training/random';
import { drawBag } from '../students/collection';
import type { BagList } from '../../../../lib/lab/students/words/bags';

const random = new Random(5);

/** A list whose documents do not stand in the order of the teacher's scores. */
function list(qid: string, teacher: number[], labels: number[], prefix = qid): BagList {
  return {
    qid,
    docids: teacher.map((_, i) => `${prefix}-${i}`),
    teacher: Float32Array.from(teacher),
    labels: Uint8Array.from(labels),
    query: drawBag(random, 30),
    documents: teacher.map(() => drawBag(random, 30)),
  };
}

const scores = [0.1, 0.9, 0.5, 0.7, 0.3, 0.8, 0.2, 0.6];
const labels = [1, 0, 0, 1, 0, 0, 0, 0];
const one = list('q', scores, labels);

/** Every document with what belongs to it, so that nothing is torn apart. */
const rows = (of: BagList) =>
  of.docids.map((docid, i) => ({
    docid,
    document: of.documents[i],
    teacher: of.teacher[i],
    label: of.labels[i],
  }));
const rowOf = (docid: string) => rows(one).find((row) => row.docid === docid);

describe('pick', () => {
  it('takes the documents at the places given, with all that belongs to them', () => {
    const picked = pick(one, [6, 0, 3]);
    expect(picked.docids).toEqual(['q-6', 'q-0', 'q-3']);
    for (const row of rows(picked)) expect(row).toEqual(rowOf(row.docid));
    expect(picked.query).toBe(one.query);
    expect(picked.qid).toBe('q');
  });
});

describe('shorten', () => {
  it("keeps all positives and the teacher's best others, in the teacher's order", () => {
    // Positives: .1 and .7. The best three others of .9 .5 .3 .8 .2 .6 are .9, .8, .6.
    const short = shorten(one, 5);
    expect([...short.teacher]).toEqual([0.9, 0.8, 0.7, 0.6, 0.1].map(Math.fround));
    expect([...short.labels]).toEqual([0, 0, 1, 0, 1]);
    for (const row of rows(short)) expect(row).toEqual(rowOf(row.docid));
  });
  it('keeps at least one other, and all where there is room', () => {
    expect([...shorten(one, 1).teacher]).toEqual([0.9, 0.7, 0.1].map(Math.fround));
    expect([...shorten(one, 2).labels]).toEqual([0, 1, 1]);
    expect(shorten(one, 8).docids).toHaveLength(8);
    expect(shorten(one, 99).docids).toHaveLength(8);
    expect(shorten(one, 7).docids).not.toContain('q-6');
  });
});

describe('draw', () => {
  it('keeps all positives and draws as many others as there is room for, in the order of the list', () => {
    const met = new Map<string, number>();
    const generator = new Random(3);
    for (let i = 0; i < 400; i++) {
      const drawn = draw(one, 4, generator);
      expect(drawn.docids).toHaveLength(4);
      expect(drawn.docids).toEqual([...drawn.docids].sort());
      expect(drawn.labels.filter((label) => label === 1)).toHaveLength(2);
      for (const row of rows(drawn)) {
        expect(row).toEqual(rowOf(row.docid));
        met.set(row.docid, (met.get(row.docid) ?? 0) + 1);
      }
    }
    // Two of six others each time: each about 133 times. Positives every time.
    for (const [i, label] of labels.entries()) {
      const count = met.get(`q-${i}`)!;
      if (label === 1) expect(count).toBe(400);
      else expect(Math.abs(count - 400 / 3)).toBeLessThan(40);
    }
  });
  it('takes from the generator, so that the next one is another', () => {
    const generator = new Random(3);
    const drawn = Array.from({ length: 12 }, () => draw(one, 4, generator).docids.join());
    expect(new Set(drawn).size).toBeGreaterThan(5);
    const again = new Random(3);
    expect(draw(one, 4, again).docids.join()).toBe(drawn[0]);
  });
  it('draws at least one other, and all where there is room', () => {
    expect(draw(one, 2, new Random(1)).docids).toHaveLength(3);
    expect(draw(one, 20, new Random(1)).docids).toEqual(one.docids);
  });
});

describe('crossPositives', () => {
  const a = list('a', [0.3, 0.2, 0.1], [0, 1, 1]);
  const b = list('b', [0.3, 0.2], [1, 0]);
  const c = list('c', [0.9], [0]);
  /** Its positive is one of a's as well. */
  const d: BagList = { ...list('d', [0.4, 0.5], [1, 0]), docids: ['a-2', 'd-1'] };

  it('gives each list all positives of the batch, each once, with its own alone labelled', () => {
    const crossed = crossPositives([a, b, c, d]);
    const everything = ['a-1', 'a-2', 'b-0'];
    crossed.forEach((list, i) => {
      expect(list.docids).toEqual(everything);
      expect(list.query).toBe([a, b, c, d][i].query);
      expect(list.qid).toBe('abcd'[i]);
      expect([...list.teacher]).toEqual([0, 0, 0]);
    });
    expect(crossed.map((list) => [...list.labels])).toEqual([
      [1, 1, 0],
      [0, 0, 1],
      [0, 0, 0],
      [0, 1, 0],
    ]);
    expect(crossed[1].documents.slice(0, 1)).toEqual([a.documents[1]]);
    expect(crossed[1].documents[2]).toBe(b.documents[0]);
  });
});
