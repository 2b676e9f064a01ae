// The boundary between the portable CPU code and the kernels, which are compiled once per instruction set.
#pragma once
#include "../core/batch.h"
#include "../core/plan.h"
#include "../core/status.h"

namespace ckl {
namespace cpu {

// One term with all facts about the batch folded in.
struct TaskTerm {
  LossId loss;
  Needs needs;
  Parameters parameters;
  float beta_scale;   // alpha, or 1 if the batch has its own beta
  double weight;      // of the term in a query's loss
  double loss_scale;  // weight over the batch's normaliser; to be multiplied by the query's weight
  double grad_scale;  // loss_scale times gradScale
};

struct Task {
  Batch batch;
  Outputs out;
  TaskTerm terms[kMaxTerms];
  int term_count;
  bool pair_weighted;                               // PairMean::batch: a query weighs as much as it has pairs
  float inverse_student_high, inverse_student_low;  // 1 / temperature as the sum of two floats
  float inverse_teacher_high, inverse_teacher_low;
  double student_temperature, teacher_temperature;
  bool scaled;         // a temperature is not 1
  bool binary_labels;  // known to be all 0 or 1
  // What each query adds to the batch's loss; null if it follows from per_query and the weights.
  double* contributions;
};

// How many rows of a batch take part, by need of the loss.
struct LabelTally {
  int64_t with_document = 0, with_positive = 0, with_both = 0;
  int64_t invalid = -1;  // a row with a label other than 0, 1 and 255, or -1
  bool binary = false;   // known to be without padding
};

// Sorts the valid documents of a row by descending relevance, ties by index. Returns their number. `order` is aligned
// to 8 bytes and has room for 3 n + 1 words: the indices, followed by keys to sort.
int64_t order_by_relevance(const float* relevance, const uint8_t* labels, int64_t n, int32_t* order);

// The DCG of a row in ideal order, with the gains of gain.h, that is, up to the factor 2^top. 0 if no level is above 0.
struct IdealDcg {
  double top, dcg;
};
// order: m documents by level, best first; level: `levels` times `inverse_temperature`; the first k count.
IdealDcg ideal_dcg(const float* levels, double inverse_temperature, const int32_t* order, int64_t m, int64_t k);

// The number of pairs of valid documents with different relevance. If relevance is given, `order` is set as by
// order_by_relevance; otherwise labels are the relevance and nothing is sorted.
int64_t ordered_pairs(const float* relevance, const uint8_t* labels, int64_t n, int32_t* order);

// Competition ranks (1 + how many valid documents score higher) by radix sort; 0 for masked documents.
// scratch: 4 n + 6144 words.
void radix_ranks(const float* scores, const uint8_t* labels, int64_t n, uint32_t* ranks, uint32_t* scratch);

// Documents per chunk. Sums of very long rows are taken in chunks, so that rounding errors grow with the square root of
// the length.
constexpr int64_t kChunk = 4096;

// Rows whose documents are spread over ranks: a rank has a part of every row, starting at document `begin`. The ranks
// exchange data three times, each time between two of these steps. All numbers are floats.
struct ShardTask {
  Task task;  // for this rank's part of every row
  int64_t begin;
  int ranks, chunks;  // the number of ranks, and the maximum number of chunks of kChunk documents of a row on one rank
  struct Row {        // facts from all ranks
    float student_max, teacher_max;
    double documents, positives, inverse_ranks;  // inverse_ranks: sum over the positives
    int64_t end;                                 // one past the last document that is not padding
    bool poisoned, counted;
    float student_z, teacher_z, student_tops, teacher_tops;  // see Exponentials
  };
  Row* rows;
  double* surveys;        // written by the survey: kShardSurvey numbers per row
  const float* gathered;  // from the last exchange: a record for each row from `first` on, rank after rank
  float* record;          // for the next exchange: a record for each row from `first` on
  float* kept;            // kept between steps for each row from `first` on: kShardKept blocks of `slots` floats
  int64_t slots;
  uint8_t* kinds;       // the ChunkKind of each of their chunks
  int64_t first, last;  // the rows of an exchange
};
enum class ShardStep { survey, maxima, sums, terms, finish };
enum ChunkKind : uint8_t {
  kGeneralChunk,
  kFastChunk,
  kFastTopChunk
};  // kFastTopChunk: has documents at the student's top
constexpr int kShardSurvey = 4, kShardKept = 5;
// The number of floats in a record of maxima, sums and terms.
constexpr int kShardMaxima = 2;
inline int shard_sums_floats(int chunks) { return 4 + 32 * chunks; }
inline int shard_terms_floats(int chunks, int terms) { return 50 * chunks * terms; }

// One set of kernels. Scratch is aligned to 64 bytes and holds scratch_floats(longest row) floats.
struct Kernels {
  int64_t (*scratch_floats)(int64_t docs);
  // longest: the length of the longest row of the batch.
  void (*rows)(const Task&, int64_t first, int64_t last, int64_t longest, float* scratch);
  // Counts rows [first, last); with_both only on request.
  LabelTally (*labels)(const Rows&, const uint8_t* labels, int64_t first, int64_t last, bool needs_both);
  // Competition ranks of rows [first, last); 0 for masked documents. labels may be null.
  void (*ranks)(Scores student, const Rows&, const uint8_t* labels, int64_t first, int64_t last, uint32_t* out,
                float* scratch);
  // Whether all ranks and beta of rows [first, last) are allowed, given valid labels. most: the largest allowed beta.
  bool (*bias_allowed)(const Batch&, float most, int64_t first, int64_t last);
  // Rows [first, last) of a step. scratch: enough for one row of this rank's part.
  void (*shard)(const ShardTask&, ShardStep, int64_t first, int64_t last, float* scratch);
  // Converts n scores of any type to floats, from element `begin` on.
  void (*widen)(Scores from, int64_t begin, float* to, int64_t n);
  // Looks up the ranks of n documents in a list; documents not listed get `absent`. A list has no duplicates.
  void (*listed)(const uint32_t* list, const uint16_t* ranks, int64_t length, const uint32_t* codes, int64_t n,
                 float absent, float* out);
};

}  // namespace cpu
}  // namespace ckl
