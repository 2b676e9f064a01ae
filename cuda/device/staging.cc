#include "staging.h"

#include <algorithm>
#include <cstring>

#include "pinned.h"

namespace ckl {
namespace cuda {

namespace {

// Calls copy(host address, offset in the piece, bytes) for bytes [from, from + bytes) of the rows without their gaps.
template <class Copy>
void each_run(const HostRows& rows, int64_t from, int64_t bytes, Copy copy) {
  if (rows.pitch == rows.row_bytes) return copy(rows.data + from, int64_t(0), bytes);
  for (int64_t done = 0; done < bytes;) {
    const int64_t row = (from + done) / rows.row_bytes, column = (from + done) % rows.row_bytes;
    const int64_t run = std::min(bytes - done, rows.row_bytes - column);
    copy(rows.data + row * rows.pitch + column, done, run);
    done += run;
  }
}

constexpr int64_t kMostPitch = INT32_MAX;  // of CUDA's copies of rows

// Enqueues a copy that needs no buffers in between. False if it does.
bool copies_directly(const HostRows& host, char* device, cudaMemcpyKind kind, cudaStream_t stream) {
  const bool gaps = host.pitch != host.row_bytes;
  if (host.bytes() == 0 || (gaps && host.pitch > kMostPitch)) return false;
  if (!keep_pinned(host.data, size_t((host.rows - 1) * host.pitch + host.row_bytes))) return false;
  const bool in = kind == cudaMemcpyHostToDevice;
  char *const to = in ? device : host.data, *const from = in ? host.data : device;
  const size_t width = size_t(host.row_bytes), pitch = size_t(host.pitch);
  must(gaps
           ? cudaMemcpy2DAsync(to, in ? width : pitch, from, in ? pitch : width, width, size_t(host.rows), kind, stream)
           : cudaMemcpyAsync(to, from, size_t(host.bytes()), kind, stream));
  return true;
}

}  // namespace

void Staging::enqueue_to_device(char* to, const HostRows& from, cudaStream_t stream) {
  if (!copies_directly(from, to, cudaMemcpyHostToDevice, stream)) stage_to_device(to, from, stream);
}

void Staging::enqueue_to_host(const HostRows& to, const char* from, cudaStream_t stream) {
  if (!copies_directly(to, const_cast<char*>(from), cudaMemcpyDeviceToHost, stream)) stage_to_host(to, from, stream);
}

void Staging::to_device(char* to, const HostRows& from, cudaStream_t stream) {
  if (!copies_directly(from, to, cudaMemcpyHostToDevice, stream)) return stage_to_device(to, from, stream);
  direct_.record(stream);
  direct_.wait();
}

void Staging::to_host(const HostRows& to, const char* from, cudaStream_t stream) {
  if (!copies_directly(to, const_cast<char*>(from), cudaMemcpyDeviceToHost, stream))
    return stage_to_host(to, from, stream);
  direct_.record(stream);
  direct_.wait();
}

void Staging::stage_to_device(char* to, const HostRows& from, cudaStream_t stream) {
  for (int64_t at = 0; at < from.bytes(); at += bytes_) {
    Slot& slot = slots_[next_];
    next_ ^= 1;
    const int64_t bytes = std::min(bytes_, from.bytes() - at);
    slot.copied.wait();
    each_run(from, at, bytes,
             [&](const char* p, int64_t offset, int64_t n) { std::memcpy(slot.memory.data() + offset, p, size_t(n)); });
    must(cudaMemcpyAsync(to + at, slot.memory.data(), size_t(bytes), cudaMemcpyHostToDevice, stream));
    slot.copied.record(stream);
  }
}

void Staging::stage_to_host(const HostRows& to, const char* from, cudaStream_t stream) {
  const int64_t pieces = (to.bytes() + bytes_ - 1) / bytes_;
  const auto size = [&](int64_t k) { return std::min(bytes_, to.bytes() - k * bytes_); };
  // One piece is copied by the GPU while the one before is copied by the host.
  for (int64_t k = 0; k <= pieces; k++) {
    if (k < pieces) {
      Slot& slot = slots_[(next_ + k) & 1];
      slot.copied.wait();  // what it still holds may be on its way to the device, on another stream
      must(cudaMemcpyAsync(slot.memory.data(), from + k * bytes_, size_t(size(k)), cudaMemcpyDeviceToHost, stream));
      slot.copied.record(stream);
    }
    if (k == 0) continue;
    Slot& slot = slots_[(next_ + k - 1) & 1];
    slot.copied.wait();
    each_run(to, (k - 1) * bytes_, size(k - 1),
             [&](char* p, int64_t offset, int64_t n) { std::memcpy(p, slot.memory.data() + offset, size_t(n)); });
  }
}

}  // namespace cuda
}  // namespace ckl
