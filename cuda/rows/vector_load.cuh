// Rows in vectors of P documents: 4 of float32 alone, 8 where a two-byte type is among the arrays. What a thread reads of a
// row is 16 bytes wide wherever the row starts; which documents it reads does not depend on that.
#pragma once
#include "../common/scalar_load.cuh"

namespace ckl {
namespace cuda {

// A thread's vectors in a row of n documents: the first of each, from `origin` in steps of `stride`.
struct Vectors {
  int origin, stride, n;
  // Whole vectors, at addresses that can be read at once.
  bool aligned;
  // Far enough from both ends of the arrays to read a few bytes around a vector.
  bool inside;
  CKL_DEVICE_MEMBER int first(int k) const { return origin + k * stride; }
};

// Reads may step over a vector by less than 16 bytes on either side.
constexpr int kMargin = 16;

CKL_DEVICE Vectors vectors_of(const Task& task, const Row& row, int origin, int stride, int count, int size,
                              unsigned misaligned) {
  Vectors p = {origin, stride, int(row.n), false, false};
  const int end = p.first(count - 1) + size;
  p.aligned = end <= p.n && misaligned == 0;
  const int64_t from = row.begin + origin, to = row.begin + (end < p.n ? end : p.n);
  p.inside = from >= kMargin && to + kMargin <= task.elements;
  return p;
}

// 16 bytes from `by` bytes behind the start of a, which b follows.
template <bool Halves>
CKL_DEVICE uint4 shifted(const uint4& a, const uint4& b, unsigned by) {
  const uint32_t in[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
  uint32_t x[6], y[5];
#pragma unroll
  for (int i = 0; i < 6; i++) x[i] = by & 8 ? in[i + 2] : in[i];
#pragma unroll
  for (int i = 0; i < 5; i++) y[i] = by & 4 ? x[i + 1] : x[i];
  if (!Halves) return make_uint4(y[0], y[1], y[2], y[3]);
  const unsigned bits = 8 * (by & 3);
  return make_uint4(__funnelshift_r(y[0], y[1], bits), __funnelshift_r(y[1], y[2], bits),
                    __funnelshift_r(y[2], y[3], bits), __funnelshift_r(y[3], y[4], bits));
}

CKL_DEVICE void floats_of(const uint4& v, float* x) {
  x[0] = __uint_as_float(v.x);
  x[1] = __uint_as_float(v.y);
  x[2] = __uint_as_float(v.z);
  x[3] = __uint_as_float(v.w);
}
CKL_DEVICE void widen(const uint4& v, DType type, float* x) {
  const uint32_t w[4] = {v.x, v.y, v.z, v.w};
  if (type == DType::bfloat16) {
#pragma unroll
    for (int j = 0; j < 8; j++) x[j] = __uint_as_float(j % 2 ? w[j / 2] & 0xffff0000u : w[j / 2] << 16);
  } else {
#pragma unroll
    for (int j = 0; j < 8; j++) x[j] = widen_float16(uint16_t(w[j / 2] >> 16 * (j % 2)));
  }
}

// K vectors of scores. Where there are no documents, x is anything.
template <int K, int P>
CKL_DEVICE void load_scores(float (&x)[K * P], const char* row, DType type, const Vectors& vectors) {
  const bool single = P == 4 || type == DType::float32;
  const int size = single ? 4 : 2;
  const unsigned by = offset_in(row, 16);
  const char* const start = row + vectors.origin * size - by;
  const int step = vectors.stride * size;
  if (vectors.aligned) {
    uint4 v[K];
    if (single) {
#pragma unroll
      for (int k = 0; k < K; k++)
#pragma unroll
        for (int j = 0; j < P; j += 4)
          floats_of(__ldcs(reinterpret_cast<const uint4*>(start + k * step + 4 * j)), x + k * P + j);
      return;
    }
    if constexpr (P == 8) {
#pragma unroll
      for (int k = 0; k < K; k++) v[k] = __ldcs(reinterpret_cast<const uint4*>(start + k * step));
#pragma unroll
      for (int k = 0; k < K; k++) widen(v[k], type, x + k * P);
    }
    return;
  }
  if (vectors.inside) {
#pragma unroll
    for (int k = 0; k < K; k++) {
      if (vectors.first(k) >= vectors.n) continue;
      const uint4* const p = reinterpret_cast<const uint4*>(start + k * step);
      const uint4 none = {0, 0, 0, 0}, a = __ldcs(p), b = by || (P == 8 && single) ? __ldcs(p + 1) : none;
      if constexpr (P == 4) {
        floats_of(shifted<false>(a, b, by), x + k * P);
      } else if (single) {
        floats_of(shifted<false>(a, b, by), x + k * P);
        floats_of(shifted<false>(b, by ? __ldcs(p + 2) : none, by), x + k * P + 4);
      } else {
        widen(shifted<true>(a, b, by), type, x + k * P);
      }
    }
    return;
  }
  // At an end of the array: document by document and vector by vector: rare, so its code is kept short.
#pragma unroll 1
  for (int k = 0; k < K; k++) {
    float v[P];
#pragma unroll
    for (int j = 0; j < P; j++)
      v[j] = vectors.first(k) + j < vectors.n ? load(row, single ? DType::float32 : type, vectors.first(k) + j) : 0.0f;
#pragma unroll
    for (int i = 0; i < K * P; i++)
      if (i / P == k) x[i] = v[i % P];
  }
}

// K vectors of labels, four to a word; 255 beyond the row.
template <int K, int P>
CKL_DEVICE void load_labels(uint32_t (&words)[K * P / 4], const uint8_t* row, const Vectors& vectors) {
  constexpr int W = P / 4;
  const unsigned by = offset_in(row, 4);
  const uint8_t* const start = row + vectors.origin - by;
  if (vectors.aligned) {
#pragma unroll
    for (int k = 0; k < K; k++) {
      if (P == 4) {
        words[k] = __ldcs(reinterpret_cast<const uint32_t*>(start + k * vectors.stride));
      } else {
        const uint2 v = __ldcs(reinterpret_cast<const uint2*>(start + k * vectors.stride));
        words[W * k] = v.x;
        words[W * k + W - 1] = v.y;
      }
    }
    return;
  }
#pragma unroll
  for (int k = 0; k < K; k++)
#pragma unroll
    for (int w = 0; w < W; w++) {
      uint32_t& word = words[W * k + w];
      const int left = vectors.n - (vectors.first(k) + 4 * w);
      word = 0;
      if (left > 0 && vectors.inside) {
        const uint32_t* const p = reinterpret_cast<const uint32_t*>(start + k * vectors.stride + 4 * w);
        word = __funnelshift_r(__ldcs(p), by ? __ldcs(p + 1) : 0u, 8 * by);
      }
      if (left < 4) word |= left <= 0 ? ~0u : ~0u << (8 * left);
    }
  if (vectors.inside) return;
#pragma unroll 1
  for (int k = 0; k < K; k++) {
    uint32_t v[W];
#pragma unroll
    for (int w = 0; w < W; w++) {
      v[w] = 0;
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const int at = vectors.first(k) + 4 * w + j;
        if (at < vectors.n) v[w] |= uint32_t(row[at]) << (8 * j);
      }
    }
#pragma unroll
    for (int w = 0; w < K * W; w++)
      if (w / W == k) words[w] |= v[w % W];
  }
}

// K vectors of a gradient, all whole, float32, and at addresses that can be written at once.
template <int K, int P>
CKL_DEVICE void store_aligned(const float (&x)[K * P], char* row, const Vectors& vectors) {
  float* const to = reinterpret_cast<float*>(row) + vectors.origin;
#pragma unroll
  for (int k = 0; k < K; k++)
#pragma unroll
    for (int j = k * P; j < k * P + P; j += 4)
      __stcs(reinterpret_cast<float4*>(to + k * vectors.stride + j % P),
             make_float4(x[j], x[j + 1], x[j + 2], x[j + 3]));
}

template <int K, int P>
CKL_DEVICE void store_scores(const float (&x)[K * P], char* row, DType type, const Vectors& vectors) {
  const bool single = type == DType::float32;
  const bool wide = offset_in(row, single || P == 8 ? 16 : 8) == 0;
  char* const start = row + vectors.origin * (single ? 4 : 2);
  const int step = vectors.stride * (single ? 4 : 2);
#pragma unroll
  for (int k = 0; k < K; k++) {
    const int live = vectors.n - vectors.first(k);
    char* const to = start + k * step;
    const float* const g = x + k * P;
    if (single) {
      if (wide && live >= P) {
#pragma unroll
        for (int j = 0; j < P; j += 4)
          __stcs(reinterpret_cast<float4*>(to + 4 * j), make_float4(g[j], g[j + 1], g[j + 2], g[j + 3]));
      } else {
#pragma unroll
        for (int j = 0; j < P; j++)
          if (j < live) reinterpret_cast<float*>(to)[j] = g[j];
      }
      continue;
    }
    uint32_t w[P / 2];
#pragma unroll
    for (int j = 0; j < P / 2; j++) w[j] = narrow_pair(type == DType::bfloat16, g[2 * j], g[2 * j + 1]);
    if (wide && live >= P) {
      if (P == 4) __stcs(reinterpret_cast<uint2*>(to), make_uint2(w[0], w[1]));
      else __stcs(reinterpret_cast<uint4*>(to), make_uint4(w[0], w[1], w[P / 2 - 2], w[P / 2 - 1]));
    } else {
#pragma unroll
      for (int j = 0; j < P; j++)
        if (j < live) reinterpret_cast<uint16_t*>(to)[j] = uint16_t(w[j / 2] >> 16 * (j % 2));
    }
  }
}

}  // namespace cuda
}  // namespace ckl
