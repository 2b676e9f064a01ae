// The only way in which files are written: a file appears under its name only when it is complete, and a
// failure leaves the previous content.
import { randomBytes } from 'node:crypto';
import { constants, fstatSync, rmSync, writeSync, type Stats } from 'node:fs';
import {
  access,
  copyFile,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  type FileHandle,
} from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { OutputError } from './errors.js';

/** What a file will hold: all of it, or pieces in order. */
export type Content = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface TargetOptions {
  /**
   * Whether to accept pipes, terminals and other character devices, which cannot be written atomically.
   * Default true.
   */
  streams?: boolean;
}

/** The destination of a write, after following links. */
export interface Target {
  path: string;
  /** The existing file or pipe; undefined for a new file. */
  found?: Stats;
  /** For a name like /dev/stdout: the open descriptor of this process that it refers to. */
  descriptor?: number;
  /** A pipe or a device, which is written as it is. */
  stream: boolean;
}

const MOST_LINKS = 40;
const BLOCK_BYTES = 1 << 18;
/** The folders whose entries are the open descriptors of this process. */
const DESCRIPTORS = new RegExp(`^(?:/dev/fd|/proc/${process.pid}(?:/task/\\d+)?/fd)$`);

/** Follows all links, even if the last one points to a file that does not exist yet. */
async function follow(file: string): Promise<Pick<Target, 'path' | 'descriptor'>> {
  let path = resolve(file);
  for (let links = 0; links < MOST_LINKS; links++) {
    const folder = await realpath(dirname(path));
    const name = basename(path);
    path = join(folder, name);
    if (DESCRIPTORS.test(folder) && /^\d+$/.test(name)) return { path, descriptor: Number(name) };
    const link = await readlink(path).catch(() => undefined);
    if (link === undefined) return { path };
    path = resolve(folder, link);
  }
  throw new Error(`more than ${MOST_LINKS} links`);
}

/**
 * Finds out where a write to a file would go and whether it is possible, without writing anything.
 *
 * @throws OutputError naming the file and the reason: its folder is missing or read-only; it is a folder, a socket, a disk, or read-only;
 *   or, without `streams`, it is anything but a plain file
 */
export async function findTarget(file: string, { streams = true }: TargetOptions = {}): Promise<Target> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new OutputError(file, why, cause === undefined ? undefined : { cause });
  };
  if (file === '') refuse('it needs a name');
  if (file.endsWith('/') || file.endsWith(sep))
    refuse((await isFolder(file)) ? 'it is a folder' : 'it names a folder');
  const { path, descriptor } = await follow(file).catch(async (error: Error) =>
    refuse((await isFolder(dirname(file))) ? error.message : `there is no folder ${dirname(file)}`, error),
  );
  if (descriptor !== undefined) {
    if (!streams) refuse('it is no plain file');
    try {
      const found = fstatSync(descriptor);
      if (!found.isFile() && !isStream(found) && !found.isSocket()) refuse('it is not open for writing');
      // Writes nothing, and fails if nothing can be written.
      writeSync(descriptor, new Uint8Array());
      return { path, descriptor, found, stream: true };
    } catch (error) {
      throw error instanceof OutputError ? error : refuse((error as Error).message, error);
    }
  }
  const found = await stat(path).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : refuse(error.message, error),
  );
  if (found?.isDirectory()) refuse('it is a folder');
  const stream = found !== undefined && isStream(found);
  if (found && !found.isFile() && !(stream && streams)) refuse(`it is ${kindOf(found)}, no plain file`);
  if (found) await access(path, constants.W_OK).catch((error: Error) => refuse(error.message, error));
  if (!stream) {
    const beside = dirname(path);
    await access(beside, constants.W_OK | constants.X_OK).catch((error: Error) =>
      refuse(`nothing can be written in its folder ${beside}: ${error.message}`, error),
    );
  }
  return { path, found, stream };
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

const isStream = (found: Stats): boolean => found.isFIFO() || found.isCharacterDevice();

function kindOf(found: Stats): string {
  if (found.isFIFO()) return 'a pipe';
  if (found.isSocket()) return 'a socket';
  return found.isBlockDevice() || found.isCharacterDevice() ? 'a device' : 'something';
}

/** Files and folders being written, by the names they have until they are complete. */
export const partials = new Set<string>();

/**
 * The name of a file until it is complete: short enough for any file system, whatever the length of its final
 * name.
 */
const KEPT_LETTERS = 40;
export const partialName = (path: string): string =>
  `${basename(path).slice(0, KEPT_LETTERS)}.${randomBytes(6).toString('hex')}.partial`;

/**
 * Removes partial files left by killed processes, for a file that no other process can be writing. A
 * shortened name may belong to another file, so it is kept.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const name = basename(path);
  if (name.length > KEPT_LETTERS) return;
  const folder = dirname(path);
  for (const entry of await readdir(folder))
    if (entry.startsWith(`${name}.`) && /^[0-9a-f]{12}\.partial$/.test(entry.slice(name.length + 1)))
      await rm(join(folder, entry), { force: true });
}

/** Removes partial files; for a program that is about to be terminated by a signal. */
export function removePartials(): void {
  for (const partial of partials) rmSync(partial, { recursive: true, force: true });
  partials.clear();
}

/**
 * Writes a file. A plain file is written under a unique temporary name in the same folder, flushed to the disk, and moved to its name in
 * one step: readers see the old content or the new, and of two processes that write it, one wins with its whole content. It keeps
 * its permissions and, where that is allowed, its owner; another hard link to it keeps the old content. Pipes and devices are written as they are.
 *
 * @param content what to write; an error that it throws passes through
 * @throws OutputError if the file cannot be written; its previous content then remains
 */
export async function writeWhole(
  file: string,
  content: Content,
  { gzip = false, ...targets }: TargetOptions & { gzip?: boolean } = {},
): Promise<void> {
  const target = await findTarget(file, targets);
  try {
    if (target.stream) await writeStream(target, content, gzip);
    else await replace(target, content, gzip);
  } catch (error) {
    // Only system calls on this file are its failures: readers of other files have their own errors.
    if (error instanceof Error && 'syscall' in error)
      throw new OutputError(file, error.message, { cause: error });
    throw error;
  }
}

async function replace({ path, found }: Target, content: Content, gzip: boolean): Promise<void> {
  const partial = join(dirname(path), partialName(path));
  partials.add(partial);
  try {
    const file = await open(partial, 'wx');
    try {
      if (found) await keepOwner(file, found);
      await fill(file, content, gzip);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path).catch(async (error: NodeJS.ErrnoException) => {
      // A file that is a mount point, as in containers, cannot be replaced, so it is written in place.
      if (!found || error.code !== 'EBUSY') throw error;
      await copyFile(partial, path);
      await rm(partial);
    });
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    partials.delete(partial);
  }
}

async function keepOwner(file: FileHandle, { mode, uid, gid }: Stats): Promise<void> {
  const made = await file.stat();
  if (made.uid !== uid || made.gid !== gid) await file.chown(uid, gid).catch(() => undefined);
  await file.chmod(mode & 0o777).catch(() => undefined);
}

async function fill(file: FileHandle, content: Content, gzip: boolean): Promise<void> {
  await send(content, gzip, async (chunks) => {
    let gathered: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of chunks) {
      gathered.push(bytesOf(chunk));
      bytes += gathered[gathered.length - 1].length;
      if (bytes < BLOCK_BYTES) continue;
      await file.writeFile(Buffer.concat(gathered));
      [gathered, bytes] = [[], 0];
    }
    await file.writeFile(Buffer.concat(gathered));
  });
}

async function writeStream(
  { path, descriptor, found }: Target,
  content: Content,
  gzip: boolean,
): Promise<void> {
  // Uses the descriptor instead of the name: a reopened file would be written from the beginning, over the
  // process's earlier output.
  if (descriptor !== undefined && found?.isFile()) {
    await send(content, gzip, async (chunks) => {
      for await (const chunk of chunks) writeFully(descriptor, chunk);
    });
    return;
  }
  if (descriptor === 1 || descriptor === 2) {
    const out = descriptor === 1 ? process.stdout : process.stderr;
    await send(content, gzip, async (chunks) => {
      for await (const chunk of chunks)
        await new Promise<void>((resolve, reject) =>
          out.write(chunk, (error) => (error ? reject(error) : resolve())),
        );
    });
    return;
  }
  const file = descriptor === undefined ? await open(path, 'w') : undefined;
  try {
    await send(content, gzip, async (chunks) => {
      for await (const chunk of chunks) {
        if (file) await file.writeFile(chunk);
        else writeFully(descriptor!, chunk);
      }
    });
  } finally {
    await file?.close();
  }
}

type Chunks = AsyncIterable<string | Uint8Array>;

/** Passes the content, compressed if requested, to the writer. */
async function send(content: Content, gzip: boolean, sink: (chunks: Chunks) => Promise<void>): Promise<void> {
  const pieces = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
  const source = Readable.from(pieces);
  await (gzip ? pipeline(source, createGzip(), sink) : pipeline(source, sink));
}

const bytesOf = (chunk: string | Uint8Array): Uint8Array =>
  typeof chunk === 'string' ? Buffer.from(chunk) : chunk;

/** Writes all of it: on a nearly full disk a write may be partial, which Node's own streams ignore. */
export function writeFully(descriptor: number, content: string | Uint8Array): void {
  const bytes = bytesOf(content);
  for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
}
