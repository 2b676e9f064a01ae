#include "pinned.h"

#include <cstring>
#include <map>
#include <mutex>
#include <utility>

namespace ckl {

namespace cuda {

namespace {

struct Entry {
  std::shared_ptr<PinnedBuffer> memory;
  uint64_t serial;
};
struct Owned {
  std::mutex mutex;
  std::map<const char*, Entry> all;  // by address
  uint64_t last_serial = 0;
};
Owned& owned() {
  static Owned* const one = new Owned;  // not freed at exit: CUDA may have ended before
  return *one;
}

}  // namespace

PinnedMemory allocate_pinned(size_t bytes) {
  const auto made = std::make_shared<PinnedBuffer>(bytes);
  std::memset(made->data(), 0, bytes);
  const std::lock_guard<std::mutex> lock(owned().mutex);
  const uint64_t serial = ++owned().last_serial;
  owned().all[made->data()] = {made, serial};
  return {made->data(), serial};
}

std::shared_ptr<PinnedBuffer> keep_pinned(const void* memory, size_t bytes) {
  const char* const begin = static_cast<const char*>(memory);
  const std::lock_guard<std::mutex> lock(owned().mutex);
  auto after = owned().all.upper_bound(begin);
  if (after == owned().all.begin()) return nullptr;
  const std::shared_ptr<PinnedBuffer>& found = (--after)->second.memory;
  const size_t offset = size_t(begin - found->data());
  return offset <= found->size() && bytes <= found->size() - offset ? found : nullptr;
}

}  // namespace cuda

PinnedMemory find_pinned(void* address) {
  char* const begin = static_cast<char*>(address);
  const std::lock_guard<std::mutex> lock(cuda::owned().mutex);
  const auto found = cuda::owned().all.find(begin);
  return {begin, found == cuda::owned().all.end() ? 0 : found->second.serial};
}

void release_pinned(const PinnedMemory& memory) {
  std::shared_ptr<cuda::PinnedBuffer> last;  // freed after the lock: CUDA may wait then
  cuda::Owned& owned = cuda::owned();
  const std::lock_guard<std::mutex> lock(owned.mutex);
  const auto found = owned.all.find(memory.data);
  if (found == owned.all.end() || memory.serial != found->second.serial) return;
  last = std::move(found->second.memory);
  owned.all.erase(found);
}

}  // namespace ckl
