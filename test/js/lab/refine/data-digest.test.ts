// A checkpoint belongs to the data that its run read.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Checkpoint } from '../../../../lib/lab/experiment/checkpoint';
import { refine, type RefineOptions } from '../../../../lib/lab/refine/job';
import { scratch } from '../../data/files';
import { OPTIONS as COMPARED } from '../report/small';

const { dir } = scratch();
const sample = join(__dirname, '../../../../examples/sample');

it.each([
  ['a score', 'teacher.trec', (text: string) => text.replace(/ \S+ (\S+)\n/, ' 99 $1\n')],
  ['a text', 'corpus.jsonl', (text: string) => text.replace('"text":"', '"text":"another ')],
  ['a query', 'queries.jsonl', (text: string) => text.replace(/"text":"(\w+) /g, '"text":"$1 $1 ')],
  ['a judgement', 'qrels/train.tsv', (text: string) => text.replace(/\t1\n/, '\t0\n')],
])('refine goes on only where %s has not changed', async (_, name, change) => {
  const data = join(dir, name.replace('/', '-'));
  cpSync(sample, data, { recursive: true });
  const checkpoint = join(data, 'checkpoint');
  const options: RefineOptions = {
    ...{ data, teacher: join(data, 'teacher.trec'), losses: ['ckl'], docs: 4, width: 8 },
    ...{ epochs: 1, patience: 1, batch: 64, learningRate: 0.003, seed: 1, checkpoint },
  };
  const { refined } = await refine(options);
  const again = { ...options, resume: checkpoint };
  expect((await refine(again)).refined).toEqual(refined);
  const file = join(data, name);
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, change(before));
  expect(readFileSync(file, 'utf8')).not.toBe(before);
  await expect(refine(again)).rejects.toMatchObject({
    code: 'ERR_CKL_CHECKPOINT',
    message: expect.stringContaining('it belongs to a run on other data') as string,
  });
});

it('compare goes on only with the data it began with', async () => {
  const file = join(dir, 'compare');
  const open = async () =>
    (await Checkpoint.open({ checkpoint: file }, { command: 'compare', options: COMPARED }))!;
  const first = await open();
  await first.bind('these');
  await first.close();
  const again = await open();
  await again.bind('these');
  await expect(again.bind('those')).rejects.toThrow(`${file}: it belongs to a run on other data`);
  await again.close();
});
