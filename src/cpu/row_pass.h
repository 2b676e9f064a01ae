// The extension point for losses that need the row as a whole (pairwise and listwise): each has its own pass, selected
// by its type.
#pragma once
#include <type_traits>

#include "../losses/losses.h"
#include "labels.h"
#include "passes.h"
#include "ranking.h"
#include "scratch.h"

namespace ckl {
namespace {

// The input of a pass: one term and one row, along the vector.
struct RowTask {
  const Task& task;
  const TaskTerm& term;
  const Scratch& scratch;  // all blocks but kStudent, kTeacher, kBias, kGrad, kTeacherGrad and kLabels are free
  const OneRow& row;       // scores and labels; grad and teacher_grad hold the sum of preceding terms
  int64_t begin, n;        // the row in the caller's arrays; row.n is n, or 16 if padding fills up a shorter row
  LabelCount labels;
  double query_weight;
  bool teacher;  // the teacher's gradient is wanted

  int64_t documents() const { return n - labels.padding; }
  // The row's relevance, or null if labels are the relevance.
  const float* relevance() const { return task.batch.relevance ? task.batch.relevance + begin : nullptr; }
  // What orders the documents for losses that follow the relevance if given, else the teacher.
  const float* levels() const { return relevance() ? relevance() : row.t; }
  int32_t* order() const { return (int32_t*)scratch.sorting(); }  // has room for 5 n words
  // 1 / rank of each document, from the given ranks or from the scores. Overwrites order().
  void inverse_ranks(float* out) const { row_inverse_ranks(task, scratch, row.s, begin, n, row.y, out); }
};

// The input of a pass over sixteen rows side by side, one per lane.
struct SixteenTask {
  const Task& task;
  const SixteenRows& rows;  // scores and labels, padding included; grad and teacher_grad are uninitialised
  float* scratch;           // one block
  V documents, positives, factor, teacher_factor;  // factor: from the slope of a query's loss to the batch's gradient
  bool teacher;                                    // the teacher's gradient is wanted
};

// The contribution of a pass to the loss.
struct RowResult {
  float value;          // of the query, before the term's weight
  double multiplicity;  // how often the query counts in the batch's loss: its pairs under PairMean::batch, else 1
};

// For passes that compare each document with vectors of others, in any order.
inline void clear_lanes(float* x) { memset(x, 0, sizeof(float) * kLanes); }
// The lanes of the next vector that hold one of the `left` remaining documents.
CKL_FN M lanes_below(int64_t left) { return left >= kLanes ? lanes_from(0) : ~lanes_from((int)left); }

// The factor from a slope of the query's loss to the batch's gradient, in double.
inline double gradient_factor(const RowTask& x, double multiplicity) {
  return x.term.grad_scale * (x.query_weight * multiplicity) / x.task.student_temperature;
}

// Adds the gradient of the first m documents of an order to the row's.
inline void scatter(const RowTask& x, const int32_t* order, int64_t m, double factor, const float* grad, float poison) {
  for (int64_t k = 0; k < m; k++) x.row.grad[order[k]] += (float)(factor * grad[k]) + poison;
}

// A mean over pairs, computed from their sum. add(factor) adds the gradient to the row's.
template <class Add>
RowResult mean_over_pairs(const RowTask& x, int64_t pairs, double total, float poison, Add add) {
  const double multiplicity = x.task.pair_weighted ? (double)pairs : 1, mean = 1.0 / (double)pairs;
  add(gradient_factor(x, multiplicity) * mean);
  return {(float)(total * mean) + poison, multiplicity};
}
// The same with a gradient in some order of the m documents.
inline RowResult mean_over_pairs(const RowTask& x, int64_t pairs, double total, const int32_t* order, int64_t m,
                                 const float* grad, float poison) {
  return mean_over_pairs(x, pairs, total, poison, [&](double factor) { scatter(x, order, m, factor, grad, poison); });
}

// RowPass<Loss>::run(const RowTask&) adds term.grad_scale * query_weight * multiplicity * dL/ds to row.grad, and likewise
// to row.teacher_grad if wanted. A row that the term does not count (its Needs) never gets here. There is no general
// template: a pairwise loss without a pass does not compile.
template <class Loss>
struct RowPass;

// A pass may also have V run_sixteen(const SixteenTask&), which sets the gradients of sixteen short rows and returns
// the values; rows that the term does not count get 0. It is used if the loss is the only term.
typedef V (*SixteenPass)(const SixteenTask&);
template <class Pass, class = void>
constexpr SixteenPass kSixteenPass = nullptr;
template <class Pass>
constexpr SixteenPass kSixteenPass<Pass, std::void_t<decltype(Pass::run_sixteen)>> = Pass::run_sixteen;

}  // namespace
}  // namespace ckl
