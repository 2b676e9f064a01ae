// NEON on arm64: a vector is four pieces of four floats, with fma and float16.
#pragma once
#include <arm_neon.h>

#include "four_lanes.h"

namespace ckl {
namespace {

CKL_FN F fma_piece(F a, F b, F c) { return (F)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
CKL_FN F root_piece(F x) { return (F)vsqrtq_f32((float32x4_t)x); }

CKL_FN bool any_lane(PieceMask m) { return vmaxvq_u32((uint32x4_t)m) != 0; }
CKL_FN bool any_lane_of(PieceMask x, PieceMask y) { return any_lane(x | y); }

CKL_FN void widen_labels(const uint8_t* y, N (&v)[kPieces]) {
  const uint8x16_t x = vld1q_u8(y);
  const uint16x8_t low = vmovl_u8(vget_low_u8(x)), high = vmovl_u8(vget_high_u8(x));
  v[0] = (N)vmovl_u16(vget_low_u16(low));
  v[1] = (N)vmovl_u16(vget_high_u16(low));
  v[2] = (N)vmovl_u16(vget_low_u16(high));
  v[3] = (N)vmovl_u16(vget_high_u16(high));
}
CKL_FN void positive_mask(const uint8_t* y, PieceMask (&m)[kPieces]) {
  N v[kPieces];
  widen_labels(y, v);
  CKL_PIECES m[k] = bits_set(v[k], 1);
}
CKL_FN void widen_words(const uint16_t* h, N (&v)[kPieces]) {
  CKL_PIECES v[k] = (N)vmovl_u16(vld1_u16(h + k * kPieceLanes));
}
CKL_FN void high_halves(const N (&v)[kPieces], uint16_t* h) {
  CKL_PIECES vst1_u16(h + k * kPieceLanes, vshrn_n_u32((uint32x4_t)v[k], 16));
}
// 16 labels; bit i of `live` is set if label i counts.
CKL_FN void count_sixteen(const uint8_t* y, unsigned live, LabelCount& c) {
  for (int i = 0; i < 16; i++) {
    if (!(live >> i & 1)) continue;
    c.positives += y[i] == 1;
    c.padding += y[i] == 255;
    c.other |= y[i] > 1 && y[i] != 255;
  }
}
enum { kLabelBlock = 16 };
CKL_FN void count_block(const uint8_t* y, LabelCount& c) {
  const uint8x16_t x = vld1q_u8(y), lsb = vdupq_n_u8(1);
  const uint8x16_t one = vceqq_u8(x, lsb), pad = vceqq_u8(x, vdupq_n_u8(255)), zero = vceqzq_u8(x);
  c.positives += vaddlvq_u8(vandq_u8(one, lsb));
  c.padding += vaddlvq_u8(vandq_u8(pad, lsb));
  c.other |= vminvq_u8(vorrq_u8(vorrq_u8(one, pad), zero)) == 0;
}

CKL_FN float widen_float16(uint16_t h) {
  __fp16 x;
  memcpy(&x, &h, 2);
  return x;
}
CKL_FN uint16_t narrow_float16(float f) {
  const __fp16 x = (__fp16)f;
  uint16_t h;
  memcpy(&h, &x, 2);
  return h;
}
enum { kHalfBlock = 4 };
CKL_FN void widen_block(const uint16_t* h, float* to) { vst1q_f32(to, vcvt_f32_f16(vld1_f16((const __fp16*)h))); }
CKL_FN void narrow_block(const float* from, uint16_t* h) { vst1_f16((__fp16*)h, vcvt_f16_f32(vld1q_f32(from))); }

typedef uint64_t FloatMode;
constexpr FloatMode kFlushDenormals = 1 << 24;
CKL_FN FloatMode read_float_mode() {
  FloatMode mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
CKL_FN void write_float_mode(FloatMode mode) { asm volatile("msr fpcr, %0" ::"r"(mode) : "memory"); }

}  // namespace
}  // namespace ckl
