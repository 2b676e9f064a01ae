// Positional JavaScript arguments as views of memory. Uses Node's C API directly because it runs on every training
// step.
#pragma once
#include <node_api.h>

#include "../core/batch.h"
#include "../core/status.h"

namespace ckl {
namespace addon {

// The arguments of a run as views of memory.
struct Call {
  Batch batch;
  Outputs out;
  double* scalars = nullptr;
};

struct ArrayView {
  void* data = nullptr;
  int64_t length = 0;
  napi_typedarray_type type = napi_uint8_array;
  bool present = false;
};

// Reads arguments one after the other and keeps the first error.
class Arguments {
 public:
  Arguments(napi_env env, const napi_value* values) : env_(env), values_(values) {}

  const Status& status() const { return status_; }
  void fail(const Status& status) {
    if (status_.ok()) status_ = status;
  }

  double number() {
    double x = 0;
    if (napi_get_value_double(env_, values_[next_++], &x) != napi_ok) fail({Code::type});
    return x;
  }
  // A typed array, or null if it is optional and absent.
  ArrayView array(Argument argument, bool optional) {
    ArrayView a;
    const napi_value value = values_[next_++];
    size_t length = 0;
    if (napi_get_typedarray_info(env_, value, &a.type, &length, &a.data, nullptr, nullptr) == napi_ok) {
      a.length = int64_t(length);
      a.present = true;
      return a;
    }
    // Any other value counts as absent: finding out its type costs more than everything else here, and TypeScript has
    // checked it.
    if (!optional) fail({Code::type, argument});
    return a;
  }
  template <class T>
  T* typed(Argument argument, napi_typedarray_type type, int64_t needed, bool optional) {
    const ArrayView a = array(argument, optional);
    if (!a.present) return nullptr;
    if (a.type == type && a.length >= needed) return static_cast<T*>(a.data);
    fail(a.type != type ? Status{Code::type, argument} : Status::size(argument, double(a.length), double(needed)));
    return nullptr;  // an array that failed the check is never written to
  }
  float* floats(Argument argument, int64_t needed, bool optional = true) {
    return typed<float>(argument, napi_float32_array, needed, optional);
  }
  // A typed array as scores, whose element type another argument gives.
  template <class Byte>
  ScoresOf<Byte> scores(const ArrayView& a, Argument argument, DType type, int64_t needed) {
    if (!a.present) return {nullptr, type};
    const napi_typedarray_type wanted = type == DType::float32 ? napi_float32_array : napi_uint16_array;
    if (a.type != wanted) fail({Code::type, argument});
    else if (a.length < needed) fail(Status::size(argument, double(a.length), double(needed)));
    return {static_cast<Byte*>(a.data), type};
  }
  DType element_type(double code) {
    const int t = code >= 0 && code <= 2 ? int(code) : 3;
    if (t > 2) fail({Code::type});
    return DType(t > 2 ? 0 : t);
  }
  Ranks ranks(int64_t needed, bool optional) {
    const ArrayView a = array(Argument::ranks, optional);
    if (!a.present) return {};
    RankType type = RankType::none;
    switch (a.type) {
      case napi_uint8_array:
      case napi_uint8_clamped_array: type = RankType::u8; break;
      case napi_uint16_array: type = RankType::u16; break;
      case napi_uint32_array: type = RankType::u32; break;
      case napi_int32_array: type = RankType::i32; break;
      case napi_float32_array: type = RankType::f32; break;
      default: fail({Code::type, Argument::ranks});
    }
    if (a.length < needed) fail(Status::size(Argument::ranks, double(a.length), double(needed)));
    return {a.data, type};
  }
  // Rows from queries, docs and stride, with the offsets as the next argument. Only the length of the offsets is checked
  // here.
  Rows rows(double queries, double docs, double stride) {
    constexpr double kMost = 9007199254740991.0;  // larger integers are not exact in JavaScript
    Rows r;
    if (!(queries >= 0 && queries <= kMost && docs >= 0 && docs <= kMost && stride >= 0 && stride <= kMost)) {
      fail({Code::shape});
      next_++;
      return r;
    }
    r.queries = int64_t(queries), r.docs = int64_t(docs), r.stride = int64_t(stride);
    r.offsets = typed<int32_t>(Argument::offsets, napi_int32_array, r.queries + 1, true);
    return r;
  }
  Rows rows() {
    const double queries = number(), docs = number(), stride = number();
    return rows(queries, docs, stride);
  }

 private:
  napi_env env_;
  const napi_value* values_;
  int next_ = 0;
  Status status_;
};

// The scalars of a call. Mirrors Scalar in lib/native/codes.ts.
struct Scalar {
  enum {
    loss,
    counted,
    plan,  // staged runs: the id of the plan
    argument,
    query,
    document,
    value,
    required,
    queries,
    docs,
    stride,
    student_type,
    teacher_type,
    grad_type,
    // staged runs only
    present,
    rank_type,
    size = 16
  };
};

inline void write_scalars(double* to, const Status& status, double loss, int64_t counted) {
  to[Scalar::loss] = loss, to[Scalar::counted] = double(counted);
  to[Scalar::argument] = double(status.argument);
  to[Scalar::query] = double(status.query), to[Scalar::document] = double(status.document);
  to[Scalar::value] = status.value, to[Scalar::required] = status.required;
}

}  // namespace addon
}  // namespace ckl
