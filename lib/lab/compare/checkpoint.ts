// What a comparison has done so far, in a file that grows line by line: interrupted at any time, all but the units at hand is kept.
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { CheckpointError, checkData, checkOptions } from '../refine/checkpoint.js';
import type { CompareOptions, UnitResult } from './types.js';

const FORMAT = 'ckl-loss comparison checkpoint 1';

/** The first line: what was asked for. The second: the digest of the data. Each line after it: a unit's place in the plan, and its result. */
interface Head {
  format: typeof FORMAT;
  options: Record<string, unknown>;
}

export class CompareCheckpoint {
  private constructor(
    private readonly file: string,
    /** Results that the file held when it was opened, by place. */
    readonly done: ReadonlyMap<number, UnitResult>,
    private data?: string,
  ) {}

  /**
   * Opens the file, or begins it where there is none.
   *
   * @throws CheckpointError for a file that is something else, or of a run with other options
   */
  static async open(file: string, options: CompareOptions): Promise<CompareCheckpoint> {
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      const head: Head = { format: FORMAT, options: { ...options } };
      await writeFile(file, `${JSON.stringify(head)}\n`);
      return new CompareCheckpoint(file, new Map());
    }
    // A line without its end was being written when the run ended.
    const whole = bytes.lastIndexOf('\n') + 1;
    const [first, ...lines] = bytes.toString('utf8', 0, whole).split('\n').slice(0, -1);
    const { options: were } = headOf(file, first);
    checkOptions(file, were, options);
    if (whole < bytes.length) await truncate(file, whole);
    const entries = lines.map((line, i) => entryOf(file, line, i + 2));
    const data = entries.find((entry) => 'data' in entry)?.data;
    return new CompareCheckpoint(file, new Map(entries.filter((entry) => Array.isArray(entry))), data);
  }

  /**
   * Says which data the run is on, before anything is added.
   *
   * @throws CheckpointError when what is done was done on others
   */
  async bind(data: string): Promise<void> {
    if (this.data !== undefined) return checkData(this.file, this.data, data);
    this.data = data;
    await appendFile(this.file, `${JSON.stringify({ data })}\n`);
  }

  async add(place: number, result: UnitResult): Promise<void> {
    await appendFile(this.file, `${JSON.stringify([place, result])}\n`);
  }
}

type Entry = { data: string } | [place: number, result: UnitResult];

function entryOf(file: string, line: string, number: number): Entry {
  try {
    return JSON.parse(line) as Entry;
  } catch (error) {
    throw new CheckpointError(file, `damaged: line ${number} is no JSON`, { cause: error });
  }
}

function headOf(file: string, line = ''): Head {
  try {
    const head = JSON.parse(line) as Head;
    if (head.format === FORMAT) return head;
  } catch {
    // Said below.
  }
  throw new CheckpointError(file, 'not a checkpoint of ckl-loss compare');
}
