// A row's softmaxes on the fast path: its tops, the exponentials of its scores, and their normalisers.
//
// Exponentials, and with them everything that is linear in the teacher's probability, are kept 2^6 times as large until
// the end, so that what the special-function unit flushes to 0 stays below 2^-120 even after multiplication by a large
// ln(p / q).
#pragma once
#include "held_row.cuh"
#include "softmax.cuh"
#include "unnormalised.cuh"

namespace ckl {
namespace cuda {

constexpr float kLift = 64.0f, kLog2Lift = 6.0f;

// A sum that is relative to a top, relative to one that is higher by `down`. below, tops: its lifted exponentials below
// the lower top, and the number of documents at it.
CKL_DEVICE float lowered(const Task& task, bool teacher, float down, float below, float tops) {
  const float slope = teacher ? task.teacher_slope : task.student_slope;
  const float slope_low = teacher ? task.teacher_slope_low : task.student_slope_low;
  return exp2_fast(task.slopes_in_two ? __fmaf_rn(down, slope, down * slope_low) : down * slope) *
         __fmaf_rn(tops, kLift, below);
}

// Copies word `at` of floats in registers, whose number is known only when the kernel runs.
template <int E>
CKL_DEVICE void pick(const float (&x)[E], int at, float (&word)[4]) {
#pragma unroll
  for (int w = 0; w < E / 4; w++)
#pragma unroll
    for (int i = 0; i < 4; i++) word[i] = w == 0 || w == at ? x[4 * w + i] : word[i];
}
// Replaces it.
template <int E>
CKL_DEVICE void replace(float (&x)[E], int at, const float (&word)[4]) {
#pragma unroll
  for (int w = 0; w < E / 4; w++)
#pragma unroll
    for (int i = 0; i < 4; i++) x[4 * w + i] = w == at ? word[i] : x[4 * w + i];
}

// A float for each of a thread's documents, in words of four: in registers, or in shared memory, where the warp's next
// word is 128 floats on.
template <int E, bool kParked>
struct PerDocument {
  float x[E];
  CKL_DEVICE_MEMBER void pick(int at, float (&word)[4]) const { cuda::pick(x, at, word); }
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
  CKL_DEVICE_MEMBER void pick(int w, float (&word)[4]) const { get(w, word); }
  CKL_DEVICE_MEMBER void get(int w, float (&word)[4]) const {
    const float4 all = *reinterpret_cast<const float4*>(at + w * 4 * kWarp);
    word[0] = all.x, word[1] = all.y, word[2] = all.z, word[3] = all.w;
  }
  CKL_DEVICE_MEMBER void set(int j, float to) { at[j / 4 * 4 * kWarp + j % 4] = to; }
};

// F: the loss. Scores es and et become exponentials, or (kLogs) their base-2 logarithms, of which es remain to the end.
template <class F, int E, int P, class Team>
struct SoftmaxRow : HeldRow<F::biased, E, P, Team> {
  using Held = HeldRow<F::biased, E, P, Team>;
  using Held::each_masked, Held::es, Held::et, Held::labels, Held::ones, Held::own, Held::task, Held::team;
  using Held::Held, Held::highest_of, Held::kWords;
  // Whether documents in four without a positive and without the top are evaluated without the normaliser.
  static constexpr bool kUnnormalised = Unnormalised<F>::kAllowed;
  // Whether only logarithms are kept until the loss is evaluated. Computing the student's exponential again takes one
  // instruction more, and a register per document less, which these kernels lack.
  static constexpr bool kLogs = kUnnormalised && (Team::kParks || E == 16);
  static constexpr bool kKeepsLog = (F::reads_ln_q || kUnnormalised) && !kLogs;

  // Unless kLogs: log2(p / q) without the normalisers, or (kUnnormalised) log2 of et, which is computed again where
  // that is rare; log2 of es, if kKeepsLog.
  PerDocument<E, Team::kParks> gap, us;
  bool top_here;  // whether one of the thread's documents is at the student's top
  Softmax student, teacher;
  float positives;
  float lacking[2];              // log2 of the factor that lifted exponentials lack: the top's is not exactly 2^6
  float of_student, of_teacher;  // factors from a lifted exponential to a probability
  // Of a document with exponentials 2^6: -ln q, ln(p / q). The latter of a document that is both softmaxes' top.
  float minus_ln_q, ln_ratio, ln_ratio_at_top;

  CKL_DEVICE_MEMBER uint32_t tops(int w) const { return labels[w] & 0x02020202u; }
  CKL_DEVICE_MEMBER bool is_top(int j) const { return labels[j / 4] >> (8 * (j % 4) + 1) & 1; }

  // The maxima of both scores over the row.
  CKL_DEVICE_MEMBER void find_tops(float (&largest)[2]) {
    largest[0] = own[0], largest[1] = own[1];
    team.reduce(largest, Max());
  }

  CKL_DEVICE_MEMBER bool has_top(int w, const float (&largest)[2]) const {
    return highest_of(es + 4 * w) == largest[0] || highest_of(et + 4 * w) == largest[1];
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
  // The exponential of document j, of es or et.
  static CKL_DEVICE_MEMBER float lifted(const float* x, int j) {
    if constexpr (kLogs) return exp2_fast(x[j]);
    else return x[j];
  }
  // Adds four exponentials to the sum of those below the top.
  CKL_DEVICE_MEMBER void add_below_top(int w, const float* x, float& below, int bit) const {
    float part[4];
#pragma unroll
    for (int j = 0; j < 4; j++) part[j] = labels[w] >> (8 * j + bit) & 1 ? 0.0f : lifted(x, 4 * w + j);
    below += (part[0] + part[1]) + (part[2] + part[3]);
  }
  CKL_DEVICE_MEMBER void add_all(int w, float (&below)[2]) const {
    float a[4], b[4];
#pragma unroll
    for (int i = 0; i < 4; i++) a[i] = lifted(es, 4 * w + i), b[i] = lifted(et, 4 * w + i);
    below[0] += (a[0] + a[1]) + (a[2] + a[3]);
    below[1] += (b[0] + b[1]) + (b[2] + b[3]);
  }

  // From scores to lifted exponentials. kFar: by their distance from the top, for slopes that are sums of two floats.
  // Otherwise the distance is not formed: with the top's own product in the addend, a fused multiplication is enough.
  template <bool kFar>
  CKL_DEVICE_MEMBER void exponentials(const float (&largest)[2], const float (&addend)[2], float (&below)[2]) {
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
        es[j] = kLogs ? u : exp2_fast(u);
        et[j] = kLogs ? v : exp2_fast(v);
      }
      if constexpr (!kLogs) gap.put(w, gaps);
      if constexpr (kKeepsLog) us.put(w, logs);
      add_all(w, below);
    }
  }
  // Also sums all of them.
  CKL_DEVICE_MEMBER void exponentials(const float (&largest)[2], float (&below)[2]) {
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
      exponentials<true>(largest, addend, below);
    } else {
      exponentials<false>(largest, addend, below);
    }
  }

  // Whether the thread has the row for itself, as in the class of the shortest rows (kernel_table.h).
  CKL_DEVICE_MEMBER bool alone() const {
    if constexpr (Team::kLanes && E == 16) return team.size() == 1;
    else return false;
  }

  // From scores to the normalisers of their exponentials.
  CKL_DEVICE_MEMBER void softmax(const float (&largest)[2]) {
    uint32_t student_tops = 0, teacher_tops = 0;
    // Compares scores, which are equal at the top whatever the special-function unit returns for them.
    const bool separate_top = CKL_RARE(own[0] == largest[0] || own[1] == largest[1]);
    if (separate_top) {
#pragma unroll
      for (int w = 0; w < kWords; w++)
        if (has_top(w, largest)) {
          student_tops += mark_tops(w, es, largest[0], 1);
          teacher_tops += mark_tops(w, et, largest[1], 2);
        }
    }
    top_here = student_tops > 0;
    SoftmaxSums all = {};
    all.below[0] = all.below[1] = -0.0f;  // adding to it takes no instruction
    exponentials(largest, all.below);
    each_masked([&](int j) {
      const float none = kUnnormalised ? -1000.0f : 0.0f;  // 2^-1000 is 0
      if constexpr (kLogs) es[j] = et[j] = none;
      else gap.set(j, none);
      if constexpr (kKeepsLog) us.set(j, none);
    });
    if (separate_top) {  // recompute the sums without the top
      all.below[0] = all.below[1] = 0;
      if constexpr (kUnnormalised && !kLogs) {
#pragma unroll
        for (int j = 0; j < E; j++) et[j] = exp2_fast(gap.x[j]);
      }
#pragma unroll
      for (int w = 0; w < kWords; w++) {
        add_below_top(w, es, all.below[0], 1);
        add_below_top(w, et, all.below[1], 2);
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
};

}  // namespace cuda
}  // namespace ckl
