// The environment variables, read when a native plan is created. An option takes precedence over its
// variable.

/** Values as the user wrote them; undefined when unset or empty. The code that uses one checks it. */
export interface Environment {
  backend: string | undefined;
  cpuTarget: string | undefined;
  threads: string | undefined;
  debug: boolean;
}

export function environment(): Environment {
  const { CKL_BACKEND, CKL_CPU_TARGET, CKL_THREADS, CKL_DEBUG } = process.env;
  return {
    backend: CKL_BACKEND || undefined,
    cpuTarget: CKL_CPU_TARGET || undefined,
    threads: CKL_THREADS || undefined,
    debug: CKL_DEBUG !== undefined && CKL_DEBUG !== '' && CKL_DEBUG !== '0',
  };
}
