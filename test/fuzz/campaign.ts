// Runs one case after the other until the budget is spent, and says how to repeat the one that failed.
//   CKL_FUZZ_SECONDS  how long (default 3), or CKL_FUZZ_CASES, how many
//   CKL_FUZZ_SEED     default: one from the clock; it is printed
//   CKL_FUZZ_FROM     the first case; with CKL_FUZZ_CASES=1 that case alone
import { closeSync, openSync, writeSync } from 'node:fs';
import { Random } from './random';

const variable = (name: string, otherwise: number) => Number(process.env[name] || otherwise);
/** Where the number of the case that runs is kept, for when the process crashes in it. */
const trail = process.env.CKL_FUZZ_TRAIL;

export type Case = (random: Random, number: number) => void | Promise<void>;

/** Never returns a failure: it prints it and ends the process with code 1. */
export async function campaign(name: string, run: Case): Promise<void> {
  const seed = variable('CKL_FUZZ_SEED', Date.now() % 2 ** 31);
  const first = variable('CKL_FUZZ_FROM', 0);
  const cases = variable('CKL_FUZZ_CASES', Infinity);
  const end = cases === Infinity ? Date.now() + 1000 * variable('CKL_FUZZ_SECONDS', 3) : Infinity;
  const file = trail ? openSync(trail, 'w') : -1;
  const again = (number: number) =>
    `CKL_FUZZ_SEED=${seed} CKL_FUZZ_FROM=${number} CKL_FUZZ_CASES=1 npm run test:fuzz -- ${name}`;
  const fail = (number: number, error: unknown): never => {
    process.stderr.write(`${name}: case ${number} of seed ${seed} failed\n`);
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.stderr.write(`Again: ${again(number)}\n`);
    process.stderr.write(
      `If that passes, it takes the cases before it: CKL_FUZZ_FROM=0 CKL_FUZZ_CASES=${number + 1}\n`,
    );
    process.exit(1);
  };
  let number = first;
  process.on('uncaughtException', (error) => fail(number, error));
  process.on('unhandledRejection', (error) => fail(number, error));
  for (; number < first + cases && Date.now() < end; number++) {
    if (file >= 0) writeSync(file, `${seed} ${number}\n`.padEnd(32), 0);
    try {
      const done = run(new Random(seed, number), number);
      if (done !== undefined) await done;
    } catch (error) {
      fail(number, error);
    }
    // Finalizers, and the jobs of the pool, run between turns of the event loop.
    if (number % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (file >= 0) closeSync(file);
  process.stdout.write(`${name}: ${number - first} cases of seed ${seed}, nothing found\n`);
}

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}
