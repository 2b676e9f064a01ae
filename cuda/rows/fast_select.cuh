// Selects the fast kernel of a term, with a switch generated from losses.def. Variants that are no faster on a GPU
// share a kernel.
#pragma once
#include "../launch/launch.h"
#include "fast_grid.cuh"
#include "fast_kernels.cuh"
#include "fast_shared.cuh"
#include "fast_team.cuh"

namespace ckl {
namespace cuda {

// The functor that serves for F, too.
template <class F>
struct KernelFor {
  typedef F Type;
};

// ckl with a rank bias, and what the kernel of the others cannot: weights that are constants, and other gammas.
typedef CklVariant<kGammaReal, true> CklBiased;
typedef CklVariant<kGammaReal, false> CklUnbiased;

// kl, bkl, nll and klLogL consist of the same parts and share a kernel, in which `gamma` is the factor of kl
// (enqueue.cc). Separate kernels made the binary a third larger.
struct Mixed : Distribution {
  static constexpr bool reads_ln_q = true;
  float kl, lambda, negative_weight, nll;
  static CKL_FN Mixed make(const Parameters& p) { return {{}, p.gamma, p.lambda, p.negative_weight, p.nll_weight}; }
  template <class V, class M>
  CKL_FN Term<V> operator()(Document<V, M> x) const {
    x.p = V(kl) * x.p;
    const Term<V> a = Bkl{{}, lambda, negative_weight}(x), b = Nll()(x);
    return {fma(V(nll), b.value, a.value), fma(V(nll), b.h, a.h), a.u};
  }
};
template <>
struct KernelFor<Kl> {
  typedef Mixed Type;
};
template <>
struct KernelFor<Bkl> {
  typedef Mixed Type;
};
template <>
struct KernelFor<Nll> {
  typedef Mixed Type;
};
template <>
struct KernelFor<KlLogL> {
  typedef Mixed Type;
};

// jsd and reverseKl, which is the case without a mixture (enqueue.cc), share another kernel.
struct Bridge : Distribution {
  float mixture;
  static CKL_FN Bridge make(const Parameters& p) { return {{}, p.mixture}; }
  template <class V, class M>
  CKL_FN Term<V> operator()(const Document<V, M>& x) const {
    return mixture == 0 ? ReverseKl()(x) : Jsd{{}, mixture}(x);
  }
};
template <>
struct KernelFor<ReverseKl> {
  typedef Bridge Type;
};
template <>
struct KernelFor<Jsd> {
  typedef Bridge Type;
};
template <>
struct LeastGap<Bridge> {
  static CKL_DEVICE_MEMBER float of(const Bridge& loss) { return loss.mixture == 0 ? -infinity() : kLeastGap; }
};

// Maximum number of documents per thread in a kernel for lanes. 32 amortise the fixed cost of a row better, but are the
// largest part of the binary, so the least used losses stop at 16.
template <class F>
inline constexpr int kWidest = 32;
template <>
inline constexpr int kWidest<Bridge> = 16;

// Whether rows with no room in registers stay in shared memory; otherwise the whole grid shares them. Again, for the
// size of the binary, only those of ckl without a rank bias.
template <class F>
inline constexpr bool kStays = false;
template <>
inline constexpr bool kStays<CklUnbiased> = true;

// Whether teams have a kernel; otherwise the whole grid shares rows that are too long for lanes. Once more for the size of
// the binary, two-byte scores of the least used losses have none.
template <class F, int P>
inline constexpr bool kTeams = true;
template <>
inline constexpr bool kTeams<Bridge, 8> = false;

// Calls visit with the functor that the fast kernels of a loss evaluate.
template <class Loss, class Visit>
void with_kernel(Loss loss, const Parameters& p, Visit visit) {
  with_variant(loss, p, [&](auto functor) { visit(typename KernelFor<decltype(functor)>::Type()); });
}
template <class Visit>
void with_kernel(Ckl, const Parameters& p, Visit visit) {
  if (p.biased || p.detach_weights || !(p.gamma >= 1 && p.gamma <= 16)) visit(CklBiased());
  else visit(CklUnbiased());
}

template <class F, int P>
RowKernel fast_kernel_of(TeamKind kind, int elements) {
  if (kind == TeamKind::grid) return elements == kGridElements<F> ? fast_grid<F, P> : nullptr;
  if (kind == TeamKind::team) {
    if constexpr (kTeams<F, P>) return fast_team<F, P>;
    else return nullptr;
  }
  if (kind == TeamKind::shared) {
    if constexpr (kStays<F>) return fast_shared<F, P>;
    else return nullptr;
  }
  if (elements == 16) return fast_lanes<F, 16, P>;
  if constexpr (kWidest<F> == 32) return fast_lanes<F, 32, P>;
  else return nullptr;
}

// The fast kernel of a distribution loss; null for other losses, whose rows all go to the general kernels.
template <int P>
RowKernel fast_kernel(const TaskTerm& term, TeamKind kind, int elements) {
  RowKernel found = nullptr;
  visit_loss(term.loss, [&](auto loss) {
    typedef decltype(loss) Type;
    if constexpr (Type::family == Family::distribution) {
      with_kernel(typename Type::type(), term.parameters,
                  [&](auto functor) { found = fast_kernel_of<decltype(functor), P>(kind, elements); });
    }
  });
  return found;
}

}  // namespace cuda
}  // namespace ckl
