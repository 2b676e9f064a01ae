// Reads rows in vectors of P documents: 4 if all arrays are float32, 8 if one has a two-byte type. Which documents a
// thread reads depends on neither the row's address nor its length. All loads are issued before the first result is
// used.
#pragma once
#include "../common/scalar_load.cuh"
#include "softmax.cuh"

namespace ckl {
namespace cuda {

// How a row is read: in vectors that are all complete; in vectors; in pairs of documents; document by document.
enum class Way { full, whole, pairs, single };

template <class T, T kValue>
struct Constant {
  static constexpr T value = kValue;
  CKL_DEVICE_MEMBER constexpr operator T() const { return kValue; }
};

// A thread's vectors in a row of n documents: the first document of each, from `origin` in steps of `stride`.
struct Vectors {
  int origin, stride, n;
  // The row consists of whole vectors at aligned addresses. Otherwise it is read in pairs, if it consists of these, or
  // document by document, with as many bytes in flight: shifting unaligned vectors into place takes more instructions
  // and registers, and reads beyond the row.
  bool whole, pairs;
  bool full;  // whole, and the row fills the team
  CKL_DEVICE_MEMBER int first(int k) const { return origin + k * stride; }
  // Documents from the first vector on, and from vector k on. To compare the former with a constant takes one
  // instruction.
  CKL_DEVICE_MEMBER int left() const { return n - origin; }
  CKL_DEVICE_MEMBER int left(int k) const { return n - first(k); }
  // How many elements of kSize bytes, of vectors of P, share a word once fetched.
  template <int kSize, int P>
  CKL_DEVICE_MEMBER int in_word() const {
    const int most = 4 / kSize;
    return whole ? most : !pairs ? 1 : most < 2 ? most : 2;
  }
};

// An array's elements as they are in memory, those of vector k from raw[k * P] on: as many in a word as are loaded
// together (Vectors::in_word). Words of missing documents are `none`: a number, or Arbitrary.
template <Way kWay, int kSize, int P>
struct Fetch {
  static constexpr int kTogether = kSize * (kWay == Way::single ? 1 : kWay == Way::pairs ? 2 : P);
  static constexpr int kBytes = kTogether < 16 ? kTogether : 16;  // of a load
  static constexpr int kInWord = kBytes < 4 ? kBytes : 4;         // bytes in a word once fetched

  // Loads of one vector from its byte kAt on. left: documents of the row from the vector's first on.
  template <int kAt, class Word>
  static CKL_DEVICE_MEMBER void vector(uint32_t* raw, const char* from, int left, Word none) {
    if constexpr (kAt < kSize * P) {
      const bool here = kAt / kTogether * (kTogether / kSize) < left;
      if constexpr (kWay == Way::full) load_now<kBytes, kAt>(raw + kAt / kInWord, from);
      else load_if<kBytes, kAt>(here, raw + kAt / kInWord, from, none);
      vector<kAt + kBytes>(raw, from, left, none);
    }
  }
  // stride: from a vector to the thread's next one, as a number or a constant.
  template <int E, class Stride, class Word>
  static CKL_DEVICE_MEMBER void row(uint32_t (&raw)[E], const char* start, const Vectors& vectors, Stride stride,
                                    Word none) {
    const char* const first = start + int64_t(vectors.origin) * kSize;
    const int step = stride, left = vectors.left();
#pragma unroll
    for (int k = 0; k < E / P; k++) vector<0>(raw + k * P, first + int64_t(k * kSize) * step, left - k * step, none);
  }
};

// The same for scores, arbitrary where documents are missing; P determines whether they may have two bytes.
template <Way kWay, int P, int E, class Stride>
CKL_DEVICE void fetch_scores(uint32_t (&raw)[E], const char* row, DType type, const Vectors& vectors, Stride stride) {
  if (P == 4 || type == DType::float32) Fetch<kWay, 4, P>::row(raw, row, vectors, stride, Arbitrary());
  else Fetch<kWay, 2, P>::row(raw, row, vectors, stride, Arbitrary());
}

// Calls body(i, element i) for all fetched elements; its bits above kSize bytes are arbitrary.
template <int kSize, int P, int kInWord, int E, class Body>
CKL_DEVICE void each_element_of(const uint32_t (&raw)[E], Body body) {
#pragma unroll
  for (int i = 0; i < E; i++) body(i, raw[i / P * P + i % P / kInWord] >> (8 * kSize * (i % kInWord)));
}
template <int kSize, int P, int E, class Body>
CKL_DEVICE void each_element(const uint32_t (&raw)[E], const Vectors& vectors, Body body) {
  if constexpr (kSize == 4) return each_element_of<4, P, 1>(raw, body);
  const int in_word = vectors.in_word<kSize, P>();
  if (kSize == 1 && in_word == 4) each_element_of<kSize, P, 4>(raw, body);
  else if (in_word == 2) each_element_of<kSize, P, 2>(raw, body);
  else each_element_of<kSize, P, 1>(raw, body);
}

// Fetched scores as floats.
template <int P, int E>
CKL_DEVICE void widen(float (&x)[E], const uint32_t (&raw)[E], DType type, const Vectors& vectors) {
  if (P == 4 || type == DType::float32)
    each_element<4, P>(raw, vectors, [&](int i, uint32_t u) { x[i] = __uint_as_float(u); });
  else if (type == DType::bfloat16)
    each_element<2, P>(raw, vectors, [&](int i, uint32_t u) { x[i] = __uint_as_float(u << 16); });
  else each_element<2, P>(raw, vectors, [&](int i, uint32_t u) { x[i] = widen_float16(uint16_t(u)); });
}

// Whether two scores that share a word are compared with others at once.
template <int P>
CKL_DEVICE bool in_pairs(DType type) {
  return P == 8 && kComparesPairs && type == DType::bfloat16;
}

// Labels, four per word; 255 beyond the row.
template <Way kWay, int P, int E, class Stride>
CKL_DEVICE void fetch_labels(uint32_t (&raw)[E], const uint8_t* row, const Vectors& vectors, Stride stride) {
  Fetch<kWay, 1, P>::row(raw, reinterpret_cast<const char*>(row), vectors, stride, ~0u);
}
template <int P, int E>
CKL_DEVICE void pack_labels(uint32_t (&words)[E / 4], const uint32_t (&raw)[E], const Vectors& vectors) {
  const int in_word = vectors.in_word<1, P>();
#pragma unroll
  for (int w = 0; w < E / 4; w++) {
    const uint32_t* const of_vector = raw + 4 * w / P * P;
    const int at = 4 * w % P;
    if (in_word == 4) words[w] = of_vector[at / 4];
    else if (in_word == 2) words[w] = __byte_perm(of_vector[at / 2], of_vector[at / 2 + 1], 0x5410);
    else
      words[w] = __byte_perm(__byte_perm(of_vector[at], of_vector[at + 1], 0x0040),
                             __byte_perm(of_vector[at + 2], of_vector[at + 3], 0x0040), 0x5410);
  }
}

// The input of a rank bias, arbitrary where documents are missing: ranks, or the batch's own bias.
template <Way kWay, int P, int E, class Stride>
CKL_DEVICE void fetch_ranks(uint32_t (&raw)[E], const Batch& batch, int64_t begin, const Vectors& vectors,
                            Stride stride) {
  const char* const row = ranks_start(batch, begin);
  const int size = rank_size(batch);
  if (size == 4) Fetch<kWay, 4, P>::row(raw, row, vectors, stride, Arbitrary());
  else if (size == 2) Fetch<kWay, 2, P>::row(raw, row, vectors, stride, Arbitrary());
  else Fetch<kWay, 1, P>::row(raw, row, vectors, stride, Arbitrary());
}

// The bias of each document before alpha: 1 / rank, or the batch's own. Ranks may be infinite; a NaN stays one.
template <int P, int E>
CKL_DEVICE void bias_of_ranks(float (&x)[E], const uint32_t (&raw)[E], const Batch& batch, const Vectors& vectors) {
  const RankType type = batch.beta ? RankType::f32 : batch.ranks.type;
  if (type == RankType::u8) each_element<1, P>(raw, vectors, [&](int i, uint32_t u) { x[i] = float(uint8_t(u)); });
  else if (type == RankType::u16)
    each_element<2, P>(raw, vectors, [&](int i, uint32_t u) { x[i] = float(uint16_t(u)); });
  else if (type == RankType::f32)
    each_element<4, P>(raw, vectors, [&](int i, uint32_t u) { x[i] = __uint_as_float(u); });
  else if (type == RankType::u32) each_element<4, P>(raw, vectors, [&](int i, uint32_t u) { x[i] = float(u); });
  else each_element<4, P>(raw, vectors, [&](int i, uint32_t u) { x[i] = float(int32_t(u)); });
  if (batch.beta) return;
  constexpr float kHuge = 1.2676506e30f;
#pragma unroll
  for (int i = 0; i < E; i++) x[i] = reciprocal(x[i] > kHuge ? kHuge : x[i]);
}

// Writes K vectors of a gradient: in whole vectors or, where that is not possible, in pairs or one by one.
template <int K, int P, class Stride>
CKL_DEVICE void store_scores(const float (&x)[K * P], char* row, DType type, const Vectors& vectors, Stride stride,
                             bool wide, bool paired) {
  const int step = stride, left = vectors.left();
  // Whether document j of vector k is there. Twice both numbers, for a compiler that would keep the loads' predicates
  // in registers rather than compare again.
  const auto here = [&](int k, int j) { return 2 * j < 2 * left - k * (2 * step); };
  if (P == 4 || type == DType::float32) {
    float* const start = reinterpret_cast<float*>(row) + vectors.origin;
#pragma unroll
    for (int k = 0; k < K; k++) {
      float* const to = start + k * step;
      const float* const g = x + k * P;
      if (wide) {
#pragma unroll
        for (int j = 0; j < P; j += 4) {
          uint32_t words[4];
#pragma unroll
          for (int i = 0; i < 4; i++) words[i] = __float_as_uint(g[j + i]);
          store_if<16>(vectors.full || k * step < left, to + j, words);
        }
      } else if (paired) {
#pragma unroll
        for (int j = 0; j < P; j += 2) {
          const uint32_t words[2] = {__float_as_uint(g[j]), __float_as_uint(g[j + 1])};
          store_if<8>(here(k, j), to + j, words);
        }
      } else {
#pragma unroll
        for (int j = 0; j < P; j++)
          if (j < left - k * step) to[j] = g[j];
      }
    }
    return;
  }
  if constexpr (P == 4) return;  // all are float32
  uint16_t* const start = reinterpret_cast<uint16_t*>(row) + vectors.origin;
#pragma unroll
  for (int k = 0; k < K; k++) {
    uint16_t* const to = start + k * step;
    uint32_t w[P / 2];
#pragma unroll
    for (int j = 0; j < P / 2; j++) w[j] = narrow_pair(type == DType::bfloat16, x[k * P + 2 * j], x[k * P + 2 * j + 1]);
    if (wide) {
      store_if<2 * P>(vectors.full || k * step < left, to, w);
    } else if (paired) {
#pragma unroll
      for (int j = 0; j < P; j += 2) store_if<4>(here(k, j), to + j, w + j / 2);
    } else {
#pragma unroll
      for (int j = 0; j < P; j++)
        if (j < left - k * step) to[j] = uint16_t(w[j / 2] >> 16 * (j % 2));
    }
  }
}

}  // namespace cuda
}  // namespace ckl
