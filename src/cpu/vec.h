// V: sixteen floats that behave like one, with masks M and bit patterns I.
//
// A V always has 16 lanes, held as native pieces (1 of 16, 2 of 8 or 4 of 4), so that every instruction set adds in the
// same order. With -ffp-contract=off and fma() as the only fused operation, AVX2, AVX-512 and NEON agree to the last
// bit; only the x86-64 baseline, which has no fma, differs.
//
// Everything here has internal linkage: kernel.cc is compiled once per instruction set, and the linker must never merge
// a function of one into another. For the same reason no C++ library header may be included from here.
#pragma once
#include "isa/isa.h"

namespace ckl {
namespace {

struct I {
  N v[kPieces];
};
struct M {
  PieceMask v[kPieces];
};
struct V {
  F v[kPieces];
  V() = default;
  CKL_FN explicit V(float x) { CKL_PIECES v[k] = x - F{}; }
  CKL_FN float operator[](int i) const { return v[i / kPieceLanes][i % kPieceLanes]; }
};

#define CKL_BINARY(R, T, name, expr) \
  CKL_FN R name(T a, T b) {          \
    R r;                             \
    CKL_PIECES {                     \
      auto x = a.v[k];               \
      auto y = b.v[k];               \
      r.v[k] = expr;                 \
    }                                \
    return r;                        \
  }
CKL_BINARY(V, V, operator+, x + y)
CKL_BINARY(V, V, operator-, x - y)
CKL_BINARY(V, V, operator*, x* y)
CKL_BINARY(V, V, operator/, x / y)
CKL_BINARY(V, V, max, max_piece(x, y))
CKL_BINARY(V, V, min, min_piece(x, y))
// Integers wrap around.
CKL_BINARY(I, I, operator+, (N)((U)x + (U)y))
CKL_BINARY(I, I, operator-, (N)((U)x - (U)y))
CKL_BINARY(I, I, operator&, x& y)
CKL_BINARY(I, I, operator|, x | y)
CKL_BINARY(I, I, max_unsigned, (N)((U)x > (U)y ? (U)x : (U)y))
CKL_BINARY(M, M, operator&, mask_and(x, y))
CKL_BINARY(M, M, operator|, mask_or(x, y))
CKL_BINARY(M, V, operator==, equal(x, y))
CKL_BINARY(M, V, operator>, above(x, y))
CKL_BINARY(M, I, operator==, equal_words(x, y))
CKL_BINARY(M, I, above_unsigned, above_unsigned(x, y))
CKL_FN V operator-(V a) {
  CKL_PIECES a.v[k] = -a.v[k];
  return a;
}
CKL_FN V fma(V a, V b, V c) {
  CKL_PIECES c.v[k] = fma_piece(a.v[k], b.v[k], c.v[k]);
  return c;
}
CKL_FN V root(V a) {
  CKL_PIECES a.v[k] = root_piece(a.v[k]);
  return a;
}

// ---- bits
CKL_FN I splat(int32_t x) {
  I r;
  CKL_PIECES r.v[k] = x - N{};
  return r;
}
CKL_FN I bits(V x) {
  I r;
  CKL_PIECES r.v[k] = (N)x.v[k];
  return r;
}
CKL_FN V from_bits(I x) {
  V r;
  CKL_PIECES r.v[k] = (F)x.v[k];
  return r;
}
template <int Count>
CKL_FN I shift_left(I x) {
  CKL_PIECES x.v[k] = (N)((U)x.v[k] << Count);
  return x;
}
template <int Count>
CKL_FN I shift_right(I x) {  // arithmetic
  CKL_PIECES x.v[k] >>= Count;
  return x;
}
// Converts integers 0 <= x < 2^23 to floats.
CKL_FN V to_float(I x) { return from_bits(x | splat(0x4b000000)) - V(8388608.0f); }
// Converts integers 0 <= x < 2^32 to floats, rounded once.
CKL_FN V any_to_float(I x) {
  const I half = splat(0xffff);
  return fma(to_float(shift_right<16>(x) & half), V(65536.0f), to_float(x & half));
}

// ---- truth values
CKL_FN M operator~(M a) {
  CKL_PIECES a.v[k] = mask_not(a.v[k]);
  return a;
}
CKL_FN M bit_set(I a, int32_t b) {
  M r;
  CKL_PIECES r.v[k] = bits_set(a.v[k], b);
  return r;
}
CKL_FN M lanes_from(int n) {
  M r;
  CKL_PIECES r.v[k] = lanes_at_least(k * kPieceLanes, n);
  return r;
}
CKL_FN PieceMask any_piece(M m) {
  for (int w = kPieces / 2; w; w /= 2)
    for (int k = 0; k < w; k++) m.v[k] = mask_or(m.v[k], m.v[k + w]);
  return m.v[0];
}
CKL_FN bool any(M m) { return any_lane(any_piece(m)); }
CKL_FN bool any(M a, M b) { return any_lane_of(any_piece(a), any_piece(b)); }
CKL_FN V select(M m, V a, V b) {
  CKL_PIECES a.v[k] = select_piece(m.v[k], a.v[k], b.v[k]);
  return a;
}
// acc + (m ? x : 0), in one instruction if the machine has one.
CKL_FN V masked_add(M m, V acc, V x) {
  CKL_PIECES acc.v[k] = masked_add_piece(m.v[k], acc.v[k], x.v[k]);
  return acc;
}

// n + (m ? 1 : 0)
CKL_FN I count(M m, I n) {
  CKL_PIECES n.v[k] = count_piece(m.v[k], n.v[k]);
  return n;
}

// ---- memory
CKL_FN F load_piece(const float* p) { return *(const FUnaligned*)p; }
CKL_FN void store_piece(float* p, F x) { *(FUnaligned*)p = x; }
CKL_FN V load(const float* p) {
  V r;
  CKL_PIECES r.v[k] = load_piece(p + k * kPieceLanes);
  return r;
}
CKL_FN void store(float* p, V x) { CKL_PIECES store_piece(p + k * kPieceLanes, x.v[k]); }
CKL_FN I load_bits(const void* p) {
  I r;
  CKL_PIECES r.v[k] = *(const NUnaligned*)((const char*)p + k * kPieceBytes);
  return r;
}
CKL_FN void store_bits(void* p, I x) { CKL_PIECES*(NUnaligned*)((char*)p + k * kPieceBytes) = x.v[k]; }

// Label bytes as words: lane j holds y[j].
CKL_FN I load_labels(const uint8_t* y) {
  I r;
  widen_labels(y, r.v);
  return r;
}
// 16-bit numbers as words, and the upper halves of words.
CKL_FN I load_words(const uint16_t* h) {
  I r;
  widen_words(h, r.v);
  return r;
}
CKL_FN void store_high_halves(uint16_t* h, I x) { high_halves(x.v, h); }
// The mask of labels that are 1, given that all 16 are 0 or 1.
CKL_FN M positive_labels(const uint8_t* y) {
  M r;
  positive_mask(y, r.v);
  return r;
}

// ---- across lanes: a tree of 16, 8, 4, 2, 1, whatever the pieces; the result is in every lane
template <class Op>
CKL_FN V reduce(V a, Op op) {
  for (int w = kPieces / 2; w; w /= 2)
    for (int k = 0; k < w; k++) a.v[k] = op(a.v[k], a.v[k + w]);
  const F x = fold_piece(a.v[0], op);
  CKL_PIECES a.v[k] = x;
  return a;
}
CKL_FN V sum_lanes(V a) {
  return reduce(a, [](F x, F y) { return x + y; });
}
CKL_FN V max_lanes(V a) {
  return reduce(a, [](F x, F y) { return max_piece(x, y); });
}

}  // namespace
}  // namespace ckl
