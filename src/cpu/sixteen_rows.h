// Sixteen short rows at a time, one to a lane: distribution losses only.
#pragma once
#include "engine.h"
#include "transpose.h"

namespace ckl {
namespace {

class SixteenRowsEngine : protected Engine {
 public:
  using Engine::Engine;

  void run(int64_t b, int live) const {
    const Batch& x = task_.batch;
    const Outputs& out = task_.out;
    Group g;
    g.b = b;
    g.live = live;
    gather(g);
    SixteenRows a;
    a.n = g.n;
    a.prefetch = Prefetch(x, out, b + live < x.rows.queries ? x.rows.begin(b + live) : g.begin[0]);
    uint8_t* words = (uint8_t*)scratch_[S::kLabels];
    labels_to_columns({(const char*)g.labels, g.label_begin}, words, g.n);
    a.y = words;
    RowSums r;
    V padding;
    count_columns(words, g.n, r.positives, padding);
    r.documents = V((float)((g.n + 3) / 4 * 4)) - padding;
    r.poison = r.value = r.contribution = V(0.0f);
    if (biased_) load_bias(g);
    a.bias = scratch_[S::kBias];
    a.s = scratch_[S::kStudent];
    a.t = x.teacher ? scratch_[S::kTeacher] : a.s;
    load_scores(g);
    double weights[kLanes];
    for (int j = 0; x.weights && j < kLanes; j++) weights[j] = weight(b + (j < live ? j : 0));
    if (!x.weights) weights[0] = 1;

    // Exponentials take the place of scores, and h of the teacher's, while they fit in the innermost cache.
    RowScratch w = row_scratch(true);
    w.es = scratch_[S::kStudent];
    w.et = scratch_[S::kTeacher];
    const bool full = g.n > 0 && !any(V((float)g.n) > r.documents) && !any(~counts(task_.terms[0].needs, r));
    bool done = fast_ && full && softmax(a, w, r);
    if (done) {
      a.grad = w.h = w.et;
      sixteen_rows_[0].fast(a, task_.terms[0], w, r);
      run_finish_fast(a, w, r, per_query(weights, task_.terms[0].grad_scale / task_.student_temperature, !x.weights));
    } else {
      if (fast_ && full) load_scores(g);
      a.grad = scratch_[S::kGrad];
      a.teacher_grad = scratch_[S::kTeacherGrad];
      general(a, sixteen_rows_, w, r, weights, !x.weights);
    }
    store_columns(a.grad, out.grad, g);
    if (teacher_) store_columns(a.teacher_grad, out.teacher_grad, g);
    float value[kLanes], contribution[kLanes];
    store(value, r.value);
    store(contribution, r.contribution);
    for (int j = 0; j < live; j++) out.per_query[b + j] = value[j];
    for (int j = 0; task_.contributions && j < live; j++) task_.contributions[b + j] = contribution[j];
  }

 private:
  struct Group {
    int64_t b;  // the first row
    int live;   // rows; idle lanes repeat the first
    bool even;  // all of one length
    int64_t n;  // the longest
    int64_t begin[kLanes];
    int64_t length[kLanes];  // uneven groups only
    const uint8_t* labels;   // of row j at labels + label_begin[j]: the caller's, or padded to n
    int64_t padded[kLanes];
    const int64_t* label_begin;
    int64_t length_of(int j) const { return even ? n : length[j]; }
  };

  void gather(Group& g) const {
    const Rows& rows = task_.batch.rows;
    g.even = true;
    g.n = rows.length(g.b);
    g.labels = task_.batch.labels;
    g.label_begin = g.begin;
    if (!rows.offsets) {
      const int64_t first = rows.begin(g.b), step = rows.stride;
      for (int j = 0; j < kLanes; j++) g.begin[j] = first + (j < g.live ? j * step : 0);
      return;
    }
    for (int j = 0; j < kLanes; j++) {
      const int64_t row = g.b + (j < g.live ? j : 0);
      g.begin[j] = rows.begin(row);
      g.length[j] = rows.length(row);
      g.even &= g.length[j] == g.length[0];
      if (g.length[j] > g.n) g.n = g.length[j];
    }
    if (g.even) return;
    uint8_t* padded = (uint8_t*)scratch_[S::kU];
    memset(padded, kPadding, (size_t)(kLanes * g.n));
    for (int j = 0; j < kLanes; j++) {
      g.padded[j] = j * g.n;
      if (g.length[j] > 0) memcpy(padded + g.padded[j], g.labels + g.begin[j], (size_t)g.length[j]);
    }
    g.labels = padded;
    g.label_begin = g.padded;
  }

  void load_scores(const Group& g) const {
    load_columns(task_.batch.student, g, scratch_[S::kStudent]);
    if (task_.batch.teacher) load_columns(task_.batch.teacher, g, scratch_[S::kTeacher]);
  }

  // Sixteen rows of any type, padded with zeros to n, to columns.
  void load_columns(const Scores& from, const Group& g, float* columns) const {
    if (direct(from) && g.even) return rows_to_columns(RowSet<4, const char>{from.data, g.begin}, columns, g.n);
    float* staged = scratch_[S::kGrad];
    clear(staged, kLanes * g.n);
    int64_t begin[kLanes];
    for (int j = 0; j < kLanes; j++) {
      begin[j] = j * g.n;
      widen(from, g.begin[j], staged + begin[j], g.length_of(j));
    }
    rows_to_columns(RowSet<4, const char>{(const char*)staged, begin}, columns, g.n);
  }

  void load_bias(const Group& g) const {
    float* staged = scratch_[S::kGrad];
    float* scores = scratch_[S::kH];
    clear(staged, kLanes * g.n);
    int64_t begin[kLanes];
    for (int j = 0; j < kLanes; j++) begin[j] = j < g.live ? j * g.n : 0;
    for (int j = 0; j < g.live; j++) {
      widen(task_.batch.student, g.begin[j], scores, g.length_of(j));
      bias_of(scores, g.begin[j], g.length_of(j), g.labels + g.label_begin[j], staged + begin[j]);
    }
    rows_to_columns(RowSet<4, const char>{(const char*)staged, begin}, scratch_[S::kBias], g.n);
  }

  void store_columns(const float* columns, MutableScores to, const Group& g) const {
    if (to.type == DType::float32 && g.even)
      return columns_to_rows(columns, RowSet<4, char>{to.data, g.begin}, g.n, g.live);
    float* staged = scratch_[S::kGap];
    int64_t begin[kLanes];
    for (int j = 0; j < kLanes; j++) begin[j] = j * g.n;
    columns_to_rows(columns, RowSet<4, char>{(char*)staged, begin}, g.n, g.live);
    for (int j = 0; j < g.live; j++) narrow(staged + begin[j], to, g.begin[j], g.length_of(j));
  }
};

}  // namespace
}  // namespace ckl
