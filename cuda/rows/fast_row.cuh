// The fast path for a row: one distribution loss; every element is read once into registers and its gradient written
// once. A row whose result is infinite or NaN is deferred to the general path, after the team's other rows.
//
// Exponentials, and with them everything that is linear in the teacher's probability, are kept 2^6 times as large until
// the end, so that what the special-function unit flushes to 0 stays below 2^-120 even after multiplication by a large
// ln(p / q). The teacher's exponentials are normalised only at the end, because a loss is linear in them (document.h).
#pragma once
#include "held_row.cuh"
#include "softmax.cuh"
#include "unnormalised.cuh"

namespace ckl {
namespace cuda {

constexpr float kLift = 64.0f, kLog2Lift = 6.0f;

// Least log2(p / q), where p is 0 because the teacher's score is -inf: with it, ln(p / q) is finite, and terms that are
// linear in p are 0. Losses that are infinite there keep the infinity, the only sign of it, and defer the row.
constexpr float kLeastGap = -400.0f;
template <class F>
struct LeastGap {
  static CKL_DEVICE_MEMBER float of(const F&) { return kLeastGap; }
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
  CKL_DEVICE_MEMBER void set(int j, float to) { x[j] = to; }
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
  CKL_DEVICE_MEMBER void set(int j, float to) { at[j / 4 * 4 * kWarp + j % 4] = to; }
};

// F: the loss. Scores es and et become exponentials; et then becomes h.
template <class F, int E, int P, class Team>
struct FastRow : HeldRow<F::biased, E, P, Team> {
  using Held = HeldRow<F::biased, E, P, Team>;
  using Held::bias_of, Held::each_masked, Held::is_positive, Held::positive, Held::read, Held::weigh_ranks,
      Held::with_stride;
  using Held::es, Held::et, Held::labels, Held::masked, Held::ones, Held::rank_mean, Held::row, Held::task, Held::team,
      Held::vectors;
  using Held::Held, Held::kVectors, Held::kWords;
  // From this number of elements on, a branch per four documents without a positive and without the top saves more than
  // the second copy of the code costs.
  static constexpr bool kBranch = E >= 16;
  // Whether documents in four without a positive and without the top are evaluated without the normaliser. Kernels of
  // 16 elements per thread have too few registers for it where scores may have two bytes.
  static constexpr bool kUnnormalised = kBranch && Unnormalised<F>::kAllowed && (P == 4 || E == 32) && !Team::kParks;
  static constexpr bool kKeepsLog = F::reads_ln_q || kUnnormalised;
  // Whether the maximum of each four documents is kept until the tops are searched, or recomputed by the threads that
  // have one.
  static constexpr bool kKeeps = kBranch && !kKeepsLog && !Team::kParks;

  // log2(p / q) without the normalisers, or (kUnnormalised) log2 of et, which is computed again where that is rare; log2
  // of es, if kKeepsLog.
  PerDocument<E, Team::kParks> gap, us;
  float own[2],
      highest[kKeeps ? 2 * kWords : 1];  // maxima over the thread's documents; over each four, student and teacher
  bool top_here;                         // whether one of the thread's documents is at the student's top
  // Of a thread with unnormalised documents: whether it has others, too; the factor that h of the former lacks.
  bool special_here, unnormalised;
  float of_h;
  Softmax student, teacher;
  float positives;
  float lacking[2];              // log2 of the factor that lifted exponentials lack: the top's is not exactly 2^6
  float of_student, of_teacher;  // factors from a lifted exponential to a probability
  // Of a document with exponentials 2^6: -ln q, ln(p / q). The latter of a document that is both softmaxes' top.
  float minus_ln_q, ln_ratio, ln_ratio_at_top;

  // In a word of labels: the documents that are positive or at the student's top.
  static constexpr uint32_t kSpecial = 0x03030303u;
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

  // From scores to lifted exponentials. kFar: by their distance from the top, for slopes that are sums of two floats.
  // Otherwise the distance is not formed: with the top's own product in the addend, a fused multiplication is enough.
  template <bool kFar>
  CKL_DEVICE_MEMBER void exponentials(const float (&largest)[2], const float (&addend)[2]) {
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      float gaps[4], logs[4];
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++) {
        float u, v;
        if constexpr (kFar) {
          const float ds = largest[0] - es[j], dt = largest[1] - et[j];
          u = __fmaf_rn(ds, task.student_slope, __fmaf_rn(ds, task.student_slope_low, kLog2Lift));
          v = __fmaf_rn(dt, task.teacher_slope, __fmaf_rn(dt, task.teacher_slope_low, kLog2Lift));
        } else {
          u = __fmaf_rn(es[j], -task.student_slope, addend[0]);
          v = __fmaf_rn(et[j], -task.teacher_slope, addend[1]);
        }
        gaps[j % 4] = kUnnormalised ? v : v - u;
        logs[j % 4] = u;
        es[j] = exp2_fast(u);
        et[j] = exp2_fast(v);
      }
      gap.put(w, gaps);
      if constexpr (kKeepsLog) us.put(w, logs);
    }
  }
  CKL_DEVICE_MEMBER void exponentials(const float (&largest)[2]) {
    float addend[2];
#pragma unroll
    for (int k = 0; k < 2; k++) {
      const float slope = k == 0 ? task.student_slope : task.teacher_slope;
      addend[k] = __fmaf_rn(largest[k], slope, kLog2Lift);
      lacking[k] = __fmaf_rn(largest[k], slope, -addend[k]) + kLog2Lift;
    }
    const bool near = fabsf(lacking[0]) < 0x1p-12f && fabsf(lacking[1]) < 0x1p-12f;
    if (task.slopes_in_two || !near) {
      lacking[0] = lacking[1] = 0;
      exponentials<true>(largest, addend);
    } else {
      exponentials<false>(largest, addend);
    }
  }

  // Whether the thread has the row for itself, as in the class of the shortest rows (kernel_table.h).
  CKL_DEVICE_MEMBER bool alone() const {
    if constexpr (Team::kRanks && E == 16) return team.size() == 1;
    else return false;
  }

  // From scores to the normalisers of their exponentials.
  CKL_DEVICE_MEMBER void softmax(const float (&largest)[2]) {
    uint32_t student_tops = 0, teacher_tops = 0;
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
    exponentials(largest);
    each_masked([&](int j) {
      const float none = kUnnormalised ? -1000.0f : 0.0f;  // 2^-1000 is 0
      gap.set(j, none);
      if constexpr (kKeepsLog) us.set(j, none);
    });
    SoftmaxSums all = {};
    all.below[0] = all.below[1] = -0.0f;  // adding to it takes no instruction
    if constexpr (kBranch) {
#pragma unroll
      for (int w = 0; w < kWords; w++) add_all(w, all.below);
    }
    if (separate_top) {  // recompute the sums without the top
      all.below[0] = all.below[1] = 0;
      if constexpr (kUnnormalised) {
#pragma unroll
        for (int j = 0; j < E; j++) et[j] = exp2_fast(gap.x[j]);
      }
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
    // 2^x of a small x.
    const float undo[2] = {__fmaf_rn(lacking[0], kLn2, 1.0f), __fmaf_rn(lacking[1], kLn2, 1.0f)};
    all.below[0] *= undo[0];
    all.below[1] *= undo[1];
    team.softmax_sums(all, pack_counts(student_tops, teacher_tops, ones));
    normalise(all.below[0] * (1 / kLift), all.below[1] * (1 / kLift), all.tops, !alone(), student, teacher);
    of_student = student.inverse * (undo[0] * (1 / kLift));
    of_teacher = teacher.inverse * (undo[1] * (1 / kLift));
    minus_ln_q = __fmaf_rn(lacking[0], -kLn2, student.ln_z1);
    ln_ratio_at_top = student.ln_z1 - teacher.ln_z1;
    ln_ratio = minus_ln_q - __fmaf_rn(lacking[1], -kLn2, teacher.ln_z1);
    positives = all.positives;
  }

  // Evaluates the loss for four documents. Special: some may be positive or at the top.
  template <bool Special>
  CKL_DEVICE_MEMBER void documents(const F& loss, int w, float (&sums)[3]) {
    float gaps[4], logs[4] = {0, 0, 0, 0};
    gap.get(w, gaps);
    if constexpr (kKeepsLog) us.get(w, logs);
#pragma unroll
    for (int j = 4 * w; j < 4 * w + 4; j++) {
      float its_gap = gaps[j % 4];
      if constexpr (kUnnormalised) et[j] = exp2_fast(its_gap), its_gap -= logs[j % 4];
      document<Special>(loss, j, its_gap, logs[j % 4], sums);
    }
  }
  // The same for one; h replaces et.
  template <bool Special>
  CKL_DEVICE_MEMBER void document(const F& loss, int j, float its_gap, float u, float (&sums)[3]) {
    const bool top = Special && is_top(j), both = top && labels[j / 4] >> (8 * (j % 4) + 2) & 1;
    // Factor of everything that is linear in p.
    const float scale = reciprocal_fast(of_teacher);
    Document<FastFloat, bool> x;
    x.q = es[j] * of_student;
    x.rest = 1.0f - x.q.v;
    if (top) x.rest = student.rest;
    x.minus_ln_q = 0.0f;
    if constexpr (F::reads_ln_q) x.minus_ln_q = top ? student.ln_z1 : __fmaf_rn(u - kLog2Lift, -kLn2, minus_ln_q);
    x.p = et[j];
    x.d = both ? ln_ratio_at_top : __fmaf_rn(fmaxf(its_gap, LeastGap<F>::of(loss)), kLn2, ln_ratio);
    x.beta = 0.0f;
    if constexpr (F::biased) {
      if (task.biased) x.beta = task.terms[0].beta_scale * (bias_of(j) - rank_mean);
    }
    x.mass = es[j] * (of_student * scale);
    x.unit = of_teacher;
    x.share = scale / positives;
    x.positive = Special && is_positive(j);
    const Term<FastFloat> t = loss(x);
    sums[0] += t.value.v;
    et[j] = t.h.v;
    if (top) sums[2] += et[j];
    else sums[1] += et[j];
  }

  // Calls usual(w) for four documents without a positive and without the top, and documents<true> for others.
  template <class Usual>
  CKL_DEVICE_MEMBER void each_word(const F& loss, float (&sums)[3], Usual usual) {
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (!kBranch || CKL_RARE((labels[w] & kSpecial) != 0)) {
        special_here = true;
        documents<true>(loss, w, sums);
      } else {
        usual(w);
      }
    }
  }

  // Sums h of unnormalised documents again, now 0 where the teacher's score is -inf.
  CKL_DEVICE_MEMBER void without_teacher(float& sum) {
    sum = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (labels[w] & kSpecial) continue;
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++) {
        if (gap.x[j] == -infinity()) et[j] = 0;
        sum += et[j];
      }
    }
  }

  // Computes the row's loss and the sums that its gradient needs; returns whether all are finite.
  CKL_DEVICE_MEMBER bool loss(float (&sums)[3]) {
    const F functor = F::make(task.terms[0].parameters);
    sums[0] = sums[1] = sums[2] = 0;
    unnormalised = special_here = false;
    if constexpr (kUnnormalised) unnormalised = !CKL_RARE(functor.detached);
    if (unnormalised) {
      if constexpr (kUnnormalised) {
        sums[0] = sums[1] = -0.0f;
        Unnormalised<F> negatives(ln_ratio, of_student);
        each_word(functor, sums, [&](int w) {
#pragma unroll
          for (int j = 4 * w; j < 4 * w + 4; j++) et[j] = negatives.add(us.x[j], gap.x[j]);
        });
        if (CKL_RARE(negatives.h != negatives.h)) without_teacher(negatives.h);
        sums[0] += negatives.value();
        sums[1] += negatives.sum_h();
        of_h = negatives.normaliser;
      }
    } else {
      each_word(functor, sums, [&](int w) { documents<false>(functor, w, sums); });
    }
    team.reduce(sums, Add());
    float zero = student.inverse * 0.0f;
    zero = __fmaf_rn(teacher.inverse, 0.0f, zero);
#pragma unroll
    for (int k = 0; k < 3; k++) zero = __fmaf_rn(sums[k], 0.0f, zero);
    return zero == 0.0f;
  }

  // Where the gradient is left: in place of something that is not needed any more.
  CKL_DEVICE_MEMBER float (&gradient())[E] {
    if constexpr (kUnnormalised) return gap.x;
    else return et;
  }
  CKL_DEVICE_MEMBER void write(const Projection& project) {
    float(&grad)[E] = gradient();
    // One multiplication less than with a normalised h, unless a huge scale could overflow on its own.
    const bool joint = unnormalised && !CKL_RARE(!(fabsf(project.scale) < 0x1p64f));
    const float scale_of_h = of_h * project.scale, scale_of_e = project.others * project.scale;
#pragma unroll
    for (int w = 0; w < kWords; w++)
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++) {
        if (kUnnormalised && joint) {
          grad[j] = __fmaf_rn(es[j], scale_of_e, et[j] * scale_of_h);
        } else {
          if (kUnnormalised && unnormalised && !(labels[w] & kSpecial)) et[j] *= of_h;
          const float others = project.below_top(es[j], et[j]);
          grad[j] = kBranch ? others : project(is_top(j), es[j], et[j]);
        }
      }
    if (kUnnormalised && joint && CKL_RARE(special_here)) {
#pragma unroll
      for (int w = 0; w < kWords; w++)
        if (labels[w] & kSpecial) {
#pragma unroll
          for (int j = 4 * w; j < 4 * w + 4; j++) grad[j] = project.below_top(es[j], et[j]);
        }
    }
    if (kBranch && CKL_RARE(top_here && project.lone)) {
#pragma unroll
      for (int w = 0; w < kWords; w++)
        if (tops(w)) {
#pragma unroll
          for (int j = 4 * w; j < 4 * w + 4; j++) grad[j] = is_top(j) ? project.top : grad[j];
        }
    }
    const MutableScores& out = task.out.grad;
    char* const to = const_cast<char*>(row_start({out.data, out.type}, row.begin));
    const DType type = CKL_TYPE(out.type);
    const unsigned odd = offset_in(to, P * size_of(type) < 16 ? P * size_of(type) : 16);
    const bool wide = vectors.whole && !CKL_RARE(odd != 0);
    if (wide) with_stride([&](auto stride) { store_scores<kVectors, P>(grad, to, type, vectors, stride, true); });
    else store_scores<kVectors, P>(grad, to, type, vectors, vectors.stride, false);
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
    const float weight = task.batch.weights ? task.batch.weights[row.b] : 1.0f;
    Projection project(student, sums[1], sums[2], saturate(weight * scale.student) * of_teacher, of_student);
    if (CKL_RARE(!counted)) {
      project.others = project.top = project.scale = of_h = 0;
#pragma unroll
      for (int j = 0; j < E; j++) et[j] = 0;
    }
    write(project);
    if (team.rank() != 0) return;
    const float value = sums[0] * of_teacher;
    task.out.per_query[row.b] = counted ? float(task.terms[0].weight) * value : 0;
    if (counted) total.loss += double(weight) * (scale.loss * double(value)), total.counted++;
  }
};

}  // namespace cuda
}  // namespace ckl
