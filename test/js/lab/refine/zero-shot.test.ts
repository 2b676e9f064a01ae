// The folders that a student is measured on without having learned from them.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadTasks } from '../../../../lib/lab/experiment/data';
import { scratch } from '../../data/files';

const files = scratch();

function folder(path: string, corpus = '{"_id":"d","text":"word"}\n', qrels = 'q\td\t1\n') {
  const dir = join(files.dir, path);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'corpus.jsonl'), corpus);
  writeFileSync(join(dir, 'queries.jsonl'), '{"_id":"q","text":"word"}\n');
  writeFileSync(join(dir, 'qrels.tsv'), qrels);
  return dir;
}

it('keeps folders of one name apart', async () => {
  const first = folder('a/same');
  const second = join(files.dir, 'b/same');
  cpSync(first, second, { recursive: true });
  const tasks = await loadTasks([first, second], new Map());
  expect(tasks.map(({ name }) => name)).toEqual(['same', 'same 2']);
});

it('refuses one without documents, or without judgements of its queries', async () => {
  const empty = loadTasks([folder('empty', '')], new Map());
  await expect(empty).rejects.toThrow('corpus.jsonl: expected documents; found none');
  const strange = loadTasks([folder('strange', undefined, 'other\td\t1\n')], new Map());
  await expect(strange).rejects.toThrow(/qrels\.tsv: expected judgements of queries in .*queries\.jsonl/);
});
