#include "tables.h"

#include <algorithm>
#include <cmath>

namespace ckl {
namespace scoring {

// A factor for each word of each text.
const float* Tables::weigh(const Texts& texts) {
  if (!texts.importances) return texts.factors;
  const int64_t n = texts.offsets[texts.count];
  factors_.resize(size_t(n));
  for (int64_t i = 0; i < n; i++) factors_[size_t(i)] = texts.factors[i] * texts.importances[texts.ids[i]];
  return factors_.data();
}

void Tables::sum(Table table, const Texts& texts, float* out) {
  const float* const factors = weigh(texts);
  for (int64_t i = 0; i < texts.count; i++) {
    const int64_t from = texts.offsets[i];
    kernels_.tables.sum(table.x, table.width, texts.ids + from, factors + from, texts.offsets[i + 1] - from,
                        out + i * table.width);
  }
}

// Works word by word, so that each gradient is written once while the texts stay in the cache. Words are sorted by
// counting.
int64_t Tables::sort(const Texts& texts, int64_t words, int32_t* rows) {
  const float* const factors = weigh(texts);
  const int64_t n = texts.offsets[texts.count];
  starts_.assign(size_t(words) + 2, 0);
  texts_.resize(size_t(n));
  sorted_.resize(size_t(n));
  for (int64_t i = 0; i < n; i++) starts_[size_t(texts.ids[i]) + 2]++;
  int64_t count = 0;
  for (int64_t word = 0; word < words; word++) {
    if (starts_[size_t(word) + 2] > 0) rows[count++] = int32_t(word);
    starts_[size_t(word) + 2] += starts_[size_t(word) + 1];
  }
  for (int64_t text = 0; text < texts.count; text++)
    for (int64_t i = texts.offsets[text]; i < texts.offsets[text + 1]; i++) {
      const int32_t at = starts_[size_t(texts.ids[i]) + 1]++;
      texts_[size_t(at)] = int32_t(text), sorted_[size_t(at)] = factors[i];
    }
  return count;
}

void Tables::sum_of_word(Table from, int32_t word, float* out) {
  const int32_t begin = starts_[size_t(word)];
  kernels_.tables.sum(from.x, from.width, texts_.data() + begin, sorted_.data() + begin,
                      starts_[size_t(word) + 1] - begin, out);
}

int64_t Tables::spread(Table from, const Texts& texts, int64_t words, MutableTable gradient, int32_t* rows) {
  const int64_t count = sort(texts, words, rows);
  for (int64_t i = 0; i < count; i++) sum_of_word(from, rows[i], gradient.row(rows[i]));
  return count;
}

int64_t Tables::learn(Table from, const Texts& texts, int64_t words, float* const (&tables)[3], float rate,
                      float correction, int32_t* rows, float* slopes) {
  constexpr int64_t kAhead = 4, kLine = 16;
  const int64_t count = sort(texts, words, rows), width = from.width;
  row_.resize(size_t(width));
  for (int64_t i = 0; i < count; i++) {
    const int64_t at = rows[i] * width, ahead = rows[std::min(i + kAhead, count - 1)] * width;
    for (float* table : tables)
      for (int64_t k = 0; k < width; k += kLine) __builtin_prefetch(table + ahead + k, 1);
    sum_of_word(from, rows[i], row_.data());
    slopes[i] = kernels_.tables.dot(tables[0] + at, row_.data(), width);
    kernels_.tables.adam(tables[0] + at, row_.data(), tables[1] + at, tables[2] + at, width, rate, correction);
  }
  return count;
}

void Tables::dot_pairs(Table a, Table b, const int32_t* rows, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i++) out[i] = kernels_.tables.dot(a.row(rows[i]), b.row(rows[i]), a.width);
}

// Eight sums at a time in registers, to hide the latency of an addition. A product of two floats is exact in double.
void Tables::add_dots(const float* vector, Table table, const int32_t* rows, int64_t n, double* out) {
  constexpr int64_t kChains = 8;
  for (int64_t i = 0; i < n; i += kChains) {
    const int64_t count = std::min(kChains, n - i);
    const float* row[kChains];
    for (int64_t j = 0; j < kChains; j++) {
      const int64_t at = i + std::min(j, count - 1);
      row[j] = table.row(rows ? rows[at] : at);
    }
    const float *const a = row[0], *const b = row[1], *const c = row[2], *const d = row[3];
    const float *const e = row[4], *const f = row[5], *const g = row[6], *const h = row[7];
    double sum[kChains] = {0};
    std::copy(out + i, out + i + count, sum);
    double s = sum[0], t = sum[1], u = sum[2], v = sum[3], w = sum[4], x = sum[5], y = sum[6], z = sum[7];
    for (int64_t k = 0; k < table.width; k++) {
      const double factor = vector[k];
      s += factor * a[k], t += factor * b[k], u += factor * c[k], v += factor * d[k];
      w += factor * e[k], x += factor * f[k], y += factor * g[k], z += factor * h[k];
    }
    const double sums[kChains] = {s, t, u, v, w, x, y, z};
    std::copy(sums, sums + count, out + i);
  }
}

// The i-th chosen row, or row i without `chosen`.
static int64_t row_of(const int32_t* chosen, int64_t i) { return chosen ? chosen[i] : i; }

void Tables::product(Table table, const int32_t* chosen, int64_t n, const float* columns, int64_t stride, float* out) {
  const int64_t tile = kernels_.tables.rows;
  const float* a[16];
  float* to[16];
  for (int64_t i = 0; i < n; i += tile) {
    const int64_t rows = std::min(tile, n - i);
    for (int64_t r = 0; r < rows; r++) a[r] = table.row(row_of(chosen, i + r)), to[r] = out + (i + r) * stride;
    kernels_.tables.product(a, 1, rows, columns, stride, table.width, stride, to, true);
  }
}

// Whether any of sixteen sums may exceed `least`; NaN counts as yes.
static bool may_exceed(const float* sums, float rest, const float* column_rests, float least) {
  typedef float Four __attribute__((vector_size(16)));
  typedef float FourUnaligned __attribute__((vector_size(16), aligned(4), may_alias));
  Four low = {least, least, least, least}, by = {rest, rest, rest, rest};
  auto within = low == low;
  for (int t = 0; t < 16; t += 4)
    within &= *(const FourUnaligned*)(sums + t) + by * *(const FourUnaligned*)(column_rests + t) <= low;
  return !(within[0] & within[1] & within[2] & within[3]);
}

void Tables::product_above(Table table, const int32_t* chosen, int64_t n, const float* columns, int64_t stride,
                           const Bound& bound, float* out) {
  const int64_t tile = kernels_.tables.rows, head = bound.head;
  const float *heads[16], *tails[16];
  float rests[16], *to[16];
  for (int64_t i = 0; i < n; i += tile) {
    const int64_t rows = std::min(tile, n - i);
    for (int64_t r = 0; r < rows; r++) {
      const int64_t row = row_of(chosen, i + r);
      heads[r] = table.row(row), tails[r] = heads[r] + head, rests[r] = bound.rests[row];
    }
    for (int64_t t = 0; t < stride; t += 16) {
      for (int64_t r = 0; r < rows; r++) to[r] = out + (i + r) * stride + t;
      kernels_.tables.product(heads, 1, rows, columns + t, stride, head, 16, to, true);
      bool any = false;
      for (int64_t r = 0; r < rows; r++) any |= may_exceed(to[r], rests[r], bound.column_rests + t, bound.least);
      if (any)
        kernels_.tables.product(tails, 1, rows, columns + head * stride + t, stride, table.width - head, 16, to, false);
    }
  }
}

void Tables::add_outer(Table a, Table b, int64_t n, float* out) {
  const int64_t tile = kernels_.tables.rows;
  const float* from[16];
  float* to[16];
  for (int64_t j = 0; j < a.width; j += tile) {
    const int64_t rows = std::min(tile, a.width - j);
    for (int64_t r = 0; r < rows; r++) from[r] = a.x + j + r, to[r] = out + (j + r) * b.width;
    kernels_.tables.product(from, a.width, rows, b.x, b.width, n, b.width, to, false);
  }
}

void Tables::match(const Matching& m, float* values, int32_t* which, float* found) {
  worth_.resize(size_t(m.words * m.stride));
  for (int64_t word = 0; word < m.words; word++)
    kernels_.tables.worth(m.cosines + word * m.stride, m.strengths[word], m.stride, worth_.data() + word * m.stride);
  for (int64_t d = 0, begin = 0; d < m.documents; begin = m.ends[d++]) {
    const int64_t n = m.ends[d] - begin;
    for (int64_t t = 0; t < m.stride; t += 16)
      kernels_.tables.best(worth_.data() + t, m.stride, m.places + begin, m.factors + begin, n,
                           values + d * m.stride + t, which + d * m.stride + t);
    for (int64_t t = d * m.stride, column = 0; found && column < m.stride; t++, column++)
      found[t] = which[t] < 0 ? 0 : m.cosines[m.places[begin + which[t]] * m.stride + column];
  }
}

void Tables::expand(const float* cosines, int64_t n, int64_t stride, const float* strengths, float tau, float slope,
                    float* out) {
  for (int64_t j = 0; j < n; j++, cosines += stride) {
    float sum[4] = {0};
    for (int64_t t = 0; t < stride; t += 4)
      for (int64_t lane = 0; lane < 4; lane++) {
        const float over = cosines[t + lane] - tau, edge = (over > 0 ? over : 0) * slope;
        sum[lane] = sum[lane] + strengths[t + lane] * (edge * edge);
      }
    out[j] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
}

void Tables::normalise(MutableTable rows, int64_t n, double* lengths) {
  for (int64_t i = 0; i < n; i++) {
    float* const row = rows.row(i);
    double square = 0;
    for (int64_t k = 0; k < rows.width; k++) square += double(row[k]) * double(row[k]);
    const double length = lengths[i] = std::sqrt(square);
    for (int64_t k = 0; length > 0 && k < rows.width; k++) row[k] = float(row[k] / length);
  }
}

void Tables::pull_units(Table units, const double* lengths, int64_t n, float* upstream) {
  for (int64_t i = 0; i < n; i++, upstream += units.width) {
    const float* const unit = units.row(i);
    const double length = lengths[i];
    double along = 0;
    for (int64_t k = 0; k < units.width; k++) along += double(unit[k]) * double(upstream[k]);
    for (int64_t k = 0; k < units.width; k++)
      upstream[k] = length > 0 ? float((double(upstream[k]) - double(unit[k]) * along) / length) : 0;
  }
}

void Tables::adam(float* const (&tables)[4], int64_t width, const int32_t* rows, int64_t n, float rate,
                  float correction) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t at = rows[i] * width;
    kernels_.tables.adam(tables[0] + at, tables[1] + at, tables[2] + at, tables[3] + at, width, rate, correction);
  }
}

int64_t Tables::number(const int32_t* ids, int64_t n, int32_t* seen, int32_t* places, int32_t* distinct) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    if (seen[ids[i]] == 0) distinct[count] = ids[i], seen[ids[i]] = int32_t(++count);
    places[i] = seen[ids[i]] - 1;
  }
  for (int64_t i = 0; i < count; i++) seen[distinct[i]] = 0;
  return count;
}

}  // namespace scoring
}  // namespace ckl
