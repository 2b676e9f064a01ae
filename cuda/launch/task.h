// What a row kernel is given: the batch in device memory, the plan with everything folded in, and where results go.
#pragma once
#include "../../src/core/batch.h"
#include "../../src/core/plan.h"

namespace ckl {
namespace cuda {

struct TaskTerm {
  LossId loss;
  Needs needs;
  Parameters parameters;
  float beta_scale;  // alpha, or 1 if the batch has its own beta
  double weight;     // of the term in a query's loss
  float* notes;      // of losses that take notes of documents (LossInfo): arrays laid out like the scores
};

// What a launch leaves on the device. Callers read it as two doubles.
struct BatchTotal {
  double loss, counted;
};

// A block's share of the result, added up by the last block to finish.
struct BlockTotal {
  double loss;
  int64_t counted;
};

constexpr int kMaxBlocks = 4096;  // of a launch: rows beyond are taken by further rounds

// Threads of a block, which the kernels' register caps are made for.
constexpr int kLanesThreads = 128, kTeamThreads = 512, kGridThreads = 256, kCountThreads = 256;

// Shared memory: for reductions within a team (kTeamValues at once; two halves in turn, and the same for clusters), and
// for the batch's sum.
constexpr int kTeamValues = 8, kTeamBytes = 2 * kTeamValues * (32 + 1) * 4;
constexpr int kReduceBytes = 32 * int(sizeof(BlockTotal));

// The row kernel ranks rows of up to this many documents; for longer ones, tiles are sorted first.
constexpr int kRankedInKernel = 1024, kRankTile = 4096;

// What a softmax needs of all documents of a row, or of a part of it: of student and teacher the sum below the top and how
// many are at it; the positives.
struct SoftmaxSums {
  float below[2], tops[2], positives;
};

// Rows that the whole grid shares: documents of a chunk, what its sweeps leave, and the sweeps.
constexpr int kChunk = 2048;
struct ChunkSums {
  float max[2];
  SoftmaxSums softmax_sums;
  float ranks[2], sums[3];
};
enum class Sweep { softmax, loss, gradient };

// How a term's value becomes loss and gradient of the batch: count_queries writes it, since a mean divides by a count, unless
// the caller gives what a mean divides by.
struct LossScale {
  double loss;                         // of a query's value, before the query's own weight
  float student, teacher, untempered;  // of h and u: gradient scale over temperature; without the temperature
};

// x as a float; what would overflow stays at the largest, so that 0 times it is 0.
CKL_FN float to_float(double x) {
  const double max = 3.4028234663852886e38;
  return float(x > max ? max : x < -max ? -max : x);
}

CKL_FN LossScale scale_for(double loss, double grad_scale, double student_temperature, double teacher_temperature) {
  const double untempered = loss * grad_scale;
  return {loss, to_float(untempered / student_temperature), to_float(untempered / teacher_temperature),
          to_float(untempered)};
}

// What differs between the launches of one call.
struct Launch {
  int64_t shortest, longest;  // rows of other lengths belong to another launch
  int64_t longest_here;       // the longest row of the batch
  unsigned width;             // lanes per row, where rows share warps
  Sweep sweep;                // of rows that the whole grid shares
  bool accumulate;            // add to the result of the launch before
  bool deferred_only;         // do the rows that launches before left
  bool last;                  // no launch after this one looks for deferred rows
  bool extras_only;           // write diagnostics and the teacher's gradient: another launch does the rest
};

// Scratch memory on the device (Scratch in enqueue.h).
struct Buffers {
  BlockTotal* block_totals;  // kMaxBlocks of them
  double* weight_sums;       // of count_queries: kMaxBlocks times a double a term
  LossScale* scales;         // where count_queries writes them, one a term; null: Task::fixed
  ChunkSums* chunks;         // one for every half chunk of elements
  double* summands;          // what each query adds to the loss, or (list_counts) how often terms count it; may be null
  unsigned* ticket;          // 0 between launches
  unsigned* any_deferred;    // whether the launch left a row to the next
  BatchTotal* result;
};

struct Task {
  Batch batch;
  Outputs out;
  int64_t elements;  // of an array laid out like the scores
  Launch launch;
  Buffers buffers;

  TaskTerm terms[kMaxTerms];
  int term_count;
  LossScale fixed[kMaxTerms];  // one a term, unless buffers.scales has them
  bool pair_weighted;          // PairMean::batch: a query weighs as much as it has pairs
  bool biased;                 // some term has a rank bias
  bool ordered;                // some term counts ordered pairs
  bool fresh_ranks;            // the row kernel makes the ranks
  double grad_scale;
  double student_temperature, teacher_temperature;
  float inverse_student_high, inverse_student_low;  // 1 / temperature as the sum of two floats
  float inverse_teacher_high, inverse_teacher_low;
  // -log2(e) / temperature: as one float, or, where that is far off, as the sum of two of the same sign.
  bool slopes_in_two;
  float student_slope, student_slope_low, teacher_slope, teacher_slope_low;
};

// Of a mean over queries, or pairs, that weigh `normaliser` together.
CKL_FN LossScale mean_scale(const Task& task, int k, double normaliser) {
  return scale_for(normaliser > 0 ? task.terms[k].weight / normaliser : 0, task.grad_scale, task.student_temperature,
                   task.teacher_temperature);
}

}  // namespace cuda
}  // namespace ckl
