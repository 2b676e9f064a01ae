// One call's rows, one after the other or sixteen at a time.
//
// Rows of up to kAcrossLongest documents go sixteen at a time, one to a lane; longer ones along the vector. The choice
// depends on the length alone, so that a row's bits depend on nothing but the row.
#pragma once
#include "diagnostics.h"
#include "half.h"
#include "labels.h"
#include "pairwise.h"
#include "ranking.h"
#include "terms.h"
#include "transpose.h"

namespace ckl {
namespace {

constexpr int64_t kAcrossLongest = 128;

inline int64_t round_up(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Scratch memory: blocks of one size, each large enough for a long row or for sixteen short ones. The odd 64 floats
// keep blocks from starting at the same offset of a page, where stores would hold up loads.
struct Scratch {
  enum Block { kEs, kEt, kGap, kBs, kH, kU, kStudent, kTeacher, kBias, kGrad, kTeacherGrad, kLabels, kBlocks };
  static int64_t block_floats(int64_t docs) {
    const int64_t along = round_up(docs) + 2 * kLanes, across = kAcrossLongest * kLanes;
    return (along > across ? along : across) + 64;
  }
  static int64_t floats(int64_t docs) { return kBlocks * block_floats(docs) + 5 * round_up(docs) + 6144; }

  float* base;
  int64_t size;
  float* operator[](Block b) const { return base + b * size; }
  // Behind the blocks: 5 n + 6144 words for sorting.
  float* sorting() const { return base + kBlocks * size; }
};

// The passes of one term, for rows of one layout.
template <class Layout>
struct Passes {
  void (*plain)(const Layout&, const TaskTerm&, const Arrays&, State&) = nullptr;
  void (*careful)(const Layout&, const TaskTerm&, const Arrays&, const Mixing&, State&) = nullptr;
};

#define CKL_PASS __attribute__((noinline))
template <class F, class Layout>
CKL_PASS void run_plain(const Layout& a, const TaskTerm& term, const Arrays& w, State& r) {
  term_plain<F>(a, term, w, r);
}
template <class F, class Layout>
CKL_PASS void run_careful(const Layout& a, const TaskTerm& term, const Arrays& w, const Mixing& mix, State& r) {
  term_careful<F>(a, term, w, mix, r);
}
template <bool Scaled, bool KeepLn, class Layout>
CKL_PASS bool run_softmax(const Layout& a, const Task& task, const Arrays& w, State& r) {
  return softmax_plain<Scaled, KeepLn>(a, task, w, r);
}
template <class Layout>
CKL_PASS void run_softmax_careful(const Layout& a, const Task& task, const Arrays& w, State& r) {
  softmax_careful(a, task, w, r);
}
template <class Layout>
CKL_PASS void run_finish(const Layout& a, const Arrays& w, const State& r, V scale) {
  finish_plain(a, w, r, scale);
}
template <class Layout>
CKL_PASS void run_finish_careful(const Layout& a, const Arrays& w, State& r, V scale, V teacher_scale, M counted,
                                 bool teacher) {
  finish_careful(a, w, r, scale, teacher_scale, counted, teacher);
}
#undef CKL_PASS

// x as a float; what would overflow stays at the largest, so that 0 times it is 0.
inline float saturate(double x) {
  const double most = 3.4028234663852886e38;
  return (float)(x > most ? most : x < -most ? -most : x);
}

inline M counts(Needs needs, const State& r) {
  return (needs == Needs::positive ? r.positives : r.documents) > V(0.0f);
}

class Runner {
 public:
  Runner(const Task& task, int64_t longest, float* scratch) : task_(task), scratch_{scratch, Scratch::block_floats(longest)} {
    int distributions = 0;
    for (int k = 0; k < task.term_count; k++) {
      const TaskTerm& term = task.terms[k];
      biased_ |= term.parameters.biased;
      distributions += with_term(term, [&](auto f) {
        typedef decltype(f) F;
        along_[k].plain = run_plain<F, Along>, along_[k].careful = run_careful<F, Along>;
        across_[k].plain = run_plain<F, Across>, across_[k].careful = run_careful<F, Across>;
        reads_ln_q_ |= F::reads_ln_q;
      });
    }
    pairwise_ = distributions < task.term_count;
    distribution_ = distributions > 0;
    teacher_ = bool(task.out.teacher_grad);
    single_ = task.term_count == 1;
    plain_ = single_ && !pairwise_ && !teacher_ && task.terms[0].weight == 1 && !task.contributions;
  }

  void run(int64_t first, int64_t last) {
    const Rows& rows = task_.batch.rows;
    for (int64_t b = first; b < last;) {
      int64_t end = b + 1;
      const bool across = !pairwise_ && rows.length(b) <= kAcrossLongest;
      while (across && end < last && end - b < kLanes && rows.length(end) <= kAcrossLongest) end++;
      if (task_.out.diagnostics.weight)  // before the gradient may take the place of the scores
        for (int64_t i = b; i < end; i++) diagnose(i);
      if (across) run_across(b, (int)(end - b));
      else run_along(b);
      b = end;
    }
  }

 private:
  typedef Scratch S;

  double weight(int64_t b) const { return task_.batch.weights ? (double)task_.batch.weights[b] : 1.0; }
  bool direct(const Scores& x) const { return x.type == DType::float32; }

  template <class Layout>
  bool softmax(const Layout& a, const Arrays& w, State& r) const {
    if (task_.scaled)
      return reads_ln_q_ ? run_softmax<true, true>(a, task_, w, r) : run_softmax<true, false>(a, task_, w, r);
    return reads_ln_q_ ? run_softmax<false, true>(a, task_, w, r) : run_softmax<false, false>(a, task_, w, r);
  }

  // All distribution terms of a row (or sixteen), and their gradient. query_weights: a lane each.
  template <class Layout>
  void careful(const Layout& a, const Passes<Layout>* passes, const Arrays& w, State& r, const double* query_weights,
               bool uniform) const {
    run_softmax_careful(a, task_, w, r);
    M counted = ~lanes_from(0);
    bool first = true;
    for (int k = 0; k < task_.term_count; k++) {
      if (!passes[k].careful) continue;
      const TaskTerm& term = task_.terms[k];
      Mixing mix;
      mix.counted = counts(term.needs, r);
      mix.factor = V(1.0f);
      if (!single_) mix.factor = select(mix.counted, per_query(query_weights, term.grad_scale, uniform), V(0.0f));
      mix.value = V((float)term.weight);
      mix.contribution = per_query(query_weights, term.loss_scale, uniform);
      mix.first = first, mix.keep_u = teacher_;
      passes[k].careful(a, term, w, mix, r);
      counted = counted | mix.counted;
      first = false;
    }
    const double scale = single_ ? task_.terms[0].grad_scale : 1.0;
    const V student = single_ ? per_query(query_weights, scale / task_.student_temperature, uniform)
                              : V(saturate(1.0 / task_.student_temperature));
    const V teacher = single_ ? per_query(query_weights, scale / task_.teacher_temperature, uniform)
                              : V(saturate(1.0 / task_.teacher_temperature));
    run_finish_careful(a, w, r, student, teacher, counted, teacher_);
  }

  static V per_query(const double* query_weights, double scale, bool uniform) {
    if (uniform) return V(saturate(query_weights[0] * scale));
    float x[kLanes];
    for (int j = 0; j < kLanes; j++) x[j] = saturate(query_weights[j] * scale);
    return load(x);
  }

  // ---- one row along the vector

  struct Staged {
    Along row;
    int64_t begin, n;  // in the caller's memory; row.n is n, or 16 where padding fills a shorter row
    LabelCount labels;
    int64_t documents() const { return n - labels.padding; }
  };

  Staged stage(int64_t b) const {
    const Batch& x = task_.batch;
    Staged g;
    g.begin = x.rows.begin(b), g.n = x.rows.length(b);
    if (task_.plain_labels) g.labels.positives = count_positives(x.labels + g.begin, g.n);
    else g.labels = count_labels(x.labels + g.begin, g.n);
    Along& a = g.row;
    a.n = g.n < kLanes ? (int64_t)kLanes : g.n;
    a.y = x.labels + g.begin;
    a.bias = nullptr, a.grad = a.teacher_grad = nullptr;
    const bool shorter = g.n < kLanes;
    if (shorter) {
      uint8_t* y = (uint8_t*)scratch_[S::kLabels];
      memset(y, kPadding, kLanes);
      memcpy(y, a.y, (size_t)g.n);
      a.y = y;
    }
    a.s = scores(x.student, g, shorter, scratch_[S::kStudent]);
    a.t = x.teacher ? scores(x.teacher, g, shorter, scratch_[S::kTeacher]) : a.s;
    const bool more = b + 1 < x.rows.queries && !x.rows.offsets && !shorter;
    a.next_s = a.s + (more && direct(x.student) ? x.rows.stride : 0);
    a.next_t = a.t + (more && x.teacher && direct(x.teacher) ? x.rows.stride : 0);
    a.next_y = a.y + (more ? x.rows.stride : 0);
    return g;
  }
  const float* scores(const Scores& x, const Staged& g, bool shorter, float* to) const {
    if (direct(x) && !shorter) return (const float*)x.data + g.begin;
    if (shorter) memset(to, 0, sizeof(float) * kLanes);
    widen(x, g.begin, to, g.n);
    return to;
  }

  Arrays arrays(bool h_apart) const {
    return {scratch_[S::kEs], scratch_[S::kEt], scratch_[S::kGap], scratch_[S::kBs],
            h_apart ? scratch_[S::kH] : scratch_[S::kEt], scratch_[S::kU]};
  }

  // 1 / rank of every document, from the ranks given or of the scores.
  void inverse_ranks_of(const float* s, int64_t begin, int64_t n, const uint8_t* labels, float* out) const {
    if (task_.batch.ranks) return inverse_ranks(task_.batch.ranks, begin, n, out);
    uint32_t* ranks = (uint32_t*)scratch_.sorting();
    fresh_ranks(s, labels, n, ranks, scratch_.sorting() + round_up(n));
    inverse_ranks(ranks, n, out);
  }
  // The rank bias before alpha: the caller's beta, or 1 / rank - mean over the positives of 1 / rank.
  void bias_of(const float* s, int64_t begin, int64_t n, const uint8_t* labels, float* out) const {
    if (task_.batch.beta) {
      memcpy(out, task_.batch.beta + begin, sizeof(float) * (size_t)n);
      return;
    }
    inverse_ranks_of(s, begin, n, labels, out);
    centre_on_positives(out, labels, n);
  }

  static State state(const Staged& g) {
    State r;
    r.documents = V((float)g.documents()), r.positives = V((float)g.labels.positives);
    r.poison = r.value = r.contribution = V(0.0f);
    return r;
  }
  static bool counted(Needs needs, const Staged& g) {
    if (needs == Needs::document || needs == Needs::ordered_pair) return g.documents() > 0;
    if (needs == Needs::positive) return g.labels.positives > 0;
    return g.labels.positives > 0 && g.documents() > g.labels.positives;
  }

  void run_along(int64_t b) const {
    Staged g = stage(b);
    Along& a = g.row;
    const Outputs& out = task_.out;
    const bool in_place = out.grad.type == DType::float32 && g.n >= kLanes && !pairwise_;
    a.grad = in_place ? (float*)out.grad.data + g.begin : scratch_[S::kGrad];
    const bool teacher_in_place = in_place && out.teacher_grad.type == DType::float32;
    a.teacher_grad = teacher_in_place ? (float*)out.teacher_grad.data + g.begin : scratch_[S::kTeacherGrad];
    if (biased_) {
      float* bias = scratch_[S::kBias];
      if (g.n < kLanes) memset(bias, 0, sizeof(float) * kLanes);
      bias_of(a.s, g.begin, g.n, a.y, bias);
      a.bias = bias;
    }

    const double query_weight = weight(b);
    State r = state(g);
    bool any_counted = false;
    for (int k = 0; k < task_.term_count; k++) any_counted |= counted(task_.terms[k].needs, g);
    if (!any_counted) {
      clear(a.grad, g.n), clear(a.teacher_grad, teacher_ ? g.n : 0);
    } else if (distribution_) {
      const bool plain = plain_ && g.labels.padding == 0 && g.n >= kLanes;
      const Arrays w = arrays(!plain);
      if (plain && softmax(a, w, r)) {
        along_[0].plain(a, task_.terms[0], w, r);
        run_finish(a, w, r, V(saturate(task_.terms[0].grad_scale * query_weight / task_.student_temperature)));
      } else {
        careful(a, along_, arrays(true), r, &query_weight, true);
      }
    } else {
      clear(a.grad, g.n), clear(a.teacher_grad, teacher_ ? g.n : 0);
    }
    double value = r.value[0], contribution = r.contribution[0];
    if (pairwise_ && any_counted) add_pairwise(g, query_weight, value, contribution);
    out.per_query[b] = (float)value;
    if (task_.contributions) task_.contributions[b] = contribution;
    if (!in_place) narrow(a.grad, out.grad, g.begin, g.n);
    if (teacher_ && !teacher_in_place) narrow(a.teacher_grad, out.teacher_grad, g.begin, g.n);
  }

  static void clear(float* x, int64_t n) {
    if (n > 0) memset(x, 0, sizeof(float) * (size_t)n);
  }

  void add_pairwise(const Staged& g, double query_weight, double& value, double& contribution) const {
    const Along& a = g.row;
    for (int k = 0; k < task_.term_count; k++) {
      const TaskTerm& term = task_.terms[k];
      if (!counted(term.needs, g)) continue;
      double query_share = query_weight;
      PairwiseResult result = {0, 1};
      if (term.loss == LossId::marginMse) {
        result.value = margin_mse(a, task_, g.labels.positives, g.documents() - g.labels.positives,
                                  saturate(term.grad_scale * query_weight / task_.student_temperature),
                                  saturate(term.grad_scale * query_weight / task_.teacher_temperature), teacher_, scratch_[S::kEs]);
      } else if (term.loss == LossId::lambdaMrr) {
        float* inverse = scratch_[S::kU];
        inverse_ranks_of(a.s, g.begin, g.n, a.y, inverse);
        const float* relevance = task_.batch.relevance ? task_.batch.relevance + g.begin : nullptr;
        const int64_t pairs = cpu::ordered_pairs(relevance, a.y, g.n, (int32_t*)scratch_.sorting());
        if (pairs == 0) continue;
        if (task_.pair_weighted) query_share *= (double)pairs;
        result = lambda_mrr(a, g.n, task_, relevance, inverse,
                            term.grad_scale * query_share / task_.student_temperature,
                            {(int32_t*)scratch_.sorting(), scratch_[S::kEs], scratch_[S::kEt], scratch_[S::kGap]});
      } else {
        continue;
      }
      value += term.weight * result.value;
      contribution += term.loss_scale * query_share * result.value;
    }
  }

  // ---- sixteen rows, one to a lane

  struct Group {
    int64_t b;                // the first row
    int live;                 // rows; idle lanes repeat the first
    bool even;                // all of one length
    int64_t n;                // the longest
    int64_t begin[kLanes];
    int64_t length[kLanes];   // uneven groups only
    const uint8_t* labels;    // of row j at labels + label_begin[j]: the caller's, or padded to n
    int64_t padded[kLanes];
    const int64_t* label_begin;
    int64_t length_of(int j) const { return even ? n : length[j]; }
  };

  void gather(Group& g) const {
    const Rows& rows = task_.batch.rows;
    g.even = true, g.n = rows.length(g.b), g.labels = task_.batch.labels, g.label_begin = g.begin;
    if (!rows.offsets) {
      const int64_t first = rows.begin(g.b), step = rows.stride;
      for (int j = 0; j < kLanes; j++) g.begin[j] = first + (j < g.live ? j * step : 0);
      return;
    }
    for (int j = 0; j < kLanes; j++) {
      const int64_t row = g.b + (j < g.live ? j : 0);
      g.begin[j] = rows.begin(row), g.length[j] = rows.length(row);
      g.even &= g.length[j] == g.length[0];
      if (g.length[j] > g.n) g.n = g.length[j];
    }
    if (g.even) return;
    uint8_t* padded = (uint8_t*)scratch_[S::kU];
    memset(padded, kPadding, (size_t)(kLanes * g.n));
    for (int j = 0; j < kLanes; j++) {
      g.padded[j] = j * g.n;
      memcpy(padded + g.padded[j], g.labels + g.begin[j], (size_t)g.length[j]);
    }
    g.labels = padded, g.label_begin = g.padded;
  }

  void run_across(int64_t b, int live) const {
    const Batch& x = task_.batch;
    const Outputs& out = task_.out;
    Group g;
    g.b = b, g.live = live;
    gather(g);
    Across a;
    a.n = g.n;
    uint8_t* words = (uint8_t*)scratch_[S::kLabels];
    labels_to_columns({(const char*)g.labels, g.label_begin}, words, g.n);
    a.y = words;
    State r;
    V padding;
    count_columns(words, g.n, r.positives, padding);
    r.documents = V((float)((g.n + 3) / 4 * 4)) - padding;
    r.poison = r.value = r.contribution = V(0.0f);
    if (biased_) load_bias(g);
    a.bias = scratch_[S::kBias];
    a.s = scratch_[S::kStudent], a.t = x.teacher ? scratch_[S::kTeacher] : a.s;
    load_scores(g);
    double weights[kLanes];
    for (int j = 0; x.weights && j < kLanes; j++) weights[j] = weight(b + (j < live ? j : 0));
    if (!x.weights) weights[0] = 1;

    // Exponentials take the place of scores, and h of the teacher's, while they fit in the innermost cache.
    Arrays w = arrays(true);
    w.es = scratch_[S::kStudent], w.et = scratch_[S::kTeacher];
    const bool full = g.n > 0 && !any(V((float)g.n) > r.documents) && !any(~counts(task_.terms[0].needs, r));
    bool done = plain_ && full && softmax(a, w, r);
    if (done) {
      a.grad = w.h = w.et;
      across_[0].plain(a, task_.terms[0], w, r);
      run_finish(a, w, r, per_query(weights, task_.terms[0].grad_scale / task_.student_temperature, !x.weights));
    } else {
      if (plain_ && full) load_scores(g);
      a.grad = scratch_[S::kGrad], a.teacher_grad = scratch_[S::kTeacherGrad];
      careful(a, across_, w, r, weights, !x.weights);
    }
    store_columns(a.grad, out.grad, g);
    if (teacher_) store_columns(a.teacher_grad, out.teacher_grad, g);
    float value[kLanes], contribution[kLanes];
    store(value, r.value), store(contribution, r.contribution);
    for (int j = 0; j < live; j++) out.per_query[b + j] = value[j];
    for (int j = 0; task_.contributions && j < live; j++) task_.contributions[b + j] = contribution[j];
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

  // ---- diagnostics: always along the vector, in their own pass over the row

  void diagnose(int64_t b) const {
    Staged g = stage(b);
    Along& a = g.row;
    const Diagnostics& d = task_.out.diagnostics;
    float *weights = scratch_[S::kH], *ratios = scratch_[S::kU];
    const int64_t slots = round_up(a.n);
    clear(weights, slots), clear(ratios, slots);
    QueryDiagnostics q = {0, __builtin_nanf(""), __builtin_nanf("")};
    bool any_counted = false;
    for (int k = 0; k < task_.term_count; k++) any_counted |= counted(task_.terms[k].needs, g);
    State r = state(g);
    if (any_counted) {
      if (biased_) {
        float* bias = scratch_[S::kBias];
        clear(bias, slots);
        bias_of(a.s, g.begin, g.n, a.y, bias);
        a.bias = bias;
      }
      const Arrays w = arrays(true);
      run_softmax_careful(a, task_, w, r);
      for (int k = 0; k < task_.term_count; k++) {
        const TaskTerm& term = task_.terms[k];
        if (!counted(term.needs, g)) continue;
        with_term(term, [&](auto f) {
          weigh<decltype(f)>(a, term, w, r, V((float)term.weight), weights, ratios);
        });
      }
      float* probability = scratch_[S::kGap];
      from_slots(w.es, g.n, probability);
      for (int64_t i = 0; i < g.n; i++) probability[i] *= r.student.lowering[0];
      q = describe(a, probability, g.n);
      if (!(r.poison[0] == 0)) q = {__builtin_nanf(""), __builtin_nanf(""), __builtin_nanf("")};
    }
    from_slots(weights, g.n, d.weight + g.begin);
    from_slots(ratios, g.n, d.ratio + g.begin);
    for (int64_t i = 0; i < g.n && !(r.poison[0] == 0); i++)
      if (a.y[i] != kPadding) d.weight[g.begin + i] = d.ratio[g.begin + i] = __builtin_nanf("");
    d.entropy[b] = q.entropy, d.separation[b] = q.separation, d.separation_top10[b] = q.separation_top10;
  }

  const Task& task_;
  const Scratch scratch_;
  Passes<Along> along_[kMaxTerms];
  Passes<Across> across_[kMaxTerms];
  bool biased_ = false, reads_ln_q_ = false, pairwise_ = false, distribution_ = false;
  bool teacher_ = false, single_ = false, plain_ = false;
};

}  // namespace
}  // namespace ckl
