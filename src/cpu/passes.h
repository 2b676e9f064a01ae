// The passes over a row that turn scores into loss and gradient. Each is written once for both layouts, in two kinds:
// fast, for rows whose scores lie within 87 temperatures of each other, and general, for all others. On a row that both
// can do they agree to the last bit; general only selects more. The fast softmax and finish take padding where they are
// told (Masked); the terms between them need not be, for a masked document arrives as one without any probability.
//
//   softmax   scores -> unnormalised e^(s - max), and what normalises them
//   term      one loss: its value and h (and u) of every document, summed
//   finish    grad = h - q sum h
//
// Exponentials, and with them all that is linear in the teacher's probability, are kept 2^kLift times as large until the
// end: denormals are flushed, and what is lost at the bottom of the range of floats must stay below 2^-120 also after
// it was multiplied with a large ln(p / q).
//
// Where one document dominates, 1 - q and sums over the others are never formed by subtraction (losses.md).
#pragma once
#include "../core/plan.h"
#include "kernel.h"
#include "layout.h"

namespace ckl {
namespace {

using cpu::Task;
using cpu::TaskTerm;

constexpr int kLift = 6;
constexpr float kLifted = 1 << kLift;
constexpr float kLiftedExpLimit = 91.0f;  // 2^6 e^-91 is a normal float
CKL_FN V lifted_exp_minus(V x) {
  const V limit(kLiftedExpLimit);
  return select(x > limit, V(0.0f), exp_minus_in_range<kLift>(min(x, limit)));
}

// Scratch of one row (or sixteen): a slot a document each. h may be et, and then takes its place.
struct RowScratch {
  float *es, *et;  // 2^kLift e^(s - max) and e^(t - max); 0 for masked documents and scores of -inf
  float* gap;      // ln et - ln es: +inf where es is of a score of -inf, -inf where et is, NaN where both are
  float* bs;       // -ln es, finite
  float *h, *u;    // of the terms so far
};

struct Softmax {  // one softmax
  V z;            // sum of e over all documents but one at the top
  V ln_z1;        // ln(1 + z)
  V inverse;      // 1 / (1 + z): a lifted exponential times it is a lifted probability
  V lowering;     // the same for a probability proper
  V rest;         // 1 - probability of a document at the top
  V tops;         // how many are at the top
};

struct RowSums {
  V documents, positives;  // valid ones, of positive ones
  V poison;                // NaN if a valid score is NaN or +inf, or all are -inf; else 0
  Softmax student, teacher;
  V value;            // the loss: weighted sum of the terms
  V contribution;     // its part of the batch's loss
  V h_below, h_top;   // sums of h below and at the student's top
  V u_below, u_top;   // sums of u below and at the teacher's top
  int64_t top_block;  // fast, one row: the slot of the one block with documents at the student's top; -1: several
};

// x as a float; what would overflow stays at the largest, so that 0 times it is 0.
inline float saturate(double x) {
  const double max = 3.4028234663852886e38;
  return (float)(x > max ? max : x < -max ? -max : x);
}

struct InverseTemperature {  // 1 / temperature, in two floats
  V high, low;
  CKL_FN V operator()(V x) const { return fma(x, high, x * low); }
  // The same where x * high may overflow, which x * low must not turn into an infinity of the other sign.
  CKL_FN V guarded(V x) const;
};

CKL_FN V InverseTemperature::guarded(V x) const {
  const V product = x * high;
  return select((product == infinity()) | (product == -infinity()), product, (*this)(x));
}
CKL_FN V not_a_number() { return from_bits(splat(0x7fc00000)); }
CKL_FN M is_infinite_or_nan(V x) { return ~(infinity() > x); }  // for x >= 0

CKL_FN Softmax normalise(V lifted_z_below, V tops) {
  Softmax r;
  r.tops = tops;
  r.z = lifted_z_below * V(1 / kLifted) + (tops - V(1.0f));
  r.ln_z1 = ln1p(r.z);
  r.inverse = V(1.0f) / (V(1.0f) + r.z);
  r.lowering = r.inverse * V(1 / kLifted);
  r.rest = r.z * r.inverse;
  return r;
}

struct FastExponentials {        // sums over a row, each lane its own
  V student, teacher;            // of exponentials below the top
  V student_tops, teacher_tops;  // how many are at the top; in sixteen rows how many are below
  int64_t top_block;             // see RowSums
  bool near;                     // whether all scores are near enough for the fast kind
};

template <bool Scaled, bool KeepLn, bool Masked, class Layout>
CKL_FN FastExponentials exponentials_fast(const Layout& a, const Task& task, const RowScratch& w, V ms, V mt) {
  const V one(1.0f), zero(0.0f), at_top(kLifted);
  const InverseTemperature student_scale{V(task.inverse_student_high), V(task.inverse_student_low)};
  const InverseTemperature teacher_scale{V(task.inverse_teacher_high), V(task.inverse_teacher_low)};
  V zs = zero, zt = zero, below_s = zero, below_t = zero, chunk_s = zero, chunk_t = zero;
  V tops_s = zero, tops_t = zero;
  int64_t top_block = -1;
  bool one_top_block = true;
  I widest = splat(0);  // largest bit pattern of a distance: also finds NaN and infinity
  a.each(
      [&](int64_t i, int64_t slot, auto live) __attribute__((always_inline)) {
        a.prefetch.fetch(slot);
        V bs = ms - a.student(i, slot), bt = mt - a.teacher(i, slot);
        if constexpr (Scaled) bs = student_scale(bs), bt = teacher_scale(bt);
        M masked;
        if constexpr (Masked) masked = a.masked(i, slot), bs = select(masked, zero, bs), bt = select(masked, zero, bt);
        widest = max_unsigned(widest, max_unsigned(bits(bs), bits(bt)));
        V es = exp_minus_in_range<kLift>(bs), et = exp_minus_in_range<kLift>(bt);
        if constexpr (Masked) es = select(masked, zero, es), et = select(masked, zero, et);
        store(w.es + slot, es), store(w.et + slot, et), store(w.gap + slot, bs - bt);
        if constexpr (KeepLn) store(w.bs + slot, bs);
        if constexpr (Layout::kSparse) {
          const M top_s = (es == at_top) & live, top_t = (et == at_top) & live;
          if (__builtin_expect(any(top_s, top_t), 0)) {
            if (any(top_s)) one_top_block = top_block < 0, top_block = slot;
            tops_s = masked_add(top_s, tops_s, one), tops_t = masked_add(top_t, tops_t, one);
            zs = masked_add((at_top > es) & live, zs, es), zt = masked_add((at_top > et) & live, zt, et);
          } else {
            zs = masked_add(live, zs, es), zt = masked_add(live, zt, et);
          }
        } else {
          const M low_s = (at_top > es) & live, low_t = (at_top > et) & live;
          zs = masked_add(low_s, zs, es), zt = masked_add(low_t, zt, et);
          below_s = masked_add(low_s, below_s, one), below_t = masked_add(low_t, below_t, one);
        }
      },
      [&]() __attribute__((always_inline)) { chunk_s = chunk_s + zs, chunk_t = chunk_t + zt, zs = zero, zt = zero; });
  const bool near = !any(above_unsigned(widest, bits(V(kLiftedExpLimit))));
  if constexpr (Layout::kSparse) return {chunk_s, chunk_t, tops_s, tops_t, one_top_block ? top_block : -1, near};
  return {chunk_s, chunk_t, below_s, below_t, -1, near};
}

// False if the row is not for the fast kind; nothing that the general kind reads is then lost.
template <bool Scaled, bool KeepLn, bool Masked, class Layout>
CKL_FN bool softmax_fast(const Layout a, const Task& task, const RowScratch w, RowSums& r) {
  const V lowest(-3.402823466e38f);
  V ms = lowest, mt = lowest;
  if constexpr (Masked) {
    a.each(
        [&](int64_t i, int64_t slot, AllLanes) __attribute__((always_inline)) {
          const M masked = a.masked(i, slot);
          ms = max(ms, select(masked, lowest, a.student(i, slot)));
          mt = max(mt, select(masked, lowest, a.teacher(i, slot)));
        },
        [] {});
  } else {
    a.maxima(ms, mt);
  }
  ms = a.largest(ms), mt = a.largest(mt);

  const FastExponentials e = exponentials_fast<Scaled, KeepLn, Masked>(a, task, w, ms, mt);
  if (!e.near) return false;
  if constexpr (Layout::kSparse) {
    r.top_block = e.top_block;
    r.student = normalise(a.sum(e.student), a.sum(e.student_tops));
    r.teacher = normalise(a.sum(e.teacher), a.sum(e.teacher_tops));
  } else {
    const V columns = Masked ? V((float)a.n) : r.documents;  // masked documents were counted as below
    r.student = normalise(e.student, columns - e.student_tops);
    r.teacher = normalise(e.teacher, columns - e.teacher_tops);
  }
  return true;
}

// The largest scores of a row, each lane its own; poison: NaN where one is NaN or +inf.
template <class Layout>
CKL_FN void maxima_general(const Layout& a, V& ms, V& mt, V& poison) {
  const V zero(0.0f), lowest(-3.402823466e38f), minus_infinity = -infinity();
  a.each_masked(
      [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
        const M masked = bit_set(a.label(i, slot), 0x80) | ~live;
        const V s = select(masked, lowest, a.student(i, slot)), t = select(masked, lowest, a.teacher(i, slot));
        ms = max(ms, s), mt = max(mt, t);
        const V fs = select(s == minus_infinity, zero, s), ft = select(t == minus_infinity, zero, t);
        poison = poison + ((fs - fs) + (ft - ft));
      },
      [] {});
}

struct Exponentials {              // sums over a row, each lane its own
  V student, teacher;              // of exponentials below the top
  V student_below, teacher_below;  // how many those are
};

template <class Layout>
CKL_FN Exponentials exponentials_general(const Layout& a, const Task& task, const RowScratch& w, V ms, V mt) {
  const V one(1.0f), zero(0.0f), at_top(kLifted);
  const InverseTemperature student_scale{V(task.inverse_student_high), V(task.inverse_student_low)};
  const InverseTemperature teacher_scale{V(task.inverse_teacher_high), V(task.inverse_teacher_low)};
  V zs = zero, zt = zero, below_s = zero, below_t = zero, chunk_s = zero, chunk_t = zero;
  a.each_masked(
      [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
        const M masked = bit_set(a.label(i, slot), 0x80) | ~live;
        V bs = ms - a.student(i, slot), bt = mt - a.teacher(i, slot);
        M none_s = masked | is_infinite_or_nan(bs), none_t = masked | is_infinite_or_nan(bt);
        bs = student_scale.guarded(bs), bt = teacher_scale.guarded(bt);
        none_s = none_s | is_infinite_or_nan(bs), none_t = none_t | is_infinite_or_nan(bt);
        bs = select(none_s, infinity(), bs), bt = select(none_t, infinity(), bt);
        const V es = lifted_exp_minus(bs), et = lifted_exp_minus(bt);
        store(w.es + slot, es), store(w.et + slot, et), store(w.gap + slot, bs - bt);
        store(w.bs + slot, select(none_s, V(104.0f), bs));
        const M low_s = (at_top > es) & ~masked, low_t = (at_top > et) & ~masked;
        zs = masked_add(low_s, zs, es), zt = masked_add(low_t, zt, et);
        below_s = masked_add(low_s, below_s, one), below_t = masked_add(low_t, below_t, one);
      },
      [&]() __attribute__((always_inline)) { chunk_s = chunk_s + zs, chunk_t = chunk_t + zt, zs = zero, zt = zero; });
  return {chunk_s, chunk_t, below_s, below_t};
}

// Without a finite score there is no distribution.
CKL_FN V poison_of(const RowSums& r) {
  return select((r.student.tops > V(0.0f)) & (r.teacher.tops > V(0.0f)), V(0.0f), not_a_number());
}

template <class Layout>
CKL_FN void softmax_general(const Layout a, const Task& task, const RowScratch w, RowSums& r) {
  V ms(-3.402823466e38f), mt = ms, poison(0.0f);
  maxima_general(a, ms, mt, poison);
  ms = a.largest(ms), mt = a.largest(mt);
  const Exponentials e = exponentials_general(a, task, w, ms, mt);
  r.student = normalise(a.sum(e.student), r.documents - a.sum(e.student_below));
  r.teacher = normalise(a.sum(e.teacher), r.documents - a.sum(e.teacher_below));
  r.poison = a.sum(poison) + poison_of(r);
}

// ln(p / q) as the loss wants it where it is infinite, or where both are 0.
template <class F>
CKL_FN V distance(V d, M no_q, M has_p) {
  const V without_student(F::d_without_student);
  if constexpr (F::d_without_student == F::d_without_teacher) return select(no_q | ~has_p, without_student, d);
  return select(no_q, without_student, select(has_p, d, V(F::d_without_teacher)));
}

// What the general kind of a term adds to: a weighted sum of losses needs a factor and the terms before it.
struct Mixing {
  V factor;        // of h and u
  V value;         // of the loss
  V contribution;  // of its part of the batch's loss
  M counted;       // queries that this term counts
  bool first;      // nothing to add to yet
  bool keep_u;     // the teacher's gradient is wanted
};

template <class F, class Layout, class Top, class Positive>
CKL_FN Document<V, Positive> document(const Layout& a, const RowScratch& w, const RowSums& r, const TaskTerm& term,
                                      V gap, V share, V e, Top top, Positive positive, int64_t i, int64_t slot) {
  Document<V, Positive> x;
  x.q = e * r.student.lowering;
  x.rest = select(top, r.student.rest, V(1.0f) - x.q);
  x.minus_ln_q = load(w.bs + slot) + r.student.ln_z1;
  x.p = load(w.et + slot) * r.teacher.inverse;
  x.d = load(w.gap + slot) + gap;
  if constexpr (F::biased) x.beta = V(term.beta_scale) * a.rank_bias(i, slot);
  else x.beta = V(0.0f);
  x.mass = e * r.student.inverse;
  x.unit = V(1 / kLifted);
  x.share = share;
  x.positive = positive;
  return x;
}

template <class F, class Layout>
CKL_FN void term_fast(const Layout a, const TaskTerm& term, const RowScratch w, RowSums& r) {
  const F loss = F::make(term.parameters);
  const V zero(0.0f), at_top(kLifted), gap = r.student.ln_z1 - r.teacher.ln_z1;
  const V share = V(kLifted) / r.positives;
  V value = zero, below = zero, top_sum = zero, chunk_value = zero, chunk_below = zero, chunk_top = zero;
  const auto add = [&](int64_t i, int64_t slot, auto live, V e, auto low, auto top, auto positive)
      __attribute__((always_inline)) {
    const Term<V> t = loss(document<F>(a, w, r, term, gap, share, e, top, positive, i, slot));
    store(w.h + slot, t.h);
    value = masked_add(live, value, t.value);
    below = masked_add(low & live, below, t.h);
    top_sum = masked_add(top & live, top_sum, t.h);
  };
  const int64_t top_block = r.top_block;
  a.each(
      [&](int64_t i, int64_t slot, auto live) __attribute__((always_inline)) {
        const V e = load(w.es + slot);
        if constexpr (Layout::kSparse) {  // on its own: clang looks into a condition that is settled only in part
          if constexpr (sizeof(live) == sizeof(AllLanes)) {
            if (__builtin_expect(!a.any_positive(i) && top_block >= 0 && slot != top_block, 1)) {
              add(i, slot, live, e, AllLanes{}, NoLanes{}, NoLanes{});
              return;
            }
          }
        }
        add(i, slot, live, e, at_top > e, e == at_top, a.positive(i, slot));
      },
      [&]() __attribute__((always_inline)) {
        chunk_value = chunk_value + value, chunk_below = chunk_below + below, chunk_top = chunk_top + top_sum;
        value = zero, below = zero, top_sum = zero;
      });
  r.value = a.total(chunk_value) * V(1 / kLifted);
  r.h_below = a.sum(chunk_below);
  r.h_top = a.sum(chunk_top);
}

template <class F, class Layout>
CKL_FN void term_general(const Layout a, const TaskTerm& term, const RowScratch w, const Mixing mix, RowSums& r) {
  const F loss = F::make(term.parameters);
  const V zero(0.0f), at_top(kLifted), gap = r.student.ln_z1 - r.teacher.ln_z1;
  const V share = V(kLifted) / r.positives;
  V below = zero, top_sum = zero, chunk_below = zero, chunk_top = zero, u_below = zero, u_top = zero, sum = zero;
  // A second time, for the value alone and without the lift, where the lift made it overflow.
  for (int attempt = 0; attempt < 2; attempt++) {
    const V scale(attempt == 0 ? 1.0f : 1 / kLifted);
    V value = zero, chunk_value = zero;
    a.each_masked(
        [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
          const I label = a.label(i, slot);
          const M masked = bit_set(label, 0x80) | ~live;
          const M positive = bit_set(label, 1) & ~masked;
          const V e = load(w.es + slot), et = load(w.et + slot);
          const M top = e == at_top;
          auto x = document<F>(a, w, r, term, gap, share, e, top, positive, i, slot);
          const M no_q = ~(infinity() > x.d), has_p = x.d > -infinity();
          x.d = distance<F>(x.d, no_q, has_p);
          x.p = x.p * scale, x.mass = x.mass * scale, x.share = x.share * scale,
          x.unit = attempt == 0 ? x.unit : V(1.0f);
          const Term<V> t = loss(x);
          M infinite = no_q & loss.diverges(positive, has_p);
          if constexpr (F::diverges_without_teacher) infinite = infinite | ~(no_q | has_p);
          value = value + select(masked, zero, select(infinite, infinity(), t.value));
          if (attempt > 0) return;
          const V h = mix.factor * t.h;
          below = masked_add((at_top > e) & ~masked, below, h);
          top_sum = masked_add(top & ~masked, top_sum, h);
          store(w.h + slot, mix.first ? h : load(w.h + slot) + h);
          if (mix.keep_u) {
            // Without the lift from here on: ln(p / q) may be large enough to make it overflow.
            V u = t.u * V(1 / kLifted);
            if (any(is_infinite_or_nan(select(u > zero, u, -u)))) {
              x.p = x.p * V(1 / kLifted), x.mass = x.mass * V(1 / kLifted), x.unit = V(1.0f);
              u = select(is_infinite_or_nan(select(u > zero, u, -u)), loss(x).u, u);
            }
            u = mix.factor * u;
            store(w.u + slot, mix.first ? u : load(w.u + slot) + u);
            u_below = masked_add((at_top > et) & ~masked, u_below, u);
            u_top = masked_add((et == at_top) & ~masked, u_top, u);
          }
        },
        [&]() __attribute__((always_inline)) {
          chunk_value = chunk_value + value, chunk_below = chunk_below + below, chunk_top = chunk_top + top_sum;
          value = zero, below = zero, top_sum = zero;
        });
    const V all = a.total(chunk_value);
    if (attempt == 0) {
      sum = all * V(1 / kLifted);
      if (!any(is_infinite_or_nan(select(sum > zero, sum, -sum)))) break;
    } else {
      sum = select(is_infinite_or_nan(select(sum > zero, sum, -sum)), all, sum);
    }
  }
  const V contribution = select(mix.counted, sum * mix.contribution, zero);
  const V value = select(mix.counted, sum * mix.value, zero);
  below = a.sum(chunk_below), top_sum = a.sum(chunk_top), u_below = a.sum(u_below), u_top = a.sum(u_top);
  if (mix.first) {
    r.value = value, r.contribution = contribution, r.h_below = below, r.h_top = top_sum, r.u_below = u_below,
    r.u_top = u_top;
  } else {
    r.value = r.value + value, r.contribution = r.contribution + contribution, r.h_below = r.h_below + below,
    r.h_top = r.h_top + top_sum;
    r.u_below = r.u_below + u_below, r.u_top = r.u_top + u_top;
  }
}

// grad = h - q sum h; at a lone top h (1 - q) - q (sum of the others), which does not cancel.
struct Projection {
  V scale, top, others, lone;
  // scale: of h; 1 / 2^kLift of the gradient's where h is lifted. Applied last, for it may be tiny; held to what is
  // finite, so that 0 times it is 0.
  CKL_FN Projection(const Softmax& side, V below, V at_top, V of_h) {
    const V most(3.402823466e38f);
    scale = max(min(of_h, most), -most);
    top = fma(at_top, side.rest, -(side.inverse * below));
    others = -(side.lowering * (below + at_top));
    lone = select(side.tops == V(1.0f), V(kLifted), V(2 * kLifted));
  }
  CKL_FN V operator()(V e, V h) const { return select(e == lone, top, fma(e, others, h)) * scale; }
  CKL_FN V below_top(V e, V h) const { return fma(e, others, h) * scale; }
};

template <bool Masked, class Layout>
CKL_FN void finish_fast(const Layout a, const RowScratch w, const RowSums& r, V scale) {
  const Projection project(r.student, r.h_below, r.h_top, scale * V(1 / kLifted));
  a.each(
      [&](int64_t i, int64_t slot, auto live) __attribute__((always_inline)) {
        const V e = load(w.es + slot), h = load(w.h + slot);
        if constexpr (Layout::kSparse && sizeof(live) == sizeof(AllLanes)) {
          if (__builtin_expect(r.top_block >= 0 && slot != r.top_block, 1)) {
            a.put(a.grad, i, slot, project.below_top(e, h), live);
            return;
          }
        }
        V g = project(e, h);
        if constexpr (Masked) g = select(a.masked(i, slot), V(0.0f), g);
        a.put(a.grad, i, slot, g, live);
      },
      [] {});
}

template <class Layout>
CKL_FN void finish_general(const Layout a, const RowScratch w, RowSums& r, V scale, V teacher_scale, M counted,
                           bool teacher) {
  const V zero(0.0f);
  const M clean = r.poison == zero;
  Projection project(r.student, r.h_below, r.h_top, scale * V(1 / kLifted));
  Projection project_teacher(r.teacher, r.u_below, r.u_top, teacher_scale);
  a.each_masked(
      [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
        const M none = bit_set(a.label(i, slot), 0x80) | ~counted;
        const V g = select(clean, project(load(w.es + slot), load(w.h + slot)), not_a_number());
        a.put(a.grad, i, slot, select(none, zero, g), live);
        if (teacher) {
          const V gt = project_teacher(load(w.et + slot), load(w.u + slot));
          a.put(a.teacher_grad, i, slot, select(none, zero, select(clean, gt, not_a_number())), live);
        }
      },
      [] {});
  r.contribution = select(counted, select(clean, r.contribution, not_a_number()), zero);
  r.value = select(counted, select(clean, r.value, not_a_number()), zero);
}

}  // namespace
}  // namespace ckl
