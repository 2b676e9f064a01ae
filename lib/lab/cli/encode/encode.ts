// `ckl-loss encode`: a saved student encodes documents or queries, or an adapter maps their vectors.
import { load, loadAdapter } from '../../students/index.js';
import { checkWidth, loadSide } from '../adapter-search.js';
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
import { embeddingOptions, hasEmbeddings } from '../embedding-options.js';
import { encodedFile, vectorBytes, type EncodedFile } from './files.js';
import { checkOutputs, deliver } from '../output-files.js';
import { SLOW_MS, timeLeft, type Output } from '../progress.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { required, UsageError } from '../usage.js';

export const ENCODE_OPTIONS = commandTable(
  `ckl-loss encode: encode documents or queries with a saved student

  ckl-loss encode --model DIR --corpus FILE --out vectors.npy [--ids vectors.ids.txt]
  ckl-loss encode --model DIR --queries FILE --out vectors.npy [--ids vectors.ids.txt]
  ckl-loss encode --model ADAPTER --query-embeddings FILE --out vectors.npy [--ids vectors.ids.txt]

The encodings have the order of the file. Idf and document length are those of the training collection, as with
\`search --statistics model\`. A dense student writes NumPy (texts × width): vectors of length 1 whose dot product is the cosine by which it
ranks. A multi-vector student, or the second stage of a two-stage student, writes safetensors: embeddings (words × width), weights of the
words, and offsets, where the words of each text begin. A sparse student writes JSON lines {"id", "vector": {term: weight}}. An adapter maps
vectors of its encoder, and writes NumPy, or safetensors if there is one vector per token.`,
  {
    Input: {
      ...modelOption,
      ...textOptions,
      side: text('NAME', 'with --data: encode its corpus or its queries'),
    },
    'With an adapter': embeddingOptions,
    Output: {
      out: text('FILE', 'the encodings'),
      ids: text('FILE', 'the ids, one per line, in the same order'),
    },
  },
);

/** Number of texts encoded between two looks at the clock. */
const TEXTS_AT_ONCE = 1000;

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
  if (hasEmbeddings(values)) return encodeVectors(model, file, values, out);
  const texts = oneSide(await findTexts(values), values.side);
  await checkOutputs({ out: file, ids: values.ids }, { model: `${model}/model.safetensors`, ...texts });
  const student = await load(model);
  if (student.name === 'linear')
    throw new UsageError(
      '--model: the linear student looks at query and document together and encodes neither',
    );
  let skipped = 0;
  const reading = { skipBad: values['skip-bad'], onSkip: () => skipped++ };
  const judged = texts.qrels === undefined ? undefined : await loadQrels(texts.qrels, reading);
  const all =
    texts.corpus === undefined
      ? await readAsked(texts.queries!, reading, judged)
      : await readDocuments(texts.corpus, reading);
  if (skipped > 0) progressOut.write(`left out: ${skipped} lines that cannot be read\n`);
  const encodeTexts = (some: typeof all) =>
    texts.corpus === undefined
      ? student.encodeQueries(some.map(({ text }) => text))
      : student.encodeDocuments(some);
  let made: EncodedFile | undefined;
  const started = performance.now();
  let said = started;
  for (let first = 0; first < all.length; first += TEXTS_AT_ONCE) {
    const some = all.slice(first, first + TEXTS_AT_ONCE);
    const encoded = encodeTexts(some);
    made ??= encodedFile(encoded.kind, all.length, student.width);
    made.add(
      encoded,
      some.map(({ id }) => id),
    );
    const [done, now] = [first + some.length, performance.now()];
    if (done === all.length) progressOut.write(`encoded ${done} texts\n`);
    else if (now - said >= SLOW_MS) {
      said = now;
      const left = timeLeft(now - started, done, all.length);
      progressOut.write(`encoded ${done} of ${all.length} texts, ${left} left\n`);
    }
  }
  await deliver(out, '', [
    [file, () => made!.bytes()],
    [values.ids, () => idsText(all.map(({ id }) => id))],
  ]);
  return 0;
}

const idsText = (ids: readonly string[]): string => ids.map((id) => `${id}\n`).join('');

type Values = NonNullable<ReturnType<typeof ENCODE_OPTIONS.read>>;

async function encodeVectors(model: string, file: string, values: Values, out: Output): Promise<number> {
  const idle = (['corpus', 'queries', 'side', 'split'] as const).find((name) => values.given.has(name));
  if (idle) throw new UsageError(`--${idle} does nothing with --query-embeddings or --document-embeddings`);
  const queryEmbeddings = values['query-embeddings'];
  const documentEmbeddings = values['document-embeddings'];
  if (queryEmbeddings !== undefined && documentEmbeddings !== undefined)
    throw new UsageError('--query-embeddings and --document-embeddings exclude each other here');
  const { data, ids } = values;
  await checkOutputs(
    { out: file, ids },
    { model: `${model}/model.safetensors`, data, embeddings: queryEmbeddings ?? documentEmbeddings },
  );
  const adapter = await loadAdapter(model);
  const files = {
    ...{ queryEmbeddings, documentEmbeddings },
    ...{ queryIds: values['query-ids'], documentIds: values['document-ids'] },
  };
  const side = queryEmbeddings === undefined ? 'documents' : 'queries';
  const read = await loadSide(side, files, { data, reading: { skipBad: values['skip-bad'] } });
  checkWidth(read, (queryEmbeddings ?? documentEmbeddings)!, adapter);
  const mapped = side === 'queries' ? adapter.mapQueries(read.values) : adapter.mapDocuments(read.values);
  await deliver(out, '', [
    [file, () => vectorBytes({ ...read, values: mapped })],
    [ids, () => idsText(read.ids)],
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
