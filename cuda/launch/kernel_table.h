// Which kernel takes which row: by its length, the width of its elements, and the chip.
//
// A row's class is a function of these alone, never of the batch around it, so that its bits are not either.
#pragma once
#include <stdint.h>

#include "launch.h"

namespace ckl {
namespace cuda {

struct RowClass {
  int64_t longest;  // maximum row length; shorter rows belong to the class before
  TeamKind kind;
  int elements;  // of a row, a thread: kept in registers; 0: swept by the general kernel
  unsigned threads, cluster;
};

constexpr int64_t kAnyLength = INT64_MAX;

// The starting points of design and of counting registers and instructions (test/cuda/budget.mjs); to be replaced by what a
// GPU measures (bench/gpu). Lanes: many elements per thread spread what a row itself costs thin, and keep more bytes in flight; rows of up
// to 32 documents have too few.
constexpr RowClass kFast[] = {
    {128, TeamKind::lanes, 16, kLanesThreads, 1},
    {1024, TeamKind::lanes, 32, kLanesThreads, 1},
    // For losses without a kernel of 32 documents per thread.
    {512, TeamKind::lanes, 16, kLanesThreads, 1},
    {1024, TeamKind::team, 16, 64, 1},
    {2048, TeamKind::team, 16, 128, 1},
    {3072, TeamKind::team, 16, 192, 1},
    {4096, TeamKind::team, 16, 256, 1},
    {5120, TeamKind::team, 16, 320, 1},
    {6144, TeamKind::team, 16, 384, 1},
    {7168, TeamKind::team, 16, 448, 1},
    {8192, TeamKind::team, 16, kTeamThreads, 1},
    {16384, TeamKind::team, 16, kTeamThreads, 2},
    {32768, TeamKind::team, 16, kTeamThreads, 4},
    {65536, TeamKind::team, 16, kTeamThreads, 8},
    {131072, TeamKind::team, 16, kTeamThreads, 16},
    {1 << 28, TeamKind::grid, kChunk / kGridThreads, kGridThreads, 1},  // 32 bits count bytes within a row
};
constexpr RowClass kGeneral[] = {
    {1024, TeamKind::lanes, 0, kLanesThreads, 1},
    {32768, TeamKind::team, 0, kTeamThreads, 1},
    {kAnyLength, TeamKind::team, 0, kTeamThreads, 8},
};

constexpr int kMaxClasses = 24;

// The classes that a batch's rows fall into, in ascending order; returns how many. fast: the most documents per thread of the plan's fast
// kernels for lanes, 0 if it has none.
int classes_for(int fast, int capability, int64_t shortest, int64_t longest, RowClass (&out)[kMaxClasses]);

// What the device can do and the binary has code for: 90 for 9.0. Throws Failure.
int capability_of(int device);

}  // namespace cuda
}  // namespace ckl
