// How much shared memory the fast kernels for long rows need for a stretch of a row, and where in it what lies.
#pragma once
#include "../../src/core/batch.h"

namespace ckl {
namespace cuda {

// Documents of a stretch: a warp of fast_team has one, a warp of fast_shared several.
constexpr int kStretch = 1024, kSharedStretch = 512;

struct StageLayout {
  int at[4];  // student, teacher, labels, ranks or beta: where a stretch's copies begin in its memory
  int bytes;  // of a stretch
  // From the student's copy to another one, of the row after the next; 0 if there is none. While a block waits for the
  // rest of a row, memory then has something to do.
  int second;
};

// parked: floats per document that threads keep there, before the copies. Arrays lie as far from a multiple of 16 bytes
// as in global memory. rank_bytes: of a rank or a beta; 0 without. two: whether the student's scores have two copies.
inline StageLayout stage_layout(int docs, int parked, int student_bytes, int teacher_bytes, int rank_bytes, bool two) {
  StageLayout layout = {{}, parked * docs * 4, 0};
  const int sizes[4] = {student_bytes, teacher_bytes, 1, rank_bytes};
  for (int k = 0; k < 4; k++) {
    layout.at[k] = layout.bytes;
    if (sizes[k] > 0) layout.bytes += docs * sizes[k] + 16;
  }
  if (two) layout.second = layout.bytes - layout.at[0], layout.bytes += docs * student_bytes + 16;
  return layout;
}

}  // namespace cuda
}  // namespace ckl
