// Handles any row with any plan: padding, infinities, any range of scores, weighted sums of losses, the teacher's
// gradient, diagnostics, any length. It reads the row several times and keeps nothing but sums.
#pragma once
#include "reduce.cuh"
#include "softmax.cuh"
#include "walk.cuh"
#include "../common/team.cuh"
#include "../../src/losses/losses.h"

namespace ckl {
namespace cuda {

// The result of one term for one document.
struct TermValue {
  float value, h, u;
  bool diverges;  // infinite because the student's or the teacher's probability is 0
};

// V: the functor of the term's loss.
template <class V>
CKL_DEVICE TermValue evaluate(const TaskTerm& term, Document<float, bool> x, bool no_student, bool has_teacher) {
  const V functor = V::make(term.parameters);
  if (no_student) x.d = V::d_without_student;
  else if (!has_teacher) x.d = V::d_without_teacher;
  const Term<float> t = functor(x);
  const bool diverges =
      no_student ? functor.diverges(x.positive, has_teacher) : V::diverges_without_teacher && !has_teacher;
  return {t.value, t.h, t.u, diverges};
}

// A distribution loss for one document. Never called for other losses.
static __device__ __noinline__ TermValue term_value_of(const TaskTerm& term, Document<float, bool> x, bool no_student,
                                                       bool has_teacher) {
  TermValue r = {0, 0, 0, false};
  visit_loss(term.loss, [&](auto loss) {
    typedef decltype(loss) Type;
    if constexpr (Type::family == Family::distribution) {
      with_compact_variant(typename Type::type(), term.parameters,
                           [&](auto variant) { r = evaluate<decltype(variant)>(term, x, no_student, has_teacher); });
    }
  });
  return r;
}

CKL_DEVICE bool is_distribution(LossId id) {
  return visit_loss(id, [](auto loss) { return decltype(loss)::family == Family::distribution; });
}

template <class Team>
struct GeneralRow {
  const Task& task;
  Team team;
  const Row row;
  const float* ranked;  // 1 / rank of each document, if the row kernel computes the ranks
  float* tile;          // 3 floats per thread of the team's group, for pairs

  float documents = 0, positives = 0, poison = 0, rank_mean = 0;
  float max_student = 0, max_teacher = 0;
  Softmax student = {}, teacher = {};

  // Calls body for all documents. Sums are taken in parts, after each of which flush is called, so that rounding errors
  // grow with the square root of the length.
  template <class Body, class Flush>
  CKL_DEVICE_MEMBER void each(unsigned reads, Body body, Flush flush) const {
    int taken = 0;
#pragma unroll 1
    for (int64_t i = team.rank(); i < row.n; i += team.size()) {
      body(document(i, reads));
      if (++taken % 64 == 0) flush();
    }
    flush();
  }
  template <class Body>
  CKL_DEVICE_MEMBER void each(unsigned reads, Body body) const {
    each(reads, body, [] {});
  }
  // The same in step with the whole team, four documents at a time: also for some beyond the row, which are padding.
  // It takes much more code. kBodies: copies of the body, four or one; a large one has one.
  template <int kBodies, class Body, class Flush>
  CKL_DEVICE_MEMBER void each_four(unsigned reads, Body body, Flush flush) const {
    const Walk<kBodies> walk(task.batch, row, ranked, team.rank(), team.size(), reads);
    int taken = 0;
#pragma unroll 1
    for (int64_t base = 0; base < row.n; base += walk.step()) {
      const int64_t from = walk.first(base);
      Four four = walk.load(from);
#pragma unroll kBodies
      for (int j = 0; j < 4; j++) {
        if (j >= walk.wide) break;
        body(walk.document(four, from + j));
        four.shift(kPadding, 0, 0, 0);
      }
      if (++taken % 16 == 0) flush();
    }
    flush();
  }

  CKL_DEVICE_MEMBER uint8_t label(int64_t i) const { return task.batch.labels[row.begin + i]; }
  CKL_DEVICE_MEMBER float student_score(int64_t i) const {
    return load(task.batch.student.data, task.batch.student.type, row.begin + i);
  }
  CKL_DEVICE_MEMBER float teacher_score(int64_t i) const {
    return load(task.batch.teacher.data, task.batch.teacher.type, row.begin + i);
  }
  CKL_DEVICE_MEMBER float by_student(float x) const {
    return scaled(x, task.inverse_student_high, task.inverse_student_low);
  }
  CKL_DEVICE_MEMBER float by_teacher(float x) const {
    return scaled(x, task.inverse_teacher_high, task.inverse_teacher_low);
  }
  CKL_DEVICE_MEMBER float inverse_rank(int64_t i) const {
    return ranked ? ranked[i] : 1.0f / rank_at(task.batch.ranks, row.begin + i);
  }
  CKL_DEVICE_MEMBER Loaded document(int64_t i, unsigned reads) const {
    Loaded x = {i, label(i), 0, 0, 0};
    if (reads & kScores) x.s = student_score(i), x.t = teacher_score(i);
    const Batch& batch = task.batch;
    if (!(reads & kRanks)) return x;
    if (ranked) x.bias = ranked[i];
    else x.bias = batch.beta ? batch.beta[row.begin + i] : rank_at(batch.ranks, row.begin + i);
    return x;
  }
  CKL_DEVICE_MEMBER float inverse_rank(const Loaded& x) const { return ranked ? x.bias : 1.0f / x.bias; }
  // What a sweep over all terms reads.
  CKL_DEVICE_MEMBER unsigned reads() const { return kScores | (task.biased ? kRanks : kLabels); }
  CKL_DEVICE_MEMBER bool counts(Needs needs) const { return takes_part(needs, documents, positives); }

  // A score in one softmax, `distance` >= 0 below the largest score.
  struct Exponential {
    float distance, e;  // in temperatures, infinite for scores of -inf; e^-distance
  };
  static CKL_DEVICE_MEMBER Exponential exponential(float distance, float high, float low) {
    if (!finite(distance)) return {infinity(), 0};
    const float b = scaled(distance, high, low);
    if (!finite(b)) return {infinity(), 0};
    return {b, expf(-b)};
  }
  CKL_DEVICE_MEMBER Exponential of_student(const Loaded& x) const {
    return exponential(max_student - x.s, task.inverse_student_high, task.inverse_student_low);
  }
  CKL_DEVICE_MEMBER Exponential of_teacher(const Loaded& x) const {
    return exponential(max_teacher - x.t, task.inverse_teacher_high, task.inverse_teacher_low);
  }

  CKL_DEVICE_MEMBER void count() {
    float c[2] = {0, 0};
    each_four<4>(
        kLabels, [&](const Loaded& x) { c[0] += x.y != kPadding, c[1] += x.y == kPositive; }, [] {});
    team.reduce(c, Add());
    documents = c[0], positives = c[1];
  }

  // bad: NaN if a score is NaN or positive infinity.
  static CKL_DEVICE_MEMBER void add_score(const Loaded& x, float& top_student, float& top_teacher, float& bad) {
    top_student = fmaxf(top_student, x.s), top_teacher = fmaxf(top_teacher, x.t);
    const float fs = x.s == -infinity() ? 0 : x.s, ft = x.t == -infinity() ? 0 : x.t;
    bad += (fs - fs) + (ft - ft);
  }
  // Sums below the top, numbers at the top.
  static CKL_DEVICE_MEMBER void add_exponentials(float es, float et, float& zs, float& zt, float& tops_s,
                                                 float& tops_t) {
    zs += es < 1 ? es : 0, tops_s += es == 1;
    zt += et < 1 ? et : 0, tops_t += et == 1;
  }
  CKL_DEVICE_MEMBER void set_softmax(float zs, float zt, float tops_s, float tops_t) {
    student = normalise(zs, tops_s);
    teacher = normalise(zt, tops_t);
    // Without any finite score there is no distribution.
    poison += tops_s > 0 && tops_t > 0 ? 0 : not_a_number();
  }

  CKL_DEVICE_MEMBER void softmax() {
    float m[2] = {-3.402823466e38f, -3.402823466e38f}, bad = 0;
    each_four<4>(
        kScores,
        [&](const Loaded& x) {
          if (x.y != kPadding) add_score(x, m[0], m[1], bad);
        },
        [] {});
    team.reduce(m, Max());
    max_student = m[0], max_teacher = m[1];

    float z[5] = {0, 0, 0, 0, bad}, zs = 0, zt = 0;  // sums below the top, counts at the top
    each_four<4>(
        kScores,
        [&](const Loaded& x) {
          if (x.y != kPadding) add_exponentials(of_student(x).e, of_teacher(x).e, zs, zt, z[2], z[3]);
        },
        [&] { z[0] += zs, z[1] += zt, zs = zt = 0; });
    team.reduce(z, Add());
    poison = z[4];
    set_softmax(z[0], z[1], z[2], z[3]);
  }

  // The positives' mean of 1 / rank, if the rank bias is computed from ranks.
  CKL_DEVICE_MEMBER void centre() {
    if (!task.biased || task.batch.beta) return;
    float all = 0, part = 0;
    each(
        kRanks, [&](const Loaded& x) { part += x.y == kPositive ? inverse_rank(x) : 0; },
        [&] { all += part, part = 0; });
    all = team_sum(team, all);
    rank_mean = positives > 0 ? all / positives : 0;
  }
  CKL_DEVICE_MEMBER float bias(const Loaded& x) const {
    if (task.batch.beta) return x.bias;
    return positives > 0 ? inverse_rank(x) - rank_mean : 0;
  }

  struct View {
    Document<float, bool> document;
    bool no_student, has_teacher;
    float es, et;
  };
  // kBiased: false where no loss has a bias.
  template <bool kBiased = true>
  CKL_DEVICE_MEMBER View view(const Loaded& of) const {
    View r;
    const Exponential s = of_student(of), t = of_teacher(of);
    Document<float, bool>& x = r.document;
    r.es = s.e, r.et = t.e;
    x.q = s.e * student.inverse;
    x.rest = s.e == 1 ? student.rest : 1 - x.q;
    x.minus_ln_q = (finite(s.distance) ? s.distance : 104.0f) + student.ln_z1;
    x.p = t.e * teacher.inverse;
    x.d = (s.distance - t.distance) + (student.ln_z1 - teacher.ln_z1);
    r.no_student = !(x.d < infinity()), r.has_teacher = x.d > -infinity();
    x.beta = kBiased && task.biased ? bias(of) : 0;
    x.mass = x.q, x.unit = 1, x.share = 1 / positives;
    x.positive = of.y == kPositive;
    return r;
  }
  CKL_DEVICE_MEMBER TermValue term_value(const TaskTerm& term, const View& v) const {
    Document<float, bool> x = v.document;
    x.beta = term.parameters.biased ? term.beta_scale * x.beta : 0;
    return term_value_of(term, x, v.no_student, v.has_teacher);
  }

  // For each term, the factors of h and u if there are several terms.
  CKL_DEVICE_MEMBER float factor(int k, float weight) const {
    return task.term_count == 1 ? 1.0f : saturate(weight * scale_of(task, k).untempered);
  }

  struct Sums {
    float value = 0, h_below = 0, h_top = 0, u_below = 0, u_top = 0;
    float contribution = 0;  // to the batch's loss, before the query's weight
  };
  CKL_DEVICE_MEMBER Sums distribution(float weight) {
    float all[6] = {0, 0, 0, 0, 0, 0}, part[6] = {0, 0, 0, 0, 0, 0};
    each_four<1>(
        reads(),
        [&](const Loaded& x) {
          if (x.y == kPadding) return;
          const View v = view(x);
          for (int k = 0; k < task.term_count; k++) {
            const TaskTerm& term = task.terms[k];
            if (!is_distribution(term.loss) || !counts(term.needs)) continue;
            const TermValue s = term_value(term, v);
            const float value = s.diverges ? infinity() : s.value, f = factor(k, weight);
            part[0] += float(term.weight) * value;
            part[1] += float(scale_of(task, k).loss) * value;
            (v.es < 1 ? part[2] : part[3]) += f * s.h;
            (v.et < 1 ? part[4] : part[5]) += f * s.u;
          }
        },
        [&] {
#pragma unroll
          for (int j = 0; j < 6; j++) all[j] += part[j], part[j] = 0;
        });
    team.reduce(all, Add());
    Sums r;
    r.value = all[0], r.contribution = all[1];
    r.h_below = all[2], r.h_top = all[3], r.u_below = all[4], r.u_top = all[5];
    return r;
  }
};

}  // namespace cuda
}  // namespace ckl
