// What `--log` writes: a line of JSON per step and per epoch of a training.
import type { Progress } from '../training/distil.js';
import type { Behaviour } from './behaviour.js';
import type { Unit } from './plan.js';

export class TrainingLog {
  private readonly lines: string[] = [];
  /** What tells the training from others. */
  private names: object = {};

  /** Before a training of a loss. */
  training(name: string, others: object = {}): void {
    this.names = { ...others, training: name };
  }

  /** After each batch; the loss is the mean since the epoch began. */
  batch({ epoch, step, loss, learningRate, queriesPerSecond }: Progress): void {
    this.add({ kind: 'step', ...this.names, epoch, step, loss, learningRate, queriesPerSecond });
  }

  /** After each epoch, with dev nDCG@10 and, where they are known, the quantities of Figure 3 on dev. */
  epoch({ epoch, step, loss, dev, queriesPerSecond }: Progress, behaviour?: Behaviour): void {
    this.add({ kind: 'epoch', ...this.names, epoch, step, loss, dev, ...behaviour, queriesPerSecond });
  }

  text(): string {
    return this.lines.map((line) => `${line}\n`).join('');
  }

  private add(entry: object): void {
    this.lines.push(JSON.stringify(entry));
  }
}

/** The logs of an experiment's units, in the order of the plan, whatever the order in which they end. */
export class ExperimentLog {
  private readonly texts = new Map<number, string>();

  take(place: number, text: string): void {
    this.texts.set(place, text);
  }

  text(): string {
    return [...this.texts]
      .sort(([a], [b]) => a - b)
      .map(([, text]) => text)
      .join('');
  }
}

/** Logs the trainings of one unit, each line with what tells them apart. */
export class UnitLog extends TrainingLog {
  constructor(private readonly unit: Unit) {
    super();
  }

  /** Before a training. */
  recipe(name: string, seed: number, rate: number): void {
    const { model, condition, fold } = this.unit;
    this.training(name, { model, condition: condition.name, fold, seed, rate });
  }
}
