// The parts of a call that all its rows share, in either layout: the passes to run, looked up once, and how they
// combine.
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
  void (*fast)(const Layout&, const TaskTerm&, const RowScratch&, RowSums&);
  void (*general)(const Layout&, const TaskTerm&, const RowScratch&, const Mixing&, RowSums&);
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
template <bool Scaled, bool KeepLn, bool Masked, class Layout>
CKL_PASS bool run_softmax_fast(const Layout& a, const Task& task, const RowScratch& w, RowSums& r) {
  return softmax_fast<Scaled, KeepLn, Masked>(a, task, w, r);
}
template <class Layout>
CKL_PASS void run_softmax_general(const Layout& a, const Task& task, const RowScratch& w, RowSums& r) {
  softmax_general(a, task, w, r);
}
template <bool Masked, class Layout>
CKL_PASS void run_finish_fast(const Layout& a, const RowScratch& w, const RowSums& r, V scale) {
  finish_fast<Masked>(a, w, r, scale);
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

// The passes of a call's terms in both layouts, and the combined properties of the terms.
struct PassTable {
  Passes<OneRow> one_row[kMaxTerms];
  Passes<SixteenRows> sixteen_rows[kMaxTerms];
  RowResult (*row_passes[kMaxTerms])(const RowTask&);  // pairwise and listwise losses; null for others
  SixteenPass sixteen_pass = nullptr;                  // of such a loss if it is the only term and has one
  bool biased = false, reads_ln_q = false, pairwise = false, distribution = false;

  // Out of line, so that rows and parts of rows share one copy.
  __attribute__((noinline)) explicit PassTable(const Task& task) {
    for (int k = 0; k < task.term_count; k++) {
      const TaskTerm& term = task.terms[k];
      biased |= term.parameters.biased;
      visit_loss(term.loss, [&](auto loss) {
        typedef decltype(loss) Type;
        if constexpr (Type::family == Family::distribution) {
          distribution = true;
          row_passes[k] = nullptr;
          with_variant(typename Type::type(), term.parameters, [&](auto f) {
            typedef decltype(f) F;
            one_row[k] = {run_term_fast<F, OneRow>, run_term_general<F, OneRow>};
            sixteen_rows[k] = {run_term_fast<F, SixteenRows>, run_term_general<F, SixteenRows>};
            reads_ln_q |= F::reads_ln_q;
          });
        } else {
          pairwise = true;
          one_row[k] = {}, sixteen_rows[k] = {};
          row_passes[k] = RowPass<typename Type::type>::run;
          if (task.term_count == 1 && !task.contributions) sixteen_pass = kSixteenPass<RowPass<typename Type::type>>;
        }
      });
    }
  }
};

class Engine {
 public:
  Engine(const PassTable& table, const Task& task, int64_t longest, float* scratch)
      : table_(table), task_(task), scratch_{scratch, Scratch::block_floats(longest)} {
    teacher_ = bool(task.out.teacher_grad);
    single_ = task.term_count == 1;
    fast_ = single_ && !table.pairwise && !teacher_ && task.terms[0].weight == 1 && !task.contributions;
  }

 protected:
  typedef Scratch S;

  double weight(int64_t b) const { return task_.batch.weights ? (double)task_.batch.weights[b] : 1.0; }
  bool direct(const Scores& x) const { return x.type == DType::float32; }

  // All passes in their fast kind, for a task with one term; false if the row needs the general kind.
  template <bool Masked, class Layout>
  bool fast(const Layout& a, const Passes<Layout>& passes, const RowScratch& w, RowSums& r, const double* query_weights,
            bool uniform) const {
    if (!softmax<Masked>(a, w, r)) return false;
    passes.fast(a, task_.terms[0], w, r);
    const double scale = task_.terms[0].grad_scale / task_.student_temperature;
    run_finish_fast<Masked>(a, w, r, per_query(query_weights, scale, uniform));
    return true;
  }
  template <bool Masked, class Layout>
  bool softmax(const Layout& a, const RowScratch& w, RowSums& r) const {
    if constexpr (Masked) return run_softmax_fast<true, true, true>(a, task_, w, r);  // does for all: less code
    constexpr bool keep = kPieces == 4;  // does for all where vectors of four pieces make much code
    if (task_.scaled)
      return table_.reads_ln_q ? run_softmax_fast<true, true, false>(a, task_, w, r)
                               : run_softmax_fast<true, keep, false>(a, task_, w, r);
    return table_.reads_ln_q ? run_softmax_fast<false, true, false>(a, task_, w, r)
                             : run_softmax_fast<false, keep, false>(a, task_, w, r);
  }

  // All distribution terms of a row (or sixteen), and their gradient. query_weights: one per lane.
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
    if (task_.batch.beta) return widen({(const char*)task_.batch.beta, DType::float32}, begin, out, n);
    row_inverse_ranks(task_, scratch_, s, begin, n, labels, out);
    centre_on_positives(out, labels, n);
  }

  static void clear(float* x, int64_t n) {
    if (n > 0) memset(x, 0, sizeof(float) * (size_t)n);
  }
  // Clears the gradients of the padding at the end of row b, after its first n documents.
  void clear_behind(int64_t b, int64_t n) const {
    const int64_t from = task_.batch.rows.begin(b) + n, left = task_.batch.rows.length(b) - n;
    if (left == 0) return;
    const Outputs& out = task_.out;
    memset(out.grad.at(from), 0, (size_t)(left * size_of(out.grad.type)));
    if (teacher_) memset(out.teacher_grad.at(from), 0, (size_t)(left * size_of(out.teacher_grad.type)));
  }

  const PassTable& table_;
  const Task& task_;
  const Scratch scratch_;
  bool teacher_ = false, single_ = false, fast_ = false;
};

}  // namespace
}  // namespace ckl
