// What enqueueing needs to know of a device: which code it runs, and how many blocks of a kernel it holds at once.
#pragma once
#include <map>
#include <tuple>

#include "launch.h"

namespace ckl {
namespace cuda {

// Asks the device once per question. Used by one thread at a time.
class Chip {
 public:
  // Makes the device current. Throws Failure.
  explicit Chip(int device);

  // 90 for 9.0: of the device, or of the binary's code for it if that is older.
  int capability() const { return capability_; }
  // Whether the code has the fast kernels for long rows, and of 32 documents per thread (CKL_ALL_KERNELS in
  // platform.cuh).
  bool has_all_kernels() const { return capability_ >= 80; }
  int multiprocessors() const { return multiprocessors_; }
  // Whether a launch may begin before the one in front of it has ended, also in a graph.
  bool overlaps() const { return overlaps_; }
  int shared_bytes() const { return shared_bytes_; }  // that a block may have
  int cache_bytes() const { return cache_bytes_; }    // of the L2 cache
  // How many blocks of such a launch run at once, whole clusters of them; 0 if the device has no such clusters. A grid
  // of that size is the largest that makes sense: blocks take further rows in turn, and each finishes once.
  unsigned blocks_at_once(RowKernel kernel, const Shape& shape);

 private:
  unsigned ask(RowKernel kernel, const Shape& shape) const;

  int capability_, multiprocessors_, shared_bytes_, cache_bytes_;
  bool overlaps_;
  std::map<std::tuple<RowKernel, unsigned, unsigned, int>, unsigned> known_;
};

}  // namespace cuda
}  // namespace ckl
