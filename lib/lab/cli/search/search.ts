// `ckl-loss search`: a saved student ranks a corpus for each query.
import { loadQrels } from '../../../data/index.js';
import { load } from '../../students/index.js';
import { searchVectors } from '../adapter-search.js';
import { commandTable, flag, text } from '../command.js';
import { embeddingOptions, hasEmbeddings, readEmbeddings } from '../embedding-options.js';
import { findTexts, modelOption, searchFiles, searchOptions, textOptions } from '../model-options.js';
import { checkOutputs, deliver } from '../output-files.js';
import type { Output } from '../progress.js';
import { runText } from '../run-text.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { required, UsageError } from '../usage.js';

export const SEARCH_OPTIONS = commandTable(
  `ckl-loss search: rank a corpus for each query with a saved student

  ckl-loss search --model DIR --data DIR --run FILE [options]
  ckl-loss search --model DIR --corpus FILE --queries FILE --run FILE [options]
  ckl-loss search --model ADAPTER --query-embeddings FILE --document-embeddings FILE [--data DIR] --run FILE [options]`,
  {
    Input: { ...modelOption, ...textOptions },
    'With an adapter': embeddingOptions,
    Search: {
      ...searchOptions,
      'ignore-identical-ids': flag(
        'leave out the document with the id of its query, for collections whose queries are documents too',
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
  if (hasEmbeddings(values)) return searchAdapter(model, run, values, out, progressOut);
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

type Values = NonNullable<ReturnType<typeof SEARCH_OPTIONS.read>>;

async function searchAdapter(
  model: string,
  run: string,
  values: Values,
  out: Output,
  progressOut: Output,
): Promise<number> {
  const idle = (['corpus', 'queries', 'statistics'] as const).find((name) => values.given.has(name));
  if (idle) throw new UsageError(`--${idle} does nothing with --query-embeddings`);
  const files = readEmbeddings(values);
  const { data, k } = values;
  const { qrels } = await findTexts({ data, split: values.split });
  await checkOutputs(
    { run },
    {
      model: `${model}/model.safetensors`,
      data,
      queries: files.queryEmbeddings,
      corpus: files.documentEmbeddings,
    },
  );
  const reading = { skipBad: values['skip-bad'] };
  const judged = qrels === undefined ? undefined : await loadQrels(qrels, reading);
  const ignoreIdenticalIds = values['ignore-identical-ids'];
  const found = await searchVectors(
    model,
    files,
    { k, data, judged, ignoreIdenticalIds, reading },
    progressOut,
  );
  await deliver(out, '', [[run, () => runText(found, 'ckl-loss')]]);
  return 0;
}
