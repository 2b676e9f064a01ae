// The input and output of a distribution loss for one document.
#pragma once
#include "number.h"

namespace ckl {

// When a query takes part in the loss and in its mean. The first three are counted from labels; the others want a pair of
// documents of different relevance, which is the batch's, or else comes from
//   ordered_pair: the labels,
//   preferred_pair: the teacher,
//   gainful_pair: the teacher; and an ideal DCG above 0.
enum class Needs { document, positive, positive_and_negative, ordered_pair, preferred_pair, gainful_pair };

CKL_FN bool needs_pair(Needs needs) { return needs >= Needs::ordered_pair; }

// Whether a query with these numbers of valid documents and positives counts, as far as they decide it: the pairs of an
// ordered_pair are counted elsewhere.
template <class Number>
CKL_FN bool takes_part(Needs needs, Number documents, Number positives) {
  switch (needs) {
    case Needs::document: return documents > 0;
    case Needs::positive: return positives > 0;
    case Needs::positive_and_negative: return positives > 0 && documents > positives;
    default: return documents > 0;
  }
}

// What a loss costs on a CPU, in nanoseconds with AVX-512: a document, and each other document of its list. Near enough to
// choose how many threads share a batch (cpu/cost.h).
struct Cost {
  double document, other;
};

// The hyper-parameters a term was given, each loss's among them.
struct Parameters {
#define PARAMETER(name, field, usual, allowed) float field;
#include "parameters.def"
#undef PARAMETER
  bool biased;  // ckl: negatives carry a rank bias
};

namespace {

// V: a number type (float, double, a dual number, a vector of floats, one document a lane); M: its truth type.
//
// The row engines make this safe: q = 0 arrives as q = 0, d = 0 and a large finite minus_ln_q; p = 0 as p = 0, d = 0;
// a masked document as both. So a loss is arithmetic alone, without special cases.
//
// A loss is linear in (p, share, mass). An engine may give all three multiplied by a constant, so that small terms do
// not underflow; value, h and u come out multiplied by the same.
template <class V, class M>
struct Document {
  V q;           // student's probability, softmax(s / Ts)
  V rest;        // 1 - q, exact also where q is close to 1
  V minus_ln_q;  // -ln q >= 0
  V p;           // teacher's probability, softmax(t / Tt)
  V d;           // ln(p / q)
  V beta;        // rank bias of a negative (losses.md); 0 if there is none
  V mass;        // q in the scale of p
  V unit;        // 1 / that scale
  V share;       // 1 / number of positives of the query
  M positive;    // label 1
};

template <class V>
struct Term {
  V value;  // this document's share of the loss
  V h;      // q * dL/dq:  dL/ds_k = (h_k - q_k sum h) / Ts
  V u;      // p * dL/dp:  dL/dt_k = (u_k - p_k sum u) / Tt
};

// The truth value that holds nowhere, of the type of another.
CKL_FN bool nowhere(bool) { return false; }
template <class M>
CKL_FN M nowhere(M m) {
  return m & ~m;
}

// What a functor may say of itself; these hold where it says nothing.
struct Distribution {
  static constexpr Cost cost{0.6, 0};
  static constexpr bool biased = false, reads_ln_q = false;  // wants a rank bias; reads minus_ln_q
  // h is q dL/dq less a multiple of q, which cancels in the gradient.
  static constexpr float h_less_q = 0;
  // The d to be given where q = 0, and where p = 0 but not q.
  static constexpr float d_without_student = 0, d_without_teacher = 0;
  // The loss is infinite where p = 0 but not q.
  static constexpr bool diverges_without_teacher = false;
};

// Calls visit with a value of the functor that computes a loss: the loss itself. A loss that is compiled in variants
// overloads this next to its definition.
template <class Loss, class Visit>
void with_variant(Loss loss, const Parameters&, Visit visit) {
  visit(loss);
}

// The same with fewer variants, to keep code small; selected at run time.
template <class Loss, class Visit>
CKL_FN void with_compact_variant(Loss loss, const Parameters&, Visit visit) {
  visit(loss);
}

}  // namespace
}  // namespace ckl
