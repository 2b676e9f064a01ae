// A command's output files: checked before the work, and a failure of one does not affect the others.
import { stat } from 'node:fs/promises';
import { openBeir } from '../../data/index.js';
import { OutputError } from '../../data/errors.js';
import { shardsOf } from '../../data/parquet/shards.js';
import { findTarget, writeWhole, type Target } from '../../data/whole-file.js';
import { findNewFolder, writeWholeFolder } from '../../data/whole-folder.js';
import { standardOutput } from './standard-streams.js';
import type { Output } from './progress.js';
import { UsageError } from './usage.js';

/** Option -> file, or files; options that were not given are undefined. */
type Named = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * A checkpoint is written repeatedly, so it must be a plain file. A run that resumes from it may also write
 * it.
 */
const CHECKPOINT = 'checkpoint';
const RESUME = 'resume';

/**
 * @param asked option -> file, or files, that it has the command write
 * @param inputs option -> files and BEIR folders that the command reads
 * @throws UsageError naming the option whose file cannot be written, and the reason; also if it is an input
 * or another output, under any name
 */
export async function checkOutputs(asked: Named, inputs: Named = {}): Promise<void> {
  const taken = new Map<string, string>();
  for (const [option, given] of Object.entries(inputs))
    for (const input of [given ?? []].flat())
      for (const file of await filesOf(input)) {
        const identity = await identityOf(file);
        if (identity !== undefined) taken.set(identity, option);
      }
  const outputs = Object.entries(asked).flatMap(([option, given]) =>
    [given ?? []].flat().map((file) => [option, file] as const),
  );
  for (const [option, file] of outputs) {
    const refuse = (why: string, cause?: unknown): never => {
      throw new UsageError(`--${option}: ${why}`, { cause });
    };
    const target: Target = await findTarget(file, { streams: option !== CHECKPOINT }).catch(
      (error: Error) => {
        if (!(error instanceof OutputError)) throw error;
        return refuse(error.message, error);
      },
    );
    standardOutput.outlived = true;
    if (target.stream) continue;
    const identity = (await identityOf(target.path)) ?? target.path;
    const other = taken.get(identity);
    if (other !== undefined && !(option === CHECKPOINT && other === RESUME))
      refuse(`${JSON.stringify(file)} cannot be written: it is a file of --${other}`);
    taken.set(identity, option);
  }
}

/** The identity of a file, whatever links lead to it; undefined if it does not exist. */
async function identityOf(file: string): Promise<string | undefined> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found?.isFile() ? `${found.dev}:${found.ino}` : undefined;
}

/** A file, or the files that are read from a folder. Missing ones are reported by the reader. */
async function filesOf(input: string): Promise<string[]> {
  const folder = (await stat(input).catch(() => undefined))?.isDirectory()
    ? await openBeir(input).catch(() => undefined)
    : undefined;
  const paths = folder ? [folder.corpus, folder.queries, ...folder.qrels.values()] : [input];
  return (await Promise.all(paths.map((path) => shardsOf(path).catch(() => [])))).flat();
}

/**
 * Checks that the folder of an option can be created.
 *
 * @throws UsageError naming the option and the reason
 */
export async function checkNewFolder(option: string, dir: string | undefined): Promise<void> {
  if (dir === undefined) return;
  await findNewFolder(dir).catch((error: Error) => {
    throw error instanceof OutputError
      ? new UsageError(`--${option}: ${error.message}`, { cause: error })
      : error;
  });
  standardOutput.outlived = true;
}

type Made = string | Uint8Array | Readonly<Record<string, string | Uint8Array>>;

/**
 * A requested file, if any, and the function that creates its content: a text, bytes, or the files of a
 * folder.
 */
export type Asked = readonly [file: string | undefined, content: () => Made | Promise<Made>];

/**
 * Writes the files of a finished run, then prints its report. A file that cannot be written affects neither
 * the other files nor the report.
 *
 * @throws the error of the file that could not be made or written, or an AggregateError of several, after all the others are
 */
export async function deliver(out: Output, report: string, files: readonly Asked[]): Promise<void> {
  const errors: unknown[] = [];
  for (const [file, content] of files) {
    if (file === undefined) continue;
    try {
      const made = await content();
      if (typeof made === 'string' || made instanceof Uint8Array) await writeWhole(file, made);
      else await writeWholeFolder(file, made);
    } catch (error) {
      errors.push(error);
    }
  }
  out.write(report);
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
}
