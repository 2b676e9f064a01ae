// One call's rows, one after the other or sixteen at a time.
//
// Rows of up to kAcrossLongest documents go sixteen at a time, one to a lane; longer ones along the vector. The choice
// depends on the length alone, so that a row's bits depend on nothing but the row.
#pragma once
#include "run_across.h"
#include "run_along.h"

namespace ckl {
namespace {

class Runner {
 public:
  Runner(const Task& task, int64_t longest, float* scratch)
      : task_(task), along_(task, longest, scratch), across_(task, longest, scratch) {
    for (int k = 0; k < task.term_count; k++) pairwise_ |= kLosses[(int)task.terms[k].loss].family == Family::pairwise;
  }

  void run(int64_t first, int64_t last) {
    const Rows& rows = task_.batch.rows;
    for (int64_t b = first; b < last;) {
      int64_t end = b + 1;
      const bool across = !pairwise_ && rows.length(b) <= kAcrossLongest;
      while (across && end < last && end - b < kLanes && rows.length(end) <= kAcrossLongest) end++;
      if (task_.out.diagnostics.weight)  // before the gradient may take the place of the scores
        for (int64_t i = b; i < end; i++) along_.diagnose(i);
      if (across) across_.run(b, (int)(end - b));
      else along_.run(b);
      b = end;
    }
  }

 private:
  const Task& task_;
  const AlongEngine along_;
  const AcrossEngine across_;
  bool pairwise_ = false;
};

}  // namespace
}  // namespace ckl
