// The input of a row kernel: the batch in device memory, the plan with all options folded in, and the destinations of
// results.
#pragma once
#include "../../src/core/batch.h"
#include "../../src/core/plan.h"
#include "stage.h"

namespace ckl {
namespace cuda {

struct TaskTerm {
  LossId loss;
  Needs needs;
  Parameters parameters;
  float beta_scale;  // alpha, or 1 if the batch has its own beta
  double weight;     // of the term in a query's loss
  float* notes;      // for losses that keep notes per document (LossInfo): arrays laid out like the scores
};

// The result of a launch on the device. Callers read it as two doubles.
struct BatchTotal {
  double loss, counted;
};

// A block's part of the result; the last block to finish adds them up.
struct BlockTotal {
  double loss;
  int64_t counted;
};

constexpr int kMaxBlocks = 4096;  // per launch; no chip runs more at once

// Threads per block, for which the kernels' register caps are chosen.
constexpr int kLanesThreads = 128, kTeamThreads = 512, kGridThreads = 256, kCountThreads = 256;
// Documents per thread in the fast kernels for lanes that the code of any chip has (platform.cuh).
constexpr int kFewElements = 16;

// Shared memory: for reductions within a team (kTeamValues at once; two halves in turn, and the same for clusters), and
// for the batch's sum.
constexpr int kTeamValues = 8, kTeamBytes = 2 * kTeamValues * (32 + 1) * 4;
constexpr int kReduceBytes = 32 * int(sizeof(BlockTotal));
constexpr int kSharedSumsBytes = kTeamThreads / 32 * 48;  // a ChunkSums for each warp of fast_shared

// The row kernel ranks rows of up to this many documents; for longer ones, tiles are sorted first.
constexpr int kRankedInKernel = 1024, kRankTile = 4096;

// What the softmaxes need to know of all documents of a row, or of a part of it: for student and teacher, the sum below
// the top and the number at the top; and the number of positives.
struct SoftmaxSums {
  float below[2], tops[2], positives;
};

// Rows that the whole grid shares: the fewest documents of one, the data its sweeps keep of a chunk, and the sweeps.
constexpr int kLeastOfGrid = 512;
struct ChunkSums {
  float max[2];
  SoftmaxSums softmax_sums;
  float ranks[2], sums[3];
};
enum class Sweep { softmax, loss, gradient };

// The factors from a term's value to loss and gradient of the batch. A mean divides by a count, so count_queries writes
// them, unless the caller gives the divisor.
struct LossScale {
  double loss;                         // factor of a query's value, without the query's own weight
  float student, teacher, untempered;  // factors of h and u: gradient scale over temperature; without the temperature
};

// x as a float, clamped to the largest finite one, so that 0 times it is 0.
CKL_FN float to_float(double x) {
  const double max = 3.4028234663852886e38;
  return float(x > max ? max : x < -max ? -max : x);
}

CKL_FN LossScale scale_for(double loss, double grad_scale, double student_temperature, double teacher_temperature) {
  const double untempered = loss * grad_scale;
  return {loss, to_float(untempered / student_temperature), to_float(untempered / teacher_temperature),
          to_float(untempered)};
}

// The settings that differ between the launches of one call.
struct Launch {
  int64_t shortest, longest;  // rows of other lengths belong to another launch
  int64_t longest_here;       // the longest row of the batch
  unsigned width;             // lanes per row, where rows share warps
  unsigned group;             // lanes that share a stretch of such a row
  Sweep sweep;                // for rows that the whole grid shares
  int64_t from, end;          // the same: the queries that this launch goes over
  bool counts;                // count the queries for a mean first; all blocks of the launch run at once
  bool lists;                 // list how often terms count each query, instead of counting for a mean
  StageLayout stage;          // of shared memory, for rows of a block or a cluster
  int stretches;              // of a warp, for rows that stay in shared memory
  bool accumulate;            // add to the result of the previous launch
  bool deferred_only;  // process the rows that the launches before, which share rows among the whole grid, deferred
  bool extras_only;    // write diagnostics and the teacher's gradient: another launch does the rest
};

// Scratch memory on the device (Scratch in enqueue.h).
struct Buffers {
  BlockTotal* block_totals;  // kMaxBlocks of them
  double* weight_sums;       // for count_queries: kMaxBlocks times one double per term
  LossScale* scales;         // written by count_queries, one per term; null: use Task::fixed
  ChunkSums* chunks;         // one per quarter chunk of elements
  double* summands;   // what each query adds to the loss, or (launch.lists) how often terms count it; may be null
  unsigned* ticket;   // 0 between launches
  unsigned* barrier;  // changes when all blocks of a launch have counted
  BatchTotal* result;
};

struct Task {
  Batch batch;
  Outputs out;
  int64_t elements;  // size of an array laid out like the scores
  Launch launch;
  Buffers buffers;

  TaskTerm terms[kMaxTerms];
  int term_count;
  LossScale fixed[kMaxTerms];  // one per term, unless buffers.scales is set
  bool pair_weighted;          // PairMean::batch: a query weighs as much as it has pairs
  bool biased;                 // some term has a rank bias
  bool ordered;                // some term counts ordered pairs
  bool fresh_ranks;            // the row kernel computes the ranks
  double grad_scale;
  double student_temperature, teacher_temperature;
  float inverse_student_high, inverse_student_low;  // 1 / temperature as the sum of two floats
  float inverse_teacher_high, inverse_teacher_low;
  // -log2(e) / temperature as one float or, if that is too inaccurate, as the sum of two floats of the same sign.
  bool slopes_in_two;
  float student_slope, student_slope_low, teacher_slope, teacher_slope_low;
};

// For a mean over queries, or pairs, whose weights add up to `normaliser`.
CKL_FN LossScale mean_scale(const Task& task, int k, double normaliser) {
  return scale_for(normaliser > 0 ? task.terms[k].weight / normaliser : 0, task.grad_scale, task.student_temperature,
                   task.teacher_temperature);
}

}  // namespace cuda
}  // namespace ckl
