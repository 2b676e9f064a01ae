// A piece is the floats of one native register. The types and shuffles on which the file of every instruction set
// builds.
#pragma once
#include <stdint.h>
#include <string.h>

#include "../../losses/number.h"

namespace ckl {
namespace {

// F: floats; N, U: 32-bit integers; the unaligned types are for memory. GCC turns compares and selects on vectors wider
// than the machine's into scalar code without a warning, so a vector of sixteen floats is made of native pieces.
#define CKL_PIECE(bytes)                                                                                    \
  enum { kLanes = 16, kPieceBytes = bytes, kPieceLanes = kPieceBytes / 4, kPieces = kLanes / kPieceLanes }; \
  typedef float F __attribute__((vector_size(bytes)));                                                      \
  typedef float FUnaligned __attribute__((vector_size(bytes), aligned(4), may_alias));                      \
  typedef int32_t N __attribute__((vector_size(bytes)));                                                    \
  typedef int32_t NUnaligned __attribute__((vector_size(bytes), aligned(1), may_alias));                    \
  typedef uint32_t U __attribute__((vector_size(bytes)));

// f(j) for each lane j of a piece: CKL_LANES is one of these.
#define CKL_LANES_4(f) f(0), f(1), f(2), f(3)
#define CKL_LANES_8(f) CKL_LANES_4(f), f(4), f(5), f(6), f(7)
#define CKL_LANES_16(f) CKL_LANES_8(f), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)

#define CKL_SHUFFLE(a, b, f) __builtin_shufflevector(a, b, CKL_LANES(f))
#define CKL_LANE(j) (j)
#define CKL_LANE_XOR_1(j) ((j) ^ 1)
#define CKL_LANE_XOR_2(j) ((j) ^ 2)
#define CKL_LANE_XOR_4(j) ((j) ^ 4)
#define CKL_LANE_XOR_8(j) ((j) ^ 8)

#ifdef __clang__
#define CKL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CKL_UNROLL _Pragma("GCC unroll 16")
#endif
#define CKL_PIECES CKL_UNROLL for (int k = 0; k < kPieces; k++)

CKL_FN float word_as_float(uint32_t u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}
CKL_FN uint32_t float_as_word(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return u;
}
CKL_FN uint64_t eight_labels(const uint8_t* y) {
  uint64_t w;
  memcpy(&w, y, 8);
  return w;
}

// A count of labels by value.
struct LabelCount {
  int64_t positives = 0, padding = 0, other = 0;  // other: not 0 if there is a label that is neither 0, 1 nor 255
};

}  // namespace
}  // namespace ckl
