// A share of a comparison: the results of some of its units. All shares together give the whole, byte for
// byte as from one process.
import { unitsOf } from '../experiment/plan.js';
import type { ExperimentHooks, Share } from '../experiment/hooks.js';
import { unitResult } from '../experiment/records.js';
import type { UnitResult } from '../experiment/results.js';
import * as p from '../parse.js';
import { comparedOf, type Compared, type ComparedData, dataOf, keptOptions, resultsOf } from './compare.js';
import { experimentOf } from './experiment.js';
import type { CompareOptions } from './options.js';
import { joinMade, savedData, savedMade, savedOptions, type SavedComparison } from './saved.js';

export const SHARE_FORMAT = 'ckl-loss comparison share 1';

/** What `compare --units i/n --json` writes. Numbers that JSON lacks are written as text: {@link p.toJson}. */
export interface ComparisonShare {
  format: typeof SHARE_FORMAT;
  share: Share;
  options: Compared['options'];
  data: ComparedData;
  /** SHA-256 of everything that the results depend on. */
  digest: string;
  /** Results by place in the plan. */
  units: { place: number; result: Omit<UnitResult, 'unit'> }[];
}

export type SavedShare = ComparisonShare & Pick<SavedComparison, 'made'>;

/** Computes a share. Throws as {@link compareLosses}. */
export async function compareShare(
  options: CompareOptions,
  share: Share,
  jobs: number,
  hooks: ExperimentHooks,
): Promise<ComparisonShare> {
  const { data, results } = await resultsOf(options, jobs, { ...hooks, share });
  return {
    format: SHARE_FORMAT,
    share,
    options: keptOptions(options),
    data: dataOf(data),
    digest: data.fullDigest,
    units: results.map(({ unit: _, ...result }, k) => ({ place: share.index + k * share.of, result })),
  };
}

/**
 * Joins all shares.
 *
 * @throws RangeError if they belong to different comparisons, or if one is missing or given twice
 */
export function joinShares(shares: readonly SavedShare[]): SavedComparison {
  const [first] = shares;
  const key = ({ options, data, digest, share }: ComparisonShare) =>
    p.toJson({ options, data, digest, of: share.of });
  const other = shares.find((share) => key(share) !== key(first));
  if (other) throw new RangeError('the shares differ in data, options or their number');
  const { of } = first.share;
  const missing = Array.from({ length: of }, (_, index) => index).filter(
    (index) => shares.filter(({ share }) => share.index === index).length !== 1,
  );
  if (missing.length > 0) {
    const names = missing.map((index) => `${index + 1}/${of}`).join(', ');
    throw new RangeError(`each of the ${of} shares is needed once; missing or given twice: ${names}`);
  }
  const options: CompareOptions = { ...first.options, data: '', teacher: '', zeroShot: [] };
  const results = new Map(shares.flatMap(({ units }) => units.map(({ place, result }) => [place, result])));
  const units = unitsOf(experimentOf(options)).map((unit, place): UnitResult => {
    const result = results.get(place);
    if (!result) throw new RangeError(`unit ${place} is in none of the shares`);
    return { unit, ...result };
  });
  return {
    ...comparedOf(first.options, first.data, units),
    made: shares.map(({ made }) => made).reduce(joinMade),
  };
}

const share = p.object({
  format: p.oneOf(SHARE_FORMAT),
  share: p.object({ index: p.count, of: p.count }),
  options: savedOptions,
  data: savedData,
  digest: p.text,
  units: p.array(p.object({ place: p.count, result: unitResult })),
  made: savedMade,
});

/**
 * A share that --json wrote, from its parsed text.
 *
 * @throws ShapeError
 */
export const readShare = (value: unknown): SavedShare => share(value, '');
