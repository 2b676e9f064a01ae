// Sixteen short rows at a time, one to a lane: distribution losses only.
#pragma once
#include "engine.h"
#include "transpose.h"

namespace ckl {
namespace {

class SixteenRowsEngine : protected Engine {
 public:
  using Engine::Engine;

  // rows: 1 to 16 rows in ascending order; lengths: their lengths without the padding at their ends.
  void run(const int64_t* rows, int live, const int64_t* lengths) const {
    const Batch& x = task_.batch;
    const Outputs& out = task_.out;
    Group g;
    g.rows = rows;
    g.live = live;
    gather(g, lengths);
    SixteenRows a;
    a.n = g.n;
    a.prefetch = Prefetch(x, out, rows[live - 1] + 1 < x.rows.queries ? x.rows.begin(rows[live - 1] + 1) : g.begin[0]);
    uint8_t* words = (uint8_t*)scratch_[S::kLabels];
    labels_to_columns({(const char*)g.labels, g.label_begin}, words, g.n);
    a.y = words;
    RowSums r;
    V padding;
    count_columns(words, g.n, r.positives, padding);
    r.documents = V((float)((g.n + 3) / 4 * 4)) - padding;
    r.poison = r.value = r.contribution = V(0.0f);
    if (table_.biased) load_bias(g);
    a.bias = scratch_[S::kBias];
    a.s = scratch_[S::kStudent];
    a.t = x.teacher ? scratch_[S::kTeacher] : a.s;
    load_scores(g);
    double weights[kLanes];
    for (int j = 0; x.weights && j < kLanes; j++) weights[j] = weight(rows[j < live ? j : 0]);
    if (!x.weights) weights[0] = 1;

    if (table_.sixteen_pass) {
      const TaskTerm& term = task_.terms[0];
      a.grad = scratch_[S::kGrad];
      a.teacher_grad = scratch_[S::kTeacherGrad];
      const V factor = per_query(weights, term.grad_scale / task_.student_temperature, !x.weights);
      const V teacher_factor = per_query(weights, term.grad_scale / task_.teacher_temperature, !x.weights);
      r.value = V((float)term.weight) * table_.sixteen_pass({task_, a, scratch_[S::kEs], r.documents, r.positives,
                                                             factor, teacher_factor, teacher_});
      return finish(a, r, g);
    }

    // Exponentials replace the scores, and h those of the teacher, so that everything stays in the innermost cache.
    RowScratch w = row_scratch(true);
    w.es = scratch_[S::kStudent];
    w.et = scratch_[S::kTeacher];
    const bool try_fast = fast_ && g.n > 0 && !any(~counts(task_.terms[0].needs, r));
    bool done = false;
    if (try_fast) {
      const bool padded = any(V((float)g.n) > r.documents);
      if (padded) clear_padding(words, g.n);
      for (int64_t i = 0; padded && table_.biased && i < g.n;
           i++) {  // the caller's values there may be NaN or infinite
        float* bias = scratch_[S::kBias] + i * kLanes;
        store(bias, select(a.masked(i, i * kLanes), V(0.0f), load(bias)));
      }
      RowScratch in_place = w;
      a.grad = in_place.h = w.et;
      done = padded ? fast<true>(a, table_.sixteen_rows[0], in_place, r, weights, !x.weights)
                    : fast<false>(a, table_.sixteen_rows[0], in_place, r, weights, !x.weights);
    }
    if (!done) {
      if (try_fast) load_scores(g);
      a.grad = scratch_[S::kGrad];
      a.teacher_grad = scratch_[S::kTeacherGrad];
      general(a, table_.sixteen_rows, w, r, weights, !x.weights);
    }
    finish(a, r, g);
  }

 private:
  struct Group {
    const int64_t* rows;
    int live;    // the number of rows; idle lanes repeat the first
    bool roomy;  // each row has n elements in the caller's arrays
    int64_t n;   // the longest
    int64_t begin[kLanes];
    int64_t length[kLanes];
    const uint8_t* labels;  // row j at labels + label_begin[j]: the caller's labels, or a copy padded to n
    int64_t padded[kLanes];
    const int64_t* label_begin;
    int64_t columns(int j) const { return roomy ? n : length[j]; }  // columns that belong to the row
  };

  // Writes the results to the caller's arrays.
  void finish(const SixteenRows& a, const RowSums& r, const Group& g) const {
    const Outputs& out = task_.out;
    const int64_t* rows = g.rows;
    const int live = g.live;
    store_columns(a.grad, out.grad, g);
    if (teacher_) store_columns(a.teacher_grad, out.teacher_grad, g);
    float value[kLanes], contribution[kLanes];
    store(value, r.value);
    store(contribution, r.contribution);
    if (rows[live - 1] - rows[0] == live - 1) memcpy(out.per_query + rows[0], value, sizeof(float) * (size_t)live);
    else
      for (int j = 0; j < live; j++) out.per_query[rows[j]] = value[j];
    for (int j = 0; task_.contributions && j < live; j++) task_.contributions[rows[j]] = contribution[j];
    for (int j = 0; !task_.binary_labels && j < live; j++) clear_behind(rows[j], g.columns(j));
  }

  void gather(Group& g, const int64_t* lengths) const {
    const Rows& rows = task_.batch.rows;
    g.n = lengths[0];
    g.roomy = !rows.offsets;
    g.labels = task_.batch.labels;
    g.label_begin = g.begin;
    if (g.roomy && task_.binary_labels) {
      const int64_t first = rows.begin(g.rows[0]), step = rows.stride;  // all rows are alike, so they are consecutive
      for (int j = 0; j < kLanes; j++) g.begin[j] = first + (j < g.live ? j * step : 0), g.length[j] = g.n;
      return;
    }
    bool even = true;
    for (int j = 0; j < kLanes; j++) {
      const int row = j < g.live ? j : 0;
      g.begin[j] = rows.begin(g.rows[row]);
      g.length[j] = lengths[row];
      even &= lengths[row] == g.n;
    }
    for (int j = 0; !even && j < kLanes; j++) g.n = g.length[j] > g.n ? g.length[j] : g.n;
    g.roomy |= even;
    if (g.roomy) return;
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

  // Converts sixteen rows of any type to n columns; values past the end of a row are arbitrary.
  void load_columns(const Scores& from, const Group& g, float* columns) const {
    if (direct(from) && readable(from, g))
      return rows_to_columns(RowSet<4, const char>{from.data, g.begin}, columns, g.n);
    float* staged = scratch_[S::kGrad];
    clear(staged, kLanes * g.n);
    int64_t begin[kLanes];
    for (int j = 0; j < kLanes; j++) {
      begin[j] = j * g.n;
      widen(from, g.begin[j], staged + begin[j], g.columns(j));
    }
    rows_to_columns(RowSet<4, const char>{(const char*)staged, begin}, columns, g.n);
  }
  // Whether n elements may be read from the start of each row. A ragged row is followed by others, whose gradients
  // another thread may be writing in place of the scores.
  bool readable(const Scores& from, const Group& g) const {
    if (g.roomy) return true;
    const Outputs& out = task_.out;
    if (from.data == out.grad.data || from.data == out.teacher_grad.data) return false;
    return g.begin[g.live - 1] + g.n <= task_.batch.rows.extent();
  }

  void load_bias(const Group& g) const {
    const Batch& x = task_.batch;
    if (x.beta) return load_columns({(const char*)x.beta, DType::float32}, g, scratch_[S::kBias]);
    float* staged = scratch_[S::kGrad];
    float* widened = scratch_[S::kH];
    int64_t begin[kLanes];
    for (int j = 0; j < kLanes; j++) begin[j] = j < g.live ? j * g.n : 0;
    for (int j = 0; j < g.live; j++) {
      const float* s = (const float*)x.student.data + g.begin[j];
      if (!x.ranks && !direct(x.student)) widen(x.student, g.begin[j], widened, g.length[j]), s = widened;
      bias_of(s, g.begin[j], g.length[j], g.labels + g.label_begin[j], staged + begin[j]);
      if (g.length[j] < g.n) clear(staged + begin[j] + g.length[j], g.n - g.length[j]);
    }
    rows_to_columns(RowSet<4, const char>{(const char*)staged, begin}, scratch_[S::kBias], g.n);
  }

  void store_columns(const float* columns, MutableScores to, const Group& g) const {
    if (to.type == DType::float32 && g.roomy)
      return columns_to_rows(columns, RowSet<4, char>{to.data, g.begin}, g.n, g.live);
    float* staged = scratch_[S::kGap];
    int64_t begin[kLanes];
    for (int j = 0; j < kLanes; j++) begin[j] = j * g.n;
    columns_to_rows(columns, RowSet<4, char>{(char*)staged, begin}, g.n, g.live);
    for (int j = 0; j < g.live; j++) narrow(staged + begin[j], to, g.begin[j], g.columns(j));
  }
};

}  // namespace
}  // namespace ckl
