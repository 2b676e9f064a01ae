// A batch whose documents are spread over ranks: what a rank does between three exchanges.
#pragma once
#include <memory>
#include <vector>

#include "cpu_backend.h"
#include "kernel.h"

namespace ckl {
namespace cpu {

// Survey, settle, and then for each block of queries maxima, sums, terms and finish; result at the end. The maxima of a
// block may be found any time after the survey, for example together with the terms of the block before. The caller
// passes the same plan and batch to all steps of a run and checks the sizes each time, because no pointer to the
// caller's memory is kept.
class ShardRun {
 public:
  enum class Step { survey, settle, maxima, sums, terms, finish, result };
  static constexpr int kSteps = 7;

  // begin: index of this rank's first document in the whole lists; ranks: their number; chunks: the maximum per rank.
  ShardRun(std::shared_ptr<CpuBackend> backend, int64_t begin, int ranks, int chunks)
      : backend_(std::move(backend)), begin_(begin), ranks_(ranks), chunks_(chunks) {}

  // Checks every value except scores. out: kShardSurvey doubles per query.
  Status survey(const Plan& plan, const Batch& batch, Workspace& workspace, double* out);
  // gathered: the outputs of all ranks' surveys, rank after rank.
  void settle(const Plan& plan, const Batch& batch, const double* gathered);
  // Maxima, sums, terms or finish for queries [first, last). gathered: from the step before; record: for the next
  // exchange.
  Status step(Step step, const Plan& plan, const Batch& batch, const Outputs& out, int64_t first, int64_t last,
              const double* gathered, double* record);
  Summary result(const Plan& plan, const Batch& batch, const Outputs& out);

  // The number of doubles that a step over `queries` queries reads from `gathered`, and writes for the next exchange.
  int64_t reads(Step step, const Plan& plan, int64_t queries) const;
  int64_t writes(Step step, const Plan& plan, int64_t queries) const;
  // Whether this run was started with these numbers.
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
