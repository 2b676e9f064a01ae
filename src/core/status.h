// Errors as values: what went wrong, in which argument, and where. lib/native/codes.ts mirrors both enums.
#pragma once
#include <stdint.h>

namespace ckl {

enum class Code : int {
  ok = 0,
  type = 1,
  size = 2,
  label = 3,
  rank = 4,
  beta = 5,
  weight = 6,
  offset = 7,
  relevance = 8,
  memory = 9,
  aborted = 10,
  shape = 11,
  device = 12,  // a CUDA call failed; value: its error code
};

enum class Argument : int {
  none = 0,
  student = 1,
  teacher = 2,
  labels = 3,
  offsets = 4,
  ranks = 5,
  beta = 6,
  relevance = 7,
  weights = 8,
  grad = 9,
  per_query = 10,
  teacher_grad = 11,
  diagnostic_weight = 12,
  diagnostic_ratio = 13,
  diagnostic_entropy = 14,
  diagnostic_separation = 15,
  diagnostic_separation_top10 = 16,
};

struct Status {
  Code code = Code::ok;
  Argument argument = Argument::none;
  int64_t query = -1;  // the query and the document of an invalid value
  int64_t document = -1;
  double value = 0;     // the value found
  double required = 0;  // Code::size: the length needed

  bool ok() const { return code == Code::ok; }

  static Status at(Code code, Argument argument, int64_t query, int64_t document, double value) {
    return {code, argument, query, document, value, 0};
  }
  static Status size(Argument argument, double actual, double required) {
    return {Code::size, argument, -1, -1, actual, required};
  }
};

}  // namespace ckl
