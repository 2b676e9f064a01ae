// The fast path for a row: one distribution loss; every element is read once into registers and its gradient written
// once. A row whose result is infinite or NaN is deferred to the general path, after the team's other rows.
//
// Exponentials, and with them everything that is linear in the teacher's probability, are kept 2^6 times as large until
// the end, so that what the special-function unit flushes to 0 stays below 2^-120 even after multiplication by a large
// ln(p / q). The teacher's exponentials are normalised only at the end, because a loss is linear in them (document.h).
#pragma once
#include "fast_float.cuh"
#include "held_row.cuh"
#include "softmax.cuh"

namespace ckl {
namespace cuda {

constexpr float kLift = 64.0f, kLog2Lift = 6.0f, kLn2 = 0.69314718f;

// log2 of the lifted exponential that replaces that of a teacher's score of -inf: the probability is still 0, and ln(p
// / q) is finite. Losses that are infinite there keep the infinity, the only sign of it, and defer the row.
constexpr float kNoTeacher = -160.0f;
template <class F>
struct LeastTeacher {
  static CKL_DEVICE_MEMBER float of(const Parameters&) { return kNoTeacher; }
};

// A float for each of a thread's documents, in words of four: in registers, or in shared memory, where the warp's next
// word is 128 floats on.
template <int E, bool kParked>
struct PerDocument {
  float x[E];
  CKL_DEVICE_MEMBER void put(int w, const float (&word)[4]) {
#pragma unroll
    for (int i = 0; i < 4; i++) x[4 * w + i] = word[i];
  }
  CKL_DEVICE_MEMBER void get(int w, float (&word)[4]) const {
#pragma unroll
    for (int i = 0; i < 4; i++) word[i] = x[4 * w + i];
  }
  CKL_DEVICE_MEMBER void clear(int j) { x[j] = 0; }
};
template <int E>
struct PerDocument<E, true> {
  float* at;  // the lane's first word
  CKL_DEVICE_MEMBER void put(int w, const float (&word)[4]) {
    *reinterpret_cast<float4*>(at + w * 4 * kWarp) = make_float4(word[0], word[1], word[2], word[3]);
  }
  CKL_DEVICE_MEMBER void get(int w, float (&word)[4]) const {
    const float4 all = *reinterpret_cast<const float4*>(at + w * 4 * kWarp);
    word[0] = all.x, word[1] = all.y, word[2] = all.z, word[3] = all.w;
  }
  CKL_DEVICE_MEMBER void clear(int j) { at[j / 4 * 4 * kWarp + j % 4] = 0; }
};

// F: the loss. Scores es and et become exponentials; et then becomes h.
template <class F, int E, int P, class Team>
struct FastRow : HeldRow<F::biased, E, P, Team> {
  using Held = HeldRow<F::biased, E, P, Team>;
  using Held::bias_of, Held::each_masked, Held::is_positive, Held::positive, Held::read, Held::weigh_ranks;
  using Held::es, Held::et, Held::labels, Held::masked, Held::rank_mean, Held::row, Held::task, Held::team,
      Held::vectors;
  using Held::Held, Held::kVectors, Held::kWords;
  // From this number of elements on, a branch per four documents without a positive and without the top saves more than
  // the second copy of the code costs.
  static constexpr bool kBranch = E >= 16;
  // Whether the maximum of each four documents is kept until the tops are searched, or recomputed by the threads that
  // have one.
  static constexpr bool kKeeps = kBranch && !F::reads_ln_q && !Team::kParks;

  PerDocument<E, Team::kParks> gap, us;  // log2(p / q) without the normalisers; log2 of es, if F::reads_ln_q
  float own[2],
      highest[kKeeps ? 2 * kWords : 1];  // maxima over the thread's documents; over each four, student and teacher
  bool top_here;                         // whether one of the thread's documents is at the student's top
  Softmax student, teacher;
  float positives;

  CKL_DEVICE_MEMBER uint32_t tops(int w) const { return labels[w] & 0x02020202u; }
  CKL_DEVICE_MEMBER bool is_top(int j) const { return labels[j / 4] >> (8 * (j % 4) + 1) & 1; }

  static CKL_DEVICE_MEMBER float highest_of(const float* x) { return fmaxf(fmaxf(x[0], x[1]), fmaxf(x[2], x[3])); }
  // The maxima of both scores over the row, and over the thread's documents.
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
  // Sets bit `bit` in the labels of documents whose score is at a top; returns their number.
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
  // Adds four exponentials to the sum of those below the top.
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
    for (int w = 0; w < kWords; w++) {
      float gaps[4], logs[4];
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++) {
        const float ds = largest[0] - es[j], dt = largest[1] - et[j];
        const float of_s = kTwo ? __fmaf_rn(ds, task.student_slope_low, kLog2Lift) : kLog2Lift;
        const float of_t = kTwo ? __fmaf_rn(dt, task.teacher_slope_low, kLog2Lift) : kLog2Lift;
        const float u = __fmaf_rn(ds, task.student_slope, of_s), v = __fmaf_rn(dt, task.teacher_slope, of_t);
        gaps[j % 4] = fmaxf(v, least) - u;
        logs[j % 4] = u;
        es[j] = exp2_fast(u);
        et[j] = exp2_fast(v);
      }
      gap.put(w, gaps);
      if constexpr (F::reads_ln_q) us.put(w, logs);
    }
  }

  // From scores to the normalisers of their exponentials.
  CKL_DEVICE_MEMBER void softmax(const float (&largest)[2]) {
    uint32_t ones = 0, student_tops = 0, teacher_tops = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (masked) labels[w] = positive(w) | (labels[w] & 0x80808080u);
      ones += masked ? labels[w] & 0x01010101u : labels[w];
    }
    // Compares scores, which are equal at the top whatever the special-function unit returns for them.
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
      gap.clear(j);
      if constexpr (F::reads_ln_q) us.clear(j);
    });
    SoftmaxSums all = {};
    if constexpr (kBranch) {
#pragma unroll
      for (int w = 0; w < kWords; w++) add_all(w, all.below);
    }
    if (separate_top) {  // recompute the sums without the top
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

  // Evaluates the loss for four documents. Special: some may be positive or at the top.
  template <bool Special>
  CKL_DEVICE_MEMBER void documents(const F& loss, int w, float (&sums)[3]) {
    float gaps[4], logs[4] = {0, 0, 0, 0};
    gap.get(w, gaps);
    if constexpr (F::reads_ln_q) us.get(w, logs);
#pragma unroll
    for (int j = 4 * w; j < 4 * w + 4; j++) document<Special>(loss, j, gaps[j % 4], logs[j % 4], sums);
  }
  // The same for one; h replaces et.
  template <bool Special>
  CKL_DEVICE_MEMBER void document(const F& loss, int j, float its_gap, float u, float (&sums)[3]) {
    const bool top = Special && is_top(j);
    const float scale = kLift * (1.0f + teacher.z);  // factor of everything that is linear in p
    Document<FastFloat, bool> x;
    x.q = es[j] * (student.inverse * (1 / kLift));
    x.rest = 1.0f - x.q.v;
    if (top) x.rest = student.rest;
    x.minus_ln_q = 0.0f;
    if constexpr (F::reads_ln_q) x.minus_ln_q = __fmaf_rn(u - kLog2Lift, -kLn2, student.ln_z1);
    x.p = et[j];
    x.d = __fmaf_rn(its_gap, kLn2, student.ln_z1 - teacher.ln_z1);
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

  // Computes the row's loss and the sums that its gradient needs; returns whether all are finite.
  CKL_DEVICE_MEMBER bool loss(float (&sums)[3]) {
    const F functor = F::make(task.terms[0].parameters);
    sums[0] = sums[1] = sums[2] = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (!kBranch || CKL_RARE((labels[w] & 0x03030303u) != 0)) documents<true>(functor, w, sums);
      else documents<false>(functor, w, sums);
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

  // `here`: the row belongs to this launch.
  CKL_DEVICE_MEMBER void run(bool here, RowTotal& total) {
    read();
    compute(here, total);
  }
  // The rest, once the row is read.
  CKL_DEVICE_MEMBER void compute(bool here, RowTotal& total) {
    float largest[2], sums[3];
    if constexpr (F::biased) {
      if (task.biased) weigh_ranks();
    }
    find_tops(largest);
    softmax(largest);
    if (team.stops_after(Sweep::softmax)) return;
    const bool good = loss(sums), counted = task.terms[0].needs == Needs::document || positives > 0;
    if (CKL_RARE(!here) || team.stops_after(Sweep::loss)) return;
    if (CKL_RARE(!good && counted)) {
      total.deferred = true;
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
