// The loss of docs/adding-a-loss.md through the kernels, against its definition; adding-a-loss.test.ts compiles it.
#include <cmath>
#include <cstdio>

#include "cpu/cpu_backend.h"

namespace ckl {
namespace cpu {
extern const Kernels CKL_KERNELS;
}
}  // namespace ckl

constexpr int kQueries = 3, kDocs = 37;

void softmax(const float* scores, double* out) {
  double sum = 0;
  for (int i = 0; i < kDocs; i++) sum += out[i] = std::exp(double(scores[i]));
  for (int i = 0; i < kDocs; i++) out[i] /= sum;
}

int main() {
  using namespace ckl;
  float student[kQueries * kDocs], teacher[kQueries * kDocs], grad[kQueries * kDocs], per_query[kQueries];
  uint8_t labels[kQueries * kDocs] = {};
  for (int i = 0; i < kQueries * kDocs; i++) student[i] = 3 * std::sin(1.7f * i), teacher[i] = 3 * std::cos(2.3f * i);
  teacher[5] = -INFINITY;  // p = 0: left out
  Batch batch;
  batch.rows = {kQueries, kDocs, kDocs, nullptr};
  batch.student = {reinterpret_cast<const char*>(student), DType::float32};
  batch.teacher = {reinterpret_cast<const char*>(teacher), DType::float32};
  batch.labels = labels;
  Outputs out;
  out.grad = {reinterpret_cast<char*>(grad), DType::float32};
  out.per_query = per_query;
  Plan plan;
  plan.terms.push_back({});
  plan.terms[0].loss = LossId::jeffreys;
  cpu::CpuBackend backend({"one", &cpu::CKL_KERNELS}, std::make_shared<cpu::Pool>(1), 1);
  Summary summary;
  if (!backend.run(plan, batch, out, *backend.workspace(0), nullptr, summary).ok()) return 1;

  double mean = 0, worst = 0;
  for (int b = 0; b < kQueries; b++) {
    double q[kDocs], p[kDocs], h[kDocs] = {}, loss = 0, sum = 0;
    softmax(student + b * kDocs, q), softmax(teacher + b * kDocs, p);
    for (int i = 0; i < kDocs; i++) {
      if (p[i] == 0) continue;
      const double d = std::log(p[i] / q[i]);
      loss += (p[i] - q[i]) * d, h[i] = q[i] - p[i] - q[i] * d, sum += h[i];
    }
    for (int i = 0; i < kDocs; i++)
      worst = std::fmax(worst, std::fabs(grad[b * kDocs + i] - (h[i] - q[i] * sum) / kQueries));
    worst = std::fmax(worst, std::fabs(per_query[b] - loss));
    mean += loss / kQueries;
  }
  worst = std::fmax(worst, std::fabs(summary.loss - mean));
  std::printf("loss %.6f, worst difference %.1e, counted %d\n", summary.loss, worst, int(summary.counted));
  return worst < 2e-5 && mean > 1 && summary.counted == kQueries ? 0 : 1;
}
