// One row in the general kernels, from start to end: counts, softmax, sums of the terms, gradients.
#pragma once
#include "diagnostics.cuh"
#include "listwise.cuh"
#include "pairwise.cuh"

namespace ckl {
namespace cuda {

template <class Team>
static __device__ __noinline__ RowTotal general_row(const Task& task, Team team, Row row, const float* ranked,
                                                    float* tile) {
  GeneralRow<Team> x{task, team, row, ranked, tile};
  x.count();
  const float weight = task.batch.weights ? task.batch.weights[row.b] : 1.0f;

  bool any_counted = false, distribution = false;
  uint32_t passes = 0;  // bit k: term k has a pass of its own, and counts the query
  for (int k = 0; k < task.term_count; k++) {
    const TaskTerm& term = task.terms[k];
    if (!x.counts(term.needs)) continue;
    any_counted = true;
    if (is_distribution(term.loss)) distribution = true;
    else passes |= 1u << k;
  }
  if (distribution || (any_counted && task.out.diagnostics.weight)) x.softmax();
  if (any_counted) x.centre();
  if (task.out.diagnostics.weight) {  // before the gradient may overwrite the scores
    diagnose_documents(x);
    diagnose_query(x, any_counted);
  }
  typename GeneralRow<Team>::Sums sums;
  if (distribution) sums = x.distribution(weight);
  PassState states[kMaxTerms];
  // Calls body(k, the pass of term k, its state) for all terms that have a pass.
  const auto each_pass = [&](auto body) {
    for (int k = 0; k < task.term_count; k++) {
      if (!(passes >> k & 1)) continue;
      visit_row_pass(task.terms[k].loss,
                     [&](auto pass) { body(k, pass, states[k].template as<typename decltype(pass)::State>()); });
    }
  };
  each_pass([&](int k, auto pass, auto& state) {
    if (!pass.prepare(x, task.terms[k], state)) passes &= ~(1u << k);
  });

  const bool clean = x.poison == 0, single = task.term_count == 1;
  Projection by_student(x.student, sums.h_below, sums.h_top,
                        single ? saturate(weight * scale_of(task, 0).student) : task.inverse_student_high,
                        x.student.inverse);
  Projection by_teacher(x.teacher, sums.u_below, sums.u_top,
                        single ? saturate(weight * scale_of(task, 0).teacher) : task.inverse_teacher_high,
                        x.teacher.inverse);
  x.team.sync();  // all threads have read the scores that the gradient may overwrite
  const auto of_terms = [&](const Loaded& document, float& gs, float& gt) {
    const typename GeneralRow<Team>::View v = x.view(document);
    float h = 0, u = 0;
    for (int k = 0; k < task.term_count; k++) {
      const TaskTerm& term = task.terms[k];
      if (!is_distribution(term.loss) || !x.counts(term.needs)) continue;
      const TermValue s = x.term_value(term, v);
      h += x.factor(k, weight) * s.h;
      u += x.factor(k, weight) * s.u;
    }
    gs = clean ? by_student(v.es == 1, v.es, h) : not_a_number();
    gt = clean ? by_teacher(v.et == 1, v.et, u) : not_a_number();
  };
  if (passes == 0) {
    const Walk<1> walk(task.batch, row, ranked, x.team.rank(), x.team.size(), distribution ? x.reads() : kLabels);
#pragma unroll 1
    for (int64_t base = 0; base < row.n; base += walk.step()) {
      const int64_t from = walk.first(base);
      Four four = walk.load(from);
#pragma unroll 1
      for (int j = 0; j < walk.wide; j++) {
        const Loaded document = walk.document(four, from + j);
        float gs = 0, gt = 0;
        if (distribution && document.y != kPadding) of_terms(document, gs, gt);
        four.shift(kPadding, __float_as_uint(gs), __float_as_uint(gt), 0);  // gradients in place of scores
      }
      if (!task.launch.extras_only) walk.store(task.out.grad, from, four.s);
      if (task.out.teacher_grad.data) walk.store(task.out.teacher_grad, from, four.t);
    }
  } else {  // document by document: passes leave no registers for four
    for (int64_t base = 0; base < row.n; base += x.team.size()) {
      const int64_t i = base + x.team.rank();
      const bool here = i < row.n, live = here && x.label(i) != kPadding;
      float gs = 0, gt = 0;
      if (live && distribution) of_terms(x.document(i, x.reads()), gs, gt);
      each_pass([&](int k, auto pass, auto& state) {
        pass.add(x, task.terms[k], state, i, live, GradientScale{weight, scale_of(task, k)}, gs, gt);
      });
      if (!here) continue;
      if (!task.launch.extras_only) store(task.out.grad.data, task.out.grad.type, row.begin + i, gs);
      if (task.out.teacher_grad.data) store(task.out.teacher_grad.data, task.out.teacher_grad.type, row.begin + i, gt);
    }
  }

  // 0 if no term counts the query.
  float value = distribution ? (clean ? sums.value : not_a_number()) : 0;
  double contribution = distribution ? double(clean ? sums.contribution : not_a_number()) : 0;
  const bool counted = distribution || passes != 0;
  each_pass([&](int k, auto pass, auto& state) {
    const RowResult result = pass.finish(x, task.terms[k], state);
    value += float(task.terms[k].weight * result.value);
    contribution += scale_of(task, k).loss * result.multiplicity * result.value;
  });
  if (x.team.rank() != 0 || task.launch.extras_only) return {};
  task.out.per_query[row.b] = value;
  const double summand = double(weight) * contribution;
  if (task.buffers.summands) task.buffers.summands[row.b] = summand;
  return {summand, counted, false};
}

}  // namespace cuda
}  // namespace ckl
