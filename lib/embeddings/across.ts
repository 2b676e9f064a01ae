// In-batch negatives across the ranks of a group: the documents of all ranks are negatives of each rank's
// queries. Scores and gradients have the bits of one process with all queries and documents: the sums of a
// query are computed on its own rank, and those of a document on its own rank.
import { type Communicator, type Group, readGroup } from '../communicator.js';
import { describe, oneOf } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { allocate, copy, viewOf } from '../loss/arrays.js';
import { attempt, failedLater, Message, otherThanFirst, refused } from '../loss/exchange.js';
import { bufferOf } from '../loss/intrinsics.js';
import type { PreparedLoss } from '../loss/prepare.js';
import { tooLarge } from '../loss/prepared.js';
import { checkScoring, ScoringNumber } from '../native/scoring.js';
import type { LossResult } from '../types.js';
import { transposed } from './carry.js';
import { type Judged, judge, shiftedOwn } from './judged.js';
import {
  argumentsOf,
  checkApart,
  layoutOf,
  type Pairs,
  pairsOf,
  readFloats,
  readPairs,
  readScale,
} from './pairs.js';
import { Prepared } from './prepared.js';
import type { Settings } from './settings.js';
import { type Links, linksOf, Ranks, sum, withNative } from './ranks.js';
import { apartOf, gradientArguments, type Outputs, readOutputs, resultOf } from './outputs.js';
import { inputsOf } from './scores.js';
import { snapshotOf } from './snapshot.js';
import { readTeacherPairs } from './teacher.js';
import type { EmbeddingResult } from './types.js';
import type { Vectors } from './vectors.js';

/** How documents reach the queries of other ranks. */
export type Across = 'gather' | 'ring';

const forms = ['gather', 'ring'] as const;

export function readAcross(value: unknown): Across | null {
  if (value === undefined) return null;
  if (forms.includes(value as Across)) return value as Across;
  const Thrown = typeof value === 'string' ? CklRangeError : CklTypeError;
  throw new Thrown('ERR_CKL_OPTION', `across is ${describe(value)}; it must be ${oneOf(forms)}`);
}

/** What the ranks tell each other before any long message. */
const enum Head {
  queries = 0,
  documents = 1,
  queryType = 2,
  documentType = 3,
  scale = 4,
  bias = 5,
  size = 6,
}

/** A rank's own batch, and the totals over all ranks. */
interface Own {
  pairs: Pairs;
  scale: number;
  bias: Float32Array | null;
}

export class AcrossRanks extends Prepared {
  /** @internal */
  readonly told: readonly number[];
  private readonly group: Group;
  private readonly links: Links;

  constructor(
    private readonly form: Across,
    group: unknown,
    inner: PreparedLoss,
    settings: Settings,
    ofLoss: Record<string, unknown>,
  ) {
    super(inner, settings, ofLoss);
    this.group = readGroup(group, 'group');
    this.links = linksOf(this.group, group as Communicator, form === 'ring');
    const { queryGrad, documentGrad, scaleGrad } = settings.wanted;
    // All ranks must agree: one that sends and receives would wait for one that broadcasts.
    const alike = [queryGrad, documentGrad, scaleGrad, this.links.sends].map(Number);
    this.told = [forms.indexOf(form), this.dim, ...alike];
  }

  /** @internal Before the first run. */
  compare(all: readonly Float64Array[]): void {
    const other = all.findIndex((one) => this.told.some((value, k) => value !== one[k]));
    if (other < 0) return;
    throw new CklRangeError(
      'ERR_CKL_GROUP',
      `rank ${other} and rank ${this.group.rank} differ in across, dim, which gradients are wanted or whether group has sendReceive`,
    );
  }

  override run(batch: unknown): unknown {
    const result = this.single.do(() => this.runWithOthers(batch));
    // The group's own code may have disposed of this loss.
    this.check();
    return result;
  }

  private runWithOthers(batch: unknown): unknown {
    const { group, settings, numbers, scorer, wanted } = this;
    const { size, rank } = group;
    const { space } = settings.read;
    let given!: ReturnType<typeof snapshotOf>;
    let own!: Own;
    const head = new Message(Head.size);
    const first = attempt(() => {
      this.check();
      given = snapshotOf(batch);
      own = this.readOwn(given);
      const { queries, documents } = own.pairs;
      head.numbers.set([queries.count, documents.count, queries.type, documents.type, own.scale]);
      head.numbers[Head.bias] = Number(own.bias !== null);
    });
    const heads = head.exchange(group, first, refused);
    agree(heads);
    const counts = {
      queries: heads.map((one) => one[Head.queries]),
      documents: heads.map((one) => one[Head.documents]),
    };
    const begins = counts.documents.map((_, r) => sum(counts.documents.slice(0, r)));
    const total = sum(counts.documents);

    // The remaining checks, before embeddings are exchanged.
    const { queries, documents } = own.pairs;
    let judged!: Judged;
    let outputs!: Outputs;
    let perQuery!: Float32Array | null;
    let student!: Float32Array;
    let ownQueries!: Vectors;
    let ranks!: Ranks;
    const last = new Message(1);
    const second = attempt(() => {
      const layout = layoutOf(queries.count, total);
      if (queries.count > this.shape[0] || total > this.shape[1])
        throw tooLarge(layout, this.shape, this.loss);
      const whole = { ...own.pairs, documents: { ...documents, count: total, rows: total }, layout };
      const shifted = shiftedOwn(given.own, begins[rank], documents.count);
      judged = judge({ ...given, own: shifted }, whole, space.half);
      perQuery = readFloats(given.perQuery, 'perQuery', queries.count, false);
      const inputs = [...inputsOf(own.pairs), ...judged.inputs, ['bias', own.bias] as const];
      const kept = new Set(inputs.map(([, array]) => array && bufferOf(array)));
      outputs = readOutputs(given, wanted, own.pairs, space, (like, name, dim) =>
        this.lend(like, name, dim, kept),
      );
      checkApart([...apartOf(outputs, own.pairs), ['perQuery', perQuery]], inputs);
      student = allocate(Float32Array, queries.count * total, 'scores');
      // Before a gradient overwrites its embeddings.
      ownQueries = { ...queries, native: copy(queries.native, queries.rows * this.dim, 'queries') };
      ranks = new Ranks(this.links, this.dim, counts, own.pairs);
    });
    new Message(0).exchange(group, second, refused);

    const { steps } = ranks;
    const bias = own.bias && ranks.gather(own.bias, counts.documents, 1);
    const all =
      this.form === 'gather'
        ? withNative(documents, ranks.gather(documents.native, counts.documents, this.dim), total)
        : null;
    if (all !== null) {
      steps.do(() => {
        const args = argumentsOf(pairsOf(queries, all), space, own.scale, numbers);
        checkScoring(scorer.scores(...args, bias, student), numbers);
      });
    } else {
      // In any order: none of these numbers is a sum over slices.
      ranks.ring(documents, counts.documents, (slice, r) => {
        const part = allocate(Float32Array, queries.count * slice.count, 'scores');
        const args = argumentsOf(pairsOf(queries, slice), space, own.scale, numbers);
        const ofSlice = bias && viewOf(bias, begins[r], slice.count);
        checkScoring(scorer.scores(...args, ofSlice, part), numbers);
        for (let b = 0; b < queries.count; b++)
          student.set(part.subarray(b * slice.count, (b + 1) * slice.count), b * total + begins[r]);
      });
    }
    const ofLoss = this.orRefuse(() => {
      steps.check();
      return { ...judged.batch(), student, grad: student, ...(perQuery && { perQuery }) };
    });
    const finish = this.grouped!.start(ofLoss);
    let result!: LossResult;
    steps.do(() => (result = finish()));
    const columns = wanted.documentGrad ? ranks.columns(student, begins, total) : null;
    let scaleGrad = 0;
    if (wanted.queryGrad || wanted.scaleGrad) {
      const ofQueries = { ...outputs, document: null };
      if (all !== null) {
        steps.do(() => {
          const args = argumentsOf(pairsOf(ownQueries, all), space, own.scale, numbers);
          checkScoring(scorer.backward(...args, student, ...gradientArguments(ofQueries, numbers)), numbers);
          scaleGrad = numbers[ScoringNumber.scaleGrad];
        });
      } else {
        // With the sides exchanged, because only sums of documents continue from block to block.
        ranks.inTurn(documents, counts.documents, (slice, r) => {
          const args = argumentsOf(pairsOf(slice, ownQueries), space, own.scale, numbers);
          const grad = transposed(student, queries.count, total, begins[r], slice.count);
          const exchanged = { ...outputs, query: null, document: outputs.query };
          const gradients = gradientArguments(exchanged, numbers);
          this.goOn(r, size, scaleGrad);
          checkScoring(scorer.backward(...args, grad, ...gradients), numbers);
          scaleGrad = numbers[ScoringNumber.scaleGrad];
        });
      }
    }
    if (columns !== null) {
      const ofDocuments = { ...outputs, query: null, scale: false };
      if (all !== null) {
        const native = ranks.gather(ownQueries.native, counts.queries, this.dim);
        steps.do(() => {
          const visiting = withNative(queries, native, sum(counts.queries));
          const args = argumentsOf(pairsOf(visiting, documents), space, own.scale, numbers);
          const gradients = gradientArguments(ofDocuments, numbers);
          checkScoring(scorer.backward(...args, columns, ...gradients), numbers);
        });
      } else {
        let at = 0;
        ranks.inTurn(ownQueries, counts.queries, (visiting, r) => {
          const args = argumentsOf(pairsOf(visiting, documents), space, own.scale, numbers);
          const grad = viewOf(columns, at, visiting.count * documents.count);
          const gradients = gradientArguments(ofDocuments, numbers);
          this.goOn(r, size, 0);
          checkScoring(scorer.backward(...args, grad, ...gradients), numbers);
          at += visiting.count * documents.count;
        });
      }
    }
    last.numbers[0] = scaleGrad;
    const scaleGrads = last.exchange(group, steps.failure, failedLater).map(([one]) => one);
    numbers[ScoringNumber.scaleGrad] = wanted.scaleGrad ? sum(scaleGrads) : 0;
    const { loss, counted } = result;
    return {
      loss,
      perQuery: result.perQuery,
      counted,
      ...resultOf(outputs, numbers),
    } as EmbeddingResult;
  }

  override runAsync(): Promise<unknown> {
    return Promise.reject(
      new CklTypeError(
        'ERR_CKL_OPTION',
        'across is given, and runAsync cannot wait for other ranks; call run',
      ),
    );
  }

  private readOwn(given: ReturnType<typeof snapshotOf>): Own {
    const { read } = this.settings;
    for (const name of ['scores', 'shape'] as const) {
      if (given[name] === undefined || given[name] === null) continue;
      throw new CklTypeError('ERR_CKL_OPTION', `${name} is given with across; leave it out`);
    }
    const pairs = readPairs({ ...given, inBatch: given.inBatch ?? true }, read.space);
    if (!pairs.all) {
      throw new CklTypeError('ERR_CKL_OPTION', 'inBatch is false, and across is of in-batch negatives');
    }
    readTeacherPairs(given, pairs, this.settings.teacher); // throws if there is one: the option is not allowed here
    return {
      pairs,
      scale: readScale(given.scale, read.scale),
      bias: readFloats(given.bias, 'bias', pairs.documents.count, true),
    };
  }

  private goOn(r: number, size: number, scaleGrad: number): void {
    const { numbers } = this;
    numbers[ScoringNumber.goesOn] = Number(r > 0);
    numbers[ScoringNumber.notLast] = Number(r < size - 1);
    numbers[ScoringNumber.scaleGrad] = scaleGrad;
  }
}

/** Throws on every rank if the batches are of different kinds. */
function agree(heads: readonly Float64Array[]): void {
  const names = {
    [Head.queryType]: 'type of queries',
    [Head.documentType]: 'type of documents',
    [Head.scale]: 'scale',
    [Head.bias]: 'bias',
  };
  for (const [place, name] of Object.entries(names)) {
    const other = otherThanFirst(heads, Number(place));
    if (other === null) continue;
    throw new CklRangeError(
      'ERR_CKL_GROUP',
      `the ranks run different batches: rank ${other} has another ${name} than rank 0`,
    );
  }
}
