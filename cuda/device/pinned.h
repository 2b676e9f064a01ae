// Pinned memory that callers own: which of the process's memory that is, and who keeps it.
#pragma once
#include <memory>

#include "../../src/core/device.h"
#include "device_memory.h"

namespace ckl {
namespace cuda {

// Throws Failure. Given back by ckl::release_pinned().
PinnedMemory allocate_pinned(size_t bytes);
// Keeps the memory if all of it came from allocate_pinned(), on any thread, and was not given back; else null.
std::shared_ptr<PinnedBuffer> keep_pinned(const void* memory, size_t bytes);

}  // namespace cuda
}  // namespace ckl
