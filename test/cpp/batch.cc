#include "batch.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "exact_half.h"

namespace ckl {
namespace test {

namespace {

// Memory that starts one element after an aligned address, in elements of the batch's type.
class Elements {
 public:
  Elements(const Floats& values, DType type) : type_(type), bytes_(size_t(size_of(type)) * (values.size() + 1)) {
    for (size_t i = 0; i < values.size(); i++) {
      uint16_t half = 0;
      if (type == DType::float32) std::memcpy(at(i), &values[i], 4);
      if (type == DType::float16) half = exact_float16(values[i]);
      if (type == DType::bfloat16) half = exact_bfloat16(values[i]);
      if (type != DType::float32) std::memcpy(at(i), &half, 2);
    }
  }
  char* data() { return at(0); }
  Floats floats() {
    Floats out(bytes_.size() / size_t(size_of(type_)) - 1);
    for (size_t i = 0; i < out.size(); i++) {
      uint16_t half = 0;
      if (type_ == DType::float32) std::memcpy(&out[i], at(i), 4);
      else std::memcpy(&half, at(i), 2);
      if (type_ == DType::float16) out[i] = float16_value(half);
      if (type_ == DType::bfloat16) out[i] = bfloat16_value(half);
    }
    return out;
  }

 private:
  char* at(size_t i) { return bytes_.data() + size_t(size_of(type_)) * (i + 1); }
  DType type_;
  std::vector<char> bytes_;
};

template <class T>
std::vector<char> bytes_of(const Numbers& values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); i++) {
    const T v = T(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &v, sizeof(T));
  }
  return bytes;
}

std::vector<char> ranks_of(const OwnedBatch& batch) {
  switch (batch.rank_type) {
    case RankType::u8: return bytes_of<uint8_t>(batch.ranks);
    case RankType::u16: return bytes_of<uint16_t>(batch.ranks);
    case RankType::u32: return bytes_of<uint32_t>(batch.ranks);
    case RankType::i32: return bytes_of<int32_t>(batch.ranks);
    default: return bytes_of<float>(batch.ranks);
  }
}

template <class T>
const T* pointer(const std::vector<T>& x) {
  return x.empty() ? nullptr : x.data();
}

// Memory of exactly n floats, so that a write past its end is seen by AddressSanitizer.
Floats untouched(int64_t n) { return Floats(size_t(n), kUntouched); }

}  // namespace

Result run(const OwnedBatch& batch, const Plan& plan, const cpu::Target& target, const Options& options) {
  cpu::CpuBackend backend(target, std::make_shared<cpu::Pool>(options.threads), options.threads);
  return run(batch, plan, backend, options);
}

Result run(const OwnedBatch& batch, const Plan& plan, const Target& target, const Options& options) {
  return run(batch, plan, *target.backend(target, options), options);
}

Result run(const OwnedBatch& batch, const Plan& plan, Backend& backend, const Options& options) {
  const int64_t extent = batch.extent();
  Elements student(batch.student, batch.type), teacher(batch.teacher, batch.type);
  Elements grad(untouched(extent), batch.type), teacher_grad(untouched(extent), batch.type);
  const std::vector<char> ranks = ranks_of(batch);
  Batch view;
  view.rows = batch.rows();
  view.student = {student.data(), batch.type};
  if (plan.reads_teacher()) view.teacher = {teacher.data(), batch.type};
  view.labels = batch.labels.data();
  if (!batch.ranks.empty()) view.ranks = {ranks.data(), batch.rank_type};
  view.beta = pointer(batch.beta), view.relevance = pointer(batch.relevance), view.weights = pointer(batch.weights);

  Result result;
  Outputs out;
  out.grad = {options.in_place ? student.data() : grad.data(), batch.type};
  result.per_query = untouched(batch.queries);
  out.per_query = result.per_query.data();
  out.teacher_grad = {nullptr, batch.type};
  if (options.teacher_grad && plan.reads_teacher()) out.teacher_grad = {teacher_grad.data(), batch.type};
  if (options.diagnostics) {
    result.weight = result.ratio = untouched(extent);
    result.entropy = result.separation = result.separation_top10 = untouched(batch.queries);
    out.diagnostics = {result.weight.data(), result.ratio.data(), result.entropy.data(), result.separation.data(),
                       result.separation_top10.data()};
  }
  const std::unique_ptr<Workspace> workspace = backend.workspace(0);
  result.status = backend.run(plan, view, out, *workspace, nullptr, result.summary);
  result.grad = options.in_place ? student.floats() : grad.floats();
  if (out.teacher_grad) result.teacher_grad = teacher_grad.floats();
  return result;
}

Query OwnedBatch::query(int64_t b) const {
  const Rows r = rows();
  const auto begin = r.begin(b), end = begin + r.length(b);
  const auto part = [&](const auto& x) { return x.empty() ? Numbers() : Numbers(x.begin() + begin, x.begin() + end); };
  Query q;
  q.student = part(student), q.teacher = part(teacher);
  q.labels.assign(labels.begin() + begin, labels.begin() + end);
  q.ranks = part(ranks), q.beta = part(beta), q.relevance = part(relevance);
  return q;
}

Result row_of(const Result& all, const OwnedBatch& batch, int64_t b) {
  const int64_t begin = batch.rows().begin(b), n = batch.rows().length(b);
  const auto part = [](const Floats& x, int64_t from, int64_t count) {
    return x.empty() ? Floats() : Floats(x.begin() + from, x.begin() + from + count);
  };
  Result row;
  row.grad = part(all.grad, begin, n), row.teacher_grad = part(all.teacher_grad, begin, n);
  row.weight = part(all.weight, begin, n), row.ratio = part(all.ratio, begin, n);
  row.per_query = part(all.per_query, b, 1), row.entropy = part(all.entropy, b, 1);
  row.separation = part(all.separation, b, 1), row.separation_top10 = part(all.separation_top10, b, 1);
  return row;
}

std::string difference(const Floats& a, const Floats& b, const char* what) {
  if (a.size() != b.size()) return std::string(what) + " has another length";
  for (size_t i = 0; i < a.size(); i++) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::memcmp(&a[i], &b[i], 4) == 0) continue;
    return std::string(what) + "[" + std::to_string(i) + "] is " + std::to_string(a[i]) + " and " +
           std::to_string(b[i]) + ", which differ by " + std::to_string((double(b[i]) - a[i]) / a[i]) + " of it";
  }
  return "";
}

std::string difference(const Result& a, const Result& b) {
  std::string found;
  const auto look = [&](const Floats& x, const Floats& y, const char* what) {
    if (found.empty()) found = difference(x, y, what);
  };
  look(a.grad, b.grad, "grad"), look(a.teacher_grad, b.teacher_grad, "teacherGrad");
  look(a.per_query, b.per_query, "perQuery"), look(a.weight, b.weight, "weight"), look(a.ratio, b.ratio, "ratio");
  look(a.entropy, b.entropy, "entropy"), look(a.separation, b.separation, "separation");
  look(a.separation_top10, b.separation_top10, "separationTop10");
  const double x = a.summary.loss, y = b.summary.loss;
  if (found.empty() && std::memcmp(&x, &y, 8) != 0 && !(std::isnan(x) && std::isnan(y))) found = "the loss differs";
  if (found.empty() && a.summary.counted != b.summary.counted) found = "the count differs";
  return found;
}

}  // namespace test
}  // namespace ckl
