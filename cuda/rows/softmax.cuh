// The parts of a softmax that both kinds of row kernel share: its normaliser, and the projection of the gradient.
//
// Where one document dominates, 1 - q and sums over the others are never formed by subtraction (losses.md).
#pragma once
#include "../common/platform.cuh"
#include "../launch/task.h"

namespace ckl {
namespace cuda {

// One softmax of a row. Documents at the top: those whose e^(s - max) is 1.
struct Softmax {
  float z;        // sum of e over all documents except one at the top
  float ln_z1;    // ln(1 + z)
  float inverse;  // 1 / (1 + z)
  float rest;     // 1 - probability of a document at the top
  float tops;     // number of documents at the top
};

// ln(1 + z) for z >= 0, within 1.5 units in the last place for any z.
CKL_DEVICE float ln1p(float z) {
  const int e = int((__float_as_uint(1.0f + z) - 0x3f2aaaabu) & 0xff800000u);
  const float scale = __uint_as_float(0x3f800000u - uint32_t(e));  // 1 / 2^k, and (1 + z) scale is in 2/3 to 4/3
  const float m = __fmaf_rn(z, scale, scale - 1.0f), s = m * m;
  float r = -0.130310059f, t = 0.140869141f;
  r = __fmaf_rn(r, s, -0.121483512f);
  t = __fmaf_rn(t, s, 0.139814854f);
  r = __fmaf_rn(r, s, -0.166846126f);
  t = __fmaf_rn(t, s, 0.200120345f);
  r = __fmaf_rn(r, s, -0.249996200f);
  r = __fmaf_rn(t, m, r);
  r = __fmaf_rn(r, m, 0.333331972f);
  r = __fmaf_rn(r, m, -0.5f);
  r = __fmaf_rn(r, s, m);
  return __fmaf_rn(float(e) * 1.1920929e-7f, 0.693147182f, r);
}

// 1 / x for 1 <= x < 2^126: the special-function unit followed by a Newton step.
CKL_DEVICE float reciprocal(float x) {
  const float r = reciprocal_fast(x);
  return __fmaf_rn(r, __fmaf_rn(-x, r, 1.0f), r);
}

CKL_DEVICE Softmax normalise(float below, float tops) {
  Softmax r;
  r.tops = tops;
  r.z = below + (tops - 1.0f);
  r.ln_z1 = ln1p(r.z);
  r.inverse = reciprocal(1.0f + r.z);
  r.rest = r.z * r.inverse;
  return r;
}

// Both softmaxes of a row. Where several lanes share it, the even ones compute the student's, the odd ones the
// teacher's.
CKL_DEVICE void normalise(float below_student, float below_teacher, const float (&tops)[2], bool shared,
                          Softmax& student, Softmax& teacher) {
  if (!shared) {
    student = normalise(below_student, tops[0]);
    teacher = normalise(below_teacher, tops[1]);
    return;
  }
  const unsigned lane = threadIdx.x % kWarp;
  const bool odd = lane & 1;
  const Softmax mine = normalise(odd ? below_teacher : below_student, odd ? tops[1] : tops[0]);
  const auto side = [&](float below, float of_tops, unsigned from) {
    Softmax r = {below + (of_tops - 1.0f), __shfl_sync(kAll, mine.ln_z1, from), __shfl_sync(kAll, mine.inverse, from),
                 0, of_tops};
    r.rest = r.z * r.inverse;
    return r;
  };
  student = side(below_student, tops[0], lane & ~1u);
  teacher = side(below_teacher, tops[1], lane | 1u);
}

// x clamped to finite values, so that 0 times it is 0.
CKL_DEVICE float saturate(float x) { return fminf(fmaxf(x, -3.402823466e38f), 3.402823466e38f); }

// grad = h - q sum h; at a lone top h (1 - q) - q (sum of the others), which does not cancel. q is e times `of_e`; h
// has any factor that the gradient's scale removes. The scale is applied last because it may be tiny.
struct Projection {
  float scale, top, others;
  bool lone;
  CKL_DEVICE_MEMBER Projection(const Softmax& side, float below, float at_top, float of_h, float of_e) {
    scale = of_h;
    top = __fmaf_rn(at_top, side.rest, -(side.inverse * below)) * scale;
    others = -(of_e * (below + at_top));
    lone = side.tops == 1.0f;
  }
  CKL_DEVICE_MEMBER float below_top(float e, float h) const { return __fmaf_rn(e, others, h) * scale; }
  CKL_DEVICE_MEMBER float operator()(bool at_top, float e, float h) const {
    return at_top && lone ? top : below_top(e, h);
  }
};

// 1 / temperature as the sum of two floats, for scores whose range may overflow: x * low must not change the sign of an
// infinity.
CKL_DEVICE float scaled(float x, float high, float low) {
  const float product = x * high;
  return product == infinity() || product == -infinity() ? product : __fmaf_rn(x, high, x * low);
}

}  // namespace cuda
}  // namespace ckl
