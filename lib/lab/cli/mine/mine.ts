// `ckl-loss mine`: hard negatives from a student's or another ranking, without likely false negatives.
import {
  loadBeir,
  loadQrels,
  loadRun,
  mergeQrels,
  mineNegatives,
  openBeir,
  openTeacher,
  toRun,
  WRITABLE_FORMS,
  writeTeacher,
  type Mined,
  type ReadOptions,
} from '../../../data/index.js';
import type { Qrels, Run } from '../../../metrics/index.js';
import { load } from '../../students/index.js';
import { Random } from '../../training/random.js';
import { searchVectors } from '../adapter-search.js';
import { choice, commandTable, flag, number, text } from '../command.js';
import { embeddingOptions, hasEmbeddings, readEmbeddings } from '../embedding-options.js';
import { modelOption, searchFiles, splitOf } from '../model-options.js';
import { checkOutputs } from '../output-files.js';
import type { Output } from '../progress.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { required, UsageError } from '../usage.js';

const WAYS = ['top', 'random'] as const;
/** A student's ranking is as deep as this, so that positives are found with their scores. */
const LEAST_DEPTH = 1000;

export const MINE_OPTIONS = commandTable(
  `ckl-loss mine: hard negatives for training, without likely false negatives

  ckl-loss mine --model DIR --data DIR --margin X --out FILE [options]
  ckl-loss mine --run FILE --data DIR --margin X --out FILE [options]

The candidates for negatives are the documents of each query's ranking that were not judged relevant. Those that score nearly as high as the
lowest positive are probably relevant without having been judged; margins leave them out. A list contains the positives that have a score,
and the negatives.`,
  {
    Input: {
      ...modelOption,
      run: text('FILE', 'instead of --model: a ranking as a TREC run'),
      data: text('DIR', 'a BEIR folder: judgements, texts, and for --model the corpus'),
      split: text(
        'NAME',
        'only the queries judged in this split (default: train if it exists, otherwise all)',
      ),
      teacher: text('FILE', "scores for margins and lists, instead of the ranking's"),
      level: number('the lowest relevance level of a positive (default: 1)', { min: 1, whole: true }),
      'skip-bad': flag('skip lines that cannot be read, and count them'),
    },
    'With an adapter': embeddingOptions,
    Negatives: {
      negatives: number('maximum number of negatives per query', { min: 1, whole: true }, 8),
      skip: number(
        'leave out the first N documents of the ranking, not counting positives',
        { min: 0, whole: true },
        0,
      ),
      depth: number(
        'take candidates from the first N documents of the ranking, not counting positives',
        { min: 1, whole: true },
        100,
      ),
      margin: number('a negative scores at least X less than the lowest positive', { min: 0 }),
      'relative-margin': number(
        'the same margin as a share of that score: with 0.05, a negative has at most 95 % of it',
        {
          min: 0,
          max: 1,
        },
      ),
      'max-score': number('a negative scores at most X', { min: -Number.MAX_VALUE }),
      sampling: choice('top takes the best of the remaining documents, random draws among them', WAYS, 'top'),
      seed: number('seed of --sampling random', { min: 0, whole: true }, 1),
    },
    Output: {
      out: text('FILE', 'writes the lists; a name that ends in .gz is compressed'),
      'to-form': choice('a form of `ckl-loss convert`: {}', WRITABLE_FORMS, 'hard-negatives'),
    },
  },
);

type Values = NonNullable<ReturnType<(typeof MINE_OPTIONS)['read']>>;

/**
 * @param args what follows `mine` on the command line
 * @returns the exit code: 1 where no query has a list
 * @throws UsageError, DataError, ModelError
 */
export async function mine(
  args: string[],
  out: Output = standardOutput,
  progressOut: Output = standardError,
): Promise<number> {
  const values = MINE_OPTIONS.read(args);
  if (!values) {
    out.write(MINE_OPTIONS.help);
    return 0;
  }
  const [data, target] = [required('data', values.data), required('out', values.out)];
  checkSource(values);
  const { skip, depth, margin, negatives, level, model, run, teacher } = values;
  if (skip >= depth) throw new UsageError(`--skip ${skip} leaves nothing of --depth ${depth}`);
  await checkOutputs({ out: target }, { data, run, teacher, model: model && `${model}/model.safetensors` });
  let skipped = 0;
  const reading = { skipBad: values['skip-bad'], onSkip: () => skipped++ };
  const qrels = await judgementsOf(data, values.split, reading);
  const ranking =
    run === undefined ? await searched(values, qrels, reading, progressOut) : await loadRun(run, reading);
  const random = values.sampling === 'random' ? new Random(values.seed) : undefined;
  const mined = mineNegatives(ranking, qrels, {
    ...{ negatives, skip, depth, margin, level },
    relativeMargin: values['relative-margin'],
    maxScore: values['max-score'],
    teacher: teacher === undefined ? undefined : await scoresOf(teacher, reading),
    random: random && (() => random.next()),
  });
  for (const line of noticesOf(mined, values)) progressOut.write(`${line}\n`);
  if (skipped > 0) progressOut.write(`left out: ${skipped} lines that cannot be read\n`);
  if (mined.lists.length === 0) return 1;
  const form = values['to-form'];
  const result = await writeTeacher(
    mined.lists,
    { path: target, form },
    {
      texts: await loadBeir(data, reading),
      tag: 'mined',
    },
  );
  const of = mined.lists.reduce((sum, { docs }) => sum + docs.filter(({ label }) => label === 0).length, 0);
  out.write(`${result.lists} queries, ${of} negatives, ${result.documents - of} positives\n`);
  return 0;
}

/** @throws UsageError unless there is one ranking */
function checkSource(values: Values): void {
  const { model, run } = values;
  if ((model === undefined) === (run === undefined))
    throw new UsageError('--model DIR or --run FILE is needed, one of them');
  if (run !== undefined && hasEmbeddings(values))
    throw new UsageError('--query-embeddings does nothing without --model');
}

async function judgementsOf(dir: string, split: string | undefined, reading: ReadOptions): Promise<Qrels> {
  const { qrels } = await openBeir(dir);
  const wanted = split ?? (qrels.has('train') ? 'train' : undefined);
  if (wanted !== undefined) return loadQrels(splitOf(qrels, wanted), reading);
  const parts: [string, Qrels][] = [];
  for (const path of qrels.values()) parts.push([path, await loadQrels(path, reading)]);
  return mergeQrels(parts, reading);
}

async function searched(
  values: Values,
  qrels: Qrels,
  reading: ReadOptions,
  progressOut: Output,
): Promise<Run> {
  const { model, data } = values;
  const k = Math.max(LEAST_DEPTH, values.depth);
  if (hasEmbeddings(values))
    return searchVectors(model!, readEmbeddings(values), { k, data, judged: qrels, reading }, progressOut);
  const folder = await openBeir(data!);
  return searchFiles(await load(model!), { ...folder, qrels }, { k }, reading, progressOut);
}

/** A teacher's scores, of any form. */
async function scoresOf(path: string, reading: ReadOptions): Promise<Run> {
  const file = await openTeacher(path, reading);
  return file.form === 'trec' ? file.run() : toRun(file.lists());
}

function noticesOf({ left, ruledOut }: Mined, values: Values): string[] {
  const filters = ['margin', 'relative-margin', 'max-score'].some((name) => values.given.has(name));
  const { unranked, withoutPositive, withoutNegative } = left;
  return [
    ...(filters
      ? [`left out as likely false negatives: ${ruledOut} documents`]
      : ['no --margin: relevant documents that nobody judged may be among the negatives']),
    ...(unranked > 0 ? [`left out: ${unranked} queries without a ranking`] : []),
    ...(withoutPositive > 0
      ? [`left out: ${withoutPositive} queries none of whose positives has a score`]
      : []),
    ...(withoutNegative > 0 ? [`left out: ${withoutNegative} queries without a negative that passes`] : []),
  ];
}
