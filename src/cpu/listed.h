// Looks up the ranks of a row's documents in a ranked list, for the rank tracker.
#pragma once
#include "vec.h"

namespace ckl {
namespace {

// The places of `Blocks` times sixteen documents in a list, counted from 1; 0 for documents not listed. Without
// branches, because most are listed.
template <int Blocks>
CKL_FN void listed_places(const uint32_t* list, int64_t length, const uint32_t* codes, uint32_t* places) {
  I wanted[Blocks], next = splat(1);
  V place[Blocks];  // bits, for select()
  const I one = splat(1);
  CKL_UNROLL for (int b = 0; b < Blocks; b++) wanted[b] = load_bits(codes + b * kLanes), place[b] = V(0.0f);
  for (int64_t k = 0; k < length; k++) {
    const I listed = splat(int32_t(list[k]));
    CKL_UNROLL for (int b = 0; b < Blocks; b++) place[b] = select(wanted[b] == listed, from_bits(next), place[b]);
    next = next + one;
  }
  CKL_UNROLL for (int b = 0; b < Blocks; b++) store_bits(places + b * kLanes, bits(place[b]));
}

// The ranks of n documents; documents not listed get `absent`. A list has no duplicates and is short enough to be
// scanned as a whole.
inline void listed_ranks(const uint32_t* list, const uint16_t* ranks, int64_t length, const uint32_t* codes, int64_t n,
                         float absent, float* out) {
  // As many at once as fit in registers.
  constexpr int kBlocks = kPieces <= 2 ? 2 : 1;
  constexpr int64_t kTogether = kBlocks * kLanes;
  for (int64_t i = 0; i < n; i += kTogether) {
    const int64_t taken = n - i < kTogether ? n - i : kTogether;
    uint32_t some[kTogether] = {}, places[kTogether];
    for (int64_t j = 0; taken < kTogether && j < taken; j++) some[j] = codes[i + j];
    const uint32_t* const wanted = taken < kTogether ? some : codes + i;
    if (taken > kLanes) listed_places<kBlocks>(list, length, wanted, places);
    else listed_places<1>(list, length, wanted, places);
    for (int64_t j = 0; j < taken; j++) out[i + j] = places[j] ? float(ranks[places[j] - 1]) : absent;
  }
}

}  // namespace
}  // namespace ckl
