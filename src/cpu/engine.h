// What one call's rows have in common, in either layout: the passes to run, looked up once, and how they combine.
#pragma once
#include "half.h"
#include "listwise.h"
#include "pairwise.h"
#include "ranking.h"
#include "terms.h"

namespace ckl {
namespace {

// The passes of one term, for rows of one layout.
template <class Layout>
struct Passes {
  void (*fast)(const Layout&, const TaskTerm&, const RowScratch&, RowSums&) = nullptr;
  void (*general)(const Layout&, const TaskTerm&, const RowScratch&, const Mixing&, RowSums&) = nullptr;
};

#define CKL_PASS __attribute__((noinline))
template <class F, class Layout>
CKL_PASS void run_term_fast(const Layout& a, const TaskTerm& term, const RowScratch& w, RowSums& r) {
  term_fast<F>(a, term, w, r);
}
template <class F, class Layout>
CKL_PASS void run_term_general(const Layout& a, const TaskTerm& term, const RowScratch& w, const Mixing& mix,
                               RowSums& r) {
  term_general<F>(a, term, w, mix, r);
}
template <bool Scaled, bool KeepLn, class Layout>
CKL_PASS bool run_softmax_fast(const Layout& a, const Task& task, const RowScratch& w, RowSums& r) {
  return softmax_fast<Scaled, KeepLn>(a, task, w, r);
}
template <class Layout>
CKL_PASS void run_softmax_general(const Layout& a, const Task& task, const RowScratch& w, RowSums& r) {
  softmax_general(a, task, w, r);
}
template <class Layout>
CKL_PASS void run_finish_fast(const Layout& a, const RowScratch& w, const RowSums& r, V scale) {
  finish_fast(a, w, r, scale);
}
template <class Layout>
CKL_PASS void run_finish_general(const Layout& a, const RowScratch& w, RowSums& r, V scale, V teacher_scale, M counted,
                                 bool teacher) {
  finish_general(a, w, r, scale, teacher_scale, counted, teacher);
}
#undef CKL_PASS

inline M counts(Needs needs, const RowSums& r) {
  return (needs == Needs::positive ? r.positives : r.documents) > V(0.0f);
}

class Engine {
 public:
  Engine(const Task& task, int64_t longest, float* scratch)
      : task_(task), scratch_{scratch, Scratch::block_floats(longest)} {
    int distributions = 0;
    for (int k = 0; k < task.term_count; k++) {
      const TaskTerm& term = task.terms[k];
      biased_ |= term.parameters.biased;
      visit_loss(term.loss, [&](auto loss) {
        typedef decltype(loss) Type;
        if constexpr (Type::family == Family::distribution) {
          with_variant(typename Type::type(), term.parameters, [&](auto f) {
            typedef decltype(f) F;
            distributions++;
            one_row_[k].fast = run_term_fast<F, OneRow>;
            one_row_[k].general = run_term_general<F, OneRow>;
            sixteen_rows_[k].fast = run_term_fast<F, SixteenRows>;
            sixteen_rows_[k].general = run_term_general<F, SixteenRows>;
            reads_ln_q_ |= F::reads_ln_q;
          });
        } else {
          row_passes_[k] = RowPass<typename Type::type>::run;
        }
      });
    }
    pairwise_ = distributions < task.term_count;
    distribution_ = distributions > 0;
    teacher_ = bool(task.out.teacher_grad);
    single_ = task.term_count == 1;
    fast_ = single_ && !pairwise_ && !teacher_ && task.terms[0].weight == 1 && !task.contributions;
  }

 protected:
  typedef Scratch S;

  double weight(int64_t b) const { return task_.batch.weights ? (double)task_.batch.weights[b] : 1.0; }
  bool direct(const Scores& x) const { return x.type == DType::float32; }

  template <class Layout>
  bool softmax(const Layout& a, const RowScratch& w, RowSums& r) const {
    if (task_.scaled)
      return reads_ln_q_ ? run_softmax_fast<true, true>(a, task_, w, r) : run_softmax_fast<true, false>(a, task_, w, r);
    return reads_ln_q_ ? run_softmax_fast<false, true>(a, task_, w, r) : run_softmax_fast<false, false>(a, task_, w, r);
  }

  // All distribution terms of a row (or sixteen), and their gradient. query_weights: a lane each.
  template <class Layout>
  void general(const Layout& a, const Passes<Layout>* passes, const RowScratch& w, RowSums& r,
               const double* query_weights, bool uniform) const {
    run_softmax_general(a, task_, w, r);
    M counted = ~lanes_from(0);
    bool first = true;
    for (int k = 0; k < task_.term_count; k++) {
      if (!passes[k].general) continue;
      const TaskTerm& term = task_.terms[k];
      Mixing mix;
      mix.counted = counts(term.needs, r);
      mix.factor = V(1.0f);
      if (!single_) mix.factor = select(mix.counted, per_query(query_weights, term.grad_scale, uniform), V(0.0f));
      mix.value = V((float)term.weight);
      mix.contribution = per_query(query_weights, term.loss_scale, uniform);
      mix.first = first, mix.keep_u = teacher_;
      passes[k].general(a, term, w, mix, r);
      counted = counted | mix.counted;
      first = false;
    }
    const double scale = single_ ? task_.terms[0].grad_scale : 1.0;
    const V student = single_ ? per_query(query_weights, scale / task_.student_temperature, uniform)
                              : V(saturate(1.0 / task_.student_temperature));
    const V teacher = single_ ? per_query(query_weights, scale / task_.teacher_temperature, uniform)
                              : V(saturate(1.0 / task_.teacher_temperature));
    run_finish_general(a, w, r, student, teacher, counted, teacher_);
  }

  static V per_query(const double* query_weights, double scale, bool uniform) {
    if (uniform) return V(saturate(query_weights[0] * scale));
    float x[kLanes];
    for (int j = 0; j < kLanes; j++) x[j] = saturate(query_weights[j] * scale);
    return load(x);
  }

  RowScratch row_scratch(bool h_separate) const {
    return {scratch_[S::kEs],
            scratch_[S::kEt],
            scratch_[S::kGap],
            scratch_[S::kBs],
            h_separate ? scratch_[S::kH] : scratch_[S::kEt],
            scratch_[S::kU]};
  }

  // The rank bias before alpha: the caller's beta, or 1 / rank - mean over the positives of 1 / rank.
  void bias_of(const float* s, int64_t begin, int64_t n, const uint8_t* labels, float* out) const {
    if (task_.batch.beta) {
      memcpy(out, task_.batch.beta + begin, sizeof(float) * (size_t)n);
      return;
    }
    row_inverse_ranks(task_, scratch_, s, begin, n, labels, out);
    centre_on_positives(out, labels, n);
  }

  static void clear(float* x, int64_t n) {
    if (n > 0) memset(x, 0, sizeof(float) * (size_t)n);
  }

  const Task& task_;
  const Scratch scratch_;
  Passes<OneRow> one_row_[kMaxTerms];
  Passes<SixteenRows> sixteen_rows_[kMaxTerms];
  RowResult (*row_passes_[kMaxTerms])(const RowTask&) = {};
  bool biased_ = false, reads_ln_q_ = false, pairwise_ = false, distribution_ = false;
  bool teacher_ = false, single_ = false, fast_ = false;
};

}  // namespace
}  // namespace ckl
