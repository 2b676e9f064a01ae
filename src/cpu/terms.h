// The distribution losses as the CPU compiles them: which functor a term gets, and whether it needs ln q or a rank bias.
#pragma once
#include "../losses/losses.h"
#include "kernel.h"

namespace ckl {
namespace {

struct KlTerm {
  typedef Kl Loss;
  static constexpr bool biased = false, reads_ln_q = false;
  static Loss make(const cpu::TaskTerm&) { return {}; }
};

template <int Gamma, bool Biased>
struct CklTerm {
  typedef Ckl<Gamma, Biased> Loss;
  static constexpr bool biased = Biased, reads_ln_q = Biased || Gamma == kGammaReal;
  static Loss make(const cpu::TaskTerm& t) { return {t.gamma, (int)t.gamma - 1}; }
};

struct BklTerm {
  typedef Bkl Loss;
  static constexpr bool biased = false, reads_ln_q = true;
  static Loss make(const cpu::TaskTerm& t) { return {t.lambda}; }
};

struct NllTerm {
  typedef Nll Loss;
  static constexpr bool biased = false, reads_ln_q = true;
  static Loss make(const cpu::TaskTerm&) { return {}; }
};

struct KlLogLTerm {
  typedef KlLogL Loss;
  static constexpr bool biased = false, reads_ln_q = true;
  static Loss make(const cpu::TaskTerm& t) { return {t.nll_weight}; }
};

// Whole gammas are raised by multiplication up to here; beyond, e^(gamma ln q) is as good and as fast.
constexpr float kLargestWholeGamma = 64;

// visit.template operator()<F>() with the term's F; false for a pairwise loss.
template <class Visit>
bool with_term(const cpu::TaskTerm& t, Visit visit) {
  const bool whole = t.gamma <= kLargestWholeGamma && t.gamma == (float)(int)t.gamma;
  switch (t.loss) {
    case LossId::kl: visit(KlTerm()); return true;
    case LossId::bkl: visit(BklTerm()); return true;
    case LossId::nll: visit(NllTerm()); return true;
    case LossId::klLogL: visit(KlLogLTerm()); return true;
    case LossId::ckl:
      if (t.biased && whole) visit(CklTerm<kGammaWhole, true>());
      else if (t.biased) visit(CklTerm<kGammaReal, true>());
      else if (t.gamma == 1) visit(CklTerm<1, false>());
      else if (t.gamma == 2) visit(CklTerm<2, false>());
      else if (t.gamma == 5) visit(CklTerm<5, false>());
      else if (whole) visit(CklTerm<kGammaWhole, false>());
      else visit(CklTerm<kGammaReal, false>());
      return true;
    case LossId::marginMse:
    case LossId::lambdaMrr: return false;
  }
  return false;
}

}  // namespace
}  // namespace ckl
