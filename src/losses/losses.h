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
#define LOSS(id, name, family, parameters, teacher) id,
#include "losses.def"
#undef LOSS
};

enum class Family { distribution, pairwise };

struct LossInfo {
  LossId id;
  const char* name;
  Family family;
  const char* parameters;
  bool teacher;
};

constexpr LossInfo kLosses[] = {
#define LOSS(id, name, family, parameters, teacher) {LossId::id, name, Family::family, parameters, teacher},
#include "losses.def"
#undef LOSS
};

}  // namespace ckl
