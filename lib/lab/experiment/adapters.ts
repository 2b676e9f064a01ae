// The subject of refine --student adapter: frozen vectors of an encoder, their candidate lists and searches.
import { mergeQrels } from '../../data/index.js';
import type { Run } from '../../metrics/index.js';
import { AdapterStudent, type AdapterShape, type VectorList } from '../students/adapter/adapter-student.js';
import {
  loadVectorLists,
  type EmbeddingFiles,
  type VectorCollection,
} from '../students/adapter/vector-lists.js';
import { teacherDeviation } from '../students/linear/standardise.js';
import { adapterModelOf, type AdapterContent } from '../students/saved/adapter-model.js';
import { gather } from '../students/vectors/vector-set.js';
import { measure, runOf, scoresOf, type Judging } from '../training/rerank.js';
import { foldLists, splitLists } from '../training/split.js';
import type { BestTraining } from './best.js';
import { behaviourOn } from './behaviour.js';
import { vectorDigest } from './data-digest.js';
import { nameOf, TEMPERATURE_SHARE } from './data.js';
import { foldSubject } from './fold-subject.js';
import { findOwnDocuments, withoutOwn, withoutOwnIds, type OwnDocuments } from './own-documents.js';
import type { Experiment, Unit } from './plan.js';
import { toValues, type DataSummary, type OfStudents, type Tested } from './results.js';
import { shortenAll } from './shorten.js';
import { spoil } from './spoil.js';
import type { Source, Subject } from './subject.js';
import { teacherScale } from './teacher-scale.js';

/** Documents that a search returns. */
const DEPTH = 100;

/** The vectors, and what is learned of them. */
export interface AdapterOptions extends AdapterShape, EmbeddingFiles {}

export class Adapters implements Source<VectorList> {
  readonly summary: DataSummary;
  private readonly student: AdapterStudent;
  private readonly start;
  private readonly folds;

  private constructor(
    private readonly data: VectorCollection,
    private readonly own: OwnDocuments,
    private readonly experiment: Experiment,
    shape: AdapterShape,
    skipped: number,
  ) {
    const { lists, queries, documents, qrels } = data;
    const { folds, seed, teacherTemperature, data: dir } = experiment;
    const splits =
      folds > 0 ? foldLists({ lists, qrels }, folds, seed) : [splitLists({ lists, qrels }, seed)];
    this.folds = splits.map((split) => ({
      ...split,
      teacherTemperature: teacherTemperature ?? (TEMPERATURE_SHARE * teacherDeviation(split.train) || 1),
    }));
    this.student = new AdapterStudent(queries.dim, queries.offsets !== undefined, shape, seed, data);
    this.start = this.student.save();
    const digest = vectorDigest(data);
    this.summary = {
      name: nameOf(dir),
      ...{ documents: documents.ids.length, words: 0, allWords: 0, lists: lists.length },
      ...{ digest, fullDigest: digest, skipped, zeroShot: [] },
      own: own.queries > 0 ? [{ name: nameOf(dir), ...own }] : [],
      folds: this.folds.map(({ train, dev, test, unusable, teacherTemperature: temperature }) => ({
        ...{ train: train.length, dev: dev.length, test: test.length, unusable },
        teacherTemperature: temperature,
      })),
      teacherScales: this.folds.map((fold) => teacherScale(fold.train, fold.teacherTemperature)),
    };
  }

  /** @throws DataError for bad files, RangeError for data that cannot be split */
  static async load(experiment: Experiment, options: AdapterOptions): Promise<Adapters> {
    let skipped = 0;
    const { data, teacher, skipBad, level, identicalIds } = experiment;
    const reading = { skipBad, level, onSkip: () => skipped++ };
    const read = await loadVectorLists(data, teacher, options, reading);
    const judgements = mergeQrels(read.qrels, { skipBad: true });
    const own = findOwnDocuments(read.namesakes, read.judged, judgements, identicalIds);
    const found = own.ignored ? { ...read, lists: withoutOwn(read.lists) } : read;
    const { sides, rank, similarity } = options;
    return new Adapters(found, own, experiment, { sides, rank, similarity }, skipped);
  }

  open({ condition, fold: number }: Unit): Subject<VectorList> {
    const { experiment, student } = this;
    const fold = this.folds[number];
    const spoilt = spoil(fold.train, condition, experiment.seed);
    const ranked = shortenAll(spoilt, experiment.refreshDepth ?? experiment.docs);
    return {
      ...foldSubject(fold, { spoilt, ranked }, experiment.negatives, experiment, this.judging),
      parts: [{ name: 'adapter', student, start: this.start }],
      test: (take) => this.test(number, (run) => take?.('adapter', run)),
      observe: (trained) =>
        experiment.observe === 'dev' ? { dev: behaviourOn(trained, fold.dev) } : undefined,
    };
  }

  /** A training as a student that can be saved. */
  trained({ parameters }: BestTraining): AdapterContent {
    const { student } = this;
    student.load(parameters.adapter);
    return adapterModelOf(student);
  }

  private get judging(): Judging {
    return { level: this.experiment.level, ignoreIdenticalIds: this.own.ignored };
  }

  private test(number: number, take: (run: Run) => void): OfStudents<Tested> {
    const { student, data, judging } = this;
    const { test, qrels } = this.folds[number];
    const rerank = toValues(measure(runOf(test, scoresOf(student)), qrels, judging));
    const asked = gather(
      data.queries,
      test.map(({ query }) => query),
    );
    const ranked = student.search(data.documents, { ids: test.map(({ qid }) => qid), ...asked }, DEPTH);
    take(judging.ignoreIdenticalIds ? withoutOwnIds(ranked) : ranked);
    return { adapter: { rerank, full: toValues(measure(ranked, qrels, judging)), zeroShot: {} } };
  }
}
