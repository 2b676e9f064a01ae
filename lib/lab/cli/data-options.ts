// The data of a command: the requested folder and teacher file, or the bundled sample.
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SAMPLE_TEACHER, writeSample } from '../sample/write.js';
import { UsageError } from './usage.js';

/** The sample of the package; one installed without its examples writes its own. */
const REPOSITORY_SAMPLE = join(__dirname, '../../../examples/sample');
export const SAMPLE = existsSync(REPOSITORY_SAMPLE) ? REPOSITORY_SAMPLE : join(tmpdir(), 'ckl-loss-sample');

export interface DataArguments {
  data: string;
  teacher: string;
  /** Whether it is the sample, which may have to be written first: see {@link provideSample}. */
  sample: boolean;
}

/**
 * Without --data, the sample. Without --teacher, the file in the folder with the name of the sample's teacher, if there is one.
 *
 * @throws UsageError
 */
export function readData({ data, teacher }: { data?: string; teacher?: string }): DataArguments {
  if (data === undefined) {
    if (teacher !== undefined) throw new UsageError('--teacher needs --data, the folder it has scores for');
    return { data: SAMPLE, teacher: join(SAMPLE, SAMPLE_TEACHER), sample: true };
  }
  if (!existsSync(data)) throw new UsageError(`--data: there is no folder ${data}`);
  const beside = join(data, SAMPLE_TEACHER);
  if (teacher === undefined && !existsSync(beside))
    throw new UsageError(`--teacher is needed: ${data} contains no ${SAMPLE_TEACHER}`);
  return { data, teacher: teacher ?? beside, sample: false };
}

/** Writes missing files of the sample, if it is used: an interrupted run may have written only some of them. */
export async function provideSample({ data, sample }: DataArguments): Promise<void> {
  if (sample && data !== REPOSITORY_SAMPLE) await writeSample(data);
}
