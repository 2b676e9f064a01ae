// The callbacks and collectors of a running experiment, and which part of the units it runs.
import type { BestTrainings } from './best.js';
import type { Checkpoint } from './checkpoint.js';
import type { Unit } from './plan.js';
import type { Rankings } from './rankings.js';
import type { DataSummary, UnitResult } from './results.js';
import type { OnStart } from './retrievers.js';
import type { ExperimentLog } from './training-log.js';
import type { UnitHooks } from './unit.js';

export interface ExperimentHooks extends Pick<
  UnitHooks,
  'onRecipe' | 'onProgress' | 'onEpoch' | 'signal' | 'team'
> {
  /** Once the data is read. */
  onData?: (data: DataSummary) => void;
  /** While a model's start is prepared. */
  onStart?: OnStart;
  /** Before each unit. */
  onUnit?: (unit: Unit) => void;
  /** After each unit, in the order in which they finish. */
  onResult?: (result: UnitResult) => void;
  /** After each training, and once at the beginning, with the number done and the number of all. */
  onTraining?: (done: number, all: number) => void;
  /** The part of the units to run. Default: all. */
  share?: Share;
  /** Stores results as they come; units that it contains are not run again. */
  checkpoint?: Checkpoint;
  /** Whether the checkpoint also notes where a unit stands. Default: only finished units are kept. */
  savesUnits?: boolean;
  /** Takes the best trainings with their parameters. */
  best?: BestTrainings;
  /** Takes rankings of the test queries. */
  rankings?: Rankings;
  /** Takes a line per step and per epoch of each training. */
  log?: ExperimentLog;
}

/** One of `of` parts of the units: those whose place leaves `index` when it is divided by `of`. */
export interface Share {
  index: number;
  of: number;
}

export const isOfShare = (place: number, share: Share | undefined): boolean =>
  share === undefined || place % share.of === share.index;
