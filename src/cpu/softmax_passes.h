// The data passed between the passes over a row, and the first pass: from scores to exponentials and their normalisers.
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

// Scratch of one row (or sixteen), one slot per document. h may be the same array as et, which it then overwrites.
struct RowScratch {
  float *es, *et;  // 2^kLift e^(s - max) and e^(t - max); 0 for masked documents and scores of -inf
  float* gap;      // ln et - ln es: +inf if the student's score is -inf, -inf if the teacher's is, NaN if both are
  float* bs;       // -ln es, finite
  float *h, *u;    // sums over the terms so far
};

struct Softmax {  // the normalisation of one softmax
  V z;            // sum of e over all documents except one at the top
  V ln_z1;        // ln(1 + z)
  V inverse;      // 1 / (1 + z): a lifted exponential times it is a lifted probability
  V lowering;     // the same for a probability without the lift
  V rest;         // 1 - probability of a document at the top
  V tops;         // how many are at the top
};

struct RowSums {
  V documents, positives;  // numbers of valid and of positive documents
  V poison;                // NaN if a valid score is NaN or +inf, or all are -inf; else 0
  Softmax student, teacher;
  V value;            // the loss: weighted sum of the terms
  V contribution;     // its part of the batch's loss
  V h_below, h_top;   // sums of h below and at the student's top
  V u_below, u_top;   // sums of u below and at the teacher's top
  int64_t top_block;  // fast, one row: slot of the only block with documents at the student's top, or -1
};

// x as a float, clamped to the largest finite one, so that 0 times it is 0.
inline float saturate(double x) {
  const double max = 3.4028234663852886e38;
  return (float)(x > max ? max : x < -max ? -max : x);
}

struct InverseTemperature {  // 1 / temperature as the sum of two floats
  V high, low;
  CKL_FN V operator()(V x) const { return fma(x, high, x * low); }
  // The same if x * high may overflow: x * low must not turn it into an infinity of the other sign.
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
  V student_tops, teacher_tops;  // numbers at the top; in sixteen rows: below it
  int64_t top_block;             // see RowSums
  bool near;                     // whether all scores are close enough together for the fast kind
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
  I widest = splat(0);  // largest bit pattern of a distance: also detects NaN and infinity
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

// False if the row needs the general kind; all of its inputs are then still intact.
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

// The largest scores of a row, per lane; poison: NaN if one is NaN or +inf.
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
  V student_below, teacher_below;  // their numbers
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

// Without any finite score there is no distribution.
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

}  // namespace
}  // namespace ckl
