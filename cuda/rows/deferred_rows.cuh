// Rows that the fast path has deferred, in the same launch: their teams go over them again, with the arithmetic of the
// general path, which handles infinities and NaN.
//
// Every kernel has this code, since ptxas shares none between kernels, and hardly any run needs it: it is written to be
// small. One loop serves all sweeps over a row, and a kernel evaluates only the losses that it is for.
#pragma once
#include <type_traits>

#include "general_terms.cuh"
#include "../common/row_team.cuh"
#include "../ranks/ranking.cuh"

namespace ckl {
namespace cuda {

template <class F>
struct KernelFor;  // fast_select.cuh

template <class V>
inline constexpr bool kIsCkl = false;
template <int Gamma, bool Biased>
inline constexpr bool kIsCkl<CklVariant<Gamma, Biased>> = true;
// Whether a row of the kernel of F may be one of functor V.
template <class F, class V>
constexpr bool covers() {
  if constexpr (kIsCkl<V> && kIsCkl<F>) return F::biased || !std::is_same<V, CklVariant<kGammaWhole, true>>::value;
  else return std::is_same<typename KernelFor<V>::Type, F>::value;
}

template <class F>
CKL_DEVICE TermValue deferred_value(const TaskTerm& term, const Document<float, bool>& x, bool no_student,
                                    bool has_teacher) {
  TermValue r = {0, 0, 0, false};
  visit_loss(term.loss, [&](auto loss) {
    typedef decltype(loss) Type;
    if constexpr (Type::family == Family::distribution) {
      with_compact_variant(typename Type::type(), term.parameters, [&](auto variant) {
        if constexpr (covers<F, decltype(variant)>()) r = evaluate<decltype(variant)>(term, x, no_student, has_teacher);
      });
    }
  });
  return r;
}

struct AddOrMax {
  bool max;
  CKL_DEVICE_MEMBER float neutral() const { return max ? Max::neutral() : Add::neutral(); }
  CKL_DEVICE_MEMBER float operator()(float a, float b) const { return max ? Max()(a, b) : Add()(a, b); }
};

template <class F, class Team>
CKL_DEVICE RowTotal deferred_row(const Task& task, Team& team, const Row& row, const float* ranked) {
  enum { kTops, kExponentials, kLoss, kGradient };
  GeneralRow<Team> x{task, team, row, ranked, nullptr};
  const TaskTerm& term = task.terms[0];
  const bool biased = F::biased && term.parameters.biased, centred = biased && !task.batch.beta;
  const float weight = task.batch.weights ? task.batch.weights[row.b] : 1.0f;
  // As many threads as hold the row in registers: the order of sums does not depend on how many more the team has.
  const int64_t holding = (row.n + kStretch - 1) / kStretch * kWarp;
  const unsigned size = team.size(), threads = holding < int64_t(size) ? unsigned(holding) : size;
  const unsigned reads = kScores | (biased ? kRanks : kLabels);
  unsigned me = team.rank();
  if constexpr (!Team::kLanes) me = team.stretch() * kWarp + lane_id();
  bool counted = true;
  float sums[6] = {};  // of the sweep before
#pragma unroll 1
  for (int sweep = kTops; sweep <= kGradient; sweep++) {
    const Projection project(x.student, sums[2], sums[3], saturate(weight * scale_of(task, 0).student),
                             x.student.inverse);
    float all[6] = {0, 0, 0, 0, 0, 0};
    if (sweep == kTops) all[0] = all[1] = Max::neutral();
    x.team.sync();  // all threads have read the scores that the gradient may overwrite
#pragma unroll 1
    for (int64_t i = me < threads ? me : row.n; i < row.n; i += threads) {
      const Loaded document = x.document(i, reads);
      float gradient = 0;
      if (document.y != kPadding && counted) {
        if (sweep == kTops) {
          const bool positive = document.y == kPositive;
          x.add_score(document, all[0], all[1], all[2]);
          all[3] += 1, all[4] += positive;
          if (centred && positive) all[5] += x.inverse_rank(document);
        } else {
          typename GeneralRow<Team>::View v = x.template view<F::biased>(document);
          if (sweep == kExponentials) {
            x.add_exponentials(v.es, v.et, all[0], all[1], all[2], all[3]);
          } else {
            v.document.beta = biased ? term.beta_scale * v.document.beta : 0;
            const TermValue s = deferred_value<F>(term, v.document, v.no_student, v.has_teacher);
            const float value = s.diverges ? infinity() : s.value;
            all[0] += float(term.weight) * value, all[1] += float(scale_of(task, 0).loss) * value;
            (v.es < 1 ? all[2] : all[3]) += s.h;
            gradient = x.poison == 0 ? project(v.es == 1, v.es, s.h) : not_a_number();
          }
        }
      }
      if (sweep == kGradient) store(task.out.grad.data, task.out.grad.type, row.begin + i, gradient);
    }
    if (sweep == kGradient) break;
#pragma unroll 1
    for (int k = 0; k < 6; k++) {
      float one[1] = {all[k]};
      x.team.reduce(one, AddOrMax{sweep == kTops && k < 2});
      sums[k] = one[0];
    }
    if (sweep == kTops) {
      x.max_student = sums[0], x.max_teacher = sums[1], x.poison = sums[2];
      x.documents = sums[3], x.positives = sums[4];
      x.rank_mean = centred && x.positives > 0 ? sums[5] / x.positives : 0;
      counted = x.counts(term.needs);
    } else if (sweep == kExponentials) {
      x.set_softmax(sums[0], sums[1], sums[2], sums[3]);
    }
  }
  team = x.team;
  if (team.rank() != 0) return {};
  const bool clean = x.poison == 0;
  task.out.per_query[row.b] = !counted ? 0 : clean ? sums[0] : not_a_number();
  const double contribution = !counted ? 0 : double(clean ? sums[1] : not_a_number());
  return {double(weight) * contribution, counted, false};
}

// Those of a warp, one after another. ranked, keys: room for the floats of the longest row, if rows are ranked here.
template <class F>
CKL_RARE_PART RowTotal deferred_rows(const Task& task, float* ranked, float* keys) {
  const Lanes some{task.launch.width};
  Lanes team{kWarp};
  const unsigned at_once = kWarp / some.width;
  RowTotal total = {};
#pragma unroll 1
  for (int64_t base = some.index() - threadIdx.x % kWarp / some.width; base < task.batch.rows.queries;
       base += some.count())
#pragma unroll 1
    for (int64_t b = base; b < base + at_once && b < task.batch.rows.queries; b++) {
      const Row row = row_of(task.batch.rows, b);
      if (!in_class(task, row) || !is_deferred(task, b)) continue;
      const bool fresh = F::biased && task.fresh_ranks;
      if (fresh) rank_row(team, task.batch, row, capacity_for(row), keys, ranked);
      add(total, deferred_row<F>(task, team, row, fresh ? ranked : nullptr));
      __syncwarp();
    }
  return total;
}

// Those of a block or cluster of blocks.
template <class F>
CKL_RARE_PART RowTotal deferred_rows(const Task& task, RowTeam team) {
  RowTotal total = {};
  team.sync();  // all blocks see which rows are marked
#pragma unroll 1
  for (int64_t b = team.index(); b < task.batch.rows.queries; b += team.count()) {
    const Row row = row_of(task.batch.rows, b);
    if (!in_class(task, row) || !is_deferred(task, b)) continue;
    add(total, deferred_row<F>(task, team, row, nullptr));
    team.sync();
  }
  return total;
}

}  // namespace cuda
}  // namespace ckl
