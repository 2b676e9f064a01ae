// How documents meet vectors: sixteen documents of one row (OneRow), or one document of each of sixteen rows (SixteenRows).
//
// A pass over a row is written once, as a body for `each`, which calls it with the document's index i, its slot (the
// index in scratch arrays) and the live lanes. Slots never overlap; the last block of OneRow overlaps the one before in
// i.
#pragma once
#include "../core/batch.h"
#include "kernel.h"
#include "math.h"

namespace ckl {
namespace {

struct AllLanes {};  // all lanes
struct NoLanes {};   // no lane
CKL_FN V select(AllLanes, V a, V) { return a; }
CKL_FN V masked_add(AllLanes, V acc, V x) { return acc + x; }
CKL_FN V select(NoLanes, V, V b) { return b; }
CKL_FN V masked_add(NoLanes, V acc, V) { return acc; }
CKL_FN M operator&(M a, AllLanes) { return a; }
CKL_FN M operator|(M a, NoLanes) { return a; }
CKL_FN NoLanes operator&(NoLanes, AllLanes) { return {}; }
CKL_FN AllLanes operator&(AllLanes, AllLanes) { return {}; }
CKL_FN bool any(NoLanes) { return false; }
CKL_FN M operator~(AllLanes) { return lanes_from(kLanes); }

using cpu::kChunk;

// Prefetches the next row (or sixteen) line by line while this one is computed. This halves the time of batches that
// are not in the cache. Addresses past the end are harmless.
struct Prefetch {
  const char *s = nullptr, *t = nullptr, *grad = nullptr;
  const uint8_t* y = nullptr;
  CKL_FN void fetch(int64_t slot) const {
    __builtin_prefetch(s + slot * 4, 0, 2);
    __builtin_prefetch(t + slot * 4, 0, 2);
    __builtin_prefetch(grad + slot * 4, 1, 2);
    if (slot % 64 == 0) __builtin_prefetch(y + slot, 0, 2);
  }
  Prefetch() = default;
  Prefetch(const Batch& x, const Outputs& out, int64_t begin)
      : s(x.student.at(begin)), t(x.teacher ? x.teacher.at(begin) : s), grad(out.grad.at(begin)), y(x.labels + begin) {}
};

// Out of line: only rows that are spread over ranks come here.
__attribute__((noinline, cold)) inline void keep_total(float** totals, const V& x) {
  store(*totals, x);
  *totals += kLanes;
}

// One row of n >= 16 documents, along the vector. n may be smaller if the 16 - n elements before the first are
// readable.
struct OneRow {
  // Most blocks have neither a positive nor a document at the top: a branch saves a third of the work.
  static constexpr bool kSparse = true;
  int64_t n;
  const float *s, *t;  // scores
  const uint8_t* y;    // labels
  const float* bias;   // or null
  float *grad, *teacher_grad;
  float** totals = nullptr;  // for a part of a row: receives the lanes of the losses' sums, one vector after the other
  Prefetch prefetch;

  // Calls body(i, slot, live) for all documents, and flush() after each chunk and at the end.
  template <class Body, class Flush>
  CKL_FN void each(Body body, Flush flush) const {
    int64_t i = 0;
    for (;;) {
      const int64_t end = n - i > kChunk ? i + kChunk : n;
      for (; i + kLanes <= end; i += kLanes) body(i, i, AllLanes{});
      if (end == n) break;
      flush();
    }
    if (i < n) body(n - kLanes, i, lanes_from(kLanes - (int)(n - i)));
    flush();
  }
  // The same, but `live` is always a mask, so that the body is compiled once instead of twice.
  template <class Body, class Flush>
  CKL_FN void each_masked(Body body, Flush flush) const {
    for (int64_t i = 0; i < n; i += kLanes) {
      const bool tail = i + kLanes > n;
      body(tail ? n - kLanes : i, i, lanes_from(tail ? kLanes - (int)(n - i) : 0));
      if ((i + kLanes) % kChunk == 0 || i + kLanes >= n) flush();
    }
  }
  CKL_FN void maxima(V& ms, V& mt) const {
    V m[4] = {ms, ms, ms, ms}, k[4] = {mt, mt, mt, mt};  // four chains: a maximum does not depend on the order
    int64_t i = 0;
    for (; i + 4 * kLanes <= n; i += 4 * kLanes)
      CKL_UNROLL for (int j = 0; j < 4; j++) m[j] = max(m[j], load(s + i + j * kLanes)),
                                             k[j] = max(k[j], load(t + i + j * kLanes));
    for (; i + kLanes <= n; i += kLanes) m[0] = max(m[0], load(s + i)), k[0] = max(k[0], load(t + i));
    ms = max(max(max(m[0], m[1]), max(m[2], m[3])), load(s + n - kLanes));
    mt = max(max(max(k[0], k[1]), max(k[2], k[3])), load(t + n - kLanes));
  }
  CKL_FN V student(int64_t i, int64_t) const { return load(s + i); }
  CKL_FN V teacher(int64_t i, int64_t) const { return load(t + i); }
  CKL_FN V rank_bias(int64_t i, int64_t) const { return load(bias + i); }
  CKL_FN M positive(int64_t i, int64_t) const { return positive_labels(y + i); }
  // Assumes that all labels are 0 or 1. Uses two scalar words because the vector ports are the bottleneck.
  CKL_FN bool any_positive(int64_t i) const {
    uint64_t w[2];
    memcpy(w, y + i, 16);
    return (w[0] | w[1]) != 0;
  }
  CKL_FN I label(int64_t i, int64_t) const { return load_labels(y + i); }
  CKL_FN V sum(V x) const { return sum_lanes(x); }
  // The sum of a loss's values.
  CKL_FN V total(V x) const {
    if (__builtin_expect(totals != nullptr, 0)) keep_total(totals, x);
    return sum_lanes(x);
  }
  CKL_FN V largest(V x) const { return max_lanes(x); }
  static CKL_FN void put(float* out, int64_t i, int64_t, V x, AllLanes) { store(out + i, x); }
  static CKL_FN void put(float* out, int64_t i, int64_t, V x, M live) {
    store(out + i, select(live, x, load(out + i)));
  }
};

// Sixteen rows side by side: element i of lane j at column i, lane j. Labels are packed four to a word and lane; for
// rows with padding, the fast kind clears the lowest bit of padding, so that this bit alone means positive.
struct SixteenRows {
  static constexpr bool kSparse = false;  // one of sixteen rows nearly always has something at column i
  int64_t n;
  const float *s, *t;
  const uint8_t* y;
  const float* bias;
  float *grad, *teacher_grad;
  Prefetch prefetch;

  template <class Body, class Flush>
  CKL_FN void each(Body body, Flush flush) const {
    for (int64_t i = 0; i < n; i++) body(i, i * kLanes, AllLanes{});
    flush();
  }
  template <class Body, class Flush>
  CKL_FN void each_masked(Body body, Flush flush) const {
    for (int64_t i = 0; i < n; i++) body(i, i * kLanes, lanes_from(0));
    flush();
  }
  CKL_FN void maxima(V& ms, V& mt) const {
    V ms2 = ms, mt2 = mt;
    int64_t i = 0;
    for (; i + 2 <= n; i += 2) {
      ms = max(ms, load(s + i * kLanes));
      mt = max(mt, load(t + i * kLanes));
      ms2 = max(ms2, load(s + (i + 1) * kLanes));
      mt2 = max(mt2, load(t + (i + 1) * kLanes));
    }
    if (i < n) ms = max(ms, load(s + i * kLanes)), mt = max(mt, load(t + i * kLanes));
    ms = max(ms, ms2);
    mt = max(mt, mt2);
  }
  CKL_FN V student(int64_t, int64_t slot) const { return load(s + slot); }
  CKL_FN V teacher(int64_t, int64_t slot) const { return load(t + slot); }
  CKL_FN V rank_bias(int64_t, int64_t slot) const { return load(bias + slot); }
  // An unaligned load moves byte i % 4 of every word to the bottom of its lane.
  CKL_FN I label(int64_t i, int64_t) const { return load_bits(y + (i / 4) * (4 * kLanes) + i % 4); }
  CKL_FN M positive(int64_t i, int64_t slot) const { return bit_set(label(i, slot), 1); }
  CKL_FN M masked(int64_t i, int64_t slot) const { return bit_set(label(i, slot), 0x80); }
  CKL_FN V sum(V x) const { return x; }
  CKL_FN V total(V x) const { return x; }
  CKL_FN V largest(V x) const { return x; }
  template <class Live>
  static CKL_FN void put(float* out, int64_t, int64_t slot, V x, Live) {
    store(out + slot, x);
  }
};

}  // namespace
}  // namespace ckl
