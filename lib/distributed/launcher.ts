// Finds out from the environment which launcher started this process, which MPI library belongs to it, and
// how many processes there should be.

/** An MPI library's handles, as the addon names them. */
export type Abi = 'Open MPI' | 'MPICH' | 'MPI 5';

export interface Launcher {
  /** In words, for messages. */
  name: string;
  /** The library it belongs to; null if it starts programs of any library. */
  abi: Abi | null;
  /** The number of processes that it started. */
  size: number;
}

/** The launcher of this process; null if it was started by hand. */
export function launcherOf(variables: NodeJS.ProcessEnv): Launcher | null {
  const count = (name: string): number => {
    const value = Number(variables[name]);
    return Number.isInteger(value) && value > 0 ? value : 0;
  };
  if (count('OMPI_COMM_WORLD_SIZE') > 0) {
    return { name: "Open MPI's mpirun", abi: 'Open MPI', size: count('OMPI_COMM_WORLD_SIZE') };
  }
  // srun also sets PMI variables; a job script itself has no step.
  if (count('SLURM_STEP_NUM_TASKS') > 0) {
    return { name: 'srun', abi: null, size: count('SLURM_STEP_NUM_TASKS') };
  }
  if (count('PMI_SIZE') > 0) return { name: "MPICH's mpirun", abi: 'MPICH', size: count('PMI_SIZE') };
  return null;
}

/** Whether this process was started alone, or is the first that a launcher started. */
export const isFirstRank = (variables: NodeJS.ProcessEnv): boolean =>
  ['OMPI_COMM_WORLD_RANK', 'SLURM_PROCID', 'PMI_RANK'].every((name) => !(Number(variables[name]) > 0));

/**
 * The file names of MPI libraries. Open MPI 4 and 5 have the same; the second name of MPICH is that of its
 * derivatives.
 */
const names: Record<Abi, readonly string[]> = {
  'Open MPI': ['libmpi.so.40'],
  MPICH: ['libmpich.so.12', 'libmpi.so.12'],
  'MPI 5': ['libmpi_abi.so.0', 'libmpi_abi.so.1', 'libmpi_abi.so'],
};

/** The libraries to try, in order: the launcher's own first. */
export function libraryNames(launcher: Launcher | null, chosen: string | undefined): readonly string[] {
  if (chosen) return [chosen];
  const order: Abi[] =
    launcher?.abi === 'MPICH' ? ['MPICH', 'MPI 5', 'Open MPI'] : ['Open MPI', 'MPICH', 'MPI 5'];
  return order.flatMap((abi) => names[abi]);
}

/** Why `size` processes do not match what the launcher started; '' if they do. */
export function wrongLauncher(launcher: Launcher | null, size: number, file: string): string {
  if (launcher === null || size > 1 || launcher.size === 1) return '';
  const other = launcher.abi === 'MPICH' ? 'libmpich.so.12' : 'libmpi.so.40';
  return (
    `${launcher.name} started ${launcher.size} processes, but ${file} does not know it: each process came up as a world of its own, of size 1. ` +
    (launcher.abi === null
      ? 'Start them with srun --mpi=pmix or --mpi=pmi2, whichever this library was built for, or set CKL_MPI to the library that srun serves'
      : `Start them with the mpirun of that library, or set CKL_MPI=${other}`)
  );
}

/** This process's number on its host, according to the launcher; 0 if unknown. */
export function localRankOf(variables: NodeJS.ProcessEnv): number {
  const told = [
    'OMPI_COMM_WORLD_LOCAL_RANK',
    'MPI_LOCALRANKID',
    'MV2_COMM_WORLD_LOCAL_RANK',
    'SLURM_LOCALID',
    'LOCAL_RANK',
  ].map((name) => Number(variables[name] || NaN));
  return told.find((value) => Number.isInteger(value) && value >= 0) ?? 0;
}
