// Enqueues a loss on a stream: everything it reads and writes is device memory, and nothing is waited for.
#pragma once
#include "device_memory.h"
#include "task.h"

namespace ckl {
namespace cuda {

// Device memory of one call at a time: sums, counts and, for long rows without given ranks, the ranks.
struct Scratch {
  Scratch();
  Result* result;  // the batch's loss and count, when the stream has come so far
  Scale* scales;
  Partial* partials;
  double* weight_sums;
  unsigned *ticket, *marked;
  bool cleared = false;
  DeviceBuffer fixed, ranks, scores, chunks;
};

// What the host knows of a batch whose offsets may be in device memory: bounds of its rows' lengths, and how many
// elements its arrays have.
struct Extent {
  int64_t shortest, longest, elements;
};

// capability: of the current device, 90 for 9.0. Throws Failure.
void enqueue(int capability, const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent,
             Scratch& scratch, cudaStream_t stream);

}  // namespace cuda
}  // namespace ckl
