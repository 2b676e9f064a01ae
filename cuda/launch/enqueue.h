// Enqueues a loss on a stream: it reads and writes device memory only, and never waits.
#pragma once
#include "../../src/core/device.h"
#include "../device/device_memory.h"
#include "chip.h"
#include "task.h"

namespace ckl {
namespace cuda {

// Device memory for one call at a time: sums, counts and, for long rows without given ranks, the ranks.
struct Scratch {
  Scratch();
  void clear(cudaStream_t stream);  // once, before the first use; done by enqueue if necessary
  BatchTotal* result;  // the batch's loss and count, valid when the stream has got there; may point elsewhere
  LossScale* scales;
  BlockTotal* block_totals;
  double* weight_sums;
  unsigned* ticket;  // two words: see Buffers
  bool cleared = false;
  DeviceBuffer fixed, ranks, scores, chunks, notes, summands;
};

// The divisors of means, one per term.
typedef const double* Normalisers;

// Both throw Failure. chip: of the current device. Without normalisers, a mean is over the queries of the batch.
// With them, returns what each query adds to the loss; null if that is its own loss times its weight and a common
// factor.
const double* enqueue(Chip& chip, const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent,
                      Scratch& scratch, cudaStream_t stream, Normalisers normalisers = nullptr);
// Computes how often each term counts each query: [terms][queries].
const double* enqueue_counts(Chip& chip, const Plan& plan, const Batch& batch, const Extent& extent, Scratch& scratch,
                             cudaStream_t stream);

}  // namespace cuda
}  // namespace ckl
