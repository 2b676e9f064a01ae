// Handles any row with any plan: padding, infinities, any range of scores, weighted sums of losses, the teacher's
// gradient, diagnostics, any length. It reads the row several times and keeps nothing but sums.
#pragma once
#include "../common/scalar_load.cuh"
#include "reduce.cuh"
#include "softmax.cuh"
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

  // Sums are taken in chunks, so that rounding errors grow with the square root of the length.
  template <class Body, class Flush>
  CKL_DEVICE_MEMBER void each(Body body, Flush flush) const {
    const int64_t step = team.size(), chunk = 64 * step;
    for (int64_t from = team.rank(); from < row.n; from += chunk) {
      for (int64_t i = from; i < row.n && i < from + chunk; i += step) body(i);
      flush();
    }
  }
  template <class Body>
  CKL_DEVICE_MEMBER void each(Body body) const {
    for (int64_t i = team.rank(); i < row.n; i += team.size()) body(i);
  }

  // A document whose label and scores are there already.
  struct Loaded {
    uint8_t y;
    float s, t;
  };
  static CKL_DEVICE_MEMBER uint8_t label(const Loaded& x) { return x.y; }
  static CKL_DEVICE_MEMBER float student_score(const Loaded& x) { return x.s; }
  static CKL_DEVICE_MEMBER float teacher_score(const Loaded& x) { return x.t; }
  // Calls body for all documents, loaded, and flush as `each` does. In rows that have four for every thread, four neighbours
  // go to a thread: as vectors, or one by one where the row starts at an odd address. kScores: whether scores are loaded too.
  template <bool kScores, class Body, class Flush>
  CKL_DEVICE_MEMBER void each_loaded(Body body, Flush flush) const {
    const int wide = row.n >= 4 * int64_t(team.size()) ? 4 : 1;
    const Batch& batch = task.batch;
    const char* const s = row_start(batch.student, row.begin);
    const char* const t = row_start(batch.teacher, row.begin);
    const uint8_t* const y = batch.labels + row.begin;
    bool vectors = wide == 4 && offset_in(y, 4) == 0;
    if (kScores)
      vectors = vectors && offset_in(s, 4 * size_of(batch.student.type)) == 0 &&
                offset_in(t, 4 * size_of(batch.teacher.type)) == 0;
    int taken = 0;
#pragma unroll 1
    for (int64_t from = int64_t(team.rank()) * wide; from < row.n; from += int64_t(team.size()) * wide) {
      Loaded four[4];
      if (vectors && from + 4 <= row.n) {
        const uint32_t labels = __ldca(reinterpret_cast<const unsigned*>(y + from));
        float scores[2][4];
        if constexpr (kScores)
          load_four(batch.student, s, from, scores[0]), load_four(batch.teacher, t, from, scores[1]);
#pragma unroll
        for (int j = 0; j < 4; j++) {
          four[j].y = uint8_t(labels >> 8 * j);
          if constexpr (kScores) four[j].s = scores[0][j], four[j].t = scores[1][j];
        }
      } else {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          four[j] = {kPadding, 0, 0};
          if (j >= wide || from + j >= row.n) continue;
          four[j].y = y[from + j];
          if constexpr (kScores) four[j].s = student_score(from + j), four[j].t = teacher_score(from + j);
        }
      }
#pragma unroll
      for (int j = 0; j < 4; j++)
        if (j < wide && from + j < row.n) body(four[j]);
      if (++taken % 16 == 0) flush();
    }
    flush();
  }
  static CKL_DEVICE_MEMBER void load_four(const Scores& of, const char* start, int64_t from, float (&to)[4]) {
    if (of.type == DType::float32) {
      const float4 x = __ldca(reinterpret_cast<const float4*>(start + from * 4));
      to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
      return;
    }
    const uint2 x = __ldca(reinterpret_cast<const uint2*>(start + from * 2));
    const uint16_t halves[4] = {uint16_t(x.x), uint16_t(x.x >> 16), uint16_t(x.y), uint16_t(x.y >> 16)};
#pragma unroll
    for (int j = 0; j < 4; j++)
      to[j] = of.type == DType::bfloat16 ? widen_bfloat16(halves[j]) : widen_float16(halves[j]);
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
  template <class Place>
  CKL_DEVICE_MEMBER Exponential of_student(const Place& i) const {
    return exponential(max_student - student_score(i), task.inverse_student_high, task.inverse_student_low);
  }
  template <class Place>
  CKL_DEVICE_MEMBER Exponential of_teacher(const Place& i) const {
    return exponential(max_teacher - teacher_score(i), task.inverse_teacher_high, task.inverse_teacher_low);
  }

  CKL_DEVICE_MEMBER void count() {
    float c[2] = {0, 0};
    each_loaded<false>([&](const Loaded& x) { c[0] += x.y != kPadding, c[1] += x.y == kPositive; }, [] {});
    team.reduce(c, Add());
    documents = c[0], positives = c[1];
  }

  // bad: NaN if a score is NaN or positive infinity.
  template <class Place>
  CKL_DEVICE_MEMBER void add_score(const Place& i, float& top_student, float& top_teacher, float& bad) const {
    const float s = student_score(i), t = teacher_score(i);
    top_student = fmaxf(top_student, s), top_teacher = fmaxf(top_teacher, t);
    const float fs = s == -infinity() ? 0 : s, ft = t == -infinity() ? 0 : t;
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
    each_loaded<true>(
        [&](const Loaded& x) {
          if (x.y != kPadding) add_score(x, m[0], m[1], bad);
        },
        [] {});
    team.reduce(m, Max());
    max_student = m[0], max_teacher = m[1];

    float z[5] = {0, 0, 0, 0, bad}, zs = 0, zt = 0;  // sums below the top, counts at the top
    each_loaded<true>(
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
    each([&](int64_t i) { part += label(i) == kPositive ? inverse_rank(i) : 0; }, [&] { all += part, part = 0; });
    all = team_sum(team, all);
    rank_mean = positives > 0 ? all / positives : 0;
  }
  CKL_DEVICE_MEMBER float bias(int64_t i) const {
    if (task.batch.beta) return task.batch.beta[row.begin + i];
    return positives > 0 ? inverse_rank(i) - rank_mean : 0;
  }

  struct View {
    Document<float, bool> document;
    bool no_student, has_teacher;
    float es, et;
  };
  // kBiased: false where no loss has a bias.
  template <bool kBiased = true>
  CKL_DEVICE_MEMBER View view(int64_t i) const {
    View r;
    const Exponential s = of_student(i), t = of_teacher(i);
    Document<float, bool>& x = r.document;
    r.es = s.e, r.et = t.e;
    x.q = s.e * student.inverse;
    x.rest = s.e == 1 ? student.rest : 1 - x.q;
    x.minus_ln_q = (finite(s.distance) ? s.distance : 104.0f) + student.ln_z1;
    x.p = t.e * teacher.inverse;
    x.d = (s.distance - t.distance) + (student.ln_z1 - teacher.ln_z1);
    r.no_student = !(x.d < infinity()), r.has_teacher = x.d > -infinity();
    x.beta = kBiased && task.biased ? bias(i) : 0;
    x.mass = x.q, x.unit = 1, x.share = 1 / positives;
    x.positive = label(i) == kPositive;
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
    each(
        [&](int64_t i) {
          if (label(i) == kPadding) return;
          const View v = view(i);
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
