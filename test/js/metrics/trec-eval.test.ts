// The numbers that trec_eval itself printed, for every measure this package has in common with it.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadQrels, loadRun } from '../../../lib/data/index';
import { evaluate, parseMeasure, type EvaluateOptions } from '../../../lib/metrics/index';
import { haveShared, shared } from '../data/shared';

/** Rows of `measure  query  value` whose measure is known here. */
function printed(file: string): { measure: string; qid: string; value: string }[] {
  const ours = /^(ndcg|recip_rank|map|(ndcg_cut|map_cut|recall|P)_\d+)$/;
  return readFileSync(shared('trec_eval_test', file), 'utf8')
    .split('\n')
    .map((line) => line.split('\t').map((column) => column.trim()))
    .filter(([measure]) => ours.test(measure))
    .map(([measure, qid, value]) => ({ measure, qid, value }));
}

describe.skipIf(!haveShared)("NIST's own test files (needs ../shared)", () => {
  it.each<[string, string, EvaluateOptions]>([
    ['out.test', 'qrels.test', {}],
    ['out.test.a', 'qrels.test', {}],
    ['out.test.aq', 'qrels.test', {}],
    ['out.test.aql', 'qrels.rel_level', { relevanceLevel: 2 }],
    ['out.test.meas_params', 'qrels.test', {}],
  ])('%s', async (file, qrelsFile, options) => {
    const rows = printed(file);
    expect(rows.length).toBeGreaterThanOrEqual(10);
    const measures = [...new Set(rows.map((row) => row.measure))];
    measures.forEach(parseMeasure);
    const run = await loadRun(shared('trec_eval_test', 'results.test'));
    const qrels = await loadQrels(shared('trec_eval_test', qrelsFile));
    const result = evaluate(run, qrels, { ...options, measures });
    for (const { measure, qid, value } of rows) {
      const ours =
        qid === 'all' ? result.mean[measure] : result.perQuery[measure][result.queries.indexOf(qid)];
      expect(`${measure} ${qid} ${ours.toFixed(4)}`).toBe(`${measure} ${qid} ${value}`);
    }
  });
});

describe.skipIf(!haveShared)('TREC Deep Learning 2019 (needs ../shared)', () => {
  const rows = (file: string) =>
    readFileSync(shared('trec_dl', 'expected', file), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'));
  const load = async (name: string) => {
    const path = shared('trec_dl', 'runs', `${name}.dl19.trec`);
    const run = await loadRun(name.startsWith('SPLADE') ? path : `${path}.gz`);
    return { run, qrels: await loadQrels(shared('trec_dl', 'qrels', 'qrels.dl19-passage.txt.gz')) };
  };

  it.each(haveShared ? rows('published_ndcg10.tsv') : [])(
    'published nDCG@10 of %s',
    async (name, _year, published) => {
      const { run, qrels } = await load(name);
      expect(evaluate(run, qrels, { complete: true }).mean['ndcg@10'].toFixed(4)).toBe(published);
    },
  );

  it('every query of six runs, as trec_eval 9.0.8 prints it', async () => {
    const expected = rows('trec_eval_9.0.8_perquery.tsv');
    const names = [...new Set(expected.map(([name]) => name))];
    expect(names).toHaveLength(6);
    let checked = 0;
    for (const name of names) {
      const { run, qrels } = await load(name);
      const result = {
        ndcg_cut_10: evaluate(run, qrels, { measures: ['ndcg@10'] }),
        recip_rank_l2_M10: evaluate(run, qrels, { measures: ['mrr@10'], relevanceLevel: 2 }),
      };
      for (const [, , measure, qid, value] of expected.filter(([run]) => run === name)) {
        const evaluation = result[measure as keyof typeof result];
        const [ours] = Object.keys(evaluation.mean);
        const got =
          qid === 'all' ? evaluation.mean[ours] : evaluation.perQuery[ours][evaluation.queries.indexOf(qid)];
        expect(`${name} ${measure} ${qid} ${got.toFixed(4)}`).toBe(`${name} ${measure} ${qid} ${value}`);
        checked++;
      }
    }
    expect(checked).toBe(528);
  });
});
