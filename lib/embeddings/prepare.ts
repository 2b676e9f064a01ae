// Prepares a loss of embeddings: separates the options of the loss, of the similarity and of the dimensions.
import { largest } from '../extremes.js';
import { readGroup } from '../communicator.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { prepareOnAll } from '../loss/exchange.js';
import type { LossParameters } from '../loss/functions.js';
import { isObject } from '../loss/intrinsics.js';
import { readShape } from '../loss/layout.js';
import { prepare as prepareLoss, preparedRule } from '../loss/prepare.js';
import type { LossName } from '../losses.js';
import type { CommonOptions, Reduction } from '../types.js';
import { AcrossRanks, readAcross } from './across.js';
import { Matryoshka, readDims } from './matryoshka.js';
import { gradientNames, readMode, readSimilarity, readTileQueries, readWanted } from './options.js';
import { readBoolean } from './pairs.js';
import { Prepared } from './prepared.js';
import { noTiles, type Settings } from './settings.js';
import { readTeacherOption } from './teacher.js';
import type { EmbeddingOptions, EmbeddingSum, PreparedEmbeddings } from './types.js';

const ownNames = [
  'dim',
  'dims',
  'dimWeights',
  'similarity',
  'tokenSimilarity',
  'tokenMean',
  'scale',
  'teacherEmbeddings',
  'inBatch',
  'scores',
  'inBatchScores',
  'tileQueries',
  'across',
] as const;

/** The options that require all scores of a batch at once. */
function needsMatrix(given: Record<string, unknown>, similarity: string): string | null {
  if (similarity === 'maxSim' || similarity === 'sparse') return `similarity '${similarity}'`;
  const asked = (name: string) => given[name] !== undefined && given[name] !== false;
  return ['scores', 'teacherGrad', 'diagnostics', 'group'].find(asked) ?? null;
}

/** The options that exclude documents of all ranks (`across`). */
function checkAcross(given: Record<string, unknown>, similarity: string): void {
  const asked = (name: string) => given[name] !== undefined && given[name] !== false;
  const wrong =
    similarity === 'maxSim' || similarity === 'sparse'
      ? `similarity is '${similarity}'; vectors of one length travel`
      : given.group === undefined
        ? 'there is no group'
        : given.inBatch === false
          ? 'inBatch is false; it is of in-batch negatives'
          : given.inBatchScores === 'tiles'
            ? "inBatchScores is 'tiles'; a rank holds the scores of its queries"
            : ['scores', 'teacherGrad', 'diagnostics', 'dims', 'teacherEmbeddings', 'shard']
                .filter(asked)
                .map((name) => `${name} is, too`)[0];
  if (wrong !== undefined) throw new CklTypeError('ERR_CKL_OPTION', `across is given, but ${wrong}`);
}

/**
 * Prepares one loss of embeddings, or with `'combine'` a weighted sum of them (`terms` among the options).
 * Takes all options of the loss except `backend`: embeddings are scored on the CPU.
 * @throws TypeError or RangeError if an option is not allowed.
 */
export function prepare<N extends LossName | 'combine', R extends Reduction = 'mean'>(
  loss: N,
  options: (N extends LossName ? LossParameters[N] : EmbeddingSum) &
    Omit<CommonOptions<R>, 'backend' | 'teacherGrad'> & { teacherGrad?: boolean } & EmbeddingOptions,
): PreparedEmbeddings<R> {
  if (!isObject(options)) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `options is ${describe(options)}; prepare needs { dim, shape: [queries, documents] }`,
    );
  }
  const given: Record<string, unknown> = {};
  for (const key in options) given[key] = options[key as keyof typeof options];
  const { across, group } = given;
  const made =
    across === undefined || group === undefined
      ? makeLoss(loss, given)
      : prepareOnAll(readGroup(group, 'group'), () => makeLoss(loss, given) as AcrossRanks);
  return made as unknown as PreparedEmbeddings<R>;
}

function makeLoss(loss: LossName | 'combine', given: Record<string, unknown>): Prepared | Matryoshka {
  const { backend, teacherGrad } = given;
  if (backend !== undefined && backend !== 'cpu') {
    throw new CklRangeError(
      'ERR_CKL_BACKEND',
      `backend is ${describe(backend)}; embeddings are scored on the CPU: leave backend out, or say 'cpu'`,
    );
  }
  if (typeof teacherGrad === 'object') {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `teacherGrad is ${describe(teacherGrad)}; here it must be a boolean`,
    );
  }
  const read = readSimilarity(given);
  const across = readAcross(given.across);
  if (across !== null) checkAcross(given, read.space.similarity);
  if (given.shard !== undefined) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      'shard is given, and gradients of queries would lack the documents of other ranks; for those, give group and across instead',
    );
  }
  const nested = readDims(given, read.space.dim);
  const settings: Settings = {
    read,
    wanted: readWanted(given),
    inBatch: readBoolean('inBatch', given.inBatch, false),
    scores: readBoolean('scores', given.scores, false),
    teacher: readTeacherOption(given),
    mode: readMode(given.inBatchScores),
    tileQueries: readTileQueries(given.tileQueries),
    ownMatrix: needsMatrix(given, read.space.similarity),
  };
  if (settings.mode === 'tiles' && settings.ownMatrix !== null) throw noTiles(settings.ownMatrix);
  const ofLoss: Record<string, unknown> = {
    ...given,
    backend: 'cpu',
    shape: readShape(given.shape, preparedRule),
  };
  for (const name of [...gradientNames, ...ownNames]) delete ofLoss[name];
  const make = (options: Record<string, unknown>, changed: Partial<Settings>) =>
    new Prepared(prepareLoss(loss, options as never), { ...settings, ...changed }, options);
  if (across !== null) {
    const inner = prepareLoss(loss, ofLoss as never);
    const whole = { ...settings, inBatch: true };
    return new AcrossRanks(across, given.group, inner, whole, ofLoss);
  }
  if (nested === null) return make(ofLoss, {});
  for (const name of ['teacherGrad', 'diagnostics'] as const) {
    if (ofLoss[name] === undefined || ofLoss[name] === false) continue;
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `${name} and dims are both given; ${name} is of one loss, and dims makes ${nested.dims.length}`,
    );
  }
  if (read.space.similarity === 'sparse') {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      "dims is given and similarity is 'sparse'; terms have no prefixes",
    );
  }
  const first = largest(nested.dims);
  const parts = nested.dims.map((compared, i) => {
    // The loss checks this factor and rejects anything that is not a number.
    const gradScale = typeof ofLoss.gradScale === 'number' ? ofLoss.gradScale : 1;
    const ofPart = ofLoss.gradScale === undefined || typeof ofLoss.gradScale === 'number';
    return make(ofPart ? { ...ofLoss, gradScale: gradScale * nested.weights[i] } : ofLoss, {
      read: { ...read, space: { ...read.space, compared } },
      scores: settings.scores && compared === first,
    });
  });
  return new Matryoshka(parts, nested);
}
