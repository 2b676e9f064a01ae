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

// Whether something rare is so. test/cuda/common_path.cu, which counts the instructions of the common path, ends the thread.
#ifndef CKL_RARE
#define CKL_RARE(condition) (condition)
#endif

namespace ckl {
namespace cuda {

constexpr float kLift = 64.0f, kLog2Lift = 6.0f, kLn2 = 0.69314718f;

// F: the loss; E: elements a thread; P: elements a load. Element i of a row is in vector i / P, and vectors go round the team.
template <class F, int E, int P, class Team>
struct FastRow {
  static constexpr int kVectors = E / P, kWords = E / 4;
  // From here on a branch for each four documents that hold no positive and not the top saves more than the second copy
  // of the code costs.
  static constexpr bool kBranch = E >= 16;
  // Lanes that share a stretch of the row, so that what they read and write at once is whole sectors of memory.
  static constexpr int kGroup = E >= 32 ? 8 : 2;

  const Task& task;
  Team team;
  Row row;
  const float* bias;  // of this thread's group, in the order of its vectors
  Vectors vectors;

  // es and et: scores, then exponentials; et then h. gap: log2(p / q) but for the normalisers. us: log2 of es.
  float es[E], et[E], gap[E], us[F::reads_ln_q ? E : 1];
  float own[2], highest[kBranch ? 2 * kWords : 1];  // of the thread's documents; of four each, student and teacher
  // Four to a word. Masked documents become negatives of no probability; bit 1 is for those at the student's top.
  uint32_t labels[kWords];
  bool masked, top_here;  // whether some of the thread's documents are masked, at the student's top
  Softmax student, teacher;
  float positives, rank_mean;

  CKL_DEVICE_MEMBER FastRow(const Task& of, Team sharing, const Row& a_row, const float* biases)
      : task(of), team(sharing), row(a_row), bias(biases), rank_mean(0) {}

  CKL_DEVICE_MEMBER uint32_t tops(int w) const { return labels[w] & 0x02020202u; }
  CKL_DEVICE_MEMBER uint32_t positive(int w) const { return labels[w] & ~(labels[w] >> 7) & 0x01010101u; }
  CKL_DEVICE_MEMBER bool is_masked(int j) const { return labels[j / 4] >> (8 * (j % 4) + 7) & 1; }
  CKL_DEVICE_MEMBER bool is_positive(int j) const { return labels[j / 4] >> (8 * (j % 4)) & 1; }
  CKL_DEVICE_MEMBER bool is_top(int j) const { return labels[j / 4] >> (8 * (j % 4) + 1) & 1; }

  // Loads scores into es and et, and labels; broadcasts the maxima of both to all threads.
  CKL_DEVICE_MEMBER void read(float (&largest)[2]) {
    const Batch& batch = task.batch;
    const char* const s = row_start(batch.student, row.begin);
    const char* const t = row_start(batch.teacher, row.begin);
    const uint8_t* const y = batch.labels + row.begin;
    vectors = vectors_of(task, row, team.origin(kVectors, kGroup) * P, team.stride(kGroup) * P, kVectors, P,
                         offset_in(s, 16) | offset_in(t, 16) | offset_in(y, P));
    if (CKL_RARE(!vectors.aligned)) vectors.aligned = false;
    load_scores<kVectors, P>(es, s, P == 4 ? DType::float32 : batch.student.type, vectors);
    load_scores<kVectors, P>(et, t, P == 4 ? DType::float32 : batch.teacher.type, vectors);
    load_labels<kVectors, P>(labels, y, vectors);
    uint32_t any = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) any |= labels[w];
    masked = CKL_RARE((any & 0x80808080u) != 0);
    if (masked) {
#pragma unroll
      for (int j = 0; j < E; j++)
        if (is_masked(j)) es[j] = et[j] = -3.402823466e38f;
    }
    largest[0] = largest[1] = -3.402823466e38f;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      const float *a = es + 4 * w, *b = et + 4 * w;
      const float most_s = fmaxf(fmaxf(a[0], a[1]), fmaxf(a[2], a[3]));
      const float most_t = fmaxf(fmaxf(b[0], b[1]), fmaxf(b[2], b[3]));
      if constexpr (kBranch) highest[2 * w] = most_s, highest[2 * w + 1] = most_t;
      largest[0] = fmaxf(largest[0], most_s);
      largest[1] = fmaxf(largest[1], most_t);
    }
    own[0] = largest[0];
    own[1] = largest[1];
    team.reduce(largest, Max());
  }

  // Four exponentials into the sum of those below the top and the count of those at it; returns bit 1 of a byte for each of these.
  static CKL_DEVICE_MEMBER uint32_t add_below_top(const float* e, float& below, uint32_t& tops) {
    uint32_t bits = 0;
    float part[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const bool top = e[j] >= kLift;
      bits |= uint32_t(top) << (8 * j + 1);
      tops += top;
      part[j] = top ? 0.0f : e[j];
    }
    below += (part[0] + part[1]) + (part[2] + part[3]);
    return bits;
  }

  CKL_DEVICE_MEMBER void add_all(int w, float (&below)[2]) const {
    const float *a = es + 4 * w, *b = et + 4 * w;
    below[0] += (a[0] + a[1]) + (a[2] + a[3]);
    below[1] += (b[0] + b[1]) + (b[2] + b[3]);
  }

  // From scores to lifted exponentials and what normalises them.
  CKL_DEVICE_MEMBER void softmax(const float (&largest)[2]) {
#pragma unroll
    for (int j = 0; j < E; j++) {
      const float u = __fmaf_rn(largest[0] - es[j], task.student_slope, kLog2Lift);
      const float v = __fmaf_rn(largest[1] - et[j], task.teacher_slope, kLog2Lift);
      gap[j] = v - u;
      if constexpr (F::reads_ln_q) us[j] = u;
      es[j] = exp2_fast(u);
      et[j] = exp2_fast(v);
    }
    uint32_t ones = 0, student_tops = 0, teacher_tops = 0;
    if (masked) {
#pragma unroll
      for (int j = 0; j < E; j++)
        if (is_masked(j)) {
          es[j] = et[j] = gap[j] = 0;
          if constexpr (F::reads_ln_q) us[j] = 0;
        }
#pragma unroll
      for (int w = 0; w < kWords; w++) labels[w] = positive(w);
    }
#pragma unroll
    for (int w = 0; w < kWords; w++) ones += labels[w];
    SoftmaxSums all = {};
    bool separate_top = !kBranch;
    if constexpr (kBranch) {
#pragma unroll
      for (int w = 0; w < kWords; w++) add_all(w, all.below);
      separate_top = CKL_RARE(own[0] == largest[0] || own[1] == largest[1]);
    }
    if (separate_top) {  // the sums once more, without the top
      all.below[0] = all.below[1] = 0;
#pragma unroll
      for (int w = 0; w < kWords; w++) {
        if (!kBranch || highest[2 * w] == largest[0] || highest[2 * w + 1] == largest[1]) {
          labels[w] |= add_below_top(es + 4 * w, all.below[0], student_tops);
          add_below_top(et + 4 * w, all.below[1], teacher_tops);
        } else {
          add_all(w, all.below);
        }
      }
    }
    top_here = student_tops > 0;
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
    if (F::biased && task.biased) {
      const int vector = team.group_origin(kVectors, kGroup) + j / P * team.group_stride(kGroup);
      x.beta = task.terms[0].beta_scale * (bias[vector * P + j % P] - rank_mean);
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
    if (CKL_RARE(!vectors.aligned || out.type != DType::float32 || offset_in(to, 16) != 0))
      store_scores<kVectors, P>(et, to, out.type, vectors);
    else store_aligned<kVectors, P>(et, to, vectors);
  }

  // `here`: the row is one of the launch's.
  CKL_DEVICE_MEMBER void run(bool here, RowTotal& total) {
    float largest[2], sums[3];
    read(largest);
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

// The rank bias of a thread's own documents, before alpha, into shared memory; returns the mean that is still to be
// taken off. `memory` holds 1 / rank where the kernel ranks.
template <class R, int E, int P, class Team>
CKL_DEVICE float stage_bias(const Task& task, Team& team, const Row& row, bool ranked, float* memory) {
  constexpr int kVectors = E / P, kGroup = R::kGroup;
  float all[2] = {0, 0};
#pragma unroll 1
  for (int j = 0; j < E; j++) {
    const int64_t i = int64_t(team.origin(kVectors, kGroup) + j / P * team.stride(kGroup)) * P + j % P;
    const int slot = (team.group_origin(kVectors, kGroup) + j / P * team.group_stride(kGroup)) * P + j % P;
    if (i >= row.n) {
      memory[slot] = 0;
      continue;
    }
    if (!ranked)
      memory[slot] = task.batch.beta ? task.batch.beta[row.begin + i] : 1.0f / rank_at(task.batch.ranks, row.begin + i);
    if (task.batch.labels[row.begin + i] == kPositive) all[0] += memory[slot], all[1] += 1;
  }
  team.reduce(all, Add());
  return task.batch.beta || all[1] == 0 ? 0 : all[0] / all[1];
}

}  // namespace cuda
}  // namespace ckl
