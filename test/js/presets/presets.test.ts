// Each preset against the definition that its library publishes, written out here in double precision; gradients against differences.
import { describe, expect, it } from 'vitest';
import { prepare } from '../../../lib/index';
import {
  applyPreset,
  colbert,
  flagEmbedding,
  inBatchTeacher,
  m3Kd,
  minMax,
  type Preset,
  pylate,
  sentenceTransformers,
  tevatron,
} from '../../../lib/presets';
import { randomNumbers } from '../loss/helpers';

const queries = 3;
const group = 4;
const next = randomNumbers(97);
const scores = (count: number, scale: number) =>
  Float32Array.from({ length: count }, () => (next() * 2 - 1) * scale);

/** [queries, group], the first document of each query its positive. */
const lists = { student: scores(queries * group, 3), teacher: scores(queries * group, 5) };
const firstPositive = Uint8Array.from({ length: queries * group }, (_, i) => (i % group === 0 ? 1 : 0));
/** Cosines of every query with every document of the batch. */
const matrix = scores(queries * queries * group, 1);
const ownPositive = Uint8Array.from({ length: queries * queries * group }, (_, i) => {
  const [b, k] = [Math.floor(i / (queries * group)), i % (queries * group)];
  return k === b * group ? 1 : 0;
});

// ---- the definitions, row by row

const rowsOf = (a: ArrayLike<number>, width: number) =>
  Array.from({ length: a.length / width }, (_, b) => Array.from(a).slice(b * width, (b + 1) * width));
function logSoftmax(row: number[]): number[] {
  const max = Math.max(...row);
  const log = max + Math.log(row.reduce((sum, s) => sum + Math.exp(s - max), 0));
  return row.map((s) => s - log);
}
const softmax = (row: number[]) => logSoftmax(row).map(Math.exp);
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
/** torch.nn.KLDivLoss of one row: sum of target (log target - input), 0 where the target is 0. */
const klDiv = (input: number[], target: number[]) =>
  sum(target.map((p, i) => (p === 0 ? 0 : p * (Math.log(p) - input[i]))));
const crossEntropy = (row: number[], target: number) => -logSoftmax(row)[target];

type Definition = (student: ArrayLike<number>) => number;
const teacherRows = rowsOf(lists.teacher, group);

/** Numbers agree to float32's accuracy, the gradient with central differences of the definition. */
function check(
  definition: Definition,
  student: Float32Array,
  loss: number,
  grad: ArrayLike<number>,
  entropy = 0,
) {
  expect(Math.abs(loss + entropy - definition(student))).toBeLessThan(2e-6 * Math.max(1, Math.abs(loss)));
  for (let i = 0; i < student.length; i++) {
    const step = 1e-5;
    const at = (delta: number) => {
      const moved = Array.from(student);
      moved[i] += delta;
      return definition(moved);
    };
    const slope = (at(step) - at(-step)) / (2 * step);
    expect(Math.abs(grad[i] - slope), `grad[${i}]`).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
  }
}

/** A preset on lists of the queries' own documents; through applyPreset and through prepare. */
function checkLists(preset: Preset, definition: Definition, entropy = 0) {
  const batch = { ...lists, labels: firstPositive, shape: [queries, group] as const };
  const result = applyPreset(preset, batch);
  check(definition, lists.student, result.loss as number, result.grad, entropy);
  const prepared = prepare('combine', { shape: [queries, group], ...preset }).run(batch);
  expect(prepared.loss).toBe(result.loss);
}

function checkMatrix(preset: Preset, definition: Definition, teacher?: Float32Array) {
  const shape = [queries, queries * group] as const;
  const { loss, grad } = applyPreset(preset, { student: matrix, teacher, labels: ownPositive, shape });
  check(definition, matrix, loss as number, grad);
}

describe('sentence-transformers', () => {
  it('MarginMSELoss', () => {
    checkLists(sentenceTransformers.marginMse(), (student) =>
      mean(
        rowsOf(student, group).flatMap((s, b) =>
          s.slice(1).map((_, k) => (s[0] - s[k + 1] - (teacherRows[b][0] - teacherRows[b][k + 1])) ** 2),
        ),
      ),
    );
  });

  it.each([1, 2, 0.5])('DistillKLDivLoss, temperature %d', (temperature) => {
    checkLists(sentenceTransformers.distillKlDiv(temperature), (student) => {
      const over = (row: number[]) => row.map((s) => s / temperature);
      const rows = rowsOf(student, group);
      return (
        temperature ** 2 * mean(rows.map((s, b) => klDiv(logSoftmax(over(s)), softmax(over(teacherRows[b])))))
      );
    });
  });

  it('MultipleNegativesRankingLoss', () => {
    checkMatrix(sentenceTransformers.multipleNegativesRanking(), (student) =>
      mean(
        rowsOf(student, queries * group).map((s, b) =>
          crossEntropy(
            s.map((x) => x * 20),
            b * group,
          ),
        ),
      ),
    );
  });
});

describe('ColBERT', () => {
  it.each([1, 0.25])('KLDivLoss with distillation_alpha %d', (alpha) => {
    checkLists(colbert.distillation(alpha), (student) =>
      mean(
        rowsOf(student, group).map((s, b) =>
          klDiv(logSoftmax(s), softmax(teacherRows[b].map((t) => t * alpha))),
        ),
      ),
    );
  });
});

describe('PyLate', () => {
  const definition =
    (normalize: boolean, reduce: (values: number[]) => number) => (student: ArrayLike<number>) =>
      reduce(
        rowsOf(student, group).map((s, b) => {
          const [low, high] = [Math.min(...s), Math.max(...s)];
          const input = normalize ? s.map((x) => (x - low) / (high - low + 1e-8)) : s;
          return klDiv(logSoftmax(input), softmax(teacherRows[b]));
        }),
      );

  it('Distillation without normalised scores, mean and sum', () => {
    checkLists(pylate.distillation(), definition(false, mean));
    checkLists(pylate.distillation(false), definition(false, sum));
  });

  it('Distillation with normalize_scores', () => {
    const shape = [queries, group] as const;
    const { scores: student, backward } = minMax(lists.student, { shape });
    const { loss, grad } = applyPreset(pylate.distillation(), {
      student,
      teacher: lists.teacher,
      labels: firstPositive,
      shape,
    });
    check(definition(true, mean), lists.student, loss as number, backward(grad));
  });

  it('normalises a padded list as without its padding, ties to their first', () => {
    const short = minMax(Float32Array.of(2, 5, 5), { shape: [1, 3] });
    const padded = minMax(Float32Array.of(2, 5, 5, 99), {
      shape: [1, 4],
      labels: Uint8Array.of(1, 0, 0, 255),
    });
    expect([...padded.scores.slice(0, 3)]).toEqual([...short.scores]);
    expect(padded.scores[3]).toBe(0);
    const back = padded.backward(Float32Array.of(1, 2, 3, 7));
    expect(back[3]).toBe(0);
    expect(sum([...back])).toBeCloseTo(0, 6);
    expect(back[2]).toBeCloseTo(1, 6);
    expect([
      ...minMax(new Float32Array(0), { offsets: Int32Array.of(0, 0) }).backward(new Float32Array(0)),
    ]).toEqual([]);
  });
});

describe('Tevatron', () => {
  it.each([
    [1, 1],
    [0.02, 2],
  ])('DistilTrainer, student_temp %d, teacher_temp %d', (student_temp, teacher_temp) => {
    checkMatrix(
      tevatron.distillation(student_temp, teacher_temp),
      (student) =>
        mean(
          rowsOf(student, queries * group).map((s, b) => {
            const target = new Array<number>(queries * group).fill(0);
            softmax(teacherRows[b].map((t) => t / teacher_temp)).forEach(
              (p, i) => (target[b * group + i] = p),
            );
            return klDiv(logSoftmax(s.map((x) => x / student_temp)), target);
          }),
        ),
      inBatchTeacher(lists.teacher, queries, group),
    );
  });
});

describe('FlagEmbedding', () => {
  const temperature = 0.5;
  const targets = teacherRows.map(softmax);

  it('kl_div: the same gradient; the value but for the entropy of the teacher', () => {
    const entropy = mean(targets.map((p) => -sum(p.map((x) => x * Math.log(x)))));
    checkLists(
      flagEmbedding.klDiv(temperature),
      (student) =>
        -mean(
          rowsOf(student, group).map((s, b) =>
            sum(logSoftmax(s.map((x) => x / temperature)).map((l, i) => l * targets[b][i])),
          ),
        ),
      entropy,
    );
  });

  it('the contrastive loss', () => {
    checkMatrix(flagEmbedding.contrastive(temperature), (student) =>
      mean(
        rowsOf(student, queries * group).map((s, b) =>
          crossEntropy(
            s.map((x) => x / temperature),
            b * group,
          ),
        ),
      ),
    );
  });

  it('m3_kd_loss', () => {
    const definition: Definition = (student) => {
      const rows = rowsOf(student, queries * group).map((s) => s.map((x) => x / temperature));
      let loss = 0;
      for (let i = 0; i < group; i++) {
        loss += mean(rows.map((s, b) => targets[b][i] * crossEntropy(s, b * group + i)));
        rows.forEach((s, b) => (s[b * group + i] = -Infinity));
      }
      return loss;
    };
    const { loss, grad } = m3Kd({ student: matrix, teacher: lists.teacher, queries, group }, temperature);
    check(definition, matrix, loss, grad);
  });
});
