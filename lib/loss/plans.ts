// Makes native plans, and keeps one for each plain function: its options are usually the same from call to call.
import { environment } from '../native/environment.js';
import { native, type NativePlan } from '../native/native.js';
import { type AnyOptions, checkObject, type Plan } from './options.js';
import { Runner } from './run.js';
import type { Term } from '../types.js';

/** A native plan with the checked options that it has. */
export class LivePlan {
  readonly native: NativePlan;
  /** For the synchronous calls. */
  readonly runner: Runner;
  plan: Plan;
  name: string;
  reduction: string;
  needsTeacher: boolean;

  constructor(plan: Plan) {
    this.native = new native.Plan(plan.spec);
    this.runner = new Runner(this.native);
    this.plan = plan;
    this.name = plan.name;
    this.reduction = plan.spec.reduction;
    this.needsTeacher = plan.needsTeacher;
    this.log();
  }

  /** Takes other options. Calls that are running end as they began. */
  change(plan: Plan): void {
    this.native.configure(plan.spec);
    this.runner.forget();
    this.plan = plan;
    this.name = plan.name;
    this.reduction = plan.spec.reduction;
    this.needsTeacher = plan.needsTeacher;
    this.log();
  }

  private log(): void {
    if (environment().debug) process.stderr.write(`ckl-loss: plan ${this.describe()}\n`);
  }

  private describe(): string {
    const { spec, backend, name } = this.plan;
    const terms = spec.terms
      .map(({ loss, weight, ...parameters }) => {
        const given = Object.entries(parameters).map(([name, value]) => `${name} ${value}`);
        return `${weight} ${loss}(${given.join(', ')})`;
      })
      .join(' + ');
    const { target, threads } = this.native;
    return `${name}: ${terms}, reduction ${spec.reduction}, backend ${backend}, target ${target}, threads ${threads}`;
  }
}

/** Makes the checked options of one function; `terms` is null unless the function is a weighted sum. */
export type MakePlan = (options: AnyOptions, terms: readonly Term[] | null) => Plan;

/** The plan of one function, with the options of its last call. */
export class PlanCache {
  private live: LivePlan | null = null;
  private options: AnyOptions = {};
  private size = 0;
  private terms: readonly Term[] | null = null;

  constructor(private readonly make: MakePlan) {}

  get(options: AnyOptions, terms: readonly Term[] | null): LivePlan {
    checkObject('options', options);
    if (this.live !== null && sameOptions(options, this.options, this.size) && sameTerms(terms, this.terms)) {
      return this.live;
    }
    const plan = this.make(options, terms);
    if (this.live === null) this.live = new LivePlan(plan);
    else this.live.change(plan);
    this.options = { ...options };
    this.size = countPlanOptions(options);
    this.terms = terms === null ? null : terms.map((term) => ({ ...term }));
    return this.live;
  }
}

/** Options of a single call, which no plan depends on. */
function isCallOption(name: string): boolean {
  return name === 'diagnostics' || name === 'teacherGrad' || name === 'dtype';
}

/** Whether a plan made from `last`, of `size` entries, serves `options`. An unknown name is in no `last`. */
function sameOptions(options: AnyOptions, last: AnyOptions, size: number): boolean {
  let count = 0;
  for (const name in options) {
    if (isCallOption(name)) continue;
    const key = name as keyof AnyOptions;
    if (options[key] !== last[key] || options[key] === undefined) return false;
    count++;
  }
  return count === size;
}

function countPlanOptions(options: AnyOptions): number {
  let count = 0;
  for (const name in options) if (!isCallOption(name)) count++;
  return count;
}

function sameTerms(terms: readonly Term[] | null, last: readonly Term[] | null): boolean {
  if (terms === null || last === null) return terms === last;
  if (terms.length !== last.length) return false;
  for (let i = 0; i < last.length; i++) {
    const term = terms[i];
    const lastTerm = last[i];
    if (typeof term !== 'object' || term === null) return false;
    let count = 0;
    for (const name in term) {
      const key = name as keyof Term;
      if (term[key] !== lastTerm[key] || term[key] === undefined) return false;
      count++;
    }
    if (count !== Object.keys(lastTerm).length) return false;
  }
  return true;
}
