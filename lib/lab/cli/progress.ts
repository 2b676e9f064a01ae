// Shows the progress of a training: one updated line on a terminal, a few lines elsewhere.
import type { Behaviour } from '../experiment/behaviour.js';
import type { Progress } from '../training/distil.js';

/** The part of a stream that is needed; tests pass their own. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const REDRAW_MS = 80;
const PLAIN_LINES = 10;
/** Progress is shown for work that takes longer than this. */
export const SLOW_MS = 2000;

/** Writes progress to a stream, usually stderr, so that results on stdout stay clean. */
export class ProgressLine {
  private drawn = -Infinity;
  private shown = false;
  private startedAt: number | undefined;
  private saidAt = 0;

  constructor(
    private readonly out: Output,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The progress while the start is prepared. Unless on a terminal, prints a line every two seconds. */
  start(done: number, all: number): void {
    const now = this.now();
    if (this.startedAt === undefined || done <= 1) this.startedAt = this.saidAt = now;
    if (done === all) return this.done();
    const text = `making the start (latent semantic analysis): ${done} of ${all} passes`;
    if (this.out.isTTY) {
      this.shown = true;
      const time = done > 1 ? `, ${timeLeft(now - this.startedAt, done - 1, all - 1)} left` : '';
      this.out.write(`\r\x1b[K${`${text}${time}`.slice(0, (this.out.columns || 80) - 1)}`);
    } else if (now - this.saidAt >= SLOW_MS) {
      this.saidAt = now;
      this.out.write(`${text}\n`);
    }
  }

  /** After each batch. */
  batch(progress: Progress): void {
    if (!this.out.isTTY || this.now() - this.drawn < REDRAW_MS) return;
    this.drawn = this.now();
    this.shown = true;
    const done = Math.round((10 * progress.step) / progress.steps);
    const bar = '#'.repeat(done) + '.'.repeat(10 - done);
    // Short enough for 80 columns.
    const text = `[${bar}] ${describeProgress(progress, 'dev')}  ${timeText(progress.secondsLeft)} left`;
    // A terminal that does not know its width says 0.
    this.out.write(`\r\x1b[K${text.slice(0, (this.out.columns || 80) - 1)}`);
  }

  /** After each epoch, with the diagnostics of Figure 3 where there are any: elsewhere than on a terminal, about ten lines over the whole training. */
  epoch(progress: Progress, behaviour?: Behaviour): void {
    const every = Math.ceil(progress.epochs / PLAIN_LINES);
    if (!this.out.isTTY && (progress.epoch % every === 0 || progress.epoch === 1)) {
      this.out.write(`${describeProgress(progress)}${behaviour ? describeBehaviour(behaviour) : ''}\n`);
    }
  }

  /** Clears the line. */
  done(): void {
    if (this.shown) this.out.write('\r\x1b[K');
    this.shown = false;
  }
}

function describeProgress(
  { epoch, epochs, loss, dev, queriesPerSecond }: Progress,
  devName = 'dev nDCG@10',
): string {
  return `epoch ${epoch}/${epochs}  loss ${loss.toFixed(4)}  ${devName} ${dev.toFixed(4)}  ${Math.round(queriesPerSecond)} queries/s`;
}

const describeBehaviour = ({ separation, entropy }: Behaviour): string =>
  `  separation ${separation.toFixed(3)}  entropy ${entropy.toFixed(3)}`;

/** The remaining time, as text, if `done` of `all` took `elapsedMs`. */
export const timeLeft = (elapsedMs: number, done: number, all: number): string =>
  timeText((elapsedMs / 1000 / done) * (all - done));

/** 75 -> "1:15". */
export function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
