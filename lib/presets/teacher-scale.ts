// Detects teacher scores that are too far apart for a temperature, so that a float32 softmax would round some
// probabilities to 0.
import { isFloat32 } from '../loss/arrays.js';
import { checkObject } from '../loss/options.js';
import { positive, readLists } from './arguments.js';
import type { Layout, Scores } from '../types.js';

const PADDING = 255;

/**
 * The number of teacher probabilities that are 0 in float32, the total number, and the largest score range of
 * a list.
 */
export interface TeacherUnderflow {
  zeros: number;
  documents: number;
  spread: number;
}

/**
 * Counts the documents whose teacher probability is 0 in float32 though their score is finite: those about 104 temperatures below the best of
 * their list. How the teacher orders them is lost in a float32 softmax, and here it is next to 0, so the temperature is likely wrong for these
 * scores. A score of -Infinity is not counted: that document was excluded. Lists with a NaN or +Infinity are left out.
 *
 * @param batch a batch of a loss, whose teacher is a Float32Array
 * @param temperature divides the scores
 */
export function teacherUnderflow(
  batch: Layout & { teacher: Float32Array; labels?: Uint8Array },
  temperature = 1,
): TeacherUnderflow {
  checkObject('batch', batch);
  const { teacher, ...layout } = batch;
  const { view, labels } = readLists('teacher', teacher, layout);
  positive('temperature', temperature);
  const found = { zeros: 0, documents: 0, spread: 0 };
  for (let b = 0; b < view.queries && view.extent > 0; b++) {
    const scores: number[] = [];
    for (let i = view.begin(b); i < view.end(b); i++) {
      if (labels?.[i] !== PADDING && teacher[i] !== -Infinity) scores.push(teacher[i]);
    }
    const best = scores.reduce((a, s) => Math.max(a, s), -Infinity);
    if (!Number.isFinite(best)) continue;
    const sum = scores.reduce((a, s) => a + Math.exp((s - best) / temperature), 0);
    for (const s of scores) {
      if (Math.fround(Math.fround(Math.exp((s - best) / temperature)) / sum) === 0) found.zeros++;
      found.spread = Math.max(found.spread, best - s);
    }
    found.documents += scores.length;
  }
  return found;
}

let warned = false;

/** Emits the warning `CKL_TEACHER_UNDERFLOW` at the first batch of this process that gives a reason. */
export function warnOfUnderflow(
  batch: Layout & { teacher?: Scores; labels?: Uint8Array },
  temperature = 1,
): void {
  const { teacher } = batch;
  if (!warned && isFloat32(teacher))
    reportUnderflow(teacherUnderflow({ ...batch, teacher }, temperature), temperature);
}

/** Emits the warning, unless nothing was found or it has been emitted before. */
export function reportUnderflow({ zeros, documents, spread }: TeacherUnderflow, temperature: number): void {
  if (warned || zeros === 0) return;
  warned = true;
  const least = Number((spread / 100).toPrecision(2));
  process.emitWarning(
    `At teacherTemperature ${Number(temperature.toPrecision(4))}, ${zeros} of ${documents} teacher probabilities are 0 in float32: the scores of a ` +
      `list lie up to ${Number(spread.toPrecision(4))} apart, and how the teacher orders those documents is lost. Raise the temperature above ${least}.`,
    { type: 'CklWarning', code: 'CKL_TEACHER_UNDERFLOW' },
  );
}
