// Runs read at bytes: the ranks, counts and errors that the readers of texts and a plain sort have, on random files made to be hard.
import { describe, expect, it } from 'vitest';
import { Judgements } from '../../../lib/data/bytes/judgements';
import { rankListed, rankRun } from '../../../lib/data/bytes/rank-run';
import { DataError, loadQrels, loadRun, type ReadOptions } from '../../../lib/data/index';
import {
  CONVENTIONS,
  evaluate,
  evaluateRanked,
  type Convention,
  type Qrels,
  type Run,
} from '../../../lib/metrics/index';
import { scratch } from './files';

const files = scratch();
const measures = ['ndcg', 'ndcg@3', 'mrr', 'mrr@2', 'recall@5', 'P@3', 'map', 'map@4'];

/** Numbers from 0 to 1, the same for the same seed. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
}

interface Made {
  run: string;
  qrels: string;
}

/** A run and judgements with all that files have: ties, long numbers, ids of all sorts, separators, comments, queries apart. */
function make(seed: number): Made {
  const random = uniform(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const plain = seed % 3 === 0;
  const ids = [
    'a',
    'b',
    'ab',
    'D7',
    '12',
    '012',
    'é',
    '\u{1f600}',
    '\uffee',
    'x'.repeat(300),
    '#1',
    '7',
    '"q"',
  ];
  const docs = Array.from({ length: 40 }, (_, i) => (plain ? `d${i}` : `${pick(ids)}${i % 9}`));
  const queries = ['7', '8', 'q"1', 'é', '12', '120', '{1'].slice(0, 3 + Math.floor(random() * 5));
  const score = (): string => {
    const value = (random() - 0.4) * 10;
    return pick([
      () => value.toFixed(1),
      () => String(value),
      () => String(Math.fround(value)),
      () => value.toExponential(3),
      () => (Math.fround(value) + 1e-9 * value).toFixed(17),
      () => (1 + 2 ** -24).toString(),
      () => '1.00000005960464477539062500001',
      () => '1.0000000596046447753906249',
      () =>
        pick([
          '0',
          '-0.0',
          '.5',
          '5.',
          '1e-40',
          '-2E+3',
          '1e39',
          'inf',
          '-INF',
          '+1.50',
          '000001.5',
          '12345678901234567890123',
        ]),
    ])();
  };
  const listed = random() < 0.3;
  const separator = pick([' ', '\t', '  ', ' \t', '\t\t']);
  const lines: string[] = [];
  for (const [q, qid] of queries.entries()) {
    const own = [...new Set([...docs].sort(() => random() - 0.5).slice(0, Math.floor(random() * 20)))];
    if (random() < 0.3) own.push(qid);
    for (const [i, docid] of [...new Set(own)].entries()) {
      const columns = listed
        ? [qid, docid, String(i + 1 + (q % 2))]
        : [
            qid,
            pick(['Q0', '0']),
            docid,
            pick([String(i), String(i), '3']),
            score(),
            ...pick([[], ['tag'], ['my', 'tag']]),
          ];
      lines.push(columns.join(separator) + pick(['', '', '', ' ', '\r']));
    }
    if (!listed && random() < 0.2) lines.push('', ' ', '# a comment', '#');
  }
  if (random() < 0.4) lines.sort(() => random() - 0.5);
  const judged: string[] = random() < 0.5 ? ['query-id\tcorpus-id\tscore'] : [];
  const pairs = new Set<string>();
  for (const qid of [...queries.slice(1), 'missing'].filter((id) => !id.startsWith('{')))
    for (let i = 0; i < 6; i++) {
      const docid = pick([...docs, qid, 'nowhere']);
      if (pairs.has(`${qid}\t${docid}`)) continue;
      pairs.add(`${qid}\t${docid}`);
      judged.push(`${qid}\t${docid}\t${pick(['0', '1', '2', '3', '-1', '1.0'])}`);
    }
  const ended = random() < 0.5 ? '\n' : '';
  return { run: lines.join('\n') + ended, qrels: judged.join('\n') + ended };
}

/** Ranks by a plain sort of texts, and measures by their definitions: what trec_eval's manual and the script of MS MARCO say. */
function oracle(run: Run, qrels: Qrels, convention: Convention): Map<string, number[]> {
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const values = new Map<string, number[]>();
  for (const [qid, judged] of qrels) {
    const scores = run.get(qid);
    if (!scores) continue;
    let ranked = [...scores];
    const compared = (x: number) => (convention === 'trec_eval-10' ? x : Math.fround(x));
    if (convention !== 'msmarco')
      ranked = ranked.sort(([a, x], [b, y]) =>
        compared(x) === compared(y) ? byBytes(b, a) : compared(x) > compared(y) ? -1 : 1,
      );
    const levels = ranked.map(([docid]) => judged.get(docid) ?? 0);
    const relevant = [...judged.values()].filter((level) => level >= 1);
    if (convention === 'msmarco' && relevant.length === 0) continue;
    const dcg = (list: number[]) =>
      list.reduce((sum, level, i) => sum + (level > 0 ? level / Math.log2(i + 2) : 0), 0);
    const ndcg = (k: number) =>
      relevant.length === 0
        ? 0
        : dcg(levels.slice(0, k)) / dcg([...relevant].sort((a, b) => b - a).slice(0, k));
    const mrr = (k: number) => {
      const first = levels.slice(0, k).findIndex((level) => level >= 1);
      return first < 0 ? 0 : 1 / (first + 1);
    };
    const hits = (k: number) => levels.slice(0, k).filter((level) => level >= 1).length;
    const map = (k: number) =>
      levels.slice(0, k).reduce((sum, level, i) => sum + (level >= 1 ? hits(i + 1) / (i + 1) : 0), 0) /
      Math.max(1, relevant.length);
    values.set(qid, [
      ndcg(Infinity),
      ndcg(3),
      mrr(Infinity),
      mrr(2),
      hits(5) / Math.max(1, relevant.length),
      hits(3) / 3,
      map(Infinity),
      map(4),
    ]);
  }
  return values;
}

const outcome = async <T>(work: () => Promise<T>): Promise<T | string> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return error.message;
  }
};

const order = (convention: Convention): 'rank' | 'file' => (convention === 'msmarco' ? 'rank' : 'file');

describe('a run read at bytes', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'has the values of a plain sort, seed %i',
    async (seed) => {
      const made = make(seed + 1);
      const path = files.write(`run${seed}`, made.run);
      const qrelsPath = files.write(`qrels${seed}`, made.qrels);
      const qrels = await loadQrels(qrelsPath);
      const judgements = await Judgements.load(qrelsPath);
      for (const convention of CONVENTIONS) {
        const options = { convention, measures, complete: convention === 'msmarco' ? false : undefined };
        const run = await outcome(() => loadRun(path, { order: order(convention) }));
        const ranks = await outcome(() => rankRun(path, judgements, convention));
        if (typeof run === 'string' || typeof ranks === 'string') {
          expect(ranks).toBe(run);
          continue;
        }
        const shared = [...qrels.keys()].filter((qid) => run.has(qid));
        const identical = shared.filter(
          (qid) => run.get(qid)!.has(qid) && !((qrels.get(qid)!.get(qid) ?? 0) > 0),
        );
        expect(ranks).toMatchObject({
          shared: shared.length,
          missing: qrels.size - shared.length,
          unjudged: run.size - shared.length,
          identical: identical.length,
        });
        const asked = convention === 'trec_eval-10' ? { ...options, complete: true } : options;
        const ours = evaluateRanked(ranks, asked);
        const expected = oracle(run, qrels, convention);
        const found = ours.queries.filter((qid) => run.has(qid));
        expect(found).toEqual([...expected.keys()]);
        for (const qid of found)
          for (const [m, name] of measures.entries())
            expect(ours.perQuery[name][ours.queries.indexOf(qid)]).toBeCloseTo(expected.get(qid)![m], 12);
        for (const ignoreIdenticalIds of [false, true]) {
          const all = { ...asked, ignoreIdenticalIds };
          expect(evaluateRanked(ranks, all)).toEqual(evaluate(run, qrels, all));
          expect(evaluateRanked(rankListed(run, Judgements.of(qrels), convention), all)).toEqual(
            evaluate(run, qrels, all),
          );
        }
      }
    },
  );
});

it.each(CONVENTIONS)('three columns may hold scores: %s', async (convention) => {
  const path = files.write('three', 'q a 1.5\nq b 2.5\nq c 0.25\nr a 1e-3\nr b 2.5\n');
  const qrels = await loadQrels(files.write('three.qrels', 'q 0 a 1\nr 0 a 1\n'));
  const run = await outcome(() => loadRun(path, { order: order(convention) }));
  const ranks = await outcome(() => rankRun(path, Judgements.of(qrels), convention));
  if (typeof run === 'string' || typeof ranks === 'string') {
    expect(convention).toBe('msmarco'); // which takes ranks
    expect(ranks).toBe(run);
  } else expect(evaluateRanked(ranks, { convention })).toEqual(evaluate(run, qrels, { convention }));
});

describe('a file with faults', () => {
  const qrels = files.write('qrels', 'q 0 a 1\nr 0 a 1\n');
  const long = '1 Q0 a 1 9 t\n'.replace('1', 'q');
  it.each<[string, string | Buffer]>([
    ['a document twice', `${long}q Q0 b 2 8 t\nq Q0 a 3 7 t\n`],
    ['a document twice, apart', `${long}r Q0 a 1 9 t\nq Q0 b 2 8 t\nq Q0 a 3 7 t\nq Q0 c x\n`],
    ['two documents twice, apart', `${long}r Q0 a 1 9 t\nq Q0 b 2 8 t\nr Q0 a 3 7 t\nq Q0 a 3 7 t\n`],
    ['a bad line after queries apart', `${long}r Q0 a 1 9 t\nq Q0 b 2 8 t\nq Q0 c 1 x\n`],
    ['no score', 'q Q0 a 1 nine t\n'],
    ['four columns', `${long}q Q0 b 2\n`],
    ['no UTF-8', Buffer.concat([Buffer.from(long), Buffer.from([0x71, 0x20, 0xff, 0x0a])])],
    ['no UTF-8 in the tag', Buffer.concat([Buffer.from('q Q0 a 1 9 '), Buffer.from([0xff, 0x0a])])],
    ['a rank that is none', `${long}q Q0 b x 8 t\n`],
    ['the same rank twice', 'q a 1\nq b 1\n'],
    ['the same rank twice, apart', 'q a 1\nq b 3\nq c 2\nq d 1\n'],
    ['a score after ranks', 'q a 1\nq b 2.5\n'],
    ['a rank after scores', 'q a 1.5\nq b 2\n'],
    ['ranks that descend', 'q a 3\nq b 2\nq c 1\nr a 2\nr b 1\n'],
    ['an empty column', 'q\t\ta\t1\t9\tt\n'],
    ['a truncated gzip', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1])],
    ['nothing', ''],
  ])('%s: the error of loadRun', async (_, content) => {
    const path = files.write('faulty', content);
    const judgements = await Judgements.load(qrels);
    for (const convention of CONVENTIONS) {
      for (const skipBad of [false, true]) {
        const told = async (read: (options: ReadOptions) => Promise<unknown>) => {
          const skips: string[] = [];
          const found = await outcome(() =>
            read({ skipBad, onSkip: ({ message }) => void skips.push(message) }),
          );
          return [typeof found === 'string' ? found : 'read', skips.sort()];
        };
        const expected = await told((options) => loadRun(path, { ...options, order: order(convention) }));
        expect(await told((options) => rankRun(path, judgements, convention, options))).toEqual(expected);
      }
    }
  });

  it.each([
    ['a document twice', 'q 0 a 1\nq 0 b 0\nq 0 a 2\n'],
    ['a document twice, apart', 'q 0 a 1\nr 0 a 0\nq 0 a 1\n'],
    ['no level', 'q 0 a x\n'],
    ['an empty column', 'q\t\ta\t1\n'],
    ['two columns', 'q a\n'],
    ['five columns', 'q 0 a 1 x\n'],
  ])('judgements with %s: the error of loadQrels', async (_, content) => {
    const path = files.write('faulty.qrels', content);
    expect(await outcome(() => Judgements.load(path))).toBe(await outcome(() => loadQrels(path)));
    const options = { skipBad: true };
    const [ours, theirs] = [
      await Judgements.load(path, options),
      Judgements.of(await loadQrels(path, options)),
    ];
    expect(ours.queries.count).toBe(theirs.queries.count);
    expect(ours.levels).toEqual(theirs.levels);
  });
});

it('ids that are half a surrogate pair stay apart', () => {
  const qrels: Qrels = new Map([['\ud800', new Map([['x\udc00', 1]])]]);
  const run: Run = new Map([
    [
      '\ud800',
      new Map([
        ['x\udc01', 2],
        ['x\udc00', 1],
      ]),
    ],
  ]);
  const ours = evaluateRanked(rankListed(run, Judgements.of(qrels), 'trec_eval'), { measures: ['mrr'] });
  expect(ours.queries).toEqual(['\ud800']);
  expect(ours.mean.mrr).toBe(0.5);
});
