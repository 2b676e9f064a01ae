// Scratch memory of one thread: data passed between the passes over a row.
#pragma once
#include "vec.h"

namespace ckl {
namespace {

constexpr int64_t kSixteenRowsLongest = 128;

inline int64_t round_up(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Scratch memory: blocks of one size, each large enough for a long row or for sixteen short ones. The extra 64 floats
// keep blocks from starting at the same page offset, where stores would delay loads.
struct Scratch {
  enum Block { kEs, kEt, kGap, kBs, kH, kU, kStudent, kTeacher, kBias, kGrad, kTeacherGrad, kLabels, kBlocks };
  static int64_t block_floats(int64_t docs) {
    const int64_t one_row = round_up(docs) + 2 * kLanes, sixteen_rows = kSixteenRowsLongest * kLanes;
    return (one_row > sixteen_rows ? one_row : sixteen_rows) + 64;
  }
  static int64_t floats(int64_t docs) { return kBlocks * block_floats(docs) + 5 * round_up(docs) + 6144; }

  float* base;
  int64_t size;
  float* operator[](Block b) const { return base + b * size; }
  // Located after the blocks: 5 n + 6144 words for sorting.
  float* sorting() const { return base + kBlocks * size; }
};

}  // namespace
}  // namespace ckl
