// Random rows through the CPU's engine, meant for AddressSanitizer: ordinary and extreme scores, all layouts, element types, losses and
// sums, on every instruction set of this machine, and batches that are wrong. Right ones keep every promise of the API, give the same
// bits at another number of threads, and, of each instruction set with FMA, the same bits; wrong ones are refused, nothing written.
//   CKL_FUZZ_SEED, CKL_FUZZ_FROM, CKL_FUZZ_CASES or CKL_FUZZ_SECONDS: as those of test/fuzz/campaign.ts. A case is one batch.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../../src/core/check.h"
#include "../cpp/batch.h"

namespace ckl {
namespace test {
namespace {

int64_t variable(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::atoll(text) : otherwise;
}

// plain: no row holds infinities, or ranges that the exponentials of float32 do not reach.
OwnedBatch batch_of(Random& random, bool plain) {
  const int64_t docs = random.below(20) ? 1 + random.below(70) : 1 + random.below(3000);
  OwnedBatch batch =
      plain ? batch_of_families(random, docs, kPlainFamilies)
      : random.below(2) ? batch_of_families(random, docs)
                        : ragged_batch(random, 1 + random.below(60), docs);
  if (random.below(3) == 0) pad(random, batch, random.uniform());
  if (random.below(3) == 0) convert(batch, random.below(2) ? DType::float16 : DType::bfloat16);
  const size_t extent = size_t(batch.extent()), queries = size_t(batch.queries);
  if (random.below(4) == 0) {
    batch.rank_type = RankType(1 + random.below(5));
    for (size_t i = 0; i < extent; i++) batch.ranks.push_back(double(1 + random.below(200)));
  }
  if (random.below(6) == 0)
    for (size_t i = 0; i < extent; i++) batch.relevance.push_back(float(random.below(4)));
  if (random.below(6) == 0)
    for (size_t b = 0; b < queries; b++) batch.weights.push_back(float(random.below(3)));
  return batch;
}

Plan random_plan(Random& random, const std::vector<PlanTerm>& terms) {
  Plan plan = plan_of(terms[size_t(random.below(int64_t(terms.size())))], Reduction(random.below(3)));
  while (random.below(4) == 0 && plan.terms.size() < size_t(kMaxTerms)) {
    plan.terms.push_back(terms[size_t(random.below(int64_t(terms.size())))]);
    plan.terms.back().weight = random.normal();
  }
  if (random.below(4) == 0)
    plan.student_temperature = random.uniform(0.1, 4), plan.teacher_temperature = random.uniform(0.1, 4);
  return plan;
}

// Whether offsets that are wrong in one place are refused: the addon asks that before anything reads by them.
bool refuses_offsets(Random& random, OwnedBatch batch) {
  const int64_t elements = batch.extent();
  const int64_t at = random.below(int64_t(batch.offsets.size()));
  batch.offsets[size_t(at)] = random.below(2) ? -1 - int32_t(random.below(1 << 20)) : int32_t(elements) + 1;
  return !check_rows(batch.rows(), elements).ok();
}

bool untouched(const Floats& x) {
  for (float v : x)
    if (v != kUntouched) return false;
  return true;
}

std::string fault(Random& random, const std::vector<PlanTerm>& terms, int64_t& rows) {
  const bool plain = random.below(4) == 0;
  OwnedBatch batch = batch_of(random, plain);
  const Plan plan = random_plan(random, terms);
  Options options;
  options.teacher_grad = random.below(2), options.diagnostics = random.below(2), options.in_place = random.below(4) == 0;
  const bool wrong = random.below(10) == 0 && batch.extent() > 0;
  if (!batch.offsets.empty() && !refuses_offsets(random, batch)) return "wrong offsets were taken";
  if (wrong) batch.labels[size_t(random.below(batch.extent()))] = uint8_t(2 + random.below(253));
  // Shares of a mean with weights, and of temperatures, reach the bottom of float32, where the promise of a sum is another.
  const bool usual = batch.weights.empty() && plan.terms.size() == 1 && plan.student_temperature == 1;
  // Without a loss that reads the teacher, the addon hands none over, and its ratio is not one that a caller sees.
  const bool compared = plain && usual && plan.reads_teacher() && !wrong && random.below(2) && batch.extent() < 20000;
  Result first;
  for (const cpu::Target& target : cpu::targets()) {
    const Result result = run(batch, plan, target, options);
    rows += batch.queries;
    if (wrong) {
      if (result.status.ok()) return std::string(target.name) + ": a wrong batch was taken";
      if (!options.in_place && !untouched(result.grad)) return std::string(target.name) + ": wrote grad of a wrong batch";
      if (!untouched(result.per_query)) return std::string(target.name) + ": wrote perQuery of a wrong batch";
      continue;
    }
    if (!result.status.ok()) return std::string(target.name) + ": a right batch was refused";
    if (compared) {
      Promise promise(batch, plan);
      // The suites hold a promise that is tighter at the bottom of float32: a query's share of 2^-120 in place of all of it, which one in
      // ten million results of adrMse with steepness 4 goes past.
      promise.widen(2, 0x1p-120);
      const std::string found = promise.fault(result);
      if (!found.empty()) return std::string(target.name) + ", " + name_of(plan.terms[0]) + ": " + found;
    }
    if (std::strcmp(target.name, "baseline") == 0) continue;  // has no FMA
    if (first.grad.empty()) first = result;
    const std::string found = difference(first, result);
    if (!found.empty()) return std::string(target.name) + ": " + found;
    Options threaded = options;
    threaded.threads = 2;
    const std::string apart = difference(result, run(batch, plan, target, threaded));
    if (!apart.empty()) return std::string(target.name) + ", two threads: " + apart;
    rows += batch.queries;
  }
  return "";
}

int campaign() {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const int64_t seed = variable("CKL_FUZZ_SEED", now().time_since_epoch().count() % (int64_t(1) << 31));
  const int64_t from = variable("CKL_FUZZ_FROM", 0), cases = variable("CKL_FUZZ_CASES", -1);
  const auto end = now() + std::chrono::seconds(variable("CKL_FUZZ_SECONDS", 3));
  const char* const trail = std::getenv("CKL_FUZZ_TRAIL");
  const std::vector<PlanTerm> terms = all_terms();
  int64_t number = from, rows = 0;
  for (; cases >= 0 ? number < from + cases : now() < end; number++) {
    if (std::FILE* file = trail ? std::fopen(trail, "w") : nullptr) {
      std::fprintf(file, "%lld %lld\n", static_cast<long long>(seed), static_cast<long long>(number));
      std::fclose(file);
    }
    Random random(uint64_t(seed) * 0x9e3779b97f4a7c15 + uint64_t(number));
    const std::string found = fault(random, terms, rows);
    if (found.empty()) continue;
    std::fprintf(stderr, "rows: case %lld of seed %lld failed\n%s\n", static_cast<long long>(number),
                 static_cast<long long>(seed), found.c_str());
    std::fprintf(stderr, "Again: CKL_FUZZ_SEED=%lld CKL_FUZZ_FROM=%lld CKL_FUZZ_CASES=1 npm run test:fuzz -- rows\n",
                 static_cast<long long>(seed), static_cast<long long>(number));
    return 1;
  }
  std::printf("rows: %lld rows in %lld cases of seed %lld, nothing found\n", static_cast<long long>(rows),
              static_cast<long long>(number - from), static_cast<long long>(seed));
  return 0;
}

}  // namespace
}  // namespace test
}  // namespace ckl

int main() { return ckl::test::campaign(); }
