// Enqueues a loss on a stream: it reads and writes device memory only, and never waits.
#pragma once
#include "../../src/core/device.h"
#include "scratch.h"

namespace ckl {
namespace cuda {

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
