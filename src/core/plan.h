// The plan that a prepared loss keeps between calls: terms, temperatures and reduction.
#pragma once
#include <vector>

#include "../losses/losses.h"

namespace ckl {

struct PlanTerm {
  LossId loss = LossId::kl;
  double weight = 1;
#define PARAMETER(name, field, usual, allowed) double field = usual;
#include "../losses/parameters.def"
#undef PARAMETER

  Parameters parameters(bool biased) const {
    Parameters p;
    set(p, biased);
    return p;
  }
  // Set in place: copying a struct right after writing it field by field stalls on store forwarding.
  void set(Parameters& to, bool biased) const {
#define PARAMETER(name, field, usual, allowed) to.field = float(field);
#include "../losses/parameters.def"
#undef PARAMETER
    to.biased = biased;
  }
};

enum class Reduction { mean, sum, none };

// lambdaMrr: the mean over the pairs of each query, or over all pairs of the batch (as CL-DRD does).
enum class PairMean { query, batch };

struct Plan {
  std::vector<PlanTerm> terms;
  double student_temperature = 1, teacher_temperature = 1;
  Reduction reduction = Reduction::mean;
  PairMean pair_mean = PairMean::query;
  double grad_scale = 1;

  // Whether a batch must have a teacher. Losses that order documents by relevance or teacher need none if relevance is
  // given.
  bool needs_teacher(bool has_relevance) const {
    for (const PlanTerm& t : terms) {
      const LossInfo& info = kLosses[int(t.loss)];
      if (info.teacher && !(info.by_relevance && has_relevance)) return true;
    }
    return false;
  }
  bool reads_teacher() const {
    for (const PlanTerm& t : terms)
      if (kLosses[int(t.loss)].teacher) return true;
    return false;
  }
};

constexpr int kMaxTerms = 8;

}  // namespace ckl
