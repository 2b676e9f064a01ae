// Lines come out whole and numbered whatever the file does at their ends; what cannot be read says where.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError, readCorpus, readQueries, Records } from '../../../lib/data/index';
import { scratch } from './files';

const files = scratch();
const texts = (path: string, maxLineBytes?: number) => new Records(path, (line) => line, { maxLineBytes });

describe('lines', () => {
  it.each([
    ['LF', 'a\nb\n'],
    ['CRLF', 'a\r\nb\r\n'],
    ['no end after the last line', 'a\nb'],
    ['a byte order mark', '\uFEFFa\nb\n'],
    ['empty lines', '\n\na\n \n\nb\n\n'],
  ])('%s', async (name, content) => {
    expect(await texts(files.write('lines.txt', content)).collect()).toEqual(['a', 'b']);
    expect(await texts(files.write('lines.gz', gzipSync(content))).collect()).toEqual(['a', 'b']);
  });

  it('keeps unicode that falls on the edges of read chunks', async () => {
    const line = 'é\u{1F600}漢'.repeat(40_000);
    const path = files.write('unicode.txt', `x${line}\nxy${line}\n`);
    expect(await texts(path).collect()).toEqual([`x${line}`, `xy${line}`]);
  });

  it('reads a file of many blocks, one line of which is bad, like any other', async () => {
    const good = Array.from({ length: 30_000 }, (_, i) => `${i} ${'ü'.repeat(i % 60)}`);
    const bytes = good.map((line, i) =>
      Buffer.from(i === 20_000 ? 'caf\xe9\r\n' : `${line}\r\n`, i === 20_000 ? 'latin1' : 'utf8'),
    );
    const records = new Records(files.write('blocks.txt', Buffer.concat(bytes)), (line) => line, {
      skipBad: true,
    });
    expect(await records.collect()).toEqual(good.filter((_, i) => i !== 20_000));
    expect(records.errors.map((error) => error.line)).toEqual([20_001]);
    // A limit far below the size of a block is a limit for lines, not for blocks.
    expect(await texts(files.write('short.txt', 'abc\n'.repeat(100)), 3).collect()).toHaveLength(100);
  });

  it('reads gzip of several members, whatever the name', async () => {
    const path = files.write('members.txt', Buffer.concat([gzipSync('a\nb'), gzipSync('c\nd\n')]));
    expect(await texts(path).collect()).toEqual(['a', 'bc', 'd']);
  });

  it('numbers lines as an editor does, empty ones too', async () => {
    const path = files.write('numbers.jsonl', '{"_id":"1","text":"a"}\r\n\r\n{"_id":"2"}\r\n');
    await expect(readQueries(path).collect()).rejects.toMatchObject({
      code: 'ERR_CKL_DATA',
      file: path,
      line: 3,
      expected: 'text as "text"',
    });
  });

  it('counts lines without anything in them, wherever they stand', async () => {
    const end = fc.constantFrom('\n', '\r\n', '\n'.repeat(70_000), '\r\n'.repeat(3));
    const part = fc.tuple(fc.constantFrom('', 'a', ' ', 'b c', '\r', 'x'.repeat(300)), end);
    await fc.assert(
      fc.asyncProperty(fc.array(part), fc.boolean(), async (parts, zipped) => {
        const content = parts.flat().join('');
        const split = content.split('\n').map((line) => line.replace(/\r$/, ''));
        const expected = split.flatMap((line, i) => (line.trim() === '' ? [] : [[i + 1, line]]));
        const path = files.write('empty.txt', zipped ? gzipSync(content) : content);
        const records = new Records(path, (line, number) => [number, line]);
        expect(await records.collect()).toEqual(expected);
        expect(records.lines).toBe(split.length - (split.at(-1) === '' ? 1 : 0));
      }),
      { numRuns: 100 },
    );
  });

  it('gives back any lines', async () => {
    const line = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => text.trim() !== '' && !/[\r\n\uFEFF]/.test(text));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line),
        fc.boolean(),
        fc.constantFrom('\n', '\r\n'),
        async (all, zipped, end) => {
          const content = Buffer.from(all.map((text) => text + end).join(''));
          const path = files.write('any.txt', zipped ? gzipSync(content) : content);
          expect(await texts(path).collect()).toEqual(all);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('what cannot be read', () => {
  const bad = async (records: Records<unknown>): Promise<DataError> => {
    const error: unknown = await records.collect().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DataError);
    return error as DataError;
  };
  it('a file that is not there', async () => {
    expect(await bad(readCorpus('/nowhere/corpus.jsonl'))).toMatchObject({
      line: 0,
      expected: 'a readable file',
    });
  });
  it('damaged gzip', async () => {
    const whole = gzipSync(Array.from({ length: 9000 }, (_, i) => `${i * 7919}\n`).join(''));
    const error = await bad(texts(files.write('cut.gz', whole.subarray(0, whole.length / 2))));
    expect(error.expected).toBe('undamaged gzip data');
    expect(error.line).toBeGreaterThan(1);
  });
  it('gzip whose checksum does not fit, as a whole: where the damage is, is not known', async () => {
    const bytes = gzipSync(Array.from({ length: 9000 }, (_, i) => `${i * 7919}\n`).join(''));
    bytes[bytes.length - 6] ^= 1;
    const path = files.write('crc.gz', bytes);
    expect(await bad(texts(path))).toMatchObject({ line: 0, found: 'incorrect data check' });
  });
  it('gzip that is damaged after a million lines: with the line reached', async () => {
    const noise = Array.from({ length: 300_000 }, (_, i) => `${Math.imul(i, 2654435761) >>> 0}\n`).join('');
    const bytes = gzipSync(noise);
    const error = await bad(texts(files.write('late.gz', bytes.subarray(0, bytes.length - 20))));
    expect(error.line).toBeGreaterThan(290_000);
  });
  it('gzip that is damaged after lines with nothing in them, which count', async () => {
    const noise = Array.from({ length: 9000 }, (_, i) => `${Math.imul(i, 2654435761) >>> 0}\n`).join('');
    const bytes = gzipSync('\n'.repeat(300_000) + noise);
    const error = await bad(texts(files.write('empty.gz', bytes.subarray(0, bytes.length - 20))));
    expect(error.line).toBeGreaterThan(300_000);
    expect(error.line).toBeLessThan(309_001);
  });
  it('bytes that are not UTF-8', async () => {
    const path = files.write('latin1.txt', Buffer.from('ok\ncaf\xe9\n', 'latin1'));
    expect(await bad(texts(path))).toMatchObject({ line: 2, expected: 'UTF-8 text', found: '"café"' });
  });
  it('a line over the limit, without keeping it', async () => {
    const path = files.write('huge.txt', `a\n${'x'.repeat(3_000_000)}\nb\n`);
    expect(await bad(texts(path, 1000))).toMatchObject({ line: 2, expected: 'a line of at most 1000 bytes' });
    const skipping = new Records(path, (line) => line, { maxLineBytes: 1000, skipBad: true });
    expect(await skipping.collect()).toEqual(['a', 'b']);
    expect(skipping.skipped).toBe(1);
  });
  it('nested or long JSON where a text should be: shown from its beginning', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const wide = `[${'1,'.repeat(100_000)}1]`;
    const object = JSON.stringify({ a: { b: [1, 'x', null] } });
    const path = files.write(
      'deep.jsonl',
      [deep, wide, object].map((text) => `{"_id":"1","text":${text}}\n`).join('') +
        '{"_id":"2","text":"b"}\n',
    );
    const records = readQueries(path, { skipBad: true });
    expect(await records.collect()).toEqual([{ id: '2', text: 'b' }]);
    expect(records.errors.map(({ found }) => found)).toEqual([
      `"${'['.repeat(57)}..."`,
      `"[${'1,'.repeat(28)}..."`,
      JSON.stringify(object),
    ]);
  });
  it('bad lines can be skipped: counted, the first ten kept', async () => {
    const path = files.write(
      'bad.jsonl',
      `{"_id":"1","text":"a"}\n${'not json\n'.repeat(12)}{"_id":2,"text":"b"}\n`,
    );
    const records = readQueries(path, { skipBad: true });
    expect(await records.collect()).toEqual([
      { id: '1', text: 'a' },
      { id: '2', text: 'b' },
    ]);
    expect(records).toMatchObject({ lines: 14, skipped: 12 });
    expect(records.errors).toHaveLength(10);
    expect(records.errors[0].message).toBe(`${path}:2: expected JSON; found "not json"`);
  });
  it('an error in the code that reads is not taken for a bad line', async () => {
    const path = files.write('fine.txt', 'a\n');
    const broken = new Records(
      path,
      () => {
        throw new TypeError('a bug');
      },
      { skipBad: true },
    );
    await expect(broken.collect()).rejects.toThrow(TypeError);
  });
});
