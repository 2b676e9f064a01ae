// One rank's part of rows whose documents are spread over ranks, a chunk at a time.
//
// A chunk goes through the passes of passes.h like a row, but with the sums of the whole row instead of its own. Sums
// over documents are exchanged as one vector per chunk and added in the order in which a whole row adds them: if every
// part consists of whole chunks, the number of ranks changes no bit.
#pragma once
#include "shard_finish.h"

namespace ckl {
namespace {

class ShardEngine : public ShardFinish {
  typedef cpu::ShardStep ShardStep;

 public:
  using ShardFinish::ShardFinish;

  void run(ShardStep step, int64_t first, int64_t last) const {
    for (int64_t b = first; b < last; b++) switch (step) {
        case ShardStep::survey: survey(b); break;
        case ShardStep::maxima: maxima(b); break;
        case ShardStep::sums: sums(b); break;
        case ShardStep::terms: terms(b); break;
        case ShardStep::finish: finish(b); break;
      }
  }

 private:
  // Reads only labels and ranks. Scores are first read block by block, so that they are still in the cache for the
  // exponentials.
  void survey(int64_t b) const {
    const Rows& rows = task_.batch.rows;
    const uint8_t* labels = task_.batch.labels + rows.begin(b);
    const int64_t n = length_without_padding(labels, rows.docs);
    const LabelCount c = count_labels(labels, n);
    double* const out = shard_.surveys + b * cpu::kShardSurvey;
    out[0] = (double)(n - c.padding);
    out[1] = (double)c.positives;
    out[2] = n > 0 ? (double)(shard_.begin + n) : 0;
    out[3] = table_.biased && task_.batch.ranks ? inverse_ranks(b, n) : 0;
  }
  CKL_SMALL double inverse_ranks(int64_t b, int64_t length) const {
    const int64_t begin = task_.batch.rows.begin(b);
    double sum = 0;
    each_chunk(length, [&](int64_t from, int64_t n) {
      const uint8_t* labels = task_.batch.labels + begin + from;
      float* const inverse = scratch_[S::kBias];
      row_inverse_ranks(task_, scratch_, nullptr, begin + from, n, labels, inverse);
      each_positive(labels, n, [&](int64_t i) { sum += inverse[i]; });
    });
    return sum;
  }

  void maxima(int64_t b) const {
    const Rows& rows = task_.batch.rows;
    const uint8_t* labels = task_.batch.labels + rows.begin(b);
    const int64_t n = length_without_padding(labels, rows.docs);
    const bool padding = count_labels(labels, n).padding > 0;
    V ms(kLowest), mt(kLowest), poison(0.0f);
    each_chunk(n, [&](int64_t from, int64_t count) {
      const OneRow a = chunk(b, from, count);
      V s(kLowest), t(kLowest);
      if (!padding && count >= kLanes) a.maxima(s, t);
      else maxima_general(a, s, t, poison);
      ms = max(ms, s), mt = max(mt, t);
    });
    float* const out = shard_.record + (b - shard_.first) * cpu::kShardMaxima;
    out[0] = max_lanes(ms)[0], out[1] = max_lanes(mt)[0];
  }

  // A score of NaN or +inf on any rank poisons the row. The exponentials of the fast kind detect it; those of the
  // general kind let it through.
  void sums(int64_t b) const {
    const ShardTask::Row& row = shard_.rows[b];
    const int64_t floats = cpu::shard_sums_floats(shard_.chunks);
    float* const out = shard_.record + (b - shard_.first) * floats;
    memset(out, 0, sizeof(float) * (size_t)floats);
    const V ms(row.student_max), mt(row.teacher_max);
    each_chunk(length(b), [&](int64_t from, int64_t n) {
      const OneRow a = chunk(b, from, n);
      const RowScratch w = kept(b, from, false);
      float* const lanes = out + 4 + from / kChunk * 32;
      const LabelCount c = count_labels(task_.batch.labels + task_.batch.rows.begin(b) + from, n);
      if (fast_ && c.padding == 0 && n >= kLanes) {
        const FastExponentials e = exponentials_fast<true, true, false>(a, task_, w, ms, mt);
        if (e.near) {
          const float tops = sum_lanes(e.student_tops)[0];
          store(lanes, e.student), store(lanes + kLanes, e.teacher);
          out[0] += tops, out[1] += sum_lanes(e.teacher_tops)[0];
          kind(b, from) = tops > 0 ? cpu::kFastTopChunk : cpu::kFastChunk;
          return;
        }
      }
      general_sums(a, w, n - c.padding, ms, mt, out, lanes);
      kind(b, from) = cpu::kGeneralChunk;
    });
  }
  CKL_SMALL void general_sums(const OneRow& a, const RowScratch& w, int64_t documents, V ms, V mt, float* out,
                              float* lanes) const {
    V poison(0.0f), s = ms, t = mt;
    maxima_general(a, s, t, poison);
    const Exponentials e = exponentials_general(a, task_, w, ms, mt);
    store(lanes, e.student), store(lanes + kLanes, e.teacher);
    out[0] += (float)documents - sum_lanes(e.student_below)[0],
        out[1] += (float)documents - sum_lanes(e.teacher_below)[0];
    out[2] += sum_lanes(poison)[0];
  }

  void terms(int64_t b) const {
    ShardTask::Row& row = shard_.rows[b];
    V zs(0.0f), zt(0.0f);
    float tops_s = 0, tops_t = 0, poison = 0;
    each_record(b, cpu::shard_sums_floats(shard_.chunks), [&](const float* in) {
      tops_s += in[0], tops_t += in[1], poison += in[2];
      for (int c = 0; c < shard_.chunks; c++) zs = zs + load(in + 4 + c * 32), zt = zt + load(in + 20 + c * 32);
    });
    row.poisoned = !(poison == 0);
    row.student_z = sum_lanes(zs)[0], row.teacher_z = sum_lanes(zt)[0];
    row.student_tops = tops_s, row.teacher_tops = tops_t;
    const int64_t floats = cpu::shard_terms_floats(shard_.chunks, task_.term_count);
    float* const out = shard_.record + (b - shard_.first) * floats;
    memset(out, 0, sizeof(float) * (size_t)floats);
    if (!row.counted) return;
    const RowSums of_row = state(b);
    each_chunk(length(b), [&](int64_t from, int64_t n) {
      OneRow a = chunk(b, from, n);
      if (table_.biased) a.bias = bias(b, from, n);
      const bool fast = is_fast(b, from);
      const RowScratch w = kept(b, from, fast);
      bool first = true;
      for (int k = 0; k < task_.term_count; k++) {
        const TaskTerm& term = task_.terms[k];
        if (!counts(b, term)) continue;
        float* const record = out + (k * shard_.chunks + from / kChunk) * 50;
        float values[2 * kLanes], *totals = values;
        a.totals = &totals;
        RowSums r = of_row;
        r.top_block =
            kind(b, from) == cpu::kFastTopChunk ? -1 : n;  // a slot that no block has: no document is at the top
        RowScratch own = w;
        if (fast) {
          table_.one_row[k].fast(a, term, own, r);
        } else {
          if (!first) own.h = scratch_[S::kH];
          table_.one_row[k].general(a, term, own, mixing(b, term), r);
        }
        // If the first sum of values overflowed, there is a second one without the lift.
        const bool again = totals > values + kLanes;
        memcpy(record, again ? values + kLanes : values, sizeof(float) * kLanes);
        record[48] = again;
        sum_h(a, own, record);
        if (!first)
          for (int64_t i = 0; i < n; i += kLanes) store(w.h + i, load(w.h + i) + load(own.h + i));
        first = false;
      }
    });
  }

  // Writes the sums of h below and at the student's top to their places in a record.
  void sum_h(const OneRow& a, const RowScratch& w, float* record) const {
    V below(0.0f), top(0.0f);
    a.each_masked(
        [&](int64_t i, int64_t slot, M live) __attribute__((always_inline)) {
          const M valid = live & ~bit_set(a.label(i, slot), 0x80);
          const V e = load(w.es + slot), h = load(w.h + slot);
          below = masked_add((V(kLifted) > e) & valid, below, h);
          top = masked_add((e == V(kLifted)) & valid, top, h);
        },
        [] {});
    store(record + kLanes, below), store(record + 2 * kLanes, top);
  }

  CKL_SMALL const float* bias(int64_t b, int64_t from, int64_t n) const {
    const int64_t begin = task_.batch.rows.begin(b) + from;
    float* const out = scratch_[S::kBias] + kLanes;  // preceded by one readable vector
    store(out - kLanes, V(0.0f));
    if (task_.batch.beta) {
      widen({(const char*)task_.batch.beta, DType::float32}, begin, out, n);
    } else {
      row_inverse_ranks(task_, scratch_, nullptr, begin, n, nullptr, out);
      centre_on(out, n, shard_.rows[b].inverse_ranks, shard_.rows[b].positives);
    }
    return out;
  }
};

#undef CKL_SMALL

}  // namespace
}  // namespace ckl
