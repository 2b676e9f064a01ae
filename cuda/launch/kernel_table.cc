#include "kernel_table.h"

#include <algorithm>

namespace ckl {
namespace cuda {

int classes_for(int fast, const Capacity& most, const std::function<bool(const RowClass&)>& fits, int64_t shortest,
                int64_t longest, RowClass (&out)[kMaxClasses]) {
  int count = 0;
  int64_t taken = -1;  // rows of up to this length have a class
  const auto add = [&](RowClass entry) {
    if (taken >= longest || entry.longest <= taken) return;
    // The general kernel makes do with fewer blocks. For the fast ones, other rows do not fit.
    while (entry.elements == 0 && entry.cluster > 1 && !fits(entry)) entry.cluster /= 2;
    if (entry.cluster > 1 && entry.elements > 0 && !fits(entry)) return;
    taken = entry.longest;
    if (entry.longest >= shortest) out[count++] = entry;
  };
  if (fast > 0) {
    for (const RowClass& c : kFastLanes)
      if (c.elements <= fast) add(c);
    for (const TeamSize& team : kFastTeams) {
      const int each = std::min(team.warps, most.warps);
      add({int64_t(each) * int64_t(team.cluster) * kStretch, TeamKind::team, kStretch / 32, unsigned(each) * 32,
           team.cluster, 0});
    }
    for (const unsigned cluster : kSharedClusters)
      add({int64_t(most.stretches) * (kTeamThreads / 32) * kSharedStretch * cluster, TeamKind::shared,
           kSharedStretch / 32, kTeamThreads, cluster, 0});
    add({kLongestOfGrid, TeamKind::grid, most.grid, kGridThreads, 1, 0});
  }
  for (const RowClass& c : kGeneral) add(c);
  return count;
}

}  // namespace cuda
}  // namespace ckl
