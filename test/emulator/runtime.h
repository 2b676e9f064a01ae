// The part of the CUDA runtime that cuda/ uses, on a host without a GPU: device memory is the host's, kernels are emulated.
//
// Streams are as late as a GPU may be: what is enqueued runs when somebody waits for it, so that a missing wait shows.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <functional>

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719,
  cudaErrorCooperativeLaunchTooLarge = 720,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorInvalidClusterSize = 912,
  cudaErrorGraphExecUpdateFailure = 910,
};
enum cudaMemcpyKind {
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4
};
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributeNonPortableClusterSizeAllowed = 13
};
enum cudaLaunchAttributeID {
  cudaLaunchAttributeCooperative = 2,
  cudaLaunchAttributeClusterDimension = 4,
  cudaLaunchAttributeProgrammaticStreamSerialization = 6
};
enum cudaMemoryType {
  cudaMemoryTypeUnregistered = 0,
  cudaMemoryTypeHost = 1,
  cudaMemoryTypeDevice = 2,
  cudaMemoryTypeManaged = 3
};
enum cudaStreamCaptureMode { cudaStreamCaptureModeRelaxed = 2 };
constexpr unsigned cudaStreamNonBlocking = 1, cudaHostAllocDefault = 0, cudaHostAllocPortable = 1;
constexpr unsigned cudaEventBlockingSync = 1, cudaEventDisableTiming = 2;

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
typedef struct EmulatedStream* cudaStream_t;
typedef struct EmulatedEvent* cudaEvent_t;
typedef struct EmulatedGraph* cudaGraph_t;
typedef struct EmulatedGraphExec* cudaGraphExec_t;
enum cudaGraphExecUpdateResult {
  cudaGraphExecUpdateSuccess = 0,
  cudaGraphExecUpdateErrorTopologyChanged = 2,
  cudaGraphExecUpdateErrorNodeTypeChanged = 3
};
struct cudaGraphExecUpdateResultInfo {
  cudaGraphExecUpdateResult result;
};
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
};
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  struct {
    struct {
      unsigned x, y, z;
    } clusterDim;
    int cooperative, programmaticStreamSerializationAllowed;
  } val;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};
struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
  int major, minor, multiProcessorCount, l2CacheSize;
  size_t sharedMemPerBlockOptin;
};

struct cudaFuncAttributes {
  int ptxVersion;
};

cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaGetLastError();
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMalloc(void** pointer, size_t bytes);
cudaError_t cudaFree(void* pointer);
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* pointer);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t rows,
                              cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* info);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventDestroy(cudaEvent_t event);
template <class Kernel>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, Kernel*) {
  attributes->ptxVersion = 120;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value);
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                          size_t shared_bytes);
cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, const void* function, const cudaLaunchConfig_t* config);

namespace emulator {

inline unsigned cluster_of(const cudaLaunchConfig_t& config) {
  unsigned size = 1;
  for (unsigned k = 0; k < config.numAttrs; k++)
    if (config.attrs[k].id == cudaLaunchAttributeClusterDimension) size = config.attrs[k].val.clusterDim.x;
  return size;
}

inline bool has(const cudaLaunchConfig_t& config, cudaLaunchAttributeID id) {
  for (unsigned k = 0; k < config.numAttrs; k++)
    if (config.attrs[k].id == id) return true;
  return false;
}

// What a node of a graph is, which an update may not change.
enum class NodeKind { kernel, copy, set, other };
// A call that a stream or a graph holds. overlaps: it may begin before the kernel in front of it has run, which it is given then.
struct Work {
  std::function<cudaError_t(const std::function<void()>& earlier)> run;
  NodeKind kind;
  bool overlaps;
};
// To the end of what a stream holds, in order of enqueueing.
cudaError_t enqueue(cudaStream_t stream, Work work);
inline cudaError_t enqueue(cudaStream_t stream, std::function<cudaError_t()> work, NodeKind kind = NodeKind::other) {
  return enqueue(stream, Work{[work = std::move(work)](const std::function<void()>&) { return work(); }, kind, false});
}
// Runs everything that all streams hold.
void drain();

// Runs a kernel's blocks, clusters at a time, or all of them together. earlier: what is in front of it in its stream and runs when the
// kernel waits for it, at the latest after it.
cudaError_t run(unsigned blocks, unsigned threads, unsigned cluster, size_t shared_bytes,
                const std::function<void()>& kernel, bool together = false,
                const std::function<void()>& earlier = nullptr);

// The order that threads and blocks run in, from the next launch on.
void seed(uint64_t value);
// What a chip has room for. A device of capability 9.0 may have no clusters, or smaller ones (H20, parts of a GPU).
struct Limits {
  int multiprocessors = 16, blocks = 1;  // blocks at once on each
  unsigned cluster = 16;                 // the largest
  int cache = 50 << 20;                  // bytes of the L2 cache
};
// Pretends to be a chip of this capability, 90 for 9.0.
void pretend(int capability, const Limits& limits = {});
int capability();
const Limits& limits();
// Whether the chip would run such a launch: CUDA's error if not.
cudaError_t check_launch(const void* function, const cudaLaunchConfig_t& config);
// The number of kernels that were launched so far.
uint64_t launches();
// How often memory was allocated or a stream created so far.
uint64_t allocations();
void count_allocation();
// Calls instead of ending the process; for tests of the emulator itself.
extern void (*on_failure)(const char* what);

}  // namespace emulator

template <class Argument>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Argument), const Argument& argument) {
  const cudaError_t error = emulator::check_launch(reinterpret_cast<const void*>(kernel), *config);
  if (error != cudaSuccess) return error;
  const unsigned cluster = emulator::cluster_of(*config);
  const unsigned blocks = config->gridDim.x, threads = config->blockDim.x;
  const size_t shared = config->dynamicSmemBytes;
  const bool together = emulator::has(*config, cudaLaunchAttributeCooperative);
  const auto run = [=](const std::function<void()>& earlier) {
    return emulator::run(
        blocks, threads, cluster, shared, [&] { kernel(argument); }, together, earlier);
  };
  return emulator::enqueue(config->stream,
                           emulator::Work{run, emulator::NodeKind::kernel,
                                          emulator::has(*config, cudaLaunchAttributeProgrammaticStreamSerialization)});
}
