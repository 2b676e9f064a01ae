// One list of checks of the primitives that every file of src/cpu/isa has, against loops over lanes. Compiled once per
// instruction set, by probe.cc.
#pragma once
#include "../../src/cpu/half.h"
#include "../../src/cpu/labels.h"
#include "../../src/cpu/transpose.h"
#include "probe.h"

namespace ckl {
namespace {

// Numbers of all signs, ties, infinities, NaN, and a denormal.
const float kSamples[] = {0.0f,
                          -0.0f,
                          1.0f,
                          -1.5f,
                          3.25f,
                          __builtin_inff(),
                          -__builtin_inff(),
                          __builtin_nanf(""),
                          1e-40f,
                          3.4e38f,
                          -3.4e38f,
                          1.0f,
                          0.333f,
                          -7.0f,
                          2.0f,
                          16777216.0f,
                          -1.5f,
                          123.456f,
                          -0.001f,
                          1.0f,
                          1e-20f,
                          5.0f,
                          -2.0f,
                          8.0f};
constexpr int kSampleCount = sizeof kSamples / sizeof *kSamples;

V sample(int from) {
  float x[kLanes];
  for (int j = 0; j < kLanes; j++) x[j] = kSamples[(from + j) % kSampleCount];
  return load(x);
}
I whole(int from) {
  int32_t x[kLanes];
  for (int j = 0; j < kLanes; j++) x[j] = (int32_t)(2654435761u * (unsigned)(from + j));
  return load_bits(x);
}
int32_t word_at(I x, int j) {
  int32_t all[kLanes];
  store_bits(all, x);
  return all[j];
}
bool same(float a, float b) { return float_as_word(a) == float_as_word(b) || (a != a && b != b); }
bool lane_of(M m, int j) { return select(m, V(1.0f), V(0.0f))[j] == 1.0f; }

// body(a, b, j) for the lanes of many pairs of samples; true if it always is.
template <class Body>
bool all_lanes(Body body) {
  for (int a = 0; a < kSampleCount; a++)
    for (int b = 0; b < kSampleCount; b++)
      for (int j = 0; j < kLanes; j++)
        if (!body(a, b, j)) return false;
  return true;
}

bool check_max_min() {
  return all_lanes([](int a, int b, int j) {
    const V x = sample(a), y = sample(b);
    return same(max(x, y)[j], x[j] > y[j] ? x[j] : y[j]) && same(min(x, y)[j], x[j] < y[j] ? x[j] : y[j]);
  });
}
bool check_fma() {
  return all_lanes([](int a, int b, int j) {
    const V x = sample(a), y = sample(b), z = sample(a + b);
    const float made = fma(x, y, z)[j];
    return same(made, __builtin_fmaf(x[j], y[j], z[j])) || same(made, x[j] * y[j] + z[j]);
  });
}
bool check_root() {
  return all_lanes([](int a, int, int j) { return same(root(sample(a))[j], __builtin_sqrtf(sample(a)[j])); });
}
bool check_compares() {
  return all_lanes([](int a, int b, int j) {
    const V x = sample(a), y = sample(b);
    const I m = whole(a), n = whole(b % 5 ? b : a);
    const uint32_t u = (uint32_t)word_at(m, j), v = (uint32_t)word_at(n, j);
    return lane_of(x == y, j) == (x[j] == y[j]) && lane_of(x > y, j) == (x[j] > y[j]) &&
           lane_of(m == n, j) == (u == v) && lane_of(above_unsigned(m, n), j) == (u > v) &&
           lane_of(bit_set(m, 0x81), j) == ((u & 0x81) != 0);
  });
}
bool check_masks() {
  for (int n = 0; n <= kLanes; n++)
    for (int j = 0; j < kLanes; j++) {
      const M from = lanes_from(n), odd = bit_set(whole(n), 1);
      const bool is_odd = word_at(whole(n), j) & 1;
      if (lane_of(from, j) != (j >= n) || lane_of(~from, j) != (j < n)) return false;
      if (lane_of(from & odd, j) != (j >= n && is_odd) || lane_of(from | odd, j) != (j >= n || is_odd)) return false;
    }
  return true;
}
bool check_any() {
  const M none = lanes_from(kLanes);
  if (any(none) || any(none, none)) return false;
  for (int j = 0; j < kLanes; j++) {
    const M one = lanes_from(j) & ~lanes_from(j + 1);
    if (!any(one) || !any(one, none) || !any(none, one)) return false;
  }
  return true;
}
bool check_select() {
  return all_lanes([](int a, int b, int j) {
    const V x = sample(a), y = sample(b);
    const M m = bit_set(whole(a + 7 * b), 4);
    return same(select(m, x, y)[j], lane_of(m, j) ? x[j] : y[j]) &&
           same(masked_add(m, y, x)[j] + 0.0f, (lane_of(m, j) ? y[j] + x[j] : y[j]) + 0.0f);
  });
}
bool check_partial_memory() {
  for (int n = 0; n < kPieceLanes; n++) {
    float from[kPieceLanes], to[kPieceLanes + 1];
    for (int j = 0; j < kPieceLanes; j++) from[j] = 1 + (float)j;
    for (int j = 0; j <= kPieceLanes; j++) to[j] = -1;
    const F x = load_first(from, n);
    for (int j = 0; j < kPieceLanes; j++)
      if (x[j] != (j < n ? from[j] : 0)) return false;
    store_first(to, load_piece(from), n);
    for (int j = 0; j <= kPieceLanes; j++)
      if (to[j] != (j < n ? from[j] : -1)) return false;
  }
  return true;
}
bool check_reduce() {
  for (int a = 0; a < kSampleCount; a++) {
    float x[kLanes], tree[kLanes], most = -__builtin_inff();
    for (int j = 0; j < kLanes; j++) x[j] = tree[j] = 0.1f * (float)((a * 31 + j * 17) % 23) - 1;
    for (int w = kLanes / 2; w; w /= 2)
      for (int j = 0; j < w; j++) tree[j] += tree[j + w];
    for (int j = 0; j < kLanes; j++) most = x[j] > most ? x[j] : most;
    const V sum = sum_lanes(load(x)), highest = max_lanes(load(x));
    for (int j = 0; j < kLanes; j++)
      if (!same(sum[j], tree[0]) || highest[j] != most) return false;
  }
  return true;
}
bool check_labels() {
  uint8_t y[200];
  for (int seed = 0; seed < 40; seed++) {
    const bool binary = seed % 2;
    for (int i = 0; i < 200; i++) {
      const unsigned r = (unsigned)(i * 7919 + seed * 104729) >> 3;
      y[i] = binary ? r % 2 : r % 5 == 0 ? 255 : r % 3 == 0;
    }
    if (seed % 7 == 4) y[seed] = 2;
    for (int n = 0; n <= 200; n++) {
      int64_t positives = 0, padding = 0, other = 0;
      for (int i = 0; i < n; i++) {
        positives += y[i] == 1;
        padding += y[i] == 255;
        other += y[i] != 0 && y[i] != 1 && y[i] != 255;
      }
      const LabelCount c = count_labels(y, n);
      if (c.positives != positives || c.padding != padding || (c.other != 0) != (other != 0)) return false;
      if (binary && other == 0 && count_positives(y, n) != positives) return false;
    }
    for (int j = 0; j < kLanes; j++) {
      if (word_at(load_labels(y + 3), j) != y[3 + j]) return false;
      if (binary && lane_of(positive_labels(y + 3), j) != (y[3 + j] == 1)) return false;
    }
  }
  return true;
}
bool check_words() {
  uint16_t from[kLanes + 1], to[kLanes + 1];
  for (int seed = 0; seed < 60; seed++) {
    for (int j = 0; j <= kLanes; j++)
      from[j] = (uint16_t)((uint32_t)word_at(whole(seed), 0) + (uint32_t)j * 40503), to[j] = 7;
    const I wide = load_words(from + 1), x = whole(seed);
    const M m = bit_set(x, 1 << seed % 31);
    store_high_halves(to, x);
    if (to[kLanes] != 7) return false;
    for (int j = 0; j < kLanes; j++) {
      const uint32_t word = (uint32_t)word_at(x, j);
      if (word_at(wide, j) != from[1 + j] || to[j] != word >> 16) return false;
      if ((uint32_t)word_at(count(m, x), j) != word + lane_of(m, j)) return false;
      if (any_to_float(x)[j] != (float)word) return false;
    }
  }
  return true;
}
bool check_transpose() {
  float rows[kLanes * 40], columns[40 * kLanes + kLanes], back[kLanes * 40];
  int64_t begin[kLanes];
  for (int n = 1; n <= 37; n++) {
    for (int j = 0; j < kLanes; j++) begin[j] = j * 40 + j % 3;
    for (int i = 0; i < kLanes * 40; i++) rows[i] = (float)i, back[i] = -1;
    rows_to_columns(RowSet<4, const char>{(const char*)rows, begin}, columns, n);
    for (int j = 0; j < kLanes; j++)
      for (int c = 0; c < n; c++)
        if (columns[c * kLanes + j] != rows[begin[j] + c]) return false;
    columns_to_rows(columns, RowSet<4, char>{(char*)back, begin}, n, kLanes);
    for (int i = 0; i < kLanes * 40; i++) {
      const int j = i / 40;
      const bool inside = i >= begin[j] && i < begin[j] + n;
      if (back[i] != (inside ? rows[i] : -1)) return false;
    }
  }
  return true;
}
// That they round as IEEE says is in numbers_test.cc: here, that a block does what one number does.
bool check_halves() {
  for (unsigned h = 0; h < 0x7c00; h += 1) {
    uint16_t from[16], to[16];
    float wide[16];
    for (int j = 0; j < 16; j++) from[j] = (uint16_t)(h ^ (unsigned)(j * 0x841));
    for (int j = 0; j < 16; j += kHalfBlock) widen_block(from + j, wide + j);
    for (int j = 0; j < 16; j++)
      if (!same(wide[j], widen_float16(from[j]))) return false;
    for (int j = 0; j < 16; j++) wide[j] *= 1.0004f;
    for (int j = 0; j < 16; j += kHalfBlock) narrow_block(wide + j, to + j);
    for (int j = 0; j < 16; j++)
      if (to[j] != narrow_float16(wide[j])) return false;
  }
  return true;
}
bool check_bfloat16() {
  for (uint32_t u = 0; u < 0xffff0000; u += 0xfff1 * 3) {
    float from[kLanes + 3], back[kLanes + 3];
    uint16_t to[kLanes + 3];
    for (int j = 0; j < kLanes + 3; j++) from[j] = word_as_float(u ^ (uint32_t)j * 0x8001f3);
    narrow(from, {(char*)to, DType::bfloat16}, 0, kLanes + 3);
    widen({(const char*)to, DType::bfloat16}, 0, back, kLanes + 3);
    for (int j = 0; j < kLanes + 3; j++)
      if (to[j] != narrow_bfloat16(from[j]) || float_as_word(back[j]) != float_as_word(widen_bfloat16(to[j])))
        return false;
  }
  return true;
}
bool check_float_mode() {
  volatile float small = 2e-38f, product;  // volatile: the products stay between the changes of mode
  const FloatMode before = read_float_mode();
  write_float_mode(before | kFlushDenormals);
  product = small * 0.01f;
  const bool flushed = product == 0;
  write_float_mode(before);
  product = small * 0.01f;
  return flushed && read_float_mode() == before && product > 0;
}

const test::IsaCheck kIsaChecks[] = {
    {"max and min", check_max_min},
    {"fma", check_fma},
    {"root", check_root},
    {"compares", check_compares},
    {"masks", check_masks},
    {"any", check_any},
    {"select and masked_add", check_select},
    {"load_first and store_first", check_partial_memory},
    {"sum and maximum over lanes", check_reduce},
    {"labels", check_labels},
    {"words, their halves, counts", check_words},
    {"sixteen rows to columns and back", check_transpose},
    {"float16 by the block", check_halves},
    {"bfloat16 by the vector", check_bfloat16},
    {"denormals flushed, and the mode restored", check_float_mode},
};

}  // namespace
}  // namespace ckl
