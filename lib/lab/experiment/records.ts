// The shapes of what a checkpoint holds of units: results, and where the one in progress stands.
import { readState } from '../../ranks/rank-state.js';
import type { RankTrackerState } from '../../index.js';
import type { Position } from '../training/distil.js';
import * as p from '../parse.js';
import type { FigureData, Run, Tested, UnitResult, Values } from './results.js';
import type { UnitState } from './unit.js';

const values: p.Parser<Values> = (value, at) => {
  const found = p.object({
    queries: p.array(p.text),
    'ndcg@10': p.array(p.number),
    'mrr@10': p.array(p.number),
  })(value, at);
  const { length } = found.queries;
  if (found['ndcg@10'].length !== length || found['mrr@10'].length !== length)
    throw new p.ShapeError(at, 'one value per query');
  return found;
};

const tested: p.Parser<Tested> = p.object({
  rerank: values,
  full: p.optional(values),
  zeroShot: p.record(values),
});

const history = p.array(p.object({ epoch: p.count, loss: p.optional(p.number), dev: p.number }));
const distilled = p.object({
  stopped: p.oneOf('finished', 'early', 'interrupted'),
  bestEpoch: p.count,
  history,
});
const behaviour = p.object({ separation: p.number, entropy: p.number });
const observed = p.array(p.object({ dev: behaviour, train: p.optional(behaviour) }));
const trained = p.array(p.object({ part: p.text, training: distilled, observed }));
export const unitRun: p.Parser<Run> = p.object({
  seed: p.count,
  trainings: trained,
  test: p.record(tested),
  weights: p.optional(p.array(p.number)),
});
const runs = p.array(unitRun);
const search = p.array(p.object({ rate: p.number, dev: p.number }));

const label = p.oneOf<0 | 1>(0, 1);
export const ratios: p.Parser<FigureData['ratios']> = p.array(
  p.object({ label, pOverQ: p.number, ckl: p.number, bkl: p.number }),
);
export const weights: p.Parser<FigureData['weights']> = p.array(
  p.object({ rank: p.number, label, weight: p.number, withoutBias: p.number }),
);

/** A result without its unit, which its place in the plan names. */
export const unitResult: p.Parser<Omit<UnitResult, 'unit'>> = p.object({
  search,
  rate: p.number,
  runs,
  start: p.optional(p.record(tested)),
  references: p.optional(p.record(values)),
  figures: p.optional(p.object({ weights, ratios })),
  interrupted: p.truth,
});

const ranks: p.Parser<RankTrackerState> = (value, at) => {
  // The tracker's own check, which names what is wrong.
  const state = value as RankTrackerState;
  try {
    readState(state);
  } catch {
    throw new p.ShapeError(at, 'the state of a rank tracker');
  }
  return state;
};

const position: p.Parser<Position> = p.object({
  epoch: p.count,
  batch: p.count,
  random: p.number,
  order: p.array(p.count),
  lossSum: p.number,
  history,
  best: p.object({ epoch: p.count, dev: p.number }),
  ranks: p.nullable(ranks),
});

export const unitState: p.Parser<UnitState> = p.object({
  search,
  best: p.optional(p.object({ rate: p.number, dev: p.number, trainings: trained })),
  runs,
  warmup: p.optional(trained),
  warming: p.truth,
  done: trained,
  observed,
  position,
  steps: p.record(p.count),
});
