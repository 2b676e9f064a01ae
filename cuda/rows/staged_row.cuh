// Rows on their way from global memory through shared memory into registers. Each warp copies its stretch of the next
// row while it computes the current one, so that memory does not idle.
//
// What a warp copies it reads itself, so a barrier among its lanes is enough. Only a row's own bytes are read, in
// pieces of 16 that lie as in global memory; what is left at both ends is copied by single lanes. Gradients may
// overwrite the student's scores: no launch reads a row that another block has written.
#pragma once
#include "../launch/stage.h"
#include "held_row.cuh"

// Whether another row follows, and whether the student's scores have two copies: test/cuda/ways.cu counts the
// instructions that copy the row (held_row.cuh).
#ifndef CKL_FOLLOWED
#define CKL_FOLLOWED(condition) (condition)
#define CKL_TWO(condition) (condition)
#endif

namespace ckl {
namespace cuda {

// Where the lane's document lies that is in none of the whole pieces of 16 bytes, in bytes from a multiple of 16, or
// -1. Half of the lanes take those of the first piece. The stretch has the bytes from `odd` < 16 to `end`.
template <int kSize>
CKL_DEVICE int loose_place(int odd, int end) {
  constexpr int kEach = 16 / kSize;  // documents of a piece
  const int lane = int(lane_id()), tail = lane - 16;
  const bool head = lane < 16;
  const int at = head ? lane * kSize : (end & ~15) + tail * kSize;
  const bool mine = head ? odd > 0 && lane < kEach : tail < kEach && (odd == 0 || at >= 16);
  return mine && at >= odd && at < end ? at : -1;
}

// Of a copy of kBytes bytes by all lanes, a lane's pieces from byte kAt on, 16 bytes each. to, from: the middle of the
// copy, plus the lane's place, since an address has room for offsets of 2 KB in both directions. left: bytes from its
// first piece to the end; first: whether that piece is whole.
template <int kAt, int kBytes>
CKL_DEVICE void copy_pieces(char* to, const char* from, int left, bool first) {
  if constexpr (kAt < kBytes) {
    copy_async_if<kAt - kBytes / 2>(left >= kAt + 16 && (kAt > 0 || first), to, from);
    copy_pieces<kAt + 16 * int(kWarp), kBytes>(to, from, left, first);
  }
}

// Starts to copy a stretch of `docs` documents to shared memory, where it begins offset_in(from, 16) bytes after `to`.
// full: it consists of whole pieces, as many as there may be. Loose documents of less than four bytes cannot be copied
// so: they are brought into the L2 cache, for Loose.
template <int kSize, int kDocs>
CKL_DEVICE void copy_stretch(char* to, const char* from, int docs, bool full) {
  constexpr int kBytes = kDocs * kSize, kStep = 16 * int(kWarp);
  const int odd = int(offset_in(from, 16)), end = odd + docs * kSize, mine = int(lane_id()) * 16;
  from -= odd;
  if (full) {
#pragma unroll
    for (int k = 0; k < kBytes; k += kStep) copy_async<16>(to + mine + k, from + mine + k);
    return;
  }
  copy_pieces<0, kBytes>(to + mine + kBytes / 2, from + mine + kBytes / 2, end - mine, mine >= odd);
  if ((odd | end) % 16 == 0) return;
  const int at = loose_place<kSize>(odd, end);
  if (at < 0) return;
  if constexpr (kSize == 4) copy_async<4>(to + at, from + at);
  else prefetch(from + at);
}
// The lane's loose document of less than four bytes on its way to shared memory.
struct Loose {
  int at = -1;
  uint32_t document = 0;
  template <int kSize>
  CKL_DEVICE_MEMBER void load(const char* from, int docs) {
    if constexpr (kSize < 4) {
      const int odd = int(offset_in(from, 16)), end = odd + docs * kSize;
      if ((odd | end) % 16 == 0) return;
      at = loose_place<kSize>(odd, end);
      if (at >= 0) load_now<kSize, 0>(&document, from - odd + at);
    }
  }
  template <int kSize>
  CKL_DEVICE_MEMBER void store(char* to) const {
    if (at < 0) return;
    if constexpr (kSize == 2) *reinterpret_cast<uint16_t*>(to + at) = uint16_t(document);
    if constexpr (kSize == 1) *reinterpret_cast<uint8_t*>(to + at) = uint8_t(document);
  }
};

// The lane's documents of a stretch that begins at `start`: vectors of P, dealt out to the lanes in turn. They come
// packed, those of vector k from raw[k * P] on. `aligned`: vectors are at multiples of their size, or of 16.
template <int kSize, int P, int E>
CKL_DEVICE void read_stretch(uint32_t (&raw)[E], const char* start, bool aligned) {
  constexpr int kBytes = kSize * P, kEach = kBytes < 16 ? kBytes : 16, kStep = kBytes * int(kWarp);
  const char* mine = start + lane_id() * kBytes;
  if (aligned) {
#pragma unroll
    for (int k = 0; k < E / P; k++)
#pragma unroll
      for (int b = 0; b < kBytes; b += kEach) load_shared<kEach>(raw + k * P + b / 4, mine + k * kStep + b);
    return;
  }
  const unsigned shift = offset_in(start, 4);
  mine -= shift;
#pragma unroll
  for (int k = 0; k < E / P; k++) {
    uint32_t words[kBytes / 4 + 1];
#pragma unroll
    for (int i = 0; i <= kBytes / 4; i++) load_shared<4>(words + i, mine + k * kStep + 4 * i);
#pragma unroll
    for (int i = 0; i < kBytes / 4; i++) raw[k * P + i] = __funnelshift_r(words[i], words[i + 1], 8 * shift);
  }
}

CKL_DEVICE Vectors packed() { return {0, 0, 0, true, false, true}; }

// Scores of a row whose labels are settled, as floats; returns their maximum. One branch per type, each with loads of
// its own, takes the fewest registers.
template <int P, class RowType, int E>
CKL_DEVICE float read_scores(RowType& row, float (&x)[E], DType type, const char* start, bool aligned) {
  uint32_t raw[E];
  const auto read = [&](auto size, DType known) {
    read_stretch<decltype(size)::value, P>(raw, start, aligned);
    return row.take_scores(x, raw, known, packed());
  };
  if constexpr (P == 4) {  // masked once all arrays are read, which takes fewer registers
    read_stretch<4, P>(raw, start, aligned);
    widen<P>(x, raw, DType::float32, packed());
    return Max::neutral();
  }
  if (type == DType::bfloat16) return read(Constant<int, 2>(), DType::bfloat16);
  if (type == DType::float16) return read(Constant<int, 2>(), DType::float16);
  return read(Constant<int, 4>(), DType::float32);
}

// Calls body(Constant of the size of an element), which is 4, 2 or 1 bytes.
template <class Body>
CKL_DEVICE void with_size(int size, Body body) {
  if (size == 4) body(Constant<int, 4>());
  else if (size == 2) body(Constant<int, 2>());
  else body(Constant<int, 1>());
}

// A warp's shared memory, where one row at a time is on its way, or (stage.h) the student's scores of two.
// E: documents per thread of a stretch.
template <bool Biased, int E, int P, class Team>
struct Stage {
  static constexpr int kDocs = E * int(kWarp);
  static constexpr int kArrays = Biased ? 4 : 3;  // student, teacher, labels, ranks or beta
  const Task& task;
  char* memory;  // of the stretch
  int first;     // of the stretch in its row
  int turn;      // from the student's first copy to the one of the current row

  CKL_DEVICE_MEMBER Stage(const Task& of, char* of_stretch, int first_of_stretch)
      : task(of), memory(of_stretch), first(first_of_stretch), turn(0) {}

  CKL_DEVICE_MEMBER bool two() const {
    if constexpr (Team::kStages) return CKL_TWO(task.launch.stage.second > 0);
    else return false;
  }

  CKL_DEVICE_MEMBER bool given() const { return Biased && task.biased; }
  CKL_DEVICE_MEMBER int size(int array) const {
    if (array == 2) return 1;
    if (array == 3) return rank_size(task.batch);
    return size_of(type(array));
  }
  // Of scores.
  CKL_DEVICE_MEMBER DType type(int array) const {
    return P == 4 ? DType::float32 : CKL_TYPE(array == 0 ? task.batch.student.type : task.batch.teacher.type);
  }
  CKL_DEVICE_MEMBER const char* start(int array, const Row& row) const {
    const Batch& batch = task.batch;
    if (array == 3) return ranks_start(batch, row.begin + first);
    const void* const data = array == 0   ? static_cast<const void*>(batch.student.data)
                             : array == 1 ? static_cast<const void*>(batch.teacher.data)
                                          : static_cast<const void*>(batch.labels);
    return static_cast<const char*>(data) + (row.begin + first) * size(array);
  }
  CKL_DEVICE_MEMBER char* place(int array) const {
    return memory + task.launch.stage.at[array] + (Team::kStages && array == 0 ? turn : 0);
  }
  // The row's documents that are the warp's.
  CKL_DEVICE_MEMBER int docs(const Row& row) const { return min(max(int(row.n) - first, 0), kDocs); }
  CKL_DEVICE_MEMBER int docs(unsigned b) const {
    return b < task.batch.rows.queries ? docs(row_of(task.batch.rows, b)) : 0;
  }
  template <class Body>
  CKL_DEVICE_MEMBER void each_array(Body body) {
#pragma unroll
    for (int a = 0; a < kArrays; a++)
      if (a < 3 || given()) with_size(size(a), [&](auto size) { body(a, size); });
  }

  // Starts to copy an array of row b, of which n > 0 documents are the warp's.
  CKL_DEVICE_MEMBER void copy(int array, unsigned b, int n) {
    const char* const from = start(array, row_of(task.batch.rows, b));
    const bool full = CKL_FULL(n == kDocs && offset_in(from, 16) == 0);
    with_size(size(array), [&](auto size) { copy_stretch<decltype(size)::value, kDocs>(place(array), from, n, full); });
  }
  CKL_DEVICE_MEMBER void begin(unsigned b) {
    const int n = docs(b);
    if (n == 0) return;
#pragma unroll
    for (int a = 0; a < kArrays; a++)
      if (a < 3 || given()) copy(a, b, n);
  }
  // The same for two rows, as far as there is room.
  CKL_DEVICE_MEMBER void begin(unsigned b, unsigned next) {
    begin(b);
    if (!two()) return;
    turn = task.launch.stage.second;
    copy_student(next);
    turn = 0;
  }
  // As the last copy of a row's: the next row waits for the others only.
  CKL_DEVICE_MEMBER void copy_student(unsigned b) {
    const int n = docs(b);
    group_copies();
    if (CKL_FOLLOWED(n > 0)) copy(0, b, n);
    group_copies();
  }

  // Waits until the row is there, for all lanes.
  CKL_DEVICE_MEMBER void arrive(const Row& row) {
    const int n = docs(row);
    unsigned odd = 0;
    each_array([&](int a, auto) { odd |= offset_in(start(a, row), 16); });
    const bool loose = !CKL_FULL(n == kDocs && odd == 0);
    Loose documents[kArrays];
    if (loose)
      each_array([&](int a, auto size) { documents[a].template load<decltype(size)::value>(start(a, row), n); });
    if (two()) wait_for_earlier_groups();
    else wait_for_copies();
    if (loose) each_array([&](int a, auto size) { documents[a].template store<decltype(size)::value>(place(a)); });
    __syncwarp();
  }

  // Fills the thread's part of a row that is there. As soon as an array is read, that of row `next`, if there is one,
  // follows; or, where the student's next scores are under way, those of row `after` in the end.
  template <class RowType>
  CKL_DEVICE_MEMBER void read(RowType& x, unsigned next, unsigned after) {
    const Row& row = x.row;
    const int n = docs(row), to_come = docs(next), lane = int(lane_id());
    const auto follow = [&](int array) {
      __syncwarp();
      if (CKL_FOLLOWED(to_come > 0)) copy(array, next, to_come);
    };
    unsigned misread = 0;  // whether a stretch begins within a vector
    const char* from[kArrays];
    each_array([&](int a, auto size) {
      constexpr int kBytes = decltype(size)::value * P;
      const unsigned offset = offset_in(start(a, row), 16);
      from[a] = place(a) + offset;
      misread |= offset % (kBytes < 16 ? kBytes : 16);
    });
    const bool aligned = CKL_WHOLE(misread == 0);
    if constexpr (Biased) {
      if (given()) {
        uint32_t raw[E];
        float bias[E];
        with_size(size(3), [&](auto size) { read_stretch<decltype(size)::value, P>(raw, from[3], aligned); });
        follow(3);
        bias_of_ranks<P>(bias, raw, task.batch, packed());
#pragma unroll
        for (int j = 0; j < E; j++) x.bias_of(j) = bias[j];
      }
    }
    uint32_t raw_y[E];
    read_stretch<1, P>(raw_y, from[2], aligned);
    follow(2);
    pack_labels<P>(x.labels, raw_y, packed());
    if (!CKL_FULL(n == kDocs)) {  // labels beyond the row are missing; a word is shifted by 32 bits at most
      const int bits = 8 * (n - lane * P);
#pragma unroll
      for (int w = 0; w < x.kWords; w++) {
        const int left = bits - 8 * (4 * w / P * P * int(kWarp) + 4 * w % P);
        x.labels[w] |= __funnelshift_lc(0u, ~0u, unsigned(max(left, 0)));
      }
    }
    x.settle_labels();
    x.own[0] = read_scores<P>(x, x.es, type(0), from[0], aligned);
    if (!two()) follow(0);
    x.own[1] = read_scores<P>(x, x.et, type(1), from[1], aligned);
    follow(1);
    if (two()) {
      copy_student(after);
      turn = task.launch.stage.second - turn;
    }
    if constexpr (P == 4) x.own[0] = x.mask(x.es), x.own[1] = x.mask(x.et);
    x.vectors = {first + lane * P, P * int(kWarp), int(row.n), CKL_WHOLE(n % P == 0), false, CKL_FULL(n == kDocs)};
  }
};

}  // namespace cuda
}  // namespace ckl
