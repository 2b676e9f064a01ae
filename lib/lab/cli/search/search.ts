// `ckl-loss search`: a saved student ranks a corpus for each query.
import { load } from '../../students/index.js';
import { commandTable, flag, text } from '../command.js';
import { findTexts, modelOption, searchFiles, searchOptions, textOptions } from '../model-options.js';
import { checkOutputs, deliver } from '../output-files.js';
import type { Output } from '../progress.js';
import { runText } from '../run-text.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { required } from '../usage.js';

export const SEARCH_OPTIONS = commandTable(
  `ckl-loss search: rank a corpus for each query with a saved student

  ckl-loss search --model DIR --data DIR --run FILE [options]
  ckl-loss search --model DIR --corpus FILE --queries FILE --run FILE [options]`,
  {
    Input: { ...modelOption, ...textOptions },
    Search: {
      ...searchOptions,
      'ignore-identical-ids': flag(
        'leave out the document that has the id of its query, where queries are documents too',
      ),
    },
    Output: {
      run: text('FILE', 'the ranking as a TREC run, for `ckl-loss evaluate`; /dev/stdout prints it'),
    },
  },
);

/**
 * @param args what follows `search` on the command line
 * @returns the exit code
 * @throws UsageError, DataError, ModelError
 */
export async function search(
  args: string[],
  out: Output = standardOutput,
  progressOut: Output = standardError,
): Promise<number> {
  const values = SEARCH_OPTIONS.read(args);
  if (!values) {
    out.write(SEARCH_OPTIONS.help);
    return 0;
  }
  const [model, run] = [required('model', values.model), required('run', values.run)];
  const texts = await findTexts(values);
  const files = {
    corpus: required('corpus', texts.corpus),
    queries: required('queries', texts.queries),
    qrels: texts.qrels,
  };
  await checkOutputs({ run }, { model: `${model}/model.safetensors`, ...files });
  let skipped = 0;
  const found = await searchFiles(
    await load(model),
    files,
    {
      k: values.k,
      statistics: values.statistics,
      ignoreIdenticalIds: values['ignore-identical-ids'],
    },
    { skipBad: values['skip-bad'], onSkip: () => skipped++ },
    progressOut,
  );
  if (skipped > 0) progressOut.write(`left out: ${skipped} lines that cannot be read\n`);
  await deliver(out, '', [[run, () => runText(found, 'ckl-loss')]]);
  return 0;
}
