// The hyper-parameters of the losses: allowed values and defaults. To add one, add a line here.
import { describe } from './describe.js';
import { CklRangeError, CklTypeError } from './errors.js';

interface Parameter {
  /** The default. */
  readonly usual: number | boolean;
  readonly allows?: (value: number) => boolean;
  /** The values that `allows` accepts, in words, for the error. */
  readonly rule?: string;
}

const notNegative = { allows: (x: number) => x >= 0, rule: 'finite and at least 0' };

export const parameters = {
  gamma: { usual: 5, allows: (x) => x >= 1, rule: 'finite and at least 1' },
  /** At most gamma - 1, which is also the default if it is less than 1. */
  alpha: { usual: 1, ...notNegative },
  detachWeights: { usual: false },
  lambda: { usual: 0.1, ...notNegative },
  negativeWeight: { usual: 1 / Math.LN2, ...notNegative },
  nllWeight: { usual: 1, ...notNegative },
  /** A parameter of jsd. The array of the same name in a batch is CKL's exponent bias. */
  beta: { usual: 0.5, allows: (x) => Math.fround(x) > 0 && Math.fround(x) < 1, rule: 'between 0 and 1' },
  k: { usual: 10, allows: (x) => x >= 1 && Number.isInteger(x), rule: 'a whole number, at least 1' },
  mu: { usual: 10, ...notNegative },
  steepness: { usual: 1, allows: (x) => Math.fround(x) > 0, rule: 'finite and greater than 0' },
} as const satisfies Record<string, Parameter>;

/** A hyper-parameter of some of the losses. */
export type ParameterName = keyof typeof parameters;

/** Values in the form that the addon takes: a boolean is 0 or 1. */
export type ParameterValues = Partial<Record<ParameterName, number>>;

/**
 * Reads the parameters of an options object or a term.
 *
 * @param given the values, in the order of `names`
 * @param prefix precedes the names in an error
 * @throws TypeError or RangeError with code ERR_CKL_OPTION
 */
export function readParameters(
  names: readonly ParameterName[],
  given: readonly unknown[],
  prefix: string,
): ParameterValues {
  const values: ParameterValues = {};
  for (const [k, name] of names.entries()) values[name] = readParameter(name, given[k], prefix + name);
  if (values.gamma === undefined || values.alpha === undefined) return values;
  const { gamma, alpha } = values;
  const most = gamma - 1;
  if (given[names.indexOf('alpha')] === undefined) return { ...values, alpha: Math.min(alpha, most) };
  // gamma - 1 is rounded: 2.3 - 1 < 1.3 in binary, and alpha = 1.3 is meant to be allowed there.
  if (alpha <= most + gamma * Number.EPSILON) return { ...values, alpha: Math.min(alpha, most) };
  const rule = `from 0 to gamma - 1 (gamma is ${gamma}), so that gamma - beta is at least 1`;
  throw new CklRangeError('ERR_CKL_OPTION', `${prefix}alpha is ${describe(alpha)}; it must be ${rule}`);
}

function readParameter(name: ParameterName, given: unknown, place: string): number {
  const { usual, allows, rule }: Parameter = parameters[name];
  const value = given === undefined ? usual : given;
  if (typeof value !== typeof usual) {
    throw new CklTypeError('ERR_CKL_OPTION', `${place} is ${describe(value)}; it must be a ${typeof usual}`);
  }
  // Hyper-parameters are used in float32, where a larger number would be infinite.
  const number = Number(value);
  if (allows && !(allows(number) && Number.isFinite(Math.fround(number)))) {
    throw new CklRangeError('ERR_CKL_OPTION', `${place} is ${describe(value)}; it must be ${rule}`);
  }
  return number;
}
