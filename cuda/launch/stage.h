// How much shared memory a warp of fast_team needs, and where in it what lies.
#pragma once
#include "../../src/core/batch.h"

namespace ckl {
namespace cuda {

constexpr int kStretch = 1024;  // documents of a row that a warp holds

struct StageLayout {
  int at[4];  // student, teacher, labels, ranks or beta: where the copies of a stretch begin, from the warp's memory on
  int bytes;  // of a warp
};

// parked: floats per document that threads keep there, before the copies. Arrays lie as far from a multiple of 16 bytes
// as in global memory. rank_bytes: of a rank or a beta; 0 without.
inline StageLayout stage_layout(int parked, int student_bytes, int teacher_bytes, int rank_bytes) {
  StageLayout layout = {{}, parked * kStretch * 4};
  const int sizes[4] = {student_bytes, teacher_bytes, 1, rank_bytes};
  for (int k = 0; k < 4; k++) {
    layout.at[k] = layout.bytes;
    if (sizes[k] > 0) layout.bytes += kStretch * sizes[k] + 16;
  }
  return layout;
}

}  // namespace cuda
}  // namespace ckl
