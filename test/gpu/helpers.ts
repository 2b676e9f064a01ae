// What the suites of a GPU share: sizes for a GPU and for the emulator, large batches made on the device, child processes.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import {
  type DeviceBatch,
  type DeviceDtype,
  DeviceTensor,
  devices,
  type HostArray,
} from '../../lib/cuda/index';
import { type BatchShape, randomBatch, type TestBatch, toBfloat16 } from '../js/loss/helpers';

/** The one under test; throws, so that all fails, where there is none. */
export const [gpu] = devices();
export const isEmulated = gpu.name.startsWith('emulated');

/** Kernels on the host are a million times slower: the same test, smaller. */
export const sized = <T>(real: T, emulated: T): T => (isEmulated ? emulated : real);

/** Within all.sh: a little of everything. */
export const short = process.env.CKL_SHORT === '1';

export type FloatType = 'float32' | 'bfloat16';

/** Scores that bfloat16 holds exactly, so that one expectation serves both types; one positive and one negative at least. */
export function exactBatch(shape: BatchShape): TestBatch {
  const batch = randomBatch({ scale: 1, ...shape });
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  const exact = (x: number) => ((bits[0] = toBfloat16(x) << 16), value[0]);
  return { ...batch, student: batch.student.map(exact), teacher: batch.teacher.map(exact) };
}

/** Scores as the element type has them. */
export function scoresAs(scores: Float32Array, dtype: FloatType): HostArray {
  return dtype === 'float32' ? scores : Uint16Array.from(scores, toBfloat16);
}

/** The same array again and again, `times` in all, written by copies that double. */
export function repeated<D extends DeviceDtype>(
  array: HostArray,
  dtype: D,
  times: number,
  shape: readonly number[],
): DeviceTensor<D> {
  const tensor = DeviceTensor.allocate(shape, dtype);
  const { length } = tensor;
  if (array.length * times !== length) throw new Error(`${array.length} × ${times} is not ${length}`);
  tensor.subtensor(0, array.length).copyFrom(array);
  for (let done = array.length; done < length; done *= 2) {
    const more = Math.min(done, length - done);
    tensor.subtensor(done, done + more).copyFrom(tensor.subtensor(0, more));
  }
  return tensor;
}

/** A batch whose rows repeat those of a small one `times`. */
export function repeatedBatch(
  batch: TestBatch,
  times: number,
  dtype: FloatType,
): DeviceBatch & { [Symbol.dispose](): void } {
  const [queries, docs] = batch.shape;
  const shape = [queries * times, docs] as const;
  const student = repeated(scoresAs(batch.student, dtype), dtype, times, shape);
  const teacher = repeated(scoresAs(batch.teacher, dtype), dtype, times, shape);
  const labels = repeated(batch.labels, 'uint8', times, shape);
  return {
    ...{ student, teacher, labels },
    [Symbol.dispose]() {
      for (const tensor of [student, teacher, labels]) tensor.dispose();
    },
  };
}

/** Bytes of device memory that a float batch of this many documents takes with its gradient. */
export const batchBytes = (documents: number, dtype: FloatType): number =>
  documents * (dtype === 'float32' ? 13 : 7);

const root = join(__dirname, '../..');

export interface Ended {
  /** The exit code; null if a signal ended it. */
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

/** Runs a script of this folder by its own process, and kills it if it takes longer than `seconds`. */
export function runScript(script: string, args: string[] = [], seconds = sized(60, 120)): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--expose-gc', join('test/gpu', script), ...args], {
      cwd: root,
      timeout: seconds * 1000,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, out, err }));
  });
}
