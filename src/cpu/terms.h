// From a term to the functor that computes it: a switch made of losses.def.
#pragma once
#include "../losses/losses.h"
#include "kernel.h"

namespace ckl {
namespace {

template <class Loss, class Visit>
bool visit_distribution(const Parameters& p, Visit visit) {
  with_variant(Loss(), p, visit);
  return true;
}
template <class Loss, class Visit>
bool visit_pairwise(const Parameters&, Visit) {
  return false;
}

// Calls visit with a value of the term's functor type; false for a pairwise loss.
template <class Visit>
bool with_term(const cpu::TaskTerm& t, Visit visit) {
  switch (t.loss) {
#define LOSS(name, type, family, options, teacher) \
  case LossId::name:                               \
    return visit_##family<type>(t.parameters, visit);
#include "../losses/losses.def"
#undef LOSS
  }
  return false;
}

}  // namespace
}  // namespace ckl
