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
  using Base::Base, Base::find_tops, Base::softmax;
  using Base::bias_of, Base::is_positive, Base::is_top, Base::read, Base::tops, Base::weigh_ranks, Base::with_stride;
  using Base::es, Base::et, Base::gap, Base::labels, Base::lacking, Base::ln_ratio, Base::ln_ratio_at_top,
      Base::minus_ln_q, Base::of_student, Base::of_teacher, Base::positives, Base::rank_mean, Base::row, Base::student,
      Base::task, Base::teacher, Base::team, Base::top_here, Base::us, Base::vectors;
  using Base::kBranch, Base::kKeepsLog, Base::kUnnormalised, Base::kVectors, Base::kWords;

  // Of a thread with unnormalised documents: whether it has others, too; the factor that h of the former lacks.
  bool special_here, unnormalised;
  float of_h;

  // In a word of labels: the documents that are positive or at the student's top.
  static constexpr uint32_t kSpecial = 0x03030303u;

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
