// The losses over pairs or an order of documents, for the reference in losses.ts.
import type { Row } from './losses';
import { epsilon, largest, sum } from './numbers';

export function marginMse(student: number[], teacher: number[], labels: number[]): Row {
  const row = emptyRow(student.length);
  const positives = labels.flatMap((y, i) => (y === 1 ? [i] : []));
  const negatives = labels.flatMap((y, i) => (y === 0 ? [i] : []));
  const pairs = positives.length * negatives.length;
  const size = student.map((s, i) => Math.abs(s) + Math.abs(teacher[i]));
  for (const j of positives) {
    for (const i of negatives) {
      const margin = student[j] - student[i] - (teacher[j] - teacher[i]);
      row.loss += (margin * margin) / pairs;
      row.grad[j] += (2 * margin) / pairs;
      row.grad[i] -= (2 * margin) / pairs;
      row.gradTolerance[j] += (64 * epsilon * (size[j] + size[i])) / pairs;
      row.gradTolerance[i] += (64 * epsilon * (size[j] + size[i])) / pairs;
    }
  }
  row.teacherGrad = row.grad.map((g) => -g);
  row.teacherGradTolerance = row.gradTolerance;
  row.lossTolerance = 256 * epsilon * sum(size.map((v) => v * v));
  return row;
}

export function lambdaMrr(student: number[], relevance: number[], ranks: number[]): Row {
  const row = emptyRow(student.length);
  const pairs = student.flatMap((_, i) =>
    student.flatMap((__, j) => (relevance[i] > relevance[j] ? [[i, j]] : [])),
  );
  for (const [i, j] of pairs) {
    const weight = Math.abs(1 / ranks[i] - 1 / ranks[j]) / pairs.length;
    const x = student[i] - student[j];
    const slope = weight / (1 + Math.exp(x));
    row.loss += weight * (Math.log1p(Math.exp(-Math.abs(x))) + Math.max(-x, 0));
    row.grad[i] -= slope;
    row.grad[j] += slope;
    const tolerance = 64 * epsilon * (slope * (2 + Math.abs(x)) + weight * epsilon);
    row.gradTolerance[i] += tolerance;
    row.gradTolerance[j] += tolerance;
  }
  row.lossTolerance = 64 * epsilon * (row.loss + epsilon);
  return row;
}

const softplus = (x: number) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Mean over pairs with levels[i] > levels[j] of weight(i, j) softplus(s_j - s_i). */
export function pairwise(student: number[], levels: number[], weight: (i: number, j: number) => number): Row {
  const row = emptyRow(student.length);
  const pairs = student.flatMap((_, i) =>
    student.flatMap((__, j) => (levels[i] > levels[j] ? [[i, j]] : [])),
  );
  for (const [i, j] of pairs) {
    const w = weight(i, j) / pairs.length;
    const x = student[i] - student[j];
    const slope = w * sigmoid(-x);
    row.loss += w * softplus(-x);
    row.grad[i] -= slope;
    row.grad[j] += slope;
    const tolerance = 64 * epsilon * (slope * (2 + Math.abs(x)) + w * epsilon);
    row.gradTolerance[i] += tolerance;
    row.gradTolerance[j] += tolerance;
  }
  row.lossTolerance = 64 * epsilon * (row.loss + epsilon);
  return row;
}

const discount = (rank: number) => 1 / Math.log2(1 + rank);

/** With the gains scaled so that large levels do not overflow; only its sign matters, and what it is to the gains. */
export function idealDcg(levels: number[], k: number): number {
  const top = largest(levels);
  const best = [...levels].sort((a, b) => b - a).slice(0, k);
  return sum(best.map((level, i) => (2 ** (level - top) - 2 ** -top) * discount(i + 1)));
}

export function lambdaNdcg(student: number[], levels: number[], { k, mu }: { k: number; mu: number }): Row {
  const top = largest(levels);
  const ideal = idealDcg(levels, k);
  const order = student.map((_, i) => i).sort((i, j) => student[j] - student[i] || i - j);
  const rank = student.map((_, i) => order.indexOf(i) + 1);
  return pairwise(student, levels, (i, j) => {
    if (Math.min(rank[i], rank[j]) > k) return 0;
    const d = Math.abs(rank[i] - rank[j]);
    const near = Math.abs(discount(d) - discount(d + 1));
    const far = Math.abs(discount(rank[i]) - discount(rank[j]));
    return ((mu * near + far) * Math.abs(2 ** (levels[i] - top) - 2 ** (levels[j] - top))) / ideal;
  });
}

export function listMle(student: number[], levels: number[]): Row {
  const row = emptyRow(student.length);
  const order = student.map((_, i) => i).sort((i, j) => levels[j] - levels[i] || i - j);
  order.forEach((first, place) => {
    const tail = order.slice(place);
    const top = largest(tail.map((i) => student[i]));
    const lse = top + Math.log(sum(tail.map((i) => Math.exp(student[i] - top))));
    row.loss += lse - student[first];
    row.lossTolerance += 64 * epsilon * (Math.abs(lse - student[first]) + 1);
    row.grad[first] -= 1;
    row.gradTolerance[first] += 64 * epsilon;
    for (const i of tail) {
      const share = Math.exp(student[i] - lse);
      row.grad[i] += share;
      row.gradTolerance[i] += 64 * epsilon * share * (2 + Math.abs(student[i] - lse));
    }
  });
  return row;
}

export function adrMse(student: number[], levels: number[], steepness: number): Row {
  const n = student.length;
  const row = emptyRow(n);
  for (let i = 0; i < n; i++) {
    const above = levels.filter((level) => level > levels[i]).length;
    const rank = above + (1 + levels.filter((level) => level === levels[i]).length) / 2;
    const steps = student.map((s, j) => (j === i ? 0 : sigmoid(steepness * (s - student[i]))));
    const approximate = 1 + sum(steps);
    const gap = rank - approximate;
    const weight = discount(rank) / n;
    row.loss += gap * gap * weight;
    row.lossTolerance +=
      64 * epsilon * weight * (Math.abs(gap) + epsilon * (rank + approximate)) * (rank + approximate);
    student.forEach((s, j) => {
      if (j === i) return;
      const x = steepness * (s - student[i]);
      const slope = 2 * weight * steepness * sigmoid(x) * sigmoid(-x);
      row.grad[j] -= gap * slope;
      row.grad[i] += gap * slope;
      const part = 64 * epsilon * slope * (Math.abs(gap) * (2 + Math.abs(x)) + rank + approximate);
      row.gradTolerance[i] += part;
      row.gradTolerance[j] += part;
    });
  }
  return row;
}

function emptyRow(n: number): Row {
  const zeros = () => new Array<number>(n).fill(0);
  return {
    loss: 0,
    lossTolerance: 0,
    grad: zeros(),
    gradTolerance: zeros(),
    teacherGrad: zeros(),
    teacherGradTolerance: zeros(),
    weight: zeros(),
    ratio: zeros(),
  };
}
