// The losses that compare the student with an order of the documents, for one row: rankNet and lambdaNdcg over pairs,
// adrMse over pairs for approximate ranks, listMle by sums from both ends of the order.
//
// Every sum is taken in a fixed order, in vectors of sixteen or in double, so that the bits depend on the row alone.
#pragma once
#include "row_pass.h"

namespace ckl {
namespace {

// What orders the documents of a row: the relevance if given, else the teacher's scores.
struct Levels {
  const float* of;
  double inverse_temperature;  // of the teacher; 1 for relevance
  float poison;                // NaN if a valid document has a student or teacher score that cannot be ranked
  explicit Levels(const RowTask& x) : of(x.levels()), inverse_temperature(1), poison(0) {
    if (!x.relevance()) inverse_temperature = 1 / x.task.teacher_temperature;
    for (int64_t i = 0; i < x.n; i++) {
      if (x.row.y[i] == kPadding) continue;
      const float s = x.row.s[i], level = of[i] == -__builtin_inff() ? 0 : of[i];
      poison += (s - s) + (level - level);
    }
  }
};

// Scratch arrays of the row's length plus 16, located after order().
inline float* more_scratch(const RowTask& x, int which) {
  return x.scratch.sorting() + (which + 1) * (round_up(x.n) + kLanes);
}

template <>
struct RowPass<RankNet> {
  static RowResult run(const RowTask& x);
};

inline RowResult RowPass<RankNet>::run(const RowTask& x) {
  const RankNet loss = {};
  const InverseTemperature scale{V(x.task.inverse_student_high), V(x.task.inverse_student_low)};
  const Levels levels(x);
  int32_t* order = x.order();
  const int64_t pairs = cpu::ordered_pairs(levels.of, x.row.y, x.n, order);
  if (pairs == 0) return {0, 0};
  const int64_t m = x.documents();
  float *scores = x.scratch[Scratch::kEs], *grad = x.scratch[Scratch::kGap];
  for (int64_t k = 0; k < m; k++) scores[k] = x.row.s[order[k]], grad[k] = 0;
  clear_lanes(scores + m), clear_lanes(grad + m);

  const V zero(0.0f);
  double total = 0;
  for (int64_t i = 0, lower = 0; i < m; i++) {
    while (lower < m && (lower <= i || levels.of[order[lower]] == levels.of[order[i]])) lower++;
    const V si(scores[i]);
    V value = zero, slope = zero, chunk = zero;
    for (int64_t j = lower; j < m; j += kLanes) {
      const M live = lanes_below(m - j);
      const Pair<V> pair = loss(scale.guarded(si - load(scores + j)));
      value = masked_add(live, value, pair.value);
      slope = masked_add(live, slope, pair.slope);
      store(grad + j, masked_add(live, load(grad + j), pair.slope));
      if ((j - lower) % kChunk == kChunk - kLanes) chunk = chunk + value, value = zero;
    }
    total += sum_lanes(chunk + value)[0];
    grad[i] -= sum_lanes(slope)[0];
  }
  return mean_over_pairs(x, pairs, total, order, m, grad, levels.poison);
}

template <>
struct RowPass<LambdaNdcg> {
  static RowResult run(const RowTask& x);
};

// Documents are in the order of the student's ranks. The partner of a document at rank distance d is then d places
// further on, so that discounts and their differences are contiguous, and only the first k can be the better ranked
// document of a pair. Values that are subtracted are kept as two floats.
inline RowResult RowPass<LambdaNdcg>::run(const RowTask& x) {
  const LambdaNdcg loss = {x.term.parameters.mu};
  const InverseTemperature scale{V(x.task.inverse_student_high), V(x.task.inverse_student_low)};
  const Levels levels(x);
  int32_t* order = x.order();
  const int64_t pairs = cpu::ordered_pairs(levels.of, x.row.y, x.n, order), m = x.documents();
  const double most = (double)x.term.parameters.k;
  const int64_t k = most < (double)m ? (int64_t)most : m;
  const cpu::IdealDcg ideal = cpu::ideal_dcg(levels.of, levels.inverse_temperature, order, m, k);
  if (pairs == 0 || !(ideal.dcg > 0 || levels.poison != 0)) return {0, 0};
  cpu::order_by_relevance(x.row.s, x.row.y, x.n, order);

  float *scores = x.scratch[Scratch::kEs], *grad = x.scratch[Scratch::kGap], *near = x.scratch[Scratch::kEt];
  float *gain_high = x.scratch[Scratch::kBs], *gain_low = x.scratch[Scratch::kH];
  float *discount_high = x.scratch[Scratch::kU], *discount_low = more_scratch(x, 0);
  double before = 0;
  for (int64_t r = 0; r < m; r++) {
    const double level = (double)levels.of[order[r]] * levels.inverse_temperature;
    const double g = gain_and_one(level, ideal.top) / ideal.dcg;
    const double d = discount((double)(r + 1));
    scores[r] = x.row.s[order[r]], grad[r] = 0;
    gain_high[r] = (float)g, gain_low[r] = (float)(g - (double)gain_high[r]);
    discount_high[r] = (float)d, discount_low[r] = (float)(d - (double)discount_high[r]);
    near[r] = (float)(before - d), before = d;  // D(r) - D(r + 1), at a distance of r places
  }
  for (float* a : {scores, grad, near, gain_high, gain_low, discount_high, discount_low}) clear_lanes(a + m);

  const V zero(0.0f);
  double total = 0;
  for (int64_t i = 0; i < k; i++) {
    const V si(scores[i]), gh(gain_high[i]), gl(gain_low[i]), dh(discount_high[i]), dl(discount_low[i]);
    V value = zero, slope = zero, chunk = zero;
    for (int64_t j = i + 1; j < m; j += kLanes) {
      const M live = lanes_below(m - j);
      const V gap = (gh - load(gain_high + j)) + (gl - load(gain_low + j));
      const V far = (dh - load(discount_high + j)) + (dl - load(discount_low + j));
      const V lead = scale.guarded(si - load(scores + j));
      const M better = gap > zero;
      const Pair<V> pair = loss(select(better, lead, -lead), load(near + (j - i)), far, select(better, gap, -gap));
      const V pull = select(better, pair.slope, -pair.slope);
      value = masked_add(live, value, pair.value);
      slope = masked_add(live, slope, pull);
      store(grad + j, masked_add(live, load(grad + j), pull));
      if ((j - i - 1) % kChunk == kChunk - kLanes) chunk = chunk + value, value = zero;
    }
    total += sum_lanes(chunk + value)[0];
    grad[i] -= sum_lanes(slope)[0];
  }
  return mean_over_pairs(x, pairs, total, order, m, grad, levels.poison);
}

template <>
struct RowPass<AdrMse> {
  static RowResult run(const RowTask& x);
};

inline RowResult RowPass<AdrMse>::run(const RowTask& x) {
  const AdrMse loss = {x.term.parameters.steepness};
  const InverseTemperature scale{V(x.task.inverse_student_high), V(x.task.inverse_student_low)};
  const Levels levels(x);
  int32_t* order = x.order();
  const int64_t m = cpu::order_by_relevance(levels.of, x.row.y, x.n, order);
  float *scores = x.scratch[Scratch::kEs], *grad = x.scratch[Scratch::kGap], *rank = x.scratch[Scratch::kEt];
  float *approximate = x.scratch[Scratch::kBs], *error = x.scratch[Scratch::kH];
  for (int64_t first = 0, k = 0; k < m; k++) {
    if (levels.of[order[k]] != levels.of[order[first]]) first = k;
    int64_t last = k;
    if (k == first)
      while (last + 1 < m && levels.of[order[last + 1]] == levels.of[order[first]]) last++;
    rank[k] = k == first ? (float)(1 + 0.5 * (double)(first + last)) : rank[first];
    scores[k] = x.row.s[order[k]], grad[k] = 0, approximate[k] = 1;
  }
  for (float* a : {scores, grad, approximate, error}) clear_lanes(a + m);

  const V zero(0.0f);
  for (int64_t i = 0; i < m; i++) {
    const V si(scores[i]);
    V above = zero, chunk = zero;
    for (int64_t j = i + 1; j < m; j += kLanes) {
      const M live = lanes_below(m - j);
      const Step<V> step = loss.step(scale.guarded(load(scores + j) - si));
      above = masked_add(live, above, step.up);
      store(approximate + j, masked_add(live, load(approximate + j), step.down));
      if ((j - i - 1) % kChunk == kChunk - kLanes) chunk = chunk + above, above = zero;
    }
    approximate[i] += sum_lanes(chunk + above)[0];
  }
  double total = 0;
  for (int64_t k = 0; k < m; k++) {
    const double gap = (double)rank[k] - (double)approximate[k], weight = discount((double)rank[k]);
    total += gap * gap * weight;
    error[k] = (float)(gap * weight);
  }
  for (int64_t i = 0; i < m; i++) {
    const V si(scores[i]), ci(error[i]);
    V sum = zero, chunk = zero;
    for (int64_t j = i + 1; j < m; j += kLanes) {
      const M live = lanes_below(m - j);
      const V pull = loss.pull(scale.guarded(load(scores + j) - si), ci, load(error + j));
      sum = masked_add(live, sum, pull);
      store(grad + j, masked_add(live, load(grad + j), -pull));
      if ((j - i - 1) % kChunk == kChunk - kLanes) chunk = chunk + sum, sum = zero;
    }
    grad[i] += sum_lanes(chunk + sum)[0];
  }
  const double mean = 1.0 / (double)m;
  scatter(x, order, m, gradient_factor(x, 1) * (2 * mean), grad, levels.poison);
  return {(float)(total * mean) + levels.poison, 1};
}

template <>
struct RowPass<ListMle> {
  static RowResult run(const RowTask& x);
};

inline RowResult RowPass<ListMle>::run(const RowTask& x) {
  const ListMle loss = {};
  const InverseTemperature scale{V(x.task.inverse_student_high), V(x.task.inverse_student_low)};
  const Levels levels(x);
  int32_t* order = x.order();
  const int64_t m = cpu::order_by_relevance(levels.of, x.row.y, x.n, order);
  // Names are those of list_mle.h.
  float *scores = x.scratch[Scratch::kEs], *largest = x.scratch[Scratch::kEt], *below = x.scratch[Scratch::kGap];
  float *a = x.scratch[Scratch::kBs], *b = x.scratch[Scratch::kH], *z = x.scratch[Scratch::kU], *w = more_scratch(x, 0);
  for (int64_t k = 0; k < m; k++) scores[k] = x.row.s[order[k]];
  float most = scores[m - 1];
  for (int64_t k = m - 1; k >= 0; k--) largest[k] = most = scores[k] > most ? scores[k] : most;
  for (float* p : {scores, largest, z, w}) clear_lanes(p + m);
  largest[m] = most = largest[m - 1];
  for (int64_t k = 0; k < m; k += kLanes) {
    const V m_k = load(largest + k), distance = scale.guarded(m_k - load(scores + k));
    const V down = scale.guarded(m_k - load(largest + k + 1));
    store(below + k, distance);
    store(b + k, exp_minus(distance)), store(a + k, exp_minus(select(down > V(0.0f), down, V(0.0f))));
  }
  double sum = 0;
  for (int64_t k = m - 1; k >= 0; k--) sum = (double)b[k] + (double)a[k] * sum, z[k] = (float)sum;
  sum = 0;
  for (int64_t k = 0; k < m; k++) {
    if (k > 0) sum = (double)a[k - 1] * sum;
    sum += 1 / (double)z[k], w[k] = (float)sum;
  }
  const V zero(0.0f);
  V value = zero;
  double total = 0;
  for (int64_t k = 0; k < m; k += kLanes) {
    const M live = lanes_below(m - k);
    const V z_k = load(z + k);
    value = masked_add(live, value, loss.value(select(live, z_k, V(1.0f)), load(below + k)));
    store(below + k, loss.slope(load(b + k), load(w + k)));
    if (k % kChunk == kChunk - kLanes) total += sum_lanes(value)[0], value = zero;
  }
  total += sum_lanes(value)[0];
  scatter(x, order, m, gradient_factor(x, 1), below, levels.poison);
  return {(float)total + levels.poison, 1};
}

}  // namespace
}  // namespace ckl
