// describe, it and expect of vitest for programs that run where vitest's own binaries do not: on arm64 under emulation. Its real expect, and
// as much of the rest as the suites use.
import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';
import { format } from 'node:util';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
export const expect = chai.expect;

type Body = (...args: never[]) => unknown;
const tests: { name: string; body: () => unknown }[] = [];
const prefix: string[] = [];

function add(name: string, body: () => unknown): void {
  tests.push({ name: [...prefix, name].join(' > '), body });
}

function group(name: string, body: () => void): void {
  prefix.push(name);
  body();
  prefix.pop();
}

/** The forms `.each` and `.runIf` of `define`. */
function forms(define: (name: string, body: () => void) => void) {
  const each = (cases: readonly unknown[]) => (name: string, body: Body) => {
    for (const one of cases) {
      const args = (Array.isArray(one) ? one : [one]) as never[];
      define(format(name, ...args), () => body(...args) as void);
    }
  };
  const runIf = (condition: unknown) => (condition ? define : () => {});
  return Object.assign(define, { each, runIf });
}

export const describe = forms(group);
export const it = forms(add);

/** Runs all tests. Prints those that fail, and how many there were; ends the process with 1 if one failed. */
export async function runAll(): Promise<void> {
  let failed = 0;
  for (const { name, body } of tests) {
    try {
      await body();
    } catch (error) {
      failed++;
      process.stderr.write(`FAILED ${name}\n${(error as Error).stack}\n`);
    }
  }
  process.stdout.write(`${tests.length} tests, ${failed} failed\n`);
  if (failed > 0 || tests.length === 0) process.exit(1);
}
