#include "cpu_backend.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>

#include "../core/check.h"
#include "cost.h"
#include "slices.h"
#include "task.h"

namespace ckl {
namespace cpu {

Buffer::~Buffer() { release(); }

namespace {

// Blocks of at least this size are mapped, so that they are returned to the system at once. Otherwise a program that
// prepares and disposes in a loop would leave holes in the heap that are slightly too small for the next block.
constexpr size_t kMapped = size_t(1) << 17;

size_t bytes_of(int64_t floats) { return (size_t(floats) * sizeof(float) + 63) / 64 * 64; }

}  // namespace

void Buffer::release() {
  const size_t bytes = bytes_of(floats_);
  if (data_ && bytes >= kMapped) munmap(data_, bytes);
  else std::free(data_);
  data_ = nullptr;
  floats_ = 0;
}

float* Buffer::reserve(int64_t floats) {
  if (floats <= floats_) return data_;
  release();
  const size_t bytes = bytes_of(floats);
  void* memory;
  if (bytes >= kMapped) {
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
  } else {
    memory = std::aligned_alloc(64, bytes);
    if (!memory) return nullptr;
  }
  data_ = static_cast<float*>(memory);
  floats_ = floats;
  return data_;
}

namespace {

// Nanoseconds of work that justify another thread, and of a slice: a thread that wakes late leaves slices to the
// others.
constexpr double kThread = 40000, kSlice = 3000;
constexpr int64_t kSlicesPerThread = 16;
// The number of documents between two checks of the abort flag.
constexpr int64_t kDocumentsPerPoll = 1 << 18;

struct CpuWorkspace : Workspace {
  std::unique_ptr<Buffer[]> scratch;  // one per thread
  std::vector<double> contributions;  // only for weighted sums of losses
};

// The result of scanning a batch: whether all values are valid, and how many queries meet each need.
struct Scan {
  Status status;
  LabelTally labels;
  struct Pairs {  // per term that needs pairs: queries that have some, and the total number
    int64_t queries = 0, pairs = 0;
  } pairs[kMaxTerms];
};

class Run {
 public:
  Run(const Plan& plan, const Batch& batch, const Outputs& out, CpuWorkspace& workspace, const Target& target,
      Pool& pool, const std::atomic<int32_t>* abort)
      : plan_(plan), batch_(batch), out_(out), workspace_(workspace), target_(target), pool_(pool), abort_(abort) {
    const double cost = pool.threads() > 1 ? cost_of(plan, batch, out) : 0;
    const auto shares = [&](int64_t most, double share) {
      return int(std::max(1.0, std::min({double(most), cost / share, double(batch.rows.queries)})));
    };
    threads_ = shares(pool.threads(), kThread);
    slices_ = shares(threads_ * kSlicesPerThread, kSlice);
    longest_ = longest_row(batch.rows);
    for (const PlanTerm& t : plan.terms) {
      ordered_ |= needs_pair(needs_of(t.loss));
      needs_both_ |= needs_of(t.loss) == Needs::positive_and_negative;
      if (t.loss == LossId::ckl) least_gamma_ = std::min(least_gamma_, t.gamma);
    }
    most_beta_ = float(std::min(least_gamma_ - 1, double(std::numeric_limits<float>::max())));
    if (most_beta_ > least_gamma_ - 1) most_beta_ = std::nextafter(most_beta_, -INFINITY);
  }

  // With a share: only counts for it if summary is null, otherwise runs.
  Status operator()(Summary* summary, const Share* share) {
    const int64_t floats = target_.kernels->scratch_floats(longest_);
    for (int k = 0; k < threads_; k++)
      if (!workspace_.scratch[k].reserve(floats)) return {Code::memory, Argument::none, -1, -1, double(floats) * 4};
    Status status = check_weights(batch_);
    if (!status.ok()) return status;
    Scan scan = scan_all();
    if (!scan.status.ok()) return scan.status;
    if (!summary) {
      count(scan, *share);
      return {};
    }
    prepare(scan, share);
    if (abort_ && abort_->load()) return {Code::aborted};
    each_slice([&](int worker, int, int64_t first, int64_t last) { rows(worker, first, last); });
    if (abort_ && abort_->load()) return {Code::aborted};
    summary->loss = reduce_loss(task_);
    summary->counted = counted_;
    for (int64_t b = 0; share && b < batch_.rows.queries; b++) share->summands[b] = summand(task_, b);
    return {};
  }

 private:
  void count(const Scan& scan, const Share& share) const {
    const int64_t queries = batch_.rows.queries;
    for (size_t k = 0; k < kMaxTerms; k++) {
      const bool is = k < plan_.terms.size();
      share.normalisers[k] = is ? normaliser(scan, k) : 0;
      for (int64_t b = 0; is && batch_.weights && b < queries; b++)
        share.summands[int64_t(k) * queries + b] = double(batch_.weights[b]) * multiplicity(b, plan_.terms[k]);
    }
    share.normalisers[kMaxTerms] = double(count_any(scan));
  }
  // body(worker, slice, first row, last row)
  template <class Body>
  void each_slice(Body body) {
    const Rows& r = batch_.rows;
    if (threads_ == 1) return body(0, 0, int64_t(0), r.queries);
    pool_.run(threads_, slices_,
              [&](int worker, int k) { body(worker, k, slice_begin(r, k, slices_), slice_begin(r, k + 1, slices_)); });
  }

  Scan scan_rows(int worker, int64_t first, int64_t last) {
    Scan s;
    s.labels = target_.kernels->labels(batch_.rows, batch_.labels, first, last, needs_both_);
    for (int64_t b = first; s.labels.invalid >= 0 && b < last && s.status.ok(); b++) s.status = find_label(batch_, b);
    if (s.status.ok() && (batch_.ranks || batch_.beta) &&
        !target_.kernels->bias_allowed(batch_, most_beta_, first, last)) {
      s.status = check_ranks(batch_, first, last);  // finds the document
      if (s.status.ok() && batch_.beta) s.status = check_beta(batch_, least_gamma_, first, last);
    }
    if (s.status.ok() && batch_.relevance) s.status = check_relevance(batch_, first, last);
    if (!s.status.ok() || !ordered_) return s;
    for (int64_t b = first; b < last; b++)
      for (size_t k = 0; k < plan_.terms.size(); k++) {
        if (!needs_pair(needs_of(plan_.terms[k].loss))) continue;
        const int64_t pairs = pairs_of(b, plan_.terms[k], workspace_.scratch[worker].reserve(0));
        s.pairs[k].queries += pairs > 0;
        s.pairs[k].pairs += pairs;
      }
    return s;
  }

  // The number of pairs of a query that a term counts.
  int64_t pairs_of(int64_t b, const PlanTerm& term, float* scratch) const {
    const int64_t begin = batch_.rows.begin(b), n = batch_.rows.length(b);
    const uint8_t* labels = batch_.labels + begin;
    int32_t* order = reinterpret_cast<int32_t*>(scratch);
    const float* levels = batch_.relevance ? batch_.relevance + begin : nullptr;
    const Needs needs = needs_of(term.loss);
    if (!levels && needs != Needs::ordered_pair) {
      levels = scratch + 3 * n + 1;
      target_.kernels->widen(batch_.teacher, begin, scratch + 3 * n + 1, n);
    }
    const int64_t pairs = ordered_pairs(levels, labels, n, order);
    if (pairs == 0 || needs != Needs::gainful_pair) return pairs;
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++) {
      if (labels[i] == kPadding) continue;
      // A query whose result is NaN is counted whatever its gains.
      const float score = levels[i] == -INFINITY ? 0 : levels[i];
      if (!(score - score == 0)) return pairs;
      m++;
    }
    const double inverse = batch_.relevance ? 1 : 1 / plan_.teacher_temperature;
    return ideal_dcg(levels, inverse, order, m, int64_t(std::min(term.k, double(m)))).dcg > 0 ? pairs : 0;
  }

  Scan scan_all() {
    if (threads_ == 1) return scan_rows(0, 0, batch_.rows.queries);
    std::vector<Scan> scans;
    scans.resize(size_t(slices_));
    each_slice([&](int worker, int slice, int64_t first, int64_t last) {
      scans[size_t(slice)] = scan_rows(worker, first, last);
    });
    Scan all;
    all.labels.binary = true;
    for (const Scan& s : scans) {
      if (!s.status.ok()) {
        all.status = s.status;
        return all;
      }
      all.labels.with_document += s.labels.with_document;
      all.labels.with_positive += s.labels.with_positive;
      all.labels.with_both += s.labels.with_both;
      all.labels.binary &= s.labels.binary;
      for (int k = 0; k < kMaxTerms; k++)
        all.pairs[k].queries += s.pairs[k].queries, all.pairs[k].pairs += s.pairs[k].pairs;
    }
    return all;
  }

  int64_t count(const Scan& s, size_t term) const {
    switch (needs_of(plan_.terms[term].loss)) {
      case Needs::document: return s.labels.with_document;
      case Needs::positive: return s.labels.with_positive;
      case Needs::positive_and_negative: return s.labels.with_both;
      default: return s.pairs[term].queries;
    }
  }

  // How often a query counts (0: not at all). The slow path, for batches in which some queries do not count.
  double multiplicity(int64_t b, const PlanTerm& term) const {
    const Needs needs = needs_of(term.loss);
    if (needs_pair(needs)) {
      const int64_t pairs = pairs_of(b, term, workspace_.scratch[0].reserve(0));
      return plan_.pair_mean == PairMean::batch ? double(pairs) : double(pairs > 0);
    }
    const uint8_t* y = batch_.labels + batch_.rows.begin(b);
    int64_t positives = 0, documents = 0;
    for (int64_t i = 0; i < batch_.rows.length(b); i++) positives += y[i] == kPositive, documents += y[i] != kPadding;
    return takes_part(needs, documents, positives);
  }

  // Sum of the weights of the queries that a term counts.
  double normaliser(const Scan& scan, size_t term) const {
    const PlanTerm& t = plan_.terms[term];
    const int64_t counted = count(scan, term), queries = batch_.rows.queries;
    const bool by_pairs = needs_pair(needs_of(t.loss)) && plan_.pair_mean == PairMean::batch;
    if (!batch_.weights) return double(by_pairs ? scan.pairs[term].pairs : counted);
    double sum = 0;
    const bool all = counted == queries && !by_pairs;
    for (int64_t b = 0; b < queries; b++) sum += double(batch_.weights[b]) * (all ? 1.0 : multiplicity(b, t));
    return sum;
  }

  int64_t count_any(const Scan& scan) const {
    int64_t most = 0;
    for (size_t k = 0; k < plan_.terms.size(); k++) most = std::max(most, count(scan, k));
    // Needs that depend on labels are nested, so the largest count is that of the union. Pairs may be in queries that
    // no other term counts.
    if (!ordered_ || plan_.terms.size() == 1) return most;
    int64_t counted = 0;
    for (int64_t b = 0; b < batch_.rows.queries; b++) {
      bool any = false;
      for (const PlanTerm& t : plan_.terms) any = any || multiplicity(b, t) > 0;
      counted += any;
    }
    return counted;
  }

  void prepare(const Scan& scan, const Share* share) {
    fill_task(task_, plan_, batch_, out_);
    task_.binary_labels = scan.labels.binary;
    for (int k = 0; k < task_.term_count; k++)
      scale_term(task_, plan_, k,
                 plan_.reduction != Reduction::mean ? 0
                 : share                            ? share->normalisers[k]
                                                    : normaliser(scan, size_t(k)));
    counted_ = count_any(scan);
    const bool simple = task_.term_count == 1 && !task_.pair_weighted;
    if (!simple) workspace_.contributions.resize(size_t(batch_.rows.queries));
    task_.contributions = simple ? nullptr : workspace_.contributions.data();
  }

  void rows(int worker, int64_t first, int64_t last) {
    float* scratch = workspace_.scratch[worker].reserve(0);
    if (!abort_) return target_.kernels->rows(task_, first, last, longest_, scratch);
    const int64_t step = std::max<int64_t>(16, kDocumentsPerPoll / std::max<int64_t>(1, longest_) / 16 * 16);
    for (int64_t b = first; b < last && !abort_->load(); b += step)
      target_.kernels->rows(task_, b, std::min(last, b + step), longest_, scratch);
  }

  const Plan& plan_;
  const Batch& batch_;
  const Outputs& out_;
  CpuWorkspace& workspace_;
  const Target& target_;
  Pool& pool_;
  const std::atomic<int32_t>* abort_;
  Task task_;
  int threads_ = 1, slices_ = 1;
  int64_t longest_ = 0, counted_ = 0;
  bool ordered_ = false, needs_both_ = false;
  double least_gamma_ = 1e300;
  float most_beta_;  // the largest allowed beta
};

}  // namespace

CpuBackend::CpuBackend(const Target& target, std::shared_ptr<Pool> pool, int threads)
    : target_(target), pool_(std::move(pool)), threads_(threads) {}

std::unique_ptr<Workspace> CpuBackend::workspace(int64_t docs) {
  std::unique_ptr<CpuWorkspace> w(new CpuWorkspace);
  w->scratch.reset(new Buffer[size_t(threads_)]);
  for (int k = 0; docs > 0 && k < threads_; k++) w->scratch[k].reserve(target_.kernels->scratch_floats(docs));
  return w;
}

Status CpuBackend::run(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
                       const std::atomic<int32_t>* abort, Summary& summary) {
  return compute(plan, batch, out, workspace, abort, &summary, nullptr);
}

Status CpuBackend::count_share(const Plan& plan, const Batch& batch, Workspace& workspace, const Share& share) {
  return compute(plan, batch, {}, workspace, nullptr, nullptr, &share);
}

Status CpuBackend::run_share(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
                             const Share& share) {
  Summary summary;
  return compute(plan, batch, out, workspace, nullptr, &summary, &share);
}

Status CpuBackend::compute(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
                           const std::atomic<int32_t>* abort, Summary* summary, const Share* share) {
  try {
    return Run(plan, batch, out, static_cast<CpuWorkspace&>(workspace), target_, *pool_, abort)(summary, share);
  } catch (const std::bad_alloc&) { return {Code::memory}; }
}

}  // namespace cpu
}  // namespace ckl
