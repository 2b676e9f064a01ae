// What a thread of the fast path holds of its row: its documents in registers, with four labels per word, and their
// bias from ranks or beta.
#pragma once
#include "vector_load.cuh"
#include "../ranks/ranking.cuh"
#include "reduce.cuh"
#include "../common/team.cuh"

// test/cuda/ways.cu counts the instructions on each path of a row through a kernel. Its teams fix these conditions and
// exclude all other cases: whether something rare happens, the type of the scores, whether the row consists of whole
// vectors and fills its team, and whether labels in a word are masked or missing.
#ifndef CKL_RARE
#define CKL_RARE(condition) (condition)
#define CKL_TYPE(type) (type)
#define CKL_WHOLE(condition) (condition)
#define CKL_PAIRS(condition) (condition)
#define CKL_FULL(condition) (condition)
#define CKL_GROUP(group) (group)
#define CKL_MASKED(condition, word) (condition)
#endif

namespace ckl {
namespace cuda {

// Biased: whether the loss reads ranks; E: elements per thread; P: elements per load. Element i of a row is in vector i
// / P, and vectors are dealt out to the team in turn.
template <bool Biased, int E, int P, class Team>
struct HeldRow {
  static constexpr int kVectors = E / P, kWords = E / 4;

  const Task& task;
  Team team;
  Row row;
  // In shared memory: the bias of the thread's documents before alpha; for rows that are ranked here, their scores.
  float *biases, *keys;
  Vectors vectors;

  float es[E], et[E];  // scores of the student and the teacher
  float own[2];        // their maxima over the thread's documents
  // Four labels per word. Masked documents become negatives with probability 0; bits 1 and 2 mark documents at the
  // student's and the teacher's top.
  uint32_t labels[kWords];
  bool masked;    // whether some of the thread's documents are masked
  uint32_t ones;  // the number of its positives
  float rank_mean;

  CKL_DEVICE_MEMBER HeldRow(const Task& of, Team sharing, const Row& a_row, float* memory, float* of_row)
      : task(of), team(sharing), row(a_row), biases(memory), keys(of_row), rank_mean(0) {}

  CKL_DEVICE_MEMBER uint32_t positive(int w) const { return labels[w] & ~(labels[w] >> 7) & 0x01010101u; }
  CKL_DEVICE_MEMBER bool some_masked(int w) const { return CKL_MASKED((labels[w] & 0x80808080u) != 0, w); }
  CKL_DEVICE_MEMBER bool is_masked(int j) const { return labels[j / 4] >> (8 * (j % 4) + 7) & 1; }
  // Calls body(j) for documents that are masked or missing.
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

  // Calls body with the distance between a thread's vectors: a constant, and with it each address, where lanes share a
  // row (kernel_table.h).
  template <class Body>
  CKL_DEVICE_MEMBER void with_stride(Body body) const {
    if constexpr (!Team::kLanes || E == 16) body(vectors.stride);
    else if (CKL_GROUP(task.launch.group) == 8) body(Constant<int, 8 * P>());
    else body(Constant<int, 2 * P>());
  }

  // Loads scores into es and et, labels, and the inputs of the bias. All loads are issued before any result is used.
  CKL_DEVICE_MEMBER void read() {
    const Batch& batch = task.batch;
    const DType student_type = P == 4 ? DType::float32 : CKL_TYPE(batch.student.type);
    const DType teacher_type = P == 4 ? DType::float32 : CKL_TYPE(batch.teacher.type);
    const char* const s = row_start({batch.student.data, student_type}, row.begin);
    const char* const t = row_start({batch.teacher.data, teacher_type}, row.begin);
    const uint8_t* const y = batch.labels + row.begin;
    const bool given = Biased && task.biased && !task.fresh_ranks;
    // By how much the row is off whole vectors, and off pairs, which pay in short rows.
    unsigned odd = offset_in(s, 16) | offset_in(t, 16) | offset_in(y, P) | unsigned(row.n) % P;
    unsigned unpaired = offset_in(s, 2 * size_of(student_type)) | offset_in(t, 2 * size_of(teacher_type)) |
                        offset_in(y, 2) | unsigned(row.n) % 2;
    if (given) {
      const char* const ranks = ranks_start(batch, row.begin);
      odd |= offset_in(ranks, P * rank_size(batch) < 16 ? P * rank_size(batch) : 16);
      unpaired |= offset_in(ranks, 2 * rank_size(batch));
    }
    const int group = int(task.launch.group);
    vectors = {team.origin(kVectors, group) * P,
               team.stride(group) * P,
               int(row.n),
               CKL_WHOLE(odd == 0),
               Team::kLanes && odd != 0 && CKL_PAIRS(unpaired == 0),
               false};
    vectors.full = CKL_FULL(vectors.whole && team.end(E) <= vectors.n);
    uint32_t raw_s[E], raw_t[E], raw_y[E], raw_ranks[Biased ? E : 1];
    const auto fetch_all = [&](auto way, auto stride) {
      constexpr Way kWay = decltype(way)::value;
      fetch_scores<kWay, P>(raw_s, s, student_type, vectors, stride);
      fetch_scores<kWay, P>(raw_t, t, teacher_type, vectors, stride);
      fetch_labels<kWay, P>(raw_y, y, vectors, stride);
      if constexpr (Biased) {
        if (given) fetch_ranks<kWay, P>(raw_ranks, batch, row.begin, vectors, stride);
      }
    };
    if (vectors.full) with_stride([&](auto stride) { fetch_all(Constant<Way, Way::full>(), stride); });
    else if (vectors.whole) with_stride([&](auto stride) { fetch_all(Constant<Way, Way::whole>(), stride); });
    else if (vectors.pairs) with_stride([&](auto stride) { fetch_all(Constant<Way, Way::pairs>(), stride); });
    else fetch_all(Constant<Way, Way::single>(), vectors.stride);
    if constexpr (Biased) {
      if (given) {
        float bias[E];
        bias_of_ranks<P>(bias, raw_ranks, batch, vectors);
#pragma unroll
        for (int j = 0; j < E; j++) bias_of(j) = bias[j];
      }
    }
    pack_labels<P>(labels, raw_y, vectors);
    settle_labels();
    own[0] = take_scores(es, raw_s, student_type, vectors);
    own[1] = take_scores(et, raw_t, teacher_type, vectors);
  }
  // Masks documents, once labels are there.
  CKL_DEVICE_MEMBER void settle_labels() {
    uint32_t any = 0, sum = 0;
#pragma unroll
    for (int w = 0; w < kWords; w++) any |= labels[w], sum += labels[w];
    masked = CKL_MASKED((any & 0x80808080u) != 0, kWords - 1);
    if (masked) {
#pragma unroll
      for (int w = 0; w < kWords; w++) {
        if (!some_masked(w)) continue;
        sum -= labels[w];
        labels[w] = positive(w) | (labels[w] & 0x80808080u);
        sum += labels[w] & 0x01010101u;
      }
    }
    ones = sum * 0x01010101u >> 24;
  }
  static constexpr uint32_t kNone = 0xff80ff80u;  // -infinity twice, in bfloat16
  // Fetched scores as floats, -infinity where documents are masked or missing. Returns their maximum, which is that of
  // pairs first where two share a word. Teams have no registers for masks of pairs.
  CKL_DEVICE_MEMBER float take_scores(float (&x)[E], uint32_t (&raw)[E], DType type, const Vectors& fetched) {
    if (in_pairs<P>(type) && fetched.template in_word<2, P>() == 2 && (Team::kLanes || !masked)) {
      if (Team::kLanes && masked) {
#pragma unroll
        for (int w = 0; w < kWords; w++) {
          if (!some_masked(w)) continue;
          uint32_t* const pairs = raw + 4 * w / P * P + 4 * w % P / 2;
          const uint32_t low = spread_signs<0>(labels[w]), high = spread_signs<2>(labels[w]);
          pairs[0] = (pairs[0] & ~low) | (kNone & low);
          pairs[1] = (pairs[1] & ~high) | (kNone & high);
        }
      }
      const float most = highest_of_pairs(raw);
      each_element_of<2, P, 2>(raw, [&](int i, uint32_t u) { x[i] = __uint_as_float(u << 16); });
      return most;
    }
    widen<P>(x, raw, type, fetched);
    return mask(x);
  }
  CKL_DEVICE_MEMBER float mask(float (&x)[E]) const {
    each_masked([&](int j) { x[j] = -infinity(); });
    float most = Max::neutral();
#pragma unroll
    for (int w = 0; w < kWords; w++) most = fmaxf(most, highest_of(x + 4 * w));
    return most;
  }
  // Of packed bfloat16.
  static CKL_DEVICE_MEMBER float highest_of_pairs(const uint32_t (&raw)[E]) {
    uint32_t most = kNone;
#pragma unroll
    for (int k = 0; k < kVectors; k++)
#pragma unroll
      for (int i = 0; i < P / 2; i++) most = larger_pair(most, raw[k * P + i]);
    const float low = widen_bfloat16(uint16_t(most)), high = widen_bfloat16(uint16_t(most >> 16));
    return fmaxf(Max::neutral(), fmaxf(low, high));
  }
  static CKL_DEVICE_MEMBER float highest_of(const float* x) { return fmaxf(fmaxf(x[0], x[1]), fmaxf(x[2], x[3])); }
  // In groups of four, so that a warp reads them without bank conflicts.
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

  // The bias of documents before alpha, and the mean over the positives that is to be subtracted.
  CKL_DEVICE_MEMBER void weigh_ranks() {
    if constexpr (Team::kLanes) {
      if (task.fresh_ranks) rank();
    } else {
      need_ranks(!task.fresh_ranks);
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
};

}  // namespace cuda
}  // namespace ckl
