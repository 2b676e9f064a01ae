// Locates the files of a BEIR folder: JSON lines and tables as packed by BEIR, or Parquet as on the Hugging
// Face hub.
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DataError, excerpt } from './errors.js';

/** Where the files of a BEIR folder are. */
export interface BeirFolder {
  dir: string;
  /** A file or, for Parquet, possibly a folder or a pattern with `*`. */
  corpus: string;
  queries: string;
  /** Split name (`train`, `dev`, `test`; `all` for a lone `qrels.tsv`) -> path. */
  qrels: ReadonlyMap<string, string>;
}

const TABLE = String.raw`\.(?:tsv|txt|jsonl)(?:\.gz)?`;
const PARQUET = String.raw`(?:-\d+-of-(?<shards>\d+))?\.parquet`;
const QRELS_FILE = new RegExp(`^qrels(?:[._-](?<split>.+?))?(?:${TABLE}|${PARQUET})$`);
const SPLIT_FILE = new RegExp(`^(?<split>.+?)(?:${TABLE}|${PARQUET})$`);
/**
 * The hub's folders of judgements. The later ones hold only Parquet, and are searched if the first has none.
 */
const QRELS_FOLDERS = ['qrels', 'default', 'data'];

/**
 * Finds the files of a BEIR folder: `corpus.jsonl[.gz]`, `queries.jsonl[.gz]`, and judgements as `qrels/<split>.tsv[.gz]`,
 * `qrels.<split>.tsv[.gz]` or `qrels.tsv[.gz]` (or `.jsonl`); or Parquet, in one file or several: `corpus.parquet`, `corpus-00000-of-00002.parquet` or
 * `corpus/*.parquet` (PyLate's `documents` too), the same for `queries`, and `qrels/<split>.parquet`, also in
 * `default` or `data`. Nothing is read yet.
 *
 * @throws DataError naming the missing file and what the folder contains instead, or two places with the same
 * split
 */
export async function openBeir(dir: string): Promise<BeirFolder> {
  const names = await list(dir);
  const find = async (name: string, aliases: string[]): Promise<string> => {
    const found =
      [`${name}.jsonl`, `${name}.jsonl.gz`].find((candidate) => names.includes(candidate)) ??
      (await parquetNamed(dir, names, aliases));
    if (found) return join(dir, found);
    const expected = `${name}.jsonl, ${name}.jsonl.gz or ${name}.parquet in this folder`;
    throw new DataError(dir, 0, expected, names.join(', ') || 'an empty folder');
  };
  const qrels = new Map<string, string>();
  addSplits(qrels, dir, names, QRELS_FILE);
  for (const folder of QRELS_FOLDERS) {
    if (!names.includes(folder) || (folder !== 'qrels' && qrels.size > 0)) continue;
    const inside = await list(join(dir, folder));
    addSplits(
      qrels,
      join(dir, folder),
      folder === 'qrels' ? inside : inside.filter(isParquetName),
      SPLIT_FILE,
    );
    // The hub's conversions of data sets: default/test/0000.parquet.
    for (const name of inside)
      if (!qrels.has(name) && (await holdsParquet(join(dir, folder, name))))
        qrels.set(name, join(dir, folder, name));
  }
  if (qrels.size === 0)
    throw new DataError(
      dir,
      0,
      'judgements: qrels/<split>.tsv, qrels.tsv or qrels/<split>.parquet',
      names.join(', '),
    );
  return {
    dir,
    corpus: await find('corpus', ['corpus', 'documents']),
    queries: await find('queries', ['queries']),
    qrels,
  };
}

const isParquetName = (name: string): boolean => name.endsWith('.parquet');

/** Adds the files of each split; several pieces of one split become a pattern. */
function addSplits(qrels: Map<string, string>, dir: string, names: readonly string[], file: RegExp): void {
  for (const name of names) {
    const match = file.exec(name)?.groups;
    if (!match) continue;
    const split = match.split ?? 'all';
    const known = qrels.get(split);
    // In one folder they are copies in another format; in two folders, neither may be silently ignored.
    if (known !== undefined && dirname(known) !== dir)
      throw new DataError(
        dir,
        0,
        `the judgements of split ${excerpt(split)} in one place`,
        `${known} and ${join(dir, name)}`,
      );
    if (!isParquetName(name)) qrels.set(split, join(dir, name));
    else if (!qrels.has(split)) qrels.set(split, join(dir, allShards(name)));
  }
}

/** For a file that is one of several, the pattern that matches all of them. */
const allShards = (name: string): string => name.replace(/-\d+-of-(\d+)\.parquet$/, '-*-of-$1.parquet');

/** A file, pattern or folder of Parquet under one of these names. */
async function parquetNamed(
  dir: string,
  names: readonly string[],
  aliases: readonly string[],
): Promise<string | undefined> {
  for (const alias of aliases) {
    const file = names.find(
      (name) => isParquetName(name) && name.replace(/(-\d+-of-\d+)?\.parquet$/, '') === alias,
    );
    if (file) return allShards(file);
    for (const folder of [alias, join(alias, alias)])
      if (await holdsParquet(join(dir, folder))) return folder;
  }
  return undefined;
}

const holdsParquet = async (path: string): Promise<boolean> =>
  ((await stat(path).catch(() => undefined))?.isDirectory() ?? false) &&
  (await list(path)).some(isParquetName);

async function list(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    throw new DataError(dir, 0, 'a BEIR folder', (error as Error).message, { cause: error });
  }
}
