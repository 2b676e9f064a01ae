#include "enqueue.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "row_shape.h"

namespace ckl {
namespace cuda {

namespace {

constexpr double kLog2E = 1.4426950408889634;

// x as the sum of two floats, clamped to the largest finite float.
void split(double x, float& high, float& low) {
  high = to_float(x);
  low = x > 3.4028234663852886e38 ? 0.0f : float(x - double(high));
}

// Whether rounding x to a float changes it by at most 2^-26 of its value, a quarter of the maximum. This holds for
// -log2(e) itself.
bool near_a_float(double x) { return std::fabs(double(to_float(x)) - x) <= std::fabs(x) * 1.4901161193847656e-8; }

// x < 0 as the sum of two negative floats, so that infinity times either is -infinity; unless in_two, `low` is next to
// nothing.
void split_slope(double x, bool in_two, float& high, float& low) {
  high = to_float(x), low = -std::numeric_limits<float>::denorm_min();
  if (!in_two) return;
  if (std::fabs(double(high)) > std::fabs(x)) high = std::nextafter(high, 0.0f);
  low = x < -3.4028234663852886e38 ? 0.0f : float(x - double(high));
  if (low == 0) low = -std::numeric_limits<float>::denorm_min();
}

unsigned power_of_two(int64_t least) {
  unsigned p = 1;
  while (p < least) p *= 2;
  return p;
}

Task task_of(const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent, const Scratch& scratch) {
  Task task = {};
  task.batch = batch, task.out = out, task.elements = extent.elements, task.launch.longest_here = extent.longest;
  const bool taught = batch.teacher && plan.reads_teacher();
  if (!taught) task.batch.teacher = batch.student;
  task.term_count = int(plan.terms.size());
  task.pair_weighted = plan.pair_mean == PairMean::batch;
  task.grad_scale = plan.grad_scale;
  task.student_temperature = plan.student_temperature, task.teacher_temperature = plan.teacher_temperature;
  split(1 / plan.student_temperature, task.inverse_student_high, task.inverse_student_low);
  split(1 / plan.teacher_temperature, task.inverse_teacher_high, task.inverse_teacher_low);
  const double slopes[2] = {-kLog2E / plan.student_temperature,
                            -kLog2E / (taught ? plan.teacher_temperature : plan.student_temperature)};
  task.slopes_in_two = !near_a_float(slopes[0]) || !near_a_float(slopes[1]);
  split_slope(slopes[0], task.slopes_in_two, task.student_slope, task.student_slope_low);
  split_slope(slopes[1], task.slopes_in_two, task.teacher_slope, task.teacher_slope_low);
  for (int k = 0; k < task.term_count; k++) {
    const PlanTerm& from = plan.terms[size_t(k)];
    TaskTerm& to = task.terms[k];
    to.loss = from.loss, to.needs = kLosses[int(from.loss)].needs;
    const bool biased = from.loss == LossId::ckl && (batch.beta || from.alpha > 0);
    to.parameters = from.parameters(biased);
    // How often the kernel shared by several losses adds kl (fast_select.cuh): once, or not at all.
    if (from.loss != LossId::ckl) to.parameters.gamma = from.loss == LossId::nll ? 0 : 1;
    if (from.loss != LossId::bkl) to.parameters.lambda = 0;
    if (from.loss != LossId::klLogL) to.parameters.nll_weight = from.loss == LossId::nll ? 1 : 0;
    if (from.loss == LossId::reverseKl) to.parameters.mixture = 0;
    to.beta_scale = batch.beta ? 1.0f : float(from.alpha);
    to.weight = from.weight;
    task.biased |= biased;
    task.ordered |= needs_pair(to.needs);
    task.fixed[k] = scale_for(from.weight, plan.grad_scale, plan.student_temperature, plan.teacher_temperature);
  }
  task.buffers.block_totals = scratch.block_totals, task.buffers.weight_sums = scratch.weight_sums;
  task.buffers.ticket = scratch.ticket, task.buffers.barrier = scratch.ticket + 1;
  task.buffers.result = scratch.result;
  return task;
}

void enqueue_ranks(Task& task, const Extent& extent, Scratch& scratch, cudaStream_t stream) {
  const Scratch::RankMemory memory = scratch.for_ranks(extent.longest, extent.elements);
  const int64_t tiles = (extent.longest + kRankTile - 1) / kRankTile;
  must(launch_ranks({task.batch, tiles, 0, {memory.keys[0], memory.keys[1]}, memory.ranks}, stream));
  task.batch.ranks = {memory.ranks, RankType::u32};
}

// For losses that read scores of the whole row while gradients are written: the gradient must not overwrite the scores.
void keep_scores(Task& task, const Extent& extent, Scratch& scratch, cudaStream_t stream) {
  const int64_t bytes = extent.elements * size_of(task.batch.student.type);
  char* copy = scratch.for_scores(bytes);
  must(cudaMemcpyAsync(copy, task.batch.student.data, size_t(bytes), cudaMemcpyDeviceToDevice, stream));
  task.batch.student.data = copy;
}

// The number of threads that read a row's labels together: lanes of a warp, or a block for long rows.
unsigned threads_to_count(const Task& task) {
  const Rows& rows = task.batch.rows;
  if (!task.ordered && task.elements / rows.queries > 2048) return kCountThreads;
  return rows.offsets ? 32 : std::min(32u, power_of_two((rows.docs + 15) / 16));
}

// The number of lanes that share rows of up to `longest` documents.
unsigned lanes_for(int64_t longest, const RowClass& c) {
  return std::clamp(power_of_two((longest + c.elements - 1) / c.elements), c.group, 32u);
}

// Where the launches of a call go.
struct Queue {
  Chip& chip;
  cudaStream_t stream;
  bool counted;  // the last launch counted queries: the next may begin while it runs

  // Launches as many blocks as have work, or as run at once if that is fewer.
  void launch(RowKernel kernel, Shape shape, const Task& task) {
    shape.blocks = std::min(shape.blocks, chip.blocks_at_once(kernel, shape));
    shape.overlaps = std::exchange(counted, false) && chip.overlaps();
    must(cuda::launch(kernel, shape, task, stream));
  }
  void launch_over_queries(RowKernel kernel, Task task) {
    task.launch.width = threads_to_count(task);
    const int64_t rows_a_block = kCountThreads / task.launch.width;
    const int64_t wanted = (task.batch.rows.queries + rows_a_block - 1) / rows_a_block;
    const int shared = kReduceBytes + kTeamBytes;
    launch(kernel, {unsigned(std::min<int64_t>(wanted, kMaxBlocks)), kCountThreads, 1, shared}, task);
  }
  // Of the queries by which a mean divides.
  void count(const Task& task) {
    launch_over_queries(count_kernel(task.ordered), task);
    counted = true;
  }
};

// How many queries three sweeps go over before those of the next begin, so that the second and the third find scores
// and labels in the L2 cache, with half of it for everything else. Of a ragged batch, whose lengths only the device may
// know, and which may have few long rows, all.
int64_t queries_in_cache(const Chip& chip, const Task& task) {
  const Batch& batch = task.batch;
  if (batch.rows.offsets) return batch.rows.queries;
  const int64_t row = batch.rows.docs * (size_of(batch.student.type) + size_of(batch.teacher.type) + 1);
  return std::max<int64_t>(1, chip.cache_bytes() / 2 / row);
}

void enqueue_class(Queue& queue, Task task, const RowClass& c, const Extent& extent, RowKernel kernel,
                   Scratch& scratch) {
  task.launch.width = 32;
  if (c.kind == TeamKind::lanes && c.elements > 0)
    task.launch.width = lanes_for(std::min(extent.longest, c.longest), c), task.launch.group = c.group;
  if (c.elements > 0 && (c.kind == TeamKind::team || c.kind == TeamKind::shared)) {
    task.launch.stage = layout_of(task, c.kind);
    task.launch.stretches =
        c.kind == TeamKind::shared ? stretches_of(task, c, int(c.threads) / 32 * kSharedStretch) : 1;
  }
  Shape shape = shape_of(task, c);
  if (c.elements > 0 && c.kind == TeamKind::team) {
    // Not at the cost of blocks that run at once.
    const Shape larger = shape_of(task, c, true);
    if (larger.shared_bytes <= queue.chip.shared_bytes() &&
        queue.chip.blocks_at_once(kernel, larger) == queue.chip.blocks_at_once(kernel, shape))
      shape = larger, task.launch.stage = layout_of(task, c.kind, true);
  }
  // Sweeps almost never defer a row.
  const unsigned few = (unsigned(queue.chip.multiprocessors()) + c.cluster - 1) / c.cluster * c.cluster;
  if (task.launch.deferred_only) shape.blocks = std::min(shape.blocks, few);
  if (task.launch.counts) {
    // Blocks that all run at once count first, and then go on with their rows.
    if (c.elements > 0 && c.cluster == 1 && c.kind != TeamKind::grid &&
        shape.blocks <= queue.chip.blocks_at_once(kernel, shape)) {
      shape.together = shape.blocks > 1;
    } else {
      task.launch.counts = false;
      queue.count(task);
    }
  }
  if (c.kind != TeamKind::grid) return queue.launch(kernel, shape, task);
  task.buffers.chunks = scratch.for_chunks(extent.elements);
  const int64_t queries = task.batch.rows.queries, together = queries_in_cache(queue.chip, task);
  for (task.launch.from = 0; task.launch.from < queries; task.launch.from = task.launch.end) {
    task.launch.end = std::min(task.launch.from + together, queries);
    for (const Sweep sweep : {Sweep::softmax, Sweep::loss, Sweep::gradient}) {
      task.launch.sweep = sweep;
      queue.launch(kernel, shape, task);
    }
    task.launch.accumulate = true;
  }
}

// All rows, class by class; then those that sweeps over the whole grid have deferred, which other teams process
// themselves. With task.launch.counts, the queries are counted first.
void enqueue_rows(Queue& queue, Task task, const Extent& extent, bool fast, Scratch& scratch) {
  const bool halves = task.batch.student.type != DType::float32 || task.batch.teacher.type != DType::float32 ||
                      task.out.grad.type != DType::float32;
  const auto fast_kernel = halves ? fast_half : fast_float32;
  const bool all = fast && queue.chip.has_all_kernels();
  const int widest = !fast ? 0 : all && fast_kernel(task.terms[0], TeamKind::lanes, 32) ? 32 : kFewElements;
  const auto kernel_of = [&](const RowClass& c) {
    return c.elements > 0 ? fast_kernel(task.terms[0], c.kind, c.elements) : general_kernel(c.kind);
  };
  // Older chips, which have no clusters, would gain few lengths.
  const bool stays = all && queue.chip.capability() >= 90 && fast_kernel(task.terms[0], TeamKind::shared, 0);
  const bool teams = all && fast_kernel(task.terms[0], TeamKind::team, 0);
  Capacity capacity = teams ? capacity_of(task, queue.chip.shared_bytes(), stays) : Capacity{};
  capacity.grid = fast && fast_kernel(task.terms[0], TeamKind::grid, 16) ? 16 : 8;
  const auto fits = [&](const RowClass& c) {
    Task largest = task;  // not what the rows of this batch need
    largest.launch.longest_here = c.longest;
    return queue.chip.blocks_at_once(kernel_of(c), shape_of(largest, c)) > 0;
  };
  int64_t swept = kAnyLength;  // the shortest row that the whole grid shares
  const auto enqueue_from = [&](int64_t shortest, int widest_fast) {
    RowClass classes[kMaxClasses];
    const int count =
        classes_for(widest_fast, capacity, fits, std::max(shortest, extent.shortest), extent.longest, classes);
    task.launch.longest = shortest - 1;
    if (task.launch.counts && count > 1) {
      task.launch.counts = false;
      queue.count(task);
    }
    for (int k = 0; k < count; k++) {
      const RowClass& c = classes[k];
      task.launch.shortest = task.launch.longest + 1, task.launch.longest = c.longest;
      if (c.kind == TeamKind::grid) swept = task.launch.shortest;
      enqueue_class(queue, task, c, extent, kernel_of(c), scratch);
      task.launch.counts = false;
      task.launch.accumulate = true;
    }
  };
  enqueue_from(0, widest);
  if (swept == kAnyLength) return;
  task.launch.deferred_only = true;
  enqueue_from(swept, 0);
}

}  // namespace

const double* enqueue_counts(Chip& chip, const Plan& plan, const Batch& batch, const Extent& extent, Scratch& scratch,
                             cudaStream_t stream) {
  scratch.clear(stream);
  Task task = task_of(plan, batch, {}, extent, scratch);
  if (batch.rows.queries == 0) return nullptr;
  task.buffers.summands = scratch.for_summands(plan, batch.rows.queries);
  task.launch.lists = true;
  Queue{chip, stream, false}.launch_over_queries(count_kernel(task.ordered), task);
  return task.buffers.summands;
}

const double* enqueue(Chip& chip, const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent,
                      Scratch& scratch, cudaStream_t stream, Normalisers normalisers) {
  scratch.clear(stream);
  if (batch.rows.queries == 0) {
    must(cudaMemsetAsync(scratch.result, 0, sizeof(BatchTotal), stream));
    return nullptr;
  }
  Task task = task_of(plan, batch, out, extent, scratch);

  const bool ranks_wanted = !batch.ranks && reads_ranks(plan, batch.beta);
  task.fresh_ranks = ranks_wanted && extent.longest <= ranked_in_kernel(chip);
  if (ranks_wanted && !task.fresh_ranks) enqueue_ranks(task, extent, scratch, stream);
  float* next = scratch.for_notes(plan, extent.elements);
  for (int k = 0; k < task.term_count; k++) {
    task.terms[k].notes = next;
    if (next) next += kLosses[int(task.terms[k].loss)].notes * extent.elements;
  }
  if (rereads_scores(plan) && out.grad.data == batch.student.data) keep_scores(task, extent, scratch, stream);
  if (normalisers && (task.term_count > 1 || task.pair_weighted))
    task.buffers.summands = scratch.for_summands(plan, batch.rows.queries);
  if (plan.reduction == Reduction::mean && normalisers) {
    for (int k = 0; k < task.term_count; k++) task.fixed[k] = mean_scale(task, k, normalisers[k]);
  } else if (plan.reduction == Reduction::mean) {
    task.buffers.scales = scratch.scales;
    task.launch.counts = true;
  }

  // Fast kernels count queries in 32 bits.
  const bool fast = is_fast(plan) && batch.rows.queries < (int64_t(1) << 31);
  Queue queue = {chip, stream, false};
  if (fast && (out.teacher_grad || out.diagnostics.weight)) {
    Task extras = task;
    extras.launch.extras_only = true;
    enqueue_rows(queue, extras, extent, false, scratch);
    task.launch.counts = false;
    task.out.teacher_grad = {}, task.out.diagnostics = {};
  }
  enqueue_rows(queue, task, extent, fast, scratch);
  return task.buffers.summands;
}

}  // namespace cuda
}  // namespace ckl
