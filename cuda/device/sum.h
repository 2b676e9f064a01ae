// The sum of parts of an array in device memory.
#pragma once
#include "../../src/core/device.h"
#include "../launch/launch.h"

namespace ckl {
namespace cuda {

// to[i] = from[i] + from[stride + i] + ..., from left to right. n > 0, parts > 0; `to` may be none of the parts.
cudaError_t launch_sum(char* to, const char* from, int64_t n, int64_t stride, int parts, ElementType type,
                       cudaStream_t stream);

}  // namespace cuda
}  // namespace ckl
