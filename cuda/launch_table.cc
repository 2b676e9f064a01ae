#include "launch_table.h"

#include <algorithm>

namespace ckl {
namespace cuda {

int classes_for(bool fast, bool halves, int capability, int64_t shortest, int64_t longest,
                WidthClass (&out)[kMostClasses]) {
  int count = 0;
  int64_t taken = -1;  // rows of up to this length have a class
  const auto add = [&](const WidthClass* table, size_t size) {
    for (const WidthClass* c = table; c != table + size && taken < longest; c++) {
      WidthClass entry = *c;
      if (entry.kind == Kind::cluster && capability < 90) {
        if (entry.elements > 0) continue;  // rows that do not fit on one multiprocessor are swept there
        entry.kind = Kind::block, entry.cluster = 1;
      }
      if (entry.longest <= taken) continue;
      // Classes of lanes are one where rows of several of them meet.
      const bool merged =
          entry.kind == Kind::lanes && c + 1 != table + size && c[1].kind == Kind::lanes && entry.longest < longest;
      if (entry.longest < shortest || merged) {
        if (!merged) taken = entry.longest;
        continue;
      }
      taken = entry.longest;
      out[count++] = entry;
    }
  };
  if (fast && halves) add(kResidentHalves, std::size(kResidentHalves));
  else if (fast) add(kResidentFloat32, std::size(kResidentFloat32));
  add(kCareful, std::size(kCareful));
  return count;
}

}  // namespace cuda
}  // namespace ckl
