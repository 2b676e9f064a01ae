// Saved students come back with the bits that were measured.
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mergeQrels } from '../../../../lib/data/index';
import { writeWholeFolder } from '../../../../lib/data/whole-folder';
import { studentFiles } from '../../../../lib/lab/cli/refine/card';
import { rerankerFiles } from '../../../../lib/lab/cli/train/card';
import { type JobResult, runJob } from '../../../../lib/lab/train/job';
import { refine, type RefineOptions, type RefineResult } from '../../../../lib/lab/refine/job';
import { load, type LoadedStudent } from '../../../../lib/lab/students/index';
import { STUDENT_NAMES, type StudentName } from '../../../../lib/lab/students/students';
import { measure } from '../../../../lib/lab/training/rerank';
import { rank } from '../../../../lib/metrics/index';
import { scratch } from '../../data/files';
import {
  beir,
  collection,
  documentOf,
  moved,
  product,
  queryOf,
  sample,
  teacher,
  WIDTH,
} from './moved-student';

const files = scratch();

const kinds: [string, StudentName, 'bm25' | 'sparse' | undefined][] = [
  ...STUDENT_NAMES.map((name): (typeof kinds)[number] => [name, name, undefined]),
  ['two-stage after sparse', 'two-stage', 'sparse'],
];

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
