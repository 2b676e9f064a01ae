// `mpirun -np 4 npx ckl-loss compare`: each rank computes a share, and rank 0 joins them, reports and writes.
import { largest } from '../../../extremes.js';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Communicator } from '../../../communicator.js';
import { joinShares, readShare, type SavedShare } from '../../compare/share.js';
import type { SavedComparison } from '../../compare/saved.js';
import { toJson } from '../../parse.js';

/** All shares as one, on rank 0; undefined on the others. */
export function joinWorld(world: Communicator, own: SavedShare): SavedComparison | undefined {
  const texts = gatherTexts(world, toJson(own));
  if (world.rank > 0) return undefined;
  return joinShares(texts.map((text) => readShare(JSON.parse(text))));
}

/** The texts of all ranks: eight bytes of UTF-8 per number, which is only transferred. */
function gatherTexts(world: Communicator, text: string): string[] {
  const bytes = Buffer.from(text);
  const lengths = world.allGather(Float64Array.of(bytes.length));
  const longest = Math.ceil(largest(lengths) / 8);
  const padded = new Float64Array(longest);
  new Uint8Array(padded.buffer).set(bytes);
  const all = Buffer.from(world.allGather(padded).buffer);
  return [...lengths].map((length, rank) =>
    all.toString('utf8', rank * longest * 8, rank * longest * 8 + length),
  );
}

/**
 * A rank's own checkpoint, and all others that may contain units of the run: of one process, or of any number
 * of ranks.
 */
export async function checkpointsOf(
  world: Communicator,
  file: string,
): Promise<{ own: string; others: string[] }> {
  const own = `${file}.${world.rank + 1}of${world.size}`;
  const folder = dirname(file);
  const names = await readdir(folder);
  const ofRun = (name: string): boolean =>
    name === basename(file) ||
    (name.startsWith(`${basename(file)}.`) && /^\d+of\d+$/.test(name.slice(basename(file).length + 1)));
  // Before any rank writes.
  world.barrier();
  return {
    own,
    others: names
      .filter(ofRun)
      .map((name) => join(folder, name))
      .filter((name) => name !== own),
  };
}
