// `ckl-loss convert`: teacher scores from one form into another.
import { findTarget } from '../../../data/whole-file.js';
import {
  convertTeacher,
  loadBeir,
  loadQrels,
  TEACHER_FORMS,
  WRITABLE_FORMS,
  type IdType,
} from '../../../data/index.js';
import type { Output } from '../progress.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { checkOutputs } from '../output-files.js';
import { parseOptions, readChoice, readNumber, required } from '../usage.js';

/** Names, five per line. */
const lines = (names: readonly string[]): string =>
  names.map((name, i) => (i === 0 ? '' : i % 5 === 0 ? ',\n                        ' : ', ') + name).join('');

const CONVERT_HELP = `ckl-loss convert: convert teacher scores from one form to another

  ckl-loss convert --from FILE --to FILE --to-form FORM [options]

  --to-form FORM        ${lines(WRITABLE_FORMS)}
  --from-form FORM      one of these (default: recognised by the beginning of the file)
  --qrels FILE          labels, for forms that need them (flagembedding, simlm, tevatron, hard-negatives, hofstaetter, gpl)
  --data DIR            a BEIR folder with the texts, for flagembedding, tevatron, rank-llm, sentence-transformers (and simlm's queries)
  --level N             the lowest level of --qrels that makes a document positive (default: 1)
  --ids TYPE            number or text: ids in colbert, colbert-scores, pylate, jsonl, hard-negatives, parquet and pickle (default: the type
                        in a JSON or Parquet source; with other sources numbers, if all ids of the first list are whole numbers)
  --first-is-positive   the first document of a colbert or pylate list is its positive
  --skip-bad            skip lines that cannot be read, and count them
  --help                show this help

Files may be gzipped, or pipes such as /dev/stdin; a target whose name ends in .gz is compressed. Parquet (a file, a folder, or a pattern such
as 'train-*.parquet') needs hyparquet, and hyparquet-writer to write it; parquet has PyLate's lists, and parquet-rows one scored pair per row.
If nothing is left to write, the exit code is 1.
`;

/**
 * @param args what follows `convert` on the command line
 * @returns the exit code
 * @throws UsageError, DataError
 */
export async function convert(args: string[], out: Output = standardOutput): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const values = parseOptions(args, {
    from: text,
    'from-form': text,
    to: text,
    'to-form': text,
    qrels: text,
    data: text,
    level: text,
    ids: text,
    'first-is-positive': flag,
    'skip-bad': flag,
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    out.write(CONVERT_HELP);
    return 0;
  }
  const path = required('from', values.from);
  const to = {
    path: required('to', values.to),
    form: readChoice('to-form', required('to-form', values['to-form']), WRITABLE_FORMS),
  };
  await checkOutputs({ to: to.path }, { from: path, qrels: values.qrels, data: values.data });
  const beside: Error[] = [];
  const reading = { skipBad: values['skip-bad'], onSkip: (error: Error) => void beside.push(error) };
  const fromForm = values['from-form'];
  const from = {
    path,
    form: fromForm === undefined ? undefined : readChoice('from-form', fromForm, TEACHER_FORMS),
  };
  const result = await convertTeacher(from, to, {
    qrels: values.qrels === undefined ? undefined : await loadQrels(values.qrels, reading),
    texts: values.data === undefined ? undefined : await loadBeir(values.data, reading),
    level: readNumber('level', values.level, { min: 1, whole: true }),
    ids: values.ids === undefined ? undefined : readChoice<IdType>('ids', values.ids, ['number', 'text']),
    firstIsPositive: values['first-is-positive'],
    skipBad: values['skip-bad'],
  });
  // Not mixed with the lists if these go to standard output.
  const report = (await findTarget(to.path)).descriptor === 1 ? standardError : out;
  report.write(`${result.lists} queries, ${result.documents} documents\n`);
  const skipped = beside.length + result.skipped;
  if (skipped > 0) {
    const shown = [...beside, ...result.errors].slice(0, 10);
    report.write(`left out: ${skipped}\n${shown.map(({ message }) => `  ${message}\n`).join('')}`);
  }
  return result.lists === 0 ? 1 : 0;
}
