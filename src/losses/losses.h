// All losses, and the table that lists them.
#pragma once
#include "adr_mse.h"
#include "bkl.h"
#include "ckl.h"
#include "jsd.h"
#include "kl.h"
#include "kl_log_l.h"
#include "lambda_mrr.h"
#include "lambda_ndcg.h"
#include "list_mle.h"
#include "margin_mse.h"
#include "nll.h"
#include "rank_net.h"
#include "reverse_kl.h"

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
  Cost cost;
  bool reads_ranks, rereads_scores, by_relevance;  // of pairwise losses (row_pass.h)
  int notes;                                       // numbers per document that their passes on a GPU exchange
};

#define CKL_TRAITS_distribution(type) false, false, false, 0
#define CKL_TRAITS_pairwise(type) type::reads_ranks, type::rereads_scores, type::by_relevance, type::notes
constexpr LossInfo kLosses[] = {
#define LOSS(name, type, family, options, teacher) \
  {LossId::name, #name, Family::family, type::needs, options, teacher, type::cost, CKL_TRAITS_##family(type)},
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

// Calls visit with the LossType of a loss given by id. The only switch over all losses.
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
