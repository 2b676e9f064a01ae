// One rank's part of rows whose documents are spread over ranks, a chunk at a time.
//
// A chunk goes through the passes of passes.h as a row does, with the sums of the whole row in place of its own. What a row
// adds up over its documents leaves here as vectors, one per chunk, which the row engine adds in the same order: where every
// part is of whole chunks, the number of ranks changes no bit.
#pragma once
#include "engine.h"

namespace ckl {
namespace {

class ShardEngine : protected Engine {
  typedef cpu::ShardTask ShardTask;
  typedef cpu::ShardStep ShardStep;
  static constexpr float kLowest = -3.402823466e38f;

#define CKL_SMALL __attribute__((noinline, cold))  // for size: what takes the time are the passes that these call
 public:
  ShardEngine(const PassTable& table, const ShardTask& shard, float* scratch)
      : Engine(table, shard.task, shard.task.batch.rows.docs, scratch), shard_(shard) {}

  void run(ShardStep step, int64_t first, int64_t last) const {
    for (int64_t b = first; b < last; b++) switch (step) {
        case ShardStep::look: look(b); break;
        case ShardStep::sums: sums(b); break;
        case ShardStep::terms: terms(b); break;
        case ShardStep::finish: finish(b); break;
      }
  }

 private:
  // Documents of this rank's part, without the padding at the row's end.
  int64_t length(int64_t b) const {
    const int64_t n = shard_.rows[b].end - shard_.begin, docs = task_.batch.rows.docs;
    return n < 0 ? 0 : n < docs ? n : docs;
  }
  float* kept(int64_t b, int block, int64_t from) const {
    return shard_.kept + ((b - shard_.first) * cpu::kShardKept + block) * shard_.slots + from;
  }
  RowScratch kept(int64_t b, int64_t from, bool fast) const {
    float* const et = kept(b, 1, from);
    return {kept(b, 0, from), et, kept(b, 2, from), kept(b, 3, from), fast ? et : kept(b, 4, from), nullptr};
  }
  uint8_t& kind(int64_t b, int64_t from) const {
    return shard_.kinds[(b - shard_.first) * shard_.chunks + from / kChunk];
  }

  // Documents [from, from + n) of the part. Fewer than a vector stand at the end of a copy.
  CKL_SMALL OneRow chunk(int64_t b, int64_t from, int64_t n) const {
    const Batch& x = task_.batch;
    const int64_t begin = x.rows.begin(b) + from, missing = n < kLanes ? kLanes - n : 0;
    OneRow a;
    a.n = n;
    a.y = x.labels + begin;
    a.bias = nullptr;
    a.grad = a.teacher_grad = nullptr;
    if (missing) {
      uint8_t* const y = (uint8_t*)scratch_[S::kLabels];
      memset(y, 0, kLanes);
      memcpy(y + missing, a.y, (size_t)n);
      a.y = y + missing;
    }
    a.s = scores(x.student, begin, n, missing, scratch_[S::kStudent]);
    a.t = x.teacher ? scores(x.teacher, begin, n, missing, scratch_[S::kTeacher]) : a.s;
    if (task_.out.grad.data) a.prefetch = Prefetch(x, task_.out, begin + n);
    return a;
  }
  CKL_SMALL const float* scores(const Scores& x, int64_t begin, int64_t n, int64_t missing, float* to) const {
    if (direct(x) && !missing) return (const float*)x.data + begin;
    store(to, V(0.0f));
    widen(x, begin, to + missing, n);
    return to + missing;
  }

  // body(from, n) for each chunk of the part.
  template <class Body>
  void each_chunk(int64_t length, Body body) const {
    for (int64_t from = 0; from < length; from += kChunk) body(from, length - from < kChunk ? length - from : kChunk);
  }

  void look(int64_t b) const {
    const Rows& rows = task_.batch.rows;
    const uint8_t* labels = task_.batch.labels + rows.begin(b);
    const int64_t docs = rows.docs, n = length_without_padding(labels, docs);
    const LabelCount c = count_labels(labels, n);
    V ms(kLowest), mt(kLowest), poison(0.0f);
    double sum = 0;
    each_chunk(n, [&](int64_t from, int64_t count) {
      const OneRow a = chunk(b, from, count);
      V s(kLowest), t(kLowest);
      if (c.padding == 0 && count >= kLanes) a.maxima(s, t);
      else maxima_general(a, s, t, poison);
      ms = max(ms, s), mt = max(mt, t);
      if (!table_.biased || !task_.batch.ranks) return;
      float* const inverse = scratch_[S::kBias];
      row_inverse_ranks(task_, scratch_, nullptr, rows.begin(b) + from, count, labels + from, inverse);
      each_positive(labels + from, count, [&](int64_t i) { sum += inverse[i]; });
    });
    double* const out = shard_.looks + b * cpu::kShardLook;
    out[0] = max_lanes(ms)[0];
    out[1] = max_lanes(mt)[0];
    out[2] = (double)(n - c.padding);
    out[3] = (double)c.positives;
    out[4] = n > 0 ? (double)(shard_.begin + n) : 0;
    out[5] = sum;
  }

  // A row is poisoned by a score of any rank that is NaN or +inf: the exponentials of the fast kind find it, and those of the
  // general kind let it pass.
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

  // The vectors of one place in all records, added in the order of chunks; at: of the first, step: to the next chunk's.
  template <class Each>
  void each_record(int64_t b, int64_t floats, Each each) const {
    const int64_t rank_floats = floats * (shard_.last - shard_.first);
    for (int r = 0; r < shard_.ranks; r++) each(shard_.gathered + r * rank_floats + (b - shard_.first) * floats);
  }

  CKL_SMALL RowSums state(int64_t b) const {
    const ShardTask::Row& row = shard_.rows[b];
    RowSums r;
    r.documents = V((float)row.documents), r.positives = V((float)row.positives);
    r.student = normalise(V(row.student_z), V(row.student_tops));
    r.teacher = normalise(V(row.teacher_z), V(row.teacher_tops));
    r.poison = row.poisoned ? not_a_number() : poison_of(r);
    r.value = r.contribution = V(0.0f);
    return r;
  }

  bool counts(int64_t b, const TaskTerm& term) const {
    return takes_part(term.needs, shard_.rows[b].documents, shard_.rows[b].positives);
  }

  CKL_SMALL Mixing mixing(int64_t b, const TaskTerm& term) const {
    const double query_weight = weight(b);
    Mixing mix;
    mix.counted = counts(b, term) ? lanes_from(0) : lanes_from(kLanes);
    mix.factor = V(1.0f);
    if (!single_) mix.factor = select(mix.counted, per_query(&query_weight, term.grad_scale, true), V(0.0f));
    mix.value = V((float)term.weight);
    mix.contribution = per_query(&query_weight, term.loss_scale, true);
    mix.first = true, mix.keep_u = false;
    return mix;
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
        r.top_block = kind(b, from) == cpu::kFastTopChunk ? -1 : n;  // a slot that no block has: none is at the top
        RowScratch own = w;
        if (fast) {
          table_.one_row[k].fast(a, term, own, r);
        } else {
          if (!first) own.h = scratch_[S::kH];
          table_.one_row[k].general(a, term, own, mixing(b, term), r);
        }
        // A second sum of values is without the lift, where the first overflowed.
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

  // Sums of h below and at the student's top, into their places of a record.
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
    float* const out = scratch_[S::kBias] + kLanes;  // a vector that may be read stands before it
    store(out - kLanes, V(0.0f));
    if (task_.batch.beta) {
      widen({(const char*)task_.batch.beta, DType::float32}, begin, out, n);
    } else {
      row_inverse_ranks(task_, scratch_, nullptr, begin, n, nullptr, out);
      centre_on(out, n, shard_.rows[b].inverse_ranks, shard_.rows[b].positives);
    }
    return out;
  }

  bool is_fast(int64_t b, int64_t from) const {
    return fast_ && kind(b, from) != cpu::kGeneralChunk && !shard_.rows[b].poisoned;
  }

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

  // Without scores, which the gradient may have taken the place of.
  CKL_SMALL OneRow chunk_of_labels(int64_t b, int64_t from, int64_t n) const {
    OneRow a;
    a.n = n;
    a.s = a.t = a.bias = nullptr;
    a.grad = a.teacher_grad = nullptr;
    a.y = task_.batch.labels + task_.batch.rows.begin(b) + from;
    if (n < kLanes) {
      uint8_t* const y = (uint8_t*)scratch_[S::kLabels];
      memset(y, 0, kLanes);
      memcpy(y + kLanes - n, a.y, (size_t)n);
      a.y = y + kLanes - n;
    }
    return a;
  }

  struct Sums {
    V value, below, top;
  };
  // Of term k over all chunks of all ranks.
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
    // As term_general: without the lift. Chunks that did not overflow have it.
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

  const ShardTask& shard_;
#undef CKL_SMALL
};

}  // namespace
}  // namespace ckl
