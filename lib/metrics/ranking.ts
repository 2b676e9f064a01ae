// Turns the scores of one query into a ranked list, as trec_eval and the MS MARCO script do.

/**
 * How a run becomes a ranked list.
 *
 * - `trec_eval`: by score, highest first; scores are compared as float32, and ties go to the document id that
 *   sorts last, byte by byte (form_res_rels.c of trec_eval 9.0.8). The order of the file and its rank column are ignored.
 * - `trec_eval-9`: the same, by the name of its version.
 * - `trec_eval-10`: scores are compared as they are, in double precision (10.0-rc3).
 * - `msmarco`: the order in which the run lists the documents, whatever the scores say.
 */
export type Convention = (typeof CONVENTIONS)[number];
export const CONVENTIONS = ['trec_eval', 'trec_eval-9', 'trec_eval-10', 'msmarco'] as const;

/**
 * Orders two document ids by their UTF-8 bytes, as C's strcmp does.
 * JavaScript's own `<` compares UTF-16 units, which puts astral characters before U+E000..U+FFFF; bytes do not.
 */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return surrogatesLast(x) - surrogatesLast(y);
  }
  return a.length - b.length;
}

/** Moves the surrogates D800..DFFF above E000..FFFF, which is where their code points are. */
function surrogatesLast(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * Ranks the documents of one query.
 *
 * @param scores document id -> score, in the order of the run
 * @param convention see {@link Convention}
 * @returns document ids, best first
 */
export function rank(scores: ReadonlyMap<string, number>, convention: Convention = 'trec_eval'): string[] {
  if (convention === 'msmarco') return [...scores.keys()];
  const compared = convention === 'trec_eval-10' ? (score: number) => score : Math.fround;
  return [...scores]
    .map(([docid, score]) => ({ docid, score: compared(score) }))
    .sort((a, b) => (a.score === b.score ? compareBytes(b.docid, a.docid) : b.score > a.score ? 1 : -1))
    .map((entry) => entry.docid);
}
