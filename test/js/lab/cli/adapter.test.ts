// refine --student adapter, and the commands with the saved adapter, on vectors made of the sample's words.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadBeir, loadRun, openBeir } from '../../../../lib/data/index';
import { formatNpy } from '../../../../lib/data/npy';
import { encode } from '../../../../lib/lab/cli/encode/encode';
import { evaluate } from '../../../../lib/lab/cli/evaluate/evaluate';
import { refine } from '../../../../lib/lab/cli/refine/refine';
import { search } from '../../../../lib/lab/cli/search/search';
import { load, loadAdapter, loadVectors } from '../../../../lib/lab/students/index';
import type { DenseStudent } from '../../../../lib/lab/students/dense/dense-student';
import { makeStudent } from '../../../../lib/lab/students/students';
import { loadCollection, readBags, type Bag } from '../../../../lib/lab/students/words/bags';
import { Random } from '../../../../lib/lab/training/random';
import { scratch } from '../../data/files';

const sample = join(__dirname, '../../../../examples/sample');
const files = scratch();
const at = (name: string) => join(files.dir, name);
const nothing = { write: () => true };
const DIM = 24;
const VECTORS = ['--query-embeddings', at('queries.npy'), '--document-embeddings', at('documents.npy')];
const SMALL = ['--student', 'adapter', '--data', sample, '--loss', 'kl', '--epochs', '2', '--docs', '12'];

/** Vectors of the sample's texts, and of queries such as an encoder might make that was never tuned: some directions count far too much. */
async function writeVectors(): Promise<void> {
  const collection = await loadCollection(sample, join(sample, 'teacher.trec'));
  const folder = await openBeir(sample);
  const { queries } = await readBags(folder, collection.numbers);
  const { parts } = makeStudent(collection, collection.vocabulary, { width: DIM, seed: 4 });
  const encoded = (bags: Iterable<Bag>) => {
    const vectors = [...bags].map((bag) => (parts[0].student as DenseStudent).encode(bag).slice());
    const out = new Float32Array(vectors.length * DIM);
    vectors.forEach((vector, i) => out.set(vector, i * DIM));
    return out;
  };
  const distorted = encoded(queries.values()).map((value, i) => (i % DIM < 5 ? 6 * value : value));
  writeFileSync(at('queries.npy'), formatNpy(distorted, queries.size, DIM));
  writeFileSync(at('documents.npy'), formatNpy(encoded(collection.bags), collection.bags.length, DIM));
}

interface Report {
  data: { words: number };
  start: { full: Record<string, number> };
  refined: { full: Record<string, number>; training: { bestEpoch: number } }[];
}
const report = (name: string) => JSON.parse(readFileSync(at(name), 'utf8')) as Report;

async function measured(...args: string[]): Promise<Record<string, number>> {
  let text = '';
  const out = { write: (part: string) => void (text += part) };
  expect(await evaluate(['--json', '-', '--measures', 'ndcg@10,mrr@10', ...args], out)).toBe(0);
  return (JSON.parse(text) as { run: { mean: Record<string, number> } }).run.mean;
}

beforeAll(async () => {
  await writeVectors();
  await refine(
    [
      ...SMALL,
      ...VECTORS,
      '--adapt',
      'both',
      '--save',
      at('model'),
      '--json',
      at('a.json'),
      '--run',
      at('a.run'),
    ],
    nothing,
    nothing,
  );
});

describe('refine --student adapter', () => {
  it('learns, from the measures of the encoder on', async () => {
    const { start, refined, data } = report('a.json');
    expect(data.words).toBe(0);
    expect(refined[0].training.bestEpoch).toBeGreaterThan(0);
    expect(refined[0].full['ndcg@10']).toBeGreaterThan(start.full['ndcg@10']);
  });

  it('gives the same with ids in another order, and after a checkpoint', async () => {
    const { corpus } = await loadBeir(sample);
    const { values, ids } = await loadVectors(at('documents.npy'), {
      order: { ids: [...corpus.keys()], of: '' },
    });
    const order = new Random(2).shuffle([...ids.keys()]);
    const moved = new Float32Array(values.length);
    order.forEach((place, i) => moved.set(values.subarray(place * DIM, (place + 1) * DIM), i * DIM));
    writeFileSync(at('moved.npy'), formatNpy(moved, ids.length, DIM));
    writeFileSync(at('moved.ids.txt'), order.map((place) => `${ids[place]}\n`).join(''));
    const more = ['--query-embeddings', at('queries.npy'), '--document-embeddings', at('moved.npy')];
    const asked = [...SMALL, ...more, '--adapt', 'both', '--checkpoint', at('c'), '--json', at('b.json')];
    await refine(asked, nothing, nothing);
    expect(report('b.json').refined).toEqual(report('a.json').refined);
    await refine(asked, nothing, nothing);
    expect(report('b.json').refined).toEqual(report('a.json').refined);
  });

  it.each([
    [['--zero-shot', sample], '--zero-shot does not belong to --student adapter'],
    [['--width', '64'], '--width does not belong to --student adapter'],
    [['--first-stage', 'bm25'], '--first-stage does nothing without --student two-stage'],
  ])('refuses %j', async (more, message) => {
    await expect(refine([...SMALL, ...VECTORS, ...more], nothing, nothing)).rejects.toThrow(message);
  });

  it('needs both files, and is needed by its options', async () => {
    await expect(refine([...SMALL, ...VECTORS.slice(0, 2)], nothing, nothing)).rejects.toThrow(
      '--document-embeddings',
    );
    await expect(refine(['--rank', '4'], nothing, nothing)).rejects.toThrow(
      '--rank does nothing without --student adapter',
    );
  });

  it('names the document that has no vector', async () => {
    const { corpus } = await loadBeir(sample);
    writeFileSync(at('few.npy'), formatNpy(new Float32Array(2 * DIM).fill(1), 2, DIM));
    const [first, , third] = corpus.keys();
    writeFileSync(at('few.ids.txt'), `${first}\n${third}\n`);
    const more = ['--query-embeddings', at('queries.npy'), '--document-embeddings', at('few.npy')];
    await expect(refine([...SMALL, ...more], nothing, nothing)).rejects.toThrow(
      /few\.npy: expected a vector of document \S+, which is in .*corpus\.jsonl; found none/,
    );
  });
});

describe('a saved adapter', () => {
  const data = ['--data', sample];

  it('gives the numbers of its card', async () => {
    const expected = report('a.json').refined[0].full;
    expect(await measured('--model', at('model'), ...data, ...VECTORS, '--measured')).toEqual(expected);
    expect(await measured('--run', at('a.run'), '--qrels', join(sample, 'qrels/test.tsv'))).toEqual(expected);
    const card = readFileSync(at('model/README.md'), 'utf8');
    expect(card).toContain('Adapter of frozen vectors');
    expect(card).not.toContain('vocabulary.txt');
    expect(existsSync(at('model/vocabulary.txt'))).toBe(false);
    expect(readFileSync(at('model/config.json'), 'utf8')).not.toContain(files.dir);
  });

  it('searches as it was measured', async () => {
    const run = at('s.run');
    await search(
      ['--model', at('model'), ...data, '--split', 'test', ...VECTORS, '--k', '20', '--run', run],
      nothing,
      nothing,
    );
    const [found, expected] = [await loadRun(run), await loadRun(at('a.run'))];
    expect(found.size).toBe(100);
    for (const [qid, scores] of found) {
      expect(scores.size).toBe(20);
      for (const [docid, score] of scores) expect(score).toBe(expected.get(qid)!.get(docid));
    }
  });

  it('maps vectors, whose cosines are its scores', async () => {
    await encode(
      [
        '--model',
        at('model'),
        ...data,
        ...VECTORS.slice(0, 2),
        '--out',
        at('q.npy'),
        '--ids',
        at('q.ids.txt'),
      ],
      nothing,
    );
    await encode(
      ['--model', at('model'), ...data, ...VECTORS.slice(2), '--out', at('d.npy'), '--ids', at('d.ids.txt')],
      nothing,
    );
    const [queries, documents] = [await loadVectors(at('q.npy')), await loadVectors(at('d.npy'))];
    const [[qid, scores]] = await loadRun(at('a.run'));
    const vector = ({ ids, values }: typeof queries, id: string) => {
      const place = ids.indexOf(id);
      return values.subarray(place * DIM, (place + 1) * DIM);
    };
    const query = vector(queries, qid);
    for (const [docid, score] of scores) {
      const document = vector(documents, docid);
      const dot = query.reduce((sum, value, k) => sum + value * document[k], 0);
      expect(dot / Math.hypot(...query) / Math.hypot(...document)).toBeCloseTo(score, 5);
    }
  });

  it('is told from a student of texts', async () => {
    await expect(load(at('model'))).rejects.toMatchObject({ code: 'ERR_CKL_MODEL' });
    await expect(load(at('model'))).rejects.toThrow('it is an adapter');
    await expect(loadAdapter(files.dir)).rejects.toMatchObject({ code: 'ERR_CKL_MODEL', fault: 'missing' });
    const adapter = await loadAdapter(at('model'));
    expect(adapter).toMatchObject({ width: DIM, late: false, sides: 'both' });
    expect(() => adapter.mapQueries(new Float32Array(DIM + 1))).toThrow('whole vectors of 24');
    expect(() => adapter.mapQueries([1] as never)).toThrow('vectors is not a Float32Array');
    const set = { ids: ['a'], dim: 3, values: new Float32Array(24) };
    expect(() => adapter.search(set, set, 1)).toThrow('documents.dim is 3');
  });
});
