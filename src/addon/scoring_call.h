// One call of the scoring of embeddings, read from its Node-API arguments and checked before anything is computed.
#pragma once

#include <napi.h>

#include "../scoring/scoring.h"

namespace ckl {
namespace addon {

enum class ScoringKind { scores, backward, top };

// One call as views of memory, in the order of the arguments in lib/native/scoring.ts:
//   numbers, queries, documents, candidates | null, offsets | null, queryOffsets | null, documentOffsets | null,
//   queryMask | null, documentMask | null, queryIds | null, documentIds | null, and
//   scores: bias | null, scores; backward: grad, queryGrad | null, documentGrad | null; top: ids, scores
struct ScoringCall {
  explicit ScoringCall(ScoringKind k) : kind(k) {}

  ScoringKind kind;
  scoring::Pairs pairs;
  scoring::Gradients gradients;
  double* numbers = nullptr;
  const float* bias = nullptr;
  float* scores = nullptr;
  int32_t* ids = nullptr;
  int64_t k = 0;
  bool same_pairs = false, keep_winners = false;
  double scale_grad = 0;  // sum over the preceding blocks
};

constexpr size_t kScoringArguments = 14;

// Fills a call whose kind is set. Writes nothing unless the status is ok.
scoring::Status read_call(napi_env env, const napi_value* values, ScoringCall& call);
// Writes the outcome of a call to its numbers, if it has any.
void report(double* numbers, const scoring::Status& status, double scale_grad);

}  // namespace addon
}  // namespace ckl
