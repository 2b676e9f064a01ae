"""Times other ways to compute the losses on the GPU that is here: bench/gpu.mjs asks, a line of JSON each way.

{"ask": "hello"}    what there is
{"ask": "verify"}   loss and gradient of a given batch by every peer and in float64, for comparison with ours
{"ask": "time"}     one shape, type and variant: microseconds by every peer
"""

import argparse
import gc
import importlib.util
import json
import statistics
import sys
import time
from types import SimpleNamespace

import torch

DEVICE = "cpu"


def ckl(student, teacher, labels, ranks, gamma, alpha):
    """CKL as a training loop writes it. alpha 0: no ranks; ranks None: those of the student."""
    lq = torch.log_softmax(student, -1, dtype=torch.float32)
    lp = torch.log_softmax(teacher, -1, dtype=torch.float32)
    q, p = lq.exp(), lp.exp()
    exponent = gamma if alpha == 0 else gamma - rank_bias(student.detach(), labels, ranks, alpha)
    weight = torch.where(labels == 1, (1 - q) ** gamma, q**exponent)
    return (weight * p * (lp - lq)).sum(-1).mean()


def kl(student, teacher, labels, ranks, gamma, alpha):
    lq = torch.log_softmax(student, -1, dtype=torch.float32)
    lp = torch.log_softmax(teacher, -1, dtype=torch.float32)
    return (lp.exp() * (lp - lq)).sum(-1).mean()


def liger_kl(student, teacher, labels, ranks, gamma, alpha):
    from liger_kernel.transformers import LigerKLDIVLoss

    lq = torch.log_softmax(student, -1, dtype=torch.float32)
    lp = torch.log_softmax(teacher, -1, dtype=torch.float32)
    return LigerKLDIVLoss(reduction="batchmean", log_target=True)(lq, lp)


def rank_bias(scores, labels, ranks, alpha):
    if ranks is None:
        order = scores.argsort(-1, descending=True)
        places = torch.arange(1, order.shape[-1] + 1, device=order.device).expand_as(order)
        ranks = torch.empty_like(order).scatter_(-1, order, places)
    inverse = 1.0 / ranks.float()
    positive = (labels == 1).float()
    mean = (inverse * positive).sum(-1, keepdim=True) / positive.sum(-1, keepdim=True)
    return alpha * (inverse - mean)


def exact(b):
    """Loss and gradient of ckl in float64, by autograd; 1 - q without cancellation."""
    student = b.student.double().requires_grad_()
    lq, lp = torch.log_softmax(student, -1), torch.log_softmax(b.teacher.double(), -1)
    exponent = b.gamma
    if b.alpha > 0:
        exponent = b.gamma - rank_bias(b.student, b.labels, b.ranks, b.alpha).double()
    log_weight = torch.where(b.labels == 1, b.gamma * torch.log(-torch.expm1(lq)), exponent * lq)
    loss = (log_weight.exp() * lp.exp() * (lp - lq)).sum(-1).mean()
    loss.backward()
    return loss.item(), student.grad


def with_gradient(loss_of, b):
    student = b.student.detach().requires_grad_()

    def call():
        loss = loss_of(student, b.teacher, b.labels, b.ranks, b.gamma, b.alpha)
        return loss, torch.autograd.grad(loss, student)[0]

    return call


def compiled(loss_of):
    """For one shape: what was compiled for others is forgotten, so that their number has no limit."""
    torch._dynamo.reset()
    return torch.compile(loss_of, mode="max-autotune-no-cudagraphs", dynamic=False)


def has(module):
    return importlib.util.find_spec(module) is not None


def peers_of(loss, wanted):
    """Loss functions by the names of the peers."""
    plain = kl if loss == "kl" else ckl
    ways = {}
    if "eager" in wanted:
        ways["eager"] = plain
    if "compile" in wanted and DEVICE == "cuda":
        ways["compile"] = compiled(plain)
    if "liger" in wanted and loss == "kl" and DEVICE == "cuda" and has("liger_kernel"):
        ways["liger"] = liger_kl
    return ways


def triton_of(b, checked_by):
    """The fastest way in Triton that is right: (name, function), or None where there is none."""
    if DEVICE != "cuda" or b.loss != "ckl" or (b.alpha > 0 and b.ranks is None) or not has("triton"):
        return None
    import triton_ckl

    processors = torch.cuda.get_device_properties(0).multi_processor_count
    best = None
    for name, way in triton_ckl.candidates(b.queries, b.docs, processors).items():
        try:
            way(b)
            checked_by(b)
            took = least_time(lambda: way(b), [None], 0.01)
        except Exception as error:  # out of registers or shared memory: another way is tried
            print(f"triton, {b.queries} x {b.docs}, {name}: {type(error).__name__} {error}"[:300], file=sys.stderr)
            continue
        if best is None or took < best[0]:
            best = (took, name, way)
    return best and best[1:]


def check_triton(b):
    """Against float64, on up to 64 rows from both ends, before anything is timed."""
    half = min(32, b.queries)
    for part in (slice(0, half), slice(b.queries - half, b.queries)):
        small = SimpleNamespace(**{**vars(b), "student": b.student[part], "teacher": b.teacher[part],
                                   "labels": b.labels[part], "ranks": None if b.ranks is None else b.ranks[part]})
        _, expected = exact(small)
        found = b.grad[part].double() * b.queries / half
        error = ((found - expected).norm() / expected.norm()).item()
        limit = 1e-4 if b.grad.dtype == torch.float32 else 1e-2
        if not error < limit:
            raise ValueError(f"the gradient differs by {error:.1e}")


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def least_time(call, sets, seconds):
    """Microseconds of call(set), by CUDA events around many calls: the median of seven rounds. (Without a GPU: by the clock.)"""
    for k in range(3):
        call(*([sets[k % len(sets)]] if sets[0] is not None else []))
    synchronize()

    def round_of(count):
        if DEVICE == "cuda":
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
        start = time.perf_counter()
        for k in range(count):
            call(*([sets[k % len(sets)]] if sets[0] is not None else []))
        if DEVICE == "cuda":
            end.record()
            end.synchronize()
            return begin.elapsed_time(end) * 1000 / count
        return (time.perf_counter() - start) * 1e6 / count

    once = round_of(max(2, len(sets)))
    count = max(len(sets), 3, min(2000, int(seconds * 1e6 / 7 / max(once, 0.1))))
    return statistics.median(round_of(count) for _ in range(7))


def replayed(call):
    """The same as a CUDA graph of one call."""
    call(), call()
    synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def batches(job):
    """As many batches as are larger than the cache together; scores normal, one positive a query."""
    queries, docs = job["shape"]
    dtype = getattr(torch, job["dtype"])
    generator = torch.Generator(device=DEVICE).manual_seed(1)
    sets = []
    for _ in range(job["sets"]):
        scores = lambda: torch.randn(queries, docs, device=DEVICE, generator=generator, dtype=torch.float32).to(dtype)
        labels = torch.zeros(queries, docs, device=DEVICE, dtype=torch.uint8)
        chosen = torch.randint(docs, (queries, 1), device=DEVICE, generator=generator)
        labels.scatter_(1, chosen, 1)
        ranks = None
        if job["ranks"] == "given":
            ranks = torch.arange(1, docs + 1, device=DEVICE, dtype=torch.int32).clamp(max=32767).to(torch.int16)
            ranks = ranks.expand(queries, docs).contiguous()
        sets.append(SimpleNamespace(
            queries=queries, docs=docs, loss=job["loss"], gamma=float(job["gamma"]), alpha=float(job["alpha"]), ranks=ranks,
            student=scores(), teacher=scores(), labels=labels, grad=torch.empty(queries, docs, device=DEVICE, dtype=dtype),
            losses=torch.empty(queries, device=DEVICE, dtype=torch.float32)))
    return sets


def time_peers(job):
    result = {}
    sets = batches(job)
    seconds = job["seconds"]
    if "triton" in job["peers"] and (found := triton_of(sets[0], check_triton)):
        name, way = found
        result["triton"] = least_time(way, sets, seconds)
        result["triton way"] = name
        if job["graph"]:
            result["triton graph"] = least_time(replayed(lambda: way(sets[0])), [None], seconds)
    if DEVICE == "cuda":
        moved = torch.empty(job["bytes"] // 2, device=DEVICE, dtype=torch.uint8)
        targets = [torch.empty_like(moved) for _ in sets]
        result["copy"] = least_time(lambda target: target.copy_(moved), targets, seconds)
        del targets, moved
    for name, loss_of in peers_of(job["loss"], job["peers"]).items():
        try:
            calls = [with_gradient(loss_of, b) for b in sets]
            result[name] = least_time(lambda call: call(), calls, seconds)
            if job["graph"] and name != "liger":
                result[f"{name} graph"] = least_time(replayed(calls[0]), [None], seconds)
        except Exception as error:
            print(f"{name}, {job['shape']}: {type(error).__name__} {error}"[:300], file=sys.stderr)
    del sets
    gc.collect()
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
    return result


def verify(job):
    """Loss and gradient by each peer, of the batch in the job."""
    queries, docs = job["shape"]
    tensor = lambda values, dtype: torch.tensor(values, dtype=dtype, device=DEVICE).reshape(queries, docs)
    b = SimpleNamespace(queries=queries, docs=docs, loss=job["loss"], gamma=float(job["gamma"]), alpha=float(job["alpha"]),
                        student=tensor(job["student"], torch.float32), teacher=tensor(job["teacher"], torch.float32),
                        labels=tensor(job["labels"], torch.uint8),
                        ranks=tensor(job["ranks"], torch.int16) if job["ranks"] else None,
                        grad=torch.empty(queries, docs, device=DEVICE), losses=torch.empty(queries, device=DEVICE))
    result = {}
    if b.loss == "ckl":
        loss, grad = exact(b)
        result["float64"] = {"loss": loss, "grad": grad.flatten().tolist()}
    for name, loss_of in peers_of(b.loss, job["peers"]).items():
        loss, grad = with_gradient(loss_of, b)()
        result[name] = {"loss": loss.item(), "grad": grad.flatten().tolist()}
    if "triton" in job["peers"] and (found := triton_of(b, check_triton)):
        found[1](b)
        result["triton"] = {"loss": b.losses.mean().item(), "grad": b.grad.flatten().tolist()}
    return result


def hello():
    names = {"torch": torch.__version__, "device": DEVICE}
    for module in ("triton", "liger_kernel"):
        if has(module):
            names[module] = getattr(__import__(module), "__version__", "?")
    if DEVICE == "cuda":
        properties = torch.cuda.get_device_properties(0)
        names.update(gpu=properties.name, processors=properties.multi_processor_count,
                     l2=getattr(properties, "L2_cache_size", 0), cuda=torch.version.cuda)
    return names


def main():
    global DEVICE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    DEVICE = parser.parse_args().device
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = {"hello": lambda _: hello(), "verify": verify, "time": time_peers}[job["ask"]](job)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer, allow_nan=True).replace("NaN", "null").replace("Infinity", "null"), flush=True)


if __name__ == "__main__":
    main()
