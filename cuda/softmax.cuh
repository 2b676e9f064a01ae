// What both kinds of row kernel make of a softmax: its normaliser, and the gradient's projection.
//
// Where one document dominates, 1 - q and sums over the others are never formed by subtraction (losses.md).
#pragma once
#include "platform.cuh"
#include "task.h"

namespace ckl {
namespace cuda {

// One softmax of a row. Documents at the top: those whose e^(s - max) is 1.
struct Side {
  float z;        // sum of e over all documents but one at the top
  float ln_z1;    // ln(1 + z)
  float inverse;  // 1 / (1 + z)
  float rest;     // 1 - probability of a document at the top
  float tops;     // how many are at the top
};

CKL_DEVICE Side normalise(float below, float tops) {
  Side r;
  r.tops = tops;
  r.z = below + (tops - 1.0f);
  r.ln_z1 = log1pf(r.z);
  r.inverse = 1.0f / (1.0f + r.z);
  r.rest = r.z * r.inverse;
  return r;
}

// x held to what is finite, so that 0 times it is 0.
CKL_DEVICE float saturate(float x) { return fminf(fmaxf(x, -3.402823466e38f), 3.402823466e38f); }

// grad = h - q sum h; at a lone top h (1 - q) - q (sum of the others), which does not cancel. With e and h multiplied by
// `lift`, which the gradient's scale undoes; it comes last, for it may be tiny.
struct Projection {
  float scale, top, others, lone;
  CKL_DEVICE_MEMBER Projection(const Side& side, float below, float at_top, float of_h, float lift) {
    scale = saturate(of_h) * (1 / lift);
    top = __fmaf_rn(at_top, side.rest, -(side.inverse * below));
    others = -(side.inverse * (1 / lift) * (below + at_top));
    lone = side.tops == 1.0f ? lift : 2 * lift;
  }
  CKL_DEVICE_MEMBER float below_top(float e, float h) const { return __fmaf_rn(e, others, h) * scale; }
  CKL_DEVICE_MEMBER float operator()(float e, float h) const { return e == lone ? top * scale : below_top(e, h); }
};

// 1 / temperature in two floats, for scores whose range may overflow: x * low must not turn an infinity around.
CKL_DEVICE float scaled(float x, float high, float low) {
  const float product = x * high;
  return product == infinity() || product == -infinity() ? product : __fmaf_rn(x, high, x * low);
}

}  // namespace cuda
}  // namespace ckl
