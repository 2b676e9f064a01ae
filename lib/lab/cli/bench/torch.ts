// The benchmarks' comparison: CKL as a training loop would write it in eager PyTorch, run by the installed
// Python.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const SCRIPT = `
import sys, time
import torch
queries, docs, threads, seconds = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(0)
student = torch.randn(queries, docs, requires_grad=True)
teacher = torch.randn(queries, docs)
positive = torch.zeros(queries, docs, dtype=torch.bool)
positive[torch.arange(queries), torch.randint(docs, (queries,))] = True

def ckl(gamma=5):
    lq = torch.log_softmax(student, -1)
    lp = torch.log_softmax(teacher, -1)
    q, p = lq.exp(), lp.exp()
    weight = torch.where(positive, (1 - q) ** gamma, q**gamma)
    return (weight * p * (lp - lq)).sum(-1).mean()

least, end, calls = float("inf"), time.perf_counter() + seconds, 0
while calls < 5 or time.perf_counter() < end:
    student.grad = None
    start = time.perf_counter()
    ckl().backward()
    least = min(least, time.perf_counter() - start)
    calls += 1
print(torch.__version__, least * 1e9)
`;

export interface TorchTime {
  version: string;
  /** Nanoseconds for loss and gradient of one batch: the minimum of all calls. */
  nanoseconds: number;
}

/** Times it; null if this Python is not installed or has no PyTorch. */
export async function timeTorch(
  [queries, docs]: readonly [queries: number, docs: number],
  threads: number,
  seconds: number,
  python = process.env.PYTHON || 'python3',
): Promise<TorchTime | null> {
  const args = ['-c', SCRIPT, ...[queries, docs, threads, seconds].map(String)];
  try {
    const { stdout } = await promisify(execFile)(python, args, { timeout: 120_000 });
    const [version, nanoseconds] = stdout.trim().split(' ');
    return { version, nanoseconds: Number(nanoseconds) };
  } catch {
    return null;
  }
}
