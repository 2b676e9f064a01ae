// The passes of one loss: its value and h (and u) of every document, summed.
#pragma once
#include "softmax_passes.h"

namespace ckl {
namespace {

// ln(p / q) with the values that the loss requires if it is infinite or both are 0.
template <class F>
CKL_FN V distance(V d, M no_q, M has_p) {
  const V without_student(F::d_without_student);
  if constexpr (F::d_without_student == F::d_without_teacher) return select(no_q | ~has_p, without_student, d);
  return select(no_q, without_student, select(has_p, d, V(F::d_without_teacher)));
}

// How the general kind of a term is added to a weighted sum of losses: its factors, and whether terms precede it.
struct Mixing {
  V factor;        // of h and u
  V value;         // of the loss
  V contribution;  // of the term's contribution to the batch's loss
  M counted;       // queries that this term counts
  bool first;      // no term precedes this one
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
        if constexpr (Layout::kSparse) {  // nested: clang would instantiate the rest of a combined condition
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
  // If the lift makes the value overflow, a second attempt computes it alone without the lift.
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
            // From here on without the lift, which may overflow if ln(p / q) is large.
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

}  // namespace
}  // namespace ckl
