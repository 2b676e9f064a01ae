// The fast way through a row: one distribution loss, every element read once into registers and its gradient written
// once. A row that comes out infinite or NaN is marked, and done the careful way by the launch that follows.
//
// Exponentials, and with them all that is linear in the teacher's probability, are kept 2^6 times as large until the
// end, so that what the special-function unit flushes to 0 stays below 2^-120 also after it met a large ln(p / q).
#pragma once
#include "number.cuh"
#include "ranking.cuh"
#include "reduce.cuh"
#include "softmax.cuh"

namespace ckl {
namespace cuda {

constexpr float kLift = 64.0f, kLog2Lift = 6.0f;

// F: the loss; E: elements a thread; P: elements a load. Element i of a row is in pack i / P, and packs go round the team.
// Usual: known to be float32 in whole packs, without padding, positives and the top; for counting instructions.
template <class F, int E, int P, class Team, bool Usual = false>
struct Resident {
  static constexpr int kPacks = E / P, kWords = E / 4;
  // From here on a branch for each four documents that hold no positive, no padding and not the top saves more than the
  // second copy of the code costs.
  static constexpr bool kBranch = E >= 16;

  const Task& task;
  Team team;
  Row row;
  const float* bias;  // of this thread's group, in the order of its packs

  float es[E], et[E], gap[E], bs[E];
  uint32_t labels[kWords];
  uint32_t at_top;  // a bit for each word of labels: documents at the student's top
  Side student, teacher;
  float positives, rank_mean;

  CKL_DEVICE_MEMBER Resident(const Task& of, Team sharing, const Row& a_row, const float* biases)
      : task(of), team(sharing), row(a_row), bias(biases), rank_mean(0) {}

  CKL_DEVICE_MEMBER int first(int k) const { return (k * int(team.size()) + int(team.rank())) * P; }
  CKL_DEVICE_MEMBER int live(int k) const {
    if (Usual) return P;
    const int left = int(row.n) - first(k);
    return left <= 0 ? 0 : left < P ? left : P;
  }
  CKL_DEVICE_MEMBER uint32_t masked(int w) const { return Usual ? 0 : labels[w] & 0x80808080u; }
  CKL_DEVICE_MEMBER uint32_t positive(int w) const { return labels[w] & ~(labels[w] >> 7) & 0x01010101u; }
  CKL_DEVICE_MEMBER bool is_masked(int j) const { return !Usual && labels[j / 4] >> (8 * (j % 4) + 7) & 1; }
  CKL_DEVICE_MEMBER bool is_positive(int j) const { return positive(j / 4) >> (8 * (j % 4)) & 1; }

  // Scores into es and et, labels beside them; the largest of both to all threads.
  CKL_DEVICE_MEMBER void read(float (&largest)[2]) {
    const Batch& batch = task.batch;
    const bool wide_s = Usual || is_wide(batch.student.data, batch.student.type, row.begin, 16);
    const bool wide_t = Usual || is_wide(batch.teacher.data, batch.teacher.type, row.begin, 16);
    const bool wide_y = Usual || aligned(batch.labels, row.begin, 1, P);
    const char* const s = row_start(batch.student, row.begin);
    const char* const t = row_start(batch.teacher, row.begin);
    const uint8_t* const y = batch.labels + row.begin;
#pragma unroll
    for (int k = 0; k < kPacks; k++) {
      load_pack<P>(es + k * P, s, batch.student.type, first(k), live(k), wide_s);
      load_pack<P>(et + k * P, t, batch.teacher.type, first(k), live(k), wide_t);
      load_labels<P>(labels + k * (P / 4), y, first(k), live(k), wide_y);
    }
    largest[0] = largest[1] = -3.402823466e38f;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (masked(w)) {
#pragma unroll
        for (int j = 4 * w; j < 4 * w + 4; j++)
          if (is_masked(j)) es[j] = et[j] = -3.402823466e38f;
      }
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++)
        largest[0] = fmaxf(largest[0], es[j]), largest[1] = fmaxf(largest[1], et[j]);
    }
    team.reduce(largest, Most());
  }

  // Adds four exponentials to the sum of those below the top, or to the count of those at it; whether any is.
  static CKL_DEVICE_MEMBER bool add_below(const float* e, float& below, float& tops) {
    const bool any = fmaxf(fmaxf(e[0], e[1]), fmaxf(e[2], e[3])) >= kLift;
    if (!kBranch || (!Usual && any)) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (e[j] >= kLift) tops += 1;
        else below += e[j];
      }
    } else {
#pragma unroll
      for (int j = 0; j < 4; j++) below += e[j];
    }
    return any;
  }

  // From scores to lifted exponentials and what normalises them.
  CKL_DEVICE_MEMBER void softmax(const float (&largest)[2]) {
    float z[5] = {0, 0, 0, 0, 0};  // sums below the top, counts at the top, positives
    int count = 0;
    at_top = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++) {
        const float s = largest[0] - es[j], t = largest[1] - et[j];
        bs[j] = s * task.inverse_student_high;
        gap[j] = __fmaf_rn(-t, task.inverse_teacher_high, bs[j]);
        es[j] = exp2_fast(__fmaf_rn(s, task.student_slope, kLog2Lift));
        et[j] = exp2_fast(__fmaf_rn(t, task.teacher_slope, kLog2Lift));
      }
      if (masked(w)) {
#pragma unroll
        for (int j = 4 * w; j < 4 * w + 4; j++)
          if (is_masked(j)) es[j] = et[j] = gap[j] = bs[j] = 0;
      }
      if (add_below(es + 4 * w, z[0], z[2])) at_top |= 1u << w;
      add_below(et + 4 * w, z[1], z[3]);
      count += __popc(positive(w));
    }
    z[4] = float(count);
    team.reduce(z, Add());
    student = normalise(z[0] * (1 / kLift), z[2]);
    teacher = normalise(z[1] * (1 / kLift), z[3]);
    positives = z[4];
  }

  // One document through the loss; its h takes the place of et. Special: it may be positive, masked or at the top.
  template <bool Special>
  CKL_DEVICE_MEMBER void document(const F& loss, int j, float (&sums)[3]) {
    const bool top = Special && es[j] >= kLift;
    Document<Fast, bool> x;
    x.q = es[j] * (student.inverse * (1 / kLift));
    x.rest = 1.0f - x.q.v;
    if (top) x.rest = student.rest;
    x.minus_ln_q = bs[j] + student.ln_z1;
    x.p = et[j] * teacher.inverse;
    x.d = gap[j] + (student.ln_z1 - teacher.ln_z1);
    x.beta = 0.0f;
    if (F::biased && task.biased) {
      const int64_t slot = (int64_t(j / P) * team.group_size() + team.group_rank()) * P + j % P;
      x.beta = task.terms[0].beta_scale * (bias[slot] - rank_mean);
    }
    x.mass = es[j] * student.inverse, x.unit = 1 / kLift, x.share = kLift / positives;
    x.positive = Special && is_positive(j);
    const Term<Fast> t = loss(x);
    sums[0] += t.value.v;
    et[j] = t.h.v;
    if (Special && is_masked(j)) et[j] = 0;
    if (top) sums[2] += et[j];
    else sums[1] += et[j];
  }

  // The row's loss, and the sums that its gradient needs; whether all are finite.
  CKL_DEVICE_MEMBER bool loss(float (&sums)[3]) {
    const F functor = F::make(task.terms[0].parameters);
    sums[0] = sums[1] = sums[2] = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (!Usual && (!kBranch || masked(w) || positive(w) || (at_top >> w & 1))) {
#pragma unroll
        for (int j = 4 * w; j < 4 * w + 4; j++) document<true>(functor, j, sums);
      } else {
#pragma unroll
        for (int j = 4 * w; j < 4 * w + 4; j++) document<false>(functor, j, sums);
      }
    }
    team.reduce(sums, Add());
    return finite(sums[0]) && finite(sums[1]) && finite(sums[2]);
  }

  CKL_DEVICE_MEMBER void write(const Projection& project, bool counted) {
    const MutableScores& out = task.out.grad;
    const bool wide = Usual || is_wide(out.data, out.type, row.begin, out.type == DType::float32 || P == 8 ? 16 : 8);
    char* const start = const_cast<char*>(row_start({out.data, out.type}, row.begin));
#pragma unroll
    for (int k = 0; k < kPacks; k++) {
      float g[P];
#pragma unroll
      for (int w = 0; w < P / 4; w++) {
        const int word = k * (P / 4) + w, j = 4 * word;
        const bool special = !Usual && (!kBranch || masked(word) || (at_top >> word & 1));
#pragma unroll
        for (int i = 0; i < 4; i++) {
          if (special) {
            g[4 * w + i] = project(es[j + i], et[j + i]);
            if (is_masked(j + i)) g[4 * w + i] = 0;
          } else {
            g[4 * w + i] = project.below_top(es[j + i], et[j + i]);
          }
          if (!counted) g[4 * w + i] = 0;
        }
      }
      store_pack<P>(g, start, Usual ? DType::float32 : out.type, first(k), live(k), wide);
    }
  }

  // `here`: the row is one of the launch's.
  CKL_DEVICE_MEMBER void run(bool here, Tally& tally) {
    float largest[2], sums[3];
    read(largest);
    softmax(largest);
    const bool good = loss(sums), counted = F::needs == Needs::document || positives > 0;
    if (!here) return;
    if (!good && counted) {
      if (team.rank() == 0) mark_row(task, row.b);
      return;
    }
    const Scale& scale = scale_of(task, 0);
    const float weight = task.batch.weights ? task.batch.weights[row.b] : 1.0f;
    const Projection project(student, sums[1], sums[2], saturate(weight * scale.student), kLift);
    write(project, counted);
    if (team.rank() != 0) return;
    const float value = sums[0] * (1 / kLift);
    task.out.per_query[row.b] = counted ? float(task.terms[0].weight) * value : 0;
    if (counted) tally.loss += double(weight) * (scale.loss * double(value)), tally.counted++;
  }
};

// The rank bias of a thread's own documents, before alpha, into shared memory; returns the mean that is still to be
// taken off. `inverse` holds 1 / rank where the kernel ranks.
template <int E, int P, class Team>
CKL_DEVICE float stage_bias(const Task& task, Team& team, const Row& row, bool ranked, float* memory) {
  float all[2] = {0, 0};
#pragma unroll 1
  for (int k = 0; k < E / P; k++)
#pragma unroll 1
    for (int j = 0; j < P; j++) {
      const int64_t i = (int64_t(k) * team.size() + team.rank()) * P + j;
      const int64_t slot = (int64_t(k) * team.group_size() + team.group_rank()) * P + j;
      if (i >= row.n) {
        memory[slot] = 0;
        continue;
      }
      if (!ranked)
        memory[slot] =
            task.batch.beta ? task.batch.beta[row.begin + i] : 1.0f / rank_at(task.batch.ranks, row.begin + i);
      if (task.batch.labels[row.begin + i] == kPositive) all[0] += memory[slot], all[1] += 1;
    }
  team.reduce(all, Add());
  return task.batch.beta || all[1] == 0 ? 0 : all[0] / all[1];
}

}  // namespace cuda
}  // namespace ckl
