// Makes native plans, and keeps one for each plain function: its options are usually the same from call to call.
import { environment } from '../native/environment.js';
import { native, type NativePlan } from '../native/native.js';
import { type OptionValues, type Plan, sameOptions, sameTerm, type TermValues } from './options.js';

/** A native plan with its checked options. */
export class LivePlan {
  readonly native: NativePlan;
  /** The native plan's. */
  readonly id: number;
  plan: Plan;

  constructor(plan: Plan) {
    this.native = new native.Plan(plan.spec);
    this.id = this.native.id;
    this.plan = plan;
    this.log();
  }

  /** Takes other options. Running calls finish with those they started with. */
  change(plan: Plan): void {
    this.native.configure(plan.spec);
    this.plan = plan;
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

/** Makes the plan of one function from options and terms that were read; `terms` is null unless the function is a weighted sum. */
export type MakePlan = (options: OptionValues, terms: readonly TermValues[] | null) => Plan;

/** The plan of one function, with the options of its last call. */
export class PlanCache {
  private live: LivePlan | null = null;
  private plan: Plan | null = null;
  private options: OptionValues | null = null;
  private terms: readonly TermValues[] | null = null;

  constructor(private readonly make: MakePlan) {}

  /** The checked options. No native plan has them yet: reading the batch may call this function again, with others. */
  get(options: OptionValues, terms: readonly TermValues[] | null): Plan {
    if (
      this.plan !== null &&
      this.options !== null &&
      sameOptions(options, this.options) &&
      sameTerms(terms, this.terms)
    ) {
      return this.plan;
    }
    const plan = this.make(options, terms);
    this.plan = plan;
    this.options = options;
    this.terms = terms;
    return plan;
  }

  /**
   * The native plan with the given options. None of the caller's code may run between this and the native
   * call.
   */
  activate(plan: Plan): LivePlan {
    if (this.live === null) this.live = new LivePlan(plan);
    else if (this.live.plan !== plan) this.live.change(plan);
    return this.live;
  }
}

function sameTerms(a: readonly TermValues[] | null, b: readonly TermValues[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((term, i) => sameTerm(term, b[i]));
}
