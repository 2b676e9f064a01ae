// Words of a text as the student sees them: lower case, without function words and plural endings.

const FUNCTION_WORDS = new Set(
  (
    'a about after all also an and any are as at be because been between both but by can could did do does during each for from ' +
    'had has have he her his how however i if in into is it its may more most must no not of on one only or other our over ' +
    'she should so some such than that the their them then there these they this those through to under up was we were what ' +
    'when where which while who will with within without would you your'
  ).split(' '),
);

/** Plural endings, after Harman's S stemmer (1991): "studies" -> "study", "cells" -> "cell"; "virus" and "loss" stay. */
function singular(word: string): string {
  if (word.length < 4 || !word.endsWith('s')) return word;
  if (word.endsWith('ies') && !/[ae]ies$/.test(word)) return `${word.slice(0, -3)}y`;
  if (word.endsWith('es') && !/[aeo]es$/.test(word)) return word.slice(0, -1);
  return /(us|ss)$/.test(word) ? word : word.slice(0, -1);
}

/** The words of a text in order: runs of letters and digits in any script. */
export function words(text: string): string[] {
  return runs(text).flatMap((run) => wordOf(run) ?? []);
}

/** The word for a run of lower-case letters and digits; undefined for a function word. */
export const wordOf = (run: string): string | undefined =>
  FUNCTION_WORDS.has(run) ? undefined : singular(run);

/** Runs of letters and digits of a text, in lower case and compatible characters as one. */
export const runs = (text: string): string[] =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
