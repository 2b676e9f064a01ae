// Losses of batches in device memory: enqueued at once, or captured to be enqueued later.
#pragma once
#include <memory>

#include "../../src/core/device.h"
#include "../device/device_memory.h"
#include "chip.h"

namespace ckl {
namespace cuda {

std::unique_ptr<DeviceLoss> device_loss(int device, std::shared_ptr<Chip> chip, const Plan& plan, int64_t queries,
                                        int64_t docs);

inline cudaStream_t stream_of(StreamHandle handle) { return reinterpret_cast<cudaStream_t>(uintptr_t(handle)); }
inline StreamHandle handle_of(cudaStream_t stream) { return StreamHandle(reinterpret_cast<uintptr_t>(stream)); }

// Runs `calls` and converts failures to the errors of the rest of the library.
template <class Calls>
void reporting(Calls calls) {
  try {
    calls();
  } catch (const Failure& failure) { throw DeviceError{int(failure.error)}; }
}

}  // namespace cuda
}  // namespace ckl
