// An invented language for the sample: pronounceable words that occur in no real text, with three kinds of
// frequency.
import type { Random } from '../training/random.js';

const ONSETS = [
  'b',
  'd',
  'f',
  'g',
  'k',
  'l',
  'm',
  'n',
  'p',
  'r',
  's',
  't',
  'v',
  'z',
  'br',
  'dr',
  'kl',
  'pr',
  'st',
  'tr',
];
const VOWELS = ['a', 'e', 'i', 'o', 'u'];
const CODAS = ['', '', '', 'n', 'r', 'l', 'm', 't', 'k'];

export interface Language {
  /** Words that stand in every text. */
  common: string[];
  /** Topic -> words that stand in texts of that topic. */
  topics: string[][];
  /** Topic -> rare names. */
  names: string[][];
}

/** Makes words, all different, none ending in s (the student strips plural endings). */
export function inventLanguage(
  random: Random,
  size: { common: number; topics: number; words: number; names: number },
): Language {
  const used = new Set<string>();
  const pick = (from: string[]) => from[random.below(from.length)];
  const word = (syllables: number): string => {
    let made: string;
    do {
      made = '';
      for (let i = 0; i < syllables; i++)
        made += pick(ONSETS) + pick(VOWELS) + (i === syllables - 1 ? pick(CODAS) : '');
    } while (used.has(made) || made.length < 3);
    used.add(made);
    return made;
  };
  const many = (count: number, syllables: number) => Array.from({ length: count }, () => word(syllables));
  return {
    common: many(size.common, 2),
    topics: Array.from({ length: size.topics }, () => many(size.words, 2)),
    names: Array.from({ length: size.topics }, () => many(size.names, 3)),
  };
}
