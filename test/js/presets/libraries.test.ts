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
  nemo,
  pylate,
  sentenceTransformers,
  tevatron,
} from '../../../lib/presets';
import {
  check,
  checkLists,
  checkMatrix,
  crossEntropy,
  type Definition,
  firstPositive,
  group,
  klDiv,
  lists,
  logSoftmax,
  matrix,
  mean,
  over,
  queries,
  rowsOf,
  scores,
  softmax,
  sum,
  teacherRows,
} from './definitions';

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

  const distillKlDiv =
    (studentTemperature: number, teacherTemperature: number) => (student: ArrayLike<number>) =>
      studentTemperature ** 2 *
      mean(
        rowsOf(student, group).map((s, b) =>
          klDiv(logSoftmax(over(s, studentTemperature)), softmax(over(teacherRows[b], teacherTemperature))),
        ),
      );

  it.each([1, 2, 0.5])('DistillKLDivLoss, temperature %d', (temperature) => {
    checkLists(sentenceTransformers.distillKlDiv(temperature), distillKlDiv(temperature, temperature));
  });

  it('DistillKLDivLoss, a temperature for each side, or for one', () => {
    const sides = { studentTemperature: 0.5, teacherTemperature: 2 };
    checkLists(sentenceTransformers.distillKlDiv(1, sides), distillKlDiv(0.5, 2));
    checkLists(sentenceTransformers.distillKlDiv(3, { teacherTemperature: 2 }), distillKlDiv(3, 2));
    checkLists(sentenceTransformers.distillKlDiv(3, { studentTemperature: 2 }), distillKlDiv(2, 3));
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

describe('sentence-transformers, losses of pairs', () => {
  const relevance = Float32Array.of(1, 0, 2, 0, 0, 0.5, 0.5, 3, 0, 0, 0, 0);
  const grades = rowsOf(relevance, group);
  /** Ranks in descending order of a row, equal ones as they stand. */
  const ranksOf = (row: number[]) => {
    const order = [...row.keys()].sort((i, j) => row[j] - row[i] || i - j);
    return row.map((_, i) => order.indexOf(i) + 1);
  };

  /** Mean over the batch's pairs i, j with more relevant i of weight(row, i, j) log(1 + e^(-sigma (s_i - s_j))). */
  const ofPairs =
    (sigma: number, log: (x: number) => number, weight: (b: number, i: number, j: number) => number) =>
    (student: ArrayLike<number>) =>
      mean(
        rowsOf(student, group).flatMap((s, b) =>
          s.flatMap((x, i) =>
            s.flatMap((y, j) =>
              grades[b][i] > grades[b][j] ? [weight(b, i, j) * log(1 + Math.exp(-sigma * (x - y)))] : [],
            ),
          ),
        ),
      );

  /** NDCGLoss2PPScheme; ranks are those of the scores as they are, constants to the gradient. */
  const lambdaWeight = (mu: number) => {
    const places = rowsOf(lists.student, group).map(ranksOf);
    const discount = (place: number) => 1 / Math.log2(1 + place);
    const gain = (grade: number) => 2 ** grade - 1;
    const ideal = grades.map((row) =>
      sum([...row].sort((a, b) => b - a).map((grade, i) => gain(grade) * discount(i + 1))),
    );
    return (b: number, i: number, j: number) => {
      const [a, c] = [places[b][i], places[b][j]];
      const apart = Math.abs(a - c);
      const near = Math.abs(discount(apart) - discount(apart + 1));
      const far = Math.abs(discount(a) - discount(c));
      return ((mu * near + far) * Math.abs(gain(grades[b][i]) - gain(grades[b][j]))) / ideal[b];
    };
  };

  /** The labels of the library are grades; the last query has equal ones, and no pair. */
  const checkGraded = (preset: Parameters<typeof applyPreset>[0], definition: Definition) => {
    const { student } = lists;
    const shape = [queries, group] as const;
    const batch = { student, relevance, labels: new Uint8Array(queries * group), shape };
    const { loss, grad } = applyPreset(preset, batch);
    check(definition, student, loss as number, grad);
    expect(prepare('combine', { shape, ...preset }).run(batch).loss).toBe(loss);
  };

  it.each([1, 0.5, 3])('RankNetLoss, sigma %d', (sigma) => {
    checkGraded(
      sentenceTransformers.rankNet(sigma),
      ofPairs(sigma, Math.log2, () => 1),
    );
    checkGraded(
      sentenceTransformers.rankNet(sigma, 'natural'),
      ofPairs(sigma, Math.log, () => 1),
    );
  });

  it.each([
    [10, 1],
    [0, 1],
    [2.5, 0.5],
  ])('LambdaLoss, mu %d, sigma %d', (mu, sigma) => {
    const weight = lambdaWeight(mu);
    checkGraded(sentenceTransformers.lambdaLoss(mu, sigma), ofPairs(sigma, Math.log2, weight));
    checkGraded(sentenceTransformers.lambdaLoss(mu, sigma, 'natural'), ofPairs(sigma, Math.log, weight));
  });

  it('has the defaults of the library', () => {
    expect(sentenceTransformers.lambdaLoss()).toEqual(sentenceTransformers.lambdaLoss(10, 1, 'binary'));
    expect(sentenceTransformers.rankNet()).toEqual(sentenceTransformers.rankNet(1, 'binary'));
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

  it.each([
    [1, true],
    [0.1, false],
  ])('Contrastive, temperature %d, size_average %s', (temperature, sizeAverage) => {
    const reduce = sizeAverage ? mean : sum;
    checkMatrix(pylate.contrastive(temperature, sizeAverage), (student) =>
      reduce(rowsOf(student, queries * group).map((s, b) => crossEntropy(over(s, temperature), b * group))),
    );
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
  const own = (Ts: number, Tt: number) => (student: ArrayLike<number>) =>
    mean(
      rowsOf(student, group).map((s, b) => klDiv(logSoftmax(over(s, Ts)), softmax(over(teacherRows[b], Tt)))),
    );

  it.each([0.5, 2])('DistilTevatronTrainer (version 2), distil_temperature %d', (temperature) => {
    checkLists(tevatron.distillation(temperature), own(temperature, temperature));
  });

  it("the reranker of version 2: two temperatures, times the square of the student's", () => {
    const definition = own(0.5, 2);
    checkLists(tevatron.rerankerDistillation(0.5, 2), (student) => 0.5 ** 2 * definition(student));
  });

  it.each([
    [1, 1],
    [0.02, 2],
  ])('DistilTrainer (version 1), student_temp %d, teacher_temp %d', (student_temp, teacher_temp) => {
    checkMatrix(
      tevatron.v1(student_temp, teacher_temp),
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
            sum(logSoftmax(over(s, temperature)).map((l, i) => l * targets[b][i])),
          ),
        ),
      entropy,
    );
  });

  it('the contrastive loss', () => {
    checkMatrix(flagEmbedding.contrastive(temperature), (student) =>
      mean(rowsOf(student, queries * group).map((s, b) => crossEntropy(over(s, temperature), b * group))),
    );
  });

  it('the reranker: on the first and on the teacher; the value but for the entropy of the teacher', () => {
    const entropy = mean(targets.map((p) => -sum(p.map((x) => x * Math.log(x)))));
    checkLists(
      flagEmbedding.reranker(),
      (student) =>
        mean(
          rowsOf(student, group).map((s, b) => {
            const log = logSoftmax(s);
            return crossEntropy(s, 0) - sum(log.map((l, i) => l * targets[b][i]));
          }),
        ),
      entropy,
    );
  });

  it('m3_kd_loss', () => {
    const definition: Definition = (student) => {
      const rows = rowsOf(student, queries * group).map((s) => over(s, temperature));
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

describe('NeMo AutoModel', () => {
  const temperature = 0.3;
  const negatives = 2;
  const width = queries + negatives;
  /** Row b: every query's document, then b's own hard negatives, the last query's second of which is padding. */
  const [student, teacher] = [scores(queries * width, 1), scores(queries * width, 1)];
  const labels = Uint8Array.from({ length: queries * width }, (_, i) =>
    i % width === Math.floor(i / width) ? 1 : 0,
  );
  labels[queries * width - 1] = 255;
  const shape = [queries, width] as const;
  const rows = (a: ArrayLike<number>) =>
    rowsOf(a, width).map((row, b) => over(b < queries - 1 ? row : row.slice(0, -1), temperature));

  it('infonce_distill_loss, q2d, kl', () => {
    const targets = rows(teacher).map(softmax);
    const { loss, grad } = applyPreset(nemo.infoNceDistill(temperature), { student, teacher, labels, shape });
    check(
      (s) => mean(rows(s).map((row, b) => klDiv(logSoftmax(row), targets[b]))),
      student,
      loss as number,
      grad,
    );
  });

  it('infonce_loss', () => {
    const { loss, grad } = applyPreset(nemo.infoNce(temperature), { student, labels, shape });
    check((s) => mean(rows(s).map(crossEntropy)), student, loss as number, grad);
  });
});
