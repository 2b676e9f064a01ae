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
};

constexpr LossInfo kLosses[] = {
#define LOSS(name, type, family, options, teacher) {LossId::name, #name, Family::family, type::needs, options, teacher},
#include "losses.def"
#undef LOSS
};

}  // namespace ckl
