// What a prepared loss keeps from call to call: its terms, temperatures and reduction.
#pragma once
#include <vector>

#include "../losses/losses.h"

namespace ckl {

struct PlanTerm {
  LossId loss = LossId::kl;
  double weight = 1;
  double gamma = 1, alpha = 0, lambda = 0, nll_weight = 0;
};

enum class Reduction { mean, sum, none };

// lambdaMrr: the mean over the pairs of each query, or over all pairs of the batch (as CL-DRD itself does).
enum class PairMean { query, batch };

struct Plan {
  std::vector<PlanTerm> terms;
  double student_temperature = 1, teacher_temperature = 1;
  Reduction reduction = Reduction::mean;
  PairMean pair_mean = PairMean::query;
  double grad_scale = 1;

  bool reads_teacher() const {
    for (const PlanTerm& t : terms)
      if (kLosses[int(t.loss)].teacher) return true;
    return false;
  }
};

constexpr int kMaxTerms = 8;

}  // namespace ckl
