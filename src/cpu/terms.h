// Finds the functor of a term of the distribution family.
#pragma once
#include "../losses/losses.h"
#include "kernel.h"

namespace ckl {
namespace {

// Calls visit with the functor of a distribution loss; pairwise losses have a pass of their own (row_pass.h).
template <class Visit>
void visit_functor(const cpu::TaskTerm& term, Visit visit) {
  visit_loss(term.loss, [&](auto loss) {
    typedef decltype(loss) Type;
    if constexpr (Type::family == Family::distribution) with_variant(typename Type::type(), term.parameters, visit);
  });
}

}  // namespace
}  // namespace ckl
