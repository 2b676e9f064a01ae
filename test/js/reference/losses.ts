// Every loss in double precision, one query at a time, written to be read: the yardstick of the tests. Shares no code with the library.
import { epsilon, largest, sum } from './numbers';
import { adrMse, idealDcg, lambdaMrr, lambdaNdcg, listMle, marginMse, pairwise } from './pairwise';

export interface Query {
  student: number[];
  teacher: number[];
  /** 1 positive, 0 negative, 255 padding. */
  labels: number[];
  ranks?: number[] | null;
  beta?: number[] | null;
  relevance?: number[] | null;
}

export interface Parameters {
  gamma?: number;
  alpha?: number;
  detachWeights?: boolean;
  lambda?: number;
  negativeWeight?: number;
  nllWeight?: number;
  beta?: number;
  k?: number;
  mu?: number;
  steepness?: number;
  studentTemperature?: number;
  teacherTemperature?: number;
}

export interface Reference {
  loss: number;
  grad: number[];
  teacherGrad: number[];
  /** What float32 may differ by: losses.md, "accuracy promised". */
  lossTolerance: number;
  gradTolerance: number[];
  teacherGradTolerance: number[];
  counted: boolean;
  /** Per document, as the diagnostics give them; zero for the pairwise losses. */
  weight: number[];
  ratio: number[];
}

/** What is computed for a query that is counted. */
export type Row = Omit<Reference, 'counted'>;

/** Things of one document that the distribution losses are made of. */
interface Doc {
  q: number;
  /** 1 - q, without cancellation. */
  rest: number;
  lnQ: number;
  p: number;
  lnP: number;
  positive: boolean;
  beta: number;
  positives: number;
}

/** A document's share of the loss; h = q dL/dq, u = p dL/dp; magnitudes of what is summed, for the tolerance. */
interface Share {
  value: number;
  h: number;
  u: number;
  weight: number;
  valueSize: number;
  hSize: number;
  uSize: number;
}

const pairwiseLosses = ['marginMse', 'lambdaMrr', 'rankNet', 'listMle', 'adrMse', 'lambdaNdcg'];
/** What may be lost at the bottom of the range of floats, as the promise has it. */
const tiny = 2 ** -120;

export const defaults = {
  gamma: 5,
  alpha: 1,
  detachWeights: false,
  lambda: 0.1,
  negativeWeight: 1 / Math.LN2,
  nllWeight: 1,
  beta: 0.5,
  k: 10,
  mu: 10,
  steepness: 1,
  studentTemperature: 1,
  teacherTemperature: 1,
};

export function softmax(scores: number[]): { p: number[]; lnP: number[]; rest: number[] } {
  const top = scores.indexOf(largest(scores));
  const shifted = scores.map((s) => s - scores[top]);
  const exps = shifted.map(Math.exp);
  const others = sum(exps.filter((_, i) => i !== top));
  const lnZ = Math.log1p(others);
  const p = exps.map((e) => e / (1 + others));
  return {
    p,
    lnP: shifted.map((a) => a - lnZ),
    rest: p.map((v, i) => (i === top ? others / (1 + others) : 1 - v)),
  };
}

/** 1 + how many score higher: ties share a rank. */
export function competitionRanks(scores: number[]): number[] {
  const ranks = new Map<number, number>();
  [...scores].sort((a, b) => b - a).forEach((s, k) => ranks.has(s) || ranks.set(s, k + 1));
  return scores.map((s) => ranks.get(s)!);
}

/** alpha (1/rank - mean over the positives of 1/rank). */
export function rankBias(ranks: number[], labels: number[], alpha: number): number[] {
  const inverse = ranks.map((r) => 1 / r);
  const positives = inverse.filter((_, i) => labels[i] === 1);
  const mean = sum(positives) / positives.length;
  return inverse.map((v) => alpha * (v - mean));
}

export function isCounted(loss: string, query: Query, { k, teacherTemperature } = defaults): boolean {
  const { labels, relevance, teacher } = query;
  const docs = labels.filter((y) => y !== 255);
  const levels = (relevance ?? teacher).filter((_, i) => labels[i] !== 255);
  // A query that a level makes NaN is counted.
  const differ = new Set(levels).size > 1 || (levels.length > 1 && levels.some(Number.isNaN));
  switch (loss) {
    case 'kl':
    case 'bkl':
    case 'reverseKl':
    case 'jsd':
    case 'listMle':
    case 'adrMse':
      return docs.length > 0;
    case 'rankNet':
      return differ;
    case 'lambdaNdcg': {
      const scaled = levels.map((level) => (relevance ? level : level / teacherTemperature));
      return differ && (levels.some((level) => !(level < Infinity)) || idealDcg(scaled, k) > 0);
    }
    case 'marginMse':
      return docs.includes(1) && docs.includes(0);
    case 'lambdaMrr':
      return new Set((relevance ?? labels).filter((_, i) => labels[i] !== 255)).size > 1;
    default:
      return docs.includes(1);
  }
}

/** Loss, gradients and allowed errors of one query. */
export function reference(loss: string, query: Query, parameters: Parameters = {}): Reference {
  const par = { ...defaults, ...parameters };
  const n = query.student.length;
  const zeros = () => new Array<number>(n).fill(0);
  const result: Reference = {
    loss: 0,
    grad: zeros(),
    teacherGrad: zeros(),
    lossTolerance: 0,
    gradTolerance: zeros(),
    teacherGradTolerance: zeros(),
    counted: isCounted(loss, query, par),
    weight: zeros(),
    ratio: zeros(),
  };
  if (!result.counted) return result;
  const keep = query.labels.flatMap((y, i) => (y === 255 ? [] : [i]));
  const pick = (values: number[]) => keep.map((i) => values[i]);
  const labels = pick(query.labels);
  const student = pick(query.student).map((s) => s / par.studentTemperature);
  const teacher = pick(query.teacher).map((t) => t / par.teacherTemperature);
  const ranks = query.ranks ? pick(query.ranks) : competitionRanks(student);
  const beta = query.beta ? pick(query.beta) : rankBias(ranks, labels, par.alpha);
  const relevance = pick(query.relevance ?? query.labels);
  const levels = query.relevance ? pick(query.relevance) : teacher;
  const rows: Record<string, () => Row> = {
    marginMse: () => marginMse(student, teacher, labels),
    lambdaMrr: () => lambdaMrr(student, relevance, ranks),
    rankNet: () => pairwise(student, levels, () => 1),
    lambdaNdcg: () => lambdaNdcg(student, levels, par),
    listMle: () => listMle(student, levels),
    adrMse: () => adrMse(student, levels, par.steepness),
  };
  const row = rows[loss]?.() ?? distribution(loss, student, teacher, labels, beta, par);
  // What is lost at the bottom of the range of floats; the distribution losses have it in their tolerances.
  const lost = pairwiseLosses.includes(loss) ? tiny : 0;
  result.loss = row.loss;
  result.lossTolerance = row.lossTolerance + lost;
  keep.forEach((i, k) => {
    result.grad[i] = row.grad[k] / par.studentTemperature;
    result.gradTolerance[i] = row.gradTolerance[k] / par.studentTemperature + lost;
    result.teacherGrad[i] = row.teacherGrad[k] / par.teacherTemperature;
    result.teacherGradTolerance[i] = row.teacherGradTolerance[k] / par.teacherTemperature;
    result.weight[i] = row.weight[k];
    result.ratio[i] = row.ratio[k];
  });
  return result;
}

function distribution(
  loss: string,
  student: number[],
  teacher: number[],
  labels: number[],
  beta: number[],
  par: Required<Parameters>,
): Row {
  const q = softmax(student);
  const p = softmax(teacher);
  const positives = labels.filter((y) => y === 1).length;
  const docs: Doc[] = student.map((_, i) => ({
    q: q.p[i],
    rest: q.rest[i],
    lnQ: q.lnP[i],
    p: p.p[i],
    lnP: p.lnP[i],
    positive: labels[i] === 1,
    beta: beta[i],
    positives,
  }));
  const shares = docs.map((doc) => shareOf(loss, doc, par));
  const exponents = docs
    .filter((d) => loss === 'ckl' && !d.positive && d.lnP > -Infinity && d.lnQ > -Infinity)
    .map((d) => par.gamma - d.beta);
  const gamma = loss === 'ckl' ? par.gamma : 1;
  const range = Math.min(104, Math.max(spread(student), spread(teacher)));
  const bound =
    4 + (1 + Math.max(gamma, 1, largest(exponents))) * ((range + Math.log(Math.max(2, docs.length))) / 2 + 4);
  const value = sum(shares.map((s) => s.value));
  return {
    loss: value,
    lossTolerance: Number.isFinite(value)
      ? 2 * bound * epsilon * sum(shares.map((s) => s.valueSize)) + tiny
      : Infinity,
    grad: project(
      shares.map((s) => s.h),
      q,
    ),
    gradTolerance: projectSizes(
      shares.map((s) => s.hSize),
      q,
      bound,
      tiny,
    ),
    teacherGrad: project(
      shares.map((s) => s.u),
      p,
    ),
    teacherGradTolerance: projectSizes(
      shares.map((s) => s.uSize),
      p,
      bound,
      tiny,
    ),
    weight: shares.map((s) => s.weight),
    ratio: shares.map((s, i) => -s.h / docs[i].p),
  };
}

/** dL/ds_k = h_k - q_k sum h, as (1 - q_k) h_k - q_k (sum of the others), which does not cancel. */
function project(h: number[], { p, rest }: { p: number[]; rest: number[] }): number[] {
  const others = sumOfOthers(h);
  return h.map((v, k) => rest[k] * v - p[k] * others[k]);
}

function projectSizes(
  sizes: number[],
  { p, rest }: { p: number[]; rest: number[] },
  bound: number,
  lost: number,
): number[] {
  const others = sumOfOthers(sizes);
  return sizes.map((v, k) => 2 * bound * epsilon * (rest[k] * v + p[k] * others[k]) + lost);
}

function shareOf(loss: string, doc: Doc, par: Required<Parameters>): Share {
  const share: Share = { value: 0, h: 0, u: 0, weight: 0, valueSize: 0, hSize: 0, uSize: 0 };
  if (loss === 'reverseKl') return reverseOf(doc);
  if (loss === 'jsd') return mixtureOf(doc, par.beta);
  if (loss !== 'nll') addDivergence(share, loss, doc, par);
  if (loss === 'bkl' && doc.q > 0) {
    const factor = doc.positive ? doc.lnQ : par.negativeWeight;
    const slope = doc.positive ? doc.lnQ + 1 : par.negativeWeight;
    share.value += par.lambda * doc.q * factor;
    share.h += par.lambda * doc.q * slope;
    share.valueSize += par.lambda * doc.q * Math.abs(factor);
    share.hSize += par.lambda * doc.q * (doc.positive ? Math.abs(doc.lnQ) + 1 : par.negativeWeight);
  }
  if ((loss === 'nll' || loss === 'klLogL') && doc.positive) {
    const factor = (loss === 'nll' ? 1 : par.nllWeight) / doc.positives;
    share.value += factor === 0 ? 0 : -factor * doc.lnQ;
    share.h -= factor;
    share.valueSize += factor * Math.abs(doc.lnQ);
    share.hSize += factor;
  }
  return share;
}

/** w p d with d = ln(p / q), and its derivatives with the weight differentiated. */
function addDivergence(
  share: Share,
  loss: string,
  { q, rest, lnQ, p, lnP, positive, beta }: Doc,
  par: Required<Parameters>,
) {
  const weighted = loss === 'ckl';
  const e = par.gamma - beta;
  const weight = !weighted ? 1 : positive ? rest ** par.gamma : Math.exp(e * lnQ);
  share.weight = weight;
  if (lnP === -Infinity) return;
  if (lnQ === -Infinity) {
    if (weighted && !positive) return;
    Object.assign(share, { value: Infinity, h: -p, valueSize: Infinity, hSize: p });
    return;
  }
  const d = lnP - lnQ;
  // How the weight itself changes with ln q: not at all for KL, and where the weights are constants.
  const bend =
    !weighted || par.detachWeights ? 0 : positive ? -par.gamma * q * rest ** (par.gamma - 1) : e * weight;
  share.value = weight * p * d;
  share.h = p * (bend * d - weight);
  share.u = weight * p * (d + 1);
  share.valueSize = weight * p * (Math.abs(lnP) + Math.abs(lnQ));
  share.hSize = p * (Math.abs(bend * d) + weight);
  share.uSize = weight * p * (Math.abs(lnP) + Math.abs(lnQ) + 1);
}

/** q ln(q / p), less the part of h that is a multiple of q. */
function reverseOf({ q, lnQ, lnP }: Doc): Share {
  const none: Share = { value: 0, h: 0, u: -q, weight: 0, valueSize: 0, hSize: 0, uSize: q };
  if (lnQ === -Infinity) return none;
  if (lnP === -Infinity) return { ...none, value: Infinity, h: q, valueSize: Infinity, hSize: q };
  const value = q * (lnQ - lnP);
  const size = q * (Math.abs(lnQ) + Math.abs(lnP));
  return { ...none, value, h: value, valueSize: size, hSize: size };
}

/** beta p ln(p / m) + (1 - beta) q ln(q / m). */
function mixtureOf({ q, lnQ, p, lnP }: Doc, beta: number): Share {
  const lnM = Math.log(beta * p + (1 - beta) * q);
  const part = (share: number, x: number, lnX: number) =>
    x === 0 ? [0, 0] : [share * x * (lnX - lnM), share * x * (Math.abs(lnX - lnM) + 1)];
  const [u, uSize] = part(beta, p, lnP);
  const [h, hSize] = part(1 - beta, q, lnQ);
  return { value: u + h, h, u, weight: 0, valueSize: uSize + hSize, hSize, uSize };
}

/** For each value the sum of all others: what is before it and what is after it, so that a large one takes nothing from the small. */
function sumOfOthers(values: number[]): number[] {
  const others = new Array<number>(values.length).fill(0);
  for (let k = 1, before = 0; k < values.length; k++) others[k] = before += values[k - 1];
  for (let k = values.length - 2, after = 0; k >= 0; k--) others[k] += after += values[k + 1];
  return others;
}

function spread(scores: number[]): number {
  const finite = scores.filter((s) => s !== -Infinity);
  return largest(scores) - (finite.length ? -largest(finite.map((s) => -s)) : 0);
}
