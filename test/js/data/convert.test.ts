// Conversion at bytes writes what conversion by texts does; pairs are held one query at a time where a query's lines stand together.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  convertTeacher,
  readTeacher,
  writeTeacher,
  type ScoredList,
  type TeacherForm,
  type WritableForm,
} from '../../../lib/data/index';
import { ByteText } from '../../../lib/data/bytes/byte-text';
import { scratch } from './files';

const files = scratch();

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.tuple(fc.integer(), fc.nat(12)).map(([digits, places]) => digits / 10 ** places),
  fc.integer({ min: -(2 ** 53), max: 2 ** 53 }),
  fc.constantFrom(0, -0, 1e-6, 9.99e-7, 1e21, 1e9, 999999999.5, 0.1 + 0.2),
);

it('numbers at bytes are those of JavaScript', () => {
  fc.assert(
    fc.property(number, (value) => {
      const out = new ByteText();
      out.number(value);
      expect(Buffer.from(out.take()).toString()).toBe(String(value));
    }),
    { numRuns: 3000 },
  );
});

it('bytes grow with what is written', () => {
  const out = new ByteText();
  for (let i = 0; i < 3; i++) out.text('é'.repeat(300_000));
  out.number(1.5);
  expect(Buffer.from(out.take()).toString()).toBe(`${'é'.repeat(900_000)}1.5`);
  expect(out.length).toBe(0);
});

const TABLES: readonly [TeacherForm, (qid: string, docid: string, score: string) => string][] = [
  ['trec', (qid, docid, score) => `${qid} Q0 ${docid} 1 ${score} tag`],
  ['tsv', (qid, docid, score) => `${qid}\t${docid}\t${score}`],
  ['csv', (qid, docid, score) => `${qid},${docid},${score}`],
];
const TARGETS: readonly WritableForm[] = [
  'trec',
  'tsv',
  'csv',
  'jsonl',
  'json',
  'pylate',
  'colbert',
  'colbert-scores',
];

/** Some hundred rows, of one seed; most have ids that can be copied. */
const rows = fc.sample(
  fc.tuple(
    fc.nat(40),
    fc.oneof(
      { weight: 9, arbitrary: fc.nat().map(String) },
      { weight: 1, arbitrary: fc.constantFrom('007', 'd-1', 'é', 'a\\b', "it's", '1e3', '#1') },
    ),
    number,
  ),
  { numRuns: 600, seed: 17 },
);

describe.each(TABLES)('%s', (form, lineOf) => {
  const ordered = rows.toSorted((a, b) => a[0] - b[0]);
  it.each(TARGETS)('into %s', async (target) => {
    for (const [end, plain] of [
      ['\r\n', true],
      ['\n\n', false],
    ] as const) {
      const some = plain ? ordered.filter(([, docid]) => /^\d+$/.test(docid)) : ordered;
      const text = some.map(([query, docid, score]) => lineOf(`${query}`, docid, String(score))).join(end);
      const from = { path: files.write(`${form}-source`, text), form };
      const [a, b] = ['bytes', 'texts'].map((name) => ({ path: join(files.dir, name), form: target }));
      const skipping = { skipBad: true, tag: 'two words' };
      const atBytes = await convertTeacher(from, a, skipping);
      const byTexts = await writeTeacher(readTeacher(from.path, form, { skipBad: true }), b, skipping);
      expect(readFileSync(a.path, 'utf8')).toBe(readFileSync(b.path, 'utf8'));
      expect(atBytes).toMatchObject({ lists: byTexts.lists, documents: byTexts.documents });
      expect(atBytes.lists).toBeGreaterThan(30);
    }
  });
});

const brief = ({ qid, docs }: ScoredList) => [
  qid,
  docs.map(({ docid, score, label }) => [docid, score, label]),
];

describe.each<[TeacherForm, (qid: number, negative: number) => string]>([
  ['hofstaetter', (qid, negative) => `9.5\t${negative / 4}\t${qid}\tp${qid}\tn${negative}`],
  ['gpl', (qid, negative) => `${qid}\tp${qid}\tn${negative}\t${negative / 4}`],
])('%s', (form, lineOf) => {
  const together = Array.from({ length: 30 }, (_, i) => lineOf(Math.floor(i / 10), i % 10));
  const apart = Array.from({ length: 30 }, (_, i) => lineOf(i % 3, Math.floor(i / 3)));
  const read = async (name: string, lines: readonly string[]) => {
    const lists: ScoredList[] = [];
    try {
      for await (const list of readTeacher(files.write(name, `${lines.join('\n')}\n`), form))
        lists.push(list);
    } catch (error) {
      return { lists, error: error as Error };
    }
    return { lists };
  };

  it('lines that stand apart give the lists of lines that stand together', async () => {
    const { lists } = await read(`${form}-together`, together);
    expect(lists).toHaveLength(3);
    expect(lists[2].docs).toHaveLength(11);
    expect((await read(`${form}-apart`, apart)).lists.map(brief)).toEqual(lists.map(brief));
  });

  it('a list is complete with its last line, where lines stand together', async () => {
    const bad = 'no pair';
    const found = await read(`${form}-bad`, [...together, bad]);
    expect(found.error?.message).toContain('columns');
    expect(found.lists).toHaveLength(2);
    expect((await read(`${form}-bad`, [...apart, bad])).lists).toHaveLength(0);
  });

  it('a query whose only line is refused is no list', async () => {
    const path = files.write(`${form}-refused`, `${lineOf(1, 1).replaceAll('n1', 'p1')}\n${lineOf(2, 1)}\n`);
    const source = readTeacher(path, form, { skipBad: true });
    const lists: ScoredList[] = [];
    for await (const list of source) lists.push(list);
    expect(lists.map(({ qid }) => qid)).toEqual(['2']);
    expect(source.skipped).toBe(1);
  });
});
