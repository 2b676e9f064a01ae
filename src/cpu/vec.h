// Sixteen floats that behave like one: V, with truth values M and bit patterns I.
//
// A V always has 16 lanes, held as native pieces (1 of 16, 2 of 8 or 4 of 4), so that every instruction set adds in the
// same order. With -ffp-contract=off and fma() as the only fused operation, AVX2, AVX-512 and NEON agree to the last
// bit; only the x86-64 baseline, which has no fma, differs.
//
// Everything here has internal linkage: kernel.cc is compiled once per instruction set, and the linker must never merge
// a function of one into another. For the same reason no C++ library header may be included from here.
#pragma once
#include <stdint.h>
#include <string.h>
#if defined __x86_64__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif
#include "../losses/number.h"

namespace ckl {
namespace {

#if defined __AVX512F__
enum { kPieceBytes = 64 };
#define CKL_LANES(f) \
  f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)
#elif defined __AVX2__
enum { kPieceBytes = 32 };
#define CKL_LANES(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)
#else
enum { kPieceBytes = 16 };
#define CKL_LANES(f) f(0), f(1), f(2), f(3)
#endif
enum { kLanes = 16, kPieceLanes = kPieceBytes / 4, kPieces = kLanes / kPieceLanes };

// Native pieces. GCC turns compares and selects on vectors wider than the machine's into scalar code, without a word:
// hence pieces, never one 64-byte vector everywhere.
typedef float F __attribute__((vector_size(kPieceBytes)));
typedef float FUnaligned __attribute__((vector_size(kPieceBytes), aligned(4), may_alias));
typedef int32_t N __attribute__((vector_size(kPieceBytes)));
typedef int32_t NUnaligned __attribute__((vector_size(kPieceBytes), aligned(1), may_alias));
typedef uint32_t U __attribute__((vector_size(kPieceBytes)));

#ifdef __clang__
#define CKL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CKL_UNROLL _Pragma("GCC unroll 16")
#endif
#define CKL_PIECES CKL_UNROLL for (int k = 0; k < kPieces; k++)

struct I {
  N v[kPieces];
};
struct V {
  F v[kPieces];
  V() = default;
  CKL_FN explicit V(float x) { CKL_PIECES v[k] = x - F{}; }
  CKL_FN float operator[](int i) const { return v[i / kPieceLanes][i % kPieceLanes]; }
};

// x > y ? x : y exactly (so y when either is NaN), in one instruction where the machine has it.
CKL_FN F max_piece(F x, F y) {
#if defined __AVX512F__
  return (F)_mm512_max_ps((__m512)x, (__m512)y);
#elif defined __AVX2__
  return (F)_mm256_max_ps((__m256)x, (__m256)y);
#else
  return x > y ? x : y;
#endif
}
CKL_FN F min_piece(F x, F y) {
#if defined __AVX512F__
  return (F)_mm512_min_ps((__m512)x, (__m512)y);
#elif defined __AVX2__
  return (F)_mm256_min_ps((__m256)x, (__m256)y);
#else
  return x < y ? x : y;
#endif
}

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
// Whole numbers wrap around.
CKL_BINARY(I, I, operator+, (N)((U)x + (U)y))
CKL_BINARY(I, I, operator-, (N)((U)x - (U)y))
CKL_BINARY(I, I, operator&, x& y)
CKL_BINARY(I, I, operator|, x | y)
CKL_BINARY(I, I, max_unsigned, (N)((U)x > (U)y ? (U)x : (U)y))
CKL_FN V operator-(V a) {
  CKL_PIECES a.v[k] = -a.v[k];
  return a;
}
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
// Whole numbers 0 <= x < 2^23 as floats.
CKL_FN V to_float(I x) { return from_bits(x | splat(0x4b000000)) - V(8388608.0f); }

CKL_FN V fma(V a, V b, V c) {
#if defined __AVX512F__
  CKL_PIECES c.v[k] = (F)_mm512_fmadd_ps((__m512)a.v[k], (__m512)b.v[k], (__m512)c.v[k]);
#elif defined __FMA__
  CKL_PIECES c.v[k] = (F)_mm256_fmadd_ps((__m256)a.v[k], (__m256)b.v[k], (__m256)c.v[k]);
#elif defined __aarch64__
  CKL_PIECES c.v[k] = (F)vfmaq_f32((float32x4_t)c.v[k], (float32x4_t)a.v[k], (float32x4_t)b.v[k]);
#else
  CKL_PIECES c.v[k] = a.v[k] * b.v[k] + c.v[k];
#endif
  return c;
}

// ---- truth values: a bit a lane where the machine has mask registers, else a word of ones or zeros
#if defined __AVX512F__
struct M {
  __mmask16 v;
};
CKL_FN M operator&(M a, M b) { return {(__mmask16)(a.v & b.v)}; }
CKL_FN M operator|(M a, M b) { return {(__mmask16)(a.v | b.v)}; }
CKL_FN M operator~(M a) { return {(__mmask16)~a.v}; }
CKL_FN bool any(M m) { return m.v != 0; }
CKL_FN bool any(M a, M b) { return !_kortestz_mask16_u8(a.v, b.v); }
CKL_FN M operator==(V a, V b) { return {_mm512_cmp_ps_mask((__m512)a.v[0], (__m512)b.v[0], _CMP_EQ_OQ)}; }
CKL_FN M operator>(V a, V b) { return {_mm512_cmp_ps_mask((__m512)a.v[0], (__m512)b.v[0], _CMP_GT_OQ)}; }
CKL_FN M operator==(I a, I b) { return {_mm512_cmpeq_epi32_mask((__m512i)a.v[0], (__m512i)b.v[0])}; }
CKL_FN M above_unsigned(I a, I b) { return {_mm512_cmpgt_epu32_mask((__m512i)a.v[0], (__m512i)b.v[0])}; }
CKL_FN M bit_set(I a, int32_t b) { return {_mm512_test_epi32_mask((__m512i)a.v[0], _mm512_set1_epi32(b))}; }
CKL_FN V select(M m, V a, V b) {
  V r;
  r.v[0] = (F)_mm512_mask_blend_ps(m.v, (__m512)b.v[0], (__m512)a.v[0]);
  return r;
}
// acc + (m ? x : 0), in one operation where there is one.
CKL_FN V masked_add(M m, V acc, V x) {
  acc.v[0] = (F)_mm512_mask_add_ps((__m512)acc.v[0], m.v, (__m512)acc.v[0], (__m512)x.v[0]);
  return acc;
}
CKL_FN M lanes_from(int n) { return {(__mmask16)(0xffffu << n)}; }
#else
struct M {
  N v[kPieces];
};
CKL_BINARY(M, M, operator&, x& y)
CKL_BINARY(M, M, operator|, x | y)
CKL_BINARY(M, V, operator==, x == y)
CKL_BINARY(M, V, operator>, x > y)
CKL_BINARY(M, I, operator==, x == y)
CKL_BINARY(M, I, above_unsigned, (N)((U)x > (U)y))
CKL_FN M operator~(M a) {
  CKL_PIECES a.v[k] = ~a.v[k];
  return a;
}
CKL_FN M bit_set(I a, int32_t b) {
  M r;
  CKL_PIECES r.v[k] = (a.v[k] & b) != 0;
  return r;
}
CKL_FN bool any(M m) {
  for (int w = kPieces / 2; w; w /= 2)
    for (int k = 0; k < w; k++) m.v[k] |= m.v[k + w];
#if defined __AVX2__
  return !_mm256_testz_si256((__m256i)m.v[0], (__m256i)m.v[0]);
#elif defined __x86_64__
  return _mm_movemask_epi8((__m128i)m.v[0]) != 0;
#else
  return vmaxvq_u32((uint32x4_t)m.v[0]) != 0;
#endif
}
CKL_FN bool any(M a, M b) { return any(a | b); }
CKL_FN V select(M m, V a, V b) {
  CKL_PIECES a.v[k] = m.v[k] ? a.v[k] : b.v[k];
  return a;
}
CKL_FN V masked_add(M m, V acc, V x) {
  CKL_PIECES acc.v[k] += (F)((N)x.v[k] & m.v[k]);
  return acc;
}
CKL_FN M lanes_from(int n) {
  M r;
#define CKL_SAME(j) (j)
  CKL_PIECES r.v[k] = N{CKL_LANES(CKL_SAME)} + k * kPieceLanes >= n;
#undef CKL_SAME
  return r;
}
#endif

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

// The first n < kPieceLanes floats; nothing past them is touched.
CKL_FN F load_first(const float* p, int n) {
#if defined __AVX512F__
  return (F)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined __AVX2__
  const N lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return (F)_mm256_maskload_ps(p, (__m256i)(lane < n));
#else
  float x[kPieceLanes] = {0};
  for (int i = 0; i < n; i++) x[i] = p[i];
  return load_piece(x);
#endif
}
CKL_FN void store_first(float* p, F x, int n) {
#if defined __AVX512F__
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#elif defined __AVX2__
  const N lane = {0, 1, 2, 3, 4, 5, 6, 7};
  _mm256_maskstore_ps(p, (__m256i)(lane < n), (__m256)x);
#else
  for (int i = 0; i < n; i++) p[i] = x[i];
#endif
}

// Label bytes as words: lane j holds y[j].
CKL_FN I load_labels(const uint8_t* y) {
  I r;
#if defined __AVX512F__
  r.v[0] = (N)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)y));
#elif defined __AVX2__
  CKL_PIECES r.v[k] = (N)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)(y + k * kPieceLanes)));
#elif defined __aarch64__
  const uint8x16_t x = vld1q_u8(y);
  const uint16x8_t low = vmovl_u8(vget_low_u8(x)), high = vmovl_u8(vget_high_u8(x));
  r.v[0] = (N)vmovl_u16(vget_low_u16(low));
  r.v[1] = (N)vmovl_u16(vget_high_u16(low));
  r.v[2] = (N)vmovl_u16(vget_low_u16(high));
  r.v[3] = (N)vmovl_u16(vget_high_u16(high));
#else
  const __m128i zero = _mm_setzero_si128(), x = _mm_loadu_si128((const __m128i*)y);
  const __m128i low = _mm_unpacklo_epi8(x, zero), high = _mm_unpackhi_epi8(x, zero);
  r.v[0] = (N)_mm_unpacklo_epi16(low, zero);
  r.v[1] = (N)_mm_unpackhi_epi16(low, zero);
  r.v[2] = (N)_mm_unpacklo_epi16(high, zero);
  r.v[3] = (N)_mm_unpackhi_epi16(high, zero);
#endif
  return r;
}

// Which of 16 labels are 1, given that all are 0 or 1.
CKL_FN M positive_labels(const uint8_t* y) {
#if defined __AVX512F__
  return {_mm_test_epi8_mask(_mm_loadu_si128((const __m128i*)y), _mm_set1_epi8(1))};
#else
  return bit_set(load_labels(y), 1);
#endif
}

// ---- across lanes: a tree of 16, 8, 4, 2, 1, whatever the pieces; the result is in every lane
#define CKL_SHUFFLE(a, b, f) __builtin_shufflevector(a, b, CKL_LANES(f))
#define CKL_X1(j) ((j) ^ 1)
#define CKL_X2(j) ((j) ^ 2)
#define CKL_X4(j) ((j) ^ 4)
#define CKL_X8(j) ((j) ^ 8)
template <class Op>
CKL_FN V reduce(V a, Op op) {
  for (int w = kPieces / 2; w; w /= 2)
    for (int k = 0; k < w; k++) a.v[k] = op(a.v[k], a.v[k + w]);
  F x = a.v[0];
#if defined __AVX512F__
  x = op(x, CKL_SHUFFLE(x, x, CKL_X8));
#endif
#if defined __AVX2__
  x = op(x, CKL_SHUFFLE(x, x, CKL_X4));
#endif
  x = op(x, CKL_SHUFFLE(x, x, CKL_X2));
  x = op(x, CKL_SHUFFLE(x, x, CKL_X1));
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
