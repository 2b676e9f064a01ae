#include "chip.h"

#include <algorithm>

#include "../device/device_memory.h"

namespace ckl {
namespace cuda {

Chip::Chip(int device) {
  must(cudaSetDevice(device));
  cudaDeviceProp properties;
  must(cudaGetDeviceProperties(&properties, device));
  // The architecture of the code that any kernel of the binary has for this device: 90 if kernels use clusters.
  cudaFuncAttributes compiled = {};
  must(cudaFuncGetAttributes(&compiled, reinterpret_cast<const void*>(general_kernel(TeamKind::team))));
  capability_ = std::min(properties.major * 10 + properties.minor, compiled.ptxVersion);
  multiprocessors_ = properties.multiProcessorCount;
  int driver = 0;
  must(cudaDriverGetVersion(&driver));
  overlaps_ = capability_ >= 90 && driver >= 12030;
  shared_bytes_ = int(properties.sharedMemPerBlockOptin);
  cache_bytes_ = properties.l2CacheSize;
}

unsigned Chip::blocks_at_once(RowKernel kernel, const Shape& shape) {
  const auto question = std::make_tuple(kernel, shape.threads, shape.cluster, shape.shared_bytes);
  const auto known = known_.find(question);
  if (known != known_.end()) return known->second;
  return known_[question] = std::min(ask(kernel, shape), unsigned(kMaxBlocks) / shape.cluster * shape.cluster);
}

unsigned Chip::ask(RowKernel kernel, const Shape& shape) const {
  const void* const function = reinterpret_cast<const void*>(kernel);
  int count = 0;
  // Leave for as much as a block may have: other shapes of the kernel need more than this one.
  constexpr int kWithoutLeave = 48 * 1024;
  if (shape.shared_bytes > kWithoutLeave)
    must(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes_));
  if (shape.cluster == 1) {
    must(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&count, function, int(shape.threads),
                                                       size_t(shape.shared_bytes)));
    return unsigned(std::max(1, count)) * unsigned(multiprocessors_);
  }
  if (capability_ < 90) return 0;
  // Clusters of more than 8 blocks need leave. A device may refuse it, or answer the question with 0 or an error.
  bool fine = shape.cluster <= 8 ||
              cudaFuncSetAttribute(function, cudaFuncAttributeNonPortableClusterSizeAllowed, 1) == cudaSuccess;
  if (fine) {
    const LaunchConfig config(shape, nullptr);
    fine = cudaOccupancyMaxActiveClusters(&count, function, config.get()) == cudaSuccess;
  }
  if (!fine) cudaGetLastError();  // clear it so the next call does not report it
  return fine ? unsigned(std::max(0, count)) * shape.cluster : 0;
}

}  // namespace cuda
}  // namespace ckl
