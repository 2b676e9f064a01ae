// What a loss of the distribution family sees of one document, and what it answers.
#pragma once
#include "number.h"

namespace ckl {

// When a query takes part in the loss and in its mean. Counted from labels, but for ordered_pair: a pair of documents of
// different relevance.
enum class Needs { document, positive, positive_and_negative, ordered_pair };

// Whether a query of so many valid documents and positives takes part, as far as these decide it: the pairs of an
// ordered_pair are counted elsewhere.
template <class Number>
CKL_FN bool takes_part(Needs needs, Number documents, Number positives) {
  switch (needs) {
    case Needs::document: return documents > 0;
    case Needs::positive: return positives > 0;
    case Needs::positive_and_negative: return positives > 0 && documents > positives;
    case Needs::ordered_pair: return documents > 0;
  }
  __builtin_unreachable();
}

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
  V beta;        // rank bias of a negative (losses.md); 0 where there is none
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

// Calls visit with a value of the functor that computes a loss: the loss itself. A loss that is compiled in variants
// overloads this beside its definition.
template <class Loss, class Visit>
void with_variant(Loss loss, const Parameters&, Visit visit) {
  visit(loss);
}

// The same with few variants, for code that shall be small: chosen where it runs.
template <class Loss, class Visit>
CKL_FN void with_compact_variant(Loss loss, const Parameters&, Visit visit) {
  visit(loss);
}

}  // namespace
}  // namespace ckl
