// Rows of a block or a cluster on chips with less shared memory, and with what a warp's counts can just hold.
#include <doctest/doctest.h>

#include "../../cuda/launch/cuda_backend.h"
#include "../cpp/batch.h"
#include "runtime.h"

namespace ckl {
namespace test {
namespace {

PlanTerm term_of(LossId loss, double gamma = 5, double alpha = 0) {
  PlanTerm term;
  term.loss = loss, term.gamma = gamma, term.alpha = alpha;
  return term;
}

unsigned cluster_for(int64_t docs) { return docs > 131072 ? 16 : docs > 65536 ? 8 : docs > 16384 ? 4 : 1; }

// As few blocks as may be, so that each has several rows.
void check(const OwnedBatch& batch, const Plan& plan, int capability, unsigned cluster) {
  emulator::pretend(capability, {int(cluster), 1, cluster});
  cuda::CudaBackend backend(0);
  const std::string found = Promise(batch, plan).fault(run(batch, plan, backend));
  const std::string about = name_of(plan.terms[0]) + ", sm_" + std::to_string(capability) + ", " +
                            std::to_string(batch.docs) + " documents: " + found;
  CHECK_MESSAGE(found.empty(), about);
}
void check(const OwnedBatch& batch, const Plan& plan, int capability) {
  check(batch, plan, capability, cluster_for(batch.docs));
}

TEST_CASE("teams: as many warps as find room in a chip's shared memory") {
  Random random(101);
  for (int capability : {86, 80, 120})
    for (int64_t docs : {1025, 2049, 4096, 7100, 7169, 9000, 12289, 15000}) {
      check(batch_of_families(random, docs, 3), plan_of(term_of(LossId::ckl)), capability);
      check(batch_of_families(random, docs, 1), plan_of(term_of(LossId::kl)), capability);
      OwnedBatch batch = batch_of_families(random, docs, 2);
      for (size_t i = 0; i < batch.student.size(); i++) batch.ranks.push_back(double(1 + random.below(255)));
      check(batch, plan_of(term_of(LossId::ckl, 5, 3)), capability);
      convert(batch, DType::float16);
      check(batch, plan_of(term_of(LossId::ckl)), capability);
    }
}

TEST_CASE("teams: rows that stay in shared memory while they are gone over") {
  Random random(105);
  // Without larger clusters, on sm_90 from 16,385 documents on; in two-byte types on sm_120 from 10,241. On sm_80, and of
  // other losses than ckl, the whole grid shares such rows.
  for (int64_t docs : {16385, 20001, 24576})
    for (double gamma : {5.0, 2.3})
      check(batch_of_families(random, docs, 5), plan_of(term_of(LossId::ckl, gamma)), 90, 1);
  for (int64_t docs : {13317, 14000, 16384}) {
    for (LossId loss : {LossId::ckl, LossId::kl, LossId::jsd})
      check(batch_of_families(random, docs, kFamilies), plan_of(term_of(loss)), 80);
    OwnedBatch batch = batch_of_families(random, docs, 3);
    pad(random, batch, 0.1);
    convert(batch, DType::bfloat16);
    for (size_t i = 0; i < batch.student.size(); i++) batch.ranks.push_back(double(1 + random.below(255)));
    batch.rank_type = docs % 2 ? RankType::u8 : RankType::u16;
    for (double alpha : {0.0, 3.0}) check(batch, plan_of(term_of(LossId::ckl, 5, alpha)), 120);
  }
  OwnedBatch ragged = ragged_batch(random, 9, 16384);
  for (int capability : {80, 120}) check(ragged, plan_of(term_of(LossId::ckl)), capability);
  OwnedBatch longest = batch_of_families(random, 280003, 1, 1);
  convert(longest, DType::bfloat16);
  check(longest, plan_of(term_of(LossId::ckl)), 90);
}

TEST_CASE("teams: several long rows, each of which is copied while the one before is computed") {
  Random random(102);
  for (int64_t docs : {5000, 20001, 70000})
    for (DType type : {DType::float32, DType::bfloat16}) {
      OwnedBatch batch = batch_of_families(random, docs, docs > 50000 ? 3 : 6);
      convert(batch, type);
      pad(random, batch, 0.1);
      check(batch, plan_of(term_of(LossId::ckl)), 90);
    }
}

TEST_CASE("teams: a row of positives alone") {
  Random random(103);
  OwnedBatch batch = batch_of_families(random, 3000, 2);
  batch.labels.assign(batch.labels.size(), 1);
  check(batch, plan_of(term_of(LossId::ckl)), 90);
  check(batch, plan_of(term_of(LossId::nll)), 90);
}

}  // namespace
}  // namespace test
}  // namespace ckl
