// One call's rows, one after the other or sixteen at a time.
//
// Rows of up to kSixteenRowsLongest documents go sixteen at a time, one to a lane; longer ones along the vector. The choice
// depends on the length alone, so that a row's bits depend on nothing but the row.
#pragma once
#include "sixteen_rows.h"
#include "one_row.h"

namespace ckl {
namespace {

class Runner {
 public:
  Runner(const Task& task, int64_t longest, float* scratch)
      : task_(task), one_row_(task, longest, scratch), sixteen_rows_(task, longest, scratch) {
    for (int k = 0; k < task.term_count; k++) pairwise_ |= kLosses[(int)task.terms[k].loss].family == Family::pairwise;
  }

  void run(int64_t first, int64_t last) {
    const Rows& rows = task_.batch.rows;
    for (int64_t b = first; b < last;) {
      int64_t end = b + 1;
      const bool together = !pairwise_ && rows.length(b) <= kSixteenRowsLongest;
      while (together && end < last && end - b < kLanes && rows.length(end) <= kSixteenRowsLongest) end++;
      if (task_.out.diagnostics.weight)  // before the gradient may take the place of the scores
        for (int64_t i = b; i < end; i++) one_row_.diagnose(i);
      if (together) sixteen_rows_.run(b, (int)(end - b));
      else one_row_.run(b);
      b = end;
    }
  }

 private:
  const Task& task_;
  const OneRowEngine one_row_;
  const SixteenRowsEngine sixteen_rows_;
  bool pairwise_ = false;
};

}  // namespace
}  // namespace ckl
