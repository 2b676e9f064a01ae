// One row, start to end, by the general kernels: counts, softmax, sums of the terms, gradients.
#pragma once
#include "diagnostics.cuh"
#include "pairwise.cuh"

namespace ckl {
namespace cuda {

// The gradient of the pairwise terms by document i's scores. lambdaMrr wants the whole team in step.
struct PairTerms {
  Margins margins;
  double pairs = 0;
  bool margin = false, lambda = false;
};

template <class Team>
static __device__ __noinline__ RowTotal general_row(const Task& task, Team team, Row row, const float* ranked,
                                                    float* tile) {
  GeneralRow<Team> x{task, team, row, ranked, tile};
  x.count();
  const float weight = task.batch.weights ? task.batch.weights[row.b] : 1.0f;

  bool any_counted = false, distribution = false;
  PairTerms pairwise;
  for (int k = 0; k < task.term_count; k++) {
    const TaskTerm& term = task.terms[k];
    if (!x.counts(term.needs)) continue;
    any_counted = true;
    distribution |= is_distribution(term.loss);
    pairwise.margin |= term.loss == LossId::marginMse, pairwise.lambda |= term.loss == LossId::lambdaMrr;
  }
  if (distribution || (any_counted && task.out.diagnostics.weight)) x.softmax();
  if (any_counted) x.centre();
  if (task.out.diagnostics.weight) {  // before the gradient may take the place of the scores
    diagnose_documents(x);
    diagnose_query(x, any_counted);
  }
  typename GeneralRow<Team>::Sums sums;
  if (distribution) sums = x.distribution(weight);
  if (pairwise.margin) pairwise.margins = margins(x);
  if (pairwise.lambda) pairwise.pairs = count_pairs(x), pairwise.lambda = pairwise.pairs > 0;
  const float lambda_poison = pairwise.lambda ? score_poison(x) : 0;

  const bool clean = x.poison == 0, single = task.term_count == 1;
  Projection by_student(x.student, sums.h_below, sums.h_top,
                        single ? saturate(weight * scale_of(task, 0).student) : task.inverse_student_high, 1);
  Projection by_teacher(x.teacher, sums.u_below, sums.u_top,
                        single ? saturate(weight * scale_of(task, 0).teacher) : task.inverse_teacher_high, 1);
  x.team.sync();  // everybody has read the scores that the gradient may replace
  float lambda_value = 0;
  for (int64_t base = 0; base < row.n; base += x.team.size()) {
    const int64_t i = base + x.team.rank();
    const bool here = i < row.n, live = here && x.label(i) != kPadding;
    float gs = 0, gt = 0;
    if (live && distribution) {
      const typename GeneralRow<Team>::View v = x.view(i);
      float h = 0, u = 0;
      for (int k = 0; k < task.term_count; k++) {
        const TaskTerm& term = task.terms[k];
        if (!is_distribution(term.loss) || !x.counts(term.needs)) continue;
        const TermValue s = x.term_value(term, v);
        h += x.factor(k, weight) * s.h, u += x.factor(k, weight) * s.u;
      }
      gs = clean ? by_student(v.es == 1, v.es, h) : not_a_number();
      gt = clean ? by_teacher(v.et == 1, v.et, u) : not_a_number();
    }
    const PairSums pairs = pairwise.lambda ? lambda_pairs(x, i, live) : PairSums{0, 0};
    lambda_value += pairs.value;
    for (int k = 0; live && k < task.term_count; k++) {
      const LossScale& scale = scale_of(task, k);
      if (task.terms[k].loss == LossId::marginMse && pairwise.margin) {
        const float slope = margin_slope(x, pairwise.margins, i);
        gs += saturate(weight * scale.student) * slope + pairwise.margins.poison;
        gt += saturate(weight * scale.teacher) * -slope + pairwise.margins.poison;
      }
      if (task.terms[k].loss == LossId::lambdaMrr && pairwise.lambda) {
        const double mean = task.pair_weighted ? 1 : 1 / pairwise.pairs;
        gs += float(double(weight) * double(scale.student) * mean * double(pairs.slope)) + lambda_poison;
      }
    }
    if (!here) continue;
    if (!task.extras_only) store(task.out.grad.data, task.out.grad.type, row.begin + i, gs);
    if (task.out.teacher_grad.data) store(task.out.teacher_grad.data, task.out.teacher_grad.type, row.begin + i, gt);
  }

  float value = distribution ? (clean ? sums.value : not_a_number()) : 0;
  double contribution = distribution ? double(clean ? sums.contribution : not_a_number()) : 0;
  bool counted = distribution || pairwise.margin || pairwise.lambda;
  if (pairwise.lambda) lambda_value = team_sum(x.team, lambda_value);
  for (int k = 0; k < task.term_count; k++) {
    const TaskTerm& term = task.terms[k];
    double of_term = 0, share = 1;
    if (term.loss == LossId::marginMse && pairwise.margin) of_term = double(pairwise.margins.value);
    else if (term.loss == LossId::lambdaMrr && pairwise.lambda) {
      of_term = double(lambda_value) / pairwise.pairs + double(lambda_poison);
      share = task.pair_weighted ? pairwise.pairs : 1;
    } else {
      continue;
    }
    value += float(term.weight * of_term);
    contribution += scale_of(task, k).loss * share * of_term;
  }
  if (x.team.rank() != 0 || task.extras_only) return {0, 0};
  task.out.per_query[row.b] = counted ? value : 0;
  return {counted ? double(weight) * contribution : 0, counted};
}

}  // namespace cuda
}  // namespace ckl
