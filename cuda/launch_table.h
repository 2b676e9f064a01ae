// Which kernel takes which row: by its length, the width of its elements, and the chip.
//
// A row's class is a function of these alone, never of the batch around it, so that its bits are not either.
#pragma once
#include <stdint.h>

#include "launch.h"

namespace ckl {
namespace cuda {

struct WidthClass {
  int64_t longest;  // rows of up to so many documents, and longer than the class before takes
  Kind kind;
  int elements;  // of a row, a thread: kept in registers; 0: swept by the careful kernel
  unsigned threads, cluster;
};

constexpr int64_t kAnyLength = INT64_MAX;

// The starting points of design and of counting registers and instructions (test/cuda/budget.mjs); to be replaced by what a
// GPU measures (bench/gpu). Lanes: 32 elements a thread spread what a row itself costs thin; short rows have too few.
constexpr WidthClass kResident[] = {
    {128, Kind::lanes, 8, kLanesThreads, 1},
    {1024, Kind::lanes, 32, kLanesThreads, 1},
    {2048, Kind::team, 16, 128, 1},
    {4096, Kind::team, 16, 256, 1},
    {8192, Kind::team, 16, kTeamThreads, 1},
    {16384, Kind::team, 16, kTeamThreads, 2},
    {32768, Kind::team, 16, kTeamThreads, 4},
    {65536, Kind::team, 16, kTeamThreads, 8},
    {131072, Kind::team, 16, kTeamThreads, 16},
    {1 << 28, Kind::grid, kChunk / kGridThreads, kGridThreads, 1},  // 32 bits count bytes within a row
};
constexpr WidthClass kCareful[] = {
    {1024, Kind::lanes, 0, kLanesThreads, 1},
    {32768, Kind::team, 0, kTeamThreads, 1},
    {kAnyLength, Kind::team, 0, kTeamThreads, 8},
};

constexpr int kMostClasses = 16;

// The classes that a batch's rows fall into, in ascending order; returns how many. fast: the plan has fast kernels.
int classes_for(bool fast, int capability, int64_t shortest, int64_t longest, WidthClass (&out)[kMostClasses]);

}  // namespace cuda
}  // namespace ckl
