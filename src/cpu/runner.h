// Runs the rows of a call, one by one or sixteen at a time.
//
// Rows of up to kSixteenRowsLongest documents go sixteen at a time, one to a lane; longer ones along the vector. The
// choice depends only on the length without the padding at the end, so that a row's bits depend on its documents alone.
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
    together_ = !table_.pairwise || table_.sixteen_pass;
  }

  void run(int64_t first, int64_t last) {
    int64_t rows[kLanes], lengths[kLanes];
    const int64_t docs = task_.batch.rows.docs;
    if (even_ && together_ && !task_.out.diagnostics.weight && docs <= kSixteenRowsLongest) {
      for (int j = 0; j < kLanes; j++) lengths[j] = docs;
      for (int64_t b = first; b < last; b += kLanes) {
        for (int j = 0; j < kLanes; j++) rows[j] = b + j;
        sixteen_rows_.run(rows, last - b < kLanes ? (int)(last - b) : kLanes, lengths);
      }
      return;
    }
    int live = 0;  // short rows waiting until there are sixteen; longer rows may lie between them
    const auto sixteen = [&] {
      if (live > 0) sixteen_rows_.run(rows, live, lengths);
      live = 0;
    };
    for (int64_t b = first; b < last; b++) {
      const int64_t n = length(b);
      if (task_.out.diagnostics.weight) one_row_.diagnose(b, n);  // before the gradient may overwrite the scores
      if (!together_ || n > kSixteenRowsLongest) {
        one_row_.run(b, n);
        continue;
      }
      rows[live] = b, lengths[live] = n;
      if (++live == kLanes) sixteen();
    }
    sixteen();
  }

 private:
  // The length without the padding at the row's end.
  int64_t length(int64_t b) const {
    const int64_t n = task_.batch.rows.length(b);
    return task_.binary_labels ? n : length_without_padding(task_.batch.labels + task_.batch.rows.begin(b), n);
  }

  const Task& task_;
  const PassTable table_;
  const OneRowEngine one_row_;
  const SixteenRowsEngine sixteen_rows_;
  bool even_ = false;      // all rows have the same length
  bool together_ = false;  // short rows go sixteen at a time
};

}  // namespace
}  // namespace ckl
