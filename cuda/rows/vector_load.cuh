// Reads rows in vectors of P documents: 4 if all arrays are float32, 8 if one has a two-byte type. Which documents a
// thread reads depends on neither the row's address nor its length. All loads are issued before the first result is
// used.
#pragma once
#include "../common/scalar_load.cuh"
#include "softmax.cuh"

namespace ckl {
namespace cuda {

// How a row is read: in vectors that are all complete; in vectors; document by document.
enum class Way { full, whole, single };

template <class T, T kValue>
struct Constant {
  static constexpr T value = kValue;
};

// A thread's vectors in a row of n documents: the first document of each, from `origin` in steps of `stride`.
struct Vectors {
  int origin, stride, n;
  // The row consists of whole vectors at aligned addresses. Otherwise it is read document by document, with as many
  // bytes in flight: shifting unaligned vectors into place takes more instructions and registers, and reads beyond the
  // row.
  bool whole;
  bool full;  // whole, and the row fills the team
  CKL_DEVICE_MEMBER int first(int k) const { return origin + k * stride; }
  CKL_DEVICE_MEMBER int left(int k) const { return n - first(k); }  // documents from vector k on
  CKL_DEVICE_MEMBER bool has(int k) const { return left(k) > 0; }
};

// An array's elements as they are in memory, those of vector k from raw[k * P] on: packed if vectors are whole, else
// one per word. Words of missing documents are `none`.
template <Way kWay, int kSize, int P, int E>
CKL_DEVICE void fetch(uint32_t (&raw)[E], const char* row, const Vectors& vectors, uint32_t none = 0) {
  constexpr int kBytes = kWay == Way::single ? kSize : kSize * P < 16 ? kSize * P : 16;  // of a load
  const char* const start = row + int64_t(vectors.origin) * kSize;
  const int64_t step = int64_t(vectors.stride) * kSize;
  if (kWay != Way::full) {
#pragma unroll
    for (int i = 0; i < E; i++) raw[i] = none;
  }
#pragma unroll
  for (int k = 0; k < E / P; k++)
#pragma unroll
    for (int b = 0; b < kSize * P; b += kBytes) {
      uint32_t* const to = raw + k * P + (kWay == Way::single ? b / kSize : b / 4);
      if (kWay == Way::full) load_now<kBytes>(to, start + k * step + b);
      else load_if<kBytes>(kWay == Way::single ? b / kSize : 0, vectors.left(k), to, start + k * step + b);
    }
}

// The same for scores; P determines whether they may have two bytes.
template <Way kWay, int P, int E>
CKL_DEVICE void fetch_scores(uint32_t (&raw)[E], const char* row, DType type, const Vectors& vectors) {
  if (P == 4 || type == DType::float32) fetch<kWay, 4, P>(raw, row, vectors);
  else fetch<kWay, 2, P>(raw, row, vectors);
}

// Element i of the fetched data, of kSize bytes; higher bits are arbitrary.
template <int kSize, int P, int E>
CKL_DEVICE uint32_t element(const uint32_t (&raw)[E], int i, bool whole) {
  constexpr int kInWord = 4 / kSize;
  return whole ? raw[i / P * P + i % P / kInWord] >> (8 * kSize * (i % kInWord)) : raw[i];
}

// Calls body(i, element i) for all fetched elements.
template <int kSize, int P, int E, class Body>
CKL_DEVICE void each_element(const uint32_t (&raw)[E], const Vectors& vectors, Body body) {
  if (kSize == 4 || vectors.whole) {
#pragma unroll
    for (int i = 0; i < E; i++) body(i, element<kSize, P>(raw, i, true));
  } else {
#pragma unroll
    for (int i = 0; i < E; i++) body(i, raw[i]);
  }
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

// Labels, four per word; 255 beyond the row.
template <Way kWay, int P, int E>
CKL_DEVICE void fetch_labels(uint32_t (&raw)[E], const uint8_t* row, const Vectors& vectors) {
  fetch<kWay, 1, P>(raw, reinterpret_cast<const char*>(row), vectors, ~0u);
}
template <int P, int E>
CKL_DEVICE void pack_labels(uint32_t (&words)[E / 4], const uint32_t (&raw)[E], const Vectors& vectors) {
#pragma unroll
  for (int w = 0; w < E / 4; w++) {
    const uint32_t* r = raw + 4 * w;
    words[w] = vectors.whole ? raw[4 * w / P * P + w % (P / 4)]
                             : __byte_perm(__byte_perm(r[0], r[1], 0x0040), __byte_perm(r[2], r[3], 0x0040), 0x5410);
  }
}

// The input of a rank bias: ranks, or the batch's own bias.
template <Way kWay, int P, int E>
CKL_DEVICE void fetch_ranks(uint32_t (&raw)[E], const Batch& batch, int64_t begin, const Vectors& vectors) {
  const char* const row = ranks_start(batch, begin);
  const int size = rank_size(batch);
  if (size == 4) fetch<kWay, 4, P>(raw, row, vectors);
  else if (size == 2) fetch<kWay, 2, P>(raw, row, vectors);
  else fetch<kWay, 1, P>(raw, row, vectors);
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

// Writes K vectors of a gradient. wide: all are whole and at aligned addresses.
template <int K, int P>
CKL_DEVICE void store_scores(const float (&x)[K * P], char* row, DType type, const Vectors& vectors, bool wide) {
  if (type == DType::float32) {
    float* const start = reinterpret_cast<float*>(row) + vectors.origin;
#pragma unroll
    for (int k = 0; k < K; k++) {
      float* const to = start + k * vectors.stride;
      const float* const g = x + k * P;
      if (wide) {
        if (!vectors.full && !vectors.has(k)) continue;
#pragma unroll
        for (int j = 0; j < P; j += 4)
          __stcs(reinterpret_cast<float4*>(to + j), make_float4(g[j], g[j + 1], g[j + 2], g[j + 3]));
      } else {
#pragma unroll
        for (int j = 0; j < P; j++)
          if (j < vectors.left(k)) to[j] = g[j];
      }
    }
    return;
  }
  uint16_t* const start = reinterpret_cast<uint16_t*>(row) + vectors.origin;
#pragma unroll
  for (int k = 0; k < K; k++) {
    uint16_t* const to = start + k * vectors.stride;
    uint32_t w[P / 2];
#pragma unroll
    for (int j = 0; j < P / 2; j++) w[j] = narrow_pair(type == DType::bfloat16, x[k * P + 2 * j], x[k * P + 2 * j + 1]);
    if (wide) {
      if (!vectors.full && !vectors.has(k)) continue;
      if (P == 4) __stcs(reinterpret_cast<uint2*>(to), make_uint2(w[0], w[1]));
      else __stcs(reinterpret_cast<uint4*>(to), make_uint4(w[0], w[1], w[P / 2 - 2], w[P / 2 - 1]));
    } else {
#pragma unroll
      for (int j = 0; j < P; j++)
        if (j < vectors.left(k)) to[j] = uint16_t(w[j / 2] >> 16 * (j % 2));
    }
  }
}

}  // namespace cuda
}  // namespace ckl
