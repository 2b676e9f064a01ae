// In-batch negatives across the ranks of a group: the documents of all ranks are negatives of each rank's queries. Scores and gradients have the
// bits of one process that has all queries and documents: a query's sums are made where the query is, and a document's where the document is.
import { type Communicator, type Group, readGroup } from '../communicator.js';
import { describe, oneOf } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { largest } from '../extremes.js';
import { allocate, copy, viewOf } from '../loss/arrays.js';
import { attempt, ranksOf, refused } from '../loss/grouped.js';
import { bufferOf } from '../loss/intrinsics.js';
import { LayoutView } from '../loss/layout.js';
import type { PreparedLoss } from '../loss/prepare.js';
import { tooLarge } from '../loss/prepared.js';
import { badCandidate, checkScoring, ScoringNumber } from '../native/scoring.js';
import { carried, transposed, uncarried } from './carry.js';
import { type Judged, judge } from './judged.js';
import { argumentsOf, checkApart, type Pairs, readFloats, readInts, readPairs, readScale } from './pairs.js';
import { Prepared, type Settings } from './prepared.js';
import { apartOf, gradientArguments, inputsOf, type Outputs, readOutputs, resultOf } from './scores.js';
import { snapshotOf } from './snapshot.js';
import { readTeacherPairs } from './teacher.js';
import type { EmbeddingResult } from './types.js';
import type { Vectors } from './vectors.js';

/** How documents come to other ranks' queries. */
export type Across = 'gather' | 'ring';

const forms = ['gather', 'ring'] as const;

export function readAcross(value: unknown): Across | null {
  if (value === undefined) return null;
  if (forms.includes(value as Across)) return value as Across;
  const Thrown = typeof value === 'string' ? CklRangeError : CklTypeError;
  throw new Thrown('ERR_CKL_OPTION', `across is ${describe(value)}; it must be ${oneOf(forms)}`);
}

type Broadcast = Communicator['broadcast'];

/** What the ranks tell each other before anything long. */
const enum Head {
  failed = 0,
  queries = 1,
  documents = 2,
  queryType = 3,
  documentType = 4,
  scale = 5,
  bias = 6,
  size = 7,
}

/** A rank's own batch, and how many there are of all. */
interface Own {
  pairs: Pairs;
  scale: number;
  bias: Float32Array | null;
}

export class AcrossRanks extends Prepared {
  private readonly group: Group;
  private readonly send: Broadcast;

  constructor(
    private readonly form: Across,
    group: unknown,
    inner: PreparedLoss,
    settings: Settings,
    ofLoss: Record<string, unknown>,
  ) {
    super(inner, settings, ofLoss);
    this.group = readGroup(group, 'group');
    const { broadcast } = group as Partial<Communicator>;
    if (form === 'ring' && typeof broadcast !== 'function') {
      throw new CklTypeError('ERR_CKL_OPTION', "across is 'ring', and group has no method broadcast");
    }
    this.send = (values, root) => (group as Communicator).broadcast(values, root);
    const { queryGrad, documentGrad, scaleGrad } = settings.wanted;
    const alike = [forms.indexOf(form), this.dim, Number(queryGrad), Number(documentGrad), Number(scaleGrad)];
    const all = ranksOf(this.group.gather(Float64Array.from(alike)), this.group.size);
    const other = all.findIndex((one) => one.some((value, k) => value !== alike[k]));
    if (other < 0) return;
    throw new CklRangeError(
      'ERR_CKL_GROUP',
      `rank ${other} and rank ${this.group.rank} differ in across, dim or which gradients are wanted`,
    );
  }

  override run(batch: unknown): unknown {
    const { group, settings, numbers, scorer, wanted } = this;
    const { size, rank } = group;
    const { space } = settings.read;
    let given!: ReturnType<typeof snapshotOf>;
    let own!: Own;
    const head = new Float64Array(Head.size);
    const first = attempt(() => {
      this.check();
      given = snapshotOf(batch);
      this.check();
      own = this.readOwn(given);
      const { queries, documents } = own.pairs;
      head.set([0, queries.count, documents.count, queries.type, documents.type, own.scale]);
      head[Head.bias] = Number(own.bias !== null);
    });
    head[Head.failed] = Number(first !== null);
    const heads = ranksOf(group.gather(head), size);
    if (first !== null) throw first.error;
    agree(heads);
    const counts = {
      queries: heads.map((one) => one[Head.queries]),
      documents: heads.map((one) => one[Head.documents]),
    };
    const begins = counts.documents.map((_, r) => sum(counts.documents.slice(0, r)));
    const total = sum(counts.documents);

    // What is left to refuse, before embeddings travel.
    const { queries, documents } = own.pairs;
    let judged!: Judged;
    let outputs!: Outputs;
    let perQuery!: Float32Array | null;
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
    });
    const flags = group.gather(Float64Array.of(Number(second !== null)));
    if (second !== null) throw second.error;
    if (flags.includes(1)) throw refused(flags.indexOf(1));

    const bias = own.bias && this.gatherArrays(own.bias, counts.documents, 1);
    const student = allocate(Float32Array, queries.count * total, 'scores');
    // Before a gradient takes the place of its embeddings.
    const ownQueries = { ...queries, native: copy(queries.native, queries.rows * this.dim, 'queries') };
    const all =
      this.form === 'gather'
        ? withNative(documents, this.gatherArrays(documents.native, counts.documents, this.dim), total)
        : null;
    const visit = (r: number): Vectors => this.visit(documents, r, counts.documents);
    if (all !== null) {
      const args = argumentsOf(pairsOf(queries, all), space, own.scale, numbers);
      checkScoring(scorer.scores(...args, bias, student), numbers);
    } else {
      for (let r = 0; r < size; r++) {
        const slice = visit(r);
        const part = allocate(Float32Array, queries.count * slice.count, 'scores');
        const args = argumentsOf(pairsOf(queries, slice), space, own.scale, numbers);
        const ofSlice = bias && viewOf(bias, begins[r], slice.count);
        checkScoring(scorer.scores(...args, ofSlice, part), numbers);
        for (let b = 0; b < queries.count; b++)
          student.set(part.subarray(b * slice.count, (b + 1) * slice.count), b * total + begins[r]);
      }
    }
    const result = this.check().run({
      ...judged.batch(),
      student,
      grad: student,
      ...(perQuery && { perQuery }),
    });
    const columns = wanted.documentGrad ? this.exchangeColumns(student, counts, begins, total) : null;
    let scaleGrad = 0;
    if (wanted.queryGrad || wanted.scaleGrad) {
      const ofQueries = { ...outputs, document: null };
      if (all !== null) {
        const args = argumentsOf(pairsOf(ownQueries, all), space, own.scale, numbers);
        checkScoring(scorer.backward(...args, student, ...gradientArguments(ofQueries, numbers)), numbers);
        scaleGrad = numbers[ScoringNumber.scaleGrad];
      } else {
        // With the sides exchanged, for only documents' sums go on from block to block.
        for (let r = 0; r < size; r++) {
          const slice = visit(r);
          const args = argumentsOf(pairsOf(slice, ownQueries), space, own.scale, numbers);
          const grad = transposed(student, queries.count, total, begins[r], slice.count);
          const exchanged = { ...outputs, query: null, document: outputs.query };
          const gradients = gradientArguments(exchanged, numbers);
          this.goOn(r, size, scaleGrad);
          checkScoring(scorer.backward(...args, grad, ...gradients), numbers);
          scaleGrad = numbers[ScoringNumber.scaleGrad];
        }
      }
    }
    if (columns !== null) {
      const ofDocuments = { ...outputs, query: null, scale: false };
      if (all !== null) {
        const native = this.gatherArrays(ownQueries.native, counts.queries, this.dim);
        const args = argumentsOf(
          pairsOf(withNative(queries, native, sum(counts.queries)), documents),
          space,
          own.scale,
          numbers,
        );
        checkScoring(scorer.backward(...args, columns, ...gradientArguments(ofDocuments, numbers)), numbers);
      } else {
        let at = 0;
        for (let r = 0; r < size; r++) {
          const visiting = this.visit(ownQueries, r, counts.queries);
          const args = argumentsOf(pairsOf(visiting, documents), space, own.scale, numbers);
          const grad = viewOf(columns, at, visiting.count * documents.count);
          const gradients = gradientArguments(ofDocuments, numbers);
          this.goOn(r, size, 0);
          checkScoring(scorer.backward(...args, grad, ...gradients), numbers);
          at += visiting.count * documents.count;
        }
      }
    }
    numbers[ScoringNumber.scaleGrad] = wanted.scaleGrad
      ? sum([...group.gather(Float64Array.of(scaleGrad))])
      : 0;
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
    readTeacherPairs(given, pairs, this.settings.teacher); // refuses one: the option cannot be given
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

  /** Arrays of all ranks, one after the other. */
  private gatherArrays<T extends Float32Array | Uint16Array>(
    own: T,
    counts: readonly number[],
    dim: number,
  ): T {
    const parts = ranksOf(this.group.gather(carried(own, largest(counts) * dim)), this.group.size);
    const all = allocate(own.constructor as new (length: number) => T, sum(counts) * dim, 'documents');
    let at = 0;
    parts.forEach((part, r) => {
      all.set(uncarried(part, own, counts[r] * dim), at);
      at += counts[r] * dim;
    });
    return all;
  }

  /** The vectors of a rank, here. */
  private visit(own: Vectors, r: number, counts: readonly number[]): Vectors {
    const length = largest(counts) * this.dim;
    if (r === this.group.rank) {
      this.send(carried(own.native, length), r);
      return own;
    }
    const came = this.send(carried(own.native.subarray(0, 0), length), r);
    return withNative(own, uncarried(came, own.native, counts[r] * this.dim), counts[r]);
  }

  /** Each rank gets dL/dscore of its own documents, of the queries of all ranks in their order. */
  private exchangeColumns(
    grad: Float32Array,
    { queries, documents }: { queries: readonly number[]; documents: readonly number[] },
    begins: readonly number[],
    total: number,
  ): Float32Array {
    const { rank, size } = this.group;
    const most = largest(queries);
    const columns = allocate(Float32Array, sum(queries) * documents[rank], 'grad');
    for (let owner = 0; owner < size; owner++) {
      const width = documents[owner];
      const own = new Float32Array(queries[rank] * width);
      for (let b = 0; b < queries[rank]; b++) {
        const from = b * total + begins[owner];
        own.set(grad.subarray(from, from + width), b * width);
      }
      const parts = ranksOf(this.group.gather(carried(own, most * width)), size);
      if (owner !== rank) continue;
      let at = 0;
      parts.forEach((part, r) => {
        columns.set(uncarried(part, own, queries[r] * width), at);
        at += queries[r] * width;
      });
    }
    return columns;
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function layoutOf(queries: number, documents: number): LayoutView {
  const layout = new LayoutView();
  layout.read({ shape: [queries, documents] }, null);
  return layout;
}

const pairsOf = (queries: Vectors, documents: Vectors): Pairs => ({
  queries,
  documents,
  candidates: null,
  layout: layoutOf(queries.count, documents.count),
  all: true,
});

const withNative = (like: Vectors, native: Vectors['native'], count: number): Vectors => ({
  ...like,
  native,
  rows: count,
  count,
});

/** A query's own documents are given by their places among this rank's; other ranks' stand before them. */
function shiftedOwn(given: unknown, begin: number, documents: number): Int32Array | null {
  const own = readInts('own', given);
  if (own === null) return null;
  own.forEach((place, i) => {
    if (place < -1 || place >= documents) throw badCandidate('own', i, place, documents);
  });
  return own.map((place) => (place < 0 ? place : place + begin));
}

/** Throws on every rank where one has refused its batch, or where batches are of different kinds. */
function agree(heads: readonly Float64Array[]): void {
  const failed = heads.findIndex((head) => head[Head.failed] !== 0);
  if (failed >= 0) throw refused(failed);
  const names = {
    [Head.queryType]: 'type of queries',
    [Head.documentType]: 'type of documents',
    [Head.scale]: 'scale',
    [Head.bias]: 'bias',
  };
  for (const [place, name] of Object.entries(names)) {
    const other = heads.findIndex((head) => head[Number(place)] !== heads[0][Number(place)]);
    if (other < 0) continue;
    throw new CklRangeError(
      'ERR_CKL_GROUP',
      `the ranks run different batches: rank ${other} has another ${name} than rank 0`,
    );
  }
}
