// The source of an adapter's training: what it tells of its data, with the lines that were left out and the teacher's scales of each fold.
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBeir } from '../../../../lib/data/index';
import { formatNpy } from '../../../../lib/data/npy';
import { Adapters } from '../../../../lib/lab/experiment/adapters';
import type { Experiment, Unit } from '../../../../lib/lab/experiment/plan';
import { Random } from '../../../../lib/lab/training/random';
import { scratch } from '../../data/files';

const files = scratch();
const sample = join(__dirname, '../../../../examples/sample');
const DIM = 8;

const at = (name: string) => join(files.dir, name);
const random = new Random(3);
const writeVectors = (name: string, rows: number) =>
  writeFileSync(
    at(name),
    formatNpy(
      Float32Array.from({ length: rows * DIM }, () => random.normal()),
      rows,
      DIM,
    ),
  );
/** An experiment with the vectors that were written, in two folds. */
const read = (data: string, teacher: string, change: Partial<Experiment> = {}) =>
  Adapters.load(
    {
      ...{ data, teacher, zeroShot: [], folds: 2, seed: 1 },
      ...{ models: [], student: {}, recipes: [], conditions: [], loss: {} },
      ...change,
    } as unknown as Experiment,
    {
      queryEmbeddings: at('queries.npy'),
      documentEmbeddings: at('documents.npy'),
      ...{ sides: 'query', rank: 2, similarity: 'cosine' },
    } as unknown as Parameters<typeof Adapters.load>[1],
  );

it('counts the lines that were left out, and has the scale of the teacher in each fold', async () => {
  const { corpus, queries } = await loadBeir(sample);
  writeVectors('queries.npy', queries.size);
  writeVectors('documents.npy', corpus.size);
  cpSync(join(sample, 'teacher.trec'), at('teacher.trec'));
  appendFileSync(at('teacher.trec'), 'q1 Q0\nq1 Q0 d1 1 high t\n');
  const { summary } = await read(sample, at('teacher.trec'), { skipBad: true });
  expect(summary).toMatchObject({ documents: corpus.size, words: 0, skipped: 2, own: [] });
  expect(summary.folds).toHaveLength(2);
  expect(summary.teacherScales).toHaveLength(2);
  summary.teacherScales.forEach(({ temperature }, fold) =>
    expect(temperature).toBe(summary.folds[fold].teacherTemperature),
  );
  await expect(read(sample, at('teacher.trec'))).rejects.toThrow('teacher.trec');
});

describe('queries that are documents too', () => {
  const ids = Array.from({ length: 20 }, (_, i) => `d${i}`);
  const write = (name: string, lines: readonly string[]) =>
    writeFileSync(at(name), lines.map((line) => `${line}\n`).join(''));
  /** Of each document the next one is relevant; the teacher likes the document itself best. */
  function folder(more: Record<string, string[]> = {}) {
    mkdirSync(at('own/qrels'), { recursive: true });
    const texts = (name: string) =>
      write(
        `own/${name}.jsonl`,
        ids.map((id) => JSON.stringify({ _id: id, text: `text of ${id}` })),
      );
    texts('corpus');
    texts('queries');
    write(
      'own/qrels/test.tsv',
      ids.slice(0, 10).map((id, i) => `${id}\t${ids[i + 1]}\t1`),
    );
    write(
      'own/qrels/train.tsv',
      ids.slice(10).map((id, i) => `${id}\t${ids[(i + 11) % 20]}\t1`),
    );
    for (const [name, lines] of Object.entries(more)) write(name, lines);
    write(
      'own.trec',
      ids.flatMap((id, i) => [0, 1, 2].map((d) => `${id} Q0 ${ids[(i + d) % 20]} ${d} ${9 - d} t`)),
    );
    writeVectors('queries.npy', 20);
    writeVectors('documents.npy', 20);
  }

  const unitOf = (fold: number) =>
    ({ fold, condition: { name: 'clean', wrongTeacher: 0, wrongLabels: 0 } }) as unknown as Unit;

  it.each([
    [undefined, true],
    ['ignore', true],
    ['keep', false],
  ] as const)(
    'are left out of lists, rankings and measures, unless they are to be kept (%s)',
    async (identicalIds, ignored) => {
      folder();
      const adapters = await read(at('own'), at('own.trec'), { identicalIds });
      expect(adapters.summary.own).toEqual([{ name: 'own', queries: 20, ignored }]);
      const unit = {
        fold: 0,
        condition: { name: 'clean', wrongTeacher: 0, wrongLabels: 0 },
      } as unknown as Unit;
      const subject = adapters.open(unit);
      for (const { qid, docids } of subject.data.train) {
        expect(docids).toHaveLength(ignored ? 2 : 3);
        expect(docids.includes(qid)).toBe(!ignored);
      }
      let rankings = 0;
      const tested = subject.test((_, run) => {
        for (const [qid, scores] of run) {
          rankings++;
          expect(scores.size).toBe(ignored ? 19 : 20);
          expect(scores.has(qid)).toBe(!ignored);
        }
      });
      expect(rankings).toBe(10);
      expect(tested.adapter!.full!.queries).toHaveLength(10);
    },
  );

  it('are tested in the split of the folder, where there are no folds', async () => {
    folder();
    const { summary } = await read(at('own'), at('own.trec'), { folds: 0 });
    // Of ten training queries 15 % are dev. Each list has a positive, and the other one is none.
    const [{ teacherTemperature, ...counts }, ...others] = summary.folds;
    expect([counts, others]).toEqual([{ train: 8, dev: 2, test: 10, unusable: 0 }, []]);
    // Scores of 8 and 7 deviate from their mean by a half.
    expect(teacherTemperature).toBeCloseTo(0.7 * 0.5, 6);
    expect(summary.zeroShot).toEqual([]);
  });

  it('have the temperature that was asked for, or 1 where the teacher cannot tell documents apart', async () => {
    folder();
    const given = await read(at('own'), at('own.trec'), { teacherTemperature: 3 });
    expect(given.summary.folds.map(({ teacherTemperature }) => teacherTemperature)).toEqual([3, 3]);
    write(
      'alike.trec',
      ids.flatMap((id, i) => [1, 2].map((d) => `${id} Q0 ${ids[(i + d) % 20]} ${d} 7 t`)),
    );
    const alike = await read(at('own'), at('alike.trec'));
    expect(alike.summary.folds.map(({ teacherTemperature }) => teacherTemperature)).toEqual([1, 1]);
  });

  it('are observed on dev lists where that was asked for', async () => {
    folder();
    for (const observe of ['dev', 'nothing'] as const) {
      const { parts, observe: look } = (await read(at('own'), at('own.trec'), { folds: 0, observe })).open(
        unitOf(0),
      );
      expect(parts.map(({ name }) => name)).toEqual(['adapter']);
      parts[0].start();
      const found = look!(parts[0].student, 1);
      if (observe === 'dev') expect(found!.dev.entropy).toBeGreaterThan(0);
      else expect(found).toBeUndefined();
    }
  });

  it('rank as many documents as a refresh asks for, and train on as many as a list may have', async () => {
    folder();
    const lengths = async (change: Partial<Experiment>) => {
      const { data } = (
        await read(at('own'), at('own.trec'), { folds: 0, identicalIds: 'keep', ...change })
      ).open(unitOf(0));
      return [data.train, data.ranked!].map((lists) => Math.max(...lists.map(({ docids }) => docids.length)));
    };
    expect(await lengths({})).toEqual([3, 3]);
    expect(await lengths({ docs: 2 })).toEqual([2, 2]);
    expect(await lengths({ docs: 2, refreshDepth: 3 })).toEqual([2, 3]);
  });

  it('are judged from the level that was asked for', async () => {
    const levels = (all: readonly string[], levelOf: (i: number) => number) =>
      all.map((id, i) => `${id}\t${ids[(ids.indexOf(id) + 1) % 20]}\t${levelOf(i)}`);
    folder({
      'own/qrels/test.tsv': levels(ids.slice(0, 10), (i) => 1 + (i % 2)),
      'own/qrels/train.tsv': levels(ids.slice(10), () => 2),
    });
    const found = async (level?: number) => {
      const adapters = await read(at('own'), at('own.trec'), { folds: 0, level });
      const { data, test } = adapters.open(unitOf(0));
      expect(data.judging).toEqual({ level, ignoreIdenticalIds: true });
      return test().adapter!.rerank['mrr@10'].filter((value) => value > 0).length;
    };
    expect([await found(), await found(2)]).toEqual([10, 5]);
  });

  it('takes a judgement that two splits contradict from the later one, where bad lines are skipped', async () => {
    folder({ 'own/qrels/dev.tsv': ['d0\td1\t0'] });
    await expect(read(at('own'), at('own.trec'))).rejects.toThrow('d1');
    const { summary } = await read(at('own'), at('own.trec'), { skipBad: true });
    expect(summary.skipped).toBe(1);
    expect(summary.lists).toBe(20);
  });
});
