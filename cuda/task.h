// What a row kernel is given: the batch in device memory, the plan with everything folded in, and where results go.
#pragma once
#include "../src/core/batch.h"
#include "../src/core/plan.h"

namespace ckl {
namespace cuda {

struct TaskTerm {
  LossId loss;
  Needs needs;
  Parameters parameters;
  float beta_scale;  // alpha, or 1 when the batch brings its own beta
  double weight;     // of the term in a query's loss
};

// What a launch leaves on the device. Callers read it as two doubles.
struct Result {
  double loss, counted;
};

// A block's share of the result, added up by the last block to finish.
struct Partial {
  double loss;
  int64_t counted;
};

constexpr int kMostBlocks = 4096;  // of a launch: rows beyond are taken by further rounds

// Threads of a block, which the kernels' register caps are made for.
constexpr int kLanesThreads = 128, kTeamThreads = 512, kGridThreads = 256, kSurveyThreads = 256;

// Shared memory: for reductions within a team (kTeamValues at once; two halves in turn, and the same for clusters), and
// for the batch's sum.
constexpr int kTeamValues = 8, kTeamBytes = 2 * kTeamValues * (32 + 1) * 4;
constexpr int kReduceBytes = 32 * int(sizeof(Partial));

// Rows of up to so many documents are ranked by the row kernel; of longer ones, tiles are sorted first.
constexpr int kRankedInKernel = 1024, kRankTile = 4096;

// What a softmax needs of all documents of a row, or of a part of it: of student and teacher the sum below the top and how
// many are at it; the positives.
struct Census {
  float below[2], tops[2], positives;
};

// Rows that the whole grid shares: documents of a chunk, what its sweeps leave, and the sweeps.
constexpr int kChunk = 2048;
struct ChunkSums {
  float most[2];
  Census census;
  float ranks[2], sums[3];
};
enum class Sweep { softmax, loss, gradient };

// How a term's value becomes loss and gradient of the batch: the survey writes it, since a mean divides by a count.
struct Scale {
  double loss;                    // of a query's value, before the query's own weight
  float student, teacher, plain;  // of h and u: gradient scale over temperature; without the temperature
};

// x as a float; what would overflow stays at the largest, so that 0 times it is 0.
CKL_FN float to_float(double x) {
  const double most = 3.4028234663852886e38;
  return float(x > most ? most : x < -most ? -most : x);
}

CKL_FN Scale scale_for(double loss, double grad_scale, double student_temperature, double teacher_temperature) {
  const double plain = loss * grad_scale;
  return {loss, to_float(plain / student_temperature), to_float(plain / teacher_temperature), to_float(plain)};
}

struct Task {
  Batch batch;
  Outputs out;
  int64_t elements;           // of an array laid out like the scores
  int64_t shortest, longest;  // rows of other lengths belong to another launch
  TaskTerm terms[kMaxTerms];
  int term_count;
  bool pair_weighted;    // PairMean::batch: a query weighs as much as it has pairs
  bool biased, ordered;  // ckl with ranks; lambdaMrr
  bool fresh_ranks;      // the row kernel makes them
  bool accumulate;       // add to the result of the launch before
  bool only_marked;      // do the rows that launches before left
  bool last;             // no launch after this one looks for marked rows
  bool apart;            // write diagnostics and the teacher's gradient alone: another launch does the rest
  double grad_scale;
  double student_temperature, teacher_temperature;
  float inverse_student_high, inverse_student_low;  // 1 / temperature as the sum of two floats
  float inverse_teacher_high, inverse_teacher_low;
  float student_slope, teacher_slope;  // -log2(e) / temperature
  Scale fixed[kMaxTerms];              // one a term,
  Scale* scales;                       // or where the survey writes them; null: fixed
  unsigned width;                      // lanes a row, where rows share warps
  Partial* partials;                   // kMostBlocks of them
  double* weight_sums;                 // of the survey: kMostBlocks times a double a term
  Sweep sweep;                         // of rows that the whole grid shares,
  ChunkSums* chunks;                   // one for every half chunk of elements
  int64_t longest_here;                // the longest row of the batch
  unsigned* ticket;                    // 0 between launches
  unsigned* marked;                    // whether the launch left a row to the next
  Result* result;
};

}  // namespace cuda
}  // namespace ckl
