// The last pass: from h to the gradient.
#pragma once
#include "softmax_passes.h"

namespace ckl {
namespace {

// grad = h - q sum h; at a lone top h (1 - q) - q (sum of the others), which does not cancel.
struct Projection {
  V scale, top, others, lone;
  // scale: the factor of h; 1 / 2^kLift of the gradient's scale if h is lifted. Applied last because it may be tiny,
  // and clamped to finite values so that 0 times it is 0.
  CKL_FN Projection(const Softmax& side, V below, V at_top, V of_h) {
    const V most(3.402823466e38f);
    scale = max(min(of_h, most), -most);
    top = fma(at_top, side.rest, -(side.inverse * below));
    others = -(side.lowering * (below + at_top));
    lone = select(side.tops == V(1.0f), V(kLifted), V(2 * kLifted));
  }
  CKL_FN V operator()(V e, V h) const { return select(e == lone, top, fma(e, others, h)) * scale; }
  CKL_FN V below_top(V e, V h) const { return fma(e, others, h) * scale; }
};

template <bool Masked, class Layout>
CKL_FN void finish_fast(const Layout a, const RowScratch w, const RowSums& r, V scale) {
  const Projection project(r.student, r.h_below, r.h_top, scale * V(1 / kLifted));
  a.each(
      [&](int64_t i, int64_t slot, auto live) __attribute__((always_inline)) {
        const V e = load(w.es + slot), h = load(w.h + slot);
        if constexpr (Layout::kSparse && sizeof(live) == sizeof(AllLanes)) {
          if (__builtin_expect(r.top_block >= 0 && slot != r.top_block, 1)) {
            a.put(a.grad, i, slot, project.below_top(e, h), live);
            return;
          }
        }
        V g = project(e, h);
        if constexpr (Masked) g = select(a.masked(i, slot), V(0.0f), g);
        a.put(a.grad, i, slot, g, live);
      },
      [] {});
}

template <class Layout>
CKL_FN void finish_general(const Layout a, const RowScratch w, RowSums& r, V scale, V teacher_scale, M counted,
                           bool teacher) {
  const V zero(0.0f);
  const M clean = r.poison == zero;
  Projection project(r.student, r.h_below, r.h_top, scale * V(1 / kLifted));
  Projection project_teacher(r.teacher, r.u_below, r.u_top, teacher_scale);
  a.each_masked(
      [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
        const M none = bit_set(a.label(i, slot), 0x80) | ~counted;
        const V g = select(clean, project(load(w.es + slot), load(w.h + slot)), not_a_number());
        a.put(a.grad, i, slot, select(none, zero, g), live);
        if (teacher) {
          const V gt = project_teacher(load(w.et + slot), load(w.u + slot));
          a.put(a.teacher_grad, i, slot, select(none, zero, select(clean, gt, not_a_number())), live);
        }
      },
      [] {});
  r.contribution = select(counted, select(clean, r.contribution, not_a_number()), zero);
  r.value = select(counted, select(clean, r.value, not_a_number()), zero);
}

}  // namespace
}  // namespace ckl
