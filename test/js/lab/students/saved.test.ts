// Saved students: they come back with the bits that were measured, and whatever is wrong with a folder is said.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBeir, mergeQrels } from '../../../../lib/data/index';
import { writeWholeFolder } from '../../../../lib/data/whole-folder';
import { studentFiles } from '../../../../lib/lab/cli/refine/card';
import { rerankerFiles } from '../../../../lib/lab/cli/train/card';
import { runJob, type JobResult } from '../../../../lib/lab/train/job';
import { refine, type RefineOptions, type RefineResult } from '../../../../lib/lab/refine/job';
import { load, ModelError, type LoadedStudent } from '../../../../lib/lab/students/index';
import { formatModel } from '../../../../lib/lab/students/saved/model-files';
import { modelOf } from '../../../../lib/lab/students/saved/retriever-model';
import { makeStudent, STUDENT_NAMES, type StudentName } from '../../../../lib/lab/students/students';
import { loadCollection, type Collection } from '../../../../lib/lab/students/words/bags';
import { Random } from '../../../../lib/lab/training/random';
import { measure } from '../../../../lib/lab/training/rerank';
import { rank } from '../../../../lib/metrics/index';
import { scratch } from '../../data/files';

const sample = join(__dirname, '../../../../examples/sample');
const teacher = join(sample, 'teacher.trec');
const files = scratch();
const WIDTH = 16;

const kinds: [string, StudentName, 'bm25' | 'sparse' | undefined][] = [
  ...STUDENT_NAMES.map((name): (typeof kinds)[number] => [name, name, undefined]),
  ['two-stage after sparse', 'two-stage', 'sparse'],
];

let collection: Collection;
let beir: Awaited<ReturnType<typeof loadBeir>>;
beforeAll(async () => {
  collection = await loadCollection(sample, teacher);
  beir = await loadBeir(sample);
});

/** A student whose parameters are all different from where they start. */
function moved(student: StudentName, firstStage?: 'bm25' | 'sparse') {
  const options = { student, firstStage, width: WIDTH, candidates: 40, seed: 3 };
  const pipeline = makeStudent(collection, collection.vocabulary, options);
  const random = new Random(9);
  for (const part of pipeline.parts) {
    for (const values of Object.values(part.student.parameters))
      values.forEach((value, i) => (values[i] = value + random.normal() / 16));
    part.student.forget();
  }
  const { numbers, statistics } = collection;
  return { pipeline, files: () => formatModel(modelOf(pipeline, options, numbers, statistics)) };
}

const documentOf = (id: string) => beir.corpus.get(id)!;
const queryOf = (id: string) => ({ id, text: beir.queries.get(id)! });

describe.each(kinds)('a saved student: %s', (title, name, firstStage) => {
  const dir = join(files.dir, title.replaceAll(' ', '-'));
  let made: ReturnType<typeof moved>;
  let loaded: LoadedStudent;
  beforeAll(async () => {
    made = moved(name, firstStage);
    await writeWholeFolder(dir, made.files());
    loaded = await load(dir);
  });

  it('scores with the same bits', () => {
    expect(loaded.name).toBe(name);
    for (const list of collection.lists.slice(0, 20)) {
      const expected = new Float32Array(list.docids.length);
      made.pipeline.parts.at(-1)!.student.score(list, expected, 0);
      const { text } = queryOf(list.qid);
      expect(loaded.score(text, list.docids.map(documentOf))).toEqual(expected);
    }
  });

  it('searches with the same bits, whatever other queries there are', () => {
    const lists = collection.lists.slice(0, 30);
    const expected = made.pipeline.search(
      collection,
      new Map(lists.map((list) => [list.qid, list.query])),
      20,
    );
    const corpus = loaded.prepare([...beir.corpus.values()]);
    const found = loaded.search(
      corpus,
      lists.map(({ qid }) => queryOf(qid)),
      20,
    );
    expect([...found.keys()]).toEqual(lists.map(({ qid }) => qid));
    for (const [qid, scores] of found) {
      expect([...scores.keys()]).toEqual(rank(expected.get(qid)!).slice(0, 20));
      for (const [docid, score] of scores) expect(score).toBe(expected.get(qid)!.get(docid));
      const alone = loaded.search(corpus, [queryOf(qid)], 20);
      expect([...alone.get(qid)!]).toEqual([...scores]);
    }
  });

  it('searches a large corpus in one pass for many queries, where ties are few', () => {
    const atOnce = loaded['queriesAtOnce'](8_841_823);
    expect(atOnce).toBe(name === 'dense' || name === 'multi' ? 2048 : 1);
  });

  it('encodes texts such that their products are the scores', () => {
    const [list] = collection.lists;
    const { text } = queryOf(list.qid);
    const documents = list.docids.slice(0, 12).map(documentOf);
    const [query, encoded] = [loaded.encodeQueries([text]), loaded.encodeDocuments(documents)];
    const scores = loaded.score(text, documents);
    const products = documents.map((_, d) => product(query, encoded, d));
    // Of a dense student but for the factor s.
    const factor = name === 'dense' ? scores[0] / products[0] : 1;
    products.forEach((value, d) => expect(value * factor).toBeCloseTo(scores[d], 4));
  });

  it('gives the same bits in another process', () => {
    const [{ qid, docids }] = collection.lists;
    const documents = docids.map((id) => ({ title: documentOf(id).title, text: documentOf(id).text }));
    const { text } = queryOf(qid);
    const code = `
      require('ckl-loss/students').load(process.argv[1]).then((student) => {
        const { query, documents } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
        console.log(JSON.stringify([...student.score(query, documents)]));
      });`;
    const printed = execFileSync(process.execPath, ['-e', code, dir], {
      cwd: join(__dirname, '../../../..'),
      input: JSON.stringify({ query: text, documents }),
      encoding: 'utf8',
    });
    expect(JSON.parse(printed)).toEqual([...loaded.score(text, documents)]);
  });
});

type Encoded = ReturnType<LoadedStudent['encodeQueries']>;

function product(query: Encoded, documents: Encoded, d: number): number {
  if (query.kind === 'vectors' && documents.kind === 'vectors')
    return query.vectors.reduce((sum, value, k) => sum + value * documents.vectors[d * query.width + k], 0);
  if (query.kind === 'terms' && documents.kind === 'terms') {
    const { terms, weights } = documents.texts[d];
    const own = new Map(query.texts[0].terms.map((term, i) => [term, query.texts[0].weights[i]]));
    return terms.reduce((sum, term, i) => sum + (own.get(term) ?? 0) * weights[i], 0);
  }
  if (query.kind === 'tokens' && documents.kind === 'tokens') {
    const { width } = query;
    const [{ weights, vectors }, other] = [query.texts[0], documents.texts[d]];
    const cosine = (t: number, u: number) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += vectors[t * width + k] * other.vectors[u * width + k];
      return Math.max(0, sum);
    };
    return weights.reduce(
      (sum, weight, t) =>
        sum + weight * Math.max(...other.weights.map((worth, u) => worth * cosine(t, u) ** 2)),
      0,
    );
  }
  throw new Error('two kinds');
}

describe('a trained student', () => {
  const options = (student: StudentName): RefineOptions => ({
    ...{ data: sample, teacher, student, losses: ['kl', 'nll'], docs: 12, width: WIDTH },
    ...{ epochs: 2, patience: 2, batch: 16, learningRate: 0.003, seed: 1, keepsStudent: true },
  });

  it.each(STUDENT_NAMES)('%s, loaded, has the measures of the report', async (name) => {
    const result = await refine(options(name));
    const dir = join(files.dir, `trained-${name}`);
    await writeWholeFolder(
      dir,
      studentFiles(result, options(name), ['--data', '/secret/place/sample', '--seed', '1']),
    );
    const best = result.refined.reduce((a, b) => (devOf(b) > devOf(a) ? b : a));
    expect(result.chosen!.loss).toBe(best.loss);
    expect(result.chosen!.dev).toBe(devOf(best));

    const student = await load(dir);
    const qrels = mergeQrels(beir.qrels, { skipBad: true });
    const lists = collection.lists.filter(({ qid }) => beir.qrels.get('test')!.has(qid));
    const full = student.search(
      [...beir.corpus.values()],
      lists.map(({ qid }) => queryOf(qid)),
      100,
    );
    expect(measure(full, qrels)).toEqual(best.full);
    const reranked = lists.map(({ qid, docids }): [string, Map<string, number>] => {
      const scores = student.score(queryOf(qid).text, docids.map(documentOf));
      return [qid, new Map(docids.map((id, i) => [id, scores[i]]))];
    });
    expect(measure(new Map(reranked), qrels)).toEqual(best.rerank);

    const card = readFileSync(join(dir, 'README.md'), 'utf8');
    expect(card).toContain('ckl-loss refine --data sample --seed 1\n');
    expect(card).not.toContain('/secret');
    expect(card).toContain(best.full.mean['ndcg@10'].toFixed(4));
    expect(card).toContain('- seed: 1\n');
  });

  const devOf = ({ training }: RefineResult['refined'][number]) =>
    Math.max(...training.history.map(({ dev }) => dev));
});

describe('a saved linear student', () => {
  const options = {
    data: sample,
    teacher,
    loss: 'kl' as const,
    epochs: 2,
    patience: 2,
    batch: 16,
    learningRate: 0.02,
    seed: 1,
  };
  const dir = join(files.dir, 'linear');
  let result: JobResult;
  let student: LoadedStudent;
  beforeAll(async () => {
    result = await runJob(options);
    await writeWholeFolder(dir, rerankerFiles(result, options, ['--data', sample]));
    student = await load(dir);
  });

  it('has the bits that were measured', () => {
    expect(student.name).toBe('linear');
    for (const [qid, scores] of result.run) {
      const found = student.score(queryOf(qid).text, [...scores.keys()].map(documentOf));
      expect([...found]).toEqual([...scores.values()]);
    }
    const card = readFileSync(join(dir, 'README.md'), 'utf8');
    expect(card).toContain(`| this student | ${result.after.mean['ndcg@10'].toFixed(4)} |`);
    expect(card).toContain('ckl-loss train --data sample\n');
  });

  it('searches a corpus by the same scores, and has no encodings', () => {
    const [[qid, scores]] = result.run;
    const found = student.search([...beir.corpus.values()], [queryOf(qid)], beir.corpus.size).get(qid)!;
    for (const [docid, score] of scores) expect(found.get(docid)).toBe(score);
    expect(
      student
        .search([...beir.corpus.values()].slice(0, 9), [queryOf(qid)], 4, { statistics: 'model' })
        .get(qid)!.size,
    ).toBe(4);
    expect(() => student.encodeQueries(['x'])).toThrow('has no encoding of a text');
  });

  it('is refused with other features', async () => {
    const bad = join(files.dir, 'features');
    cpSync(dir, bad, { recursive: true });
    const file = join(bad, 'config.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"bm25"', '"bm26"'));
    await expect(load(bad)).rejects.toMatchObject({ code: 'ERR_CKL_MODEL', fault: 'shape' });
  });
});

describe('a folder that is no student', () => {
  const dir = join(files.dir, 'good');
  const bad = join(files.dir, 'bad');
  beforeAll(async () => writeWholeFolder(dir, moved('two-stage', 'sparse').files()));

  /** What loading says after a change of the folder. */
  async function fault(change: (at: (name: string) => string) => void): Promise<string> {
    rmSync(bad, { recursive: true, force: true });
    cpSync(dir, bad, { recursive: true });
    change((name) => join(bad, name));
    const error: unknown = await load(bad).catch((thrown: unknown) => thrown);
    if (!(error instanceof ModelError)) throw new Error(`no ModelError: ${String(error)}`);
    expect(error.code).toBe('ERR_CKL_MODEL');
    expect(error.file.startsWith(bad)).toBe(true);
    return `${error.fault}: ${error.message.replaceAll(`${bad}`, '')}`;
  }
  const config = (change: (config: Record<string, unknown>) => object) => (at: (name: string) => string) => {
    const file = at('config.json');
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
  };

  it.each(['config.json', 'vocabulary.txt', 'model.safetensors'])('for lack of %s', async (name) => {
    expect(await fault((at) => rmSync(at(name)))).toContain(`missing: /${name}: it cannot be read`);
  });

  it('for one bit', async () => {
    for (const name of ['vocabulary.txt', 'model.safetensors']) {
      const said = await fault((at) => {
        const bytes = readFileSync(at(name));
        bytes[bytes.length >> 1] ^= 1;
        writeFileSync(at(name), bytes);
      });
      expect(said).toBe(`damaged: /${name}: its SHA-256 is not the one in config.json`);
    }
    expect(await fault((at) => writeFileSync(at('config.json'), '{"format":'))).toContain(
      'damaged: /config.json: it is not JSON',
    );
  });

  it('for another version', async () => {
    const said = await fault(config((all) => ({ ...all, format: 'ckl-loss student 2' })));
    expect(said).toMatch(
      /^version: \/config\.json: it has version "2" of the format, and ckl-loss .* reads version 1$/,
    );
    expect(await fault(config((all) => ({ ...all, format: 'other' })))).toContain(
      'shape: /config.json: format is not',
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['student is not one of', { student: 'dance' }],
    ['width is not a number', { width: '16' }],
    ['its width is 18, not a multiple of 4', { width: 18 }],
    ['tensor "vectors" is Float32Array [1175, 16] and not Float32Array [1175, 20]', { width: 20 }],
    ['it has no tensor "dense.vectors"', { student: 'dense' }],
    ['belongs to no part of the student', { student: 'multi' }],
    ['firstStage is not one of', { firstStage: 'bm26' }],
    ['it reranks 0 candidates', { candidates: 0 }],
    ['frequency does not count 3 documents', { collection: { documents: 3, length: 9 } }],
    ['collection is not an object', { collection: 3 }],
    ['sha256 is not an object', { sha256: null }],
  ])('for a wrong shape: %s', async (said, change) => {
    const found = await fault(config((all) => ({ ...all, ...change })));
    expect(found).toMatch(/^shape: /);
    expect(found).toContain(said);
  });

  it('for no folder', async () => {
    await expect(load(join(files.dir, 'nowhere'))).rejects.toThrow(
      /nowhere\/config\.json: it cannot be read/,
    );
  });
});

describe('arguments', () => {
  let student: LoadedStudent;
  beforeAll(async () => {
    const dir = join(files.dir, 'arguments');
    await writeWholeFolder(dir, moved('dense').files());
    student = await load(dir);
  });
  const bad = (value: unknown) => value as never;

  it('are checked', () => {
    const documents = [{ id: 'a', text: 'x' }];
    const calls: [() => unknown, string, string][] = [
      [() => student.encodeQueries(bad('x')), 'ERR_CKL_TYPE', 'texts is an array, not string'],
      [() => student.encodeQueries(bad([1])), 'ERR_CKL_TYPE', 'texts[0] is a string, not number'],
      [() => student.encodeDocuments(bad([{}])), 'ERR_CKL_TYPE', 'documents[0] or its text is a string'],
      [() => student.score(bad(null), []), 'ERR_CKL_TYPE', 'query is a string, not null'],
      [() => student.search(documents, [], 0), 'ERR_CKL_OPTION', 'k is a whole number of at least 1, not 0'],
      [() => student.search([...documents, ...documents], [], 1), 'ERR_CKL_OPTION', 'corpus[1].id is "a"'],
      [() => student.search(documents, bad([{ text: 'x' }]), 1), 'ERR_CKL_TYPE', 'queries[0].id is a string'],
      [
        () => student.prepare(documents, { statistics: bad('own') }),
        'ERR_CKL_OPTION',
        'statistics is corpus or model',
      ],
    ];
    for (const [call, code, message] of calls) {
      try {
        call();
        expect.fail(message);
      } catch (error) {
        expect(error).toMatchObject({ code });
        expect((error as Error).message).toContain(message);
      }
    }
  });

  it('may be empty, or unknown words', () => {
    expect(student.search([], [{ id: 'q', text: 'x' }], 5)).toEqual(new Map([['q', new Map()]]));
    expect(student.score('x', [])).toHaveLength(0);
    expect([...student.score('qqqq zzzz', ['text', { title: 'a', text: 'b' }])]).toEqual([0, 0]);
    expect(student.encodeQueries([])).toEqual({
      kind: 'vectors',
      width: WIDTH,
      vectors: new Float32Array(0),
    });
  });

  it('of a search leave out the document of the same id, and take statistics of the training', () => {
    const documents = [...beir.corpus.values()].slice(0, 50);
    const [{ id, text }] = documents;
    const [own] = student.search(documents, [{ id, text }], 3).get(id)!.keys();
    expect(own).toBe(id);
    const others = student.search(documents, [{ id, text }], 3, { ignoreIdenticalIds: true }).get(id)!;
    expect(others.size).toBe(3);
    expect(others.has(id)).toBe(false);
    const [encoded] = [student.encodeDocuments([documents[0]])];
    const query = student.encodeQueries([text]);
    const found = student.search(documents, [{ id, text }], 1, { statistics: 'model' }).get(id)!.get(id)!;
    expect(found).toBeCloseTo(product(query, encoded, 0), 5);
  });
});

describe('the folder', () => {
  it('is written whole, and never over another', async () => {
    const dir = join(files.dir, 'taken');
    await writeWholeFolder(dir, { a: '1' });
    await expect(writeWholeFolder(dir, { a: '2' })).rejects.toMatchObject({ code: 'ERR_CKL_OUTPUT' });
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('1');
    await expect(writeWholeFolder(join(dir, 'a'), {})).rejects.toThrow('it exists and is not a folder');
    await expect(writeWholeFolder(join(files.dir, 'no/where'), {})).rejects.toThrow('there is no folder');
    const half = join(files.dir, 'half');
    await expect(writeWholeFolder(half, { 'x/y': '1', 'x/y/z': '2' })).rejects.toMatchObject({
      code: 'ERR_CKL_OUTPUT',
    });
    expect(existsSync(half)).toBe(false);
  });
});
