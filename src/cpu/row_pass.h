// The seam for losses that see a row as a whole, pairwise and listwise: each has a pass over the row, found by its type.
#pragma once
#include "../losses/losses.h"
#include "labels.h"
#include "passes.h"
#include "ranking.h"
#include "scratch.h"

namespace ckl {
namespace {

// What a pass is given: one term and one row, along the vector.
struct RowTask {
  const Task& task;
  const TaskTerm& term;
  const Scratch& scratch;  // all blocks but kStudent, kTeacher, kBias, kGrad, kTeacherGrad and kLabels are free
  const OneRow& row;       // scores and labels; grad and teacher_grad hold the terms before
  int64_t begin, n;        // the row in the caller's arrays; row.n is n, or 16 where padding fills a shorter row
  LabelCount labels;
  double query_weight;
  bool teacher;  // the teacher's gradient is wanted

  int64_t documents() const { return n - labels.padding; }
  // The row's relevance, or null: then labels are the relevance.
  const float* relevance() const { return task.batch.relevance ? task.batch.relevance + begin : nullptr; }
  // What orders the documents for losses that follow the relevance, or else the teacher.
  const float* levels() const { return task.batch.relevance ? task.batch.relevance + begin : row.t; }
  int32_t* order() const { return (int32_t*)scratch.sorting(); }  // room for n indices
  // 1 / rank of each document, from the ranks given or of the scores. Overwrites order().
  void inverse_ranks(float* out) const { row_inverse_ranks(task, scratch, row.s, begin, n, row.y, out); }
};

// What a pass adds to the loss.
struct RowResult {
  float value;          // of the query, before the term's weight
  double multiplicity;  // how often the query counts in the batch's loss: its pairs under PairMean::batch, else 1
};

// RowPass<Loss>::run(const RowTask&) adds term.grad_scale * query_weight * multiplicity * dL/ds to row.grad, and likewise
// to row.teacher_grad if wanted. A row that the term does not count (its Needs) never gets here. There is no general
// template: a pairwise loss without a pass does not compile.
template <class Loss>
struct RowPass;

}  // namespace
}  // namespace ckl
