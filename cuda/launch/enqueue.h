// Enqueues a loss on a stream: everything it reads and writes is device memory, and nothing is waited for.
#pragma once
#include "../../src/core/device.h"
#include "../device/device_memory.h"
#include "task.h"

namespace ckl {
namespace cuda {

// Device memory of one call at a time: sums, counts and, for long rows without given ranks, the ranks.
struct Scratch {
  Scratch();
  void clear(cudaStream_t stream);  // once, before the first use; enqueue does it where it was not done
  BatchTotal* result;               // the batch's loss and count, when the stream has come so far; may be set elsewhere
  LossScale* scales;
  BlockTotal* block_totals;
  double* weight_sums;
  unsigned *ticket, *any_deferred;
  bool cleared = false;
  DeviceBuffer fixed, ranks, scores, chunks, notes, summands;
};

// What a mean divides by, one a term.
typedef const double* Normalisers;

// Both throw Failure. capability: of the current device, 90 for 9.0. Without normalisers, a mean is over the queries of the batch.
// With them, returns what each query adds to the loss: null where that is its own loss times its weight, all by one factor.
const double* enqueue(int capability, const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent,
                      Scratch& scratch, cudaStream_t stream, Normalisers normalisers = nullptr);
// How often each term counts each query: [terms][queries].
const double* enqueue_counts(const Plan& plan, const Batch& batch, const Extent& extent, Scratch& scratch,
                             cudaStream_t stream);

}  // namespace cuda
}  // namespace ckl
