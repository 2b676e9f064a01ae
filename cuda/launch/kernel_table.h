// Assigns rows to kernels by row length, element width and device.
//
// A row's class depends on these alone, never on the rest of the batch, and so do its bits.
#pragma once
#include <stdint.h>

#include <functional>

#include "launch.h"

namespace ckl {
namespace cuda {

struct RowClass {
  int64_t longest;  // maximum row length; shorter rows belong to the class before
  TeamKind kind;
  int elements;               // per row and thread, kept in registers; 0: processed in sweeps by the general kernel
  unsigned threads, cluster;  // a fast team has only as many threads as the longest row of the batch needs
  unsigned group;  // of lanes that share a stretch of a row, so that they read and write whole memory sectors
};

constexpr int64_t kAnyLength = INT64_MAX;

// Initial values, from design and from counts of registers and instructions (test/cuda/budget.mjs), to be replaced by
// measurements on a GPU (bench/gpu). Lanes: many elements per thread amortise the fixed cost of a row; rows of up to 32
// documents have too few.
constexpr RowClass kFastLanes[] = {
    {16, TeamKind::lanes, 16, kLanesThreads, 1, 1},
    {32, TeamKind::lanes, 16, kLanesThreads, 1, 2},
    {128, TeamKind::lanes, 32, kLanesThreads, 1, 2},
    {1024, TeamKind::lanes, 32, kLanesThreads, 1, 8},
    // For losses without a kernel of 32 documents per thread, whose longer rows are a team's.
    {512, TeamKind::lanes, 16, kLanesThreads, 1, 2},
};
// Classes of fast teams: warps of a block, each of which holds a stretch of the row, and blocks of a cluster. A block
// has fewer warps where the device lacks shared memory for so many stretches.
struct TeamSize {
  int warps;
  unsigned cluster;
};
constexpr TeamSize kFastTeams[] = {{1, 1}, {2, 1}, {4, 1}, {8, 1}, {16, 1}, {16, 2}, {16, 4}, {16, 8}, {16, 16}};
// Rows that stay in shared memory: blocks of a cluster. Warps have as many stretches as the device has room for.
constexpr unsigned kSharedClusters[] = {1, 2, 4, 8, 16};
constexpr int64_t kLongestOfGrid = 1 << 28;  // bytes within a row are counted in 32 bits
constexpr RowClass kGeneral[] = {
    {1024, TeamKind::lanes, 0, kLanesThreads, 1, 0},
    {32768, TeamKind::team, 0, kTeamThreads, 1, 0},
    {kAnyLength, TeamKind::team, 0, kTeamThreads, 8, 0},
};

constexpr int kMaxClasses = 24;

// What a block has room for: in shared memory, warps of a fast team, and stretches of each warp, of a row that stays
// there; in registers, documents of each thread, of a row that the whole grid shares.
struct Capacity {
  int warps = 0, stretches = 0, grid = 0;
};

// Finds the classes of a batch's rows, in ascending order, and returns their number. fast: the maximum number of
// documents per thread of the plan's fast kernels for lanes, 0 if it has none. fits: whether the device can run a class
// with a cluster of that size; rows of a class that it cannot belong to the next.
int classes_for(int fast, const Capacity& most, const std::function<bool(const RowClass&)>& fits, int64_t shortest,
                int64_t longest, RowClass (&out)[kMaxClasses]);

}  // namespace cuda
}  // namespace ckl
