// Whatever reads a file tells how far it is: the listener of the thread, and the line on the command line.
import { gzipSync } from 'node:zlib';
import { statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  convertTeacher,
  loadQrels,
  loadRun,
  openTeacher,
  readCorpus,
  TeacherScores,
} from '../../../lib/data/index';
import { watchReads } from '../../../lib/data/read-watch';
import { isFirstRank } from '../../../lib/distributed/launcher';
import { ReadingLine } from '../../../lib/lab/cli/reading-line';
import { scratch } from './files';
import { parquetOf } from './parquets';

const files = scratch();
afterEach(() => watchReads(undefined));

describe('a listener is told of', () => {
  const run = Array.from({ length: 30_000 }, (_, i) => `${i} Q0 d 1 3 t\n`).join('');
  const corpus = Array.from({ length: 30_000 }, (_, i) => `{"_id":"${i}","text":"a text"}\n`).join('');
  it.each<[string, string | Buffer, (path: string) => Promise<unknown>]>([
    ['runs', run, (path) => loadRun(path)],
    ['compressed runs', gzipSync(run, { level: 0 }), (path) => loadRun(path)],
    ['judgements', run.replaceAll(' 3 t', ''), (path) => loadQrels(path)],
    ['texts', corpus, (path) => readCorpus(path).collect()],
    ['scores', run, (path) => TeacherScores.load(path)],
    ['conversions', run, (path) => convertTeacher({ path }, { path: `${path}.tsv`, form: 'tsv' })],
  ])('%s', async (name, content, read) => {
    const told: number[] = [];
    let ended = 0;
    const path = files.write(name, content);
    watchReads({
      read: (of, bytes) => void (of === path && told.push(bytes)),
      done: () => ended++,
    });
    await read(path);
    expect(told.length).toBeGreaterThan(1);
    expect(told.at(-1)).toBe(statSync(path).size);
    expect(ended).toBeGreaterThan(0);
  });

  it('each part of a Parquet file, from its beginning', async () => {
    const columns = { query_id: ['1', '2', '3', '4'], doc_id: ['a', 'b', 'c', 'd'], score: [1, 2, 3, 4.5] };
    const path = files.write('scores.parquet', await parquetOf(columns, { rowGroupSize: 1 }));
    const told: number[] = [];
    let ended = 0;
    watchReads({ read: (of, bytes) => void (of === path && told.push(bytes)), done: () => ended++ });
    for await (const list of (await openTeacher(path)).lists()) expect(list.docs).toHaveLength(1);
    const { size } = statSync(path);
    expect(told.slice(-5)).toEqual([0, 1, 2, 3, 4].map((rows) => Math.round((size * rows) / 4)));
    expect(ended).toBeGreaterThan(0);
  });

  it('none of what was opened before', async () => {
    const told: number[] = [];
    const teacher = await openTeacher(files.write('early', '1 Q0 d 1 3 t\n'));
    watchReads({ read: (_, bytes) => void told.push(bytes), done: () => {} });
    watchReads(undefined);
    for await (const list of teacher.lists()) expect(list.docs).toHaveLength(1);
    expect(told).toEqual([]);
  });
});

describe('the line of a read', () => {
  const shown = (isTTY: boolean, times: readonly number[]) => {
    let [text, now] = ['', 0];
    const line = new ReadingLine({ isTTY, columns: 100, write: (more: string) => (text += more) }, () => now);
    const path = files.write('long', Buffer.alloc(1000));
    times.forEach((time, i) => {
      now = time;
      line.read(path, 100 * (i + 1));
    });
    line.done();
    return text;
  };
  it('comes with the time left after two seconds, and goes', () => {
    expect(shown(true, [0, 3000])).toBe('\r\x1b[Kreading long: 20 %, 0:12 left\r\x1b[K');
    expect(shown(false, [0, 3000, 3500])).toBe('reading long: 20 %, 0:12 left\n');
  });
  it('does not come where reading is quick', () => {
    expect(shown(true, [0, 500, 1000, 1900])).toBe('');
  });
});

it('of several ranks the first one speaks', () => {
  expect(isFirstRank({})).toBe(true);
  expect(isFirstRank({ OMPI_COMM_WORLD_RANK: '0', SLURM_PROCID: '0' })).toBe(true);
  for (const name of ['OMPI_COMM_WORLD_RANK', 'SLURM_PROCID', 'PMI_RANK'])
    expect(isFirstRank({ [name]: '1' })).toBe(false);
});
