// Composes the report: a summary, then tables, figures, findings in words, what they do not show, and how it was made.
import type { SavedComparison } from '../compare/saved.js';
import type { Table } from '../compare/tables.js';
import { htmlDocument, type Section } from './document.js';
import { figures } from './figures.js';
import { heatMap } from './heat-map.js';
import { bullets, escapeHtml, folded, paragraph } from './html.js';
import type { Plotting } from './plotting.js';
import { findings, limits } from './statements.js';
import { summary } from './summary.js';
import { resultTable, searchTable } from './tables.js';
import { titleOfLoss } from '../training/loss-sum.js';
import { conditionText, counted, PAPER, recipeTitle } from './words.js';

/** Rows of the paper's Table 2. */
const TABLE_2 = ['start', 'warm-up', 'kl', 'ckl', 'kl+ckl'];

export function renderPage(saved: SavedComparison, plotting: Plotting): string {
  const { data, tables } = saved;
  const clean = tables.filter(({ condition }) => condition === 'clean');
  const spoilt = tables.filter(({ condition }) => condition !== 'clean');
  const dense = clean.find(({ student }) => student === 'dense');
  const results = (of: readonly Table[], names?: readonly string[]) =>
    of.map((table) => resultTable(table, saved, names)).join('\n');
  const sections: (Section | false | undefined)[] = [
    { id: 'summary', title: 'Summary', body: `${summary(saved)}\n${heatMap(saved)}` },
    { id: 'limits', title: 'What the data do not show', short: 'Limits', body: bullets(limits(saved)) },
    { id: 'table-1', title: 'Table 1: all losses', body: `${markText()}\n${results(clean)}` },
    dense && {
      id: 'table-2',
      title: 'Table 2: a dense retriever refined by KL, CKL, and KL followed by CKL',
      short: 'Table 2: KL, then CKL',
      body: results([dense], TABLE_2),
    },
    spoilt.length > 0 && {
      id: 'corrupted',
      title: 'Wrong teacher, wrong labels',
      body: `${paragraph('A wrong teacher gives the score of a positive to a document of the lower half of its list, and that document’s score to the positive. Wrong labels call documents drawn from the list positive. Dev and test stay as they are.')}
${markText()}
${results(spoilt)}`,
    },
    ...figures(saved, plotting),
    {
      id: 'findings',
      title: 'What the data show, in words',
      short: 'Findings in words',
      body: `${paragraph('Each difference with its test.')}
${tables.map((table) => findingList(table, saved)).join('\n')}`,
    },
    {
      id: 'method',
      title: 'How it was made',
      body: `${methodText(saved)}
${folded('Learning rates and seeds', tables.map((table) => searchTable(table, saved)).join('\n'))}`,
    },
  ];
  return htmlDocument({
    title: `Ranking-distillation losses compared on ${data.name}`,
    lead: `${madeText(saved)}
<p class="soft">Tables and figures have the numbers of the paper whose loss is CKL: <cite>${escapeHtml(PAPER.title)}</cite> (${escapeHtml(PAPER.authors)}).</p>`,
    sections: sections.filter((section) => typeof section === 'object'),
  });
}

function findingList(table: Table, { options }: SavedComparison): string {
  return folded(`${table.title}: ${conditionText(table.condition, options)}`, bullets(findings(table)));
}

const markText = () =>
  `<p class="soft">† significantly below CKL, ‡ significantly above CKL: paired t-test, p &lt; 0.05 after Holm’s correction over the table. <strong>Bold</strong>: the best trained value of a column. “rerank” orders the teacher’s candidates, “full” searches the whole corpus.</p>`;

function madeText({ made, data }: SavedComparison): string {
  const commit = made.commit ? `, commit ${made.commit}` : '';
  const before = made.unitsBefore
    ? ` (without ${made.unitsBefore} of its parts, which were done before)`
    : '';
  return `<p class="soft">${escapeHtml(
    `${data.documents} documents, ${data.lists} queries with the teacher’s candidates. ${made.date}${commit}; ${made.machine}, Node ${made.node}; ${made.seconds} s, ${made.cpuSeconds} s of processor time, at most ${made.peakMiB} MiB${before}.`,
  )}</p>`;
}

function methodText({ options, data }: SavedComparison): string {
  const [first] = data.folds;
  const split =
    data.folds.length === 1
      ? `${first.train} training lists (${first.unusable} more hold no positive or no negative and are left out), ${first.dev} dev, ${first.test} test`
      : `${data.folds.length} folds; each query is tested once; about ${first.train} training and ${first.dev} dev lists per fold`;
  const warmup = options.warmup
    ? `${counted(options.warmupEpochs, 'epoch')} of ${recipeTitle(titleOfLoss(options.warmup))}, of which the best on dev is kept, the start included`
    : 'none';
  const zeroShot = data.zeroShot.map(
    ({ name, documents, queries }) => `${name} (${documents} documents, ${queries} queries)`,
  );
  return bullets([
    `Data: ${split}.`,
    ...(zeroShot.length > 0 ? [`Zero-shot: ${zeroShot.join(', ')}.`] : []),
    `Every loss of a student starts from the same warm-up (${warmup}) and sees the same lists, up to ${options.docs} documents each: the positives and the teacher’s best others, in batches of ${options.batch}.`,
    `Every loss may try ${options.rates.length === 1 ? 'one learning rate' : `${options.rates.length} learning rates`} (${options.rates.join(', ')} times the student’s own) under the first seed; dev nDCG@10 chooses. Then ${counted(options.seeds, 'training')} of ${counted(options.epochs, 'epoch')}; dev chooses the epoch; test is looked at once.`,
    `The teacher’s scores are divided by ${data.folds.map(({ teacherTemperature }) => teacherTemperature.toPrecision(3)).join(', ')}. ${options.level === undefined ? '' : `Judgements count from level ${options.level}. `}Seed ${options.seed}.`,
  ]);
}
