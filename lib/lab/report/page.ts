// Composes the report: findings first, then tables, figures, how it was made, and what it does not show.
import type { SavedComparison } from '../compare/saved.js';
import type { Table } from '../compare/tables.js';
import { htmlDocument } from './document.js';
import { figures } from './figures.js';
import { escapeHtml, paragraph } from './html.js';
import type { Plotting } from './plotting.js';
import { findings, limits } from './statements.js';
import { resultTable, searchTable } from './tables.js';
import { titleOfLoss } from '../training/loss-sum.js';
import { conditionText, recipeTitle } from './words.js';

/** Rows of the paper's Table 2. */
const TABLE_2 = ['start', 'warm-up', 'kl', 'ckl', 'kl+ckl'];

export function renderPage(saved: SavedComparison, plotting: Plotting): string {
  const { data, tables } = saved;
  const clean = tables.filter(({ condition }) => condition === 'clean');
  const spoilt = tables.filter(({ condition }) => condition !== 'clean');
  const dense = clean.find(({ student }) => student === 'dense');
  const title = `Ranking-distillation losses compared on ${data.name}`;
  return htmlDocument(
    title,
    `<h1>${escapeHtml(title)}</h1>
${madeText(saved)}
<section><h2>What the data show</h2>
${tables.map((table) => findingList(table, saved)).join('\n')}
</section>
<section><h2>What they do not show</h2>
${bullets(limits(saved))}
</section>
<section><h2>Table 1: all losses</h2>
${markText()}
${clean.map((table) => resultTable(table, saved)).join('\n')}
</section>
${
  dense
    ? `<section><h2>Table 2: a dense retriever refined by KL, CKL, and KL followed by CKL</h2>
${resultTable(dense, saved, TABLE_2)}
</section>`
    : ''
}
${
  spoilt.length > 0
    ? `<section><h2>Wrong teacher, wrong labels</h2>
${paragraph('A wrong teacher gives the score of a positive to a document of the lower half of its list, and that document’s score to the positive. Wrong labels call documents drawn from the list positive. Dev and test stay as they are.')}
${markText()}
${spoilt.map((table) => resultTable(table, saved)).join('\n')}
</section>`
    : ''
}
${figures(saved, plotting)}
<section><h2>How it was made</h2>
${methodText(saved)}
<h3>Learning rates and seeds</h3>
${tables.map((table) => searchTable(table, saved)).join('\n')}
</section>
`,
  );
}

const bullets = (items: readonly string[]) =>
  `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('\n')}</ul>`;

function findingList(table: Table, { options }: SavedComparison): string {
  return `<h3>${escapeHtml(`${table.title}: ${conditionText(table.condition, options)}`)}</h3>
${bullets(findings(table))}`;
}

const markText = () =>
  `<p class="soft">† significantly below CKL, ‡ significantly above CKL: paired t-test, p &lt; 0.05 after Holm’s correction over the table. Bold: the best trained value of a column. “rerank” orders the teacher’s candidates, “full” searches the whole corpus.</p>`;

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
      : `${data.folds.length} folds; each query is tested once; about ${first.train} training and ${first.dev} dev lists a fold`;
  const warmup = options.warmup
    ? `${options.warmupEpochs} ${options.warmupEpochs === 1 ? 'epoch' : 'epochs'} of ${recipeTitle(titleOfLoss(options.warmup))}, of which the best on dev is kept, the start included`
    : 'none';
  const zeroShot = data.zeroShot.map(
    ({ name, documents, queries }) => `${name} (${documents} documents, ${queries} queries)`,
  );
  return bullets([
    `Data: ${split}.`,
    ...(zeroShot.length > 0 ? [`Zero-shot: ${zeroShot.join(', ')}.`] : []),
    `Every loss of a student starts from the same warm-up (${warmup}) and sees the same lists, up to ${options.docs} documents each: the positives and the teacher’s best others, in batches of ${options.batch}.`,
    `Every loss may try ${options.rates.length === 1 ? 'one learning rate' : `${options.rates.length} learning rates`} (${options.rates.join(', ')} times the student’s own) under the first seed; dev nDCG@10 chooses. Then ${options.seeds} ${options.seeds === 1 ? 'training' : 'trainings'} of ${options.epochs} epochs; dev chooses the epoch; test is looked at once.`,
    `The teacher’s scores are divided by ${data.folds.map(({ teacherTemperature }) => teacherTemperature.toPrecision(3)).join(', ')}. ${options.level === undefined ? '' : `Judgements count from level ${options.level}. `}Seed ${options.seed}.`,
  ]);
}
