// The subject of train: the linear student over lexical features of the teacher's candidates.
import { BM25, FEATURE_COUNT, OVERLAP } from '../students/linear/features.js';
import { LinearStudent } from '../students/linear/linear-student.js';
import { loadTrainingData, type FeatureList, type TrainingData } from '../students/linear/lists.js';
import { measureScale, standardise, teacherDeviation, type Scale } from '../students/linear/standardise.js';
import { linearModelOf } from '../students/saved/linear-model.js';
import type { ModelContent } from '../students/saved/model-files.js';
import type { Vocabulary } from '../students/words/vocabulary.js';
import { measure, runOf, scoresOf } from '../training/rerank.js';
import { splitLists, type Split } from '../training/split.js';
import { featureDigest } from './data-digest.js';
import { nameOf } from './data.js';
import type { Experiment, Unit } from './plan.js';
import { toValues, type DataSummary } from './results.js';
import { spoil } from './spoil.js';
import type { Source, Subject } from './subject.js';
import { teacherScale } from './teacher-scale.js';

/** How sharp the teacher's distribution is made by default: this share of its standard deviation within lists. */
const TEMPERATURE_SHARE = 0.4;

export class Reranker implements Source<FeatureList> {
  readonly summary: DataSummary;
  readonly student = new LinearStudent(FEATURE_COUNT, OVERLAP);
  /** The split with standardised features. */
  readonly split: Split<FeatureList>;
  private readonly start = this.student.save();
  private readonly teacherTemperature: number;
  private readonly scale: Scale;
  private readonly vocabulary: Vocabulary;

  constructor(
    data: TrainingData,
    skipped: number,
    private readonly experiment: Experiment,
  ) {
    const split = splitLists(data, experiment.seed);
    const { unusable } = split;
    this.teacherTemperature =
      experiment.teacherTemperature ?? (TEMPERATURE_SHARE * teacherDeviation(split.train) || 1);
    this.scale = measureScale(split.train, FEATURE_COUNT);
    this.vocabulary = data.vocabulary;
    const [train, dev, test] = [split.train, split.dev, split.test].map((lists) =>
      standardise(lists, this.scale),
    );
    this.split = { ...split, train, dev, test };
    const digest = featureDigest(data.lists, data.qrels);
    this.summary = {
      name: nameOf(experiment.data),
      ...{ documents: data.documents, words: 0, allWords: 0, lists: data.lists.length },
      ...{ digest, fullDigest: digest, skipped, own: [], zeroShot: [] },
      folds: [
        {
          ...{ train: train.length, dev: dev.length, test: test.length, unusable },
          teacherTemperature: this.teacherTemperature,
        },
      ],
      teacherScales: [teacherScale(train, this.teacherTemperature)],
    };
  }

  /** The student as it is, to be saved. */
  get content(): Omit<ModelContent, 'version'> {
    return linearModelOf(this.student, this.scale, this.vocabulary);
  }

  /** @throws DataError for bad files, RangeError for data that cannot be split */
  static async load(experiment: Experiment): Promise<Reranker> {
    let skipped = 0;
    const { data, teacher, candidates, skipBad, level } = experiment;
    const reading = { skipBad, level, onSkip: () => skipped++ };
    const loaded = await loadTrainingData(data, teacher, candidates, reading);
    return new Reranker(loaded, skipped, experiment);
  }

  open({ condition }: Unit): Subject<FeatureList> {
    const { student, experiment, teacherTemperature } = this;
    const { train, dev, test, qrels } = this.split;
    const judging = { level: experiment.level };
    const measured = (score: (list: FeatureList) => ArrayLike<number>) =>
      toValues(measure(runOf(test, score), qrels, judging));
    return {
      parts: [{ name: 'linear', student, start: this.start }],
      data: { train: spoil(train, condition, experiment.seed), dev, qrels, judging },
      teacherTemperature,
      test: () => ({ linear: { rerank: measured(scoresOf(student)), zeroShot: {} } }),
      references: () => ({
        teacher: measured((list) => list.teacher),
        bm25: measured((list) => list.docids.map((_, i) => list.features[i * FEATURE_COUNT + BM25])),
      }),
      weights: () => [...student.weights],
    };
  }
}
