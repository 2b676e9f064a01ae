// A corpus in compact memory: the same words, counts and bags as a plain reading of its texts gives.
import { describe, expect, it } from 'vitest';
import { openBeir, readCorpus } from '../../../../lib/data';
import { PreparedDocument } from '../../../../lib/lab/students/linear/document';
import {
  CorpusCounter,
  numbering,
  shareCorpus,
  sharedCorpus,
} from '../../../../lib/lab/students/words/corpus';
import { placesOf } from '../../../../lib/lab/students/words/sequence';
import { words } from '../../../../lib/lab/students/words/text';
import { TextCounter } from '../../../../lib/lab/students/words/text-counter';
import { idfOf } from '../../../../lib/lab/students/words/weighing';
import { WordRows } from '../../../../lib/lab/students/words/word-rows';
import { Random } from '../../../../lib/lab/training/random';
import { haveShared, shared } from '../../data/shared';

type Text = readonly [title: string, text: string];

/** What `PreparedDocument`, which makes strings of all words, says of texts. */
function expectAlike(texts: readonly Text[]): void {
  const [mine, theirs] = [new Map<string, number>(), new Map<string, number>()];
  const counter = new TextCounter(numbering(mine));
  const numberOf = numbering(theirs);
  for (const [title, text] of texts) {
    const plain = new PreparedDocument(title, text);
    const { words, counts, size, length } = counter.document(title, text);
    const expected = [...plain.positions].map(([word, places]) => [numberOf(word), places.length]);
    expect([...words.subarray(0, size)].map((word, i) => [word, counts[i]])).toEqual(expected);
    expect(length).toBe(plain.length);
  }
  expect([...mine]).toEqual([...theirs]);
}

const PIECES = [
  ...[
    'Cells',
    'cell',
    'THE',
    'studies',
    'virus',
    'a',
    'x1',
    '2019',
    'of',
    'wing',
    'Wing',
    'glasses',
    'areas',
  ],
  ...['Café', 'cafe\u0301', 'ﬁne', '①', 'İ', 'ß', '東京', 'Ωmega', 'ｆｕｌｌ', 'x²', '\ud800'],
];
const GAPS = [' ', ', ', '-', '\n', '\u0301', '\u00a0', '_', ' \u0301'];

describe('TextCounter', () => {
  it('counts any text as its words are', () => {
    const random = new Random(3);
    const draw = (most: number) =>
      Array.from(
        { length: random.below(most) },
        () => PIECES[random.below(PIECES.length)] + GAPS[random.below(GAPS.length)],
      ).join('');
    const texts = Array.from({ length: 3000 }, (): Text => {
      const title = random.below(3) === 0 ? '' : draw(4);
      const text = draw(25);
      return [title, random.below(3) === 0 ? title + GAPS[random.below(GAPS.length)] + text : text];
    });
    expectAlike(texts);
  });

  it('knows a title with which the text begins, function words apart', () => {
    expectAlike([
      ['wing flow', 'Wing flow experiments'],
      ['the wing', 'Wing of the flow'],
      ['wing', 'the Wing flow'],
      ['of the', 'wing'],
      ['', 'wing'],
      ['wing', 'wing\u0301 flow'],
      ['wing', 'é wing'],
      ['wings', 'wing'],
      ['wing flow', 'wing'],
    ]);
  });

  it('forgets runs when there are too many, and words do not change their numbers', () => {
    const numbers = new Map<string, number>();
    const counter = new TextCounter(numbering(numbers));
    const wordOf = (i: number) => `w${i.toString(36)}q`;
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 300_000; i += 100) {
        const text = Array.from({ length: 100 }, (_, k) => wordOf(i + k)).join(' ');
        const { words, size } = counter.query(text);
        expect(size).toBe(100);
        expect(words[0]).toBe(i);
        expect(words[99]).toBe(i + 99);
      }
    expect(numbers.size).toBe(300_000);
  });

  it('leaves out words without a number, and counts them in the length', () => {
    const counter = new TextCounter((word) => (word === 'wing' ? 0 : undefined));
    expect(counter.document('wing flow', 'wing drag')).toMatchObject({ size: 1, length: 4 });
    // Two unknown words are not taken for each other.
    expect(counter.document('drag', 'flow')).toMatchObject({ size: 0, length: 2 });
  });

  it.skipIf(!haveShared)('counts all of SciFact alike (needs ../shared)', { timeout: 120_000 }, async () => {
    const texts: Text[] = [];
    const { corpus } = await openBeir(shared('scifact/beir'));
    for await (const { title, text } of readCorpus(corpus)) texts.push([title, text]);
    expect(texts.length).toBeGreaterThan(5000);
    expectAlike(texts);
  });
});

describe('WordRows', () => {
  it('gives back what was added, over many blocks and in every width of count', () => {
    const random = new Random(5);
    const added = Array.from({ length: 10_000 }, (_, i) => {
      const size = i === 17 ? 300_000 : random.below(9);
      const most = i < 5000 ? 200 : i < 9000 ? 60_000 : 2 ** 31;
      return {
        words: Int32Array.from({ length: size }, (_, k) => k * 3),
        counts: Uint32Array.from({ length: size }, () => 1 + random.below(most)),
        length: random.below(1000),
      };
    });
    const rows = new WordRows();
    for (const { words, counts, length } of added) rows.add(words, counts, words.length, length);
    const other = WordRows.of(rows.end().shared);
    for (const all of [rows, other]) {
      expect(all).toHaveLength(added.length);
      added.forEach((row, place) => {
        const found = all.row(place);
        expect(found.length).toBe(row.length);
        expect(Buffer.compare(bytesOf(found.words), bytesOf(row.words))).toBe(0);
        expect(Buffer.compare(bytesOf(Uint32Array.from(found.counts)), bytesOf(row.counts))).toBe(0);
      });
    }
    expect(rows.row(0).counts).toBeInstanceOf(Uint8Array);
    expect(rows.row(9999).counts).toBeInstanceOf(Uint32Array);
  });
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array | Uint32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);

describe('CorpusCounter', () => {
  it('weighs words by what it counted, and another thread sees the same corpus', () => {
    const numbers = new Map<string, number>();
    const counter = new CorpusCounter(numbering(numbers));
    expect(counter.add('a', '', 'wing wing flow')).toBe(true);
    expect(counter.add('b', 'drag', 'wing')).toBe(true);
    expect(counter.add('a', '', 'never counted')).toBe(false);
    const corpus = counter.end();
    expect(corpus.statistics).toMatchObject({ documents: 2, length: 5 });
    expect([...numbers.keys()]).toEqual(['wing', 'flow', 'drag']);
    const bag = corpus.bags.at(0)!;
    expect([...bag.words]).toEqual([0, 1]);
    expect([...bag.counts]).toEqual([2, 1]);
    expect(bag.length).toBeCloseTo(3 / 2.5, 12);
    expect(bag.weights[0]).toBe(Math.fround((1 + Math.log(2)) * idfOf(2, 2)));
    expect(bag.weights[1]).toBe(Math.fround(idfOf(2, 1)));
    const other = sharedCorpus(structuredClone(shareCorpus(corpus)));
    expect([...other.bags]).toEqual([...corpus.bags]);
    expect([...other.docids]).toEqual(['a', 'b']);
    expect(placesOf(other.docids)('b')).toBe(1);
    expect(placesOf(['a', 'b'])('b')).toBe(1);
    expect(placesOf(['a', 'b'])('c')).toBe(-1);
    expect(corpus.weighing.query('drag unseen', numbers).words).toEqual(Int32Array.of(2));
    expect(words('drag unseen')).toHaveLength(2);
  });
});
