// `ckl-loss encode`: the vectors that a saved dense student makes of documents or queries.
import { formatNpy } from '../../../data/npy.js';
import { load } from '../../students/index.js';
import { commandTable, text } from '../command.js';
import {
  findTexts,
  modelOption,
  readAsked,
  readDocuments,
  textOptions,
  type TextFiles,
} from '../model-options.js';
import { loadQrels } from '../../../data/index.js';
import { checkOutputs, deliver } from '../output-files.js';
import type { Output } from '../progress.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { required, UsageError } from '../usage.js';

export const ENCODE_OPTIONS = commandTable(
  `ckl-loss encode: the vectors of documents or queries by a saved dense student

  ckl-loss encode --model DIR --corpus FILE --out vectors.npy [--ids ids.txt]
  ckl-loss encode --model DIR --queries FILE --out vectors.npy [--ids ids.txt]

The vectors have length 1 and stand in the order of the file; their dot product is the cosine by which the student ranks. Idf and
document length are those of the training collection, as with \`search --statistics model\`.`,
  {
    Input: { ...modelOption, ...textOptions, side: text('NAME', 'of --data: corpus or queries') },
    Output: {
      out: text('FILE', 'a NumPy file, float32, texts × width'),
      ids: text('FILE', 'the ids, one per line, in the same order'),
    },
  },
);

/** So many texts are encoded between two reports of progress. */
const TEXTS_AT_ONCE = 10_000;

/**
 * @param args what follows `encode` on the command line
 * @returns the exit code
 * @throws UsageError, DataError, ModelError
 */
export async function encode(
  args: string[],
  out: Output = standardOutput,
  progressOut: Output = standardError,
): Promise<number> {
  const values = ENCODE_OPTIONS.read(args);
  if (!values) {
    out.write(ENCODE_OPTIONS.help);
    return 0;
  }
  const [model, file] = [required('model', values.model), required('out', values.out)];
  const texts = oneSide(await findTexts(values), values.side);
  await checkOutputs({ out: file, ids: values.ids }, { model: `${model}/model.safetensors`, ...texts });
  const student = await load(model);
  if (student.name !== 'dense')
    throw new UsageError(
      `--model: a ${student.name} student has no single vector per text; ckl-loss/students encodes its texts`,
    );
  let skipped = 0;
  const reading = { skipBad: values['skip-bad'], onSkip: () => skipped++ };
  const judged = texts.qrels === undefined ? undefined : await loadQrels(texts.qrels, reading);
  const all =
    texts.corpus === undefined
      ? await readAsked(texts.queries!, reading, judged)
      : await readDocuments(texts.corpus, reading);
  if (skipped > 0) progressOut.write(`left out: ${skipped} lines that cannot be read\n`);
  const vectors = new Float32Array(all.length * student.width);
  for (let first = 0; first < all.length; first += TEXTS_AT_ONCE) {
    const some = all.slice(first, first + TEXTS_AT_ONCE);
    const encoded =
      texts.corpus === undefined
        ? student.encodeQueries(some.map(({ text }) => text))
        : student.encodeDocuments(some);
    if (encoded.kind === 'vectors') vectors.set(encoded.vectors, first * student.width);
    progressOut.write(`encoded ${first + some.length} of ${all.length} texts\n`);
  }
  await deliver(out, '', [
    [file, () => formatNpy(vectors, all.length, student.width)],
    [values.ids, () => all.map(({ id }) => `${id}\n`).join('')],
  ]);
  return 0;
}

/** @throws UsageError unless there are either documents or queries */
function oneSide({ corpus, queries, qrels }: TextFiles, side: string | undefined): TextFiles {
  if (side !== undefined && side !== 'corpus' && side !== 'queries')
    throw new UsageError(`--side takes corpus, queries, not ${JSON.stringify(side)}`);
  if (side === 'corpus') return { corpus: required('corpus', corpus) };
  if (side === 'queries') return { queries: required('queries', queries), qrels };
  if ((corpus === undefined) === (queries === undefined))
    throw new UsageError(
      '--corpus FILE or --queries FILE is needed, one of them; with --data, --side corpus or --side queries',
    );
  return { corpus, queries };
}
