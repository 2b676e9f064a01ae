// `ckl-loss evaluate`: measures of a run against judgements, and whether two runs differ.
import { DataError } from '../../../data/index.js';
import { Judgements } from '../../../data/bytes/judgements.js';
import { rankListed, rankRun } from '../../../data/bytes/rank-run.js';
import type { JudgedRanks } from '../../../data/bytes/ranked-run.js';
import { loadSearched, readSearched, refuseIdle, searchModel } from './searched.js';
import { readAsRun } from '../../../data/runs.js';
import { differentQueries, noticesOf } from './queries.js';
import {
  compare,
  CONVENTIONS,
  evaluateRanked,
  MEASURE_HELP,
  parseMeasure,
  type Comparison,
  type Evaluation,
} from '../../../metrics/index.js';
import { checkOutputs, deliver } from '../output-files.js';
import type { Output } from '../progress.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { differenceText, formatTable, measureText, pText } from '../table.js';
import { parseOptions, readChoice, readNumber, required, UsageError } from '../usage.js';

export const EVALUATE_HELP = `ckl-loss evaluate: measure a run or a saved student, and test whether two runs differ

  ckl-loss evaluate --run RUN --qrels QRELS [--baseline RUN2] [options]
  ckl-loss evaluate --model DIR --data DIR [--split NAME] [--baseline RUN2] [options]

  --run FILE            a TREC run (query Q0 document rank score tag) or MS MARCO's (query document rank), also gzipped
  --qrels FILE          judgements: TREC's four columns or BEIR's three
  --model DIR           a saved student, which searches the corpus of --data for the queries that the split judges
  --data DIR            a BEIR folder
  --split NAME          a split of this folder (default: test)
  --measured            instead of a split: the test queries of the student's model card, which gives the same numbers as the card
  --k N                 number of documents per query that the student returns (default: 1000)
  --query-embeddings FILE, --document-embeddings FILE, --query-ids FILE, --document-ids FILE
                        with an adapter: the vectors of queries and documents, as in \`ckl-loss search\`
  --baseline FILE       another run to compare with: means, differences, paired t-tests, Holm's correction over the measures
  --measures LIST       separated by commas: ${MEASURE_HELP}
                        (default: ndcg@10,mrr@10,recall@100,map)
  --convention NAME     trec_eval-9, also called trec_eval (sorts by score as float32, ties by document id), trec_eval-10 (sorts by score in
                        double precision; needs all judged queries in the run, or --complete) or msmarco (sorts by the rank column; all judged
                        queries count) (default: trec_eval-9)
  --ignore-identical-ids   leave out the document with the id of its query, for collections whose queries are documents too
  --keep-identical-ids     keep this document (default: leave it out, with a notice, if at least half of the queries list it)
  --complete            count judged queries that the run lacks as 0 (trec_eval -c)
  --level N             the lowest relevance level that counts (trec_eval -l; default: 1)
  --per-query           also print one line per query
  --skip-bad            skip lines that cannot be read, and count them
  --json FILE           write all results as JSON; - writes them to standard output instead of the table
  --help                show this help
`;

/**
 * @param args what follows `evaluate` on the command line
 * @returns the exit code
 * @throws UsageError, DataError, RangeError
 */
export async function evaluate(args: string[], out: Output = standardOutput): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const values = parseOptions(args, {
    run: text,
    qrels: text,
    baseline: text,
    model: text,
    data: text,
    split: text,
    measured: flag,
    k: text,
    'query-embeddings': text,
    'document-embeddings': text,
    'query-ids': text,
    'document-ids': text,
    measures: text,
    convention: text,
    complete: flag,
    level: text,
    'per-query': flag,
    'ignore-identical-ids': flag,
    'keep-identical-ids': flag,
    'skip-bad': flag,
    json: text,
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    out.write(EVALUATE_HELP);
    return 0;
  }
  const convention = readChoice('convention', values.convention ?? 'trec_eval', CONVENTIONS);
  if (values['ignore-identical-ids'] && values['keep-identical-ids'])
    throw new UsageError('--ignore-identical-ids and --keep-identical-ids exclude each other');
  const options = {
    measures: readMeasures(values.measures ?? 'ndcg@10,mrr@10,recall@100,map'),
    convention,
    complete: values.complete,
    relevanceLevel: readNumber('level', values.level, { min: 1, whole: true }),
  };
  const searched = values.model === undefined ? undefined : await readSearched(values);
  if (!searched) refuseIdle(values);
  const qrelsFile = searched?.judgements ?? required('qrels', values.qrels);
  const runFile = searched?.model ?? required('run', values.run);
  await checkOutputs(
    { json: values.json === '-' ? undefined : values.json },
    {
      run: values.run,
      qrels: values.qrels,
      baseline: values.baseline,
      model: searched && `${searched.model}/model.safetensors`,
      'query-embeddings': values['query-embeddings'],
      'document-embeddings': values['document-embeddings'],
      data: values.data,
    },
  );
  let skipped = 0;
  const reading = { skipBad: values['skip-bad'], onSkip: () => skipped++ };
  const searchedQrels = searched && (await loadSearched(searched, reading));
  const qrels = searchedQrels ? Judgements.of(searchedQrels) : await Judgements.load(qrelsFile, reading);
  const notices: string[] = [];
  const complete = options.complete ?? convention === 'msmarco';
  const read = (path: string) => readAsRun(path, () => rankRun(path, qrels, convention, reading));
  const measured = (ranks: JudgedRanks, path: string, name: string): Evaluation => {
    const { shared, identical } = ranks;
    if (shared === 0) throw new DataError(path, 0, `queries that ${qrelsFile} has judgements for`, 'none');
    const asked = values['ignore-identical-ids'] ? true : values['keep-identical-ids'] ? false : undefined;
    const ignoreIdenticalIds = asked ?? 2 * identical >= shared;
    const left = { complete, ignored: ignoreIdenticalIds, asked: asked !== undefined };
    for (const notice of noticesOf(name, ranks, left)) notices.push(notice);
    return evaluateRanked(ranks, { ...options, ignoreIdenticalIds });
  };
  const found = searched
    ? rankListed(await searchModel(searched, searchedQrels!, reading, standardError), qrels, convention)
    : await read(runFile);
  const measuredFile = (path: string, name: string, ranked: JudgedRanks) =>
    readAsRun(path, () => measured(ranked, path, name));
  const run = await measuredFile(runFile, 'the run', found);
  const baseline =
    values.baseline === undefined
      ? undefined
      : await measuredFile(values.baseline, 'the baseline', await read(values.baseline));
  const comparison = baseline && compare(run, baseline);
  if (baseline) for (const notice of differentQueries(run, baseline)) notices.push(notice);

  const json = () =>
    `${JSON.stringify(summary(run, baseline, comparison, values['per-query'] ?? false), null, 2)}\n`;
  if (values.json === '-') {
    for (const notice of notices) standardError.write(notice);
    out.write(json());
    return 0;
  }
  const report = [
    values['per-query'] ? perQueryTable(run, options.measures) : '',
    skipped > 0 ? `left out: ${skipped} lines that cannot be read\n` : '',
    `${run.queries.length} queries\n`,
    ...notices,
    comparison ? comparisonTable(comparison) : meanTable(run, options.measures),
  ];
  await deliver(out, report.join(''), [[values.json, json]]);
  return 0;
}

function readMeasures(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    try {
      parseMeasure(name);
    } catch (error) {
      throw new UsageError(`--measures: ${(error as Error).message}`);
    }
  }
  return [...new Set(names)];
}

const meanTable = (run: Evaluation, measures: string[]) =>
  formatTable([['measure', 'mean'], ...measures.map((name) => [name, measureText(run.mean[name])])]);

const perQueryTable = (run: Evaluation, measures: string[]) =>
  `${formatTable([['query', ...measures], ...run.queries.map((qid, i) => [qid, ...measures.map((name) => measureText(run.perQuery[name][i]))])])}\n`;

const comparisonTable = (lines: Comparison[]) =>
  formatTable([
    ['measure', 'run', 'baseline', 'difference', 't', 'p', 'p (Holm)'],
    ...lines.map(({ measure, a, b, meanDifference, t, p, pHolm }) => [
      measure,
      measureText(a),
      measureText(b),
      differenceText(meanDifference),
      Number.isFinite(t) ? t.toFixed(2) : String(t),
      pText(p),
      pText(pHolm),
    ]),
  ]);

function summary(
  run: Evaluation,
  baseline: Evaluation | undefined,
  comparison: Comparison[] | undefined,
  perQuery: boolean,
): object {
  const part = ({ queries, mean, perQuery: values }: Evaluation) => ({
    queries: queries.length,
    mean,
    ...(perQuery && {
      perQuery: Object.fromEntries(
        queries.map((qid, i) => [
          qid,
          Object.fromEntries(Object.entries(values).map(([name, all]) => [name, all[i]])),
        ]),
      ),
    }),
  });
  return { run: part(run), ...(baseline && { baseline: part(baseline), comparison }) };
}
