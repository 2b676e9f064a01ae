// Goes over the documents of a row in the general path. In rows that have four for every thread, four neighbours go to
// a thread: loaded at once, as vectors, or one by one where an array of the row starts at an odd address. So which
// documents a thread has depends on the row's length alone.
#pragma once
#include "../common/scalar_load.cuh"

namespace ckl {
namespace cuda {

// What a walk loads of documents beside their labels.
enum Reads : unsigned { kLabels = 0, kScores = 1, kRanks = 2 };

// A document. Beyond the row, it is padding.
struct Loaded {
  int64_t i;  // its place in the row
  uint8_t y;
  float s, t;  // the scores of student and teacher
  float bias;  // what its rank bias is computed from: the batch's own, 1 / rank if the row kernel ranks, or the rank
};

// Four neighbours as they are in memory. Code takes the first, and the others move up: a loop over them needs no copies
// of its body.
struct Four {
  uint32_t labels;
  uint32_t s[4], t[4], bias[4];
  // In place of the first, a last one.
  CKL_DEVICE_MEMBER void shift(uint32_t y, uint32_t last_s, uint32_t last_t, uint32_t last_bias) {
    labels = labels >> 8 | y << 24;
#pragma unroll
    for (int k = 0; k < 3; k++) s[k] = s[k + 1], t[k] = t[k + 1], bias[k] = bias[k + 1];
    s[3] = last_s, t[3] = last_t, bias[3] = last_bias;
  }
};

// Elements of 1, 2 or 4 bytes; what follows a short one in its word is arbitrary.
CKL_DEVICE uint32_t load_word(const char* from, int size) {
  if (size == 4) return *reinterpret_cast<const uint32_t*>(from);
  return size == 2 ? *reinterpret_cast<const uint16_t*>(from) : *reinterpret_cast<const uint8_t*>(from);
}
// Four neighbours: as they are loaded, which nothing needs to wait for, and then a word each.
CKL_DEVICE void load_words(const char* from, int size, uint32_t (&to)[4]) {
  if (size == 4) {
    const uint4 x = __ldca(reinterpret_cast<const uint4*>(from));
    to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
  } else if (size == 2) {
    const uint2 x = __ldca(reinterpret_cast<const uint2*>(from));
    to[0] = x.x, to[2] = x.y;
  } else {
    to[0] = __ldca(reinterpret_cast<const unsigned*>(from));
  }
}
CKL_DEVICE void spread_words(int size, uint32_t (&x)[4]) {
  if (size == 2) x[1] = x[0] >> 16, x[3] = x[2] >> 16;
  else if (size == 1) x[1] = x[0] >> 8, x[2] = x[0] >> 16, x[3] = x[0] >> 24;
}
CKL_DEVICE float score_in(uint32_t word, DType type) {
  if (type == DType::float32) return __uint_as_float(word);
  return type == DType::bfloat16 ? widen_bfloat16(uint16_t(word)) : widen_float16(uint16_t(word));
}
CKL_DEVICE float rank_in(uint32_t word, RankType type) {
  switch (type) {
    case RankType::u8: return float(uint8_t(word));
    case RankType::u16: return float(uint16_t(word));
    case RankType::u32: return float(word);
    case RankType::i32: return float(int32_t(word));
    default: return __uint_as_float(word);
  }
}

// kAtOnce: how many are loaded before the first is there if they are loaded one by one; 1 makes less code.
template <int kAtOnce>
struct Walk {
  const Batch& batch;
  const Row& row;
  const float* const ranked;  // 1 / rank of each document, if the row kernel computes the ranks
  const unsigned reads, rank, size;
  const int wide;  // neighbours of a thread
  bool vectors;

  // Of the thread of this rank, of `threads` that share the row.
  CKL_DEVICE_MEMBER Walk(const Batch& of, const Row& its_row, const float* its_ranks, unsigned its_rank,
                         unsigned threads, unsigned what)
      : batch(of),
        row(its_row),
        ranked(its_ranks),
        reads(what),
        rank(its_rank),
        size(threads),
        wide(row.n >= 4 * int64_t(threads) ? 4 : 1) {
    unsigned odd = offset_in(labels(0), 4);
    if (reads & kScores)
      odd |= offset_in(row_start(of.student, row.begin), 4 * size_of(of.student.type)) |
             offset_in(row_start(of.teacher, row.begin), 4 * size_of(of.teacher.type));
    if (reads & kRanks && !ranked) odd |= offset_in(ranks_start(of, row.begin), 4 * rank_size(of));
    vectors = wide == 4 && odd == 0;
  }

  // Documents of all threads together, at a time.
  CKL_DEVICE_MEMBER unsigned step() const { return size * unsigned(wide); }
  // The thread's first document of those from `base` on.
  CKL_DEVICE_MEMBER int64_t first(int64_t base) const { return base + rank * unsigned(wide); }

  // The thread's documents from `from` on.
  CKL_DEVICE_MEMBER Four load(int64_t from) const {
    Four four = {};
    const int s_size = int(size_of(batch.student.type)), t_size = int(size_of(batch.teacher.type));
    const int size = rank_size(batch);
    const char* const s = row_start(batch.student, row.begin + from);
    const char* const t = row_start(batch.teacher, row.begin + from);
    const char* const ranks = ranks_start(batch, row.begin + from);
    if (vectors && from + 4 <= row.n) {
      four.labels = __ldca(reinterpret_cast<const unsigned*>(labels(from)));
      if (reads & kScores) load_words(s, s_size, four.s), load_words(t, t_size, four.t);
      if (reads & kRanks && !ranked) load_words(ranks, size, four.bias);
      if (reads & kScores) spread_words(s_size, four.s), spread_words(t_size, four.t);
      if (reads & kRanks && !ranked) spread_words(size, four.bias);
    } else {
#pragma unroll kAtOnce
      for (int j = 0; j < 4; j++) {
        const bool here = j < wide && from + j < row.n;
        uint32_t word_s = 0, word_t = 0, bias = 0;
        if (here && reads & kScores)
          word_s = load_word(s + j * s_size, s_size), word_t = load_word(t + j * t_size, t_size);
        if (here && reads & kRanks && !ranked) bias = load_word(ranks + j * size, size);
        four.shift(here ? labels(from)[j] : kPadding, word_s, word_t, bias);
      }
    }
    return four;
  }
  // The first of four, whose place is i.
  CKL_DEVICE_MEMBER Loaded document(const Four& four, int64_t i) const {
    Loaded x = {i, uint8_t(four.labels), score_in(four.s[0], batch.student.type),
                score_in(four.t[0], batch.teacher.type), 0};
    if (!(reads & kRanks)) return x;
    if (ranked) x.bias = i < row.n ? ranked[i] : 1;
    else x.bias = rank_in(four.bias[0], batch.beta ? RankType::f32 : batch.ranks.type);
    return x;
  }

  // Writes gradients, of which the last `wide` are those of the thread's documents from `from` on.
  CKL_DEVICE_MEMBER void store(const MutableScores& to, int64_t from, const uint32_t (&x)[4]) const {
    const int size = int(size_of(to.type));
    char* const at = to.data + (row.begin + from) * size;
    const bool whole = wide == 4 && from + 4 <= row.n && offset_in(at, 4 * size) == 0;
    if (to.type == DType::float32) {
      if (whole) return store_if<16>(true, at, x);
      each_here(from, [&](int j, int k) { reinterpret_cast<uint32_t*>(at)[k] = x[j]; });
      return;
    }
    uint32_t halves[2];
#pragma unroll
    for (int j = 0; j < 2; j++)
      halves[j] = narrow_pair(to.type == DType::bfloat16, __uint_as_float(x[2 * j]), __uint_as_float(x[2 * j + 1]));
    if (whole) return store_if<8>(true, at, halves);
    each_here(from,
              [&](int j, int k) { reinterpret_cast<uint16_t*>(at)[k] = uint16_t(halves[j / 2] >> 16 * (j % 2)); });
  }

 private:
  CKL_DEVICE_MEMBER const uint8_t* labels(int64_t i) const { return batch.labels + row.begin + i; }
  // Calls body(j, k) for the last `wide` of four, j, if document from + k is in the row.
  template <class Body>
  CKL_DEVICE_MEMBER void each_here(int64_t from, Body body) const {
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int k = j - (4 - wide);
      if (k >= 0 && from + k < row.n) body(j, k);
    }
  }
};

}  // namespace cuda
}  // namespace ckl
