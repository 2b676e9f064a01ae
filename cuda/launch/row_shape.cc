#include "row_shape.h"

#include <algorithm>

namespace ckl {
namespace cuda {

StageLayout layout_of(const Task& task, TeamKind kind, bool two) {
  const Batch& batch = task.batch;
  const RankType ranks = batch.beta ? RankType::f32 : batch.ranks.type;
  const bool given = task.biased && !task.fresh_ranks;
  const int rank_bytes = !given ? 0 : ranks == RankType::u8 ? 1 : ranks == RankType::u16 ? 2 : 4;
  const bool team = kind == TeamKind::team;
  return stage_layout(team ? kStretch : kSharedStretch, team ? parked_floats(task.terms[0]) : 0,
                      int(size_of(batch.student.type)), int(size_of(batch.teacher.type)), rank_bytes, two);
}

namespace {

// What a warp of the fast kernel needs for stretches of a row.
int warp_bytes(const Task& task, TeamKind kind, int stretches, bool two = false) {
  const int bias = task.biased ? (kind == TeamKind::team ? kStretch : kSharedStretch) * 4 : 0;
  return stretches * layout_of(task, kind, two).bytes + bias;
}

}  // namespace

Capacity capacity_of(const Task& task, int shared_bytes, bool stays) {
  const int warps = kTeamThreads / 32, room = shared_bytes - kTeamBytes - kReduceBytes;
  Capacity most = {std::min(warps, room / warp_bytes(task, TeamKind::team, 1)), 0};
  while (stays && warps * warp_bytes(task, TeamKind::shared, most.stretches + 1) <= room - kSharedSumsBytes)
    most.stretches++;
  return most;
}

int stretches_of(const Task& task, const RowClass& c, int docs) {
  const int64_t row = std::min(task.launch.longest_here, c.longest), all = docs * int64_t(c.cluster);
  return int((row + all - 1) / all);
}

Shape shape_of(const Task& task, const RowClass& c, bool two) {
  int64_t teams = task.batch.rows.queries;
  int shared = kReduceBytes;
  if (c.kind == TeamKind::lanes) {
    const int64_t teams_a_block = c.threads / task.launch.width;
    teams = (teams + teams_a_block - 1) / teams_a_block;
    const int warps = int(c.threads) / 32;
    if (c.elements == 0) shared += warps * (3 * 32 * 4 + (task.fresh_ranks ? 2 * kRankedInKernel * 4 : 0));
  } else {
    shared += kTeamBytes;
    if (c.elements == 0) shared += int(c.threads) * 3 * 4;
  }
  const unsigned blocks = unsigned(std::min<int64_t>(teams, kMaxBlocks / c.cluster)) * c.cluster;
  if (c.kind == TeamKind::team && c.elements > 0) {
    const int warps = stretches_of(task, c, kStretch);
    return {blocks, unsigned(warps) * 32, c.cluster, shared + warps * warp_bytes(task, c.kind, 1, two)};
  }
  if (c.kind == TeamKind::shared) {
    const int warps = int(c.threads) / 32, stretches = stretches_of(task, c, warps * kSharedStretch);
    return {blocks, c.threads, c.cluster, shared + kSharedSumsBytes + warps * warp_bytes(task, c.kind, stretches)};
  }
  if (c.kind == TeamKind::grid) {
    const int64_t docs = int64_t(c.elements) * c.threads;
    teams *= (std::min(task.launch.longest_here, c.longest) + docs - 1) / docs;
  }
  if (c.elements > 0 && task.biased) shared += int(c.threads) * c.elements * 4 * (task.fresh_ranks ? 2 : 1);
  return {unsigned(std::min<int64_t>(teams, kMaxBlocks / c.cluster)) * c.cluster, c.threads, c.cluster, shared};
}

}  // namespace cuda
}  // namespace ckl
