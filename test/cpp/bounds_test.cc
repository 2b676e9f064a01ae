// Nothing is read or written past the end of the caller's arrays: each ends where an inaccessible page begins.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "batch.h"

namespace ckl {
namespace test {
namespace {

// Bytes that end with a page; the next page faults on access.
class Guarded {
 public:
  explicit Guarded(size_t bytes) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE)), pages = (bytes + page - 1) / page * page;
    size_ = pages + page;
    memory_ = static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(memory_ != MAP_FAILED);
    REQUIRE(mprotect(memory_ + pages, page, PROT_NONE) == 0);
    data = memory_ + pages - bytes;
  }
  ~Guarded() { munmap(memory_, size_); }
  Guarded(const Guarded&) = delete;
  char* data;

 private:
  char* memory_;
  size_t size_;
};

struct Rowset {
  const char* name;
  int64_t docs;
  std::vector<int32_t> offsets;  // ragged if not empty
};

std::vector<Rowset> rowsets(Random& random) {
  std::vector<Rowset> all;
  for (int64_t docs : {1, 3, 8, 16, 17, 31, 100, 128, 129, 200, 300}) {
    all.push_back({"even", docs, {}});
    Rowset ragged = {"ragged", docs, {0}};
    for (int b = 0; b < 19; b++) {
      // The longest first, so that the last rows have fewer documents than their neighbours.
      const int64_t length = b == 0 ? docs : 1 + random.below(b > 15 ? 1 + docs / 4 : docs);
      ragged.offsets.push_back(ragged.offsets.back() + int32_t(length));
    }
    all.push_back(ragged);
  }
  return all;
}

TEST_CASE("bounds: nothing behind the arrays of a batch is touched, in any layout, type and loss") {
  Random random(71);
  for (const Rowset& set : rowsets(random))
    for (const DType type : {DType::float32, DType::bfloat16})
      for (const bool padded : {false, true}) {
        constexpr int64_t kQueries = 19;
        const int64_t documents = set.offsets.empty() ? kQueries * set.docs : set.offsets.back();
        const size_t score = size_t(documents * size_of(type));
        Guarded student(score), teacher(score), grad(score), teacher_grad(score), labels{size_t(documents)};
        Guarded ranks(size_t(documents) * 2), per_query(kQueries * 4);
        for (int64_t i = 0; i < documents; i++) {
          labels.data[i] = char(padded && random.below(4) == 0 ? 255 : random.below(3) == 0);
          const uint16_t rank = uint16_t(1 + random.below(9)), half = uint16_t(0x3f00 + random.below(200));
          std::memcpy(ranks.data + 2 * i, &rank, 2);
          for (char* to : {student.data, teacher.data}) {
            const float number = float(random.normal());
            if (type == DType::float32) std::memcpy(to + 4 * i, &number, 4);
            else std::memcpy(to + 2 * i, &half, 2);
          }
        }
        Batch batch;
        batch.rows = {kQueries, set.offsets.empty() ? set.docs : 0, set.docs,
                      set.offsets.empty() ? nullptr : set.offsets.data()};
        batch.student = {student.data, type}, batch.teacher = {teacher.data, type};
        batch.labels = reinterpret_cast<const uint8_t*>(labels.data);
        Outputs out;
        out.grad = {grad.data, type};
        out.per_query = reinterpret_cast<float*>(per_query.data);
        for (const cpu::Target& target : cpu::targets())
          for (const PlanTerm& term : all_terms())
            for (const bool more : {false, true}) {
              batch.ranks = more ? Ranks{ranks.data, RankType::u16} : Ranks{};
              out.teacher_grad = more ? MutableScores{teacher_grad.data, type} : MutableScores{};
              const Plan plan = plan_of(term);
              cpu::CpuBackend backend(target, std::make_shared<cpu::Pool>(1), 1);
              Summary summary;
              const Status status = backend.run(plan, batch, out, *backend.workspace(set.docs), nullptr, summary);
              CHECK_MESSAGE(status.ok(), name_of(term));
            }
      }
}

}  // namespace
}  // namespace test
}  // namespace ckl
