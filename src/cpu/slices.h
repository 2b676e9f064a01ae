// Divides a batch into slices for threads.
#pragma once
#include <algorithm>

#include "../core/batch.h"

namespace ckl {
namespace cpu {

// The first row of slice k of `slices`: slices have about the same number of documents, and whole groups of sixteen
// rows if there are many. Bits do not depend on where a batch is cut.
inline int64_t slice_begin(const Rows& rows, int k, int slices) {
  if (k == 0) return 0;
  if (k == slices) return rows.queries;
  int64_t b = rows.queries / slices * k + rows.queries % slices * k / slices;
  if (rows.offsets) {
    const int64_t all = rows.documents(0, rows.queries);
    const double want = rows.offsets[0] + double(all) * k / slices;
    b = std::lower_bound(rows.offsets, rows.offsets + rows.queries, int32_t(want)) - rows.offsets;
  }
  return rows.queries >= 64 * slices ? b / 16 * 16 : b;
}

}  // namespace cpu
}  // namespace ckl
