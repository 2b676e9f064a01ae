// MPI's world as a Communicator. The library is looked for when it is first asked for; nothing of the package needs it.
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
  /** The library: a path, or a name that dlopen finds. Default: the variable CKL_MPI, or whichever of the usual names is there. */
  library?: string;
}

/** MPI_COMM_WORLD, with what it runs on. */
export interface MpiCommunicator extends Communicator {
  /** The library's file. */
  readonly file: string;
  /** As the library names itself. */
  readonly version: string;
}

/** What is there of MPI, without starting it. */
export type FoundMpi =
  | { available: true; file: string; abi: 'Open MPI' | 'MPICH' | 'MPI 5'; version: string }
  | {
      available: false;
      /** Why not, in words: which names were tried, and what was wrong with each. */
      reason: string;
    };

/**
 * Which MPI library `mpi()` would take. Opens it, and initialises nothing. A process has one: after the first that opens, `library` changes
 * nothing.
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
 * The processes that `mpirun` or `srun` started, each a rank. Initialises MPI unless the process has done so; then it is finalised when this
 * process exits with code 0, and with another code the whole job ends (MPI_Abort), for the other ranks would wait for ever.
 * @throws TypeError with code ERR_CKL_GROUP where there is no MPI library, or where the launcher is not of this library. Every process would
 * then be a world of its own, of size 1.
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

/** Ends MPI when the process ends. */
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

/** Numbers of one message: MPI counts in ints. */
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
