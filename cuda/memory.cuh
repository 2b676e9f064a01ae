// Reading and writing documents in device memory, whatever their element type and alignment.
#pragma once
#include "platform.cuh"
#include "task.h"

namespace ckl {
namespace cuda {

struct Row {
  int64_t b, begin, n;  // the query, its first element, its length
};

CKL_DEVICE Row row_of(const Rows& rows, int64_t b) {
  if (!rows.offsets) return {b, b * rows.stride, rows.docs};
  const int64_t begin = rows.offsets[b];
  return {b, begin, rows.offsets[b + 1] - begin};
}

// Whether a row is one of this launch's.
CKL_DEVICE bool belongs(const Task& task, const Row& row) { return row.n >= task.shortest && row.n <= task.longest; }

CKL_DEVICE float load(const char* data, DType type, int64_t i) {
  if (type == DType::float32) return reinterpret_cast<const float*>(data)[i];
  const uint16_t h = reinterpret_cast<const uint16_t*>(data)[i];
  return type == DType::bfloat16 ? widen_bfloat16(h) : widen_float16(h);
}

CKL_DEVICE void store(char* data, DType type, int64_t i, float x) {
  if (type == DType::float32) reinterpret_cast<float*>(data)[i] = x;
  else reinterpret_cast<uint16_t*>(data)[i] = type == DType::bfloat16 ? narrow_bfloat16(x) : narrow_float16(x);
}

CKL_DEVICE float rank_at(const Ranks& ranks, int64_t i) {
  switch (ranks.type) {
    case RankType::u8: return float(static_cast<const uint8_t*>(ranks.data)[i]);
    case RankType::u16: return float(static_cast<const uint16_t*>(ranks.data)[i]);
    case RankType::u32: return float(static_cast<const uint32_t*>(ranks.data)[i]);
    case RankType::i32: return float(static_cast<const int32_t*>(ranks.data)[i]);
    default: return static_cast<const float*>(ranks.data)[i];
  }
}

// Whether element i of an array of elements of `size` bytes starts on 16 bytes (labels: on as many as they load).
CKL_DEVICE bool aligned(const void* data, int64_t i, int size, int bytes) {
  return (reinterpret_cast<uintptr_t>(data) + uintptr_t(i) * size) % bytes == 0;
}

// The address of a row's first element. Within a row that is read in packs, 32 bits count its documents.
CKL_DEVICE const char* row_start(const Scores& of, int64_t begin) {
  return of.data + begin * (of.type == DType::float32 ? 4 : 2);
}

// P consecutive documents: 4 of float32 or 8 where a two-byte type is among the arrays, 16 bytes either way.
// `live`: how many of them are in the row; `wide`: whether the row's packs lie at addresses that can be read at once.
CKL_DEVICE bool is_wide(const void* data, DType type, int64_t begin, int bytes) {
  return aligned(data, begin, type == DType::float32 ? 4 : 2, bytes);
}

template <int P>
CKL_DEVICE void load_pack(float* x, const char* row, DType type, int i, int live, bool wide) {
  if (!wide || live < P) {
#pragma unroll
    for (int j = 0; j < P; j++) x[j] = j < live ? load(row, type, i + j) : 0.0f;
    return;
  }
  if (P == 4 || type == DType::float32) {
    const float4* p = reinterpret_cast<const float4*>(row + i * 4);
#pragma unroll
    for (int j = 0; j < P / 4; j++) {
      const float4 v = __ldcs(p + j);
      x[4 * j] = v.x, x[4 * j + 1] = v.y, x[4 * j + 2] = v.z, x[4 * j + 3] = v.w;
    }
    return;
  }
  const uint4 v = __ldcs(reinterpret_cast<const uint4*>(row + i * 2));
  const uint32_t w[4] = {v.x, v.y, v.z, v.w};
  if (type == DType::bfloat16) {
#pragma unroll
    for (int j = 0; j < P; j++) x[j] = __uint_as_float(j % 2 ? w[j / 2] & 0xffff0000u : w[j / 2] << 16);
  } else {
#pragma unroll
    for (int j = 0; j < P; j++) x[j] = widen_float16(uint16_t(w[j / 2] >> 16 * (j % 2)));
  }
}

// Labels of a pack, four to a word; 255 beyond the row.
template <int P>
CKL_DEVICE void load_labels(uint32_t* words, const uint8_t* labels, int i, int live, bool wide) {
  if (wide && live == P) {
    if (P == 4) {
      words[0] = __ldcs(reinterpret_cast<const uint32_t*>(labels + i));
    } else {
      const uint2 v = __ldcs(reinterpret_cast<const uint2*>(labels + i));
      words[0] = v.x, words[P / 4 - 1] = v.y;
    }
    return;
  }
#pragma unroll
  for (int k = 0; k < P / 4; k++) {
    words[k] = 0;
#pragma unroll
    for (int j = 0; j < 4; j++) words[k] |= uint32_t(4 * k + j < live ? labels[i + 4 * k + j] : kPadding) << (8 * j);
  }
}

template <int P>
CKL_DEVICE void store_pack(const float (&x)[P], char* row, DType type, int i, int live, bool wide) {
  const bool is_float = type == DType::float32;
  if (!wide || live < P) {
#pragma unroll
    for (int j = 0; j < P; j++)
      if (j < live) store(row, type, i + j, x[j]);
    return;
  }
  if (is_float) {
    float4* p = reinterpret_cast<float4*>(row + i * 4);
#pragma unroll
    for (int j = 0; j < P / 4; j++) __stcs(p + j, make_float4(x[4 * j], x[4 * j + 1], x[4 * j + 2], x[4 * j + 3]));
    return;
  }
  uint32_t w[P / 2];
#pragma unroll
  for (int j = 0; j < P / 2; j++) {
    const bool brain = type == DType::bfloat16;
    const uint16_t low = brain ? narrow_bfloat16(x[2 * j]) : narrow_float16(x[2 * j]);
    const uint16_t high = brain ? narrow_bfloat16(x[2 * j + 1]) : narrow_float16(x[2 * j + 1]);
    w[j] = uint32_t(low) | uint32_t(high) << 16;
  }
  if (P == 4) __stcs(reinterpret_cast<uint2*>(row + i * 2), make_uint2(w[0], w[1]));
  else __stcs(reinterpret_cast<uint4*>(row + i * 2), make_uint4(w[0], w[1], w[P / 2 - 2], w[P / 2 - 1]));
}

}  // namespace cuda
}  // namespace ckl
