// Pickles of scores: Python's and NumPy's own files are read as they are, in any pieces; what would have to be run is refused by name.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  convertTeacher,
  guessTeacherForm,
  openTeacher,
  readTeacher,
  type ScoredList,
} from '../../../lib/data/index';
import { Unpickler } from '../../../lib/data/pickle';
import { pickleOf } from '../../fuzz/pickles';
import { scratch } from './files';

const files = scratch();

interface Fixture {
  name: string;
  data: string;
  lists?: [qid: string, docs: [docid: string, score: number][]][];
  refused?: string;
}
const fixtures = JSON.parse(
  readFileSync(join(__dirname, '../../fixtures/pickles.json'), 'utf8'),
) as Fixture[];

async function lists(from: AsyncIterable<ScoredList>): Promise<Fixture['lists']> {
  const all: NonNullable<Fixture['lists']> = [];
  for await (const { qid, docs } of from) all.push([qid, docs.map(({ docid, score }) => [docid, score])]);
  return all;
}

describe.each(fixtures.filter((fixture) => fixture.lists))('$name', ({ data, lists: expected }) => {
  const bytes = Buffer.from(data, 'base64');
  it('is told, and read, gzip or not', async () => {
    for (const content of [bytes, gzipSync(bytes)]) {
      const path = files.write('scores.pkl', content);
      expect(await guessTeacherForm(path)).toBe('pickle');
      expect(await lists((await openTeacher(path)).lists())).toEqual(expected);
    }
  });

  it('comes in pieces of any size, and must come whole', () => {
    const read = (size: number, length = bytes.length) => {
      const unpickler = new Unpickler();
      let queries = 0;
      for (let at = 0; at < length; at += size)
        queries += unpickler.push(bytes.subarray(at, Math.min(at + size, length))).length;
      unpickler.end();
      return queries;
    };
    for (const size of [1, 2, 7, 64]) expect(read(size)).toBe(expected!.length);
    for (let length = 0; length < bytes.length; length += 1 + Math.floor(bytes.length / 40))
      expect(() => read(64, length)).toThrow('a file that ends within it');
    const more = new Unpickler();
    expect(() => more.push(Buffer.concat([bytes, bytes]))).toThrow('the end of the file after a pickle');
  });
});

describe.each(fixtures.filter((fixture) => fixture.refused))('$name', ({ data, refused }) => {
  it('is refused, with the byte', async () => {
    const reading = lists(
      readTeacher(files.write('bad.pkl', Buffer.from(data, 'base64')), 'pickle', { skipBad: true }),
    );
    await expect(reading).rejects.toThrow(refused);
    await expect(
      lists(readTeacher(files.write('bad.pkl', Buffer.from(data, 'base64')), 'pickle')),
    ).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      line: 0,
      found: expect.stringMatching(/at byte \d+$/) as string,
    });
  });
});

it('a query that cannot be used is named, or left out', async () => {
  const path = files.write(
    'nan.pkl',
    pickleOf([
      [
        '1',
        [
          ['2', NaN],
          ['3', 4],
        ],
      ],
      [
        '5',
        [
          ['6', 7],
          ['6', 8],
        ],
      ],
      ['8', []],
    ]),
  );
  await expect(lists(readTeacher(path, 'pickle'))).rejects.toThrow(
    'a finite number as the score of document "2" of query "1"',
  );
  const left = readTeacher(path, 'pickle', { skipBad: true });
  expect(await lists(left)).toEqual([
    ['1', [['3', 4]]],
    ['5', [['6', 7]]],
  ]);
  expect(left.errors.map(({ message }) => message.replace(/.*: /, ''))).toEqual([
    'expected a finite number as the score of document "2" of query "1"; found NaN',
    'expected each document once for query "5"; found "6" twice',
    'expected documents of query "8"; found none',
  ]);
});

it('a query is handed out before the next one is read', () => {
  const unpickler = new Unpickler();
  const bytes = pickleOf(
    Array.from({ length: 50 }, (_, q) => [`${q}`, Array.from({ length: 40 }, (_, d) => [`${d}`, d])]),
  );
  let before = 0;
  for (let at = 0; at < bytes.length; at += 500) {
    before += unpickler.push(bytes.subarray(at, at + 500)).length;
    // A query takes 40 · 12 bytes or so.
    expect(before).toBeGreaterThanOrEqual(Math.floor(at / 500) - 2);
  }
  expect(before).toBe(50);
});

describe('written', () => {
  const from = (content: string) => ({ path: files.write('from.jsonl', content), form: 'colbert' as const });
  const to = { path: join(files.dir, 'to.pkl'), form: 'pickle' as const };
  it('with the operations of protocol 4, as Python loads it', async () => {
    const expected =
      '80047d' + // PROTO 4, EMPTY_DICT
      '28' +
      '4a01000000' +
      '7d' + // MARK, BININT 1, EMPTY_DICT
      '28' +
      '4a07000000' +
      '473fe0000000000000' + // MARK, BININT 7, BINFLOAT .5
      '8a0800f2052a01000000' +
      '474000000000000000' + // LONG1 5e9, BINFLOAT 2
      '75' +
      '75' +
      '2e'; // SETITEMS twice, STOP
    await convertTeacher(from('[1,[7,0.5],[5000000000,2]]\n'), to);
    expect(readFileSync(to.path).toString('hex')).toBe(expected);
  });
  it('in pieces, of texts too, and read back', async () => {
    const docs = Array.from({ length: 2500 }, (_, i) => [`d ${i}é`, i / 4]);
    await convertTeacher(from(`${JSON.stringify(['q', ...docs])}\n["r",["a",1]]\n`), to);
    expect(await lists(readTeacher(to.path, 'pickle'))).toEqual([
      ['q', docs],
      ['r', [['a', 1]]],
    ]);
  });
  it('but not of a query that comes back: a dict holds it once', async () => {
    await expect(convertTeacher(from('[1,[2,3]]\n[2,[2,3]]\n[1,[4,3]]\n'), to)).rejects.toThrow(
      'query "1" again',
    );
  });
});

describe('what a pickle sets on the type of a NumPy number', () => {
  /** Opcodes as their letters, numbers of one byte, and short texts. */
  const pickled = (...parts: (string | number | { text: string })[]) =>
    Buffer.concat([
      Buffer.of(0x80, 4),
      ...parts.map((part) =>
        typeof part === 'string'
          ? Buffer.from(part, 'latin1')
          : typeof part === 'number'
            ? Buffer.of(0x4b, part)
            : Buffer.of(0x8c, part.text.length, ...Buffer.from(part.text)),
      ),
    ]);
  const dtype = ['cnumpy\ndtype\n', { text: 'f8' }, 0, 1, '\x87', 'R'];

  it.each([
    ['a dict in place of the type', ['}', 3, { text: '<' }, 'N', '\x87', 'b']],
    ['a number for the byte order', [...dtype, 3, 1, 'N', '\x87', 'b']],
    ['an unknown byte order', [...dtype, 3, { text: '!' }, 'N', '\x87', 'b']],
    ['no tuple', [...dtype, 3, 'b']],
  ])('is refused: %s', (_, parts) => {
    expect(() => new Unpickler().push(pickled(...parts))).toThrow("the state of a NumPy number's type");
  });

  it('may be any of the byte orders', () => {
    for (const text of ['<', '>', '|', '=']) {
      const bytes = pickled(...dtype, 3, { text }, 'N', '\x87', 'b');
      expect(() => new Unpickler().push(bytes)).not.toThrow();
    }
  });
});

describe('what stands where a dict should is named', () => {
  /** A text as protocol 2 writes it. */
  const text = (value: string) =>
    Buffer.concat([Buffer.from('X'), Buffer.from(Uint32Array.of(value.length).buffer), Buffer.from(value)]);
  it.each([
    ['a tuple', Buffer.from(')')],
    ['bytes', Buffer.from('C\x01a')],
    ['nothing', Buffer.from('N')],
    ['"word"', text('word')],
    ['number 5', Buffer.from('K\x05')],
    ['boolean true', Buffer.from('\x88', 'latin1')],
    ['OrderedDict', Buffer.from('ccollections\nOrderedDict\n')],
  ])('%s', (name, value) => {
    const head = Buffer.from('\x80\x02', 'latin1');
    const within = Buffer.concat([head, Buffer.from('}('), text('q'), value, Buffer.from('u.')]);
    expect(() => new Unpickler().push(within)).toThrow(
      expect.objectContaining({
        expected: 'a dict of scores for each query',
        found: expect.stringMatching(`^${name} at byte`) as string,
      }),
    );
    const alone = Buffer.concat([head, value, Buffer.from('.')]);
    expect(() => new Unpickler().push(alone)).toThrow(
      expect.objectContaining({
        expected: 'a dict {query: {document: score}}',
        found: expect.stringMatching(`^${name} at byte`) as string,
      }),
    );
  });
});
