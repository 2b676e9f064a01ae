// Memory is allocated when a loss is prepared, and kept from call to call: later calls allocate nothing and create no stream.
#include <doctest/doctest.h>

#include <cstring>
#include <utility>

#include "../../cuda/device/device_memory.h"
#include "../../cuda/launch/cuda_backend.h"
#include "../../src/core/device.h"
#include "../cpp/batch.h"
#include "runtime.h"

namespace ckl {
namespace test {
namespace {

constexpr int64_t kQueries = 3;

// Arrays for any batch, in the memory of the device, which the host sees. What a kernel writes is of no interest here.
struct Arrays {
  explicit Arrays(int64_t docs) : docs_(docs) {
    char* at = memory_.reserve(size_t(kArrays * kBytes));
    std::memset(at, 1, size_t(kArrays * kBytes));
    for (char*& array : all_) array = std::exchange(at, at + kBytes);
    for (int64_t i = 0; i < kQueries * docs; i++) all_[kLabels][i] = i % 3 == 0;
  }
  Batch batch(DType type, bool ranked) const {
    Batch batch = {};
    batch.rows.queries = kQueries, batch.rows.docs = batch.rows.stride = docs_;
    batch.student = {all_[kStudent], type}, batch.teacher = {all_[kTeacher], type};
    batch.labels = reinterpret_cast<uint8_t*>(all_[kLabels]);
    if (ranked) batch.ranks = {all_[kRanks], RankType::u8};
    return batch;
  }
  Outputs outputs(const Plan& plan, DType type, bool in_place, bool extras) const {
    Outputs out = {};
    out.grad = {all_[in_place ? kStudent : kGrad], type}, out.per_query = floats(kPerQuery);
    if (!extras || !plan.needs_teacher(false)) return out;
    out.teacher_grad = {all_[kTeacherGrad], type};
    out.diagnostics = {floats(kWeight), floats(kRatio), floats(kOfQueries), floats(kOfQueries) + kQueries,
                       floats(kOfQueries) + 2 * kQueries};
    return out;
  }

 private:
  enum { kStudent, kTeacher, kLabels, kRanks, kGrad, kPerQuery, kTeacherGrad, kWeight, kRatio, kOfQueries, kArrays };
  static constexpr int64_t kBytes = kQueries * 17000 * 4;  // of the longest rows
  float* floats(int array) const { return reinterpret_cast<float*>(all_[array]); }
  cuda::DeviceBuffer memory_;
  char* all_[kArrays];
  const int64_t docs_;
};

std::vector<Plan> plans(int64_t docs) {
  std::vector<Plan> all;
  for (const PlanTerm& term : all_terms())  // pairs of long rows take minutes
    if (docs < 200 || kLosses[int(term.loss)].family == Family::distribution) all.push_back(plan_of(term));
  Plan sum = plan_of(all_terms()[0]);
  for (size_t k = 1; k < 4 && docs < 200; k++) sum.terms.push_back(all_terms()[all_terms().size() - k]);
  all.push_back(sum);
  return all;
}

TEST_CASE("memory: what a prepared loss runs, and what its graphs do, allocates nothing") {
  // Rows of lanes, of teams, of the whole grid on a chip without clusters; ranked in the kernel, by tiles, by merging.
  for (const int64_t docs : {40, 1200, 4500, 17000}) {
    emulator::pretend(docs == 17000 ? 80 : 90);
    const std::shared_ptr<Device> device = open_device(0);
    const Arrays arrays(docs);
    const StreamHandle stream = 0;
    double summary[2];
    std::vector<Plan> all = plans(docs);
    if (docs > 200) all.resize(2), all[1].terms[0].loss = LossId::ckl, all[1].terms[0].alpha = 1;
    for (const Plan& plan : all) {
      const std::unique_ptr<DeviceLoss> loss = device->loss(plan, kQueries, docs);
      const auto graph_of = [&](DType type) {
        return loss->capture(plan, arrays.batch(type, true), arrays.outputs(plan, type, false, false),
                             {docs, docs, kQueries * docs}, nullptr, summary);
      };
      const std::unique_ptr<Graph> graph = graph_of(DType::float32);
      const uint64_t before = emulator::allocations();
      const int32_t host_offsets[] = {0, int32_t(docs / 2), int32_t(docs), int32_t(docs + docs / 3)};
      for (int way = 0; way < 6; way++) {
        const DType type = way % 2 ? DType::bfloat16 : DType::float32;
        const bool ragged = way == 2;
        Batch batch = arrays.batch(type, way > 3);
        const Outputs out = arrays.outputs(plan, type, way == 3, way == 1 && docs < 200);
        Extent extent = {docs, docs, kQueries * docs};
        if (ragged) extent = {docs / 3, docs - docs / 2, docs + docs / 3};
        loss->enqueue(plan, batch, out, extent, ragged ? host_offsets : nullptr, summary, stream);
      }
      loss->count(plan, arrays.batch(DType::float32, true), {docs, docs, kQueries * docs}, nullptr, stream);
      graph->launch(stream);
      graph->replace(arrays.batch(DType::float32, true), arrays.outputs(plan, DType::float32, true, false));
      graph->launch(stream);
      emulator::drain();
      const std::string about = name_of(plan.terms[0]) + ", " + std::to_string(docs) + " documents";
      CHECK_MESSAGE(emulator::allocations() == before, about);
    }
  }
}

TEST_CASE("memory: of host arrays, stays for the next call until it is freed") {
  Random random(7);
  emulator::pretend(90);
  const OwnedBatch batch = batch_of_families(random, 50, 4);
  const Plan plan = plan_of(all_terms()[0]);
  cuda::CudaBackend backend(0);
  const Result first = run(batch, plan, backend);  // in a workspace of its own, as an asynchronous call
  const uint64_t made = emulator::allocations();
  CHECK(difference(first, run(batch, plan, backend)).empty());
  CHECK(emulator::allocations() == made);

  size_t free[3], total;
  cudaMemGetInfo(&free[0], &total);
  {
    const std::unique_ptr<Workspace> late = backend.workspace(0);
    Floats per_query(size_t(batch.queries)), grad(batch.student.size());
    Batch given = {};
    given.rows = batch.rows(), given.labels = batch.labels.data();
    given.student = {reinterpret_cast<const char*>(batch.student.data()), DType::float32};
    given.teacher = {reinterpret_cast<const char*>(batch.teacher.data()), DType::float32};
    Outputs out = {};
    out.grad = {reinterpret_cast<char*>(grad.data()), DType::float32}, out.per_query = per_query.data();
    Summary summary;
    CHECK(backend.run(plan, given, out, *late, nullptr, summary).ok());
    backend.free_kept();
    cudaMemGetInfo(&free[1], &total);
    CHECK(free[1] == free[0]);  // it is the one that runs
  }
  cudaMemGetInfo(&free[2], &total);
  CHECK(free[2] > free[0]);  // taken before free_kept(), and not kept after it
  run(batch, plan, backend);
  CHECK(emulator::allocations() > made);
}

}  // namespace
}  // namespace test
}  // namespace ckl
