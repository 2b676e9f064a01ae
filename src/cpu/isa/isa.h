// The instruction set that this file is compiled for. Each has the same primitives on a piece; test/cpp/isa_checks.h lists
// and checks them:
//
//   max_piece min_piece fma_piece            arithmetic; max is x > y ? x : y exactly, so y when either is NaN
//   root_piece                               square roots, rounded once
//   equal above equal_words above_unsigned   compares, giving a PieceMask
//   bits_set mask_and mask_or mask_not       masks
//   lanes_at_least any_lane any_lane_of      the mask of lanes first + j >= n; whether a mask has a lane
//   select_piece masked_add_piece            m ? a : b; acc + (m ? x : 0), in one operation where there is one
//   load_first store_first                   the first n < kPieceLanes floats; nothing past them is touched
//   fold_piece                               a tree over the lanes of a piece, nearest lanes last; the result in every lane
//   widen_labels positive_mask               sixteen label bytes as words; which of them are 1, if all are 0 or 1
//   widen_words high_halves                  sixteen numbers of 16 bits as words; the upper 16 bits of sixteen words
//   count_piece n + (m ? 1 : 0), of integers
//   count_sixteen count_block                labels counted; kLabelBlock at once
//   positive_block                           how many of kPositiveBlock labels, all 0 or 1, are 1
//   gather_quads scatter_quads               a piece from and to rows j, j + 4, ... , 128 bits each
//   widen_float16 narrow_float16             one number
//   widen_block narrow_block                 kHalfBlock numbers
//   read_float_mode write_float_mode         kFlushDenormals is the bit to set
#pragma once
#if defined __AVX512F__
#include "avx512.h"
#elif defined __AVX2__
#include "avx2.h"
#elif defined __x86_64__
#include "sse2.h"
#elif defined __aarch64__
#include "neon.h"
#else
#error "ckl-loss has CPU kernels for x86-64 and arm64 only"
#endif
