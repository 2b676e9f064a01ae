// The folder that `ckl-loss compare --save` writes: for each student the best training by dev, with its model
// card.
import { experimentOf } from '../../compare/experiment.js';
import type { CompareOptions } from '../../compare/options.js';
import type { Compared } from '../../compare/compare.js';
import type { Row, Table } from '../../compare/tables.js';
import type { BestTraining } from '../../experiment/best.js';
import { lastPart, meanOf, type Tested, type Values } from '../../experiment/results.js';
import { Retrievers } from '../../experiment/retrievers.js';
import { formatModel, formatTestQueries, type ModelContent } from '../../students/saved/model-files.js';
import { STUDENTS, type StudentName } from '../../students/students.js';
import { titleOfLoss } from '../../training/loss-sum.js';
import { columnTitle } from '../../report/words.js';
import { dataLines, lossText, modelCard, retrieverLimits, testLines, trainingLines } from '../model-card.js';
import { measureText } from '../table.js';

/**
 * A folder per student, with its files.
 *
 * @param best of each model
 */
export async function studentFolders(
  best: readonly BestTraining[],
  compared: Compared,
  options: CompareOptions,
  args: readonly string[],
): Promise<Record<string, string | Uint8Array>> {
  // The trainings may have run on threads, which had their own data.
  const source = await Retrievers.load(experimentOf(options));
  const files: Record<string, string | Uint8Array> = {};
  for (const student of options.students) {
    const training = best.find(({ unit }) => unit.model === STUDENTS[student].model)!;
    const content = source.trained(student, training);
    const own = {
      ...formatModel(content),
      ...formatTestQueries(training.run.test[student]!.full!.queries),
      'README.md': cardOf(student, training, content, compared, options, args),
    };
    for (const [name, bytes] of Object.entries(own)) files[`${student}/${name}`] = bytes;
  }
  return files;
}

function cardOf(
  student: StudentName,
  { unit, run, rate, dev }: BestTraining,
  content: Pick<ModelContent, 'words' | 'width'>,
  { data, tables }: Compared,
  options: CompareOptions,
  args: readonly string[],
): string {
  const { seeds, batch, docs, warmup, warmupEpochs } = options;
  const recipe = unit.recipe!.name;
  const table = tables.find((one) => one.student === student && one.condition === 'clean')!;
  const { training } = lastPart(run.trainings);
  const [{ train, dev: devs, test, teacherTemperature }] = data.folds;
  return modelCard({
    title: `${STUDENTS[student].title}, trained on ${data.name} with ${recipe}`,
    about:
      'A small retriever whose words start from latent semantic analysis of the collection, the best of a comparison of losses.',
    data: dataLines(
      `${data.name}: ${data.documents} documents, ${data.words} words`,
      { train, dev: devs, test },
      options,
    ),
    recipe: trainingLines({
      ...training,
      loss: lossText(recipe, options),
      start: [
        ...(warmup
          ? ([['warm-up', `${titleOfLoss(warmup)}, ${times(warmupEpochs, 'epoch')}`]] as const)
          : []),
        [
          'chosen by dev nDCG@10',
          `${measureText(dev)}, of ${options.recipes.map(({ name }) => name).join(', ')} with ${times(seeds, 'seed')} each`,
        ],
      ],
      batch: `${batch} queries, lists of ${docs} documents`,
      rate,
      teacherTemperature,
      student: [['vectors', `${content.width} numbers`]],
      seed: run.seed,
    }),
    command: ['compare', ...args],
    measures: [
      ['', ...table.columns.map(columnTitle)],
      ...['start', 'warm-up', recipe, 'teacher'].flatMap((name) => rowOf(table, name, seeds)),
      ['this student', ...table.columns.map((column) => measureText(valueOf(run.test[student]!, column)))],
    ],
    notes: [
      `Means over ${test} test queries; rerank: the teacher's candidates, reranked; full: all documents.`,
      ...testsOf(table, recipe, seeds),
    ],
    limits: retrieverLimits(content.words.length),
  });
}

const times = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const titleOf = (name: string, seeds: number): string =>
  ['start', 'warm-up', 'teacher'].includes(name) ? name : `${name}, mean of ${times(seeds, 'seed')}`;

const findRow = ({ rows }: Table, name: string): Row | undefined => rows.find((row) => row.name === name);

function rowOf(table: Table, name: string, seeds: number): string[][] {
  const row = findRow(table, name);
  const text = (column: string) => {
    const cell = row?.cells[column];
    return cell ? measureText(cell.mean) : '';
  };
  return row ? [[titleOf(name, seeds), ...table.columns.map(text)]] : [];
}

/** The student's own mean in a column of the tables, such as `full ndcg@10` or `zero-shot NAME ndcg@10`. */
function valueOf(tested: Tested, column: string): number {
  const space = column.lastIndexOf(' ');
  const setting = column.slice(0, space);
  const values: Values =
    setting === 'rerank'
      ? tested.rerank
      : setting === 'full'
        ? tested.full!
        : tested.zeroShot[setting.slice('zero-shot '.length)];
  return meanOf(column.slice(space + 1) === 'mrr@10' ? values['mrr@10'] : values['ndcg@10']);
}

function testsOf(table: Table, recipe: string, seeds: number): string[] {
  const row = findRow(table, recipe);
  const tests = table.columns.flatMap((column) => {
    const cell = row?.cells[column];
    return (['versusStart', 'versusCkl'] as const).flatMap((kind) => {
      const tested = cell?.[kind];
      if (!tested) return [];
      const against = kind === 'versusStart' ? 'the start' : 'ckl';
      const title = `${columnTitle(column)} less ${against}`;
      return [{ title, difference: tested.difference, p: tested.pHolm }];
    });
  });
  return testLines(
    `${recipe} (mean of ${times(seeds, 'seed')}), paired t-tests over queries, p with Holm's correction over the comparison's table:`,
    tests,
  );
}
