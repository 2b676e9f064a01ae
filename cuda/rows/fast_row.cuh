// The fast way through a row: one distribution loss, every element read once into registers and its gradient written
// once. A row that comes out infinite or NaN is deferred: the launch that follows does it with the general kernel.
//
// Exponentials, and with them all that is linear in the teacher's probability, are kept 2^6 times as large until the
// end, so that what the special-function unit flushes to 0 stays below 2^-120 also after it met a large ln(p / q). The
// teacher's are not normalised before the end either: a loss is linear in them (document.h).
#pragma once
#include "fast_float.cuh"
#include "vector_load.cuh"
#include "../ranks/ranking.cuh"
#include "reduce.cuh"
#include "softmax.cuh"
#include "../common/team.cuh"

// test/cuda/ways.cu, which counts the instructions of a row's ways through a kernel, decides these by its team and lets nothing
// else be: whether something rare is so, of what type scores are, whether the row is made of whole vectors and fills its team,
// whether some of a word of labels are masked or not there.
#ifndef CKL_RARE
#define CKL_RARE(condition) (condition)
#define CKL_TYPE(type) (type)
#define CKL_WHOLE(condition) (condition)
#define CKL_FULL(condition) (condition)
#define CKL_MASKED(condition, word) (condition)
#endif

namespace ckl {
namespace cuda {

constexpr float kLift = 64.0f, kLog2Lift = 6.0f, kLn2 = 0.69314718f;

// log2 of the lifted exponential that stands for a teacher's score of -inf: its probability is 0 all the same, and its
// ln(p / q) finite. Losses that are infinite there, which nothing else tells, keep the infinity and defer the row.
constexpr float kNoTeacher = -160.0f;
template <class F>
struct LeastTeacher {
  static CKL_DEVICE_MEMBER float of(const Parameters&) { return kNoTeacher; }
};

// F: the loss; E: elements per thread; P: elements per load. Element i of a row is in vector i / P, and vectors go round the team.
template <class F, int E, int P, class Team>
struct FastRow {
  static constexpr int kVectors = E / P, kWords = E / 4;
  // From here on a branch for each four documents that hold no positive and not the top saves more than the second copy
  // of the code costs.
  static constexpr bool kBranch = E >= 16;
  // Whether the highest of four is kept until the tops are looked for, or found again by those threads that have one.
  static constexpr bool kKeeps = kBranch && !F::reads_ln_q;
  // Lanes that share a stretch of the row, so that what they read and write at once is whole sectors of memory.
  static constexpr int kGroup = E >= 32 ? 8 : 2;

  const Task& task;
  Team team;
  Row row;
  // In shared memory: the bias of the thread's documents before alpha; of rows that are ranked here, their scores.
  float *biases, *keys;
  Vectors vectors;

  // es and et: scores, then exponentials; et then h. gap: log2(p / q) but for the normalisers. us: log2 of es.
  float es[E], et[E], gap[E], us[F::reads_ln_q ? E : 1];
  float own[2], highest[kKeeps ? 2 * kWords : 1];  // of the thread's documents; of four each, student and teacher
  // Four to a word. Masked documents become negatives of no probability; bits 1 and 2 are for those at the student's top and
  // at the teacher's.
  uint32_t labels[kWords];
  bool masked, top_here;  // whether some of the thread's documents are masked, at the student's top
  Softmax student, teacher;
  float positives, rank_mean;

  CKL_DEVICE_MEMBER FastRow(const Task& of, Team sharing, const Row& a_row, float* memory, float* of_row)
      : task(of), team(sharing), row(a_row), biases(memory), keys(of_row), rank_mean(0) {}

  CKL_DEVICE_MEMBER uint32_t tops(int w) const { return labels[w] & 0x02020202u; }
  CKL_DEVICE_MEMBER uint32_t positive(int w) const { return labels[w] & ~(labels[w] >> 7) & 0x01010101u; }
  CKL_DEVICE_MEMBER bool some_masked(int w) const { return CKL_MASKED((labels[w] & 0x80808080u) != 0, w); }
  CKL_DEVICE_MEMBER bool is_masked(int j) const { return labels[j / 4] >> (8 * (j % 4) + 7) & 1; }
  CKL_DEVICE_MEMBER bool is_positive(int j) const { return labels[j / 4] >> (8 * (j % 4)) & 1; }
  CKL_DEVICE_MEMBER bool is_top(int j) const { return labels[j / 4] >> (8 * (j % 4) + 1) & 1; }
  // body(j) for documents that are masked, or not there.
  template <class Body>
  CKL_DEVICE_MEMBER void each_masked(Body body) const {
    if (!masked) return;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (!some_masked(w)) continue;
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++)
        if (is_masked(j)) body(j);
    }
  }

  // Loads scores into es and et, labels, and what a bias is made of: all of it is on its way before any of it is used.
  CKL_DEVICE_MEMBER void read() {
    const Batch& batch = task.batch;
    const DType student_type = P == 4 ? DType::float32 : CKL_TYPE(batch.student.type);
    const DType teacher_type = P == 4 ? DType::float32 : CKL_TYPE(batch.teacher.type);
    const char* const s = row_start({batch.student.data, student_type}, row.begin);
    const char* const t = row_start({batch.teacher.data, teacher_type}, row.begin);
    const uint8_t* const y = batch.labels + row.begin;
    const bool given = F::biased && task.biased && !task.fresh_ranks;
    unsigned odd = offset_in(s, 16) | offset_in(t, 16) | offset_in(y, P) | unsigned(row.n) % P;
    if (given) odd |= offset_in(ranks_start(batch, row.begin), P * rank_size(batch) < 16 ? P * rank_size(batch) : 16);
    vectors = {team.origin(kVectors, kGroup) * P, team.stride(kGroup) * P, int(row.n), CKL_WHOLE(odd == 0), false};
    vectors.full = CKL_FULL(vectors.whole && team.end(E) <= vectors.n);
    uint32_t raw_s[E], raw_t[E], raw_y[E], raw_ranks[F::biased ? E : 1];
    const auto fetch_all = [&](auto way) {
      constexpr Way kWay = decltype(way)::value;
      fetch_scores<kWay, P>(raw_s, s, student_type, vectors);
      fetch_scores<kWay, P>(raw_t, t, teacher_type, vectors);
      fetch_labels<kWay, P>(raw_y, y, vectors);
      if constexpr (F::biased) {
        if (given) fetch_ranks<kWay, P>(raw_ranks, batch, row.begin, vectors);
      }
    };
    if (vectors.full) fetch_all(Constant<Way, Way::full>());
    else if (vectors.whole) fetch_all(Constant<Way, Way::whole>());
    else fetch_all(Constant<Way, Way::single>());
    if constexpr (F::biased) {
      if (given) {
        float bias[E];
        bias_of_ranks<P>(bias, raw_ranks, batch, vectors);
#pragma unroll
        for (int j = 0; j < E; j++) bias_of(j) = bias[j];
      }
    }
    widen<P>(es, raw_s, student_type, vectors);
    widen<P>(et, raw_t, teacher_type, vectors);
    pack_labels<P>(labels, raw_y, vectors);
    uint32_t any = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) any |= labels[w];
    masked = CKL_MASKED((any & 0x80808080u) != 0, kWords - 1);
    each_masked([&](int j) { es[j] = et[j] = -infinity(); });
  }
  // By fours, so that a warp reads them without conflicts.
  CKL_DEVICE_MEMBER float& bias_of(int j) const { return biases[(j / 4 * blockDim.x + threadIdx.x) * 4 + j % 4]; }

  // 1 / rank of the documents among the row's scores, once sorted.
  CKL_DEVICE_MEMBER void rank() {
    const unsigned capacity = team.size() * E;
#pragma unroll
    for (int j = 0; j < E; j++) keys[vectors.first(j / P) + j % P] = es[j];
    team.sync();
    uint32_t above[E];
#pragma unroll
    for (int j = 0; j < E; j++) above[j] = 0;
    if (capacity <= kComparedAll) {
#pragma unroll 1
      for (unsigned k = 0; k < capacity; k++) {
        const float other = keys[k];
#pragma unroll
        for (int j = 0; j < E; j++) above[j] += other > es[j];
      }
    } else {
      sort_keys(team, keys, capacity);
#pragma unroll 1
      for (unsigned step = capacity / 2; step > 0; step /= 2)
#pragma unroll
        for (int j = 0; j < E; j++) above[j] += keys[above[j] + step - 1] > es[j] ? step : 0;
    }
#pragma unroll
    for (int j = 0; j < E; j++) bias_of(j) = reciprocal(float(above[j] + 1));
    team.sync();
  }

  // The bias of documents before alpha, and the mean over positives that is to be taken off.
  CKL_DEVICE_MEMBER void weigh_ranks() {
    if constexpr (Team::kRanks) {
      if (task.fresh_ranks) rank();
    }
    each_masked([&](int j) { bias_of(j) = 0; });
    float all[2] = {0, 0};
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      const uint32_t here = positive(w);
      if (here == 0) continue;
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++)
        if (here >> (8 * (j % 4)) & 1) all[0] += bias_of(j), all[1] += 1;
    }
    team.reduce(all, Add());
    rank_mean = task.batch.beta || all[1] == 0 ? 0 : all[0] / all[1];
  }

  static CKL_DEVICE_MEMBER float highest_of(const float* x) { return fmaxf(fmaxf(x[0], x[1]), fmaxf(x[2], x[3])); }
  // The maxima of both over the row, and of the thread's own.
  CKL_DEVICE_MEMBER void find_tops(float (&largest)[2]) {
    largest[0] = largest[1] = -3.402823466e38f;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      const float most_s = highest_of(es + 4 * w), most_t = highest_of(et + 4 * w);
      if constexpr (kKeeps) highest[2 * w] = most_s, highest[2 * w + 1] = most_t;
      largest[0] = fmaxf(largest[0], most_s);
      largest[1] = fmaxf(largest[1], most_t);
    }
    own[0] = largest[0];
    own[1] = largest[1];
    team.reduce(largest, Max());
  }

  CKL_DEVICE_MEMBER bool has_top(int w, const float (&largest)[2]) const {
    if constexpr (kKeeps) return highest[2 * w] == largest[0] || highest[2 * w + 1] == largest[1];
    else return highest_of(es + 4 * w) == largest[0] || highest_of(et + 4 * w) == largest[1];
  }
  // Marks documents at a top by bit `bit` of their labels, by their scores; returns how many they are.
  CKL_DEVICE_MEMBER uint32_t mark_tops(int w, const float* x, float largest, int bit) {
    uint32_t found = 0;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const bool top = x[4 * w + j] == largest;
      labels[w] |= uint32_t(top) << (8 * j + bit);
      found += top;
    }
    return found;
  }
  // Four exponentials into the sum of those below the top.
  CKL_DEVICE_MEMBER void add_below_top(int w, const float* x, float& below, int bit) const {
    float part[4];
#pragma unroll
    for (int j = 0; j < 4; j++) part[j] = labels[w] >> (8 * j + bit) & 1 ? 0.0f : x[4 * w + j];
    below += (part[0] + part[1]) + (part[2] + part[3]);
  }
  CKL_DEVICE_MEMBER void add_all(int w, float (&below)[2]) const {
    const float *a = es + 4 * w, *b = et + 4 * w;
    below[0] += (a[0] + a[1]) + (a[2] + a[3]);
    below[1] += (b[0] + b[1]) + (b[2] + b[3]);
  }

  // From scores to lifted exponentials. kTwo: the slopes are sums of two floats.
  template <bool kTwo>
  CKL_DEVICE_MEMBER void exponentials(const float (&largest)[2]) {
    const float least = LeastTeacher<F>::of(task.terms[0].parameters);
#pragma unroll
    for (int j = 0; j < E; j++) {
      const float ds = largest[0] - es[j], dt = largest[1] - et[j];
      const float of_s = kTwo ? __fmaf_rn(ds, task.student_slope_low, kLog2Lift) : kLog2Lift;
      const float of_t = kTwo ? __fmaf_rn(dt, task.teacher_slope_low, kLog2Lift) : kLog2Lift;
      const float u = __fmaf_rn(ds, task.student_slope, of_s), v = __fmaf_rn(dt, task.teacher_slope, of_t);
      gap[j] = fmaxf(v, least) - u;
      if constexpr (F::reads_ln_q) us[j] = u;
      es[j] = exp2_fast(u);
      et[j] = exp2_fast(v);
    }
  }

  // From scores to what normalises their exponentials.
  CKL_DEVICE_MEMBER void softmax(const float (&largest)[2]) {
    uint32_t ones = 0, student_tops = 0, teacher_tops = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (masked) labels[w] = positive(w) | (labels[w] & 0x80808080u);
      ones += masked ? labels[w] & 0x01010101u : labels[w];
    }
    // By the scores, which are equal at the top whatever the special-function unit makes of them.
    const bool separate_top = !kBranch || CKL_RARE(own[0] == largest[0] || own[1] == largest[1]);
    if (separate_top) {
#pragma unroll
      for (int w = 0; w < kWords; w++)
        if (!kBranch || has_top(w, largest)) {
          student_tops += mark_tops(w, es, largest[0], 1);
          teacher_tops += mark_tops(w, et, largest[1], 2);
        }
    }
    top_here = student_tops > 0;
    if (CKL_RARE(task.slopes_in_two)) exponentials<true>(largest);
    else exponentials<false>(largest);
    each_masked([&](int j) {
      gap[j] = 0;
      if constexpr (F::reads_ln_q) us[j] = 0;
    });
    SoftmaxSums all = {};
    if constexpr (kBranch) {
#pragma unroll
      for (int w = 0; w < kWords; w++) add_all(w, all.below);
    }
    if (separate_top) {  // the sums once more, without the top
      all.below[0] = all.below[1] = 0;
#pragma unroll
      for (int w = 0; w < kWords; w++) {
        if (!kBranch || (labels[w] & 0x06060606u) != 0) {
          add_below_top(w, es, all.below[0], 1);
          add_below_top(w, et, all.below[1], 2);
        } else {
          add_all(w, all.below);
        }
      }
    }
    team.softmax_sums(all, pack_counts(student_tops, teacher_tops, ones * 0x01010101u >> 24));
    normalise(all.below[0] * (1 / kLift), all.below[1] * (1 / kLift), all.tops, student, teacher);
    positives = all.positives;
  }

  // One document through the loss; its h takes the place of et. Special: it may be positive or at the top.
  template <bool Special>
  CKL_DEVICE_MEMBER void document(const F& loss, int j, float (&sums)[3]) {
    const bool top = Special && is_top(j);
    const float scale = kLift * (1.0f + teacher.z);  // of all that is linear in p
    Document<FastFloat, bool> x;
    x.q = es[j] * (student.inverse * (1 / kLift));
    x.rest = 1.0f - x.q.v;
    if (top) x.rest = student.rest;
    x.minus_ln_q = 0.0f;
    if constexpr (F::reads_ln_q) x.minus_ln_q = __fmaf_rn(us[j] - kLog2Lift, -kLn2, student.ln_z1);
    x.p = et[j];
    x.d = __fmaf_rn(gap[j], kLn2, student.ln_z1 - teacher.ln_z1);
    x.beta = 0.0f;
    if constexpr (F::biased) {
      if (task.biased) x.beta = task.terms[0].beta_scale * (bias_of(j) - rank_mean);
    }
    x.mass = es[j] * (student.inverse * (1.0f + teacher.z));
    x.unit = teacher.inverse * (1 / kLift);
    x.share = scale / positives;
    x.positive = Special && is_positive(j);
    const Term<FastFloat> t = loss(x);
    sums[0] += t.value.v;
    et[j] = t.h.v;
    if (top) sums[2] += et[j];
    else sums[1] += et[j];
  }

  // The row's loss, and the sums that its gradient needs; whether all are finite.
  CKL_DEVICE_MEMBER bool loss(float (&sums)[3]) {
    const F functor = F::make(task.terms[0].parameters);
    sums[0] = sums[1] = sums[2] = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (!kBranch || CKL_RARE((labels[w] & 0x03030303u) != 0)) {
#pragma unroll
        for (int j = 4 * w; j < 4 * w + 4; j++) document<true>(functor, j, sums);
      } else {
#pragma unroll
        for (int j = 4 * w; j < 4 * w + 4; j++) document<false>(functor, j, sums);
      }
    }
    team.reduce(sums, Add());
    float zero = student.inverse * 0.0f;
    zero = __fmaf_rn(teacher.inverse, 0.0f, zero);
#pragma unroll
    for (int k = 0; k < 3; k++) zero = __fmaf_rn(sums[k], 0.0f, zero);
    return zero == 0.0f;
  }

  CKL_DEVICE_MEMBER void write(const Projection& project) {
#pragma unroll
    for (int j = 0; j < E; j++) {
      const float others = project.below_top(es[j], et[j]);
      et[j] = kBranch ? others : project(is_top(j), es[j], et[j]);
    }
    if (kBranch && CKL_RARE(top_here && project.lone)) {
#pragma unroll
      for (int w = 0; w < kWords; w++)
        if (tops(w)) {
#pragma unroll
          for (int j = 4 * w; j < 4 * w + 4; j++) et[j] = is_top(j) ? project.top : et[j];
        }
    }
    const MutableScores& out = task.out.grad;
    char* const to = const_cast<char*>(row_start({out.data, out.type}, row.begin));
    const DType type = CKL_TYPE(out.type);
    const unsigned odd = offset_in(to, P * size_of(type) < 16 ? P * size_of(type) : 16);
    store_scores<kVectors, P>(et, to, type, vectors, vectors.whole && !CKL_RARE(odd != 0));
  }

  // `here`: the row is one of the launch's.
  CKL_DEVICE_MEMBER void run(bool here, RowTotal& total) {
    float largest[2], sums[3];
    read();
    if constexpr (F::biased) {
      if (task.biased) weigh_ranks();
    }
    find_tops(largest);
    softmax(largest);
    if (team.stops_after(Sweep::softmax)) return;
    const bool good = loss(sums), counted = task.terms[0].needs == Needs::document || positives > 0;
    if (CKL_RARE(!here) || team.stops_after(Sweep::loss)) return;
    if (CKL_RARE(!good && counted)) {
      if (team.rank() == 0) defer_row(task, row.b);
      return;
    }
    const LossScale& scale = scale_of(task, 0);
    const float weight = task.batch.weights ? task.batch.weights[row.b] : 1.0f, undo = teacher.inverse * (1 / kLift);
    Projection project(student, sums[1], sums[2], saturate(weight * scale.student) * undo, kLift);
    if (CKL_RARE(!counted)) {
      project.others = project.top = project.scale = 0;
#pragma unroll
      for (int j = 0; j < E; j++) et[j] = 0;
    }
    write(project);
    if (team.rank() != 0) return;
    const float value = sums[0] * undo;
    task.out.per_query[row.b] = counted ? float(task.terms[0].weight) * value : 0;
    if (counted) total.loss += double(weight) * (scale.loss * double(value)), total.counted++;
  }
};

}  // namespace cuda
}  // namespace ckl
