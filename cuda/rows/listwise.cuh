// The losses that compare the student with an order of the documents, for one row: rankNet, lambdaNdcg, adrMse and
// listMle. A thread compares its documents with all others of the row. Values of a document that the gradients of
// others need are kept as notes in device memory (TaskTerm::notes). The loops over all others are separate functions:
// inlined, they would take registers from every row of the general kernels.
#pragma once
#include "../../src/losses/gain.h"
#include "pairwise.cuh"

namespace ckl {
namespace cuda {

// What orders the documents: the relevance if given, else the teacher's scores.
template <class Team>
CKL_DEVICE float level_at(const GeneralRow<Team>& row, int64_t i) {
  return row.task.batch.relevance ? row.task.batch.relevance[row.row.begin + i] : row.teacher_score(i);
}
// The level as an exponent of 2.
template <class Team>
CKL_DEVICE double scaled_level(const GeneralRow<Team>& row, float level) {
  return row.task.batch.relevance ? double(level) : double(level) / row.task.teacher_temperature;
}

// Calls body(j) for all valid documents of the row.
template <class Team, class Body>
CKL_DEVICE void each_valid(const GeneralRow<Team>& row, Body body) {
  for (int64_t j = 0; j < row.row.n; j++)
    if (row.label(j) != kPadding) body(j);
}

// NaN if a valid document has a score or a level that cannot be ranked.
template <class Team>
CKL_DEVICE float level_poison(GeneralRow<Team>& row) {
  float bad = 0;
  row.each(kLabels, [&](const Loaded& x) {
    if (x.y == kPadding) return;
    const int64_t i = x.i;
    const float s = row.student_score(i), l = level_at(row, i), level = l == -infinity() ? 0 : l;
    bad += (s - s) + (level - level);
  });
  return team_sum(row.team, bad);
}

// The number of pairs of documents of different level. A row with a NaN level counts as having some, so that its result
// is NaN.
template <class Team>
CKL_DEVICE double count_level_pairs(GeneralRow<Team>& row) {
  int64_t mine = 0;
  row.each(kLabels, [&](const Loaded& x) {
    if (x.y == kPadding) return;
    const float level = level_at(row, x.i);
    each_valid(row, [&](int64_t j) { mine += level > level_at(row, j) || (j < x.i && level != level); });
  });
  float parts[3] = {float(mine & 4095), float(mine >> 12 & 4095), float(mine >> 24)};
  row.team.reduce(parts, Add());
  return double(parts[0]) + 4096.0 * double(parts[1]) + 16777216.0 * double(parts[2]);
}

// A row as one thread sees it, for the functions that compare one document with all others.
CKL_DEVICE GeneralRow<Lanes> alone(const Task& task, Row row) { return {task, Lanes{1}, row, nullptr, nullptr}; }

// The place of document i, from 1, by level or by the student's score; ties in list order.
static __device__ __noinline__ int64_t place_of(const Task& task, Row row, int64_t i, bool by_level) {
  const auto x = alone(task, row);
  const auto score = [&](int64_t j) { return by_level ? level_at(x, j) : x.student_score(j); };
  const float mine = score(i);
  int64_t place = 1;
  each_valid(x, [&](int64_t j) {
    const float other = score(j);
    place += other > mine || (j < i && other == mine);
  });
  return place;
}

// The contribution of document i to the ideal DCG@k. top: the highest level.
static __device__ __noinline__ double ideal_gain(const Task& task, Row row, int64_t i, float k, float top) {
  const int64_t place = place_of(task, row, i, true);
  if (!(float(place) <= k)) return 0;
  const auto x = alone(task, row);
  return gain(scaled_level(x, level_at(x, i)), scaled_level(x, top)) * discount(double(place));
}

// As cpu::ideal_dcg.
template <class Team>
CKL_DEVICE float ideal_dcg(GeneralRow<Team>& row, float k, float& top) {
  top = -infinity();
  row.each(kLabels, [&](const Loaded& x) { top = fmaxf(top, x.y == kPadding ? -infinity() : level_at(row, x.i)); });
  top = team_max(row.team, top);
  double mine = 0;
  if (top > 0) {
    row.each(kLabels, [&](const Loaded& x) {
      if (x.y != kPadding) mine += ideal_gain(row.task, row.row, x.i, k, top);
    });
  }
  float parts[2] = {float(mine), float(mine - double(float(mine)))};
  row.team.reduce(parts, Add());
  return parts[0] + parts[1];
}

// The number of pairs that a term counts: none unless the ideal DCG is above 0.
template <class Team>
CKL_DEVICE double count_term_pairs(GeneralRow<Team>& row, const TaskTerm& term) {
  if (term.needs == Needs::ordered_pair) return count_pairs(row);
  const double pairs = count_level_pairs(row);
  if (term.needs != Needs::gainful_pair) return pairs;
  // Computed for every row, so that rows sharing a warp stay in step.
  float top;
  const float ideal = ideal_dcg(row, term.parameters.k, top), poison = level_poison(row);
  return ideal > 0 || poison != 0 ? pairs : 0;
}

template <>
struct RowPass<RankNet> {
  struct State {
    double pairs;
    float poison, value;
  };
  // Of document i, before any factor. The values of its pairs go to the state.
  static __device__ __noinline__ float slope(const Task& task, Row row, State& state, int64_t i) {
    const auto x = alone(task, row);
    const float mine = x.student_score(i), level = level_at(x, i);
    float slope = 0, part = 0;
    int taken = 0;
    each_valid(x, [&](int64_t j) {
      const float other = level_at(x, j);
      if (!(level > other) && !(level < other)) return;
      const bool better = level > other;
      const float lead = mine - x.student_score(j);
      const Pair<float> pair = RankNet()(x.by_student(better ? lead : -lead));
      if (better) state.value += pair.value;
      part += better ? -pair.slope : pair.slope;
      if (++taken % 64 == 0) slope += part, part = 0;
    });
    return slope + part;
  }
  template <class Team>
  CKL_DEVICE_MEMBER bool prepare(GeneralRow<Team>& row, const TaskTerm&, State& state) const {
    state.pairs = count_level_pairs(row);
    state.value = 0;
    if (!(state.pairs > 0)) return false;
    state.poison = level_poison(row);
    return true;
  }
  template <class Team>
  CKL_DEVICE_MEMBER void add(const GeneralRow<Team>& row, const TaskTerm&, State& state, int64_t i, bool live,
                             const GradientScale& scale, float& gs, float&) const {
    if (!live) return;
    gs += float(pair_factor(row, state, scale) * double(slope(row.task, row.row, state, i))) + state.poison;
  }
  template <class Team>
  CKL_DEVICE_MEMBER RowResult finish(GeneralRow<Team>& row, const TaskTerm&, const State& state) const {
    return mean_over_pairs(row, state);
  }
};

// Notes: the document's rank by the student.
template <>
struct RowPass<LambdaNdcg> {
  struct State {
    double pairs;
    float poison, value, ideal, top;
  };
  // Of document i, before any factor. The values of its pairs go to the state.
  static __device__ __noinline__ float slope(const Task& task, const TaskTerm& term, Row row, State& state, int64_t i) {
    const auto x = alone(task, row);
    const LambdaNdcg loss = {term.parameters.mu};
    const float* ranks = term.notes + row.begin;
    const float mine = x.student_score(i), level = level_at(x, i), rank = ranks[i], k = term.parameters.k;
    const double highest = scaled_level(x, state.top);
    const double my_gain = gain_and_one(scaled_level(x, level), highest), my_discount = discount(double(rank));
    float slope = 0, part = 0;
    int taken = 0;
    each_valid(x, [&](int64_t j) {
      const float other = level_at(x, j);
      if ((!(level > other) && !(level < other)) || fminf(rank, ranks[j]) > k) return;
      const bool better = level > other;
      const double distance = double(fabsf(rank - ranks[j]));
      const float near = float(discount(distance) - discount(distance + 1));
      const float far = fabsf(float(my_discount - discount(double(ranks[j]))));
      const float gap = fabsf(float((my_gain - gain_and_one(scaled_level(x, other), highest)) / double(state.ideal)));
      const float lead = mine - x.student_score(j);
      const Pair<float> pair = loss(x.by_student(better ? lead : -lead), near, far, gap);
      if (better) state.value += pair.value;
      part += better ? -pair.slope : pair.slope;
      if (++taken % 64 == 0) slope += part, part = 0;
    });
    return slope + part;
  }
  template <class Team>
  CKL_DEVICE_MEMBER bool prepare(GeneralRow<Team>& row, const TaskTerm& term, State& state) const {
    state.pairs = count_level_pairs(row);
    state.value = 0;
    if (!(state.pairs > 0)) return false;
    state.poison = level_poison(row);
    state.ideal = ideal_dcg(row, term.parameters.k, state.top);
    if (!(state.ideal > 0) && state.poison == 0) return false;
    row.each(kLabels, [&](const Loaded& x) {
      if (x.y == kPadding) return;
      term.notes[row.row.begin + x.i] = float(place_of(row.task, row.row, x.i, false));
    });
    row.team.sync();
    return true;
  }
  template <class Team>
  CKL_DEVICE_MEMBER void add(const GeneralRow<Team>& row, const TaskTerm& term, State& state, int64_t i, bool live,
                             const GradientScale& scale, float& gs, float&) const {
    if (!live) return;
    gs += float(pair_factor(row, state, scale) * double(slope(row.task, term, row.row, state, i))) + state.poison;
  }
  template <class Team>
  CKL_DEVICE_MEMBER RowResult finish(GeneralRow<Team>& row, const TaskTerm&, const State& state) const {
    return mean_over_pairs(row, state);
  }
};

// Notes: (r - r') / log2(r + 1).
template <>
struct RowPass<AdrMse> {
  struct State {
    float poison, value;
  };
  // The note of document i. Its part of the value is added to the state.
  static __device__ __noinline__ float error(const Task& task, const TaskTerm& term, Row row, State& state, int64_t i) {
    const auto x = alone(task, row);
    const AdrMse loss = {term.parameters.steepness};
    const float mine = x.student_score(i), level = level_at(x, i);
    double rank = 0.5;
    float approximate = 1, part = 0;
    int taken = 0;
    each_valid(x, [&](int64_t j) {
      const float other = level_at(x, j);
      rank += other > level ? 1 : other == level ? 0.5 : 0;
      if (j != i) part += loss.step(x.by_student(x.student_score(j) - mine)).up;
      if (++taken % 64 == 0) approximate += part, part = 0;
    });
    const double gap = rank - double(approximate + part), weight = discount(rank);
    state.value += float(gap * gap * weight);
    return float(gap * weight);
  }
  static __device__ __noinline__ float pull(const Task& task, const TaskTerm& term, Row row, int64_t i) {
    const auto x = alone(task, row);
    const AdrMse loss = {term.parameters.steepness};
    const float* errors = term.notes + row.begin;
    const float mine = x.student_score(i), my_error = errors[i];
    float sum = 0, part = 0;
    int taken = 0;
    each_valid(x, [&](int64_t j) {
      part += loss.pull(x.by_student(x.student_score(j) - mine), my_error, errors[j]);
      if (++taken % 64 == 0) sum += part, part = 0;
    });
    return sum + part;
  }
  template <class Team>
  CKL_DEVICE_MEMBER bool prepare(GeneralRow<Team>& row, const TaskTerm& term, State& state) const {
    state.poison = level_poison(row);
    state.value = 0;
    row.each(kLabels, [&](const Loaded& x) {
      if (x.y != kPadding) term.notes[row.row.begin + x.i] = error(row.task, term, row.row, state, x.i);
    });
    row.team.sync();
    return true;
  }
  template <class Team>
  CKL_DEVICE_MEMBER void add(const GeneralRow<Team>& row, const TaskTerm& term, State& state, int64_t i, bool live,
                             const GradientScale& scale, float& gs, float&) const {
    if (!live) return;
    const double factor = student_factor(scale) * (2 / double(row.documents));
    gs += float(factor * double(pull(row.task, term, row.row, i))) + state.poison;
  }
  template <class Team>
  CKL_DEVICE_MEMBER RowResult finish(GeneralRow<Team>& row, const TaskTerm&, const State& state) const {
    return {double(team_sum(row.team, state.value)) / double(row.documents) + double(state.poison), 1};
  }
};

// Notes: M_k and 1 / z_k of list_mle.h, in two arrays.
template <>
struct RowPass<ListMle> {
  struct State {
    float poison, value;
  };
  // Whether j does not come before i.
  static CKL_DEVICE_MEMBER bool follows(float level_j, int64_t j, float level_i, int64_t i) {
    return level_j < level_i || (level_j == level_i && j >= i);
  }
  // The notes of document i. Its part of the value is added to the state.
  static __device__ __noinline__ void note(const Task& task, const TaskTerm& term, Row row, State& state, int64_t i) {
    const auto x = alone(task, row);
    const float level = level_at(x, i), mine = x.student_score(i);
    float largest = mine, z = 0, part = 0;
    int taken = 0;
    each_valid(x, [&](int64_t j) {
      if (follows(level_at(x, j), j, level, i)) largest = fmaxf(largest, x.student_score(j));
    });
    each_valid(x, [&](int64_t j) {
      if (follows(level_at(x, j), j, level, i)) part += exp_minus(x.by_student(largest - x.student_score(j)));
      if (++taken % 64 == 0) z += part, part = 0;
    });
    z += part;
    state.value += ListMle().value(z, x.by_student(largest - mine));
    float* notes = term.notes + row.begin + i;
    notes[0] = largest, notes[task.elements] = 1 / z;
  }
  // The sum, over the places up to that of document i, of its probability among the remaining documents.
  static __device__ __noinline__ float chosen(const Task& task, const TaskTerm& term, Row row, int64_t i) {
    const auto x = alone(task, row);
    const float level = level_at(x, i), mine = x.student_score(i);
    const float* largest = term.notes + row.begin;
    const float* inverse = largest + task.elements;
    float sum = 0, part = 0;
    int taken = 0;
    each_valid(x, [&](int64_t k) {
      if (follows(level, i, level_at(x, k), k)) part += exp_minus(x.by_student(largest[k] - mine)) * inverse[k];
      if (++taken % 64 == 0) sum += part, part = 0;
    });
    return sum + part;
  }
  template <class Team>
  CKL_DEVICE_MEMBER bool prepare(GeneralRow<Team>& row, const TaskTerm& term, State& state) const {
    state.poison = level_poison(row);
    state.value = 0;
    row.each(kLabels, [&](const Loaded& x) {
      if (x.y != kPadding) note(row.task, term, row.row, state, x.i);
    });
    row.team.sync();
    return true;
  }
  template <class Team>
  CKL_DEVICE_MEMBER void add(const GeneralRow<Team>& row, const TaskTerm& term, State& state, int64_t i, bool live,
                             const GradientScale& scale, float& gs, float&) const {
    if (!live) return;
    gs += float(student_factor(scale) * double(chosen(row.task, term, row.row, i) - 1)) + state.poison;
  }
  template <class Team>
  CKL_DEVICE_MEMBER RowResult finish(GeneralRow<Team>& row, const TaskTerm&, const State& state) const {
    return {double(team_sum(row.team, state.value)) + double(state.poison), 1};
  }
};

}  // namespace cuda
}  // namespace ckl
