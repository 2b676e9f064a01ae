// The model card: README.md of a saved student, without any information about the machine on which it was
// trained.
import { basename } from 'node:path';
import { MODEL_FILES, PACKAGE_VERSION } from '../students/saved/folder.js';
import { type Hyperparameters, hyperparametersOf } from '../training/objective.js';
import { differenceText, pText } from './table.js';

type Lines = readonly (readonly [string, string])[];

export interface ModelCard {
  title: string;
  /** What the student is, in a sentence or two. */
  about: string;
  /** Names and values, line by line. */
  data: Lines;
  recipe: Lines;
  /** The command's name and what followed it. */
  command: readonly string[];
  /** A header and rows. */
  measures: readonly (readonly string[])[];
  /** What was measured, and how differences were tested; sentences. */
  notes: readonly string[];
  /** Further limits of this kind of student; sentences. */
  limits: readonly string[];
  /** Whether it is made of words. Default: true. */
  hasWords?: boolean;
}

/** A loss with the hyper-parameters that it was given. */
export function lossText(loss: string, options: Hyperparameters): string {
  const given = Object.entries(hyperparametersOf(options)).filter(([, value]) => value !== undefined);
  return [loss, ...given.map(([name, value]) => `${name} ${value}`)].join(', ');
}

/** The description of the data, for every command. `collection` has its size in words. */
export const dataLines = (
  collection: string,
  { train, dev, test }: { train: number; dev: number; test: number },
  { teacher, level }: { teacher: string; level?: number },
): Lines => [
  ['collection', collection],
  ['queries', `${train} train, ${dev} dev, ${test} test`],
  ["the teacher's scores", basename(teacher)],
  ...(level === undefined ? [] : ([['relevant from level', String(level)]] as const)),
];

/** The description of a training, for every command. */
export function trainingLines(training: {
  loss: string;
  /** How it began and was chosen. */
  start?: Lines;
  history: readonly unknown[];
  bestEpoch: number;
  interrupted?: boolean;
  batch: string;
  rate: number;
  teacherTemperature: number;
  /** What the student is like. */
  student?: Lines;
  seed: number;
}): Lines {
  const { loss, start = [], history, bestEpoch, interrupted = false, student = [] } = training;
  const kept = `${history.length - 1}, of which epoch ${bestEpoch} is kept`;
  return [
    ['loss', loss],
    ...start,
    ['epochs', interrupted ? `${kept}; interrupted` : kept],
    ['batch', training.batch],
    ['learning rate', String(training.rate)],
    ['teacher temperature', String(training.teacherTemperature)],
    ...student,
    ['seed', String(training.seed)],
  ];
}

/** One line per test: what is less than what, the mean difference and the corrected p. Nothing without tests. */
export const testLines = (
  heading: string,
  tests: readonly { title: string; difference: number; p: number }[],
): string[] =>
  tests.length === 0
    ? []
    : [
        heading,
        '',
        ...tests.map(
          ({ title, difference, p }) => `- ${title}: ${differenceText(difference)}, p ${pText(p)}`,
        ),
      ];

export const AGAINST_START =
  "This student less the start, paired t-tests over queries, p with Holm's correction over them:";

/** Of a student whose texts are bags of the words of its vocabulary. */
export const retrieverLimits = (words: number): string[] => [
  `It knows the ${words} words of its vocabulary and no others, and nothing of their order.`,
  'Its words are cut as English has them: other languages work worse.',
];

/** A word of a command line without the folders of a path, also where several are separated by commas. */
const withoutFolders = (word: string): string =>
  word
    .split(/([,=])/)
    .map((part) => part.replace(/[/\\]+$/, '').replace(/^.*[/\\]/s, ''))
    .join('');

const quoted = (word: string): string =>
  /^[\w.,:+=@%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A command line in which files and folders have their names alone. */
export const commandLine = (words: readonly string[]): string =>
  ['ckl-loss', ...words.map(withoutFolders)].map(quoted).join(' ');

const cell = (text: string): string => text.replaceAll('|', '\\|');
const tableRow = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;

function table([head, ...rows]: ModelCard['measures']): string {
  return [tableRow(head), tableRow(head.map(() => '---')), ...rows.map(tableRow)].join('\n');
}

const list = (entries: Lines): string => entries.map(([name, value]) => `- ${name}: ${value}`).join('\n');

const WORD_FILES = `| \`${MODEL_FILES.words}\` | its words, one per line, by number |
| \`${MODEL_FILES.tensors}\` | its parameters, and how many documents of the collection hold each word |`;

const ADAPTER_FILES = `| \`${MODEL_FILES.tensors}\` | its maps, and the logarithm of the factor of its scores |`;

export function modelCard({
  title,
  about,
  data,
  recipe,
  command,
  measures,
  notes,
  limits,
  hasWords = true,
}: ModelCard): string {
  return `# ${title}

${about}
Written by ckl-loss ${PACKAGE_VERSION} on Node ${process.version}. The same command on the same data gives the same parameters, bit by bit.

## Data

${list(data)}

## Training

${list(recipe)}

\`\`\`
${commandLine(command)}
\`\`\`

Files and folders of the command have their names alone here.

## Measures

${table(measures)}

${notes.join('\n')}

## What it is not for

${[
  ...limits,
  'The measures are those of one collection, one seed and one split: they are no promise for other texts.',
  'It has learned from the teacher, whose errors and preferences it repeats.',
  'The terms of use of the data and of the teacher hold for it, too; this package does not know them.',
  'Do not let it decide about people.',
]
  .map((line) => `- ${line}`)
  .join('\n')}

## Files

| file | content |
| --- | --- |
| \`${MODEL_FILES.config}\` | what the student is, the version of the format and of the package, digests of the files below |
${hasWords ? WORD_FILES : ADAPTER_FILES}
| \`test-queries.json\` | the ids of the queries that the measures are of |
`;
}
