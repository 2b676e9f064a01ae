// Enqueues kernels: launch shapes, and the row kernels that were compiled.
#pragma once
#include <cuda_runtime.h>

#include "task.h"

namespace ckl {

enum class ElementType;  // src/core/device.h

namespace cuda {

struct Shape {
  unsigned blocks, threads, cluster;
  int shared_bytes;
  bool together = false;  // all blocks run at once, because they wait for each other
  bool overlaps = false;  // may begin before the launch in front of it has ended (wait_for_earlier_launch)
};

// A shape as the runtime wants it.
class LaunchConfig {
 public:
  LaunchConfig(const Shape& shape, cudaStream_t stream) {
    config_.gridDim = dim3(shape.blocks);
    config_.blockDim = dim3(shape.threads);
    config_.dynamicSmemBytes = size_t(shape.shared_bytes);
    config_.stream = stream;
    config_.attrs = attributes_;
    if (shape.cluster > 1) {
      cudaLaunchAttribute& cluster = add(cudaLaunchAttributeClusterDimension);
      cluster.val.clusterDim.x = shape.cluster;
      cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
    }
    if (shape.together) add(cudaLaunchAttributeCooperative).val.cooperative = 1;
    if (shape.overlaps)
      add(cudaLaunchAttributeProgrammaticStreamSerialization).val.programmaticStreamSerializationAllowed = 1;
  }
  LaunchConfig(const LaunchConfig&) = delete;
  LaunchConfig& operator=(const LaunchConfig&) = delete;
  const cudaLaunchConfig_t* get() const { return &config_; }

 private:
  cudaLaunchAttribute& add(cudaLaunchAttributeID id) {
    cudaLaunchAttribute& attribute = attributes_[config_.numAttrs++];
    attribute.id = id;
    return attribute;
  }

  cudaLaunchAttribute attributes_[3] = {};
  cudaLaunchConfig_t config_ = {};
};

template <class Argument>
cudaError_t launch(void (*kernel)(Argument), const Shape& shape, const Argument& argument, cudaStream_t stream) {
  return cudaLaunchKernelEx(LaunchConfig(shape, stream).get(), kernel, argument);
}

typedef void (*RowKernel)(Task);

// How the threads of a kernel share rows: lanes of a warp; a block, or a cluster of blocks; the same in sweeps over a
// row in shared memory; the whole grid, in sweeps over one in global memory.
enum class TeamKind { lanes, team, shared, grid };

// The fast kernel of a loss, or null. elements: per row and thread. halves: for batches with a two-byte type.
RowKernel fast_float32(const TaskTerm& term, TeamKind kind, int elements);
RowKernel fast_half(const TaskTerm& term, TeamKind kind, int elements);
RowKernel general_kernel(TeamKind kind);
// Floats per document that the fast kernel for teams keeps in shared memory.
int parked_floats(const TaskTerm& term);
// Uses launch.width threads per query. Writes buffers.scales; with launch.lists, how often each term counts each query,
// [terms][queries], to buffers.summands. ordered: as in Task.
RowKernel count_kernel(bool ordered);

// Ranks of all rows. Arrays are laid out like the scores; keys are for rows of more than one tile.
struct RankTask {
  Batch batch;  // labels may be null
  int64_t tiles_a_row;
  int64_t run;  // keys in a run that is sorted already
  uint64_t* keys[2];
  uint32_t* ranks;
};
cudaError_t launch_ranks(RankTask task, cudaStream_t stream);

// to[i] = from[i] + from[stride + i] + ..., from left to right. n > 0, parts > 0; `to` may be none of the parts.
cudaError_t launch_sum(char* to, const char* from, int64_t n, int64_t stride, int parts, ElementType type,
                       cudaStream_t stream);

}  // namespace cuda
}  // namespace ckl
