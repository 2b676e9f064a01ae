// Ids as 32-bit codes, so that a ranking of many documents is a typed array and not an array of strings.

import { CklRangeError } from '../errors.js';

/** Ids with the same text are the same document: 7 and '7'. */
export type Id = string | number;

/** Integers below this are their own code, whether written as numbers or digits; all other ids get a code on first use. */
const firstInterned = 2 ** 31;

const ZERO = 48;

/**
 * The smallest number with each count of digits, up to one more than are needed. No number has 0 digits: it
 * would have to be below 0.
 */
const SMALLEST = [0, 0, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7];
/** The largest number that seven characters can represent in hexadecimal. */
const MOST_HEXADECIMAL = 0xfffff;

/** Maximum number of entries in V8's Map. */
const MOST_NAMES = 2 ** 24;

export class IdTable {
  private readonly codes = new Map<string, number>();

  /** @param names of the ids that are not their own code, by code; the table takes ownership */
  constructor(readonly names: string[] = []) {
    for (const [i, name] of names.entries()) this.codes.set(name, firstInterned + i);
  }

  /** The code of an id, created if there is none yet. */
  intern(id: Id): number {
    const own = integerCode(id);
    if (own >= 0) return own;
    const name = String(id);
    let code = this.codes.get(name);
    if (code === undefined) {
      if (this.names.length >= MOST_NAMES)
        throw new CklRangeError(
          'ERR_CKL_TRACKER',
          `more than ${MOST_NAMES} ids that are no whole numbers below 2^31 do not fit in a Map; whole numbers need no entry: give documents their number in the corpus`,
        );
      code = firstInterned + this.names.length;
      this.names.push(name);
      this.codes.set(name, code);
    }
    return code;
  }

  /** The code of an id, or -1 if it has none. */
  find(id: Id): number {
    const own = integerCode(id);
    return own >= 0 ? own : (this.codes.get(String(id)) ?? -1);
  }

  /** The id of a code: a number for an integer, else a string. */
  nameOf(code: number): Id {
    return code < firstInterned ? code : this.names[code - firstInterned];
  }
}

function integerCode(id: Id): number {
  // Adding 0 turns -0 into 0, which is its text.
  if (typeof id === 'number') return Number.isInteger(id) && id >= 0 && id < firstInterned ? id + 0 : -1;
  const { length } = id;
  if (length > 7) return length > 10 ? -1 : codeOfDigits(id);
  // The engine caches the value of up to seven digits with their text, which is faster than parsing them.
  const number = +id;
  const code = number | 0;
  if (code !== number || code < SMALLEST[length] || code >= SMALLEST[length + 1]) return -1;
  // Other texts may be as long as their value's digits, too: '7e2' and '.7e4', whose values end in two zeros; ' ', whose value is 0; '0xfffff'.
  return code % 100 === 0 || (length === 7 && code <= MOST_HEXADECIMAL) ? codeOfDigits(id) : code;
}

/** Only the canonical form: '007' is a different id from '7'. */
function codeOfDigits(id: string): number {
  if (id.charCodeAt(0) === ZERO && id.length > 1) return -1;
  let code = 0;
  for (let i = 0; i < id.length; i++) {
    const digit = id.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    code = code * 10 + digit;
  }
  return code < firstInterned ? code : -1;
}
