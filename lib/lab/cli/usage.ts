// Reads command lines: options with types and ranges, and errors that name what is allowed.
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { didYouMean } from '../../describe.js';

/** The command line cannot be understood; the program ends with code 2 and this message. */
export class UsageError extends Error {}

type OptionSpec = NonNullable<ParseArgsConfig['options']>;

/**
 * Parses the options of one command, as node:util's parseArgs does, with a hint for a misspelt name.
 *
 * @throws UsageError for an unknown option, a missing value or a stray word
 */
export function parseOptions<T extends OptionSpec>(
  args: string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T; strict: true }>>['values'] {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error;
    const unknown = /Unknown option '(--?[^']+)'/.exec(message)?.[1];
    if (!unknown) throw new UsageError(message.split('. ')[0]);
    throw new UsageError(
      `unknown option ${unknown}${didYouMean(unknown.replace(/^--?/, ''), Object.keys(options))}`,
    );
  }
}

/** Parses a number. */
export function readNumber(
  name: string,
  text: string | undefined,
  allowed: { min: number; max?: number; whole?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const { min, max = Infinity, whole = false } = allowed;
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isFinite(value) && value >= min && value <= max && (!whole || Number.isInteger(value)))
    return value;
  const kind = whole ? 'a whole number' : 'a number';
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`--${name} takes ${kind} ${range}, not ${JSON.stringify(text)}`);
}

/** One of a set of words. */
export function readChoice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found) return found;
  throw new UsageError(
    `--${name} takes ${choices.join(', ')}, not ${JSON.stringify(text)}${didYouMean(text, choices)}`,
  );
}

/** The value of a required option. */
export function required(name: string, text: string | undefined): string {
  if (text !== undefined) return text;
  throw new UsageError(`--${name} is needed`);
}
