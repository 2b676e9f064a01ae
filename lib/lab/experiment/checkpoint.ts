// The progress of an experiment in one file: a record per finished unit, and the state of the unit in
// progress.
import { createRequire } from 'node:module';
import { readFile, realpath, stat } from 'node:fs/promises';
import { OutputError } from '../../data/errors.js';
import { findTarget, removeLeftovers, writeWhole } from '../../data/whole-file.js';
import type { BestTraining, PartParameters } from './best.js';
import { CheckpointError } from './checkpoint-error.js';
import { formatRecord, MAGIC, readRecords, type FileRecord } from './checkpoint-file.js';
import { lockFile, LockedError } from './lock.js';
import * as p from '../parse.js';
import { unitResult, unitRun, unitState } from './records.js';
import type { UnitResult } from './results.js';
import type { Snapshot } from './unit.js';

/** This package's version. Resolved by package name, which works from every entry and bundle. */
const { version } = createRequire(__filename)('ckl-loss/package.json') as { version: string };

/** The records of a checkpoint: the head, the digest of the data, finished units, the best training of each model, and last where a unit stands. */
const head = p.object({
  kind: p.oneOf('head'),
  version: p.text,
  command: p.text,
  options: p.record(p.anything),
});
const data = p.object({ kind: p.oneOf('data'), digest: p.text });
const unit = p.object({ kind: p.oneOf('unit'), place: p.count, result: unitResult });
const standing = p.object({ kind: p.oneOf('standing'), place: p.count, state: unitState });
const best = p.object({
  kind: p.oneOf('best'),
  model: p.text,
  place: p.count,
  rate: p.number,
  dev: p.number,
  run: unitRun,
});
const kind = p.object({ kind: p.oneOf('data', 'unit', 'best', 'standing') });

/** The best training of a model so far, as a file holds it: its place names its unit. */
export type KeptBest = Omit<BestTraining, 'unit'>;

/** Identifies the run of a checkpoint; a run with other options cannot resume from it. */
export interface CheckpointOf {
  command: string;
  options: object;
}

export interface CheckpointFiles {
  /** Resumed from if it exists, created otherwise, and kept up to date. */
  checkpoint?: string;
  /** Resumed from; must exist. */
  resume?: string;
  /** Further checkpoints of the same run, which are read and not written: their finished units are done. */
  others?: readonly string[];
  /** Batches between two records of where a unit stands, besides those after each epoch. Default: none. */
  checkpointEvery?: number;
}

export class Checkpoint {
  /** Results that the file held when it was opened, by place in the plan; without their units. */
  readonly done: Map<number, Omit<UnitResult, 'unit'>>;
  /** The state of the unit in progress when the file was opened. */
  readonly standing: (Snapshot & { place: number }) | undefined;
  /** The best training of each model among those. */
  readonly best: KeptBest[];
  private digest: string | undefined;
  /** The records that stay: all but the best trainings, by model, and where a unit stands. */
  private kept: Buffer[];
  private readonly bests: Map<string, Buffer>;
  /** One write after the other. */
  private queue = Promise.resolve();

  private constructor(
    private readonly file: string | undefined,
    private readonly name: string,
    found: Content,
    private readonly unlock: () => Promise<void>,
    readonly every: number,
  ) {
    this.done = found.done;
    this.standing = found.standing;
    this.digest = found.digest;
    this.kept = found.kept;
    this.best = [...found.best.values()].map(({ training }) => training);
    this.bests = new Map([...found.best].map(([model, { bytes }]) => [model, bytes]));
  }

  /**
   * Opens the file, or creates it if there is none; does nothing without a file.
   *
   * @throws CheckpointError for a file that is not a checkpoint, is damaged, is from a run with other
   * options, or is in use
   */
  static async open(files: CheckpointFiles, of: CheckpointOf): Promise<Checkpoint | undefined> {
    const { checkpoint, resume, others = [], checkpointEvery = Infinity } = files;
    const name = resume ?? checkpoint;
    if (name === undefined) return undefined;
    const file = checkpoint === undefined ? undefined : await placeOf(checkpoint);
    const unlock = file === undefined ? () => Promise.resolve() : await lock(file, checkpoint!);
    try {
      if (file !== undefined) await removeLeftovers(file);
      const bytes = await readBytes(resume ?? file!, resume);
      const found = bytes && read(name, bytes, of);
      const content = found ?? newContent(of);
      for (const other of others) {
        const also = await readBytes(other, undefined);
        if (also) takeUnits(content, other, read(other, also, of));
      }
      const opened = new Checkpoint(file, name, content, unlock, checkpointEvery);
      const isOwn = resume === undefined || (await realpath(resume)) === file;
      if (!found || !isOwn) await opened.write(found?.last);
      return opened;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /**
   * Names the data of the run, before anything is added.
   *
   * @throws CheckpointError if the finished units used other data
   */
  async bind(digest: string): Promise<void> {
    if (this.digest !== undefined && this.digest !== digest)
      throw new CheckpointError(
        this.name,
        'it belongs to a run on other data: texts, scores or judgements have changed since',
      );
    if (this.digest === undefined) await this.keep({ kind: 'data', digest });
    this.digest = digest;
  }

  /** Adds the result of a unit. */
  async add(place: number, { unit: _, ...result }: UnitResult): Promise<void> {
    await this.keep({ kind: 'unit', place, result });
  }

  /** Sets the best training of a model, replacing the previous one; it is written with the next record. */
  keepBest({ unit, place, rate, dev, run, parameters }: BestTraining): void {
    const { model } = unit;
    const arrays = Object.entries(parameters).flatMap(([part, tables]) =>
      Object.entries(tables).map(([table, numbers]) => [`${part}/${table}`, numbers] as const),
    );
    this.bests.set(
      model,
      formatRecord({ kind: 'best', model, place, rate, dev, run }, Object.fromEntries(arrays)),
    );
  }

  /** Sets the state of the unit in progress, replacing the previous one. */
  async save(place: number, { state, arrays }: Snapshot): Promise<void> {
    // The arrays belong to the student, so the bytes are created before anything else happens.
    await this.write(formatRecord({ kind: 'standing', place, state }, arrays));
  }

  /** Releases the file for others. */
  async close(): Promise<void> {
    await this.queue.catch(() => undefined);
    await this.unlock();
  }

  private keep(value: object): Promise<void> {
    this.kept.push(formatRecord(value));
    return this.write();
  }

  /** Writes the kept records, followed by one more. */
  private write(last?: Buffer): Promise<void> {
    const { file, kept, bests } = this;
    if (file === undefined) return Promise.resolve();
    const bytes = Buffer.concat([...kept, ...bests.values(), ...(last ? [last] : [])]);
    this.queue = this.queue.then(() => writeWhole(file, bytes, { streams: false }));
    return this.queue;
  }
}

/** The path to which a file is written, after following links. */
async function placeOf(file: string): Promise<string> {
  try {
    return (await findTarget(file, { streams: false })).path;
  } catch (error) {
    if (error instanceof OutputError) throw new CheckpointError(file, error.message, { cause: error });
    throw error;
  }
}

async function lock(file: string, name: string): Promise<() => Promise<void>> {
  try {
    return await lockFile(file);
  } catch (error) {
    const problem = error instanceof LockedError ? '' : 'cannot be written: ';
    throw new CheckpointError(name, `${problem}${(error as Error).message}`, { cause: error });
  }
}

async function readBytes(file: string, mustExist: string | undefined): Promise<Buffer | undefined> {
  try {
    if (!(await stat(file)).isFile()) throw new Error('it is no plain file');
    return await readFile(file);
  } catch (error) {
    if (mustExist === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CheckpointError(mustExist ?? file, `no checkpoint to read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

const begin = ({ command, options }: CheckpointOf): Buffer =>
  Buffer.concat([Buffer.from(MAGIC), formatRecord({ kind: 'head', version, command, options })]);

interface Content {
  done: Map<number, Omit<UnitResult, 'unit'>>;
  standing?: Snapshot & { place: number };
  digest?: string;
  /** By model. */
  best: Map<string, { training: KeptBest; bytes: Buffer }>;
  /** Records but the best trainings and where a unit stands. */
  kept: Buffer[];
  /** The record of where a unit stands. */
  last?: Buffer;
}

const newContent = (of: CheckpointOf): Content => ({
  done: new Map(),
  best: new Map(),
  kept: [begin(of)],
});

/**
 * The content of a file; undefined if it was cut off within its first record.
 *
 * @throws CheckpointError
 */
function read(file: string, bytes: Buffer, of: CheckpointOf): Content | undefined {
  if (!MAGIC.startsWith(bytes.toString('latin1', 0, MAGIC.length)))
    throw new CheckpointError(file, 'not a checkpoint of ckl-loss');
  try {
    const [first, ...rest] = readRecords(bytes);
    if (!first) return undefined;
    checkHead(file, head(first.value, ''), of);
    const content = newContent(of);
    rest.forEach((record) => take(content, record));
    return content;
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(file, `damaged: ${(error as Error).message}`, { cause: error });
  }
}

function take(content: Content, { value, arrays, bytes }: FileRecord): void {
  if (content.standing) throw new Error('a record follows the one that should be last');
  switch (kind(value, '').kind) {
    case 'data':
      content.digest = data(value, '').digest;
      break;
    case 'unit': {
      const { place, result } = unit(value, '');
      content.done.set(place, result);
      break;
    }
    case 'best': {
      const { model, place, rate, dev, run } = best(value, '');
      const training = { place, rate, dev, run, parameters: parametersOf(arrays) };
      content.best.set(model, { training, bytes });
      return;
    }
    case 'standing': {
      const { place, state } = standing(value, '');
      content.standing = { place, state, arrays };
    }
  }
  if (content.standing) content.last = bytes;
  else content.kept.push(bytes);
}

/** Adds the finished units of another checkpoint of the run. */
function takeUnits(content: Content, file: string, other: Content | undefined): void {
  if (other?.digest === undefined) return;
  if (content.digest === undefined) content.kept.push(formatRecord({ kind: 'data', digest: other.digest }));
  else if (content.digest !== other.digest)
    throw new CheckpointError(
      file,
      'it belongs to a run on other data than the other checkpoints in its folder',
    );
  content.digest = other.digest;
  for (const [place, result] of other.done) {
    if (content.done.has(place)) continue;
    content.done.set(place, result);
    content.kept.push(formatRecord({ kind: 'unit', place, result }));
  }
}

/** Part -> table -> numbers, of arrays named `part/table`. */
function parametersOf(arrays: FileRecord['arrays']): PartParameters {
  const parameters: PartParameters = {};
  for (const [name, numbers] of Object.entries(arrays)) {
    const [part, ...table] = name.split('/');
    (parameters[part] ??= {})[table.join('/')] = numbers;
  }
  return parameters;
}

/** @throws CheckpointError that names the first difference */
function checkHead(file: string, found: ReturnType<typeof head>, of: CheckpointOf): void {
  const { command, options } = found;
  // Results may change in their last bits from version to version.
  if (found.version !== version)
    throw new CheckpointError(file, `it was written by ckl-loss ${found.version}, and this is ${version}`);
  if (command !== of.command)
    throw new CheckpointError(file, `it was written by ckl-loss ${command}, not by ckl-loss ${of.command}`);
  // As the file would hold them.
  const asked = p.record(p.anything)(JSON.parse(p.toJson(of.options)), 'options');
  for (const name of new Set([...Object.keys(asked), ...Object.keys(options)])) {
    const [was, is] = [options[name], asked[name]].map((value) => JSON.stringify(value) ?? 'not given');
    if (was !== is)
      throw new CheckpointError(
        file,
        `it belongs to a run with other options: ${name} was ${was}, now ${is}`,
      );
  }
}
