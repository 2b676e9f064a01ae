// Reading and writing documents in device memory, whatever their element type and alignment.
#pragma once
#include "platform.cuh"
#include "../launch/task.h"

// Whether rows have lengths of their own: test/cuda/ways.cu excludes it (see held_row.cuh).
#ifndef CKL_RAGGED
#define CKL_RAGGED(condition) (condition)
#endif

namespace ckl {
namespace cuda {

struct Row {
  int64_t b, begin, n;  // the query, its first element, its length
};

CKL_DEVICE Row row_of(const Rows& rows, int64_t b) {
  if (!CKL_RAGGED(rows.offsets != nullptr)) return {b, b * rows.stride, rows.docs};
  const int64_t begin = rows.offsets[b];
  return {b, begin, rows.offsets[b + 1] - begin};
}

// Whether a row belongs to this launch.
CKL_DEVICE bool in_class(const Task& task, const Row& row) {
  return !CKL_RAGGED(task.batch.rows.offsets != nullptr) ||
         (row.n >= task.launch.shortest && row.n <= task.launch.longest);
}

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

// The address of a row's first element. In a row that is read in vectors, documents are counted in 32 bits.
CKL_DEVICE const char* row_start(const Scores& of, int64_t begin) {
  return of.data + begin * (of.type == DType::float32 ? 4 : 2);
}
CKL_DEVICE int rank_size(const Batch& batch) {
  if (batch.beta) return 4;
  return batch.ranks.type == RankType::u8 ? 1 : batch.ranks.type == RankType::u16 ? 2 : 4;
}
CKL_DEVICE const char* ranks_start(const Batch& batch, int64_t begin) {
  const void* const data = batch.beta ? batch.beta : batch.ranks.data;
  return static_cast<const char*>(data) + begin * rank_size(batch);
}
CKL_DEVICE unsigned offset_in(const void* p, unsigned bytes) {
  return unsigned(reinterpret_cast<uintptr_t>(p)) % bytes;
}

}  // namespace cuda
}  // namespace ckl
