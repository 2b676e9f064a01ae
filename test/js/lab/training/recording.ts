// A stand-in for a student: it learns nothing, notes everything it is asked, and has just the scores that a test gives it.
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import type { Student } from '../../../../lib/lab/training/student';

export type Event<L extends CandidateList = CandidateList> =
  | { kind: 'score'; list: L; version: number }
  | { kind: 'backward'; list: L; grad: number[]; scores: number[]; version: number }
  | { kind: 'step'; rate: number; version: number }
  | { kind: 'scale'; factor: number; version: number }
  | { kind: 'save' | 'restart'; version: number }
  | { kind: 'load'; version: number };

export class RecordingStudent<L extends CandidateList = CandidateList> implements Student<L> {
  /** Optimizer steps that its weights have behind them: the weights themselves, as far as a test is concerned. */
  version = 0;
  /** Steps since the optimizer was last restarted. */
  moments = 0;
  factor = 1;
  readonly log: Event<L>[] = [];

  /** @param scoreOf the score of a document of a list, by version */
  constructor(private readonly scoreOf: (list: L, document: number, version: number) => number) {}

  scoresOf(list: L): number[] {
    return list.docids.map((_, d) => Math.fround(this.factor * this.scoreOf(list, d, this.version)));
  }

  score(list: L, out: Float32Array, at: number): void {
    out.set(this.scoresOf(list), at);
    this.log.push({ kind: 'score', list, version: this.version });
  }

  backward(list: L, gradScores: Float32Array, at: number): void {
    const grad = [...gradScores.slice(at, at + list.docids.length)];
    this.log.push({ kind: 'backward', list, grad, scores: this.scoresOf(list), version: this.version });
  }

  step(rate: number): void {
    this.log.push({ kind: 'step', rate, version: this.version });
    this.version++;
    this.moments++;
  }

  scale(factor: number): void {
    this.log.push({ kind: 'scale', factor, version: this.version });
    this.factor = Math.fround(this.factor * factor);
  }

  save(): (() => void) & { parameters: Record<string, Float32Array> } {
    this.log.push({ kind: 'save', version: this.version });
    const parameters = { state: Float32Array.of(this.version, this.factor) };
    return Object.assign(() => this.load(parameters), { parameters });
  }

  load(parameters: Record<string, ArrayLike<number>>): void {
    [this.version, this.factor] = Array.from(parameters.state);
    this.log.push({ kind: 'load', version: this.version });
  }

  restart(): void {
    this.moments = 0;
    this.log.push({ kind: 'restart', version: this.version });
  }

  /** The events of one kind. */
  of<K extends Event['kind']>(kind: K): Extract<Event<L>, { kind: K }>[] {
    return this.log.filter((event) => event.kind === kind) as Extract<Event<L>, { kind: K }>[];
  }

  get rates(): number[] {
    return this.of('step').map(({ rate }) => rate);
  }

  /** The lists of each batch, with their gradients: what was handed back between two steps. */
  get batches(): Extract<Event<L>, { kind: 'backward' }>[][] {
    const all: Extract<Event<L>, { kind: 'backward' }>[][] = [[]];
    for (const event of this.log) {
      if (event.kind === 'backward') all.at(-1)!.push(event);
      if (event.kind === 'step') all.push([]);
    }
    return all.slice(0, -1);
  }
}

/** A list of which document 0 is the positive. */
export function listOf(qid: string, teacher: readonly number[], labels?: readonly number[]): CandidateList {
  return {
    qid,
    docids: teacher.map((_, d) => `${qid}-${d}`),
    teacher: Float32Array.from(teacher),
    labels: Uint8Array.from(labels ?? teacher.map((_, d) => (d === 0 ? 1 : 0))),
  };
}

/** Judgements that say what the labels say. */
export const judgementsOf = (lists: readonly CandidateList[]) =>
  new Map(
    lists.map(({ qid, docids, labels }) => [
      qid,
      new Map(docids.filter((_, d) => labels[d] === 1).map((docid) => [docid, 1])),
    ]),
  );

/**
 * Scores of a list for which a test says where its positive, document 0, ranks: `rankAt(version)`, from 1. All other documents stand in the
 * order of the list.
 */
export const positiveAt =
  (rankAt: (version: number) => number) =>
  (_: CandidateList, document: number, version: number): number =>
    document === 0 ? 1.5 - rankAt(version) : 1 - document;

/** nDCG@10 of a lone positive at a rank. */
export const ndcgAt = (rank: number) => (rank > 10 ? 0 : 1 / Math.log2(rank + 1));
