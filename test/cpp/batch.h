// A batch that owns its memory, what a run makes of it, and the comparisons that tests are made of.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../../src/cpu/cpu_backend.h"
#include "random.h"
#include "reference.h"

namespace ckl {
namespace test {

typedef std::vector<float> Floats;

struct OwnedBatch {
  int64_t queries = 0, docs = 0, stride = 0;
  std::vector<int32_t> offsets;  // ragged if not empty
  Floats student, teacher;       // exactly representable in `type`
  std::vector<uint8_t> labels;
  Numbers ranks;  // the rest: empty where there are none
  RankType rank_type = RankType::u32;
  Floats beta, relevance, weights;
  DType type = DType::float32;

  Rows rows() const { return {queries, docs, stride, offsets.empty() ? nullptr : offsets.data()}; }
  int64_t extent() const { return rows().extent(); }
  // Row b for the reference.
  Query query(int64_t b) const;
};

struct Options {
  int threads = 1;
  bool teacher_grad = false, diagnostics = false, in_place = false;
};

struct Result {
  Status status;
  Summary summary;
  Floats grad, teacher_grad, per_query;  // halves widened
  Floats weight, ratio, entropy, separation, separation_top10;
};

// Runs a batch through a backend, or the CPU's. Outputs start as kUntouched, inputs lie at odd addresses of their element size.
constexpr float kUntouched = 7.75f;
Result run(const OwnedBatch& batch, const Plan& plan, Backend& backend, const Options& options = {});

// What this program tests: an instruction set of the CPU, or a GPU that is emulated.
struct Target {
  const char* name;
  std::shared_ptr<Backend> (*backend)(const Target&, const Options&);
  int index;
};
const std::vector<Target>& targets();
Result run(const OwnedBatch& batch, const Plan& plan, const Target& target, const Options& options = {});
Result run(const OwnedBatch& batch, const Plan& plan, const cpu::Target& target, const Options& options = {});

Plan plan_of(const PlanTerm& term, Reduction reduction = Reduction::mean);

// Terms that between them use every loss of losses.def with ordinary and with extreme hyper-parameters.
std::vector<PlanTerm> all_terms();
std::string name_of(const PlanTerm& term);

// Queries of `docs` documents each, one a score family; families beyond kPlainFamilies hold infinities or ranges that
// float32 exponentials do not reach. labels: a fifth positive, at least one; no padding.
constexpr int kFamilies = 18, kPlainFamilies = 13;
OwnedBatch batch_of_families(Random& random, int64_t docs, int families = kFamilies, int first = 0);
// The same rows (first of the family, then the next) with random lengths up to docs.
OwnedBatch ragged_batch(Random& random, int64_t queries, int64_t docs);
// 60 batches with sums of up to four losses, of positive and negative weights, in all reductions.
void each_weighted_sum(Random& random, const std::function<void(const OwnedBatch&, const Plan&, Options)>& visit);
// Masks a part of the documents and writes garbage where their scores were.
void pad(Random& random, OwnedBatch& batch, double share);
// Rounds scores to the type and makes it the batch's.
void convert(OwnedBatch& batch, DType type);

// What a batch should give under a plan, with every promise of the API. Keeps a reference to the batch.
class Promise {
 public:
  Promise(const OwnedBatch& batch, const Plan& plan);
  // All tolerances times `factor`, and `floor` more.
  void widen(double factor, double floor = 0);
  // What is wrong with a result, in words; '' if nothing is.
  std::string fault(const Result& result) const;

 private:
  // One query of a weighted sum of losses: expectations added up with their weights.
  struct Sum {
    Bounded loss;
    std::vector<Bounded> grad, teacher_grad, weight, ratio;
    bool counted = false, overflows = false;
  };
  std::string fault_of_query(const Result& result, int64_t b) const;
  const OwnedBatch& batch_;
  std::vector<Sum> sums_;
  Bounded loss_;
  bool overflows_ = false;
};

// Where two results differ in a bit (any two NaN are the same); '' if nowhere.
std::string difference(const Result& a, const Result& b);
std::string difference(const Floats& a, const Floats& b, const char* what);
// Row `b` of a result alone, of a batch laid out as given.
Result row_of(const Result& result, const OwnedBatch& batch, int64_t b);

}  // namespace test
}  // namespace ckl
