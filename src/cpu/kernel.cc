// Computes loss and gradient of rows from their scores. Compiled once per instruction set, as CKL_KERNELS (the name of
// its table).
#include "kernel.h"

#include "listed.h"
#include "runner.h"
#include "shard.h"

namespace ckl {
namespace {

using cpu::ShardStep;
using cpu::ShardTask;

int64_t scratch_floats(int64_t docs) { return Scratch::floats(docs); }

void run_rows(const Task& task, int64_t first, int64_t last, int64_t longest, float* scratch) {
  const FlushDenormals flush;
  Runner(task, longest, scratch).run(first, last);
}

void run_shard(const ShardTask& shard, ShardStep step, int64_t first, int64_t last, float* scratch) {
  const FlushDenormals flush;
  const PassTable table(shard.task);
  ShardEngine(table, shard, scratch).run(step, first, last);
}

void rank_rows(Scores student, const Rows& rows, const uint8_t* labels, int64_t first, int64_t last, uint32_t* out,
               float* scratch) {
  for (int64_t b = first; b < last; b++) {
    const int64_t begin = rows.begin(b), n = rows.length(b);
    widen(student, begin, scratch, n);
    fresh_ranks(scratch, labels ? labels + begin : nullptr, n, out + begin, scratch + n);
  }
}

}  // namespace

namespace cpu {
extern const Kernels CKL_KERNELS;
const Kernels CKL_KERNELS = {scratch_floats, run_rows,  tally_labels, rank_rows,
                             bias_allowed,   run_shard, widen,        listed_ranks};
}  // namespace cpu
}  // namespace ckl
