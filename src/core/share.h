// What the two calls of one rank tell and are told, where the queries of a batch are spread over ranks.
#pragma once
#include "plan.h"

namespace ckl {

// A batch that is one rank's queries of a larger one: what every rank counts and adds up is exchanged between the two calls.
struct Share {
  // Count writes and run reads: for each term what its mean is divided by, followed by how many queries any term counts.
  double* normalisers;
  // Count writes, where the batch has weights: for each term what each query adds to its normaliser. Run writes the first
  // `queries`: what each adds to the batch's loss, still to be divided where the batch is of one term.
  double* summands;

  static constexpr int kNormalisers = kMaxTerms + 1;
};

}  // namespace ckl
