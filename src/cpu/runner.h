// One call's rows, one after the other or sixteen at a time.
//
// Rows of up to kSixteenRowsLongest documents go sixteen at a time, one to a lane; longer ones along the vector. The choice
// depends on the length alone, without the padding at a row's end, so that a row's bits depend on nothing but its documents.
#pragma once
#include "sixteen_rows.h"
#include "one_row.h"

namespace ckl {
namespace {

class Runner {
 public:
  Runner(const Task& task, int64_t longest, float* scratch)
      : task_(task),
        table_(task),
        one_row_(table_, task, longest, scratch),
        sixteen_rows_(table_, task, longest, scratch) {
    even_ = task.binary_labels && !task.batch.rows.offsets;
  }

  void run(int64_t first, int64_t last) {
    int64_t lengths[kLanes];
    for (int j = 0; j < kLanes; j++) lengths[j] = task_.batch.rows.docs;
    for (int64_t b = first; b < last;) {
      if (!even_) lengths[0] = length(b);
      const bool together = !table_.pairwise && lengths[0] <= kSixteenRowsLongest;
      int64_t end = b + 1;
      if (together) {
        if (even_) end = last - b < kLanes ? last : b + kLanes;
        else
          while (end < last && end - b < kLanes && (lengths[end - b] = length(end)) <= kSixteenRowsLongest) end++;
      }
      if (task_.out.diagnostics.weight)  // before the gradient may take the place of the scores
        for (int64_t i = b; i < end; i++) one_row_.diagnose(i, lengths[i - b]);
      if (together) sixteen_rows_.run(b, (int)(end - b), lengths);
      else one_row_.run(b, lengths[0]);
      b = end;
    }
  }

 private:
  // Without the padding at the row's end.
  int64_t length(int64_t b) const {
    const int64_t n = task_.batch.rows.length(b);
    return task_.binary_labels ? n : length_without_padding(task_.batch.labels + task_.batch.rows.begin(b), n);
  }

  const Task& task_;
  const PassTable table_;
  const OneRowEngine one_row_;
  const SixteenRowsEngine sixteen_rows_;
  bool even_ = false;  // even: all rows are of one length
};

}  // namespace
}  // namespace ckl
