// Parquet files: teacher scores, collections, runs and judgements are read as the same data in text, and each fault is named with its row.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import {
  convertTeacher,
  DataError,
  guessTeacherForm,
  loadBeir,
  loadQrels,
  loadRun,
  openBeir,
  openTeacher,
  readCorpus,
  readQrels,
  readQueries,
  readRun,
  readTeacher,
  type WritableForm,
} from '../../../lib/data/index';
import { columnsOf } from '../../../lib/data/parquet/rows';
import { scratch } from './files';
import { parquetOf } from './parquets';
import { brief, lists } from './scored-lists';

const files = scratch();
const fixtures = JSON.parse(readFileSync(join(__dirname, '../../fixtures/parquets.json'), 'utf8')) as Record<
  string,
  string
>;
const fixture = (name: string): string =>
  files.write(`${name}.parquet`, Buffer.from(fixtures[name], 'base64'));
const make = async (...[name, ...parts]: [string, ...Parameters<typeof parquetOf>]): Promise<string> =>
  files.write(name, await parquetOf(...parts));

const read = async (path: string, options = {}) =>
  brief(await lists((await openTeacher(path, options)).lists()));
const failure = (work: Promise<unknown>): Promise<DataError> =>
  work.then(
    () => expect.unreachable('it was read'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(DataError);
      return error as DataError;
    },
  );

describe('a teacher in Parquet', () => {
  const BIG = '9007199254740993';
  it.each(Object.keys(fixtures).filter((name) => name.startsWith('lists, ')))(
    'PyLate, as pyarrow writes it: %s',
    async (name) => {
      const path = fixture(name);
      expect(await guessTeacherForm(path)).toBe('parquet');
      expect(await read(path)).toEqual([`${BIG}: 10=1.5 ${BIG}=-2`, '2: 30=0.25', '3: 10=3 20=1']);
    },
  );
  it('labels the first document of a list, if that is wanted', async () => {
    const [first] = await lists(readTeacher(fixture('lists, none'), 'parquet', { firstIsPositive: true }));
    expect(brief([first])).toEqual([`${BIG}: +10=1.5 -${BIG}=-2`]);
  });
  it.each(['rows', 'rows, decimals', 'rows, of wide decimals'])('a pair a row: %s', async (name) => {
    expect(await read(fixture(name))).toEqual([`1: ${BIG}=1.5 5=-2`, `2: ${BIG}=0.25`]);
  });
  it('other forms, by the names of their columns', async () => {
    expect(await read(fixture('tevatron'))).toEqual(['q: +p=2 -n=-1']);
    const triples = await make('triples.parquet', {
      query_id: [1n, 2n],
      positive_id: [10n, 20n],
      negative_id: [11n, 21n],
      score: [2.5, -1],
    });
    expect(await read(triples)).toEqual(['1: +10=0 -11=-2.5', '2: +20=0 -21=1']);
    const named = await make('named.parquet', {
      text: ['not read'],
      passage_id: ['p'],
      score: [2],
      query_id: ['q'],
    });
    expect(await read(named)).toEqual(['q: p=2']);
  });
  it('reads the files of a folder or a pattern one after another', async () => {
    const dir = join(files.dir, 'shards');
    mkdirSync(dir);
    for (const i of [1, 0])
      writeFileSync(
        join(dir, `train-0000${i}-of-00002.parquet`),
        await parquetOf({ qid: [`q${i}`], docno: ['d'], score: [i] }),
      );
    writeFileSync(join(dir, 'README.md'), 'not read');
    for (const path of [dir, join(dir, 'train-*-of-00002.parquet')]) {
      expect(await guessTeacherForm(path)).toBe('parquet');
      expect(await read(path)).toEqual(['q0: d=0', 'q1: d=1']);
    }
    writeFileSync(
      join(dir, 'train-00001-of-00002.parquet'),
      await parquetOf({ qid: ['q'], docno: ['d'], score: [NaN] }),
    );
    expect((await failure(read(dir))).file).toBe(join(dir, 'train-00001-of-00002.parquet'));
    expect((await failure(read(join(dir, 'x-*.parquet')))).expected).toBe('files with such names');
    expect((await failure(read(files.dir + '/nothing'))).expected).toBe('a readable file');
  });
  it('reads several row groups, and numbers rows through all of them', async () => {
    const rows = 3500;
    const numbers = Array.from({ length: rows }, (_, i) => i);
    const path = await make(
      'groups.parquet',
      {
        qid: numbers.map((i) => BigInt(i >> 3)),
        docno: numbers.map(String),
        score: numbers.map((i) => (i === 2999 ? Infinity : i / 2)),
      },
      { rowGroupSize: 1000 },
    );
    const error = await failure(read(path));
    expect(error.message).toBe(`${path}, row 3000: expected a finite number as "score"; found "Infinity"`);
    expect([error.line, error.unit]).toEqual([3000, 'row']);
    const source = readTeacher(path, 'parquet', { skipBad: true });
    const all = await lists(source);
    expect([all.length, all[100].docs[3].docid, source.skipped]).toEqual([438, '803', 1]);
  });
  it('reads a large row group in parts', async () => {
    const rows = (1 << 17) + 5;
    const numbers = Array.from({ length: rows }, (_, i) => i);
    const path = files.write(
      'large.parquet',
      await parquetOf(
        { qid: numbers.map((i) => BigInt(i >> 4)), docno: numbers.map(String), score: numbers },
        { rowGroupSize: rows },
        { offsetIndex: false },
      ),
    );
    let next = 0;
    for await (const { qid, docs } of readTeacher(path, 'parquet'))
      for (const { docid, score } of docs) {
        if (qid !== String(next >> 4) || docid !== String(next) || score !== next)
          expect.unreachable(`row ${next} is ${qid} ${docid} ${score}`);
        next++;
      }
    expect(next).toBe(rows);
  });
  it('is converted, and converted ids keep their digits', async () => {
    const to = join(files.dir, 'out.jsonl');
    const path = fixture('lists, zstd');
    expect(await convertTeacher({ path }, { path: to, form: 'colbert' }, { ids: 'text' })).toMatchObject({
      lists: 3,
    });
    expect(readFileSync(to, 'utf8').split('\n')[0]).toBe(`["${BIG}",["10",1.5],["${BIG}",-2]]`);
    await expect(convertTeacher({ path }, { path: to, form: 'colbert' }, { ids: 'number' })).rejects.toThrow(
      'a whole number as id',
    );
  });
});

describe('written as Parquet', () => {
  const big = '123456789012345';
  const content = `["q",["d 1",0.1],["${big}",-2]]\n["r",["d 1",1e-9]]\n`;
  it.each<[WritableForm, string[]]>([
    ['parquet', ['query_id', 'document_ids', 'scores']],
    ['parquet-rows', ['qid', 'docno', 'score']],
  ])('%s keeps ids, scores and their order', async (form, columns) => {
    const to = { path: join(files.dir, `to.${form}`), form };
    const texts = { path: files.write('from.jsonl', content) };
    expect(await convertTeacher(texts, to)).toMatchObject({ lists: 2, documents: 3 });
    expect(await read(to.path)).toEqual([`q: d 1=0.1 ${big}=-2`, 'r: d 1=1e-9']);
    expect(await columnsOf(to.path)).toEqual(columns);
    // As numbers, in more row groups than one.
    const many = Array.from({ length: 70_000 }, (_, i) => `${i} Q0 ${big} 1 ${i / 8} t\n`).join('');
    await convertTeacher({ path: files.write('many.run', many) }, to);
    const all = await read(to.path);
    expect([all.length, all[69_999]]).toEqual([70_000, `69999: ${big}=8749.875`]);
    const back = join(files.dir, 'back.jsonl');
    await convertTeacher({ path: to.path }, { path: back, form: 'colbert' });
    const first = readFileSync(back, 'utf8').split('\n')[0];
    expect(first).toBe(`[0,[${big},0]]`);
  });
  it('from nothing is a file without rows', async () => {
    const path = join(files.dir, 'empty.parquet');
    await convertTeacher({ path: files.write('empty', '') }, { path, form: 'parquet' });
    expect(await read(path)).toEqual([]);
  });
  it('is refused under a name that promises gzip, and leaves no file where an id does not fit', async () => {
    const path = join(files.dir, 'x.parquet.gz');
    const from = { path: files.write('from.jsonl', '[1,[2,3]]\n["q",[2,3]]\n') };
    await expect(convertTeacher(from, { path, form: 'parquet' })).rejects.toMatchObject({
      code: 'ERR_CKL_OUTPUT',
    });
    const plain = join(files.dir, 'y.parquet');
    await expect(convertTeacher(from, { path: plain, form: 'parquet' })).rejects.toThrow('ids: text');
    expect(existsSync(plain)).toBe(false);
  });
});

describe('faults of a teacher in Parquet', () => {
  it.each<[string, number, string, string]>([
    ['rows with nothing', 1, 'a finite number as "score"', '"null"'],
    ['lists with nothing', 2, 'an array as "document_ids"', '"null"'],
    ['not UTF-8', 2, 'an id (text or a whole number) as "qid"', 'bytes that are not UTF-8'],
    ['a map', 0, 'numbers, texts, lists or structs in column "scores"', 'a map, whose order would be lost'],
    ['dates', 1, 'an id (text or a whole number) as "qid"', 'a date'],
  ])('%s', async (name, line, expected, found) => {
    expect(await failure(read(fixture(name)))).toMatchObject({ line, expected, found });
  });
  it('leaves out and counts the rows that cannot be read', async () => {
    const source = readTeacher(fixture('lists with nothing'), 'parquet', { skipBad: true });
    expect(brief(await lists(source))).toEqual(['1: a=1']);
    expect(source.errors.map(({ line }) => line)).toEqual([2, 3, 4]);
  });
  it('are named where the file itself is not what it should be', async () => {
    const bytes = Buffer.from(fixtures.rows, 'base64');
    const expected = async (name: string, content: Buffer) =>
      (await failure(read(files.write(name, content)))).expected;
    expect(await expected('packed', gzipSync(bytes))).toBe(
      'Parquet that is not compressed as a whole (gunzip it)',
    );
    expect(await expected('cut', bytes.subarray(0, 500))).toBe('a whole Parquet file');
    expect(await expected('short', bytes.subarray(0, 4))).toBe('a whole Parquet file');
    const flipped = Buffer.from(bytes);
    flipped.fill(255, 10, 60);
    const error = await failure(read(files.write('flipped', flipped)));
    expect([error.expected, error.line]).toEqual(['an undamaged Parquet file', 1]);
    expect((await failure(lists(readTeacher(files.write('text', '1 Q0 2 3 4\n'), 'parquet')))).expected).toBe(
      'a Parquet file',
    );
  });
  it('judgements are no teacher, and unknown columns are listed', async () => {
    const qrels = await make('qrels.parquet', { 'query-id': [1n], 'corpus-id': [2n], score: [1n] });
    expect((await failure(read(qrels))).found).toContain('judgements');
    const other = await make('other.parquet', { a: [1], b: [2] });
    expect((await failure(read(other))).found).toBe('the columns "a", "b"');
  });
  it('a pipe cannot be read from its end', () => {
    const script = `cat ${fixture('rows')} | node -e '
      require("./dist/data/index.js").openTeacher("/dev/stdin")
        .then((f) => (async () => { for await (const l of f.lists()) console.log(l); })())
        .catch((error) => console.log(error.expected))'`;
    const said = execFileSync('bash', ['-c', script], { cwd: join(__dirname, '../../..'), encoding: 'utf8' });
    expect(said.trim()).toBe('a plain file, as Parquet is read from its end');
  });
  it('a package that is missing is named', async () => {
    vi.resetModules();
    vi.doMock('hyparquet', () => {
      throw new Error('Cannot find package');
    });
    const { readTeacher: readWithout } = await import('../../../lib/data/index.js');
    await expect(lists(readWithout(fixture('rows'), 'parquet'))).rejects.toMatchObject({
      code: 'ERR_CKL_PACKAGE',
      packageName: 'hyparquet',
      message: 'to read Parquet files, install hyparquet: npm install hyparquet',
    });
    vi.doUnmock('hyparquet');
  });
});

describe('collections in Parquet', () => {
  const corpus = { _id: ['d1', 'd2'], title: ['T', null], text: ['one', 'two'] };
  it('reads corpora and queries under the names of the hub', async () => {
    expect(await readCorpus(await make('c1.parquet', corpus)).collect()).toEqual([
      { id: 'd1', title: 'T', text: 'one' },
      { id: 'd2', title: '', text: 'two' },
    ]);
    const pylate = await make('c2.parquet', { document_id: [7n], text: ['x'] });
    expect(await readCorpus(pylate).collect()).toEqual([{ id: '7', title: '', text: 'x' }]);
    expect(await readQueries(await make('q1.parquet', { query_id: [7n], query: ['x'] })).collect()).toEqual([
      { id: '7', text: 'x' },
    ]);
    const bad = await make('c3.parquet', { _id: ['a', ''], text: ['x', 'y'] });
    expect((await failure(readCorpus(bad).collect())).message).toContain('c3.parquet, row 2: expected an id');
    const without = await make('c4.parquet', { _id: ['a'], body: ['x'] });
    expect(await failure(readCorpus(without).collect())).toMatchObject({
      line: 0,
      expected: 'a column "text" or "passage" or "document" or "contents"',
      found: '"_id", "body"',
    });
  });
  it('reads judgements and runs', async () => {
    const path = await make('j.parquet', { 'query-id': [1n, 1n], 'corpus-id': ['a', 'b'], score: [1, 0] });
    expect(await readQrels(path).collect()).toEqual([
      { qid: '1', docid: 'a', level: 1 },
      { qid: '1', docid: 'b', level: 0 },
    ]);
    const half = await make('j2.parquet', { 'query-id': [1n], 'corpus-id': ['a'], score: [0.5] });
    expect((await failure(loadQrels(half))).message).toContain('row 1: expected a whole number as "score"');
    const twice = await make('j3.parquet', { 'query-id': [1n, 1n], 'corpus-id': ['a', 'a'], score: [1, 1] });
    expect((await failure(loadQrels(twice))).line).toBe(2);
    const run = await make('r.parquet', {
      qid: ['q', 'q'],
      docno: ['b', 'a'],
      score: [-Infinity, 2],
      rank: [2n, 1n],
    });
    expect(await readRun(run).collect()).toMatchObject([
      { qid: 'q', docid: 'b', rank: 2, score: -Infinity },
      { qid: 'q', docid: 'a', rank: 1, score: 2 },
    ]);
    expect([...(await loadRun(run, { order: 'rank' })).get('q')!.keys()]).toEqual(['a', 'b']);
    expect(
      await readQrels(files.write('j.jsonl', '{"query-id":"1","corpus-id":"a","score":2}\n')).collect(),
    ).toEqual([{ qid: '1', docid: 'a', level: 2 }]);
  });
  const qrels = { 'query-id': ['q'], 'corpus-id': ['d1'], score: [1n] };
  const queries = { _id: ['q'], text: ['a query'] };
  it.each<[string, Record<string, Record<string, unknown[]>>]>([
    ['one file each', { 'corpus.parquet': corpus, 'queries.parquet': queries, 'qrels/test.parquet': qrels }],
    [
      'as the hub lays them out',
      {
        'corpus/corpus-00000-of-00001.parquet': corpus,
        'queries/queries-00000-of-00001.parquet': queries,
        'default/test-00000-of-00001.parquet': qrels,
      },
    ],
    [
      'as the hub converts them',
      {
        'corpus/corpus/0000.parquet': corpus,
        'queries/queries/0000.parquet': queries,
        'default/test/0000.parquet': qrels,
      },
    ],
    [
      "PyLate's documents",
      {
        'documents/train-00000-of-00001.parquet': { document_id: ['d1', 'd2'], text: ['one', 'two'] },
        'queries/train-00000-of-00001.parquet': { query_id: ['q'], text: ['a query'] },
        'qrels.test.parquet': qrels,
      },
    ],
  ])('reads a folder: %s', async (name, contents) => {
    const dir = join(files.dir, name);
    for (const [path, columns] of Object.entries(contents)) {
      mkdirSync(join(dir, path, '..'), { recursive: true });
      writeFileSync(join(dir, path), await parquetOf(columns));
    }
    const beir = await loadBeir(dir);
    expect([...beir.corpus.keys()]).toEqual(['d1', 'd2']);
    expect([...beir.queries]).toEqual([['q', 'a query']]);
    expect([...beir.qrels.get('test')!.get('q')!]).toEqual([['d1', 1]]);
  });
  it('joins the pieces of a split', async () => {
    const dir = join(files.dir, 'pieces');
    mkdirSync(join(dir, 'qrels'), { recursive: true });
    writeFileSync(join(dir, 'corpus.parquet'), await parquetOf(corpus));
    writeFileSync(join(dir, 'queries.parquet'), await parquetOf(queries));
    for (const i of [0, 1])
      writeFileSync(
        join(dir, 'qrels', `dev-0000${i}-of-00002.parquet`),
        await parquetOf({ ...qrels, 'corpus-id': [`d${i}`] }),
      );
    const folder = await openBeir(dir);
    expect([...folder.qrels]).toEqual([['dev', join(dir, 'qrels', 'dev-*-of-00002.parquet')]]);
    expect((await loadQrels(folder.qrels.get('dev')!)).get('q')!.size).toBe(2);
  });
});
