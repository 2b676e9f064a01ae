// Prepares the task of the kernels from a plan and a batch, and computes the batch's loss from their results.
#pragma once
#include <algorithm>

#include "kernel.h"

namespace ckl {
namespace cpu {

inline Needs needs_of(LossId id) { return kLosses[int(id)].needs; }

// x as the sum of two floats, clamped to the largest finite float.
inline void split(double x, float& high, float& low) {
  constexpr double kMax = 3.4028234663852886e38;
  high = float(std::min(x, kMax));
  low = x > kMax ? 0.0f : float(x - double(high));
}

// Sets everything except the scales of the terms, the kind of labels and the destination of contributions.
inline void fill_task(Task& task, const Plan& plan, const Batch& batch, const Outputs& out) {
  task.batch = batch;
  task.out = out;
  task.term_count = int(plan.terms.size());
  task.pair_weighted = plan.pair_mean == PairMean::batch;
  task.student_temperature = plan.student_temperature;
  task.teacher_temperature = plan.teacher_temperature;
  split(1 / plan.student_temperature, task.inverse_student_high, task.inverse_student_low);
  split(1 / plan.teacher_temperature, task.inverse_teacher_high, task.inverse_teacher_low);
  task.scaled = plan.student_temperature != 1 || plan.teacher_temperature != 1;
  for (int k = 0; k < task.term_count; k++) {
    const PlanTerm& from = plan.terms[size_t(k)];
    TaskTerm& to = task.terms[k];
    to.loss = from.loss;
    to.needs = needs_of(from.loss);
    const bool biased = from.loss == LossId::ckl && (batch.beta || from.alpha > 0);
    from.set(to.parameters, biased);
    to.beta_scale = batch.beta ? 1.0f : float(from.alpha);
    to.weight = from.weight;
  }
}

// normaliser: the divisor of a mean; 0 if nothing is counted.
inline void scale_term(Task& task, const Plan& plan, int k, double normaliser) {
  TaskTerm& term = task.terms[k];
  term.loss_scale = term.weight;
  if (plan.reduction == Reduction::mean) term.loss_scale = normaliser > 0 ? term.weight / normaliser : 0;
  term.grad_scale = term.loss_scale * plan.grad_scale;
}

// What a query adds to the batch's loss.
inline double summand(const Task& task, int64_t b) {
  return task.contributions   ? task.contributions[b]
         : task.batch.weights ? double(task.batch.weights[b]) * task.out.per_query[b]
                              : task.out.per_query[b];
}

// The batch's loss, in double and in the same order for any number of threads: four sums over every fourth query.
inline double reduce_loss(const Task& task) {
  double sums[4] = {0, 0, 0, 0};
  for (int64_t b = 0; b < task.batch.rows.queries; b++) sums[b & 3] += summand(task, b);
  const double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  if (task.contributions) return sum;
  // per_query includes the term's weight
  const TaskTerm& term = task.terms[0];
  return term.weight == 0 ? 0 : sum * (term.loss_scale / term.weight);
}

}  // namespace cpu
}  // namespace ckl
