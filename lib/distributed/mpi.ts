// MPI's world as a Communicator. The library is opened on first use; nothing else in the package needs it.
import { inspect } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import type { Communicator, ReduceOperation } from '../communicator.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { nativeMpi } from '../native/mpi.js';
import { launcherOf, libraryNames, wrongLauncher } from './launcher.js';
import { checkRank, checkSending, checkValues } from './arguments.js';
import { reduceInOrder } from './reduce.js';

export interface MpiOptions {
  /**
   * The library: a path, or a name that dlopen finds. Default: the variable CKL_MPI, or the first of the
   * usual names that opens.
   */
  library?: string;
}

/** MPI_COMM_WORLD, and the library it runs on. */
export interface MpiCommunicator extends Communicator {
  /** The library's file. */
  readonly file: string;
  /** The library's own name and version. */
  readonly version: string;
}

/** What is known about MPI on this machine, without starting it. */
export type FoundMpi =
  | { available: true; file: string; abi: 'Open MPI' | 'MPICH' | 'MPI 5'; version: string }
  | {
      available: false;
      /** The reason if not: the names that were tried, and what was wrong with each. */
      reason: string;
    };

/**
 * Tells which MPI library `mpi()` would use. Opens it without initialising MPI. A process uses one library:
 * once one is open, `library` has no effect.
 */
export function findMpi(options: MpiOptions = {}): FoundMpi {
  const { library } = options;
  if (library !== undefined && (typeof library !== 'string' || library === '' || library.includes('\0'))) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `library is ${describe(library)}; it must be the path or the name of an MPI library`,
    );
  }
  const names = libraryNames(launcherOf(process.env), library ?? process.env.CKL_MPI);
  const { file, abi, version, tried } = nativeMpi.mpiOpen(names);
  if (file !== undefined) return { available: true, file, abi: abi!, version: version! };
  return { available: false, reason: `no MPI library opens. Tried: ${tried.join('; ')}` };
}

let world: MpiCommunicator | null = null;

/**
 * The processes that `mpirun` or `srun` started, each of which is a rank. Initialises MPI unless the process
 * has already done so. If it did, MPI is finalised when this process exits with code 0; any other code aborts
 * the whole job (MPI_Abort), because the other ranks would wait forever.
 * @throws TypeError with code ERR_CKL_GROUP if there is no MPI library, or if the launcher belongs to another
 * one: every process would then be a world of its own, of size 1.
 */
export function mpi(options: MpiOptions = {}): MpiCommunicator {
  if (world !== null) return world;
  if (!isMainThread) {
    throw new CklTypeError(
      'ERR_CKL_GROUP',
      'mpi() was called in a worker thread; MPI belongs to the main thread of a process',
    );
  }
  const found = findMpi(options);
  if (!found.available) {
    throw new CklTypeError(
      'ERR_CKL_GROUP',
      `MPI is not available: ${found.reason}. Install one (apt-get install openmpi-bin, or mpich), or name its file in CKL_MPI`,
    );
  }
  const started = nativeMpi.mpiStart();
  if (started === null) {
    throw new CklTypeError('ERR_CKL_GROUP', 'MPI was finalised in this process; it cannot be started again');
  }
  const [rank, size, ours] = started;
  if (ours) endWithProcess();
  const wrong = wrongLauncher(launcherOf(process.env), size, found.file);
  if (wrong !== '') throw new CklRangeError('ERR_CKL_GROUP', wrong);
  return (world = new World(rank, size, found.file, found.version));
}

/** Finalises MPI when the process exits. */
function endWithProcess(): void {
  let uncaught: { error: unknown } | null = null;
  process.on('uncaughtExceptionMonitor', (error) => {
    if (process.listenerCount('uncaughtException') === 0) uncaught = { error };
  });
  process.on('exit', (code) => {
    // Node prints an uncaught error after this event, and MPI_Abort does not return.
    if (uncaught !== null) process.stderr.write(`${inspect(uncaught.error)}\n`);
    nativeMpi.mpiEnd(code);
  });
}

/** Maximum number of numbers per message: MPI counts in ints. */
const longest = 2 ** 31 - 1;

class World implements MpiCommunicator {
  constructor(
    readonly rank: number,
    readonly size: number,
    readonly file: string,
    readonly version: string,
  ) {}

  allGather(values: Float64Array): Float64Array {
    checkValues(values);
    if (values.length * this.size > longest) {
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        `${this.size} arrays of ${values.length} numbers are too many for one message; ${longest} is the most`,
      );
    }
    const all = new Float64Array(values.length * this.size);
    nativeMpi.mpiAllGather(values, all);
    return all;
  }

  allReduce(values: Float64Array, operation: ReduceOperation = 'sum'): Float64Array {
    checkValues(values);
    return reduceInOrder((part) => this.allGather(part), this.size, values, operation);
  }

  broadcast(values: Float64Array, root = 0): Float64Array {
    checkValues(values);
    checkRank('root', root, this.size);
    const data = values.slice();
    nativeMpi.mpiBroadcast(data, root);
    return data;
  }

  sendReceive(values: Float64Array, to: number, from: number, length = values.length): Float64Array {
    checkSending(values, to, from, length, this.size);
    const received = new Float64Array(length);
    nativeMpi.mpiSendReceive(values, to, received, from);
    return received;
  }

  barrier(): void {
    nativeMpi.mpiBarrier();
  }
}
