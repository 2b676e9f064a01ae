// Wording shared by error messages: shows values, lists choices, and suggests the known name nearest to an
// unknown one.
import { inspect, types } from 'node:util';

/** Maximum number of characters of a value or a name in a message. */
const longest = 80;

/** A value as an error message shows it: short, on one line. Never throws, whatever the value is. */
export function describe(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (types.isProxy(value)) return 'a Proxy';
  try {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const name = classOf(value);
      return `${/^[AEIO]/i.test(name) ? 'an' : 'a'} ${name}`;
    }
    const shown = typeof value === 'string' ? value.slice(0, 2 * longest) : value;
    const options = { breakLength: Infinity, maxArrayLength: 6, depth: 1, customInspect: false };
    return shorten(inspect(shown, options));
  } catch {
    return 'an unusual object'; // a getter that throws, a revoked proxy within
  }
}

/** The name of an object's class, 'object' for a plain one. */
function classOf(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? shorten(name) : 'object';
}

/** The start of a text, followed by dots if it is longer. */
export function shorten(text: string): string {
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}

/** `a`, `a or b`, `a, b or c`. */
export function oneOf(names: readonly string[], conjunction = 'or'): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${conjunction} ${names[names.length - 1]}`;
}

/** ` (did you mean "gamma"?)` if a known name is close enough, else ''. */
export function didYouMean(name: unknown, known: readonly string[]): string {
  // The distance takes time proportional to the product of both lengths; no known name is half as long.
  if (typeof name !== 'string' || name.length > longest) return '';
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

/** The number of letters to insert, delete, replace, or swap with a neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2] + 1 : Infinity;
      row.push(Math.min(replaced, swapped, previous[j] + 1, row[j - 1] + 1));
    }
    before = previous;
    previous = row;
  }
  return previous[b.length];
}
