// A batch of queries as views of the caller's memory: where rows start, what they hold, where results go.
#pragma once
#include <stdint.h>

#define CKL_ALWAYS __attribute__((always_inline)) inline

namespace ckl {

enum class DType : int { float32 = 0, bfloat16 = 1, float16 = 2 };

constexpr int64_t size_of(DType t) { return t == DType::float32 ? 4 : 2; }

// Scores in one of the element types. `at(i)` is the address of element i.
template <class Byte>
struct ScoresOf {
  Byte* data = nullptr;
  DType type = DType::float32;
  Byte* at(int64_t i) const { return data + i * size_of(type); }
  explicit operator bool() const { return data != nullptr; }
};
using Scores = ScoresOf<const char>;
using MutableScores = ScoresOf<char>;

enum class RankType : int { none, u8, u16, u32, i32, f32 };

struct Ranks {
  const void* data = nullptr;
  RankType type = RankType::none;
  explicit operator bool() const { return data != nullptr; }
};

// Row b is elements [begin(b), begin(b) + length(b)): b * stride for padded batches, offsets for ragged ones.
struct Rows {
  int64_t queries = 0;
  int64_t docs = 0;  // length of every row if there are no offsets
  int64_t stride = 0;
  const int32_t* offsets = nullptr;  // queries + 1

  // Always inlined: kernels of different instruction sets must not share a function.
  CKL_ALWAYS int64_t begin(int64_t b) const { return offsets ? offsets[b] : b * stride; }
  CKL_ALWAYS int64_t length(int64_t b) const { return offsets ? int64_t(offsets[b + 1]) - offsets[b] : docs; }
  // The number of elements of an array laid out like the scores.
  int64_t extent() const {
    if (queries == 0) return 0;
    return offsets ? offsets[queries] : (queries - 1) * stride + docs;
  }
  // Documents in rows [first, last), padding included.
  CKL_ALWAYS int64_t documents(int64_t first, int64_t last) const {
    return offsets ? int64_t(offsets[last]) - offsets[first] : (last - first) * docs;
  }
};

// The length of the longest row.
inline int64_t longest_row(const Rows& rows) {
  if (!rows.offsets) return rows.queries > 0 ? rows.docs : 0;
  int64_t longest = 0;
  for (int64_t b = 0; b < rows.queries; b++) longest = rows.length(b) > longest ? rows.length(b) : longest;
  return longest;
}

constexpr uint8_t kPositive = 1, kPadding = 255;

struct Batch {
  Rows rows;
  Scores student, teacher;  // teacher: null if no loss reads it
  const uint8_t* labels = nullptr;
  Ranks ranks;  // or null
  const float* beta = nullptr;
  const float* relevance = nullptr;
  const float* weights = nullptr;  // per query
};

struct Diagnostics {
  float *weight = nullptr, *ratio = nullptr;  // per document, laid out like the student
  float *entropy = nullptr, *separation = nullptr, *separation_top10 = nullptr;  // per query
};

struct Outputs {
  MutableScores grad;  // may be the student's own memory
  float* per_query = nullptr;
  MutableScores teacher_grad;  // or null
  Diagnostics diagnostics;     // weight == null: not asked for
};

struct Summary {
  double loss = 0;
  int64_t counted = 0;
};

}  // namespace ckl
