// Runs and judgements: every layout that is in use, and what is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRunLine, loadQrels, loadRun, readQrels, readRun } from '../../../lib/data/index';
import { runParser } from '../../../lib/data/trec';
import { scratch } from './files';

const files = scratch();
const run = (content: string) => files.write('run.txt', content);

describe('runs', () => {
  it('takes any white space, tags of several words, and no tag', async () => {
    const path = run('1 Q0 d1 1 2.5 tag\n1\tQ0\td2\t2\t 1e-3\tmy run, second try \n  2   Q0 d1 0 -7\n');
    expect(await readRun(path).collect()).toEqual([
      { qid: '1', docid: 'd1', rank: 1, score: 2.5, tag: 'tag' },
      { qid: '1', docid: 'd2', rank: 2, score: 1e-3, tag: 'my run, second try' },
      { qid: '2', docid: 'd1', rank: 0, score: -7, tag: '' },
    ]);
  });
  it("takes MS MARCO's three columns, with -rank as the score", async () => {
    expect(await readRun(run('7\t99\t3\n')).collect()).toEqual([
      { qid: '7', docid: '99', rank: 3, score: -3, tag: '', byRank: true },
    ]);
  });
  it('keeps the order of the file, or sorts by rank', async () => {
    const path = run('1 Q0 b 2 5 t\n1 Q0 a 1 9 t\n');
    expect([...(await loadRun(path)).get('1')!.keys()]).toEqual(['b', 'a']);
    expect([...(await loadRun(path, { order: 'rank' })).get('1')!.keys()]).toEqual(['a', 'b']);
  });
  it.each([
    ['1 Q0 d1 1\n', '"query Q0 document rank score tag", "query document rank" or "query document score"'],
    ['1 Q0 d1 1 NaN t\n', 'a finite number as score'],
    ['1 Q0 d1 1 1e999 t\n', 'a finite number as score'],
    ['1 Q0 d1 1 0x1f t\n', 'a finite number as score'],
  ])('refuses %j', async (content, expected) => {
    await expect(readRun(run(content)).collect()).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      line: 1,
      expected,
    });
  });
  it('refuses a document listed twice, or counts it', async () => {
    const path = run('1 Q0 a 1 9 t\n1 Q0 b 2 8 t\n1 Q0 a 3 7 t\n');
    await expect(loadRun(path)).rejects.toMatchObject({
      line: 3,
      expected: 'document "a" once for query "1"',
    });
    expect((await loadRun(path, { skipBad: true })).get('1')!.get('a')).toBe(9);
  });
  it.each(['two words', ''])('writes no line that could not be read back: the id %j', (id) => {
    const entry = { qid: 'q', docid: 'd', rank: 1, score: 1, tag: 't' };
    expect(() => formatRunLine({ ...entry, docid: id })).toThrow('ids without white space');
    expect(() => formatRunLine({ ...entry, qid: id })).toThrow(RangeError);
  });
  it('reads what it writes', async () => {
    const id = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\s\uFEFF]/.test(text));
    const entry = fc.record({
      qid: id,
      docid: id,
      rank: fc.nat(),
      score: fc.double({ noNaN: true, noDefaultInfinity: true }).map((score) => score + 0),
      tag: fc.constantFrom('', 'run', 'two words'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry), async (entries) => {
        expect(await readRun(run(entries.map((e) => `${formatRunLine(e)}\n`).join(''))).collect()).toEqual(
          entries,
        );
      }),
      { numRuns: 100 },
    );
  });
});

describe('judgements', () => {
  it('takes four columns, three, and a header', async () => {
    const expected = [{ qid: '1', docid: 'd', level: 2 }];
    for (const content of [
      '1 0 d 2\n',
      '1\t0\td\t2\n',
      '1\td\t2\n',
      'query-id\tcorpus-id\tscore\n1\td\t2\n',
    ]) {
      expect(await readQrels(files.write('qrels.tsv', content)).collect()).toEqual(expected);
    }
  });
  it('takes ids with spaces where tabs part the columns', async () => {
    const path = files.write('qrels.tsv', 'my query\tmy document\t1\n');
    const expected = { qid: 'my query', docid: 'my document', level: 1 };
    expect(await readQrels(path).collect()).toEqual([expected]);
    // Spaces beside a tab are no part of an id.
    const wide = files.write('wide.tsv', ' my query \tmy document  \t 1 \n');
    expect(await readQrels(wide).collect()).toEqual([expected]);
    expect(await loadQrels(wide)).toEqual(new Map([['my query', new Map([['my document', 1]])]]));
  });
  it.each(['1 0 d 2 x\n', '1 d\n', '1 0 d 0.5\n', '1\t\td\t1\n'])('refuses %j', async (content) => {
    await expect(readQrels(files.write('qrels.tsv', content)).collect()).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      line: 1,
    });
  });
  it('refuses a document judged twice', async () => {
    await expect(loadQrels(files.write('qrels.tsv', '1 0 d 1\n1 0 d 0\n'))).rejects.toMatchObject({
      line: 2,
    });
  });
});

it('a run that is a list of a teacher is told how to become one', async () => {
  const path = files.write('lists.jsonl', '[1,[2,3]]\n');
  await expect(loadRun(path)).rejects.toThrow('ckl-loss convert --to-form trec');
});

describe('a line of the common kind', () => {
  const column = fc.stringMatching(/^[!-~]{1,12}$/);
  const number = fc.constantFrom(
    '1',
    '-3',
    '+7',
    '0.5',
    '1e3',
    '-inf',
    '.5',
    'x',
    '1.',
    '12345678901234567890',
  );
  const outcome = (line: string) => {
    try {
      return runParser()(line);
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('is read as the same line with a blank before it, which is not', () => {
    fc.assert(
      fc.property(
        fc.tuple(column, column, column, number, number, fc.array(column, { maxLength: 2 })),
        fc.constantFrom(' ', '\t'),
        ([qid, second, docid, rank, score, tag], separator) => {
          const line = [`q${qid}`, second, docid, rank, score, ...tag].join(separator);
          expect(outcome(line)).toEqual(outcome(` ${line}`));
        },
      ),
    );
  });
});
