// The subjects of refine and compare: retrievers that start from the words of a collection, its candidate lists, its searches.
import type { Run } from '../../metrics/index.js';
import { measure, runOf, type Judging } from '../training/rerank.js';
import type { Saved } from '../training/student.js';
import { dealtScores, type Team } from '../training/team.js';
import type { ModelContent } from '../students/saved/model-files.js';
import { modelOf } from '../students/saved/retriever-model.js';
import {
  isStudentName,
  makeStudent,
  negativesOf,
  searcherOf,
  wordVectors,
  type Pipeline,
  type StudentName,
} from '../students/students.js';
import type { Searcher } from '../students/two-stage.js';
import type { BagList } from '../students/words/bags.js';
import type { BestTraining } from './best.js';
import { behaviourOn } from './behaviour.js';
import { loadRetrieval, summarise, type RetrievalData, type SearchTask } from './data.js';
import { dealtSearcher } from './dealt-search.js';
import { figureData } from './figures.js';
import { foldSubject } from './fold-subject.js';
import { withoutOwnIds } from './own-documents.js';
import type { Condition, Experiment, ModelName, Unit } from './plan.js';
import { toValues, type DataSummary, type OfStudents, type Tested } from './results.js';
import { retrievalOf, shareRetrieval, type SharedRetrieval } from './shared-data.js';
import { shortenAll } from './shorten.js';
import { spoil } from './spoil.js';
import type { Part, Source, Subject } from './subject.js';

/** Documents that a search returns. */
const DEPTH = 100;
/** Training lists that Figure 3 follows. */
const FOLLOWED = 60;

/** A model with its untrained parameters, and what searches with it. */
interface Held {
  name: ModelName;
  pipeline: Pipeline;
  starts: Saved[];
  searchers: Map<ModelName, Searcher>;
}

function wordModel(name: ModelName): StudentName {
  if (isStudentName(name)) return name;
  throw new RangeError(`the ${name} student is not made of words`);
}

/** The data of a source, as a message can hold it. */
export interface SharedRetrievers {
  data: SharedRetrieval;
  summary: DataSummary;
}

/** Told, while a model's start is made, how much of it is done. */
export type OnStart = (model: ModelName, done: number, all: number) => void;

export class Retrievers implements Source<BagList> {
  readonly summary: DataSummary;
  /** Only one model is kept, for its memory. */
  private held: Held | undefined;
  private readonly starts = new Map<string, Float32Array>();
  private given: Float32Array | undefined;
  private lists: { key: string; spoilt: readonly BagList[]; ranked: readonly BagList[] } | undefined;

  constructor(
    private readonly data: RetrievalData,
    private readonly experiment: Experiment,
    private readonly onStart?: OnStart,
    private readonly team?: Team,
    summary?: DataSummary,
  ) {
    this.summary = summary ?? summarise(data, experiment);
  }

  /** What another thread's {@link Retrievers.of} needs. */
  get shared(): SharedRetrievers {
    return { data: shareRetrieval(this.data), summary: this.summary };
  }

  /** The source of another thread, over its memory. */
  static of({ data, summary }: SharedRetrievers, experiment: Experiment): Retrievers {
    return new Retrievers(retrievalOf(data), experiment, undefined, undefined, summary);
  }

  /** @throws DataError for bad files, RangeError for data that cannot be split */
  static async load(experiment: Experiment, onStart?: OnStart, team?: Team): Promise<Retrievers> {
    return new Retrievers(await loadRetrieval(experiment), experiment, onStart, team);
  }

  open(unit: Unit): Subject<BagList> {
    const { experiment } = this;
    const fold = this.data.folds[unit.fold];
    const lists = this.trainingLists(unit);
    const { pipeline, starts } = this.model(unit);
    const isFirst = unit.condition.name === experiment.conditions[0].name;
    const followed = isFirst && unit.fold === 0;
    return {
      ...foldSubject(fold, lists, this.negatives(unit.model), experiment, this.judging),
      parts: pipeline.parts.map((part, i): Part<BagList> => ({ ...part, start: () => starts[i]() })),
      test: (take) => this.test(unit, isFirst ? this.data.zeroShot : [], take),
      observe: (student, seed) => {
        if (experiment.observe === 'dev') return { dev: behaviourOn(student, fold.dev, this.team) };
        if (experiment.observe === 'nothing' || !followed || seed !== experiment.seed) return undefined;
        return {
          train: behaviourOn(student, lists.ranked.slice(0, FOLLOWED)),
          dev: behaviourOn(student, fold.dev),
        };
      },
      figures: () => {
        if (experiment.observe !== 'figures' || !followed) return undefined;
        const { student } = pipeline.parts.at(-1)!;
        const { teacherTemperature } = fold;
        return figureData(student, fold.dev, { ...experiment.loss, teacherTemperature });
      },
    };
  }

  /**
   * A training as a student that can be saved.
   *
   * @param student one of those that are measured with its model
   */
  trained(student: StudentName, { unit, parameters }: BestTraining): Omit<ModelContent, 'version'> {
    const { pipeline } = this.model(unit);
    for (const part of pipeline.parts) part.student.load(parameters[part.name]);
    const { numbers, statistics } = this.data.collection;
    return modelOf(pipeline, { ...this.experiment.student, student }, numbers, statistics);
  }

  private get judging(): Judging {
    return { level: this.experiment.level, ignoreIdenticalIds: this.data.own.ignored };
  }

  private negatives(model: ModelName): 'best' | 'drawn' {
    return this.experiment.negatives ?? (isStudentName(model) ? negativesOf(model) : 'best');
  }

  /** The word vectors that a model starts from, in shared memory; made once. */
  start(model: ModelName): Float32Array {
    // Two stages and the sparse student start from the vectors of the multi-vector one.
    const kind = model === 'dense' ? model : 'multi';
    let start = this.starts.get(kind);
    if (!start) {
      const made = this.wordVectors(model);
      start = new Float32Array(new SharedArrayBuffer(made.byteLength));
      start.set(made);
      this.starts.set(kind, start);
    }
    return start;
  }

  /** Takes the word vectors that a model starts from, as another thread made them. */
  takeStart(model: ModelName, vectors: Float32Array): void {
    if (this.held?.name !== model) this.given = vectors;
  }

  private wordVectors(name: ModelName): Float32Array {
    const { collection, vocabulary } = this.data;
    const { student, seed } = this.experiment;
    const onPass = this.onStart && ((done: number, all: number) => this.onStart!(name, done, all));
    return wordVectors(collection, vocabulary, { ...student, student: wordModel(name), seed }, onPass);
  }

  private model({ model: name, students }: Unit): Held {
    if (this.held?.name !== name) {
      this.held = undefined;
      const { collection, vocabulary } = this.data;
      const { student, seed } = this.experiment;
      const start = this.given ?? this.wordVectors(name);
      this.given = undefined;
      const options = { ...student, student: wordModel(name), seed };
      const pipeline = makeStudent(collection, vocabulary, options, { start });
      const starts = pipeline.parts.map((part) => part.student.save());
      const searchers = new Map(
        students.map((one) => [
          one,
          dealtSearcher(searcherOf(one, name, pipeline), this.team, one === 'two-stage'),
        ]),
      );
      this.held = { name, pipeline, starts, searchers };
    }
    return this.held;
  }

  private trainingLists({ condition, fold }: { condition: Condition; fold: number }) {
    const key = `${condition.name} ${fold}`;
    if (this.lists?.key !== key) {
      const { seed, docs, refreshDepth = docs } = this.experiment;
      const spoilt = spoil(this.data.folds[fold].train, condition, seed);
      const ranked = shortenAll(spoilt, refreshDepth);
      this.lists = { key, spoilt, ranked };
    }
    return this.lists;
  }

  private test(
    unit: Unit,
    tasks: readonly SearchTask[],
    take?: (student: ModelName, run: Run) => void,
  ): OfStudents<Tested> {
    const { judging } = this;
    const { pipeline, searchers } = this.model(unit);
    const { test, queries, qrels } = this.data.folds[unit.fold];
    const rerank = toValues(
      measure(runOf(test, dealtScores(pipeline.parts.at(-1)!.student, test, this.team)), qrels, judging),
    );
    return Object.fromEntries(
      unit.students.map((student) => {
        const searcher = searchers.get(student)!;
        const ranked = searcher.search(this.data.collection, queries, DEPTH);
        take?.(student, judging.ignoreIdenticalIds ? withoutOwnIds(ranked) : ranked);
        const full = toValues(measure(ranked, qrels, judging));
        const search = (task: SearchTask) =>
          toValues(
            measure(searcher.search(task, task.queries, DEPTH), task.qrels, {
              ...judging,
              ignoreIdenticalIds: task.own.ignored,
            }),
          );
        const zeroShot = Object.fromEntries(tasks.map((task) => [task.name, search(task)]));
        return [student, { rerank, full, zeroShot }];
      }),
    );
  }
}
