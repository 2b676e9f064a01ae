// The last step of a row whose documents are spread over ranks: sums over the chunks of all ranks, and the gradient of
// this rank's part.
#pragma once
#include "shard_part.h"

namespace ckl {
namespace {

class ShardFinish : public ShardPart {
 protected:
  using ShardPart::ShardPart;

  CKL_SMALL void finish(int64_t b) const {
    const ShardTask::Row& row = shard_.rows[b];
    const Outputs& out = task_.out;
    RowSums r = state(b);
    float value = 0, contribution = 0;
    r.h_below = r.h_top = V(0.0f);
    bool first = true;
    for (int k = 0; row.counted && k < task_.term_count; k++) {
      const TaskTerm& term = task_.terms[k];
      if (!counts(b, term)) continue;
      const Mixing mix = mixing(b, term);
      const Sums sums = term_sums(b, k);
      const V of_term = fast_ ? sums.value : sums.value * mix.value;
      const V share = sums.value * mix.contribution;
      r.value = first ? of_term : r.value + of_term;
      r.contribution = first ? share : r.contribution + share;
      r.h_below = first ? sums.below : r.h_below + sums.below;
      r.h_top = first ? sums.top : r.h_top + sums.top;
      first = false;
    }
    const bool clean = r.poison[0] == 0;
    if (row.counted) value = clean ? r.value[0] : __builtin_nanf("");
    if (row.counted) contribution = clean ? r.contribution[0] : __builtin_nanf("");
    out.per_query[b] = value;
    if (task_.contributions) task_.contributions[b] = contribution;
    const int64_t n = length(b);
    each_chunk(n, [&](int64_t from, int64_t count) { gradient(b, from, count, r, clean); });
    clear_behind(b, n);
  }

  CKL_SMALL void gradient(int64_t b, int64_t from, int64_t n, RowSums r, bool clean) const {
    const Outputs& out = task_.out;
    const int64_t begin = task_.batch.rows.begin(b) + from, missing = n < kLanes ? kLanes - n : 0;
    const bool in_place = out.grad.type == DType::float32 && !missing;
    OneRow a = chunk_of_labels(b, from, n);
    float* const to = in_place ? (float*)out.grad.data + begin : scratch_[S::kGrad] + kLanes;
    a.grad = to;
    if (!shard_.rows[b].counted) {
      clear(to, n);
    } else {
      const double query_weight = weight(b), scale = single_ ? task_.terms[0].grad_scale : 1.0;
      const V of_h = single_ ? per_query(&query_weight, scale / task_.student_temperature, true)
                             : V(saturate(1.0 / task_.student_temperature));
      const bool fast = is_fast(b, from);
      const RowScratch w = kept(b, from, fast);
      r.top_block = kind(b, from) == cpu::kFastTopChunk ? -1 : n;
      if (fast && clean) run_finish_fast<false>(a, w, r, of_h);
      else run_finish_general(a, w, r, of_h, of_h, lanes_from(0), false);
    }
    if (!in_place) narrow(to, out.grad, begin, n);
  }

 private:
  struct Sums {
    V value, below, top;
  };
  // The sums of term k over all chunks of all ranks.
  CKL_SMALL Sums term_sums(int64_t b, int k) const {
    const int64_t floats = cpu::shard_terms_floats(shard_.chunks, task_.term_count);
    Sums s = {V(0.0f), V(0.0f), V(0.0f)};
    bool again = false;
    each_record(b, floats, [&](const float* in) {
      for (int c = 0; c < shard_.chunks; c++) {
        const float* record = in + (k * shard_.chunks + c) * 50;
        again |= record[48] != 0;
        s.value = s.value + load(record), s.below = s.below + load(record + kLanes);
        s.top = s.top + load(record + 2 * kLanes);
      }
    });
    s.below = sum_lanes(s.below), s.top = sum_lanes(s.top);
    s.value = sum_lanes(s.value) * V(1 / kLifted);
    if (!again && s.value[0] - s.value[0] == 0) return s;
    // As in term_general: without the lift, which chunks that did not overflow still have.
    V value(0.0f);
    each_record(b, floats, [&](const float* in) {
      for (int c = 0; c < shard_.chunks; c++) {
        const float* record = in + (k * shard_.chunks + c) * 50;
        value = value + load(record) * V(record[48] != 0 ? 1.0f : 1 / kLifted);
      }
    });
    s.value = sum_lanes(value);
    return s;
  }
};

}  // namespace
}  // namespace ckl
