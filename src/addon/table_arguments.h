// Reads the arguments of the addon's word-vector tables in order; invalid ones are rejected before anything is written.
#pragma once

#include <napi.h>

#include <algorithm>
#include <cstdint>

#include "../scoring/tables.h"

namespace ckl {
namespace addon {
namespace tables {

struct Refusal {
  size_t argument;  // from 1
  const char* why;
};

// The arguments of a call, in order. lib/native/tables.ts types them and its callers pass the right sizes; anything
// that is still wrong is rejected before data is read or written.
class Arguments {
 public:
  Arguments(napi_env env, const napi_value* values) : env_(env), values_(values) {}

  template <class T>
  struct View {
    T* data = nullptr;
    int64_t length = 0;
  };
  template <class T>
  View<T> array(napi_typedarray_type wanted, int64_t needed = 0) {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    static double nothing[8];  // an empty array may have no address
    if (napi_get_typedarray_info(env_, values_[next_++], &type, &length, &data, nullptr, nullptr) != napi_ok ||
        type != wanted)
      refuse("is not the typed array that is needed");
    if (int64_t(length) < needed) refuse("is too short");
    return {static_cast<T*>(data ? data : nothing), int64_t(length)};
  }
  View<float> floats(int64_t needed = 0) { return array<float>(napi_float32_array, needed); }
  View<int32_t> integers(int64_t needed = 0) { return array<int32_t>(napi_int32_array, needed); }
  View<double> doubles(int64_t needed = 0) { return array<double>(napi_float64_array, needed); }
  // The length of a typed array that is read later.
  int64_t length_of(size_t argument) {
    napi_typedarray_type type;
    size_t length = 0;
    if (napi_get_typedarray_info(env_, values_[argument], &type, &length, nullptr, nullptr, nullptr) != napi_ok)
      refuse("comes before what is no typed array");
    return int64_t(length);
  }
  bool absent() {
    napi_valuetype type;
    if (napi_typeof(env_, values_[next_], &type) != napi_ok || type != napi_null) return false;
    next_++;
    return true;
  }
  double number() {
    double value = 0;
    if (napi_get_value_double(env_, values_[next_++], &value) != napi_ok) refuse("is no number");
    return value;
  }
  int64_t size(int64_t multiple = 1) {
    const double value = number();
    if (!(value >= 0 && value <= 2147483647) || value != int64_t(value) || int64_t(value) % multiple != 0)
      refuse("is not a size that is allowed");
    return int64_t(value);
  }
  // Checks for integers in [0, end).
  void ids(View<int32_t> view, int64_t n, int64_t end) {
    uint32_t most = 0;
    for (int64_t i = 0; i < n; i++) most = std::max(most, uint32_t(view.data[i]));
    if (n > 0 && int64_t(most) >= end) refuse("has a number that is out of range");
  }
  // Checks the ends of parts: ascending, at most `last`. Returns the last end.
  int64_t ends(View<int32_t> view, int64_t from, int64_t n, int64_t last) {
    for (int64_t i = 0; i < n; from = view.data[i++])
      if (view.data[i] < from) refuse("does not ascend");
    if (from > last) refuse("ends behind what it is about");
    return from;
  }
  template <class T>
  scoring::TableOf<T> table(View<float>& view) {
    view = floats();
    const int64_t width = size(4);
    if (width == 0) refuse("is 0");
    return {view.data, width};
  }
  scoring::Texts texts(int64_t words) {
    const View<int32_t> ids_of = integers();
    const View<float> factors = floats();
    scoring::Texts out;
    out.ids = ids_of.data, out.factors = factors.data;
    if (!absent()) out.importances = floats(words).data;
    const View<int32_t> offsets = integers(1);
    if (offsets.data[0] != 0) refuse("does not begin at 0");
    out.offsets = offsets.data, out.count = offsets.length - 1;
    const int64_t n = ends(offsets, 0, offsets.length, std::min(ids_of.length, factors.length));
    ids(ids_of, n, words);
    return out;
  }
  [[noreturn]] void refuse(const char* why) { throw Refusal{next_, why}; }

 private:
  const napi_env env_;
  const napi_value* const values_;
  size_t next_ = 0;
};

}  // namespace tables
}  // namespace addon
}  // namespace ckl
