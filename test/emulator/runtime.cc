// Devices, errors and memory of the emulated CUDA runtime.
#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace {

constexpr int kDevices = 2;
constexpr size_t kMemory = size_t(1) << 34;  // of each
thread_local int current_device = 0;

struct Allocation {
  size_t bytes;
  cudaMemoryType type;
  int device;
};

// What was allocated and not freed, by address.
struct Memory {
  std::mutex mutex;
  std::map<uintptr_t, Allocation> all;
  size_t used[kDevices] = {};
};
Memory& memory() {
  static Memory* one = new Memory;  // outlives the statics that free into it
  return *one;
}

// Memory that is not a multiple of anything, filled with NaN: a read of what was never written shows.
cudaError_t allocate(void** pointer, size_t bytes, cudaMemoryType type) {
  Memory& m = memory();
  const std::lock_guard<std::mutex> lock(m.mutex);
  size_t& used = m.used[current_device];
  *pointer = nullptr;
  if (type == cudaMemoryTypeDevice && bytes > kMemory - used) return cudaErrorMemoryAllocation;
  if (bytes == 0) return cudaSuccess;
  emulator::count_allocation();
  *pointer = aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (!*pointer) return cudaErrorMemoryAllocation;
  memset(*pointer, 0xff, bytes);
  m.all[reinterpret_cast<uintptr_t>(*pointer)] = {bytes, type, current_device};
  if (type == cudaMemoryTypeDevice) used += bytes;
  return cudaSuccess;
}

cudaError_t release(void* pointer) {
  if (!pointer) return cudaSuccess;
  emulator::drain();  // as cudaFree waits for the device
  Memory& m = memory();
  const std::lock_guard<std::mutex> lock(m.mutex);
  const auto found = m.all.find(reinterpret_cast<uintptr_t>(pointer));
  if (found == m.all.end()) return cudaErrorInvalidValue;
  if (found->second.type == cudaMemoryTypeDevice) m.used[found->second.device] -= found->second.bytes;
  m.all.erase(found);
  free(pointer);
  return cudaSuccess;
}

int shared_bytes_of(int capability) {
  if (capability == 90 || capability == 100) return 227 * 1024;
  return capability == 80 ? 163 * 1024 : capability > 80 ? 99 * 1024 : 64 * 1024;
}

}  // namespace

cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) { return *count = kDevices, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (device < 0 || device >= kDevices) return cudaErrorInvalidDevice;
  *p = {};
  snprintf(p->name, sizeof p->name, "emulated GPU");
  p->totalGlobalMem = kMemory;
  p->major = emulator::capability() / 10, p->minor = emulator::capability() % 10;
  p->multiProcessorCount = emulator::limits().multiprocessors;
  p->l2CacheSize = emulator::limits().cache;
  p->sharedMemPerBlockOptin = size_t(shared_bytes_of(emulator::capability()));
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= kDevices) return cudaErrorInvalidDevice;
  return current_device = device, cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) { return *device = current_device, cudaSuccess; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorName(cudaError_t error) {
#define CKL_NAME(name) \
  case name: return #name;
  switch (error) {
    CKL_NAME(cudaSuccess)
    CKL_NAME(cudaErrorInvalidValue)
    CKL_NAME(cudaErrorMemoryAllocation)
    CKL_NAME(cudaErrorInsufficientDriver)
    CKL_NAME(cudaErrorNoDevice)
    CKL_NAME(cudaErrorInvalidDevice)
    CKL_NAME(cudaErrorInvalidResourceHandle)
    CKL_NAME(cudaErrorNotReady)
    CKL_NAME(cudaErrorLaunchFailure)
    CKL_NAME(cudaErrorCooperativeLaunchTooLarge)
    CKL_NAME(cudaErrorStreamCaptureUnsupported)
    CKL_NAME(cudaErrorInvalidClusterSize)
    CKL_NAME(cudaErrorGraphExecUpdateFailure)
  }
#undef CKL_NAME
  return "cudaErrorUnknown";
}
const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }

namespace {
// Kernels that have leave to be launched in clusters of more than 8 blocks, or with more than 48 KiB of shared memory.
std::set<std::pair<const void*, cudaFuncAttribute>>& with_leave() {
  static auto& functions = *new std::set<std::pair<const void*, cudaFuncAttribute>>;
  return functions;
}
std::mutex leave_mutex;
std::atomic<uint64_t> launched{0}, allocated{0};

bool allowed(const void* function, unsigned cluster, size_t shared_bytes) {
  const std::lock_guard<std::mutex> lock(leave_mutex);
  if (shared_bytes > size_t(shared_bytes_of(emulator::capability()))) return false;
  if (shared_bytes > 48 * 1024 && with_leave().count({function, cudaFuncAttributeMaxDynamicSharedMemorySize}) == 0)
    return false;
  return cluster == 1 ||
         (emulator::capability() >= 90 && cluster <= emulator::limits().cluster &&
          (cluster <= 8 || with_leave().count({function, cudaFuncAttributeNonPortableClusterSizeAllowed}) > 0));
}
}  // namespace

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  const int wanted =
      attribute == cudaFuncAttributeNonPortableClusterSizeAllowed ? 1 : shared_bytes_of(emulator::capability());
  if (value != wanted) return cudaErrorInvalidValue;
  const std::lock_guard<std::mutex> lock(leave_mutex);
  with_leave().insert({function, attribute});
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int, size_t shared_bytes) {
  return *blocks = allowed(function, 1, shared_bytes) ? emulator::limits().blocks : 0, cudaSuccess;
}
// A size that only some chips have is an error elsewhere, as on an H20; a portable one that finds no room is 0.
cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, const void* function, const cudaLaunchConfig_t* config) {
  const unsigned size = emulator::cluster_of(*config);
  *clusters = 0;
  if (!allowed(function, size, config->dynamicSmemBytes)) return size > 8 ? cudaErrorInvalidClusterSize : cudaSuccess;
  return *clusters = emulator::limits().multiprocessors * emulator::limits().blocks / int(size), cudaSuccess;
}
cudaError_t emulator::check_launch(const void* function, const cudaLaunchConfig_t& config) {
  launched++;
  if (!allowed(function, 1, config.dynamicSmemBytes)) return cudaErrorInvalidValue;
  if (!allowed(function, cluster_of(config), 0)) return cudaErrorInvalidClusterSize;
  const bool overlaps = has(config, cudaLaunchAttributeProgrammaticStreamSerialization);
  if (overlaps && (capability() < 90 || has(config, cudaLaunchAttributeCooperative))) return cudaErrorInvalidValue;
  const int most = limits().multiprocessors * limits().blocks;
  const bool fits = !has(config, cudaLaunchAttributeCooperative) || int(config.gridDim.x) <= most;
  return fits ? cudaSuccess : cudaErrorCooperativeLaunchTooLarge;
}
uint64_t emulator::launches() { return launched; }
uint64_t emulator::allocations() { return allocated; }
void emulator::count_allocation() { allocated++; }

cudaError_t cudaMalloc(void** pointer, size_t bytes) { return allocate(pointer, bytes, cudaMemoryTypeDevice); }
cudaError_t cudaFree(void* pointer) { return release(pointer); }
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return allocate(pointer, bytes, cudaMemoryTypeHost);
}
cudaError_t cudaFreeHost(void* pointer) { return release(pointer); }
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  Memory& m = memory();
  const std::lock_guard<std::mutex> lock(m.mutex);
  *total = kMemory, *free = kMemory - m.used[current_device];
  return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  Memory& m = memory();
  const std::lock_guard<std::mutex> lock(m.mutex);
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  auto after = m.all.upper_bound(address);
  *attributes = {cudaMemoryTypeUnregistered, -1};
  if (after == m.all.begin()) return cudaSuccess;
  const auto& found = *--after;
  if (address < found.first + found.second.bytes) *attributes = {found.second.type, found.second.device};
  return cudaSuccess;
}
