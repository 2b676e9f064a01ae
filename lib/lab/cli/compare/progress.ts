// Shows the progress of a comparison, trainings done and time left: one updated line on a terminal, about twenty lines elsewhere.
import { meanOf, type DataSummary, type Tested, type UnitResult } from '../../experiment/results.js';
import { measureText } from '../table.js';
import { SLOW_MS, timeLeft, type Output } from '../progress.js';

const PLAIN_LINES = 20;

export class CompareProgress {
  private started: number;
  /** Trainings that were done before. */
  private before: number | undefined;
  private shown = false;
  private startsSaid: number;
  /** When the start of a model was first reported, and how much of it was done then. */
  private readonly startsBegan = new Map<string, { at: number; done: number }>();
  private count = 0;
  private all = 0;

  constructor(
    private readonly out: Output,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.started = this.startsSaid = now();
  }

  /** Once the data is read. */
  data({ name, documents, folds, zeroShot, skipped }: DataSummary): void {
    const [{ train, dev }] = folds;
    const tests = folds.reduce((sum, { test }) => sum + test, 0);
    const parts = [`${documents} documents`, `${train} train, ${dev} dev, ${tests} test queries`];
    if (folds.length > 1) parts.push(`${folds.length} folds`);
    if (zeroShot.length > 0) parts.push(`zero-shot ${zeroShot.map((task) => task.name).join(', ')}`);
    this.out.write(`${name}: ${parts.join('; ')}\n`);
    if (skipped > 0) this.out.write(`left out: ${skipped} lines that cannot be read\n`);
    this.started = this.now();
  }

  /** While a model's start is prepared, possibly by several threads: prints a line if it takes long. */
  start(model: string, done: number, all: number): void {
    const now = this.now();
    if (done <= 1 || !this.startsBegan.has(model)) this.startsBegan.set(model, { at: now, done });
    if (done === all || now - this.startsSaid < SLOW_MS) return;
    this.startsSaid = now;
    const began = this.startsBegan.get(model)!;
    const since = done - began.done;
    const time = since > 0 ? `, ${timeLeft(now - began.at, since, all - began.done)} left` : '';
    this.line(`making the start of ${model} (latent semantic analysis): ${done} of ${all} passes${time}\n`);
  }

  /** The completed work, shown when the run is interrupted. */
  get reached(): string {
    return this.all === 0 ? '' : `${this.count} of ${this.all} trainings`;
  }

  /** After each training; first, what was done before this run. */
  training(done: number, all: number): void {
    [this.count, this.all] = [done, all];
    if (this.before === undefined) {
      this.before = done;
      if (done > 0) this.out.write(`${done} of ${all} trainings were done before\n`);
      return;
    }
    const left = timeLeft(this.now() - this.started, done - this.before, all - this.before);
    const text = `${done} of ${all} trainings, ${left} left`;
    if (this.out.isTTY) {
      this.shown = true;
      const filled = Math.round((20 * done) / all);
      this.out.write(`\r\x1b[K[${'#'.repeat(filled)}${'.'.repeat(20 - filled)}] ${text}`);
    } else if (done % Math.ceil(all / PLAIN_LINES) === 0 || done === all) this.out.write(`${text}\n`);
  }

  /** After each unit: its test results, one line per student. */
  result({ unit, start, runs }: UnitResult): void {
    const { condition, fold, recipe, students } = unit;
    const of = condition.name === 'clean' ? [] : [condition.name];
    if (fold > 0) of.push(`fold ${fold + 1}`);
    for (const student of students) {
      const say = (name: string, tested: Tested | undefined) => {
        if (tested) this.line(`${[student, ...of, name].join(', ')}: ${reached(tested)}\n`);
      };
      say('start', start?.[student]);
      for (const run of runs) say(recipe?.name ?? 'warm-up', run.test[student]);
    }
  }

  private line(text: string): void {
    this.done();
    this.out.write(text);
  }

  done(): void {
    if (this.shown) this.out.write('\r\x1b[K');
    this.shown = false;
  }
}

function reached({ rerank, full }: Tested): string {
  const parts = [`rerank nDCG@10 ${measureText(meanOf(rerank['ndcg@10']))}`];
  if (full) parts.push(`full nDCG@10 ${measureText(meanOf(full['ndcg@10']))}`);
  return parts.join(', ');
}
