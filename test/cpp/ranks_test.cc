// Ranks and rank bias as the API computes them, by comparing all and by sorting.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "batch.h"

namespace ckl {
namespace test {
namespace {

std::vector<uint32_t> ranks(const cpu::Target& target, const OwnedBatch& batch, bool with_labels) {
  std::vector<uint32_t> out(batch.student.size());
  const Scores scores = {reinterpret_cast<const char*>(batch.student.data()), DType::float32};
  REQUIRE(
      cpu::compute_ranks(target, scores, batch.rows(), with_labels ? batch.labels.data() : nullptr, out.data()).ok());
  return out;
}

// How many documents of an even batch get another rank than by definition.
int64_t wrong_ranks(const cpu::Target& target, const OwnedBatch& batch) {
  const std::vector<uint32_t> made = ranks(target, batch, true);
  int64_t wrong = 0;
  for (int64_t b = 0; b < batch.queries; b++) {
    const Query q = batch.query(b);
    const Numbers expected = competition_ranks(q.student, q.labels);
    for (int64_t i = 0; i < batch.docs; i++) wrong += made[size_t(b * batch.docs + i)] != uint32_t(expected[size_t(i)]);
  }
  return wrong;
}

TEST_CASE("ranks: competition ranks with ties, zeros of both signs, infinities and masks, of every length") {
  Random random(61);
  for (int64_t docs : {1, 2, 15, 16, 17, 100, 191, 192, 193, 194, 300, 2047, 5000}) {
    OwnedBatch batch = batch_of_families(random, docs);
    for (size_t i = 0; i < batch.student.size(); i++) {
      if (random.below(6) == 0) batch.student[i] = random.below(2) ? -0.0f : 0.0f;
      if (random.below(20) == 0) batch.student[i] = random.below(2) ? INFINITY : -INFINITY;
    }
    pad(random, batch, 0.2);
    std::vector<uint8_t> all(batch.labels.size(), 0);
    for (const cpu::Target& target : cpu::targets()) {
      CHECK_MESSAGE(wrong_ranks(target, batch) == 0, std::to_string(docs));
      for (size_t i = 0; i < batch.student.size(); i++)
        if (std::isnan(batch.student[i])) batch.student[i] = 0;
      CHECK(ranks(target, batch, false).size() == batch.student.size());
    }
  }
}

// Long rows go into buckets where scores are spread out, and are sorted where too many are alike or far from the others.
TEST_CASE("ranks: long rows, however their scores are spread") {
  Random random(63);
  const struct {
    const char* name;
    double (*score)(Random&, int64_t);
  } spreads[] = {
      {"normal", [](Random& r, int64_t) { return r.normal(); }},
      {"rounded to quarters", [](Random& r, int64_t) { return std::round(4 * r.normal()) / 4; }},
      {"all the same", [](Random&, int64_t) { return 0.25; }},
      {"two values", [](Random& r, int64_t) { return double(r.below(2)); }},
      {"one far from the others", [](Random& r, int64_t i) { return i == 100 ? -3e38 : r.normal(); }},
      {"two clusters", [](Random& r, int64_t i) { return (i % 3 ? 1e4 : -1e4) + r.normal(); }},
      {"as small as floats get", [](Random& r, int64_t) { return 1e-44 * double(r.below(9)); }},
      {"as large as floats get", [](Random& r, int64_t) { return 3.4e38 * r.uniform(-1, 1); }},
      {"ascending", [](Random&, int64_t i) { return double(i); }},
      {"descending by powers of two", [](Random&, int64_t i) { return std::ldexp(1.0, -int(i % 140)); }},
      {"infinite now and then", [](Random& r, int64_t) { return r.below(50) ? r.normal() : INFINITY; }},
  };
  for (const auto& spread : spreads)
    for (int64_t docs : {129, 130, 143, 144, 256, 257, 1000, 4096, 4101}) {
      OwnedBatch batch;
      batch.queries = 3, batch.docs = batch.stride = docs;
      for (int64_t i = 0; i < 3 * docs; i++) {
        batch.student.push_back(float(spread.score(random, i % docs)));
        batch.labels.push_back(uint8_t(random.below(5) == 0));
      }
      batch.teacher = batch.student;
      for (int64_t i = 0; i < docs; i++)  // padding in one row, with scores above all others
        if (random.below(4) == 0)
          batch.labels[size_t(docs + i)] = 255, batch.student[size_t(docs + i)] = i % 2 ? NAN : 3e38f;
      for (const cpu::Target& target : cpu::targets()) {
        const std::string where = std::string(spread.name) + ", " + std::to_string(docs) + ", " + target.name;
        CHECK_MESSAGE(wrong_ranks(target, batch) == 0, where);
      }
    }
}

TEST_CASE("ranks: without labels every document counts") {
  OwnedBatch batch;
  batch.queries = 2, batch.docs = batch.stride = 3;
  batch.student = {0.5f, 0.5f, 2, -0.0f, 0, -1};
  for (const cpu::Target& target : cpu::targets())
    CHECK(ranks(target, batch, false) == std::vector<uint32_t>{2, 2, 1, 1, 1, 3});
}

TEST_CASE("ranks: a list gives documents their ranks, wherever they are in it, on every instruction set") {
  Random random(64);
  for (const cpu::Target& target : cpu::targets())
    for (int64_t length : {0, 1, 3, 50, 128})
      for (int64_t docs : {0, 1, 15, 16, 17, 31, 32, 33, 64, 70}) {
        // Just as long as they are read: a check of addresses finds what lies beyond.
        std::vector<uint32_t> list, codes;
        std::vector<uint16_t> ranks;
        for (int64_t k = 0; k < length; k++)
          list.push_back(uint32_t(0xfffffff0u - 3 * k)), ranks.push_back(uint16_t(65535 - 2 * k));
        for (int64_t i = 0; i < docs; i++)
          codes.push_back(length > 0 && random.below(3) ? list[size_t(random.below(length))]
                                                        : uint32_t(random.below(4)));
        std::vector<float> out(size_t(docs), -1);
        target.kernels->listed(list.data(), ranks.data(), length, codes.data(), docs, INFINITY, out.data());
        int64_t wrong = 0;
        for (int64_t i = 0; i < docs; i++) {
          const auto at = std::find(list.begin(), list.end(), codes[size_t(i)]);
          wrong += out[size_t(i)] != (at == list.end() ? INFINITY : float(ranks[size_t(at - list.begin())]));
        }
        const std::string where = std::string(target.name) + ", " + std::to_string(length) + " listed, " +
                                  std::to_string(docs) + " asked for";
        CHECK_MESSAGE(wrong == 0, where);
      }
}

TEST_CASE("ranks: the rank bias is alpha (1 / rank - mean over the positives of 1 / rank) for negatives") {
  Random random(62);
  for (int64_t docs : {1, 4, 30}) {
    OwnedBatch batch = batch_of_families(random, docs);
    pad(random, batch, 0.2);
    for (int64_t i = 0; i < docs; i++) batch.labels[size_t(i)] = 0;  // one query without positives
    std::vector<float> given(batch.student.size()), out(batch.student.size());
    for (float& r : given) r = random.below(10) ? float(1 + random.below(50)) : INFINITY;
    Batch view;
    view.rows = batch.rows(), view.labels = batch.labels.data(), view.ranks = {given.data(), RankType::f32};
    REQUIRE(cpu::compute_rank_bias(view, 2.5, out.data()).ok());
    for (int64_t b = 0; b < batch.queries; b++) {
      double mean = 0, positives = 0;
      for (int64_t i = b * docs; i < (b + 1) * docs; i++)
        if (batch.labels[size_t(i)] == 1) mean += 1.0 / double(given[size_t(i)]), positives++;
      for (int64_t i = b * docs; i < (b + 1) * docs; i++) {
        const bool negative = batch.labels[size_t(i)] == 0 && positives > 0;
        const double expected = negative ? 2.5 * (1.0 / double(given[size_t(i)]) - mean / positives) : 0;
        CHECK(std::fabs(double(out[size_t(i)]) - expected) <= 1e-6);
        CHECK(std::fabs(out[size_t(i)]) <= 2.5f);
      }
    }
  }
}

TEST_CASE("ranks: wrong labels and ranks are found before anything is written") {
  float scores[4] = {1, 2, 3, 4};
  uint8_t labels[4] = {1, 0, 7, 0};
  uint32_t out[4] = {9, 9, 9, 9};
  const Rows rows = {2, 2, 2, nullptr};
  Status status = cpu::compute_ranks(cpu::targets().back(), {reinterpret_cast<const char*>(scores), DType::float32},
                                     rows, labels, out);
  CHECK((status.code == Code::label && status.query == 1 && status.document == 0 && status.value == 7));
  CHECK(out[0] == 9);
  labels[2] = 0;
  const uint8_t ranks[4] = {1, 2, 1, 0};
  float bias[4] = {9, 9, 9, 9};
  Batch batch;
  batch.rows = rows, batch.labels = labels, batch.ranks = {ranks, RankType::u8};
  status = cpu::compute_rank_bias(batch, 1, bias);
  CHECK((status.code == Code::rank && status.query == 1 && status.document == 1 && status.value == 0));
  CHECK(bias[0] == 9);
}

}  // namespace
}  // namespace test
}  // namespace ckl
