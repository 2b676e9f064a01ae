// What the student sees of a text.
import { describe, expect, it } from 'vitest';
import { PreparedDocument } from '../../../../lib/lab/students/linear/document';
import { FEATURES, FEATURE_COUNT, PreparedQuery } from '../../../../lib/lab/students/linear/features';
import { words } from '../../../../lib/lab/students/words/text';
import { Vocabulary } from '../../../../lib/lab/students/words/vocabulary';

describe('words', () => {
  it('lower case, no function words, no plural endings, any script', () => {
    expect(words('The Studies of CELLS, viruses; a virus — loss Ünïté 漢字 10%')).toEqual([
      'study',
      'cell',
      'viruse',
      'virus',
      'loss',
      'ünïté',
      '漢字',
      '10',
    ]);
    expect(words('')).toEqual([]);
  });
});

describe('PreparedDocument', () => {
  it('does not count a title twice that the text repeats', () => {
    expect(new PreparedDocument('wing flow', 'Wing flow experiments').all).toEqual([
      'wing',
      'flow',
      'experiment',
    ]);
    expect(new PreparedDocument('wing', 'flow').all).toEqual(['wing', 'flow']);
  });
});

describe('features', () => {
  const corpus = ['alpha beta gamma', 'beta gamma delta', 'gamma delta epsilon', 'gamma 1984 gammaray'];
  const vocabulary = new Vocabulary();
  for (const text of corpus) vocabulary.add(words(text));
  const of = (query: string, title: string, text: string) => {
    const out = new Float64Array(FEATURE_COUNT);
    new PreparedQuery(words(query), vocabulary).write(new PreparedDocument(title, text), out, 0);
    return Object.fromEntries(FEATURES.map((name, i) => [name, out[i]]));
  };

  it('computes BM25 as Lucene does', () => {
    const idf = (n: number) => Math.log(1 + (4 - n + 0.5) / (n + 0.5));
    const tf = (count: number, length: number) => (count * 1.9) / (count + 0.9 * (0.6 + (0.4 * length) / 3));
    expect(of('alpha gamma', '', 'alpha alpha gamma delta').bm25).toBeCloseTo(
      idf(1) * tf(2, 4) + idf(4) * tf(1, 4),
      12,
    );
  });
  it('overlap, coverage, rarest words', () => {
    const { overlap, idfCoverage, rarest, missedRarest } = of('alpha gamma', '', 'gamma delta');
    expect(overlap).toBe(0.5);
    expect(idfCoverage).toBeCloseTo(
      vocabulary.idf('gamma') / (vocabulary.idf('gamma') + vocabulary.idf('alpha')),
      12,
    );
    expect(rarest).toBeCloseTo(vocabulary.idf('gamma') / vocabulary.idf('alpha'), 12);
    expect(missedRarest).toBe(1);
  });
  it('tells adjacent words from near ones, and the title from the text', () => {
    expect(of('alpha beta', '', 'alpha beta')).toMatchObject({ bigrams: 1, near: 1, titleCoverage: 0 });
    expect(of('alpha beta', '', 'beta alpha')).toMatchObject({ bigrams: 0, near: 1 });
    expect(of('alpha beta', 'alpha beta', `alpha ${'x '.repeat(20)} beta`)).toMatchObject({
      titleCoverage: 1,
    });
    expect(of('alpha beta', '', `alpha ${'x '.repeat(20)} beta`)).toMatchObject({ bigrams: 0, near: 0 });
  });
  it('sees kin of words it misses, and numbers', () => {
    expect(of('gammarays 1984', '', 'gammaburst 1984')).toMatchObject({ numbers: 1 });
    expect(of('gammarays', '', 'gammaburst').prefixes).toBe(1);
    expect(of('gammarays', '', 'gammaray').prefixes).toBe(0);
  });
  it('stays finite for empty queries and documents', () => {
    for (const values of [
      of('', '', ''),
      of('alpha', '', ''),
      of('', 'alpha', 'beta'),
      of('unseen word', '', 'other'),
    ]) {
      for (const value of Object.values(values)) expect(Number.isFinite(value)).toBe(true);
    }
  });
});
