// A comparison as `--json` saves it: checked as it is read, and joined with others.
import type { Provenance } from '../provenance.js';
import { joinCompared, type Compared } from './compare.js';
import { LEVEL } from './tables.js';

/** What --json writes: the comparison, and under `made` where and how it was made, which alone may differ from run to run. */
export interface SavedComparison extends Compared {
  made: Provenance & {
    /** Of a run that went on from a checkpoint: how many units were done before, which time and memory do not count. */
    unitsBefore?: number;
  };
}

/** The sign of a significant difference from CKL. */
export function markOf(tested: { difference: number; pHolm: number } | undefined): '†' | '‡' | '' {
  if (!tested || tested.pHolm >= LEVEL) return '';
  return tested.difference < 0 ? '†' : '‡';
}

/** Times add up; memory is that of the larger. */
export function joinSaved(a: SavedComparison, b: SavedComparison): SavedComparison {
  return {
    ...joinCompared(a, b),
    made: {
      ...a.made,
      seconds: a.made.seconds + b.made.seconds,
      cpuSeconds: a.made.cpuSeconds + b.made.cpuSeconds,
      peakMiB: Math.max(a.made.peakMiB, b.made.peakMiB),
    },
  };
}
