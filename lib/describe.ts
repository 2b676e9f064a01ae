// Wording shared by error messages: how a value is shown, how choices are listed, which known name an unknown one is near.
import { inspect } from 'node:util';

/** A value as an error message shows it: short, on one line. */
export function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    const name = value.constructor?.name ?? 'object';
    const article = /^[AEIO]/i.test(name) ? 'an' : 'a';
    if (!Array.isArray(value)) return `${article} ${name === 'Object' ? 'object' : name}`;
  }
  if (typeof value === 'function') return 'a function';
  const text = inspect(value, { breakLength: Infinity, maxArrayLength: 6, depth: 1 });
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** `a`, `a or b`, `a, b or c`. */
export function oneOf(names: readonly string[], conjunction = 'or'): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${conjunction} ${names[names.length - 1]}`;
}

/** ` (did you mean "gamma"?)` when a known name is close enough to be what was meant, else ''. */
export function didYouMean(name: string, known: readonly string[]): string {
  let best = '';
  let distance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const d = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (d < distance) {
      best = candidate;
      distance = d;
    }
  }
  return best === '' ? '' : ` (did you mean "${best}"?)`;
}

/** Levenshtein: how many letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j] + 1, row[j - 1] + 1));
    }
    previous = row;
  }
  return previous[b.length];
}
