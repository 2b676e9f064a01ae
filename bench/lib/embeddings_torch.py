"""Losses of embeddings as a training loop writes them in eager PyTorch.

embeddings_torch.py FOLDER WORK THREADS SECONDS NAME=SHAPE...: the arrays as raw float32 files, SHAPE as 64x33x768. Prints the version,
the BLAS core, the loss (or the sum of the scores), least nanoseconds, and the peak of memory beyond the inputs in bytes.
"""
import ctypes
import sys
import time

import torch
import torch.nn.functional as F

folder, work, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
torch.set_num_threads(threads)


def read(shape, name):
    with open(f"{folder}/{name}", "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32).view(*shape)


def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


def kl(student, teacher):
    lq, lp = torch.log_softmax(student, -1), torch.log_softmax(teacher, -1)
    return (lp.exp() * (lp - lq)).sum(-1).mean()


def lists(x):
    q, d = F.normalize(x["queries"], dim=-1), F.normalize(x["documents"], dim=-1)
    return kl(20 * torch.bmm(d, q.unsqueeze(-1)).squeeze(-1), x["teacher"])


def in_batch(x):
    q, d = F.normalize(x["queries"], dim=-1), F.normalize(x["documents"], dim=-1)
    return kl(20 * (q @ d.T), x["teacher"])


def max_sim(x):
    products = x["documents"] @ x["queries"].unsqueeze(1).transpose(-1, -2)  # [queries, docs, tokens, query tokens]
    return kl(products.amax(-2).sum(-1), x["teacher"])


def scores(x):
    return (x["queries"] @ x["documents"].T).sum()


op = {"lists": lists, "inBatch": in_batch, "maxSim": max_sim, "scores": scores}[work]
backward = work != "scores"


def step(x):
    if not backward:
        with torch.no_grad():
            return x["queries"] @ x["documents"].T
    for name in ("queries", "documents"):
        x[name].grad = None
    loss = op(x)
    loss.backward()
    return loss


def leaves(shapes, make):
    x = {name: make(shape, name) for name, shape in shapes.items()}
    for name in ("queries", "documents"):
        x[name].requires_grad_(backward)
    return x


shapes = {name: [int(n) for n in shape.split("x")] for name, shape in (a.split("=") for a in sys.argv[5:])}
# Libraries take memory when they are used first.
step(leaves({name: [min(n, 4) for n in shape] for name, shape in shapes.items()}, lambda shape, _: torch.randn(*shape)))
inputs = leaves(shapes, read)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = memory("VmRSS")
result = step(inputs)
peak = memory("VmHWM") - before
value = (result if backward else result.double().sum()).item()
del result

least, end, calls = float("inf"), time.perf_counter() + seconds, 0
while calls < 5 or time.perf_counter() < end:
    start = time.perf_counter()
    step(inputs)
    least = min(least, time.perf_counter() - start)
    calls += 1
blas = ctypes.CDLL("libopenblas.so.0")
blas.openblas_get_corename.restype = ctypes.c_char_p
print(torch.__version__, blas.openblas_get_corename().decode(), value, least * 1e9, peak)
