// A unit that continues from a snapshot ends with the results of one that was never interrupted.
import { expect, it } from 'vitest';
import type { Experiment, Recipe } from '../../../../lib/lab/experiment/plan';
import type { Observation } from '../../../../lib/lab/experiment/results';
import type { Source, Subject } from '../../../../lib/lab/experiment/subject';
import { type Snapshot, UnitRunner } from '../../../../lib/lab/experiment/unit';
import type { CandidateList } from '../../../../lib/lab/training/candidates';
import type { StudentState } from '../../../../lib/lab/training/student';
import { judgementsOf, RecordingStudent } from '../training/recording';
import { DEV, EXPERIMENT, recipe, TEST, TRAIN, unitOf } from './small-experiment';

const staged: Recipe = { name: 'kl+nll', stages: ['kl', 'nll'] };

it.each<[string, Recipe, Partial<Experiment>]>([
  ['one stage', recipe, {}],
  ['two stages', staged, { rates: [3, 1], seeds: 2 }],
  ['a warm-up', recipe, { warmup: { loss: 'nll', epochs: 2, learningRate: 0.2 }, rates: [3, 1], seeds: 2 }],
])(
  'a unit of %s that goes on from a snapshot ends with the result of one that was never stopped',
  async (_, of, change) => {
    const experiment = { ...EXPERIMENT, ...change };
    class Stateful extends RecordingStudent {
      get state() {
        return {
          arrays: { now: Float32Array.of(this.version, this.factor) },
          steps: { moments: this.moments },
        };
      }
      override load(parameters: Record<string, ArrayLike<number>>) {
        expect(Object.keys(parameters)).toEqual(['state']);
        super.load(parameters);
      }
      restore({ arrays, steps }: StudentState) {
        // Its own, and nothing of what else a snapshot holds.
        expect([Object.keys(arrays), Object.keys(steps)]).toEqual([['now'], ['moments']]);
        [this.version, this.factor] = Array.from(arrays.now);
        this.moments = steps.moments;
      }
    }
    const source = (): Source<CandidateList> => {
      const stateful = new Stateful((_, d, version) => Math.sin(3 * d + version));
      const untrained = stateful.save();
      const measured = () => ({
        queries: ['test'],
        'ndcg@10': [stateful.version],
        'mrr@10': [stateful.factor],
      });
      const subject: Subject<CandidateList> = {
        parts: [{ name: 'stateful', student: stateful, start: () => untrained() }],
        data: { train: TRAIN, dev: DEV, qrels: judgementsOf([...DEV, ...TEST]) },
        teacherTemperature: 2,
        test: () => ({ linear: { rerank: measured(), zeroShot: {} } }),
        references: () => ({}),
        observe: () => ({ dev: { separation: stateful.version, entropy: 0 } }) as Observation,
      };
      return { open: () => subject, summary: undefined as never };
    };
    const unit = unitOf(experiment, of);
    const snapshots: Snapshot[] = [];
    /** Batches that were done when each snapshot was taken. */
    const batchesBefore: number[] = [];
    let batches = 0;
    const save = async (snapshot: Snapshot) => {
      snapshots.push(structuredClone(snapshot));
      batchesBefore.push(batches);
    };
    const whole = await new UnitRunner(source(), experiment, {
      checkpoint: { every: 1, save },
      onProgress: () => void batches++,
    }).run(unit);
    expect(whole.runs).toHaveLength(experiment.seeds);
    expect(snapshots.length).toBeGreaterThan(10);
    expect(snapshots.some(({ state }) => state.done.length > 0)).toBe(of === staged);
    expect(snapshots.some(({ state }) => state.warming)).toBe(experiment.warmup !== undefined);
    for (const [i, snapshot] of snapshots.entries()) {
      let left = 0;
      const again = new UnitRunner(source(), experiment, { onProgress: () => void left++ });
      expect(await again.run(unit, snapshot)).toEqual(whole);
      // What was done before is not done again.
      expect(left).toBe(batches - batchesBefore[i]);
      // A warm-up is in progress until it is there.
      expect(snapshot.state.warming).toBe(experiment.warmup !== undefined && !snapshot.state.warmup);
      // A run that goes on may be interrupted as well, and go on from there.
      const later: Snapshot[] = [];
      const keep = async (found: Snapshot) => void later.push(structuredClone(found));
      const checkpoint = { every: 3, save: keep };
      await new UnitRunner(source(), experiment, { checkpoint }).run(unit, snapshot);
      const next = later[later.length >> 1];
      if (next) expect(await new UnitRunner(source(), experiment).run(unit, next)).toEqual(whole);
    }
  },
);
