// The last line of checks, in native code: sizes with 64-bit arithmetic, and every value a run is about to use.
#pragma once
#include "batch.h"
#include "plan.h"
#include "status.h"

namespace ckl {

// Shape and offsets: rows are in order, not negative, and can be addressed. `elements`: how many the scores have.
Status check_rows(const Rows& rows, int64_t elements);

// Whether an output of this many bytes does not overlap the offsets, which are checked only once.
bool offsets_apart(const Rows& rows, const void* output, int64_t bytes);

// Ranks of rows [first, last) (>= 1, not NaN), beta (gamma - beta >= 1 for negatives), relevance (finite); padding is
// not looked at. Labels must be valid already.
Status check_ranks(const Batch& batch, int64_t first, int64_t last);
Status check_beta(const Batch& batch, double gamma, int64_t first, int64_t last);
Status check_relevance(const Batch& batch, int64_t first, int64_t last);

// Weights: finite and >= 0.
Status check_weights(const Batch& batch);

// The first wrong label of a row.
Status find_label(const Batch& batch, int64_t row);

// All of the above, of the whole batch: for backends that do not check as they go.
Status check_batch(const Plan& plan, const Batch& batch);

}  // namespace ckl
