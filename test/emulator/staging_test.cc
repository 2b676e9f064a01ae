// Copies of pinned rows: the GPU reads and writes them itself, gaps and all, when the stream comes to it.
#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "../../cuda/device/pinned.h"
#include "../../cuda/device/staging.h"

namespace ckl {
namespace cuda {
namespace {

constexpr int64_t kRows = 5, kWidth = 24, kPitch = 40, kExtent = (kRows - 1) * kPitch + kWidth;

struct Pinned {
  PinnedMemory memory = allocate_pinned(size_t(kExtent));
  ~Pinned() { release_pinned(memory); }
  HostRows rows() const { return {memory.data, kWidth, kPitch, kRows}; }
  void fill() const {
    for (int64_t i = 0; i < kExtent; i++) memory.data[i] = char(i);
  }
};

// The bytes of the rows, one after the other.
std::vector<char> expected() {
  std::vector<char> all;
  for (int64_t r = 0; r < kRows; r++)
    for (int64_t c = 0; c < kWidth; c++) all.push_back(char(r * kPitch + c));
  return all;
}

std::vector<char> bytes_at(const char* device) { return std::vector<char>(device, device + kRows * kWidth); }

TEST_CASE("staging: pinned rows are read when the stream comes to them, or before the call returns") {
  Pinned host;
  Stream stream;
  Staging staging;
  DeviceBuffer device;
  char* const to = device.reserve(size_t(kRows * kWidth));
  staging.enqueue_to_device(to, host.rows(), stream.get());
  host.fill();  // after the call, and before the copy
  must(cudaStreamSynchronize(stream.get()));
  CHECK(bytes_at(to) == expected());
  must(cudaMemsetAsync(to, 0, size_t(kRows * kWidth), stream.get()));
  staging.to_device(to, host.rows(), stream.get());
  std::memset(host.memory.data, 0, size_t(kExtent));
  must(cudaStreamSynchronize(stream.get()));
  CHECK(bytes_at(to) == expected());
}

TEST_CASE("staging: pinned rows are written when the stream comes to them, and what lies between them is not") {
  Pinned host;
  Stream stream;
  Staging staging;
  DeviceBuffer device;
  char* const from = device.reserve(size_t(kRows * kWidth));
  std::memcpy(from, expected().data(), size_t(kRows * kWidth));
  const auto check = [&] {
    for (int64_t i = 0; i < kExtent; i++) CHECK(host.memory.data[i] == (i % kPitch < kWidth ? char(i) : char(0)));
  };
  staging.enqueue_to_host(host.rows(), from, stream.get());
  for (int64_t i = 0; i < kExtent; i++) CHECK(host.memory.data[i] == 0);
  must(cudaStreamSynchronize(stream.get()));
  check();
  std::memset(host.memory.data, 0, size_t(kExtent));
  staging.to_host(host.rows(), from, stream.get());
  check();
}

TEST_CASE("staging: only memory that is pinned as a whole, and was not given back, is pinned") {
  PinnedMemory memory = allocate_pinned(100);
  const auto is_pinned = [](const char* p, size_t bytes) { return bool(keep_pinned(p, bytes)); };
  CHECK(is_pinned(memory.data, 100));
  CHECK(is_pinned(memory.data + 40, 60));
  CHECK(!is_pinned(memory.data + 40, 61));
  CHECK(!is_pinned(memory.data - 1, 2));
  CHECK(find_pinned(memory.data).serial == memory.serial);
  CHECK(find_pinned(memory.data + 1).serial == 0);
  const std::shared_ptr<PinnedBuffer> kept = keep_pinned(memory.data, 1);
  release_pinned({memory.data, memory.serial + 1});  // another that was there
  CHECK(is_pinned(memory.data, 1));
  release_pinned(memory);
  release_pinned(memory);
  CHECK(!is_pinned(memory.data, 1));
  kept->data()[99] = 1;  // who keeps it may use it
}

}  // namespace
}  // namespace cuda
}  // namespace ckl
