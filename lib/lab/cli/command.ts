// A command's options as one table, from which its command line is read and its --help is written.
import { parseOptions, readChoice, readNumber, UsageError } from './usage.js';

/** One option: how its help shows it, and how its value is read. */
export interface Option<T> {
  /** The placeholder of the value in the help; absent for a switch. */
  value?: string;
  help: string;
  /** Whether it may be given several times. */
  many?: boolean;
  short?: string;
  /** @throws UsageError */
  read(given: readonly string[] | undefined, name: string): T;
}

export type Table = Readonly<Record<string, Option<unknown>>>;

/** The values of a table by option name. */
export type ValuesOf<T extends Table> = { [K in keyof T]: T[K] extends Option<infer V> ? V : never };

/** Options under headings. */
export type Sections = Readonly<Record<string, Table>>;
type Merged<S extends Sections> = UnionToIntersection<S[keyof S]>;
type UnionToIntersection<U> = (U extends unknown ? (of: U) => void : never) extends (of: infer I) => void
  ? I
  : never;

/** Adds its default to an option's help. */
const withDefault = (help: string, fallback: unknown) =>
  fallback === undefined ? help : `${help} (default: ${String(fallback)})`;

const last = (given: readonly string[] | undefined) => given?.at(-1);

/** A text as it is. */
export function text(value: string, help: string): Option<string | undefined> {
  return { value, help, read: last };
}

export function flag(help: string, short?: string): Option<boolean> {
  return { help, short, read: (given) => given !== undefined };
}

interface Range {
  min: number;
  max?: number;
  whole?: boolean;
}

/** A number in a range. */
export function number(help: string, range: Range): Option<number | undefined>;
export function number(help: string, range: Range, fallback: number): Option<number>;
export function number(help: string, range: Range, fallback?: number): Option<number | undefined> {
  return {
    value: range.whole ? 'N' : range.max === 1 ? 'SHARE' : 'X',
    help: withDefault(help, fallback),
    read: (given, name) => readNumber(name, last(given), range) ?? fallback,
  };
}

/** One of a set of words. */
export function choice<T extends string>(help: string, choices: readonly T[]): Option<T | undefined>;
export function choice<T extends string>(help: string, choices: readonly T[], fallback: T): Option<T>;
export function choice<T extends string>(
  help: string,
  choices: readonly T[],
  fallback?: T,
): Option<T | undefined> {
  return {
    value: 'NAME',
    help: withDefault(help.replace('{}', choices.join(', ')), fallback),
    read: (given, name) => {
      const value = last(given);
      return value === undefined ? fallback : readChoice(name, value, choices);
    },
  };
}

/** A value that a function reads. */
export function parsed<T>(
  value: string,
  help: string,
  read: (name: string, given: string) => T,
): Option<T | undefined>;
export function parsed<T>(
  value: string,
  help: string,
  read: (name: string, given: string) => T,
  fallback: string,
): Option<T>;
export function parsed<T>(
  value: string,
  help: string,
  read: (name: string, given: string) => T,
  fallback?: string,
): Option<T | undefined> {
  return {
    value,
    help: withDefault(help, fallback),
    read: (given, name) => {
      const found = last(given) ?? fallback;
      return found === undefined ? undefined : read(name, found);
    },
  };
}

/** Several values: the option given several times, or its values separated by commas. */
export function list<T>(
  value: string,
  help: string,
  read: (name: string, given: readonly string[]) => T,
): Option<T | undefined> {
  return {
    value,
    help,
    many: true,
    read: (given, name) => given && read(name, given),
  };
}

/** Values separated by commas, each without the blanks around it. */
export const separated = (given: readonly string[]): string[] =>
  given.flatMap((one) => one.split(',')).map((part) => part.trim());

export interface CommandTable<S extends Sections> {
  help: string;
  /** Reads a command line; undefined if it asks for help. @throws UsageError */
  read(args: string[]): (ValuesOf<Merged<S> & Table> & { given: ReadonlySet<string> }) | undefined;
}

const HELP = { help: flag('show this help', 'h') };

/** @param about the head of the help */
export function commandTable<const S extends Sections>(about: string, sections: S): CommandTable<S> {
  const all = Object.assign({}, ...Object.values(sections), HELP) as Table;
  return {
    help: helpText(about, sections),
    read(args) {
      const values = parseOptions(
        args,
        Object.fromEntries(
          Object.entries(all).map(([name, { value, short }]) => [
            name,
            value === undefined
              ? { type: 'boolean' as const, ...(short && { short }) }
              : { type: 'string' as const, multiple: true },
          ]),
        ),
      ) as Record<string, boolean | string[] | undefined>;
      if (values.help) return undefined;
      const given = new Set(Object.keys(values));
      const read = Object.entries(all).map(([name, option]) => {
        const value = values[name];
        return [name, option.read(value === true ? [] : value === false ? undefined : value, name)];
      });
      return { ...Object.fromEntries(read), given } as ReturnType<CommandTable<S>['read']>;
    },
  };
}

const COLUMN = 30;
const WIDTH = 120;

function helpText(about: string, sections: Sections): string {
  const parts = Object.entries({ ...sections }).map(([title, table], i, all) => {
    const options = i === all.length - 1 ? { ...table, ...HELP } : table;
    return `${title}\n${Object.entries(options).map(optionText).join('')}`;
  });
  return `${about.trim()}\n\n${parts.join('\n')}`;
}

/** An option, with its explanation in a separate column. */
function optionText([name, { value, help }]: [string, Option<unknown>]): string {
  const head = `  --${name}${value === undefined ? '' : ` ${value}`}`;
  const lines = wrap(help, WIDTH - COLUMN);
  const first = head.length + 2 > COLUMN ? [head] : [];
  return [
    ...first,
    ...lines.map(
      (line, i) => `${i === 0 && first.length === 0 ? head.padEnd(COLUMN) : ' '.repeat(COLUMN)}${line}`,
    ),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function wrap(words: string, width: number): string[] {
  const lines = [''];
  for (const word of words.split(' ')) {
    const longer = `${lines[lines.length - 1]} ${word}`.trim();
    if (longer.length > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/**
 * Refuses options that would have no effect.
 *
 * @param owners option -> whether it has one, and the option that it needs
 */
export function checkOwners(
  given: ReadonlySet<string>,
  owners: readonly (readonly [owner: string, isThere: boolean, options: readonly string[]])[],
): void {
  for (const [owner, isThere, options] of owners) {
    const idle = options.find((option) => given.has(option));
    if (idle && !isThere) throw new UsageError(`--${idle} does nothing without ${owner}`);
  }
}
