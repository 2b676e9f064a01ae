// One rank's part of rows whose documents are spread over ranks: its chunks, and the data kept between steps.
#pragma once
#include "engine.h"

namespace ckl {
namespace {

#define CKL_SMALL __attribute__((noinline, cold))  // small code: the time is spent in the passes

class ShardPart : protected Engine {
 public:
  ShardPart(const PassTable& table, const cpu::ShardTask& shard, float* scratch)
      : Engine(table, shard.task, shard.task.batch.rows.docs, scratch), shard_(shard) {}

 protected:
  typedef cpu::ShardTask ShardTask;
  static constexpr float kLowest = -3.402823466e38f;

  // The number of documents in this rank's part, without the padding at the row's end.
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

  // Documents [from, from + n) of the part. Fewer than one vector are copied to the end of a buffer.
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

  // Calls body(from, n) for each chunk of the part.
  template <class Body>
  void each_chunk(int64_t length, Body body) const {
    for (int64_t from = 0; from < length; from += kChunk) body(from, length - from < kChunk ? length - from : kChunk);
  }

  // Has no scores: the gradient may have overwritten them.
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

  // Calls each with every rank's record of row b, in rank order. floats: the length of a record.
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

  bool is_fast(int64_t b, int64_t from) const {
    return fast_ && kind(b, from) != cpu::kGeneralChunk && !shard_.rows[b].poisoned;
  }

  const ShardTask& shard_;
};

}  // namespace
}  // namespace ckl
