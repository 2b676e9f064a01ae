// Checks options and turns them into the addon's arguments: a plan, and the options of a single call.
import { chooseBackend, chooseCpuTarget, chooseThreads } from '../native/backends.js';
import { describe, didYouMean, oneOf, shorten } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isObject } from './intrinsics.js';
import {
  type LossInfo,
  type LossName,
  type LossTable,
  type TeacherUse,
  whyNoTeacherGrad,
} from '../losses.js';
import type { NativePlanSpec, NativeTerm } from '../native/native.js';
import { type ParameterName, readParameters } from '../parameters.js';
import type { BackendName, CommonOptions, PairParameters, Term } from '../types.js';

/** Every option of every loss. */
export type AnyOptions = CommonOptions & Omit<Term, 'loss' | 'weight'> & PairParameters;

/** Checked options of one loss or weighted sum. */
export interface Plan {
  /** The loss, or 'combine'. */
  name: string;
  spec: NativePlanSpec;
  backend: BackendName;
  needsTeacher: TeacherUse;
}

const commonOptions = [
  'studentTemperature',
  'teacherTemperature',
  'reduction',
  'gradScale',
  'backend',
  'diagnostics',
  'teacherGrad',
  'cpuTarget',
  'threads',
  'dtype',
] as const;
const reductions = ['mean', 'sum', 'none'] as const;
const dtypes = ['float32', 'bfloat16', 'float16'] as const;

/** The addon's own limit. */
const maxTerms = 8;

/** The options of a single call, each read once. */
export type OptionValues = {
  readonly [Name in keyof Required<CommonOptions & PairParameters>]: AnyOptions[Name];
} & {
  /** The hyper-parameters, in the order of the loss's own list. */
  readonly parameters: readonly unknown[];
};

/** The properties of one term, each read once. */
export interface TermValues {
  readonly loss: LossName;
  readonly weight: Term['weight'];
  readonly parameters: readonly unknown[];
}

/** The only place that reads an options object. It reads name by name, since a loop would take several times as long. */
function optionValues(options: AnyOptions, names: readonly ParameterName[]): OptionValues {
  const { pairMean, studentTemperature, teacherTemperature, reduction, gradScale } = options;
  const { backend, cpuTarget, threads, dtype, diagnostics, teacherGrad } = options;
  return {
    pairMean,
    studentTemperature,
    teacherTemperature,
    reduction,
    gradScale,
    backend,
    cpuTarget,
    threads,
    dtype,
    diagnostics,
    teacherGrad,
    parameters: parameterValues(options, names),
  };
}

function parameterValues(from: Partial<Term>, names: readonly ParameterName[]): readonly unknown[] {
  const { length } = names;
  if (length === 0) return noValues;
  const values: unknown[] = [from[names[0]]];
  for (let k = 1; k < length; k++) values.push(from[names[k]]);
  return values;
}
const noValues: readonly unknown[] = [];

/** Whether a plan made from `b` can be used for `a`, for the same loss. Options of a single call are not compared. */
export function sameOptions(a: OptionValues, b: OptionValues): boolean {
  return (
    a.gradScale === b.gradScale &&
    a.studentTemperature === b.studentTemperature &&
    a.teacherTemperature === b.teacherTemperature &&
    a.reduction === b.reduction &&
    a.pairMean === b.pairMean &&
    a.backend === b.backend &&
    a.cpuTarget === b.cpuTarget &&
    a.threads === b.threads &&
    sameParameters(a.parameters, b.parameters)
  );
}

export function sameTerm(a: TermValues, b: TermValues): boolean {
  return a.loss === b.loss && a.weight === b.weight && sameParameters(a.parameters, b.parameters);
}

function sameParameters(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false;
  return true;
}

/** Reads the options of one loss. `besides`: further names that are allowed, and that the caller of this function reads. */
export function readOptions(loss: LossInfo, options: unknown, besides?: readonly string[]): OptionValues {
  checkObject('options', options);
  checkOptionNames(loss.name, options, optionNames(loss), besides);
  return optionValues(options, loss.parameters);
}

/** Reads the options of a weighted sum, and its terms. */
export function readSum(
  table: LossTable,
  terms: unknown,
  options: unknown,
  besides?: readonly string[],
): { terms: readonly TermValues[]; options: OptionValues } {
  checkObject('options', options);
  const read = readTerms(table, terms);
  checkOptionNames('combine', options, sharedNames(read.map((term) => table[term.loss])), besides);
  return { terms: read, options: optionValues(options, []) };
}

function readTerms(table: LossTable, terms: unknown): TermValues[] {
  const count = isObject(terms) && Array.isArray(terms) ? terms.length : 0;
  if (!isObject(terms) || !Array.isArray(terms) || !(count >= 1 && count <= maxTerms)) {
    const found = isObject(terms) && Array.isArray(terms) ? `has ${count} entries` : `is ${describe(terms)}`;
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `terms ${found}; it must be an array of 1 to ${maxTerms} { loss, weight?, ... }`,
    );
  }
  const read: TermValues[] = [];
  for (let i = 0; i < count; i++) {
    const term: unknown = terms[i];
    const name = `terms[${i}]`;
    if (!isObject(term)) throw wrongKind(name, term, 'an object { loss, weight?, ... }');
    const loss = lookUp(table, (term as Term).loss, `${name}.loss`);
    checkOptionNames(`${name} (${loss.name})`, term, ['loss', 'weight', ...loss.parameters]);
    const { weight } = term as Term;
    read.push({
      loss: loss.name as LossName,
      weight,
      parameters: parameterValues(term as Term, loss.parameters),
    });
  }
  return read;
}

/** The plan of one loss. */
export function planOf(loss: LossInfo, options: Partial<OptionValues>): Plan {
  return readPlan(loss.name, [loss], [checkTerm(loss, { parameters: options.parameters }, '')], options);
}

/** The plan of a weighted sum. */
export function planOfTerms(
  table: LossTable,
  terms: readonly TermValues[],
  options: Partial<OptionValues>,
): Plan {
  const infos = terms.map((term) => table[term.loss]);
  const nativeTerms = terms.map((term, i) => checkTerm(infos[i], term, `terms[${i}].`));
  return readPlan('combine', infos, nativeTerms, options);
}

/** The table's entry for a name that a caller gave. */
export function lookUp(table: LossTable, name: unknown, argument: string): LossInfo {
  if (typeof name === 'string' && Object.hasOwn(table, name)) return table[name];
  const names = Object.keys(table);
  throw new CklRangeError(
    'ERR_CKL_OPTION',
    `${argument} is ${describe(name)}${didYouMean(name, names)}; it must be ${oneOf(names)}`,
  );
}

/** The names of all options of one loss. */
function optionNames(loss: LossInfo): readonly string[] {
  let names = namesOf.get(loss.name);
  if (names === undefined) namesOf.set(loss.name, (names = [...loss.parameters, ...sharedNames([loss])]));
  return names;
}
const namesOf = new Map<string, readonly string[]>();

/** The option names other than hyper-parameters. */
function sharedNames(losses: readonly LossInfo[]): string[] {
  return [...(losses.some((loss) => loss.pairMean) ? ['pairMean'] : []), ...commonOptions];
}

export function checkObject(name: string, value: unknown): asserts value is object {
  if (!isObject(value)) throw wrongKind(name, value, 'an object');
}

/** Rejects names that are in neither `allowed` nor `besides`. `name`, for the error: the function or term that takes the options. */
export function checkOptionNames(
  name: string,
  options: object,
  allowed: readonly string[],
  besides: readonly string[] = [],
): void {
  for (const key in options) {
    if (!allowed.includes(key) && !besides.includes(key)) {
      throw new CklTypeError(
        'ERR_CKL_OPTION',
        `${name} takes no option ${shorten(key)}${didYouMean(key, allowed)}; it takes ${oneOf(allowed, 'and')}`,
      );
    }
  }
}

/** Checks the options of a single call, which are not part of the plan. */
export function checkCallOptions(
  options: Partial<OptionValues>,
  name: string,
  needsTeacher: TeacherUse,
): void {
  const { diagnostics, teacherGrad, dtype } = options;
  if (diagnostics !== undefined && typeof diagnostics !== 'boolean')
    throw wrongKind('diagnostics', diagnostics, 'a boolean');
  if (dtype !== undefined) choice('dtype', dtype, dtypes);
  if (teacherGrad !== undefined && typeof teacherGrad !== 'boolean' && !ArrayBuffer.isView(teacherGrad)) {
    throw wrongKind('teacherGrad', teacherGrad, 'a boolean or an array to write to');
  }
  if (teacherGrad !== undefined && teacherGrad !== false && needsTeacher !== true) {
    const why = whyNoTeacherGrad(needsTeacher);
    throw new CklTypeError('ERR_CKL_OPTION', `${name} ${why}, so it has no teacherGrad`);
  }
}

function readPlan(
  name: string,
  losses: readonly LossInfo[],
  terms: NativeTerm[],
  options: Partial<OptionValues>,
): Plan {
  const reduction = choice('reduction', options.reduction ?? 'mean', reductions);
  const pairMean = choice('pairMean', options.pairMean ?? 'query', ['query', 'batch'] as const);
  if (pairMean === 'batch' && reduction !== 'mean') {
    throw new CklRangeError(
      'ERR_CKL_OPTION',
      `pairMean is 'batch' and reduction is '${reduction}'; a mean over the pairs of the batch has reduction 'mean'`,
    );
  }
  const backend = chooseBackend(options.backend);
  return {
    name,
    backend,
    needsTeacher:
      losses.some((loss) => loss.teacher === true) || (losses.some((loss) => loss.teacher) && 'order'),
    spec: {
      terms,
      backend,
      studentTemperature: temperature('studentTemperature', options.studentTemperature),
      teacherTemperature: temperature('teacherTemperature', options.teacherTemperature),
      reduction,
      pairMean,
      gradScale: finite('gradScale', options.gradScale, 1),
      cpuTarget: chooseCpuTarget(options.cpuTarget),
      threads: chooseThreads(options.threads),
      reserveDocs: 0,
    },
  };
}

/** Checks the hyper-parameters of one loss, from its options or from a term. `prefix` precedes the names in an error. */
function checkTerm(
  loss: LossInfo,
  { parameters = [], weight }: Partial<TermValues>,
  prefix: string,
): NativeTerm {
  const values = readParameters(loss.parameters, parameters, prefix);
  return { loss: loss.name, weight: finite(`${prefix}weight`, weight, 1), ...values };
}

function temperature(name: string, value: number | undefined): number {
  const checked = number(name, value, 1);
  if (!(checked > 0 && checked < Infinity)) throw badNumber(name, checked, 'finite and greater than 0');
  return checked;
}

function finite(name: string, value: number | undefined, usual: number): number {
  const checked = number(name, value, usual);
  if (!Number.isFinite(checked)) throw badNumber(name, checked, 'finite');
  return checked;
}

function number(name: string, value: unknown, usual: number): number {
  if (value === undefined) return usual;
  if (typeof value !== 'number') throw wrongKind(name, value, 'a number');
  return value;
}

function choice<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  const message = `${name} is ${describe(value)}${didYouMean(value, allowed)}; it must be ${oneOf(allowed)}`;
  throw typeof value === 'string'
    ? new CklRangeError('ERR_CKL_OPTION', message)
    : new CklTypeError('ERR_CKL_OPTION', message);
}

function badNumber(name: string, value: number, rule: string): Error {
  return new CklRangeError('ERR_CKL_OPTION', `${name} is ${describe(value)}; it must be ${rule}`);
}

function wrongKind(name: string, value: unknown, wanted: string): Error {
  return new CklTypeError('ERR_CKL_OPTION', `${name} is ${describe(value)}; it must be ${wanted}`);
}
