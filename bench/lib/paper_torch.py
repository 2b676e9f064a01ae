"""CKL with ranks and padding as a training loop writes it in eager PyTorch, on one thread. Prints version, loss, least nanoseconds.

paper_torch.py FOLDER QUERIES DOCS RANKS SECONDS: student, teacher (float32), labels (uint8; 255: padding) and ranks (int32) as raw
files; RANKS is none, given or fresh.
"""
import sys
import time

import torch

folder, queries, docs, ranks, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], float(sys.argv[5])
torch.set_num_threads(1)


def read(name, dtype):
    with open(f"{folder}/{name}", "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=dtype).view(queries, docs)


student = read("student", torch.float32).requires_grad_()
teacher = read("teacher", torch.float32)
labels = read("labels", torch.uint8)
given = read("ranks", torch.int32)
positive = labels == 1
padding = labels == 255
padded = bool(padding.any())


def ckl(gamma=5.0, alpha=1.0):
    s, t = student, teacher
    if padded:
        s, t = s.masked_fill(padding, -torch.inf), t.masked_fill(padding, -torch.inf)
    lq, lp = torch.log_softmax(s, 1), torch.log_softmax(t, 1)
    q, p = lq.exp(), lp.exp()
    if ranks == "none":
        weight = torch.where(positive, (1 - q) ** gamma, q**gamma)
    else:
        rank = given
        if ranks == "fresh":
            with torch.no_grad():
                rank = s.argsort(1, descending=True).argsort(1) + 1
        inverse = 1 / rank.float()
        beta = alpha * (inverse - (inverse * positive).sum(1, keepdim=True) / positive.sum(1, keepdim=True))
        finite = lq.masked_fill(padding, 0) if padded else lq
        weight = torch.where(positive, (1 - q) ** gamma, ((gamma - beta) * finite).exp())
    difference = lp - lq
    if padded:
        difference = difference.masked_fill(padding, 0)
    return (weight * p * difference).sum(1).mean()


least, end, calls = float("inf"), time.perf_counter() + seconds, 0
while calls < 5 or time.perf_counter() < end:
    student.grad = None
    start = time.perf_counter()
    loss = ckl()
    loss.backward()
    least = min(least, time.perf_counter() - start)
    calls += 1
print(torch.__version__, loss.item(), least * 1e9)
