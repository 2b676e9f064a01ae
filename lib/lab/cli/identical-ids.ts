// `--ignore-identical-ids` of refine and compare for collections whose queries are documents too, and the
// notice if it is applied by default.
import type { IdenticalIds } from '../experiment/own-documents.js';
import type { DataSummary } from '../experiment/results.js';
import { flag, type ValuesOf } from './command.js';
import { UsageError } from './usage.js';

export const identicalIds = {
  'ignore-identical-ids': flag(
    'leave out the document with the id of its query, for collections whose queries are documents too',
  ),
  'keep-identical-ids': flag(
    'keep this document (default: leave it out, with a notice, if at least half of the queries are documents)',
  ),
};

/** @throws UsageError where both are given */
export function readIdenticalIds(values: ValuesOf<typeof identicalIds>): IdenticalIds | undefined {
  const [ignore, keep] = [values['ignore-identical-ids'], values['keep-identical-ids']];
  if (ignore && keep)
    throw new UsageError('--ignore-identical-ids and --keep-identical-ids exclude each other');
  return ignore ? 'ignore' : keep ? 'keep' : undefined;
}

/** The notice about collections whose queries are documents too, unless the option was given. */
export function ownNotices(own: DataSummary['own'], asked: IdenticalIds | undefined): string[] {
  if (asked !== undefined) return [];
  return own.map(({ name, queries, ignored }) => {
    const left = ignored
      ? 'left out (--keep-identical-ids keeps it)'
      : 'kept (--ignore-identical-ids leaves it out)';
    return `${name}: queries that are documents too: ${queries}; the document of their own id is ${left}\n`;
  });
}
