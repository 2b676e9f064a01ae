// `ckl-loss mine`: lists of a run or a saved student, read again as a teacher's.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  loadQrels,
  loadRun,
  readTeacher,
  type ScoredList,
  type TeacherForm,
} from '../../../../lib/data/index';
import { mine } from '../../../../lib/lab/cli/mine/mine';
import { refine } from '../../../../lib/lab/cli/refine/refine';
import { scratch } from '../../data/files';

const sample = join(__dirname, '../../../../examples/sample');
const files = scratch();
const at = (name: string) => join(files.dir, name);
const nothing = { write: () => true };
const run = join(sample, 'teacher.trec');

async function mined(...args: string[]): Promise<{ out: string; progress: string; code: number }> {
  let [out, progress] = ['', ''];
  const code = await mine(
    ['--data', sample, ...args],
    { write: (text: string) => void (out += text) },
    { write: (text: string) => void (progress += text) },
  );
  return { out, progress, code };
}

async function listsOf(path: string, form: TeacherForm): Promise<ScoredList[]> {
  const lists: ScoredList[] = [];
  for await (const list of readTeacher(path, form)) lists.push(list);
  return lists;
}

describe('mine', () => {
  beforeAll(async () => {
    const small = ['--loss', 'kl', '--epochs', '1', '--width', '16', '--docs', '12'];
    await refine([...small, '--data', sample, '--save', at('model')], nothing, nothing);
  });

  it('writes the train queries of a run with negatives below the margin', async () => {
    const { out, progress, code } = await mined(
      ...['--run', run, '--margin', '0.2', '--negatives', '3', '--out', at('a.jsonl')],
    );
    expect(code).toBe(0);
    const lists = await listsOf(at('a.jsonl'), 'hard-negatives');
    const [scores, qrels] = [await loadRun(run), await loadQrels(join(sample, 'qrels/train.tsv'))];
    expect(lists.length).toBeGreaterThan(100);
    expect(out).toMatch(new RegExp(`^${lists.length} queries, \\d+ negatives, \\d+ positives\n$`));
    expect(progress).toMatch(/^left out as likely false negatives: [1-9]\d* documents\n/);
    for (const { qid, docs } of lists) {
      const of = (label: 0 | 1) => docs.filter((doc) => doc.label === label);
      const lowest = Math.min(...of(1).map(({ score }) => score));
      expect(of(0).length).toBeLessThanOrEqual(3);
      for (const { docid, score, label } of docs) {
        expect(label).toBe((qrels.get(qid)!.get(docid) ?? 0) > 0 ? 1 : 0);
        expect(score).toBe(scores.get(qid)!.get(docid));
        if (label === 0) expect(score).toBeLessThanOrEqual(lowest - 0.2);
      }
    }
  });

  it('searches with a student, for one split, in any form', async () => {
    const args = ['--model', at('model'), '--split', 'test', '--relative-margin', '0.05'];
    const { progress } = await mined(...args, '--out', at('b.tsv'), '--to-form', 'tsv');
    expect(progress).toContain('576 documents, 100 queries');
    expect((await listsOf(at('b.tsv'), 'tsv')).length).toBeGreaterThan(50);
  });

  it('draws the same with the same seed, and others with another', async () => {
    const drawn = async (seed: string, name: string) => {
      await mined('--run', run, '--sampling', 'random', '--seed', seed, '--out', at(name));
      return listsOf(at(name), 'hard-negatives');
    };
    const first = await drawn('1', 's1');
    expect(await drawn('1', 's2')).toEqual(first);
    expect(await drawn('2', 's3')).not.toEqual(first);
  });

  it('says that nothing was filtered, and ends with 1 where nothing is left', async () => {
    const { progress } = await mined('--run', run, '--out', at('c'));
    expect(progress).toContain(
      'no --margin: relevant documents that nobody judged may be among the negatives',
    );
    const { code, out } = await mined('--run', run, '--margin', '1000', '--out', at('d'));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(existsSync(at('d'))).toBe(false);
  });

  it.each<[string[], string]>([
    [[], '--model DIR or --run FILE is needed'],
    [['--run', run, '--model', 'x'], '--model DIR or --run FILE is needed'],
    [['--run', run, '--split', 'none'], '--split takes dev, test, train'],
    [['--run', run, '--skip', '100'], '--skip 100 leaves nothing of --depth 100'],
    [['--run', run, '--query-embeddings', 'x'], '--query-embeddings does nothing without --model'],
  ])('refuses %j', async (args, message) => {
    await expect(mined(...args, '--out', at('x'))).rejects.toThrow(message);
  });
});
