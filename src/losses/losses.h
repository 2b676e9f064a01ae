// All losses, and the table that lists them.
#pragma once
#include "bkl.h"
#include "ckl.h"
#include "kl.h"
#include "kl_log_l.h"
#include "lambda_mrr.h"
#include "margin_mse.h"
#include "nll.h"

namespace ckl {

enum class LossId : int {
#define LOSS(name, type, family, options, teacher) name,
#include "losses.def"
#undef LOSS
};

enum class Family { distribution, pairwise };

struct LossInfo {
  LossId id;
  const char* name;
  Family family;
  Needs needs;
  const char* parameters;
  bool teacher;
  bool reads_ranks, rereads_scores;  // pairwise losses: as document.h says
};

#define CKL_TRAITS_distribution(type) false, false
#define CKL_TRAITS_pairwise(type) type::reads_ranks, type::rereads_scores
constexpr LossInfo kLosses[] = {
#define LOSS(name, type, family, options, teacher) \
  {LossId::name, #name, Family::family, type::needs, options, teacher, CKL_TRAITS_##family(type)},
#include "losses.def"
#undef LOSS
};
#undef CKL_TRAITS_distribution
#undef CKL_TRAITS_pairwise

namespace {

template <class Loss, Family Of>
struct LossType {
  typedef Loss type;
  static constexpr Family family = Of;
};

// From an id to a type: calls visit with the LossType of the loss. The only switch over all losses.
template <class Visit>
CKL_FN auto visit_loss(LossId id, Visit visit) {
  switch (id) {
#define LOSS(name, type, family, options, teacher) \
  case LossId::name:                               \
    return visit(LossType<type, Family::family>());
#include "losses.def"
#undef LOSS
  }
  __builtin_unreachable();
}

}  // namespace

}  // namespace ckl
