// Estimates how long a batch takes on one thread, closely enough to choose the number of threads.
#pragma once
#include "../core/batch.h"
#include "../core/plan.h"

namespace ckl {
namespace cpu {

// Computing ranks, in nanoseconds per document (ranking.h): by comparison up to 128 documents, by buckets beyond.
inline double ranking_cost(double docs) { return docs <= 64 ? 1.2 : docs <= 128 ? 2.5 : 3.5; }

// In nanoseconds, measured with AVX-512. Other instruction sets take longer, which only makes more threads more
// worthwhile.
inline double cost_of(const Plan& plan, const Batch& batch, const Outputs& out) {
  const double queries = double(batch.rows.queries), documents = double(batch.rows.documents(0, batch.rows.queries));
  if (queries == 0) return 0;
  const double docs = documents / queries;
  double each = 0;
  for (const PlanTerm& term : plan.terms) {
    const LossInfo& info = kLosses[int(term.loss)];
    each += info.cost.document + info.cost.other * docs;
    const bool given = batch.ranks || batch.beta, biased = term.loss == LossId::ckl && (batch.beta || term.alpha > 0);
    if (biased || info.reads_ranks) each += given ? 0.5 : ranking_cost(docs);
  }
  if (out.teacher_grad) each += 1;
  if (out.diagnostics.weight) each += 3 + 200 / (docs > 32 ? docs : 32);
  constexpr double kRow = 8;  // fixed cost per row
  return queries * kRow + documents * each;
}

}  // namespace cpu
}  // namespace ckl
