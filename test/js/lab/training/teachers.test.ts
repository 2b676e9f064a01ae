// The teacher's scores in every form: whatever the file is, the candidates are the same.
import { appendFileSync, readFileSync } from 'node:fs';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  convertTeacher,
  guessTeacherForm,
  loadBeir,
  WRITABLE_FORMS,
  type DataError,
} from '../../../../lib/data/index';
import { loadCandidates, type CandidateList } from '../../../../lib/lab/training/candidates';
import { scratch } from '../../data/files';

const files = scratch();
const main = join(__dirname, '../../../../dist/lab/cli/main.js');
const sample = join(__dirname, '../../../../examples/sample');
const run = join(sample, 'teacher.trec');
/** Parquet is compressed inside. */
const pathOf = (form: string) =>
  join(files.dir, form.startsWith('parquet') ? `teacher.${form}` : `teacher.${form}.gz`);

/** Of tuples the ids are gone; margins keep differences alone. */
const forms = WRITABLE_FORMS.filter((form) => form !== 'sentence-transformers' && form !== 'gpl');
/** Pairs cannot hold a query without a positive or a negative. */
const pairs = new Set<string>(['hofstaetter']);

/** What the run itself gives. */
let known: Map<string, CandidateList>;

beforeAll(async () => {
  known = new Map((await loadCandidates(sample, run)).lists.map((list) => [list.qid, list]));
  const beir = await loadBeir(sample);
  const qrels = new Map([...beir.qrels.values()].flatMap((split) => [...split]));
  for (const form of forms) {
    const options = { qrels, texts: beir, skipBad: pairs.has(form) };
    await convertTeacher({ path: run, form: 'trec' }, { path: pathOf(form), form }, options);
  }
});

describe.each(forms)('a teacher in the form %s', (form) => {
  it('is known by its beginning', async () => {
    expect(await guessTeacherForm(pathOf(form))).toBe(form === 'parquet-rows' ? 'parquet' : form);
  });

  it('gives the same candidates', async () => {
    const { lists } = await loadCandidates(sample, pathOf(form));
    expect(lists.length).toBeGreaterThan(pairs.has(form) ? 50 : known.size - 1);
    const sorted = ({ docids, teacher, labels }: CandidateList) =>
      docids.map((docid, i) => [docid, teacher[i], labels[i]]).sort();
    for (const list of lists) expect(sorted(list)).toEqual(sorted(known.get(list.qid)!));
  });
});

describe('guessTeacherForm', () => {
  it.each([
    ['\n\n[1,[2,3]]\n', 'colbert'],
    ['{"query": "q", "pos": ["a"], "neg": [], "pos_scores": [1], "neg_scores": []}\n', 'flagembedding'],
    ['1.5\t0.5\tq\ta\tb\n', 'hofstaetter'],
    ['1 Q0 7 1 0.5\n', 'trec'],
    ['1 7 1\n', 'trec'],
    ['', 'trec'],
    ['{"half\n', 'flagembedding'],
  ])('takes %j for %s', async (content, form) => {
    expect(await guessTeacherForm(files.write('guess', content))).toBe(form);
  });
});

describe('a teacher file with mistakes', () => {
  it('names the line, or counts it', async () => {
    const path = files.write(
      'bad.jsonl',
      '["q1",["d1",2],["d2",1]]\n["q2",["d1"]]\n["q1",["d3",1],["d2",3]]\n',
    );
    await expect(loadCandidates(sample, path)).rejects.toThrow('bad.jsonl:2');
    const skipped: DataError[] = [];
    await expect(
      loadCandidates(sample, path, undefined, { skipBad: true, onSkip: (error) => skipped.push(error) }),
    ).resolves.toBeDefined();
    expect(skipped.map(({ message }) => message)).toHaveLength(2);
    expect(skipped[1].message).toContain('one score of document d2 for query q1; found 1 and 3');
  });
});

describe('the commands', () => {
  const small = ['--losses', 'ckl', '--students', 'dense', '--epochs', '1', '--rates', '1', '--docs', '8'];
  const wrong = ['--wrong-teacher', '0', '--wrong-labels', '0', '--seeds', '1', '--jobs', '1'];

  it('compare with any teacher, and give what a run gives', () => {
    const saved = ['trec', 'pylate'].map((form) => {
      const json = join(files.dir, `${form}.json`);
      const args = ['compare', '--data', sample, '--teacher', pathOf(form), ...small, ...wrong];
      execFileSync(process.execPath, [main, ...args, '--json', json], { stdio: 'ignore' });
      return (JSON.parse(readFileSync(json, 'utf8')) as { tables: unknown }).tables;
    });
    expect(saved[1]).toEqual(saved[0]);
  });

  it('convert needs no name for the form it reads', () => {
    const to = join(files.dir, 'again.trec');
    const args = ['convert', '--from', pathOf('simlm'), '--to', to, '--to-form', 'trec'];
    execFileSync(process.execPath, [main, ...args], { stdio: 'ignore' });
    expect(readFileSync(to, 'utf8')).toBe(readFileSync(run, 'utf8').replaceAll(/ t$/gm, ' teacher'));
  });

  it('compare counts bad lines with --skip-bad', () => {
    const path = files.write('bad.trec', readFileSync(run));
    appendFileSync(path, 'q1 Q0 d1\n');
    const args = [main, 'compare', '--data', sample, '--teacher', path, ...small, ...wrong];
    const bad = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(bad.status).toBe(1);
    expect(bad.stderr).toMatch(/bad\.trec:\d+/);
    const { status, stderr } = spawnSync(process.execPath, [...args, '--skip-bad'], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stderr).toContain('left out: 1 lines');
  });
});
