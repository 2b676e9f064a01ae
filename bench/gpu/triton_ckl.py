"""The rival that a good engineer would write: CKL's loss and gradient by hand in Triton, every element read and written once where a row fits.

Simpler than what it is compared with: no padding, no guard where one document holds all probability, losses per row and no mean.
"""

import torch
import triton
import triton.language as tl

LOG2E = tl.constexpr(1.4426950408889634)
LN2 = tl.constexpr(0.6931471805599453)


@triton.jit
def lg2(x):
    # Not tl.log2, which is twenty instructions.
    return tl.inline_asm_elementwise("lg2.approx.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1)


@triton.jit
def power(x, GAMMA: tl.constexpr):
    if GAMMA == 5.0:
        square = x * x
        return square * square * x
    elif GAMMA == 4.0:
        square = x * x
        return square * square
    else:
        return tl.exp2(GAMMA * lg2(x))


@triton.jit
def shares(lq, lp, positive, there, bias, GAMMA: tl.constexpr, BIASED: tl.constexpr):
    """(q, h, value) of documents, from base-2 logarithms of q and p."""
    q, p = tl.exp2(lq), tl.exp2(lp)
    d = (lp - lq) * LN2
    rest = 1.0 - q
    under = power(rest, GAMMA - 1.0)
    if BIASED:
        exponent = GAMMA - bias
        w_negative = tl.exp2(exponent * lq)
        bend_negative = exponent * w_negative
    else:
        w_negative = power(q, GAMMA)
        bend_negative = GAMMA * w_negative
    w = tl.where(positive, under * rest, w_negative)
    bend = tl.where(positive, -GAMMA * q * under, bend_negative)
    h = tl.where(there, p * (bend * d - w), 0.0)
    value = tl.where(there, w * p * d, 0.0)
    return q, h, value


@triton.jit
def rows_kernel(student, teacher, labels, ranks, grad, losses, queries, docs, scale, alpha,
                GAMMA: tl.constexpr, BIASED: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    """ROWS whole rows a program, in registers."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, BLOCK)[None, :]
    there = (row < queries) & (column < docs)
    at = row * docs + column
    s = tl.load(student + at, mask=there, other=-float("inf"), eviction_policy="evict_first").to(tl.float32) * LOG2E
    t = tl.load(teacher + at, mask=there, other=-float("inf"), eviction_policy="evict_first").to(tl.float32) * LOG2E
    positive = tl.load(labels + at, mask=there, other=0, eviction_policy="evict_first") == 1
    s -= tl.where(row < queries, tl.max(s, 1, keep_dims=True), 0.0)
    t -= tl.where(row < queries, tl.max(t, 1, keep_dims=True), 0.0)
    lq = s - tl.log2(tl.sum(tl.exp2(s), 1, keep_dims=True))
    lp = t - tl.log2(tl.sum(tl.exp2(t), 1, keep_dims=True))
    bias = lq
    if BIASED:
        inverse = 1.0 / tl.load(ranks + at, mask=there, other=1, eviction_policy="evict_first").to(tl.float32)
        chosen = positive & there
        count = tl.sum(chosen.to(tl.float32), 1, keep_dims=True)
        mean = tl.sum(tl.where(chosen, inverse, 0.0), 1, keep_dims=True) / count
        bias = alpha * (inverse - mean)
    q, h, value = shares(lq, lp, positive, there, bias, GAMMA, BIASED)
    total = tl.sum(h, 1, keep_dims=True)
    tl.store(grad + at, ((h - q * total) * scale).to(grad.dtype.element_ty), mask=there)
    out = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    tl.store(losses + out, tl.sum(value, 1), mask=out < queries)


@triton.jit
def load_scores(pointer, at, there):
    return tl.load(pointer + at, mask=there, other=-float("inf"), eviction_policy="evict_last").to(tl.float32) * LOG2E


@triton.jit
def online(top, total, x):
    """The running maximum and sum of exponentials, with another block."""
    new = tl.maximum(top, tl.max(x, 0))
    return new, total * tl.exp2(top - new) + tl.sum(tl.exp2(x - new), 0)


@triton.jit
def load_bias(ranks, labels, at, there, alpha, mean, BIASED: tl.constexpr):
    if BIASED:
        inverse = 1.0 / tl.load(ranks + at, mask=there, other=1).to(tl.float32)
        return alpha * (inverse - mean)
    else:
        return at.to(tl.float32)


@triton.jit
def statistics(student, teacher, labels, ranks, base, begin, end, BIASED: tl.constexpr, BLOCK: tl.constexpr):
    """First sweep over [begin, end) of a row: maxima, sums, and what the mean of the positives' 1 / rank needs."""
    s_top = tl.full((), -float("inf"), tl.float32)
    t_top = tl.full((), -float("inf"), tl.float32)
    s_sum, t_sum = tl.full((), 0.0, tl.float32), tl.full((), 0.0, tl.float32)
    found, inverses = tl.full((), 0.0, tl.float32), tl.full((), 0.0, tl.float32)
    for start in range(begin, end, BLOCK):
        column = start + tl.arange(0, BLOCK)
        there = column < end
        at = base + column
        s_top, s_sum = online(s_top, s_sum, load_scores(student, at, there))
        t_top, t_sum = online(t_top, t_sum, load_scores(teacher, at, there))
        if BIASED:
            chosen = tl.load(labels + at, mask=there, other=0) == 1
            inverse = 1.0 / tl.load(ranks + at, mask=there, other=1).to(tl.float32)
            found += tl.sum(chosen.to(tl.float32), 0)
            inverses += tl.sum(tl.where(chosen, inverse, 0.0), 0)
    return s_top, s_sum, t_top, t_sum, found, inverses


@triton.jit
def totals(student, teacher, labels, ranks, base, begin, end, lzs, lzt, alpha, mean,
           GAMMA: tl.constexpr, BIASED: tl.constexpr, BLOCK: tl.constexpr):
    """Second sweep: sums of h and of the loss. lzs, lzt: maximum plus logarithm of the sum, base 2."""
    h_sum, v_sum = tl.full((), 0.0, tl.float32), tl.full((), 0.0, tl.float32)
    for start in range(begin, end, BLOCK):
        column = start + tl.arange(0, BLOCK)
        there = column < end
        at = base + column
        lq, lp = load_scores(student, at, there) - lzs, load_scores(teacher, at, there) - lzt
        positive = tl.load(labels + at, mask=there, other=0, eviction_policy="evict_last") == 1
        bias = load_bias(ranks, labels, at, there, alpha, mean, BIASED)
        _, h, value = shares(lq, lp, positive, there, bias, GAMMA, BIASED)
        h_sum += tl.sum(h, 0)
        v_sum += tl.sum(value, 0)
    return h_sum, v_sum


@triton.jit
def write(student, teacher, labels, ranks, grad, base, begin, end, lzs, lzt, alpha, mean, total, scale,
          GAMMA: tl.constexpr, BIASED: tl.constexpr, BLOCK: tl.constexpr):
    """Third sweep: the gradient."""
    for start in range(begin, end, BLOCK):
        column = start + tl.arange(0, BLOCK)
        there = column < end
        at = base + column
        s = tl.load(student + at, mask=there, other=-float("inf"), eviction_policy="evict_first")
        t = tl.load(teacher + at, mask=there, other=-float("inf"), eviction_policy="evict_first")
        lq, lp = s.to(tl.float32) * LOG2E - lzs, t.to(tl.float32) * LOG2E - lzt
        positive = tl.load(labels + at, mask=there, other=0, eviction_policy="evict_first") == 1
        bias = load_bias(ranks, labels, at, there, alpha, mean, BIASED)
        q, h, _ = shares(lq, lp, positive, there, bias, GAMMA, BIASED)
        tl.store(grad + at, ((h - q * total) * scale).to(grad.dtype.element_ty), mask=there)


@triton.jit
def sweeps_kernel(student, teacher, labels, ranks, grad, losses, queries, docs, scale, alpha,
                  GAMMA: tl.constexpr, BIASED: tl.constexpr, BLOCK: tl.constexpr):
    """A row a program that does not fit in registers: three sweeps, the second and third from the cache where it is large enough."""
    row = tl.program_id(0).to(tl.int64)
    base = row * docs
    s_top, s_sum, t_top, t_sum, found, inverses = statistics(
        student, teacher, labels, ranks, base, 0, docs, BIASED, BLOCK)
    lzs, lzt = s_top + tl.log2(s_sum), t_top + tl.log2(t_sum)
    mean = inverses / tl.maximum(found, 1.0)
    total, value = totals(student, teacher, labels, ranks, base, 0, docs, lzs, lzt, alpha, mean, GAMMA, BIASED, BLOCK)
    tl.store(losses + row, value)
    write(student, teacher, labels, ranks, grad, base, 0, docs, lzs, lzt, alpha, mean, total, scale, GAMMA, BIASED, BLOCK)


@triton.jit
def combined(parts, row, PARTS: tl.constexpr):
    """The statistics of all parts of a row."""
    at = parts + (row * PARTS + tl.arange(0, PARTS)) * 8
    s_top, t_top = tl.load(at), tl.load(at + 2)
    s_all, t_all = tl.max(s_top, 0), tl.max(t_top, 0)
    s_sum = tl.sum(tl.load(at + 1) * tl.exp2(s_top - s_all), 0)
    t_sum = tl.sum(tl.load(at + 3) * tl.exp2(t_top - t_all), 0)
    mean = tl.sum(tl.load(at + 5), 0) / tl.maximum(tl.sum(tl.load(at + 4), 0), 1.0)
    return s_all + tl.log2(s_sum), t_all + tl.log2(t_sum), mean


@triton.jit
def split_statistics(student, teacher, labels, ranks, parts, docs, part,
                     BIASED: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr):
    row, k = tl.program_id(0).to(tl.int64), tl.program_id(1)
    begin = k * part
    s_top, s_sum, t_top, t_sum, found, inverses = statistics(
        student, teacher, labels, ranks, row * docs, begin, tl.minimum(begin + part, docs), BIASED, BLOCK)
    at = parts + (row * PARTS + k) * 8
    tl.store(at, s_top)
    tl.store(at + 1, s_sum)
    tl.store(at + 2, t_top)
    tl.store(at + 3, t_sum)
    tl.store(at + 4, found)
    tl.store(at + 5, inverses)


@triton.jit
def split_totals(student, teacher, labels, ranks, parts, docs, part, alpha,
                 GAMMA: tl.constexpr, BIASED: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr):
    row, k = tl.program_id(0).to(tl.int64), tl.program_id(1)
    lzs, lzt, mean = combined(parts, row, PARTS)
    begin = k * part
    total, value = totals(student, teacher, labels, ranks, row * docs, begin, tl.minimum(begin + part, docs),
                          lzs, lzt, alpha, mean, GAMMA, BIASED, BLOCK)
    at = parts + (row * PARTS + k) * 8
    tl.store(at + 6, total)
    tl.store(at + 7, value)


@triton.jit
def split_write(student, teacher, labels, ranks, grad, losses, parts, docs, part, scale, alpha,
                GAMMA: tl.constexpr, BIASED: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr):
    row, k = tl.program_id(0).to(tl.int64), tl.program_id(1)
    lzs, lzt, mean = combined(parts, row, PARTS)
    sums = parts + (row * PARTS + tl.arange(0, PARTS)) * 8
    total = tl.sum(tl.load(sums + 6), 0)
    if k == 0:
        tl.store(losses + row, tl.sum(tl.load(sums + 7), 0))
    begin = k * part
    write(student, teacher, labels, ranks, grad, row * docs, begin, tl.minimum(begin + part, docs), lzs, lzt, alpha, mean,
          total, scale, GAMMA, BIASED, BLOCK)


def candidates(queries, docs, processors):
    """Ways to run a shape: functions (batch) -> None, by name. Which is best, the clock says."""
    block = triton.next_power_of_2(docs)
    ways = {}
    if block <= 32768:
        rows = [r for r in (1, 4, 8, 16, 32, 64) if r * block <= 4096] if block < 1024 else [1]
        for r in rows[-2:]:
            for warps in {max(1, min(32, r * block // 512)), max(1, min(32, r * block // 1024))}:
                ways[f"{r} rows, {warps} warps"] = in_registers(r, block, warps)
    if block >= 16384:
        for size, warps in ((4096, 8), (8192, 16)):
            ways[f"sweeps of {size}, {warps} warps"] = in_sweeps(size, warps)
    if queries < processors and docs >= 4096:
        ways["split over the grid"] = in_parts(queries, docs, processors)
    return ways


def in_registers(rows, block, warps):
    def run(b):
        rows_kernel[(triton.cdiv(b.queries, rows),)](
            b.student, b.teacher, b.labels, b.ranks, b.grad, b.losses, b.queries, b.docs, 1.0 / b.queries, b.alpha,
            GAMMA=b.gamma, BIASED=b.alpha > 0, ROWS=rows, BLOCK=block, num_warps=warps)
    return run


def in_sweeps(block, warps):
    def run(b):
        sweeps_kernel[(b.queries,)](
            b.student, b.teacher, b.labels, b.ranks, b.grad, b.losses, b.queries, b.docs, 1.0 / b.queries, b.alpha,
            GAMMA=b.gamma, BIASED=b.alpha > 0, BLOCK=block, num_warps=warps)
    return run


def in_parts(queries, docs, processors):
    block = 2048
    count = 1
    while count * 2 * queries <= 2 * processors and docs >= count * 2 * block:
        count *= 2
    part = triton.cdiv(triton.cdiv(docs, count), block) * block
    parts = torch.empty(queries * count * 8, device="cuda", dtype=torch.float32)

    def run(b):
        grid = (b.queries, count)
        fixed = dict(BIASED=b.alpha > 0, PARTS=count, BLOCK=block, num_warps=8)
        split_statistics[grid](b.student, b.teacher, b.labels, b.ranks, parts, b.docs, part, **fixed)
        split_totals[grid](b.student, b.teacher, b.labels, b.ranks, parts, b.docs, part, b.alpha, GAMMA=b.gamma, **fixed)
        split_write[grid](b.student, b.teacher, b.labels, b.ranks, b.grad, b.losses, parts, b.docs, part, 1.0 / b.queries,
                          b.alpha, GAMMA=b.gamma, **fixed)
    return run
