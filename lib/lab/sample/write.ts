// Writes the sample as a BEIR folder together with a teacher run; the same seed writes the same bytes.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatRunLine } from '../../data/index.js';
import { OutputError } from '../../data/errors.js';
import { writeWhole } from '../../data/whole-file.js';
import { Random } from '../training/random.js';
import { buildWorld, type World } from './world.js';

/** Name of the teacher's run in the folder. */
export const SAMPLE_TEACHER = 'teacher.trec';
const SEED = 20240;

/** The files of the sample: name in the folder -> content. */
export function sampleFiles(): Map<string, string> {
  const world = buildWorld(new Random(SEED));
  const lines = (rows: readonly string[]) => rows.map((row) => `${row}\n`).join('');
  const sentence = (text: readonly string[]) => text.join(' ');
  const files = new Map<string, string>();
  files.set(
    'corpus.jsonl',
    lines(
      world.documents.map(({ id, title, text }) =>
        JSON.stringify({ _id: id, title: sentence(title), text: sentence(text) }),
      ),
    ),
  );
  files.set(
    'queries.jsonl',
    lines(world.queries.map(({ id, text }) => JSON.stringify({ _id: id, text: sentence(text) }))),
  );
  for (const split of ['train', 'dev', 'test'] as const) files.set(`qrels/${split}.tsv`, qrels(world, split));
  const run = world.queries.flatMap(({ id }) =>
    world.teacher
      .get(id)!
      .map(({ docid, score }, i) => formatRunLine({ qid: id, docid, rank: i + 1, score, tag: 't' })),
  );
  files.set(SAMPLE_TEACHER, lines(run));
  return files;
}

function qrels(world: World, split: string): string {
  const rows = world.queries
    .filter((query) => query.split === split)
    .flatMap(({ id }) => world.relevant.get(id)!.map((docid) => `${id}\t${docid}\t1\n`));
  return `query-id\tcorpus-id\tscore\n${rows.join('')}`;
}

/**
 * Writes the sample to a folder, which is created if necessary. Existing files of the sample are kept.
 *
 * @throws OutputError before anything is written, if one of its files exists with other content: another
 * collection is never overwritten
 */
export async function writeSample(dir: string): Promise<void> {
  const files = sampleFiles();
  for (const [name, content] of files) {
    const file = join(dir, name);
    const found = await readFile(file, 'utf8').catch(() => undefined);
    if (found === content) files.delete(name);
    else if (found !== undefined)
      throw new OutputError(file, 'it exists, with other content than the sample');
  }
  await mkdir(join(dir, 'qrels'), { recursive: true });
  for (const [name, content] of files) await writeWhole(join(dir, name), content);
}
