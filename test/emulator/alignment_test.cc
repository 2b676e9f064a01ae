// Rows may start anywhere and have any length: their bits do not depend on where they start, no load or store is at an odd address,
// and nothing outside an array is read or written.
#include <doctest/doctest.h>

#include <cstring>

#include "../../cuda/launch/enqueue.h"
#include "../cpp/batch.h"
#include "../../cuda/common/platform.cuh"

namespace ckl {
namespace test {
namespace {

constexpr size_t kGuard = 64;

// A copy of an array, `shift` elements past a multiple of 64 bytes; the memory around it is checked for writes.
struct Placed {
  std::vector<char> memory;
  char* data;
  size_t bytes;
  Placed(const std::vector<char>& content, size_t size, size_t shift)
      : memory(content.size() + 3 * kGuard, char(0x5a)), bytes(content.size()) {
    char* base = memory.data();
    base += kGuard - size_t(reinterpret_cast<uintptr_t>(base)) % kGuard;
    data = base + shift * size;
    std::memcpy(data, content.data(), bytes);
    emulator::name_array(data, bytes);
  }
  bool untouched_around() const {
    for (const char* p = memory.data(); p != memory.data() + memory.size(); p++)
      if ((p < data || p >= data + bytes) && *p != char(0x5a)) return false;
    return true;
  }
};

std::vector<char> bytes_of(const Floats& values, DType type) {
  std::vector<char> bytes(values.size() * size_t(size_of(type)));
  for (size_t i = 0; i < values.size(); i++) {
    if (type == DType::float32) std::memcpy(&bytes[4 * i], &values[i], 4);
    else {
      const uint16_t h = type == DType::bfloat16 ? cuda::narrow_bfloat16(values[i]) : cuda::narrow_float16(values[i]);
      std::memcpy(&bytes[2 * i], &h, 2);
    }
  }
  return bytes;
}

struct Bits {
  std::vector<char> grad, teacher_grad;
  Floats per_query;
  bool clean;
};

std::vector<char> bytes_of_ranks(const OwnedBatch& from) {
  const size_t size = from.rank_type == RankType::u8 ? 1 : from.rank_type == RankType::u16 ? 2 : 4;
  std::vector<char> bytes(from.ranks.size() * size);
  for (size_t i = 0; i < from.ranks.size(); i++) {
    const uint32_t whole = uint32_t(from.ranks[i]);
    const float real = float(from.ranks[i]);
    std::memcpy(&bytes[size * i], from.rank_type == RankType::f32 ? static_cast<const void*>(&real) : &whole, size);
  }
  return bytes;
}

// The batch with its arrays shifted by this many elements, straight through the kernels. Ranks, if there are any, start
// where the teacher's scores do. taught: computes the teacher's gradient, too.
Bits run_at(const OwnedBatch& from, const Plan& plan, DType teacher_type, const size_t (&shift)[4],
            bool taught = false) {
  emulator::pretend(90, {2, 1, 2});
  const size_t size = size_t(size_of(from.type));
  Placed student(bytes_of(from.student, from.type), size, shift[0]);
  Placed teacher(bytes_of(from.teacher, teacher_type), size_t(size_of(teacher_type)), shift[1]);
  Placed labels(std::vector<char>(from.labels.begin(), from.labels.end()), 1, shift[2]);
  Placed grad(std::vector<char>(student.bytes), size, shift[3]);
  const std::vector<char> rank_bytes = bytes_of_ranks(from);
  Placed ranks(rank_bytes, from.ranks.empty() ? 1 : rank_bytes.size() / from.ranks.size(), shift[1]);
  Placed teacher_grad(std::vector<char>(teacher.bytes), size_t(size_of(teacher_type)), shift[2]);
  Bits bits = {{}, {}, Floats(size_t(from.queries)), true};
  Batch batch = {};
  batch.rows = from.rows();
  batch.student = {student.data, from.type}, batch.teacher = {teacher.data, teacher_type};
  batch.labels = reinterpret_cast<const uint8_t*>(labels.data);
  if (!from.ranks.empty()) batch.ranks = {ranks.data, from.rank_type};
  Outputs out = {};
  if (taught) out.teacher_grad = {teacher_grad.data, teacher_type};
  out.grad = {grad.data, from.type}, out.per_query = bits.per_query.data();
  Extent extent = {INT64_MAX, 0, from.extent()};
  for (int64_t b = 0; b < from.queries; b++) {
    extent.shortest = std::min(extent.shortest, batch.rows.length(b));
    extent.longest = std::max(extent.longest, batch.rows.length(b));
  }
  cuda::Scratch scratch;
  cuda::Chip chip(0);
  cuda::enqueue(chip, plan, batch, out, extent, scratch, nullptr);
  emulator::forget_arrays();
  bits.grad.assign(grad.data, grad.data + grad.bytes);
  bits.teacher_grad.assign(teacher_grad.data, teacher_grad.data + teacher_grad.bytes);
  for (const Placed* array : {&student, &teacher, &labels, &ranks, &grad, &teacher_grad})
    bits.clean &= array->untouched_around();
  return bits;
}

TEST_CASE("alignment: a row has the same bits wherever it starts, and nothing around the arrays is touched") {
  Random random(91);
  PlanTerm term;
  term.loss = LossId::ckl, term.gamma = 5;
  const Plan plan = plan_of(term, Reduction::none);
  for (DType type : {DType::float32, DType::bfloat16, DType::float16})
    for (int64_t docs : {1, 3, 16, 61, 128, 129, 250, 1001, 1024, 1501, 2060, 17003}) {
      OwnedBatch batch = docs % 2 ? batch_of_families(random, docs, 3) : ragged_batch(random, 5, docs);
      convert(batch, type);
      const DType teacher = type == DType::bfloat16 && docs == 250 ? DType::float32 : type;
      const Bits aligned = run_at(batch, plan, teacher, {0, 0, 0, 0});
      CHECK(aligned.clean);
      for (size_t by = 0; by < 16; by++) {  // 0: only the gradient is apart
        const size_t all[4] = {by, by, by, by}, apart[4] = {by, by * 3 % 16, by * 5 % 16, (by * 7 + (by == 0)) % 16};
        for (const auto& shift : {all, apart}) {
          const Bits bits = run_at(batch, plan, teacher, {shift[0], shift[1], shift[2], shift[3]});
          const bool same =
              bits.grad == aligned.grad && difference(bits.per_query, aligned.per_query, "perQuery").empty();
          const std::string about = std::to_string(docs) + " documents, " + std::to_string(by) + " elements on";
          CHECK_MESSAGE(same, about);
          CHECK_MESSAGE(bits.clean, about);
        }
      }
    }
}

TEST_CASE("alignment: nor do general rows or counts of queries depend on where their arrays start") {
  Random random(92);
  PlanTerm kl, ckl;
  kl.loss = LossId::kl, ckl.loss = LossId::ckl, ckl.gamma = 2, ckl.alpha = 1;
  Plan several = plan_of(kl);
  several.terms.push_back(ckl);
  for (const Plan& plan : {several, plan_of(ckl)})
    for (DType type : {DType::float32, DType::bfloat16, DType::float16})
      for (int64_t docs : {7, 61, 128, 250, 1501, 2304}) {
        OwnedBatch batch = docs % 2 ? batch_of_families(random, docs, 3) : ragged_batch(random, 4, docs);
        convert(batch, type);
        batch.rank_type = docs < 100 ? RankType::u8 : docs < 1000 ? RankType::u16 : RankType::f32;
        for (int64_t i = 0; docs != 128 && i < batch.extent(); i++) batch.ranks.push_back(1 + (7 * i) % docs);
        const Bits aligned = run_at(batch, plan, type, {0, 0, 0, 0}, true);
        CHECK(aligned.clean);
        for (size_t by : {1, 2, 4, 7, 8, 15}) {
          const Bits bits = run_at(batch, plan, type, {by, by * 3 % 16, by * 5 % 16, by * 7 % 16}, true);
          const bool same = bits.grad == aligned.grad && bits.teacher_grad == aligned.teacher_grad &&
                            difference(bits.per_query, aligned.per_query, "perQuery").empty();
          const std::string about = std::to_string(docs) + " documents, " + std::to_string(by) + " elements on";
          CHECK_MESSAGE(same, about);
          CHECK_MESSAGE(bits.clean, about);
        }
      }
}

}  // namespace
}  // namespace test
}  // namespace ckl
