// Shows how much of a file has been read and the remaining time, for reads of more than two seconds.
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { ReadWatch } from '../../data/read-watch.js';
import { SLOW_MS, timeLeft, type Output } from './progress.js';

const REDRAW_MS = 200;

/** One updated line on a terminal; elsewhere a line every two seconds. */
export class ReadingLine implements ReadWatch {
  private path: string | undefined;
  private size = 0;
  private last = 0;
  private startedAt = 0;
  private saidAt = 0;
  private shown = false;

  constructor(
    private readonly out: Output,
    private readonly now: () => number = () => performance.now(),
  ) {}

  read(path: string, bytes: number): void {
    const now = this.now();
    if (path !== this.path || bytes < this.last) {
      this.path = path;
      this.size = sizeOf(path);
      this.startedAt = this.saidAt = now;
    }
    this.last = bytes;
    const wait = this.out.isTTY && now - this.startedAt >= SLOW_MS ? REDRAW_MS : SLOW_MS;
    if (now - this.saidAt < wait) return;
    this.saidAt = now;
    // A pipe has no size.
    const known = this.size >= bytes;
    const share = known ? `${Math.floor((100 * bytes) / this.size)} %` : `${Math.round(bytes / 1e6)} MB`;
    const left = known ? `, ${timeLeft(now - this.startedAt, bytes, this.size)} left` : '';
    const text = `reading ${basename(path)}: ${share}${left}`;
    if (!this.out.isTTY) {
      this.out.write(`${text}\n`);
      return;
    }
    this.shown = true;
    this.out.write(`\r\x1b[K${text.slice(0, (this.out.columns || 80) - 1)}`);
  }

  /** Clears the line. */
  done(): void {
    if (this.shown) this.out.write('\r\x1b[K');
    this.shown = false;
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
