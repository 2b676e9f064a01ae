// The data that the two calls of one rank exchange when the queries of a batch are spread over ranks.
#pragma once
#include "plan.h"

namespace ckl {

// A batch that holds one rank's queries of a larger batch. Counts and sums of all ranks are exchanged between the two calls.
struct Share {
  // Written by count and read by run: the divisor of each term's mean, followed by the number of queries that any term
  // counts.
  double* normalisers;
  // If the batch has weights, count writes what each query adds to the normaliser of each term. Run writes the first
  // `queries` elements: what each query adds to the batch's loss, before the division if there is only one term.
  double* summands;

  static constexpr int kNormalisers = kMaxTerms + 1;
};

}  // namespace ckl
