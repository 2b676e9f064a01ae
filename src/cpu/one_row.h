// One row at a time, along the vector: any length, any losses, diagnostics.
#pragma once
#include "diagnostics.h"
#include "engine.h"

namespace ckl {
namespace {

class OneRowEngine : protected Engine {
 public:
  using Engine::Engine;

  // n: the row's length without the padding at its end.
  void run(int64_t b, int64_t n) const {
    Staged g = stage(b, n);
    OneRow& a = g.row;
    const Outputs& out = task_.out;
    const bool in_place = out.grad.type == DType::float32 && g.n >= kLanes && !table_.pairwise;
    a.grad = in_place ? (float*)out.grad.data + g.begin : scratch_[S::kGrad];
    const bool teacher_in_place = in_place && out.teacher_grad.type == DType::float32;
    a.teacher_grad = teacher_in_place ? (float*)out.teacher_grad.data + g.begin : scratch_[S::kTeacherGrad];
    if (table_.biased) {
      float* bias = scratch_[S::kBias];
      if (g.n < kLanes) clear(bias, kLanes);
      bias_of(a.s, g.begin, g.n, a.y, bias);
      a.bias = bias;
    }

    const double query_weight = weight(b);
    RowSums r = state(g);
    bool any_counted = false;
    for (int k = 0; k < task_.term_count; k++) any_counted |= counted(task_.terms[k].needs, g);
    if (!any_counted) {
      clear(a.grad, g.n);
      clear(a.teacher_grad, teacher_ ? g.n : 0);
    } else if (table_.distribution) {
      const bool try_fast = fast_ && g.labels.padding == 0 && g.n >= kLanes;
      if (!try_fast || !fast<false>(a, table_.one_row[0], row_scratch(false), r, &query_weight, true))
        general(a, table_.one_row, row_scratch(true), r, &query_weight, true);
    } else {
      clear(a.grad, g.n);
      clear(a.teacher_grad, teacher_ ? g.n : 0);
    }
    double value = r.value[0], contribution = r.contribution[0];
    if (table_.pairwise && any_counted) add_pairwise(g, query_weight, value, contribution);
    out.per_query[b] = (float)value;
    if (task_.contributions) task_.contributions[b] = contribution;
    if (!in_place) narrow(a.grad, out.grad, g.begin, g.n);
    if (teacher_ && !teacher_in_place) narrow(a.teacher_grad, out.teacher_grad, g.begin, g.n);
    clear_behind(b, g.n);
  }

  // A separate pass, because the gradient may later overwrite the scores.
  void diagnose(int64_t b, int64_t n) const {
    Staged g = stage(b, n);
    OneRow& a = g.row;
    const Diagnostics& d = task_.out.diagnostics;
    float *weights = scratch_[S::kH], *ratios = scratch_[S::kU];
    const int64_t slots = round_up(a.n);
    clear(weights, slots);
    clear(ratios, slots);
    QueryDiagnostics q = {0, __builtin_nanf(""), __builtin_nanf("")};
    bool any_counted = false;
    for (int k = 0; k < task_.term_count; k++) any_counted |= counted(task_.terms[k].needs, g);
    RowSums r = state(g);
    if (any_counted) {
      if (table_.biased) {
        float* bias = scratch_[S::kBias];
        clear(bias, slots);
        bias_of(a.s, g.begin, g.n, a.y, bias);
        a.bias = bias;
      }
      const RowScratch w = row_scratch(true);
      run_softmax_general(a, task_, w, r);
      for (int k = 0; k < task_.term_count; k++) {
        const TaskTerm& term = task_.terms[k];
        if (!counted(term.needs, g)) continue;
        visit_functor(term, [&](auto f) { weigh<decltype(f)>(a, term, w, r, V((float)term.weight), weights, ratios); });
      }
      float* probability = scratch_[S::kGap];
      from_slots(w.es, g.n, probability);
      for (int64_t i = 0; i < g.n; i += kLanes) store(probability + i, load(probability + i) * r.student.lowering);
      q = describe(a, probability, g.n);
      if (!(r.poison[0] == 0)) q = {__builtin_nanf(""), __builtin_nanf(""), __builtin_nanf("")};
    }
    from_slots(weights, g.n, d.weight + g.begin);
    from_slots(ratios, g.n, d.ratio + g.begin);
    const int64_t behind = task_.batch.rows.length(b) - g.n;
    clear(d.weight + g.begin + g.n, behind);
    clear(d.ratio + g.begin + g.n, behind);
    for (int64_t i = 0; i < g.n && !(r.poison[0] == 0); i++)
      if (a.y[i] != kPadding) d.weight[g.begin + i] = d.ratio[g.begin + i] = __builtin_nanf("");
    d.entropy[b] = q.entropy;
    d.separation[b] = q.separation;
    d.separation_top10[b] = q.separation_top10;
  }

 private:
  struct Staged {
    OneRow row;
    int64_t begin, n;  // in the caller's memory; row.n is n, or 16 if padding fills up a shorter row
    LabelCount labels;
    int64_t documents() const { return n - labels.padding; }
  };

  Staged stage(int64_t b, int64_t n) const {
    const Batch& x = task_.batch;
    Staged g;
    g.begin = x.rows.begin(b);
    g.n = n;
    if (task_.binary_labels) g.labels.positives = count_positives(x.labels + g.begin, g.n);
    else g.labels = count_labels(x.labels + g.begin, g.n);
    OneRow& a = g.row;
    a.n = g.n < kLanes ? (int64_t)kLanes : g.n;
    a.y = x.labels + g.begin;
    a.bias = nullptr;
    a.grad = a.teacher_grad = nullptr;
    const bool shorter = g.n < kLanes;
    if (shorter) {
      uint8_t* y = (uint8_t*)scratch_[S::kLabels];
      memset(y, kPadding, kLanes);
      if (g.n > 0) memcpy(y, a.y, (size_t)g.n);  // empty arrays may have no address
      a.y = y;
    }
    a.s = scores(x.student, g, shorter, scratch_[S::kStudent]);
    a.t = x.teacher ? scores(x.teacher, g, shorter, scratch_[S::kTeacher]) : a.s;
    a.prefetch = Prefetch(x, task_.out, b + 1 < x.rows.queries ? x.rows.begin(b + 1) : g.begin);
    return g;
  }
  const float* scores(const Scores& x, const Staged& g, bool shorter, float* to) const {
    if (direct(x) && !shorter) return (const float*)x.data + g.begin;
    if (shorter) memset(to, 0, sizeof(float) * kLanes);
    widen(x, g.begin, to, g.n);
    return to;
  }

  static RowSums state(const Staged& g) {
    RowSums r;
    r.documents = V((float)g.documents());
    r.positives = V((float)g.labels.positives);
    r.poison = r.value = r.contribution = V(0.0f);
    return r;
  }
  static bool counted(Needs needs, const Staged& g) { return takes_part(needs, g.documents(), g.labels.positives); }

  void add_pairwise(const Staged& g, double query_weight, double& value, double& contribution) const {
    for (int k = 0; k < task_.term_count; k++) {
      const TaskTerm& term = task_.terms[k];
      if (!counted(term.needs, g)) continue;
      if (!table_.row_passes[k]) continue;
      const RowResult result =
          table_.row_passes[k]({task_, term, scratch_, g.row, g.begin, g.n, g.labels, query_weight, teacher_});
      value += term.weight * result.value;
      contribution += term.loss_scale * (query_weight * result.multiplicity) * result.value;
    }
  }
};

}  // namespace
}  // namespace ckl
