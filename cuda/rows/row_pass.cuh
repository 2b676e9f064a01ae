// The extension point for losses that need the row as a whole (pairwise and listwise): each has its own pass, selected
// by its type.
#pragma once
#include "general_terms.cuh"

namespace ckl {
namespace cuda {

// The contribution of a pass to the loss.
struct RowResult {
  double value;         // of the query, before the term's weight
  double multiplicity;  // how often the query counts in the batch's loss: its pairs under PairMean::batch, else 1
};

// The factors from a term to the gradient: the query's weight and the scales of the batch.
struct GradientScale {
  float weight;
  const LossScale& batch;
};

// A pass is used in three steps, each by all threads of the team together:
//
//   struct State; what each thread keeps of a row; at most kPassBytes
//   bool prepare(row, term, state)                     sums over the row; false: the query does not count
//   void add(row, term, state, i, live, scale, gs, gt) document i's gradients, added to gs and gt if it is live
//   RowResult finish(row, term, state)                 the value
//
// add may be called after gradients of other documents were written. A loss that reads other documents' scores there
// sets rereads_scores and gets a copy of the scores. There is no general template: a pairwise loss without a pass does
// not compile.
template <class Loss>
struct RowPass;

constexpr int kPassBytes = 32;
struct PassState {
  alignas(8) char bytes[kPassBytes];
  template <class State>
  CKL_DEVICE_MEMBER State& as() {
    static_assert(sizeof(State) <= kPassBytes, "more than a pass may keep of a row");
    return *reinterpret_cast<State*>(bytes);
  }
};

// Calls visit with the pass of a pairwise loss; does nothing for other losses.
template <class Visit>
CKL_DEVICE void visit_row_pass(LossId id, Visit visit) {
  visit_loss(id, [&](auto loss) {
    typedef decltype(loss) Type;
    if constexpr (Type::family == Family::pairwise) visit(RowPass<typename Type::type>());
  });
}

}  // namespace cuda
}  // namespace ckl
