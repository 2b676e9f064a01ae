// The pairwise losses over one row: marginMse by moments in O(N), lambdaMrr over pairs whose second documents are
// loaded into shared memory tile by tile.
#pragma once
#include "row_pass.cuh"

namespace ckl {
namespace cuda {

// marginMse: the sums over the row that a document's gradient needs.
struct Margins {
  float mean_positive, mean_negative, inverse_positive, inverse_negative, poison, value;
};

template <class Team>
CKL_DEVICE float margin_error(const GeneralRow<Team>& row, float student, float teacher) {
  return row.by_student(student) - row.by_teacher(teacher);
}

template <class Team>
CKL_DEVICE Margins margins(GeneralRow<Team>& row) {
  float all[3] = {0, 0, 0}, positive = 0, negative = 0;
  row.each(
      kScores,
      [&](const Loaded& x) {
        if (x.y == kPadding) return;
        const float e = margin_error(row, x.s, x.t);
        all[2] += e - e;
        (x.y == kPositive ? positive : negative) += e;
      },
      [&] { all[0] += positive, all[1] += negative, positive = negative = 0; });
  row.team.reduce(all, Add());
  Margins m;
  m.inverse_positive = 1 / row.positives;
  m.inverse_negative = 1 / (row.documents - row.positives);
  m.mean_positive = all[0] * m.inverse_positive;
  m.mean_negative = all[1] * m.inverse_negative;
  m.poison = all[2];
  float squares[2] = {0, 0};
  positive = negative = 0;
  row.each(
      kScores,
      [&](const Loaded& x) {
        if (x.y == kPadding) return;
        const float e = margin_error(row, x.s, x.t), dp = e - m.mean_positive, dn = e - m.mean_negative;
        if (x.y == kPositive) positive += dp * dp;
        else negative += dn * dn;
      },
      [&] { squares[0] += positive, squares[1] += negative, positive = negative = 0; });
  row.team.reduce(squares, Add());
  m.value = MarginMse().value(squares[0] * m.inverse_positive, squares[1] * m.inverse_negative, m.mean_positive,
                              m.mean_negative) +
            m.poison;
  return m;
}

template <class Team>
CKL_DEVICE float margin_slope(const GeneralRow<Team>& row, const Margins& m, int64_t i) {
  const float e = margin_error(row, row.student_score(i), row.teacher_score(i));
  return row.label(i) == kPositive ? MarginMse().slope(e, m.mean_negative, m.inverse_positive)
                                   : MarginMse().slope(e, m.mean_positive, m.inverse_negative);
}

template <>
struct RowPass<MarginMse> {
  typedef Margins State;
  template <class Team>
  CKL_DEVICE_MEMBER bool prepare(GeneralRow<Team>& row, const TaskTerm&, State& m) const {
    m = margins(row);
    return true;
  }
  template <class Team>
  CKL_DEVICE_MEMBER void add(const GeneralRow<Team>& row, const TaskTerm&, State& m, int64_t i, bool live,
                             const GradientScale& scale, float& gs, float& gt) const {
    if (!live) return;
    const float slope = margin_slope(row, m, i);
    gs += saturate(scale.weight * scale.batch.student) * slope + m.poison;
    gt += saturate(scale.weight * scale.batch.teacher) * -slope + m.poison;
  }
  template <class Team>
  CKL_DEVICE_MEMBER RowResult finish(GeneralRow<Team>&, const TaskTerm&, const State& m) const {
    return {double(m.value), 1};
  }
};

CKL_DEVICE float relevance_at(const Batch& batch, int64_t i) {
  if (batch.relevance) return batch.relevance[i];
  return batch.labels[i] == kPositive ? 1.0f : 0.0f;
}

struct Ranked {
  float score, inverse_rank, relevance;
};

// Calls pair(j) for all documents j of the row, in step with the whole team. The relevance of masked ones is NaN.
template <class Team, class Pair>
CKL_DEVICE void each_other(const GeneralRow<Team>& row, bool live, Pair pair) {
  const unsigned size = row.team.group_size(), me = row.team.group_rank();
  float *scores = row.tile, *ranks = scores + size, *levels = ranks + size;
  for (int64_t from = 0; from < row.row.n; from += size) {
    const int64_t j = from + me;
    const bool valid = j < row.row.n && row.label(j) != kPadding;
    scores[me] = valid ? row.student_score(j) : 0;
    ranks[me] = valid ? row.inverse_rank(j) : 0;
    levels[me] = valid ? relevance_at(row.task.batch, row.row.begin + j) : not_a_number();
    row.team.group_sync();
    const int64_t left = row.row.n - from;
    const int count = left < int64_t(size) ? int(left) : int(size);
    if (live)
      for (int k = 0; k < count; k++) pair(Ranked{scores[k], ranks[k], levels[k]});
    row.team.group_sync();
  }
}

template <class Team>
CKL_DEVICE Ranked ranked_at(const GeneralRow<Team>& row, int64_t i, bool live) {
  if (!live) return {0, 0, 0};
  return {row.student_score(i), row.inverse_rank(i), relevance_at(row.task.batch, row.row.begin + i)};
}

// The number of pairs of documents of different relevance in the row.
template <class Team>
CKL_DEVICE double count_pairs(GeneralRow<Team>& row) {
  if (!row.task.batch.relevance) return double(row.positives) * double(row.documents - row.positives);
  // Counted in parts of 12 bits, which floats add exactly.
  int64_t mine = 0;
  for (int64_t base = 0; base < row.row.n; base += row.team.size()) {
    const int64_t i = base + row.team.rank();
    const bool live = i < row.row.n && row.label(i) != kPadding;
    const float level = live ? relevance_at(row.task.batch, row.row.begin + i) : 0;
    if (live)
      for (int64_t j = 0; j < row.row.n; j++)
        mine += row.label(j) != kPadding && level > relevance_at(row.task.batch, row.row.begin + j);
  }
  float parts[3] = {float(mine & 4095), float(mine >> 12 & 4095), float(mine >> 24)};
  row.team.reduce(parts, Add());
  return double(parts[0]) + 4096.0 * double(parts[1]) + 16777216.0 * double(parts[2]);
}

// NaN if a valid score is not finite.
template <class Team>
CKL_DEVICE float score_poison(GeneralRow<Team>& row) {
  float bad = 0;
  row.each(kScores, [&](const Loaded& x) {
    const float s = x.y == kPadding ? 0 : x.s;
    bad += s - s;
  });
  return team_sum(row.team, bad);
}

// The factor from a slope of the query's loss to the batch's gradient.
CKL_DEVICE double student_factor(const GradientScale& scale) {
  return double(scale.weight) * double(scale.batch.student);
}

// The same for a mean over pairs. State: the number of the row's pairs, the sum over those that this thread has seen,
// and the poison.
template <class Team, class State>
CKL_DEVICE double pair_factor(const GeneralRow<Team>& row, const State& state, const GradientScale& scale) {
  return student_factor(scale) * (row.task.pair_weighted ? 1 : 1 / state.pairs);
}
template <class Team, class State>
CKL_DEVICE RowResult mean_over_pairs(GeneralRow<Team>& row, const State& state) {
  const float value = team_sum(row.team, state.value);
  return {double(value) / state.pairs + double(state.poison), row.task.pair_weighted ? state.pairs : 1};
}

// The sum over pairs with document i on either side: the slope, and the value of the pairs in which it is the better
// one.
struct PairSums {
  float value, slope;
};
template <class Team>
CKL_DEVICE PairSums lambda_pairs(const GeneralRow<Team>& row, int64_t i, bool live) {
  const LambdaMrr loss;
  const Ranked mine = ranked_at(row, i, live);
  const float rank = rank_behind(mine.inverse_rank);
  float value = 0, slope = 0, part_value = 0, part_slope = 0;
  int taken = 0;
  each_other(row, live, [&](const Ranked& other) {
    const bool better = mine.relevance > other.relevance, worse = mine.relevance < other.relevance;
    if (!better && !worse) return;
    const float gap = rank_gap(rank, mine.inverse_rank, rank_behind(other.inverse_rank), other.inverse_rank);
    const float margin = row.by_student(better ? mine.score - other.score : other.score - mine.score);
    const Pair<float> pair = loss(margin, gap);
    if (better) part_value += pair.value, part_slope -= pair.slope;
    else part_slope += pair.slope;
    if (++taken % 64 == 0) value += part_value, slope += part_slope, part_value = part_slope = 0;
  });
  return {value + part_value, slope + part_slope};
}

template <>
struct RowPass<LambdaMrr> {
  struct State {
    double pairs;
    float poison, value;  // value: sum over the pairs that this thread has seen
  };
  template <class Team>
  CKL_DEVICE_MEMBER bool prepare(GeneralRow<Team>& row, const TaskTerm&, State& state) const {
    state.pairs = count_pairs(row);
    state.value = 0;
    if (!(state.pairs > 0)) return false;
    state.poison = score_poison(row);
    return true;
  }
  template <class Team>
  CKL_DEVICE_MEMBER void add(const GeneralRow<Team>& row, const TaskTerm&, State& state, int64_t i, bool live,
                             const GradientScale& scale, float& gs, float&) const {
    const PairSums pairs = lambda_pairs(row, i, live);
    state.value += pairs.value;
    if (live) gs += float(pair_factor(row, state, scale) * double(pairs.slope)) + state.poison;
  }
  template <class Team>
  CKL_DEVICE_MEMBER RowResult finish(GeneralRow<Team>& row, const TaskTerm&, const State& state) const {
    return mean_over_pairs(row, state);
  }
};

}  // namespace cuda
}  // namespace ckl
