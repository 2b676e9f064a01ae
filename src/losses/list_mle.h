// listMle: negative log likelihood of the order by rel under the student's Plackett-Luce model (Xia et al., ICML 2008):
// the sum over places k of ln(sum over j >= k of e^s_j) - s_k. Documents of equal rel stay in list order. rel is the
// relevance if given, else the teacher's scores.
//
// With M_k the largest score from place k on, z_k = sum over j >= k of e^(s_j - M_k) and b_k = e^(s_k - M_k),
// everything is a sum without cancellation, from the end or from the beginning, in steps of a_k = e^(M_k+1 - M_k) <= 1:
//   z_k = b_k + a_k z_k+1,   w_k = a_k-1 w_k-1 + 1 / z_k,   dL/ds_k = b_k w_k - 1.
#pragma once
#include "document.h"

namespace ckl {
namespace {

struct ListMle {
  static constexpr Needs needs = Needs::document;
  static constexpr bool reads_ranks = false, rereads_scores = true, by_relevance = true;
  static constexpr int notes = 2;
  static constexpr Cost cost{30, 0.04};

  // below: M_k - s_k.
  template <class V>
  CKL_FN V value(V z, V below) const {
    return ln(z) + below;
  }
  template <class V>
  CKL_FN V slope(V b, V w) const {
    return fma(b, w, V(-1.0f));
  }
};

}  // namespace
}  // namespace ckl
