#include "shard_run.h"

#include "task.h"

namespace ckl {
namespace cpu {

Status ShardRun::survey(const Plan& plan, const Batch& batch, Workspace& workspace, double* out) {
  rows_.clear();
  std::vector<double> counted(Share::kNormalisers + plan.terms.size() * size_t(batch.rows.queries));
  const Share share = {counted.data(), counted.data() + Share::kNormalisers};
  const Status status = backend_->count_share(plan, batch, workspace, share);
  if (!status.ok()) return status;
  ShardTask shard;
  fill(shard, plan, batch, {});
  // Ranks computed within a part would not be those of the whole list.
  for (int k = 0; k < shard.task.term_count && batch.rows.docs > 0; k++)
    if (shard.task.terms[k].parameters.biased && !batch.ranks && !batch.beta) return {Code::type, Argument::ranks};
  shard.surveys = out;
  return each(shard, ShardStep::survey, 0, batch.rows.queries);
}

void ShardRun::settle(const Plan& plan, const Batch& batch, const double* gathered) {
  const int64_t queries = batch.rows.queries;
  rows_.assign(size_t(queries), {});
  normalisers_.assign(plan.terms.size(), 0);
  for (int64_t b = 0; b < queries; b++) {
    ShardTask::Row& row = rows_[size_t(b)];
    for (int r = 0; r < ranks_; r++) {
      const double* of_rank = gathered + (r * queries + b) * kShardSurvey;
      row.documents += of_rank[0], row.positives += of_rank[1], row.inverse_ranks += of_rank[3];
      row.end = std::max(row.end, int64_t(of_rank[2]));
    }
    const double weight = batch.weights ? double(batch.weights[b]) : 1;
    for (size_t k = 0; k < plan.terms.size(); k++) {
      if (!takes_part(needs_of(plan.terms[k].loss), row.documents, row.positives)) continue;
      row.counted = true;
      normalisers_[k] += weight;
    }
  }
}

// Records consist of floats and are exchanged as half as many doubles.
int64_t ShardRun::writes(Step step, const Plan& plan, int64_t queries) const {
  switch (step) {
    case Step::survey: return queries * kShardSurvey;
    case Step::maxima: return queries * kShardMaxima / 2;
    case Step::sums: return queries * shard_sums_floats(chunks_) / 2;
    case Step::terms: return queries * shard_terms_floats(chunks_, int(plan.terms.size())) / 2;
    default: return 0;
  }
}

int64_t ShardRun::reads(Step step, const Plan& plan, int64_t queries) const {
  switch (step) {
    case Step::settle: return ranks_ * writes(Step::survey, plan, queries);
    case Step::sums: return ranks_ * writes(Step::maxima, plan, queries);
    case Step::terms: return ranks_ * writes(Step::sums, plan, queries);
    case Step::finish: return ranks_ * writes(Step::terms, plan, queries);
    default: return 0;
  }
}

Status ShardRun::step(Step step, const Plan& plan, const Batch& batch, const Outputs& out, int64_t first, int64_t last,
                      const double* gathered, double* record) {
  ShardTask shard;
  fill(shard, plan, batch, out);
  // Maxima are found while the previous block is in progress, so the kept data still belongs to that block.
  if (step != Step::maxima) {
    const size_t blocks = size_t(last - first);
    kinds_.resize(blocks * size_t(chunks_));
    shard.slots = (batch.rows.docs + 15) / 16 * 16 + 16;
    // The contents survive between steps: only the step `sums` can bring a larger block of queries and grow the buffer.
    if (!kept_.reserve(int64_t(blocks) * kShardKept * shard.slots)) return {Code::memory};
    shard.kept = kept_.reserve(0), shard.kinds = kinds_.data();
  }
  shard.gathered = reinterpret_cast<const float*>(gathered), shard.record = reinterpret_cast<float*>(record);
  shard.first = first, shard.last = last;
  if (step == Step::sums) take_maxima(shard);
  const ShardStep kernel = step == Step::maxima  ? ShardStep::maxima
                           : step == Step::sums  ? ShardStep::sums
                           : step == Step::terms ? ShardStep::terms
                                                 : ShardStep::finish;
  return each(shard, kernel, first, last);
}

void ShardRun::take_maxima(const ShardTask& shard) {
  const int64_t rows = shard.last - shard.first;
  for (int64_t k = 0; k < rows; k++) {
    ShardTask::Row& row = rows_[size_t(shard.first + k)];
    row.student_max = row.teacher_max = -3.402823466e38f;
    for (int r = 0; r < ranks_; r++) {
      const float* of_rank = shard.gathered + (r * rows + k) * kShardMaxima;
      row.student_max = std::max(row.student_max, of_rank[0]);
      row.teacher_max = std::max(row.teacher_max, of_rank[1]);
    }
  }
}

Summary ShardRun::result(const Plan& plan, const Batch& batch, const Outputs& out) {
  ShardTask shard;
  fill(shard, plan, batch, out);
  Summary summary;
  summary.loss = reduce_loss(shard.task);
  for (const ShardTask::Row& row : rows_) summary.counted += row.counted;
  return summary;
}

void ShardRun::fill(ShardTask& shard, const Plan& plan, const Batch& batch, const Outputs& out) {
  Task& task = shard.task;
  fill_task(task, plan, batch, out);
  task.binary_labels = false;
  for (int k = 0; k < task.term_count; k++)
    scale_term(task, plan, k, size_t(k) < normalisers_.size() ? normalisers_[size_t(k)] : 0);
  const bool simple = task.term_count == 1;
  if (!simple) contributions_.resize(size_t(batch.rows.queries));
  task.contributions = simple ? nullptr : contributions_.data();
  shard.begin = begin_, shard.ranks = ranks_, shard.chunks = chunks_;
  shard.rows = rows_.data();
}

Status ShardRun::each(ShardTask& shard, ShardStep step, int64_t first, int64_t last) {
  const Kernels& kernels = *backend_->target().kernels;
  const int64_t rows = last - first, docs = shard.task.batch.rows.docs, floats = kernels.scratch_floats(docs);
  // As in a run: one thread per 40,000 documents.
  const int threads = int(std::max<int64_t>(1, std::min<int64_t>({backend_->threads(), rows, rows * docs / 40000})));
  if (!scratch_) scratch_.reset(new Buffer[size_t(backend_->threads())]);
  for (int k = 0; k < threads; k++)
    if (!scratch_[size_t(k)].reserve(floats)) return {Code::memory, Argument::none, -1, -1, double(floats) * 4};
  const int slices = threads == 1 ? 1 : int(std::min<int64_t>(rows, threads * 8));
  backend_->each_slice(threads, slices, [&](int worker, int k) {
    kernels.shard(shard, step, first + rows * k / slices, first + rows * (k + 1) / slices,
                  scratch_[size_t(worker)].reserve(0));
  });
  return {};
}

}  // namespace cpu
}  // namespace ckl
