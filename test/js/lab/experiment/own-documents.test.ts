// Queries that are documents too: their own documents are left out of lists, searches and measures, unless asked otherwise.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare } from '../../../../lib/lab/cli/compare/compare';
import { ownNotices } from '../../../../lib/lab/cli/identical-ids';
import { readRefineArguments } from '../../../../lib/lab/cli/refine/options';
import { refine } from '../../../../lib/lab/cli/refine/refine';
import { loadRetrieval } from '../../../../lib/lab/experiment/data';
import { findOwnDocuments, withoutOwn } from '../../../../lib/lab/experiment/own-documents';
import { loadRun } from '../../../../lib/data/index';
import { scratch } from '../../data/files';

const files = scratch();
const ids = [...Array(40).keys()].map((i) => `d${i}`);
const lines = (all: readonly string[]) => all.map((line) => `${line}\n`).join('');

/** Documents of two words; each is a query, too, for which the next one is relevant. The teacher likes a query's own document best. */
function folder(name: string, textOf: (i: number) => string): { data: string; teacher: string } {
  const dir = join(files.dir, name);
  mkdirSync(join(dir, 'qrels'), { recursive: true });
  const write = (file: string, all: readonly string[]) => writeFileSync(join(dir, file), lines(all));
  write(
    'corpus.jsonl',
    ids.map((id, i) => JSON.stringify({ _id: id, title: '', text: `word${i} word${(i + 1) % 40} more` })),
  );
  write(
    'queries.jsonl',
    ids.map((id, i) => JSON.stringify({ _id: id, text: textOf(i) })),
  );
  write(
    'qrels/all.tsv',
    ids.map((id, i) => `${id}\t${ids[(i + 1) % 40]}\t1`),
  );
  write(
    'run',
    ids.flatMap((id, i) => [0, 1, 2].map((d) => `${id} Q0 ${ids[(i + d) % 40]} ${d} ${9 - d} t`)),
  );
  return { data: dir, teacher: join(dir, 'run') };
}

const same = folder('same', (i) => `word${i} word${(i + 1) % 40}`);
const chance = folder('chance', (i) => `word${(i + 20) % 40} word${(i + 21) % 40}`);
const OPTIONS = { zeroShot: [], folds: 0, seed: 1 };
const nothing = { write: () => true };

describe('loadRetrieval', () => {
  it('leaves own documents out of the lists where queries are documents', async () => {
    const { own, collection } = await loadRetrieval({ ...OPTIONS, ...same });
    expect(own).toEqual({ queries: 40, ignored: true });
    for (const { qid, docids, documents, teacher, labels } of collection.lists) {
      expect(docids).not.toContain(qid);
      expect([docids, documents, teacher, labels].map(({ length }) => length)).toEqual([2, 2, 2, 2]);
      expect([...labels]).toEqual([1, 0]);
    }
  });

  it('keeps them on request, and where only the ids are the same', async () => {
    const kept = await loadRetrieval({ ...OPTIONS, ...same, identicalIds: 'keep' });
    expect(kept.own).toEqual({ queries: 40, ignored: false });
    expect(kept.collection.lists[0].docids).toHaveLength(3);
    const other = await loadRetrieval({ ...OPTIONS, ...chance });
    expect(other.own).toEqual({ queries: 0, ignored: false });
    const asked = await loadRetrieval({ ...OPTIONS, ...chance, identicalIds: 'ignore' });
    expect(asked.own.ignored).toBe(true);
    expect(asked.collection.lists[0].docids).toHaveLength(2);
  });

  it('looks at each zero-shot folder by itself', async () => {
    const { zeroShot } = await loadRetrieval({ ...OPTIONS, ...chance, zeroShot: [same.data, chance.data] });
    expect(zeroShot.map(({ own }) => own.ignored)).toEqual([true, false]);
  });
});

describe('findOwnDocuments', () => {
  const words = (count: number) => Array.from({ length: count }, (_, i) => i);
  const found = (document: number[], query: number[], judged: Record<string, number> = {}) =>
    findOwnDocuments(
      [['q', document]],
      new Map([['q', query]]),
      new Map([['q', new Map(Object.entries(judged))]]),
      undefined,
    ).queries;

  it('takes a document for its query from nine tenths of the words of the query on', () => {
    expect([found(words(9), words(10)), found(words(8), words(10))]).toEqual([1, 0]);
    expect([found(words(30), words(10)), found([], words(1)), found(words(3), [])]).toEqual([1, 0, 0]);
  });

  it('does not take one that is judged relevant', () => {
    expect(found(words(3), words(3), { q: 1 })).toBe(0);
    expect(found(words(3), words(3), { q: 0, other: 1 })).toBe(1);
  });

  it('leaves documents out from half of the queries on, unless asked', () => {
    const queries = new Map(['a', 'b', 'c', 'd'].map((qid) => [qid, [1, 2]]));
    const of = (ids: string[], asked?: 'ignore' | 'keep') =>
      findOwnDocuments(
        ids.map((id) => [id, [1, 2, 3]] as const),
        queries,
        new Map(),
        asked,
      );
    expect(of(['a', 'b'])).toEqual({ queries: 2, ignored: true });
    expect(of(['a', 'x'])).toEqual({ queries: 1, ignored: false });
    expect(of(['a', 'b', 'c'], 'keep')).toEqual({ queries: 3, ignored: false });
    expect(of([], 'ignore')).toEqual({ queries: 0, ignored: true });
    expect(findOwnDocuments([], new Map(), new Map(), undefined).ignored).toBe(false);
  });
});

it('reads judgements that contradict each other where bad lines are skipped', async () => {
  const twice = folder('twice', (i) => `word${i}`);
  writeFileSync(join(twice.data, 'qrels', 'more.tsv'), 'd0\td1\t0\n');
  await expect(loadRetrieval({ ...OPTIONS, ...twice })).rejects.toThrow('d1');
  const { skipped, collection } = await loadRetrieval({ ...OPTIONS, ...twice, skipBad: true });
  expect([skipped, collection.lists.length]).toEqual([1, 40]);
});

it('counts the lines that were left out of the collection and of the zero-shot folders', async () => {
  const broken = folder('broken', (i) => `word${i}`);
  const read = (skipBad: boolean) => loadRetrieval({ ...OPTIONS, ...same, zeroShot: [broken.data], skipBad });
  writeFileSync(
    join(broken.data, 'corpus.jsonl'),
    lines([...ids.map((id) => JSON.stringify({ _id: id, text: id })), '{"_id":"d40"', 'no JSON']),
  );
  expect((await read(true)).skipped).toBe(2);
  await expect(read(false)).rejects.toThrow('corpus.jsonl:41: expected JSON');
  expect((await loadRetrieval({ ...OPTIONS, ...same, skipBad: true })).skipped).toBe(0);
});

it('drops a list that has nothing but its own document', () => {
  const bag = {
    ...{ words: Int32Array.of(1), weights: Float32Array.of(1), counts: Float32Array.of(1), length: 1 },
  };
  const list = {
    ...{ qid: 'a', docids: ['a'], query: bag, documents: [bag] },
    ...{ teacher: Float32Array.of(1), labels: Uint8Array.of(0) },
  };
  expect(withoutOwn([list, { ...list, qid: 'b' }]).map(({ qid }) => qid)).toEqual(['b']);
});

describe('refine and compare', () => {
  const SMALL = ['--epochs', '1', '--docs', '3', '--data', same.data, '--teacher', same.teacher];
  const notice = 'same: queries that are documents too: 40; the document of their own id is left out (--keep';

  it.each([
    ['refine', refine, ['--width', '8', '--loss', 'kl']],
    ['compare', compare, ['--quick', '--students', 'dense', '--losses', 'kl', '--jobs', '1']],
  ] as const)('%s says so, and writes runs without them', async (name, command, more) => {
    const run = join(files.dir, `${name}.run`);
    let said = '';
    const progress = { write: (text: string) => void (said += text) };
    await command([...SMALL, ...more, '--run', run], nothing, progress);
    expect(said).toContain(notice);
    const found = await loadRun(name === 'refine' ? run : join(files.dir, 'compare.kl.run'));
    expect(found.size).toBe(12);
    for (const [qid, scores] of found) expect(scores.has(qid)).toBe(false);
  });

  it('has no notice where it was asked for, and refuses both wishes', () => {
    const own = [{ name: 'x', queries: 3, ignored: false }];
    expect(ownNotices(own, 'keep')).toEqual([]);
    expect(ownNotices(own, undefined)[0]).toContain('is kept (--ignore-identical-ids leaves it out)');
    const both = ['--ignore-identical-ids', '--keep-identical-ids'];
    expect(() => readRefineArguments(both)).toThrow('exclude each other');
    expect(readRefineArguments(both.slice(1))!.options.identicalIds).toBe('keep');
  });
});
