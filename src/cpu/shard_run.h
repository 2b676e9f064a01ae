// A batch whose documents are spread over ranks: what a rank does between three exchanges.
#pragma once
#include <memory>
#include <vector>

#include "cpu_backend.h"
#include "kernel.h"

namespace ckl {
namespace cpu {

// Survey, settle, and then for each block of queries maxima, sums, terms and finish; result at the end. The maxima of a block may
// be found as soon as it is surveyed, such as with the terms of the block before. Whoever calls gives the same plan and batch to
// all steps of a run, and has checked its sizes each time: nothing is kept of the caller's memory.
class ShardRun {
 public:
  enum class Step { survey, settle, maxima, sums, terms, finish, result };
  static constexpr int kSteps = 7;

  // begin: of this rank's documents in the whole lists, whose ranks are `ranks`; chunks: the most that a rank has.
  ShardRun(std::shared_ptr<CpuBackend> backend, int64_t begin, int ranks, int chunks)
      : backend_(std::move(backend)), begin_(begin), ranks_(ranks), chunks_(chunks) {}

  // Checks every value but scores. out: kShardSurvey doubles per query.
  Status survey(const Plan& plan, const Batch& batch, Workspace& workspace, double* out);
  // gathered: what the ranks' surveys wrote, rank after rank.
  void settle(const Plan& plan, const Batch& batch, const double* gathered);
  // Maxima, sums, terms or finish for queries [first, last). gathered: of the step before; record: for the next exchange.
  Status step(Step step, const Plan& plan, const Batch& batch, const Outputs& out, int64_t first, int64_t last,
              const double* gathered, double* record);
  Summary result(const Plan& plan, const Batch& batch, const Outputs& out);

  // Doubles that a step of so many queries reads of what was gathered, and writes for the next exchange.
  int64_t reads(Step step, const Plan& plan, int64_t queries) const;
  int64_t writes(Step step, const Plan& plan, int64_t queries) const;
  // Whether it is of these terms and places.
  bool fits(const Plan& plan, int64_t begin, int ranks, int chunks) const {
    return plan.terms.size() <= kMaxTerms && begin == begin_ && ranks == ranks_ && chunks == chunks_;
  }
  // Whether settle was called for a batch of this many queries.
  bool settled(int64_t queries) const { return int64_t(rows_.size()) == queries; }

 private:
  void take_maxima(const ShardTask& shard);
  void fill(ShardTask& shard, const Plan& plan, const Batch& batch, const Outputs& out);
  Status each(ShardTask& shard, ShardStep step, int64_t first, int64_t last);

  const std::shared_ptr<CpuBackend> backend_;
  const int64_t begin_;
  const int ranks_, chunks_;
  std::vector<ShardTask::Row> rows_;
  std::vector<double> normalisers_, contributions_;
  std::vector<uint8_t> kinds_;
  Buffer kept_;
  std::unique_ptr<Buffer[]> scratch_;
};

}  // namespace cpu
}  // namespace ckl
