// Which kernel takes which row: by its length, the width of its elements, and the chip.
//
// A row's class is a function of these alone, never of the batch around it, so that its bits are not either. Classes of
// `lanes` agree with each other to the last bit (teams of lanes add zeros for what is not there), so they may be merged.
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

// The starting points of design and register counts; to be replaced by what a GPU measures (bench/gpu).
constexpr WidthClass kResidentFloat32[] = {
    {128, Kind::lanes, 4, kLanesThreads, 1},
    {256, Kind::lanes, 8, kLanesThreads, 1},
    {512, Kind::lanes, 16, kLanesThreads, 1},
    {1024, Kind::lanes, 32, kLanesThreads, 1},
    {2048, Kind::block, 16, 128, 1},
    {4096, Kind::block, 16, 256, 1},
    {8192, Kind::block, 16, kTeamThreads, 1},
    {16384, Kind::cluster, 16, kTeamThreads, 2},
    {32768, Kind::cluster, 16, kTeamThreads, 4},
    {65536, Kind::cluster, 16, kTeamThreads, 8},
    {131072, Kind::cluster, 16, kTeamThreads, 16},
};
constexpr WidthClass kResidentHalves[] = {
    {256, Kind::lanes, 8, kLanesThreads, 1},
    {512, Kind::lanes, 16, kLanesThreads, 1},
    {1024, Kind::lanes, 32, kLanesThreads, 1},
    {2048, Kind::block, 16, 128, 1},
    {4096, Kind::block, 16, 256, 1},
    {8192, Kind::block, 16, kTeamThreads, 1},
    {16384, Kind::cluster, 16, kTeamThreads, 2},
    {32768, Kind::cluster, 16, kTeamThreads, 4},
    {65536, Kind::cluster, 16, kTeamThreads, 8},
    {131072, Kind::cluster, 16, kTeamThreads, 16},
};
constexpr WidthClass kCareful[] = {
    {1024, Kind::lanes, 0, kLanesThreads, 1},
    {32768, Kind::block, 0, kTeamThreads, 1},
    {kAnyLength, Kind::cluster, 0, kTeamThreads, 8},
};

constexpr int kMostClasses = 16;

// The classes that a batch's rows fall into, in ascending order; returns how many. fast: the plan has fast kernels.
int classes_for(bool fast, bool halves, int capability, int64_t shortest, int64_t longest,
                WidthClass (&out)[kMostClasses]);

}  // namespace cuda
}  // namespace ckl
