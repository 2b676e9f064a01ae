// One asynchronous run of a prepared loss of embeddings, on copies of its batch, with its own scorer and
// results.
import { allocate, copy } from '../loss/arrays.js';
import * as functions from '../loss/functions.js';
import { lengthOf } from '../loss/intrinsics.js';
import type { LossName } from '../losses.js';
import { checkScoring, newScoring, ScoringNumber } from '../native/scoring.js';
import { type Call, copyOfBatch } from './judged.js';
import { argumentsOf, copyOf, newNumbers } from './pairs.js';
import { embeddingResult, gradientArguments, ownOutputs, readOutputs } from './outputs.js';
import { noTiles, type Settings } from './settings.js';
import type { Given } from './snapshot.js';
import type { TeacherScorer } from './teacher.js';
import type { EmbeddingResult } from './types.js';
import { newVectors } from './vectors.js';

/** A loss by name, with its options, which for `combine` have its terms. */
export interface NamedLoss {
  name: string;
  options: Record<string, unknown>;
}

/** Rejects options that need the caller's arrays, or memory shared between runs. */
export function checkAsync(given: Given, settings: Settings): void {
  if (settings.mode === 'tiles') throw noTiles('runAsync');
  for (const name of ['queryGrad', 'documentGrad', 'accumulate', 'perQuery', 'scores'] as const)
    if (given[name] !== undefined) throw ownOutputs('runAsync', name);
}

/** @param call the checked batch; it is copied before the first wait */
export async function runAsync(
  { pairs, judged, scale, bias, teacher }: Call,
  settings: Settings,
  teacherScorer: TeacherScorer | null,
  loss: NamedLoss,
  signal: AbortSignal | undefined,
): Promise<EmbeddingResult> {
  const { space } = settings.read;
  const own = copyOf(pairs);
  const ownTeacher = teacher && copyOf(teacher);
  const ownBias = bias && copy(bias, lengthOf(bias), 'bias');
  const judgements = copyOfBatch(judged.batch(), own.layout.offsets);
  const outputs = readOutputs({}, settings.wanted, own, space, newVectors);
  const numbers = newNumbers();
  const student = allocate(Float32Array, own.layout.extent, 'scores');
  const args = argumentsOf(own, space, scale, numbers);
  // Private to this run, so that no other run can replace what it keeps from the scores for the gradients.
  const scorer = newScoring(settings.read.cpuTarget, settings.read.threads);
  try {
    numbers[ScoringNumber.keepWinners] = 1;
    checkScoring(await scorer.scoresAsync(...args, ownBias, student), numbers);
    signal?.throwIfAborted();
    const withTeacher = ownTeacher && { teacher: await teacherScorer!.scoresAsync(ownTeacher) };
    signal?.throwIfAborted();
    const result = await lossAsync(loss, { ...judgements, ...withTeacher, student }, signal);
    signal?.throwIfAborted();
    const grad = result.grad as Float32Array;
    numbers[ScoringNumber.samePairs] = 1;
    const status = await scorer.backwardAsync(...args, grad, ...gradientArguments(outputs, numbers));
    checkScoring(status, numbers);
    signal?.throwIfAborted();
    return embeddingResult(result, outputs, numbers, settings.scores ? student : null);
  } finally {
    scorer.dispose();
  }
}

function lossAsync({ name, options: all }: NamedLoss, batch: object, signal: AbortSignal | undefined) {
  const { terms, ...options } = all;
  delete options.shape;
  const withSignal = { ...options, ...(signal && { signal }) };
  if (name === 'combine') return functions.combineAsync(batch as never, terms as never, withSignal as never);
  return functions[`${name as LossName}Async`](batch as never, withSignal as never);
}
