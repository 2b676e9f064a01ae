#include "kernel_table.h"

#include <iterator>

namespace ckl {
namespace cuda {

int classes_for(int fast, const std::function<bool(const RowClass&)>& fits, int64_t shortest, int64_t longest,
                RowClass (&out)[kMaxClasses]) {
  int count = 0;
  int64_t taken = -1;  // rows of up to this length have a class
  const auto add = [&](const RowClass* table, size_t size) {
    for (const RowClass* c = table; c != table + size && taken < longest; c++) {
      RowClass entry = *c;
      if (entry.elements > fast && entry.kind == TeamKind::lanes) continue;
      if (entry.longest <= taken) continue;
      // The general kernel makes do with fewer blocks. For the fast ones, other rows do not fit.
      while (entry.elements == 0 && entry.cluster > 1 && !fits(entry)) entry.cluster /= 2;
      if (entry.cluster > 1 && entry.elements > 0 && !fits(entry)) continue;
      taken = entry.longest;
      if (entry.longest >= shortest) out[count++] = entry;
    }
  };
  if (fast > 0) add(kFast, std::size(kFast));
  add(kGeneral, std::size(kGeneral));
  return count;
}

}  // namespace cuda
}  // namespace ckl
