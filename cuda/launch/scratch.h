// Device memory for one call at a time: sums, counts and, where a plan or a shape needs them, arrays as long as the
// batch.
#pragma once
#include "../device/device_memory.h"
#include "chip.h"
#include "task.h"

namespace ckl {
namespace cuda {

struct Scratch {
  Scratch();
  void clear(cudaStream_t stream);  // once, before the first use; done by enqueue if necessary
  // Allocates whatever enqueue may need for batches of up to this size, of any types.
  void reserve(const Chip& chip, const Plan& plan, int64_t queries, int64_t longest, int64_t elements);

  // What enqueue needs, allocated if it is not there yet. The rows have `elements` places together.
  struct RankMemory {
    uint64_t* keys[2];
    uint32_t* ranks;
  };
  RankMemory for_ranks(int64_t longest, int64_t elements);
  char* for_scores(int64_t bytes) { return scores_.reserve(size_t(bytes)); }
  ChunkSums* for_chunks(int64_t elements);
  float* for_notes(const Plan& plan, int64_t elements);  // null if no term keeps any
  double* for_summands(const Plan& plan, int64_t queries);

  BatchTotal* result;  // the batch's loss and count, valid when the stream has got there; may point elsewhere
  LossScale* scales;
  BlockTotal* block_totals;
  double* weight_sums;
  unsigned* ticket;  // two words: see Buffers

 private:
  bool cleared_ = false;
  DeviceBuffer fixed_, ranks_, scores_, chunks_, notes_, summands_;
};

// What a plan reads, and asks of a call.
bool reads_ranks(const Plan& plan, bool has_beta);
bool rereads_scores(const Plan& plan);
// Whether the plan has fast kernels.
bool is_fast(const Plan& plan);
// The longest row that the row kernels rank; longer ones are ranked before.
int64_t ranked_in_kernel(const Chip& chip);

}  // namespace cuda
}  // namespace ckl
