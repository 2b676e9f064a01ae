// The input and output of a distribution loss for one document.
#pragma once
#include "number.h"

namespace ckl {

// What a query needs to take part in the loss and in its mean. The first three are counted from labels. The others need
// a pair of documents of different relevance; without relevance in the batch it is derived from
//   ordered_pair: the labels,
//   preferred_pair: the teacher,
//   gainful_pair: the teacher, and the ideal DCG must be above 0.
enum class Needs { document, positive, positive_and_negative, ordered_pair, preferred_pair, gainful_pair };

CKL_FN bool needs_pair(Needs needs) { return needs >= Needs::ordered_pair; }

// Whether a query with these numbers of valid documents and positives counts, as far as they decide it: pairs are
// counted elsewhere.
template <class Number>
CKL_FN bool takes_part(Needs needs, Number documents, Number positives) {
  switch (needs) {
    case Needs::document: return documents > 0;
    case Needs::positive: return positives > 0;
    case Needs::positive_and_negative: return positives > 0 && documents > positives;
    default: return documents > 0;
  }
}

// The cost of a loss on a CPU, in nanoseconds with AVX-512: per document, and per pair of documents. Accurate enough to
// choose the number of threads (cpu/cost.h).
struct Cost {
  double document, other;
};

// The hyper-parameters of a term, for all losses.
struct Parameters {
#define PARAMETER(name, field, usual, allowed) float field;
#include "parameters.def"
#undef PARAMETER
  bool biased;  // ckl: negatives have a rank bias
};

namespace {

// V: a number type (float, double, a dual number, a vector of floats with one document per lane); M: its mask type.
//
// The row engines make this safe: if q = 0, they pass d = 0 and a large finite minus_ln_q; if p = 0, they pass d = 0;
// for a masked document, both. So a loss is pure arithmetic without special cases.
//
// A loss is linear in (p, share, mass). An engine may multiply all three by a constant so that small terms do not
// underflow; value, h and u are then multiplied by it, too.
template <class V, class M>
struct Document {
  V q;           // student's probability, softmax(s / Ts)
  V rest;        // 1 - q, accurate even if q is close to 1
  V minus_ln_q;  // -ln q >= 0
  V p;           // teacher's probability, softmax(t / Tt)
  V d;           // ln(p / q)
  V beta;        // rank bias of a negative (losses.md); 0 if there is none
  V mass;        // q on the scale of p
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

// The mask without any lane, of the same type as another.
CKL_FN bool nowhere(bool) { return false; }
template <class M>
CKL_FN M nowhere(M m) {
  return m & ~m;
}

// Properties that a functor may override; these are the defaults.
struct Distribution {
  static constexpr Cost cost{0.6, 0};
  static constexpr bool biased = false, reads_ln_q = false;  // needs a rank bias; reads minus_ln_q
  // h is q dL/dq minus a multiple of q, which cancels in the gradient.
  static constexpr float h_less_q = 0;
  // The d to pass if q = 0, and if p = 0 but q is not.
  static constexpr float d_without_student = 0, d_without_teacher = 0;
  // The loss is infinite if p = 0 but q is not.
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
