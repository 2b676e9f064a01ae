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
  int elements;  // per row and thread, kept in registers; 0: processed in sweeps by the general kernel
  unsigned threads, cluster;
  unsigned group;  // of lanes that share a stretch of a row, so that they read and write whole memory sectors
};

constexpr int64_t kAnyLength = INT64_MAX;

// Initial values, from design and from counts of registers and instructions (test/cuda/budget.mjs), to be replaced by
// measurements on a GPU (bench/gpu). Lanes: many elements per thread amortise the fixed cost of a row; rows of up to 32
// documents have too few. At least two lanes share a row: each computes one of its softmaxes.
constexpr RowClass kFast[] = {
    {32, TeamKind::lanes, 16, kLanesThreads, 1, 2},
    {128, TeamKind::lanes, 32, kLanesThreads, 1, 2},
    {1024, TeamKind::lanes, 32, kLanesThreads, 1, 8},
    // For losses without a kernel of 32 documents per thread.
    {512, TeamKind::lanes, 16, kLanesThreads, 1, 2},
    {1024, TeamKind::team, 16, 64, 1, 0},
    {2048, TeamKind::team, 16, 128, 1, 0},
    {3072, TeamKind::team, 16, 192, 1, 0},
    {4096, TeamKind::team, 16, 256, 1, 0},
    {5120, TeamKind::team, 16, 320, 1, 0},
    {6144, TeamKind::team, 16, 384, 1, 0},
    {7168, TeamKind::team, 16, 448, 1, 0},
    {8192, TeamKind::team, 16, kTeamThreads, 1, 0},
    {16384, TeamKind::team, 16, kTeamThreads, 2, 0},
    {32768, TeamKind::team, 16, kTeamThreads, 4, 0},
    {65536, TeamKind::team, 16, kTeamThreads, 8, 0},
    {131072, TeamKind::team, 16, kTeamThreads, 16, 0},
    {1 << 28, TeamKind::grid, kChunk / kGridThreads, kGridThreads, 1, 0},  // bytes within a row are counted in 32 bits
};
constexpr RowClass kGeneral[] = {
    {1024, TeamKind::lanes, 0, kLanesThreads, 1, 0},
    {32768, TeamKind::team, 0, kTeamThreads, 1, 0},
    {kAnyLength, TeamKind::team, 0, kTeamThreads, 8, 0},
};

constexpr int kMaxClasses = 24;

// Finds the classes of a batch's rows, in ascending order, and returns their number. fast: the maximum number of
// documents per thread of the plan's fast kernels for lanes, 0 if it has none. fits: whether the device can run a class
// with a cluster of that size; rows of a class that it cannot belong to the next.
int classes_for(int fast, const std::function<bool(const RowClass&)>& fits, int64_t shortest, int64_t longest,
                RowClass (&out)[kMaxClasses]);

}  // namespace cuda
}  // namespace ckl
