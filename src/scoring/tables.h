// Tables of word vectors: sums of texts, products of chosen rows, matches of words, gradients, and Adam on the rows
// touched.
//
// Everything runs on the calling thread. Sizes and ids have been checked.
#pragma once
#include <vector>

#include "scoring.h"

namespace ckl {
namespace scoring {

// Rows of `width` floats, a multiple of four.
template <class Float>
struct TableOf {
  Float* x = nullptr;
  int64_t width = 0;
  Float* row(int64_t i) const { return x + i * width; }
};
typedef TableOf<const float> Table;
typedef TableOf<float> MutableTable;

// Texts as words: text i has the words ids[offsets[i]] to ids[offsets[i + 1]], each with a factor, multiplied by the
// word's factor in `importances` unless that is null.
struct Texts {
  const int32_t* ids = nullptr;
  const float* factors = nullptr;
  const float* importances = nullptr;
  const int32_t* offsets = nullptr;
  int64_t count = 0;
};

class Tables {
 public:
  explicit Tables(const cpu::Target& target) : kernels_(kernels_of(target)) {}

  // out row i = the sum over the words of text i of factor * table row.
  void sum(Table table, const Texts& texts, float* out);
  // The reverse: for each of the `words` words that occurs in a text, in ascending order, gradient row = the sum over
  // the texts, in order, of factor * from row. Lists these words in `rows` and returns their number.
  int64_t spread(Table from, const Texts& texts, int64_t words, MutableTable gradient, int32_t* rows);
  // spread() without storing the gradient: for each word, it is used at once for slopes (its dot product with the
  // word's parameters) and for a step of Adam. tables: parameters, first and second moments.
  int64_t learn(Table from, const Texts& texts, int64_t words, float* const (&tables)[3], float rate, float correction,
                int32_t* rows, float* slopes);
  // out[i] = row rows[i] of a . row rows[i] of b, in four sums (kernel.h).
  void dot_pairs(Table a, Table b, const int32_t* rows, int64_t n, float* out);
  // out[i] += vector . row rows[i] (row i without rows), one float64 sum after the other.
  void add_dots(const float* vector, Table table, const int32_t* rows, int64_t n, double* out);
  // out[i * stride + t] = row chosen[i] (row i without chosen) . column t; columns [width, stride].
  void product(Table table, const int32_t* chosen, int64_t n, const float* columns, int64_t stride, float* out);
  // product() for results above `least`; smaller ones may be replaced by anything up to `least`. rests[row] and
  // column_rests[t]: the lengths of the vectors after the first `head` elements, which bound what those can add.
  // stride: a multiple of sixteen.
  struct Bound {
    int64_t head;
    const float *rests, *column_rests;
    float least;
  };
  void product_above(Table table, const int32_t* chosen, int64_t n, const float* columns, int64_t stride,
                     const Bound& bound, float* out);
  // out[j][k] += the sum over i of a[i][j] * b[i][k], each in order of i.
  void add_outer(Table a, Table b, int64_t n, float* out);
  // For each document d, which ends at ends[d], and each column t of `stride`: values[d][t] = max(0, max over its
  // places of factor * strength * max(0, cosine)^2), which[d][t] the first place that attains it, counted from the
  // document's first (-1 if it is 0), and found[d][t] its cosine (0 if it is 0). cosines [words, stride], stride a
  // multiple of sixteen.
  struct Matching {
    const float *cosines, *strengths;
    int64_t words, stride;
    const int32_t* places;
    const float* factors;
    const int32_t* ends;
    int64_t documents;
  };
  void match(const Matching& matching, float* values, int32_t* which, float* found);
  // out[j] = the sum over t of strengths[t] * (max(0, cosines[j][t] - tau) * slope)^2, in four sums.
  static void expand(const float* cosines, int64_t n, int64_t stride, const float* strengths, float tau, float slope,
                     float* out);
  // Scales each row to length 1, in float64; a row of zeros stays. lengths: the original lengths.
  static void normalise(MutableTable rows, int64_t n, double* lengths);
  // Converts dL/d unit of each row to dL/d row; 0 for a row of length 0.
  static void pull_units(Table units, const double* lengths, int64_t n, float* upstream);
  void adam(float* const (&tables)[4], int64_t width, const int32_t* rows, int64_t n, float rate, float correction);
  // Numbers words in the order of their first appearance: places[i] is the number of ids[i], and distinct lists the
  // words. Returns how many there are. seen: all 0 before and after the call.
  static int64_t number(const int32_t* ids, int64_t n, int32_t* seen, int32_t* places, int32_t* distinct);

 private:
  const float* weigh(const Texts& texts);
  int64_t sort(const Texts& texts, int64_t words, int32_t* rows);
  void sum_of_word(Table from, int32_t word, float* out);

  const Kernels& kernels_;
  std::vector<float> factors_, worth_, row_;
  // The texts of each word, from starts_[word] on, and the word's factor in each of them.
  std::vector<int32_t> starts_, texts_;
  std::vector<float> sorted_;
};

}  // namespace scoring
}  // namespace ckl
