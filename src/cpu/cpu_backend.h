// The CPU backend: checks, normalisers, work split over threads, reduction in fixed order.
#pragma once
#include <memory>

#include "../core/backend.h"
#include "../core/share.h"
#include "pool.h"
#include "targets.h"

namespace ckl {
namespace cpu {

// 64-byte aligned scratch memory that grows and never shrinks.
class Buffer {
 public:
  ~Buffer();
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  // At least `floats` floats; null if out of memory. The contents are lost when it grows.
  float* reserve(int64_t floats);

 private:
  void release();
  float* data_ = nullptr;
  int64_t floats_ = 0;
};

class CpuBackend : public Backend {
 public:
  CpuBackend(const Target& target, std::shared_ptr<Pool> pool, int threads);

  std::unique_ptr<Workspace> workspace(int64_t docs) override;
  Status run(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
             const std::atomic<int32_t>* abort, Summary& summary) override;
  // Checks every value, and counts queries.
  Status count_share(const Plan& plan, const Batch& batch, Workspace& workspace, const Share& share);
  Status run_share(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace, const Share& share);

  const Target& target() const { return target_; }
  // Calls body(worker, slice) on the threads of the pool.
  template <class Body>
  void each_slice(int threads, int slices, Body body) const {
    if (threads == 1)
      for (int k = 0; k < slices; k++) body(0, k);
    else pool_->run(threads, slices, body);
  }
  int threads() const { return threads_; }

 private:
  Status compute(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
                 const std::atomic<int32_t>* abort, Summary* summary, const Share* share);

  const Target target_;
  const std::shared_ptr<Pool> pool_;
  const int threads_;
};

// Ranks and rank bias of a batch, for the API functions of these names. For ranks, labels may be null.
Status compute_ranks(const Target& target, Scores student, const Rows& rows, const uint8_t* labels, uint32_t* out);
Status compute_rank_bias(const Batch& batch, double alpha, float* out);

}  // namespace cpu
}  // namespace ckl
