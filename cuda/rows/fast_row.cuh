// The fast path for a row: one distribution loss; every element is read once into registers and its gradient written
// once. A row whose result is infinite or NaN is deferred to the general path, after the team's other rows.
//
// The teacher's exponentials are normalised only at the end, because a loss is linear in them (document.h).
#pragma once
#include "softmax_row.cuh"

namespace ckl {
namespace cuda {

// Least log2(p / q), where p is 0 because the teacher's score is -inf: with it, ln(p / q) is finite, and terms that are
// linear in p are 0. Losses that are infinite there keep the infinity, the only sign of it, and defer the row.
constexpr float kLeastGap = -400.0f;
template <class F>
struct LeastGap {
  static CKL_DEVICE_MEMBER float of(const F&) { return kLeastGap; }
};

// F: the loss. The exponentials et become h.
template <class F, int E, int P, class Team>
struct FastRow : SoftmaxRow<F, E, P, Team> {
  using Base = SoftmaxRow<F, E, P, Team>;
  using Base::Base, Base::find_tops, Base::lifted, Base::softmax;
  using Base::bias_of, Base::is_top, Base::read, Base::tops, Base::weigh_ranks, Base::with_stride;
  using Base::es, Base::et, Base::gap, Base::labels, Base::lacking, Base::ln_ratio, Base::ln_ratio_at_top,
      Base::minus_ln_q, Base::of_student, Base::of_teacher, Base::positives, Base::rank_mean, Base::row, Base::student,
      Base::task, Base::teacher, Base::team, Base::top_here, Base::us, Base::vectors;
  using Base::kKeepsLog, Base::kLogs, Base::kUnnormalised, Base::kVectors, Base::kWords;

  bool special_here;  // whether some of the thread's documents are positive or at the top
  float of_h;         // the factor that h of unnormalised documents lacks

  // In a word of labels: the documents that are positive or at the student's top.
  static constexpr uint32_t kSpecial = 0x03030303u;

  // Of four documents: log2 of es, if it is kept; and what `gap` is.
  CKL_DEVICE_MEMBER void logarithms(int w, float (&u)[4], float (&gaps)[4]) const {
    if constexpr (kLogs) {
#pragma unroll
      for (int i = 0; i < 4; i++) u[i] = es[4 * w + i], gaps[i] = et[4 * w + i];
    } else {
      gap.get(w, gaps);
      if constexpr (kKeepsLog) us.get(w, u);
    }
  }
  CKL_DEVICE_MEMBER bool is_special(int w) const { return CKL_RARE((labels[w] & kSpecial) != 0); }

  // Evaluates the loss for document j; its exponential `t` becomes h. label: its byte of labels, and others above.
  // Special: it may be positive or at the top.
  template <bool Special>
  CKL_DEVICE_MEMBER void document(const F& loss, int j, uint32_t label, float e, float& t, float its_gap, float u,
                                  float (&sums)[3]) {
    const bool top = Special && (label & 2) != 0, both = top && (label & 4) != 0;
    // Factor of everything that is linear in p.
    const float scale = reciprocal_fast(of_teacher);
    Document<FastFloat, bool> x;
    x.q = e * of_student;
    x.rest = 1.0f - x.q.v;
    if (top) x.rest = student.rest;
    x.minus_ln_q = 0.0f;
    if constexpr (F::reads_ln_q) x.minus_ln_q = top ? student.ln_z1 : __fmaf_rn(u - kLog2Lift, -kLn2, minus_ln_q);
    x.p = t;
    x.d = both ? ln_ratio_at_top : __fmaf_rn(fmaxf(its_gap, LeastGap<F>::of(loss)), kLn2, ln_ratio);
    x.beta = 0.0f;
    if constexpr (F::biased) {
      if (task.biased) x.beta = task.terms[0].beta_scale * (bias_of(j) - rank_mean);
    }
    x.mass = e * (of_student * scale);
    x.unit = of_teacher;
    x.share = scale / positives;
    x.positive = Special && (label & 1) != 0;
    const Term<FastFloat> y = loss(x);
    sums[0] += y.value.v;
    t = y.h.v;
    if (top) sums[2] += t;
    else sums[1] += t;
  }
  // The same for four documents that are neither positive nor at the top.
  CKL_DEVICE_MEMBER void documents(const F& loss, int w, float (&sums)[3]) {
    float gaps[4], logs[4] = {0, 0, 0, 0};
    logarithms(w, logs, gaps);
#pragma unroll
    for (int i = 0; i < 4; i++)
      document<false>(loss, 4 * w + i, labels[w] >> 8 * i, es[4 * w + i], et[4 * w + i], gaps[i], logs[i], sums);
  }

  // The same for the thread's words of which some documents are positive or at the top, one after another. There is one
  // copy of this code for all of them, and lanes go through it together, whichever words are theirs.
  CKL_DEVICE_MEMBER void special_documents(const F& loss, float (&sums)[3]) {
    unsigned left = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) left |= (labels[w] & kSpecial) != 0 ? 1u << w : 0;
#pragma unroll 1
    while (left != 0) {
      const int at = __ffs(int(left)) - 1;
      left &= left - 1;
      uint32_t label = labels[0];
#pragma unroll
      for (int w = 1; w < kWords; w++) label = w == at ? labels[w] : label;
      float e[4], t[4], gaps[4], logs[4] = {0, 0, 0, 0};  // es remains as it is
      if constexpr (kLogs) {
        pick(es, at, logs), pick(et, at, gaps);
      } else {
        pick(es, at, e), gap.pick(at, gaps);
        if constexpr (kKeepsLog) us.pick(at, logs);
        if constexpr (!kUnnormalised) pick(et, at, t);
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
        if constexpr (kLogs) e[i] = exp2_fast(logs[i]);
        if constexpr (kUnnormalised) t[i] = exp2_fast(gaps[i]), gaps[i] -= logs[i];
        document<true>(loss, 4 * at + i, label >> 8 * i, e[i], t[i], gaps[i], logs[i], sums);
      }
      replace(et, at, t);
    }
  }

  // Calls usual(w) for four documents without a positive and without the top; notes whether there are others.
  template <class Usual>
  CKL_DEVICE_MEMBER void each_word(Usual usual) {
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (is_special(w)) special_here = true;
      else usual(w);
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
        bool without;
        // Its logarithm is gone, but only an infinite one makes a NaN with a finite one of the student.
        if constexpr (kLogs) without = et[j] != et[j] && es[j] > -infinity();
        else without = gap.x[j] == -infinity();
        if (without) et[j] = -0.0f;  // as of a finite score far below
        sum += et[j];
      }
    }
  }

  // Computes the row's loss and the sums that its gradient needs; returns whether all are finite.
  CKL_DEVICE_MEMBER bool loss(float (&sums)[3]) {
    const F functor = F::make(task.terms[0].parameters);
    sums[0] = sums[1] = sums[2] = 0;
    special_here = false;
    if constexpr (kUnnormalised) {
      sums[0] = sums[1] = -0.0f;
      Unnormalised<F> negatives(functor, ln_ratio, of_student);
      each_word([&](int w) {
        float u[4], v[4];
        logarithms(w, u, v);
#pragma unroll
        for (int i = 0; i < 4; i++) { et[4 * w + i] = negatives.add(u[i], v[i]); }
      });
      if (CKL_RARE(negatives.h != negatives.h)) without_teacher(negatives.h);
      sums[0] += negatives.value();
      sums[1] += negatives.sum_h();
      of_h = negatives.normaliser;
    } else {
      each_word([&](int w) { documents(functor, w, sums); });
    }
    if (CKL_RARE(special_here)) special_documents(functor, sums);
    team.reduce(sums, Add());
    float zero = student.inverse * 0.0f;
    zero = __fmaf_rn(teacher.inverse, 0.0f, zero);
#pragma unroll
    for (int k = 0; k < 3; k++) zero = __fmaf_rn(sums[k], 0.0f, zero);
    return zero == 0.0f;
  }

  // Where the gradient is left: in place of something that is not needed any more.
  CKL_DEVICE_MEMBER float (&gradient())[E] {
    if constexpr (kUnnormalised && !kLogs) return gap.x;
    else return et;
  }
  CKL_DEVICE_MEMBER void write(const Projection& project) {
    float(&grad)[E] = gradient();
    // Where h is not normalised, its factor comes with the scale.
    const float scale_of_h = of_h * project.scale, scale_of_e = project.others * project.scale;
#pragma unroll
    for (int w = 0; w < kWords; w++) {
      if (kLogs && is_special(w)) continue;  // its h are where the gradient will be, and follow
#pragma unroll
      for (int j = 4 * w; j < 4 * w + 4; j++) {
        const float e = lifted(es, j);
        grad[j] = kUnnormalised ? __fmaf_rn(e, scale_of_e, et[j] * scale_of_h) : project.below_top(e, et[j]);
      }
    }
    if (kUnnormalised && CKL_RARE(special_here)) {
#pragma unroll
      for (int w = 0; w < kWords; w++)
        if (labels[w] & kSpecial) {
#pragma unroll
          for (int j = 4 * w; j < 4 * w + 4; j++) grad[j] = project.below_top(lifted(es, j), et[j]);
        }
    }
    if (CKL_RARE(top_here && project.lone)) {
#pragma unroll
      for (int w = 0; w < kWords; w++)
        if (tops(w)) {
#pragma unroll
          for (int j = 4 * w; j < 4 * w + 4; j++) grad[j] = is_top(j) ? project.top : grad[j];
        }
    }
    const MutableScores& out = task.out.grad;
    char* const to = const_cast<char*>(row_start({out.data, out.type}, row.begin));
    const DType type = P == 4 ? DType::float32 : CKL_TYPE(out.type);
    const unsigned odd = offset_in(to, P * size_of(type) < 16 ? P * size_of(type) : 16);
    const bool wide = vectors.whole && !CKL_RARE(odd != 0);
    const bool paired = vectors.pairs && !CKL_RARE(offset_in(to, 2 * size_of(type)) != 0);
    const auto store = [&](auto stride, bool whole) {
      store_scores<kVectors, P>(grad, to, type, vectors, stride, whole, !whole && paired);
    };
    if (wide) with_stride([&](auto stride) { store(stride, true); });
    else store(vectors.stride, false);
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
    const LossScale& scale = scale_of(task, 0);
    const float weight = task.batch.weights ? task.batch.weights[row.b] : 1.0f;
    Projection project(student, sums[1], sums[2], saturate(weight * scale.student) * of_teacher, of_student);
    // A huge scale could overflow before the gradient does.
    const bool safe = !kUnnormalised || fabsf(project.scale) < 0x1p64f;
    if (CKL_RARE(!(good && safe) && counted)) {
      total.deferred = true;
      if (team.rank() == 0) defer_row(task, row.b);
      return;
    }
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
