// Copies between the host's memory and a GPU: directly if it is pinned, else through pinned buffers that are filled and
// emptied in turn.
#pragma once
#include <stdint.h>

#include "device_memory.h"

namespace ckl {
namespace cuda {

// Rows of bytes in the host's memory, `pitch` apart. On the device they lie without gaps.
struct HostRows {
  char* data;
  int64_t row_bytes, pitch, rows;
  int64_t bytes() const { return row_bytes * rows; }
};

class Staging {
 public:
  // most: the bytes of the largest copy, if that is known; the buffers are then no larger.
  explicit Staging(int64_t most = kMost) : bytes_(most < kMost ? most : kMost), slots_{Slot(bytes_), Slot(bytes_)} {}
  // Has read all of `from` when it returns; the copy itself is enqueued.
  void to_device(char* to, const HostRows& from, cudaStream_t stream);
  // Has written all of `to` when it returns.
  void to_host(const HostRows& to, const char* from, cudaStream_t stream);
  // The same, but with memory of allocate_pinned() the copy is only enqueued; the caller keeps it until the stream has
  // come so far.
  void enqueue_to_device(char* to, const HostRows& from, cudaStream_t stream);
  void enqueue_to_host(const HostRows& to, const char* from, cudaStream_t stream);

 private:
  static constexpr int64_t kMost = 2 << 20;
  struct Slot {
    explicit Slot(int64_t bytes) : memory(size_t(bytes)) {}
    PinnedBuffer memory;
    Event copied;
  };
  void stage_to_device(char* to, const HostRows& from, cudaStream_t stream);
  void stage_to_host(const HostRows& to, const char* from, cudaStream_t stream);

  const int64_t bytes_;  // of a buffer; before the buffers, which are made with it
  Slot slots_[2];
  Event direct_;  // after a copy that was waited for
  int next_ = 0;
};

}  // namespace cuda
}  // namespace ckl
