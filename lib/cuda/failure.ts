// Failures of CUDA calls as CudaError, with CUDA's own names.
import { CudaError } from '../errors.js';
import { native } from '../native/native.js';

/** What `error` is to a caller: a CudaError where a CUDA call failed. */
export function asCudaError(error: unknown): unknown {
  const code = (error as { cudaCode?: unknown } | null)?.cudaCode;
  if (typeof code !== 'number') return error;
  const [name, words] = native.cudaError(code);
  return new CudaError(name, words);
}

/** Runs native calls, and says in CUDA's words what failed. */
export function reporting<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asCudaError(error);
  }
}

/** The same for promises. */
export async function reportingAsync<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asCudaError(error);
  }
}
