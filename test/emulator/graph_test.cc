// A captured graph that is updated: other parameters from the next launch on, and never other calls.
#include <doctest/doctest.h>

#include <vector>

#include "../../cuda/device/device_memory.h"

namespace ckl {
namespace cuda {
namespace {

TEST_CASE("graph: an update changes where calls write, from the next launch on") {
  Stream stream, recorded;
  DeviceBuffer memory;
  char* const p = memory.reserve(3);
  const auto set = [&](int at) { must(cudaMemsetAsync(p + at, 7, 1, recorded.get())); };
  must(cudaMemsetAsync(p, 0, 3, stream.get()));
  GraphExec graph;
  graph.capture(recorded.get(), [&] { set(0); });
  graph.launch(stream.get());
  CHECK(graph.update(recorded.get(), [&] { set(1); }));
  must(cudaStreamSynchronize(stream.get()));
  CHECK(std::vector<char>(p, p + 3) == std::vector<char>{7, 0, 0});
  graph.launch(stream.get());
  must(cudaStreamSynchronize(stream.get()));
  CHECK(std::vector<char>(p, p + 3) == std::vector<char>{7, 7, 0});
}

TEST_CASE("graph: one of more calls, or of others, is refused and changes nothing") {
  Stream stream, recorded;
  DeviceBuffer memory;
  char* const p = memory.reserve(3);
  const auto set = [&](int at) { must(cudaMemsetAsync(p + at, 7, 1, recorded.get())); };
  const auto copy = [&] { must(cudaMemcpyAsync(p + 2, p, 1, cudaMemcpyDeviceToDevice, recorded.get())); };
  must(cudaMemsetAsync(p, 0, 3, stream.get()));
  GraphExec graph;
  graph.capture(recorded.get(), [&] { set(0); });
  const auto both = [&] { set(1), set(2); };
  const auto fails = [&] {
    set(1);
    throw Failure{cudaErrorMemoryAllocation};
  };
  CHECK(!graph.update(recorded.get(), both));
  CHECK(!graph.update(recorded.get(), copy));
  CHECK_THROWS_AS(graph.update(recorded.get(), fails), Failure);
  graph.launch(stream.get());
  must(cudaStreamSynchronize(stream.get()));
  CHECK(std::vector<char>(p, p + 3) == std::vector<char>{7, 0, 0});
}

}  // namespace
}  // namespace cuda
}  // namespace ckl
