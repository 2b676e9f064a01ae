// Competition ranks of the current student scores: 1 + how many valid documents of the query score higher.
//
// Scores are sorted, and every document looks up its place: ties share a rank, so the order among them does not matter.
// Rows of up to kRankedInKernel documents are ranked by the row kernel itself, longer ones in separate launches.
#pragma once
#include "../common/scalar_load.cuh"
#include "../common/team.cuh"

namespace ckl {
namespace cuda {

constexpr int kComparedAll = 64;

// The sort key of masked documents; a valid score of -inf does not rank above it either.
CKL_DEVICE float key_of(const Batch& batch, int64_t i) {
  if (batch.labels && batch.labels[i] == kPadding) return -infinity();
  return load(batch.student.data, batch.student.type, i);
}

// Sorts `size` keys, a power of two, from high to low. The whole team takes each step together.
template <class Team, class Key>
CKL_DEVICE void sort_keys(Team& team, Key* keys, unsigned size) {
  for (unsigned run = 2; run <= size; run *= 2)
    for (unsigned stride = run / 2; stride > 0; stride /= 2) {
      for (unsigned k = team.group_rank(); k < size / 2; k += team.group_size()) {
        const unsigned a = 2 * k - (k & (stride - 1)), b = a + stride;
        const Key x = keys[a], y = keys[b];
        const bool falls = (a & run) == 0;
        if (falls ? x < y : x > y) keys[a] = y, keys[b] = x;
      }
      team.group_sync();
    }
}

// The number of sorted keys, out of n, that are above x.
CKL_DEVICE unsigned count_above(const float* keys, unsigned n, float x) {
  unsigned low = 0;
  while (n > 0) {
    const unsigned half = n / 2;
    if (keys[low + half] > x) low += half + 1, n -= half + 1;
    else n = half;
  }
  return low;
}

// What rank_row needs room for.
CKL_DEVICE unsigned capacity_for(const Row& row) {
  unsigned capacity = 1;
  while (capacity < row.n) capacity *= 2;
  return capacity;
}

// Writes 1 / rank of each document of a row to `inverse`. `capacity`: a power of two >= n, the same for all rows that
// share a warp; keys and inverse hold as many floats.
template <class Team>
CKL_DEVICE void rank_row(Team& team, const Batch& batch, const Row& row, unsigned capacity, float* keys,
                         float* inverse) {
  const unsigned n = unsigned(row.n), size = team.group_size(), me = team.group_rank();
  for (unsigned i = me; i < capacity; i += size) keys[i] = i < n ? key_of(batch, row.begin + i) : -infinity();
  team.group_sync();
  if (capacity > kComparedAll) sort_keys(team, keys, capacity);
  for (unsigned i = me; i < n; i += size) {
    const float x = key_of(batch, row.begin + i);
    unsigned above = 0;
    if (capacity > kComparedAll) above = count_above(keys, capacity, x);
    else
      for (unsigned j = 0; j < n; j++) above += keys[j] > x;
    inverse[i] = 1.0f / float(above + 1);
  }
  team.group_sync();
}

}  // namespace cuda
}  // namespace ckl
