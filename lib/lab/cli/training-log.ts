// What `--log` writes: a line of JSON per step and per epoch of a training.
import type { Behaviour } from '../experiment/behaviour.js';
import type { Progress } from '../training/distil.js';

export class TrainingLog {
  private readonly lines: string[] = [];
  private name: string | undefined;

  /** Before a training of a loss. */
  training(name: string): void {
    this.name = name;
  }

  /** After each batch; the loss is the mean since the epoch began. */
  batch({ epoch, step, loss, learningRate, queriesPerSecond }: Progress): void {
    this.add({ kind: 'step', training: this.name, epoch, step, loss, learningRate, queriesPerSecond });
  }

  /** After each epoch, with dev nDCG@10 and, where they are known, the quantities of Figure 3 on dev. */
  epoch({ epoch, step, loss, dev, queriesPerSecond }: Progress, behaviour?: Behaviour): void {
    this.add({ kind: 'epoch', training: this.name, epoch, step, loss, dev, ...behaviour, queriesPerSecond });
  }

  text(): string {
    return this.lines.map((line) => `${line}\n`).join('');
  }

  private add(entry: object): void {
    this.lines.push(JSON.stringify(entry));
  }
}
