// `ckl-loss bench`: how fast this machine is, against a copy of the same bytes and against PyTorch if it is installed.
import { availableParallelism } from 'node:os';
import { backends, prepare } from '../../../index.js';
import { timeTorch, type TorchTime } from './torch.js';
import type { Output } from '../progress.js';
import { standardError, standardOutput } from '../standard-streams.js';
import { formatTable } from '../table.js';
import { parseOptions, readNumber } from '../usage.js';

export const BENCH_HELP = `ckl-loss bench: measure how fast this machine computes loss and gradient of CKL (gamma 5, float32)

  --threads N   number of threads (default: all that the machine has)
  --seconds S   seconds per measurement, for each shape and library (default: 0.5)
  --no-peers    leave out PyTorch, which is timed if python3 (or the command in the variable PYTHON) has it
  --json        write the results as JSON
  --help        show this help

Each document causes 13 bytes of memory traffic: two scores and a label are read, and a gradient is written. The copy moves the same number of bytes.
`;

const SHAPES = [
  [65536, 16],
  [16384, 64],
  [1024, 1024],
  [64, 16384],
] as const;

const BYTES = 13;

/** One shape; times are nanoseconds per document. */
export interface BenchRow {
  shape: string;
  nanoseconds: number;
  copy: number;
  torch: number | null;
}

/**
 * @param args what follows `bench` on the command line
 * @returns the exit code
 */
export async function bench(args: string[], out: Output = standardOutput): Promise<number> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const values = parseOptions(args, {
    threads: text,
    seconds: text,
    'no-peers': flag,
    json: flag,
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    out.write(BENCH_HELP);
    return 0;
  }
  const threads = readNumber('threads', values.threads, { min: 1, max: 1024, whole: true });
  const seconds = readNumber('seconds', values.seconds, { min: 0.001, max: 60 }) ?? 0.5;
  const used = threads ?? availableParallelism();
  if (!values.json)
    out.write(`${backends().cpu.target}, ${used} thread${used === 1 ? '' : 's'}; ns per document\n`);
  const rows: BenchRow[] = [];
  let torch: TorchTime | null = null;
  for (const [k, shape] of SHAPES.entries()) {
    if (standardError.isTTY && !values.json)
      standardError.write(`\r${k + 1} of ${SHAPES.length}: ${shape.join(' x ')} `);
    const documents = shape[0] * shape[1];
    const ours = timeOurs(shape, used, seconds * 1e3) / documents;
    const copy = timeCopy(documents * BYTES, seconds * 500) / documents;
    if (!values['no-peers'] && (k === 0 || torch)) torch = await timeTorch(shape, used, seconds);
    rows.push({
      shape: shape.join(' x '),
      nanoseconds: ours,
      copy,
      torch: torch && torch.nanoseconds / documents,
    });
  }
  if (standardError.isTTY && !values.json) standardError.write('\r\x1b[K');
  const peer = torch?.version ?? null;
  if (values.json) {
    const { cpu } = backends();
    out.write(`${JSON.stringify({ target: cpu.target, threads: used, torch: peer, rows }, null, 2)}\n`);
  } else {
    out.write(benchText(rows, peer));
    if (!peer && !values['no-peers']) out.write('PyTorch: not found (python3, or the variable PYTHON)\n');
  }
  return 0;
}

/** The table for a person. */
export function benchText(rows: BenchRow[], torch: string | null): string {
  const head = ['shape', 'ckl', 'copy', 'of copy'];
  if (torch) head.push(`PyTorch ${torch}`, 'ratio');
  const cells = rows.map((row) => [
    row.shape,
    row.nanoseconds.toFixed(2),
    row.copy.toFixed(2),
    `${((100 * row.copy) / row.nanoseconds).toFixed(0)} %`,
    ...(torch ? [(row.torch ?? NaN).toFixed(1), ((row.torch ?? NaN) / row.nanoseconds).toFixed(0)] : []),
  ]);
  return formatTable([head, ...cells]);
}

/** The minimum time of one call in ns; normal scores, one positive per query. */
function timeOurs([queries, docs]: readonly [number, number], threads: number, budget: number): number {
  const length = queries * docs;
  const scores = (step: number) =>
    Float32Array.from({ length }, (_, i) => 2 * Math.sin(i * step) + Math.cos(i * i * step));
  const batch = {
    student: scores(1.7),
    teacher: scores(2.3),
    labels: Uint8Array.from({ length }, (_, i) => Number(i % docs === (7 * Math.floor(i / docs)) % docs)),
    shape: [queries, docs] as const,
  };
  using prepared = prepare('ckl', { gamma: 5, alpha: 0, shape: [queries, docs], backend: 'cpu', threads });
  return leastTime(() => prepared.run(batch), budget);
}

/** The same for a copy that reads and writes this many bytes in total. */
function timeCopy(bytes: number, budget: number): number {
  const from = new Uint8Array(Math.ceil(bytes / 2)).fill(1);
  const to = new Uint8Array(from.length);
  return leastTime(() => to.set(from), budget);
}

function leastTime(call: () => void, budget: number): number {
  let least = Infinity;
  const end = performance.now() + budget;
  for (let k = 0; k < 3 || performance.now() < end; k++) {
    const start = process.hrtime.bigint();
    call();
    least = Math.min(least, Number(process.hrtime.bigint() - start));
  }
  return least;
}
