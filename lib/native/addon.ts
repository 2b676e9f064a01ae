// Finds and loads the addon's binary: one compiled here, else one prebuilt for this platform, else whatever
// node-gyp-build finds.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AddonError } from '../errors.js';
import { isBundled } from './bundled.js';
import { addonInterface } from './interface.js';

/** A binary that was tried, and why it is not used. */
export interface FailedAddon {
  file: string;
  reason: string;
}

export interface LoadedAddon {
  exports: unknown;
  file: string;
  origin: 'compiled here' | 'prebuilt';
  /** The binaries that were tried before it. */
  failed: FailedAddon[];
}

/** The exports of this version of the addon; a binary that lacks one belongs to another version. */
const exported = [
  'Plan',
  'AbortFlag',
  'DeviceLoss',
  'Scoring',
  'ranks',
  'rankBias',
  'losses',
  'cpu',
  'cuda',
  'cudaError',
];

/** The C library for which a prebuilt binary must be built. Binaries of other platforms have no such tag. */
const libc = process.platform !== 'linux' ? undefined : isAlpine() ? 'musl' : 'glibc';

function isAlpine(): boolean {
  try {
    return existsSync('/etc/alpine-release');
  } catch {
    // Node's permissions do not allow asking.
    return false;
  }
}

/**
 * @param root the folder of the package
 * @throws AddonError if no binary loads
 */
export function loadAddon(root: string): LoadedAddon {
  const failed: FailedAddon[] = [];
  for (const file of candidates(root, failed)) {
    if (failed.some((attempt) => attempt.file === file)) continue;
    if (!existsSync(file)) {
      failed.push({ file, reason: 'no such file' });
      continue;
    }
    try {
      const exports = loadFile(file);
      const prebuilt = dirname(dirname(file)).endsWith('prebuilds');
      return { exports, file, origin: prebuilt ? 'prebuilt' : 'compiled here', failed };
    } catch (error) {
      failed.push({ file, reason: reasonOf(error, file) });
    }
  }
  // Most users should have the package's own binary, so its problem is reported first.
  throw new AddonError(failed.reverse(), isBundled(root));
}

/**
 * The places where a binary may be. The usual places come first: node-gyp-build, which also knows the unusual
 * ones (below CKL_LOSS_PREBUILD, next to a packed executable), takes longer to load than the addon itself.
 */
function* candidates(root: string, failed: FailedAddon[]): Generator<string> {
  if (process.env.CKL_LOSS_PREBUILD) yield* chosenFile(root);
  yield join(root, 'build', 'Release', 'ckl_loss.node');
  yield* prebuiltFiles(join(root, 'prebuilds', `${process.platform}-${process.arch}`), failed);
  yield* chosenFile(root);
}

function chosenFile(root: string): string[] {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const nodeGypBuild = require('node-gyp-build') as { path(root: string): string };
    return [nodeGypBuild.path(root)];
  } catch {
    return []; // it found none, or Node's permissions keep it from looking; the loop reports what is missing
  }
}

function prebuiltFiles(folder: string, failed: FailedAddon[]): string[] {
  const reject = (reason: string): string[] => {
    failed.push({ file: folder, reason });
    return [];
  };
  if (!existsSync(folder)) {
    return reject(`no such folder: there is no binary for ${process.platform}-${process.arch}`);
  }
  const names = readdirSync(folder).filter((name) => name.endsWith('.node'));
  // ckl-loss.glibc.node: a file with a tag of another machine between dots is not tried.
  const fitting = names.filter((name) => !/\.(glibc|musl)\./.test(name) || name.includes(`.${libc}.`));
  if (fitting.length > 0) return fitting.map((name) => join(folder, name));
  return reject(
    names.length === 0 ? 'no binary in this folder' : `no binary for ${libc}: ${names.join(', ')}`,
  );
}

const REBUILD = '; rebuild it with `npm rebuild ckl-loss`, in a checkout with `npm run build`';

/** Addons of earlier versions do not export it. */
const describeInterface = (value: unknown): string => (typeof value === 'string' ? value : 'unnamed');

function loadFile(file: string): unknown {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const addon = require(file) as Record<string, unknown>;
  const missing = exported.filter((name) => typeof addon[name] !== 'function');
  if (missing.length > 0)
    throw new Error(`not the addon of this version: it lacks ${missing.join(', ')}${REBUILD}`);
  if (addon.interface !== addonInterface)
    throw new Error(
      `the addon was built from another version of ckl-loss: its interface is ${describeInterface(addon.interface)}, and this ` +
        `version needs ${addonInterface}${REBUILD}`,
    );
  return addon;
}

/** The first line of the error: loaders repeat the file's name, and Node adds the requiring module. */
function reasonOf(error: unknown, file: string): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line.replace(`${file}: `, '');
}
