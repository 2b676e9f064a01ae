// Where a batch is cut into parts for threads.
#pragma once
#include <algorithm>

#include "../core/batch.h"

namespace ckl {
namespace cpu {

// The first row of part k of `parts`: about the same number of documents each, whole groups of sixteen where rows are
// many. Bits do not depend on where a batch is cut.
inline int64_t cut(const Rows& rows, int k, int parts) {
  if (k == 0) return 0;
  if (k == parts) return rows.queries;
  int64_t b = rows.queries / parts * k + rows.queries % parts * k / parts;
  if (rows.offsets) {
    const int64_t all = rows.documents(0, rows.queries);
    const double want = rows.offsets[0] + double(all) * k / parts;
    b = std::lower_bound(rows.offsets, rows.offsets + rows.queries, int32_t(want)) - rows.offsets;
  }
  return rows.queries >= 64 * parts ? b / 16 * 16 : b;
}

}  // namespace cpu
}  // namespace ckl
