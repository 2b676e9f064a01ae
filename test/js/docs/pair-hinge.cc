// The pairwise loss of docs/adding-a-loss.md through a backend, against its definition; adding-a-pairwise-loss.slow.test.ts
// compiles it: for the CPU, or with PAIR_HINGE_CUDA for the emulated GPU.
#include <cmath>
#include <cstdio>

#ifdef PAIR_HINGE_CUDA
#include "../cuda/launch/cuda_backend.h"
#include "../cuda/launch/launch.h"

namespace ckl {
namespace cuda {
// Fast kernels are for distribution losses; without them the program compiles in a fraction of the time.
RowKernel fast_float32(const TaskTerm&, TeamKind, int) { return nullptr; }
RowKernel fast_half(const TaskTerm&, TeamKind, int) { return nullptr; }
int parked_floats(const TaskTerm&) { return 0; }
}  // namespace cuda
}  // namespace ckl
#else
#include "cpu/cpu_backend.h"

namespace ckl {
namespace cpu {
extern const Kernels CKL_KERNELS;
}
}  // namespace ckl
#endif

constexpr int kQueries = 3, kDocs = 37;
constexpr double kTemperature = 2;

int main() {
  using namespace ckl;
  float student[kQueries * kDocs], grad[kQueries * kDocs], per_query[kQueries];
  uint8_t labels[kQueries * kDocs] = {};
  for (int i = 0; i < kQueries * kDocs; i++) student[i] = 3 * std::sin(1.7f * i), labels[i] = i % 5 == 0;
  labels[7] = labels[40] = kPadding;
  for (int i = 2 * kDocs; i < 3 * kDocs; i++) labels[i] = 0;  // no pair: not counted
  Batch batch;
  batch.rows = {kQueries, kDocs, kDocs, nullptr};
  batch.student = {reinterpret_cast<const char*>(student), DType::float32};
  batch.labels = labels;
  Outputs out;
  out.grad = {reinterpret_cast<char*>(grad), DType::float32};
  out.per_query = per_query;
  Plan plan;
  plan.terms.push_back({});
  plan.terms[0].loss = LossId::pairHinge;
  plan.student_temperature = kTemperature;
#ifdef PAIR_HINGE_CUDA
  cuda::CudaBackend backend(0);
#else
  cpu::CpuBackend backend({"one", &cpu::CKL_KERNELS}, std::make_shared<cpu::Pool>(1), 1);
#endif
  Summary summary;
  if (!backend.run(plan, batch, out, *backend.workspace(0), nullptr, summary).ok()) return 1;

  double mean = 0, worst = 0;
  for (int b = 0; b < kQueries; b++) {
    double loss = 0, pairs = 0, expected[kDocs] = {};
    const uint8_t* y = labels + b * kDocs;
    const float* s = student + b * kDocs;
    for (int i = 0; i < kDocs; i++)
      for (int j = 0; j < kDocs; j++) {
        if (y[i] != 1 || y[j] != 0) continue;
        pairs++;
        const double gap = 1 - (double(s[i]) - double(s[j])) / kTemperature;
        if (gap <= 0) continue;
        loss += gap;
        expected[i] -= 1 / kTemperature;
        expected[j] += 1 / kTemperature;
      }
    for (int i = 0; i < kDocs; i++) {
      const double g = pairs > 0 ? expected[i] / pairs / 2 : 0;
      worst = std::fmax(worst, std::fabs(grad[b * kDocs + i] - g));
    }
    if (pairs > 0) loss /= pairs;
    worst = std::fmax(worst, std::fabs(per_query[b] - loss));
    mean += loss / 2;
  }
  worst = std::fmax(worst, std::fabs(summary.loss - mean));
  std::printf("loss %.6f, worst difference %.1e, counted %d\n", summary.loss, worst, int(summary.counted));
  return worst < 2e-5 && mean > .1 && summary.counted == 2 ? 0 : 1;
}
