// The reference values of losses that compare documents of a list: pairwise and listwise ones.
#pragma once
#include "reference.h"

namespace ckl {
namespace test {

// `query` has no masked documents, and its scores are divided by their temperatures.
Expected pairwise(const Query& query, const PlanTerm& term);

// The DCG of the best order, up to the factor 2^-(the highest level).
double ideal_dcg(Numbers levels, double k);

}  // namespace test
}  // namespace ckl
