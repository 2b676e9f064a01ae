// Checks options and turns them into what the addon is told: a plan, and what a call adds to it.
import { chooseBackend, chooseCpuTarget, chooseThreads } from '../native/backends.js';
import { describe, didYouMean, oneOf } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import type { LossInfo, LossTable } from '../losses.js';
import type { NativePlanSpec, NativeTerm } from '../native/native.js';
import { readParameters } from './parameters.js';
import type {
  BackendName,
  BklParameters,
  CklParameters,
  CommonOptions,
  KlLogLParameters,
  PairParameters,
  Term,
} from '../types.js';

/** Every option of every loss. */
export type AnyOptions = CommonOptions & CklParameters & BklParameters & KlLogLParameters & PairParameters;

/** Checked options of one loss or weighted sum. */
export interface Plan {
  /** The loss, or 'combine'. */
  name: string;
  spec: NativePlanSpec;
  backend: BackendName;
  needsTeacher: boolean;
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

/** The plan of one loss. */
export function planOf(loss: LossInfo, options: AnyOptions): Plan {
  checkOptionNames(loss.name, options, [...loss.parameters, ...sharedNames([loss])]);
  return readPlan(loss.name, [loss], [readTerm(loss, options, '')], options);
}

/** The plan of a weighted sum. */
export function planOfTerms(table: LossTable, terms: readonly Term[], options: AnyOptions): Plan {
  if (!Array.isArray(terms) || terms.length === 0 || terms.length > maxTerms) {
    const found = Array.isArray(terms) ? `has ${terms.length} entries` : `is ${describe(terms)}`;
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `terms ${found}; it must be an array of 1 to ${maxTerms} { loss, weight?, ... }`,
    );
  }
  const losses = terms.map((term, i) => lossOf(table, term, `terms[${i}]`));
  checkOptionNames('combine', options, [...sharedNames(losses)]);
  const nativeTerms = terms.map((term, i) => readTerm(losses[i], term as Term, `terms[${i}].`));
  return readPlan('combine', losses, nativeTerms, options);
}

/** The table's entry for a name that a caller gave. */
export function lookUp(table: LossTable, name: unknown, argument: string): LossInfo {
  if (typeof name === 'string' && Object.hasOwn(table, name)) return table[name];
  const names = Object.keys(table);
  throw new CklRangeError(
    'ERR_CKL_OPTION',
    `${argument} is ${describe(name)}${didYouMean(String(name), names)}; it must be ${oneOf(names)}`,
  );
}

/** The option names that are not hyper-parameters of one loss. */
function sharedNames(losses: readonly LossInfo[]): string[] {
  return [...(losses.some((loss) => loss.pairMean) ? ['pairMean'] : []), ...commonOptions];
}

export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) throw wrongKind(name, value, 'an object');
}

/** Refuses names that `allowed` does not hold. `name` is what takes the options. */
export function checkOptionNames(name: string, options: object, allowed: readonly string[]): void {
  for (const key in options) {
    if (!allowed.includes(key)) {
      throw new CklTypeError(
        'ERR_CKL_OPTION',
        `${name} takes no option ${key}${didYouMean(key, allowed)}; it takes ${oneOf(allowed, 'and')}`,
      );
    }
  }
}

/** The per-call options that do not shape the plan. */
export function checkCallOptions(options: AnyOptions, name: string, needsTeacher: boolean): void {
  const { diagnostics, teacherGrad, dtype } = options;
  if (diagnostics !== undefined && typeof diagnostics !== 'boolean')
    throw wrongKind('diagnostics', diagnostics, 'a boolean');
  if (dtype !== undefined) choice('dtype', dtype, dtypes);
  if (teacherGrad !== undefined && typeof teacherGrad !== 'boolean' && !ArrayBuffer.isView(teacherGrad)) {
    throw wrongKind('teacherGrad', teacherGrad, 'a boolean or an array to write to');
  }
  if (teacherGrad !== undefined && teacherGrad !== false && !needsTeacher) {
    throw new CklTypeError('ERR_CKL_OPTION', `${name} does not read the teacher, so it has no teacherGrad`);
  }
}

function readPlan(name: string, losses: readonly LossInfo[], terms: NativeTerm[], options: AnyOptions): Plan {
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
    needsTeacher: losses.some((loss) => loss.teacher),
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

function lossOf(table: LossTable, term: unknown, name: string): LossInfo {
  if (typeof term !== 'object' || term === null)
    throw wrongKind(name, term, 'an object { loss, weight?, ... }');
  const loss = lookUp(table, (term as Term).loss, `${name}.loss`);
  checkOptionNames(`${name} (${loss.name})`, term, ['loss', 'weight', ...loss.parameters]);
  return loss;
}

/** Reads the hyper-parameters of one loss, from the options or from a term. `prefix` places the name in an error. */
function readTerm(loss: LossInfo, from: Partial<Term>, prefix: string): NativeTerm {
  const parameters = readParameters(loss.parameters, from, prefix);
  return { loss: loss.name, weight: finite(`${prefix}weight`, from.weight, 1), ...parameters };
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
  const message = `${name} is ${describe(value)}${didYouMean(String(value), allowed)}; it must be ${oneOf(allowed)}`;
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
