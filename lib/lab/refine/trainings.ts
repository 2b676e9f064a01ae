// The trainings of one run, one after the other: a checkpoint as they go, and the way back into the middle of them.
import type { Distilled, Hooks, Position } from '../training/distil.js';
import { titleOfLoss, type TrainingLoss } from '../training/loss-sum.js';
import type { Behaviour } from './behaviour.js';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.js';
import type { Pipeline } from '../students/students.js';
import type { TableStudent } from '../students/table-student.js';

export interface CheckpointOptions {
  /** A file that says where the run stands, written as it goes; of a run with one loss. */
  checkpoint?: string;
  /** Batches between two checkpoints, besides those after each epoch. Default: none. */
  checkpointEvery?: number;
  /** A checkpoint to go on from; the run ends with the same bytes as one that was never interrupted. */
  resume?: string;
}

export interface Trained {
  training: Distilled;
  behaviour: Behaviour[];
}

type Best = NonNullable<Hooks['resume']>['best'];

/** What a training needs of its hooks to be resumed. */
export interface Also extends Pick<Hooks, 'checkpoint' | 'resume'> {
  /** Observes, and returns what it saw. */
  onEpoch: () => Behaviour;
}

export class Trainings {
  private readonly done: Trained[] = [];
  private count = 0;

  private constructor(
    private readonly pipeline: Pipeline,
    private readonly options: CheckpointOptions,
    private readonly asked: Record<string, unknown>,
    private readonly data: string,
    private readonly resumed: Checkpoint | undefined,
  ) {}

  /**
   * Brings the pipeline to where a checkpoint left it, if there is one to go on from.
   *
   * @param options all of the run's options: those of a checkpoint must be the same
   * @param data the digest of its data, which must be the same, too
   * @throws CheckpointError
   */
  static async begin(
    pipeline: Pipeline,
    options: CheckpointOptions & { losses: readonly TrainingLoss[] },
    data: string,
  ): Promise<Trainings> {
    const { checkpoint, checkpointEvery, resume, ...asked } = options;
    if ((checkpoint || resume) && options.losses.length > 1)
      throw new RangeError(
        `a checkpoint is of a run with one loss, not ${options.losses.map(titleOfLoss).join(', ')}`,
      );
    const found = resume ? await readCheckpoint(resume, asked, data) : undefined;
    if (found) {
      for (const { name, student } of pipeline.parts) {
        student.restore({ arrays: within(found.arrays, `${name}/`), steps: within(found.steps, `${name}/`) });
      }
    }
    return new Trainings(pipeline, { checkpoint, checkpointEvery, resume }, asked, data, found);
  }

  /**
   * Runs the next training, or goes on with it, or says how it went if the checkpoint is beyond it.
   *
   * @param observe looked at before training and after each epoch
   */
  async run(
    student: TableStudent,
    observe: () => Behaviour,
    train: (also: Also) => Promise<Distilled>,
  ): Promise<Trained> {
    const index = this.count++;
    const { resumed, done } = this;
    const notes = resumed?.notes as { done: Trained[]; behaviour: Behaviour[] } | undefined;
    if (resumed && notes && index < resumed.trainings) {
      done.push(notes.done[index]);
      return notes.done[index];
    }
    const here = resumed && index === resumed.trainings ? resumed : undefined;
    if (!here) student.restart();
    const behaviour = here ? notes!.behaviour : [observe()];
    const { checkpoint, checkpointEvery = Infinity } = this.options;
    const training = await train({
      onEpoch: () => {
        behaviour.push(observe());
        return behaviour.at(-1)!;
      },
      checkpoint: checkpoint
        ? {
            every: checkpointEvery,
            save: (position, best) => this.save(checkpoint, position, best, behaviour),
          }
        : undefined,
      resume: here && { position: here.position, best: within(here.arrays, 'best/') },
    });
    const trained = { training, behaviour };
    done.push(trained);
    return trained;
  }

  /** Whether the checkpoint that the run goes on from is later than so many trainings. */
  resumedBeyond(trainings: number): boolean {
    return (this.resumed?.trainings ?? 0) >= trainings;
  }

  private async save(file: string, position: Position, best: Best, behaviour: Behaviour[]): Promise<void> {
    const arrays: Record<string, Float32Array> = {};
    const steps: Record<string, number> = {};
    for (const { name, student } of this.pipeline.parts) {
      const state = student.state;
      for (const [key, values] of Object.entries(state.arrays)) arrays[`${name}/${key}`] = values;
      for (const [key, value] of Object.entries(state.steps)) steps[`${name}/${key}`] = value;
    }
    for (const [key, values] of Object.entries(best)) arrays[`best/${key}`] = values;
    await writeCheckpoint(file, {
      options: this.asked,
      data: this.data,
      trainings: this.done.length,
      position,
      notes: { done: this.done, behaviour },
      steps,
      arrays,
    });
  }
}

/** The entries whose names begin so, without that beginning. */
function within<T>(all: Record<string, T>, prefix: string): Record<string, T> {
  const own = Object.entries(all).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
}
