// The per-query quantities that the paper plots: weights and gradient ratios of documents, entropy of the positives,
// and their separation from the negatives.
#pragma once
#include "general_terms.cuh"

namespace ckl {
namespace cuda {

// Every distribution loss is affine in p: h = h1 p + h0, so weight and ratio come from the loss at p = 0 and p = 1.
template <class Team>
CKL_DEVICE void diagnose_documents(const GeneralRow<Team>& row) {
  const Task& task = row.task;
  row.each(row.reads(), [&](const Loaded& document) {
    float weight = 0, ratio = 0;
    if (document.y != kPadding && row.documents > 0) {
      typename GeneralRow<Team>::View v = row.view(document);
      Document<float, bool>& x = v.document;
      const typename GeneralRow<Team>::View here = v;
      const float p = x.p;
      bool counted = false;
      for (int k = 0; k < task.term_count; k++) {
        const TaskTerm& term = task.terms[k];
        if (!row.counts(term.needs)) continue;
        counted = true;
        if (!is_distribution(term.loss)) continue;
        v = here, x.p = 0;
        const TermValue none = row.term_value(term, v);
        const float h0 = none.h;
        x.p = 1;
        const float h1 = row.term_value(term, v).h - h0;
        x.d = 0, v.no_student = false, v.has_teacher = true;
        weight += float(term.weight) * (row.term_value(term, v).u - none.u);
        ratio += float(term.weight) * (h0 == 0 ? -h1 : -h1 - h0 / p);
      }
      if (counted && !(row.poison == 0)) weight = ratio = not_a_number();
    }
    task.out.diagnostics.weight[row.row.begin + document.i] = weight;
    task.out.diagnostics.ratio[row.row.begin + document.i] = ratio;
  });
}

// The lowest score among the ten highest.
template <class Team>
CKL_DEVICE float tenth_score(GeneralRow<Team>& row) {
  float at = infinity();
  for (float taken = 0; taken < 10;) {
    float next = -infinity();
    row.each(kScores, [&](const Loaded& x) {
      if (x.y != kPadding && x.s < at) next = fmaxf(next, x.s);
    });
    next = team_max(row.team, next);
    if (next == -infinity()) return next;
    float same = 0;
    row.each(kScores, [&](const Loaded& x) { same += x.y != kPadding && x.s == next; });
    taken += team_sum(row.team, same);
    at = next;
  }
  return at;
}

template <class Team>
CKL_DEVICE void diagnose_query(GeneralRow<Team>& row, bool counted) {
  const Diagnostics& out = row.task.out.diagnostics;
  float entropy = 0, gap[2] = {not_a_number(), not_a_number()};
  if (counted && row.poison == 0) {
    const float threshold = tenth_score(row);
    // highest negative and minus the lowest positive; over all documents and over the top ten
    float edge[4] = {-2, -2, -2, -2}, part = 0;
    row.each(
        kScores,
        [&](const Loaded& x) {
          if (x.y == kPadding) return;
          const bool positive = x.y == kPositive;
          const float q = row.of_student(x).e * row.student.inverse, signed_q = positive ? -q : q;
          if (positive && q > 0) part -= q * logf(q);
          float *all = edge + positive, *top = all + 2;
          *all = fmaxf(*all, signed_q);
          if (x.s >= threshold) *top = fmaxf(*top, signed_q);
        },
        [&] { entropy += part, part = 0; });
    row.team.reduce(edge, Max());
    entropy = team_sum(row.team, entropy);
    for (int k = 0; k < 2; k++)
      if (edge[2 * k] > -2 && edge[2 * k + 1] > -2) gap[k] = -edge[2 * k + 1] - edge[2 * k];
  } else if (counted) {
    entropy = not_a_number();
  }
  if (row.team.rank() != 0) return;
  out.entropy[row.row.b] = entropy;
  out.separation[row.row.b] = gap[0], out.separation_top10[row.row.b] = gap[1];
}

}  // namespace cuda
}  // namespace ckl
