// The self-test and the timing of `ckl-loss doctor`. Loads the addon: import it only after checking that the addon loads.
import { prepare, type CpuTarget, type LossName } from '../../../index.js';
import { fault, type GoldenCase, readGoldenCases } from './golden.js';

export interface SelfTest {
  backend: 'cpu' | 'cuda';
  /** The instruction set; '' for CUDA. */
  target: string;
  cases: number;
  /** One sentence for each case that is wrong. */
  failures: string[];
}

export interface Timing {
  what: string;
  microseconds: number;
  /** Documents per second. */
  documentsPerSecond: number;
}

/** What the cases run on: an instruction set of the CPU, or CUDA. */
export interface Where {
  backend: 'cpu' | 'cuda';
  cpuTarget?: CpuTarget;
}

/** Runs the stored cases and compares them with their stored results. */
export function selfTest(where: Where, cases: readonly GoldenCase[] = readGoldenCases()): SelfTest {
  const failures = cases.map((c) => faultOf(c, where)).filter((text) => text !== '');
  return { backend: where.backend, target: where.cpuTarget ?? '', cases: cases.length, failures };
}

function faultOf(c: GoldenCase, where: Where): string {
  try {
    using prepared = prepare(c.loss as LossName, {
      shape: [1, c.student.length],
      ...c.options,
      ...where,
      threads: 1,
    });
    const { loss, grad, counted } = prepared.run({
      student: Float32Array.from(c.student),
      teacher: Float32Array.from(c.teacher),
      labels: Uint8Array.from(c.labels),
      shape: [1, c.student.length],
      ...(c.ranks && { ranks: Float32Array.from(c.ranks) }),
      ...(c.beta && { beta: Float32Array.from(c.beta) }),
      ...(c.relevance && { relevance: Float32Array.from(c.relevance) }),
    });
    const wrong = fault({ loss, grad, counted: counted === 1 }, c.expected);
    return wrong === '' ? '' : `${c.id}: ${wrong}`;
  } catch (error) {
    return `${c.id}: ${(error as Error).message}`;
  }
}

/** How long ckl takes, prepared, on the CPU: the median over about a tenth of a second for each size. */
export function timing(): Timing[] {
  const sizes = [
    [32, 64],
    [256, 256],
  ] as const;
  return sizes.map(([queries, docs]) => {
    const length = queries * docs;
    const scores = (step: number) => Float32Array.from({ length }, (_, i) => 4 * Math.sin(i * step));
    const batch = {
      student: scores(1.7),
      teacher: scores(2.3),
      labels: Uint8Array.from({ length }, (_, i) => (i % docs === 3 ? 1 : 0)),
      shape: [queries, docs] as const,
    };
    using prepared = prepare('ckl', { shape: [queries, docs], backend: 'cpu' });
    const microseconds = medianTime(() => prepared.run(batch), 100) * 1000;
    return {
      what: `ckl, ${queries} queries x ${docs} documents`,
      microseconds: Number(microseconds.toPrecision(3)),
      documentsPerSecond: Math.round((length / microseconds) * 1e6),
    };
  });
}

/** The median of single calls in ms, over about `budget` ms after a warm-up. */
function medianTime(action: () => void, budget: number): number {
  for (let i = 0; i < 20; i++) action();
  const times: number[] = [];
  const end = performance.now() + budget;
  for (let now = performance.now(); now < end;) {
    action();
    const after = performance.now();
    times.push(after - now);
    now = after;
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}
