// The pairwise losses over one row: marginMse by moments in O(N), lambdaMrr over pairs of different relevance.
#pragma once
#include "row_pass.h"

namespace ckl {
namespace {

// For one row, or for sixteen with one number per lane. Add: add to existing gradients. Plain: temperatures are 1 and
// there is no padding, which takes half the work and gives the same bits.
template <bool Add, bool Plain, class Layout>
CKL_FN V margin_mse(const Layout& a, const Task& task, float* errors, V positives, V negatives, V factor,
                    V teacher_factor, bool teacher) {
  const MarginMse loss;
  const V zero(0.0f), one(1.0f);
  const M counted = (positives > zero) & (negatives > zero);
  const InverseTemperature student_scale{V(task.inverse_student_high), V(task.inverse_student_low)};
  const InverseTemperature teacher_scale{V(task.inverse_teacher_high), V(task.inverse_teacher_low)};
  // Calls body(i, slot, live, positive, masked).
  const auto each = [&](auto body, auto flush) __attribute__((always_inline)) {
    if constexpr (Plain) {
      a.each(
          [&](int64_t i, int64_t slot, auto live)
              __attribute__((always_inline)) { body(i, slot, live, a.positive(i, slot), NoLanes{}); },
          flush);
    } else {
      a.each_masked(
          [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
            const I label = a.label(i, slot);
            const M masked = bit_set(label, 0x80) | ~live;
            body(i, slot, live, bit_set(label, 1) & ~masked, masked);
          },
          flush);
    }
  };
  V sum_p = zero, sum_n = zero, all_p = zero, all_n = zero, poison = zero;
  each(
      [&](int64_t i, int64_t slot, auto live, M positive, auto masked) __attribute__((always_inline)) {
        V s = a.student(i, slot), t = a.teacher(i, slot);
        if constexpr (!Plain) s = student_scale.guarded(s), t = teacher_scale.guarded(t);
        const V e = select(masked, zero, s - t);
        store(errors + slot, e);
        poison = masked_add(live, poison, e - e);
        sum_p = masked_add(positive & live, sum_p, e);
        sum_n = masked_add(~positive & live, sum_n, e);
      },
      [&] { all_p = all_p + sum_p, all_n = all_n + sum_n, sum_p = zero, sum_n = zero; });
  const V inverse_p = one / select(counted, positives, one), inverse_n = one / select(counted, negatives, one);
  poison = a.sum(poison);
  const V mean_p = a.sum(all_p) * inverse_p, mean_n = a.sum(all_n) * inverse_n;

  V square_p = zero, square_n = zero;
  all_p = zero;
  all_n = zero;
  const auto put = [&](float* to, int64_t i, int64_t slot, V x, auto live) __attribute__((always_inline)) {
    if constexpr (Add) x = load(to + i) + x;
    a.put(to, i, slot, x, live);
  };
  each(
      [&](int64_t i, int64_t slot, auto live, M positive, auto masked) __attribute__((always_inline)) {
        const V e = load(errors + slot), dp = e - mean_p, dn = e - mean_n;
        square_p = masked_add(positive & live, square_p, dp * dp);
        square_n = masked_add(~(positive | masked) & live, square_n, dn * dn);
        const V slope = select(positive, loss.slope(e, mean_n, inverse_p), loss.slope(e, mean_p, inverse_n));
        const auto g = [&](V by, V x) __attribute__((always_inline)) {
          return select(masked, zero, select(counted, by * x + poison, zero));
        };
        put(a.grad, i, slot, g(factor, slope), live);
        if (teacher) put(a.teacher_grad, i, slot, g(teacher_factor, -slope), live);
      },
      [&] { all_p = all_p + square_p, all_n = all_n + square_n, square_p = zero, square_n = zero; });
  const V value = loss.value(a.sum(all_p) * inverse_p, a.sum(all_n) * inverse_n, mean_p, mean_n) + poison;
  return select(counted, value, zero);
}

template <>
struct RowPass<MarginMse> {
  static RowResult run(const RowTask& x) {
    const int64_t positives = x.labels.positives, negatives = x.documents() - positives;
    const double scale = x.term.grad_scale * x.query_weight;
    const auto pass = x.task.scaled || x.labels.padding > 0 || x.n < kLanes ? margin_mse<true, false, OneRow>
                                                                            : margin_mse<true, true, OneRow>;
    const V value = pass(x.row, x.task, x.scratch[Scratch::kEs], V((float)positives), V((float)negatives),
                         V(saturate(scale / x.task.student_temperature)),
                         V(saturate(scale / x.task.teacher_temperature)), x.teacher);
    return {value[0], 1};
  }
  static V run_sixteen(const SixteenTask& x) {
    const auto pass = x.task.scaled || any(V((float)x.rows.n) > x.documents) ? margin_mse<false, false, SixteenRows>
                                                                             : margin_mse<false, true, SixteenRows>;
    return pass(x.rows, x.task, x.scratch, x.positives, x.documents - x.positives, x.factor, x.teacher_factor,
                x.teacher);
  }
};

template <>
struct RowPass<LambdaMrr> {
  static RowResult run(const RowTask& x);
};

// Compares each document above the lowest level with vectors of others, of which only those below it count. With
// labels, every positive is compared with the row as it stands. With graded relevance, or more positives than
// negatives, the row is sorted first, so that the documents below another one come after it.
inline RowResult RowPass<LambdaMrr>::run(const RowTask& x) {
  const LambdaMrr loss;
  const OneRow a = x.row;
  const V zero(0.0f), above_all = infinity();
  const InverseTemperature scale{V(x.task.inverse_student_high), V(x.task.inverse_student_low)};
  float* const inverse_ranks = x.scratch[Scratch::kU];
  x.inverse_ranks(inverse_ranks);
  const float* relevance = x.relevance();
  const int64_t positives = x.labels.positives;
  const int64_t pairs =
      relevance ? cpu::ordered_pairs(relevance, a.y, x.n, x.order()) : positives * (x.documents() - positives);
  if (pairs == 0) return {0, 0};
  const bool sorted = relevance || 2 * positives > x.documents();
  if (sorted && !relevance) cpu::order_by_relevance(relevance, a.y, x.n, x.order());
  // 16 elements longer than their contents; elements past the end have the highest level.
  struct {
    float *scores, *levels, *inverse, *rank, *grad;
  } const w = {x.scratch[Scratch::kEs], x.scratch[Scratch::kH], x.scratch[Scratch::kEt], x.scratch[Scratch::kBs],
               x.scratch[Scratch::kGap]};
  const int64_t m = sorted ? x.documents() : x.n;
  const int32_t* order = x.order();
  for (int64_t k = 0; sorted && k < m; k++) {
    w.scores[k] = a.s[order[k]], w.inverse[k] = inverse_ranks[order[k]];
    w.levels[k] = relevance ? relevance[order[k]] : (float)a.y[order[k]];
  }
  if (!sorted) {
    memcpy(w.scores, a.s, sizeof(float) * (size_t)m);
    memcpy(w.inverse, inverse_ranks, sizeof(float) * (size_t)m);
    each_sixteen(a.y, m, [&](int64_t k, const uint8_t* y) {
      const I label = load_labels(y);
      store(w.levels + k, select(bit_set(label, 0x80), above_all, to_float(label)));
    });
  }
  store(w.levels + m, above_all);
  for (float* to : {w.scores, w.inverse, w.grad}) clear_lanes(to + m);
  V not_finite = zero;
  for (int64_t k = 0; k < m; k += kLanes) {
    const V s = load(w.scores + k);
    store(w.rank + k, rank_behind(load(w.inverse + k)));
    store(w.grad + k, zero);
    not_finite = masked_add(above_all > load(w.levels + k), not_finite, s - s);
  }
  const float poison = sum_lanes(not_finite)[0];

  double total = 0;
  const auto compare = [&](int64_t i, int64_t from) {
    const V si(w.scores[i]), ri(w.rank[i]), inverse(w.inverse[i]), level(w.levels[i]);
    V value = zero, slope = zero, chunk = zero;
    for (int64_t j = from; j < m; j += kLanes) {
      const M live = level > load(w.levels + j);
      const V gap = rank_gap(ri, inverse, load(w.rank + j), load(w.inverse + j));
      const Pair<V> pair = loss(scale.guarded(si - load(w.scores + j)), gap);
      value = masked_add(live, value, pair.value);
      slope = masked_add(live, slope, pair.slope);
      store(w.grad + j, masked_add(live, load(w.grad + j), pair.slope));
      if ((j - from) % kChunk == kChunk - kLanes) chunk = chunk + value, value = zero;
    }
    total += sum_lanes(chunk + value)[0];
    w.grad[i] -= sum_lanes(slope)[0];
  };
  if (!sorted) {
    each_positive(a.y, m, [&](int64_t i) { compare(i, 0); });
    return mean_over_pairs(x, pairs, total, poison, [&](double by) {
      const V factor(saturate(by));
      for (int64_t k = 0; k < m; k += kLanes) {
        const V g = load(a.grad + k) + (factor * load(w.grad + k) + V(poison));
        store(a.grad + k, select(above_all > load(w.levels + k), g, load(a.grad + k)));
      }
    });
  }
  for (int64_t i = 0, lower = 0; i < m; i++) {
    if (lower <= i || w.levels[lower] == w.levels[i])
      for (lower = i + 1; lower < m && w.levels[lower] == w.levels[i];) lower++;
    if (lower >= m) break;  // the lowest level
    compare(i, lower);
  }
  return mean_over_pairs(x, pairs, total, order, m, w.grad, poison);
}

}  // namespace
}  // namespace ckl
