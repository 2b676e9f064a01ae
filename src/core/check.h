// The last line of defence: native checks of sizes, in 64-bit arithmetic, and of every value a run is about to use.
#pragma once
#include "batch.h"
#include "plan.h"
#include "status.h"

namespace ckl {

// Checks shape and offsets: rows are in order, not negative, and addressable. `elements`: the number of scores.
Status check_rows(const Rows& rows, int64_t elements);

// Checks that an output of this many bytes does not overlap the offsets, which are checked only once.
bool offsets_apart(const Rows& rows, const void* output, int64_t bytes);

// Checks ranks (>= 1, not NaN), beta (gamma - beta >= 1 for negatives) and relevance (finite) of rows [first, last).
// Padding is ignored. Labels must have been checked before.
Status check_ranks(const Batch& batch, int64_t first, int64_t last);
Status check_beta(const Batch& batch, double gamma, int64_t first, int64_t last);
Status check_relevance(const Batch& batch, int64_t first, int64_t last);

// Checks that weights are finite and >= 0.
Status check_weights(const Batch& batch);

// Finds the first invalid label of a row.
Status find_label(const Batch& batch, int64_t row);

// All of the above for a whole batch, for backends that do not check as they compute.
Status check_batch(const Plan& plan, const Batch& batch);

}  // namespace ckl
