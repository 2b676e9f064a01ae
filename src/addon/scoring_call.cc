#include "scoring_call.h"

#include <cmath>

namespace ckl {
namespace addon {
namespace {

using scoring::Argument;
using scoring::Code;
using scoring::Pairs;
using scoring::Status;

// The numbers of a call, a Float64Array: mirrors ScoringNumber in lib/native/scoring.ts.
struct Number {
  enum {
    argument,
    index,
    value,
    required,
    scale_grad,
    dim = 8,
    queries,
    documents,
    docs,
    stride,
    cosine,
    all,
    scale,
    query_type,
    document_type,
    query_grad_type,
    document_grad_type,
    accumulate,
    same_pairs,
    k,
    wants_scale_grad,
    mean,
    keep_winners,
    width,
    compact,
    goes_on,
    not_last,
    terms,
    size,
  };
};

class Reader {
 public:
  Reader(napi_env env, const napi_value* values) : env_(env), values_(values) {}

  Status status;

  void fail(const Status& found) {
    if (status.ok()) status = found;
  }
  // The memory of the next argument; null if it is not a typed array.
  void* array(Argument argument, napi_typedarray_type wanted, int64_t needed, bool optional = false) {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    static char nothing[64];  // an empty array may have no address
    if (napi_get_typedarray_info(env_, values_[next_++], &type, &length, &data, nullptr, nullptr) != napi_ok) {
      if (!optional) fail({Code::type, argument});
      return nullptr;
    }
    if (type != wanted) fail({Code::type, argument});
    else if (int64_t(length) < needed) fail({Code::size, argument, -1, double(length), double(needed)});
    return data ? data : nothing;
  }
  template <class Byte>
  ScoresOf<Byte> vectors(Argument argument, DType type, int64_t needed, bool optional = false) {
    return {static_cast<Byte*>(
                array(argument, type == DType::float32 ? napi_float32_array : napi_uint16_array, needed, optional)),
            type};
  }

 private:
  napi_env env_;
  const napi_value* values_;
  int next_ = 0;
};

// Candidates and offsets are checked only once, so no output may overlap them: it could change them after the check.
Status check_apart(const ScoringCall& call) {
  const Pairs& p = call.pairs;
  const auto meet = [](const void* a, int64_t bytes_a, const void* b, int64_t bytes_b) {
    const uintptr_t from_a = reinterpret_cast<uintptr_t>(a), from_b = reinterpret_cast<uintptr_t>(b);
    return a && b && from_a < from_b + uintptr_t(bytes_b) && from_b < from_a + uintptr_t(bytes_a);
  };
  const auto apart = [&](const void* out, int64_t bytes) {
    return !meet(out, bytes, p.candidates, p.all ? 0 : p.scores() * 4) &&
           !meet(out, bytes, p.lists.offsets, (p.queries + 1) * 4) &&
           !meet(out, bytes, p.query_tokens, (p.queries + 1) * 4) &&
           !meet(out, bytes, p.document_tokens, (p.documents + 1) * 4) &&
           !meet(out, bytes, p.query_mask, p.query_mask ? p.query_rows() : 0) &&
           !meet(out, bytes, p.document_mask, p.document_mask ? p.document_rows() : 0) &&
           !meet(out, bytes, p.query_ids, p.query_ids ? p.query_rows() * 4 : 0) &&
           !meet(out, bytes, p.document_ids, p.document_ids ? p.document_rows() * 4 : 0);
  };
  const scoring::Gradients& g = call.gradients;
  const bool good = (call.kind != ScoringKind::scores || apart(call.scores, p.scores() * 4)) &&
                    apart(g.query.data, p.query_rows() * p.row_size() * size_of(g.query.type)) &&
                    apart(g.document.data, p.document_rows() * p.row_size() * size_of(g.document.type)) &&
                    apart(call.numbers, Number::size * 8);
  return good ? Status() : Status{Code::type, Argument::candidates};
}

}  // namespace

Status read_call(napi_env env, const napi_value* values, ScoringCall& call) {
  Reader in(env, values);
  double* const n = call.numbers = static_cast<double*>(in.array(Argument::none, napi_float64_array, Number::size));
  if (!in.status.ok()) {
    call.numbers = nullptr;
    return in.status;
  }
  constexpr double kMost = 2147483647;
  for (const int place : {Number::dim, Number::queries, Number::documents, Number::docs, Number::stride, Number::k,
                          Number::width, Number::terms})
    if (!(n[place] >= 0 && n[place] <= kMost && n[place] == std::floor(n[place])))
      return {Code::shape, Argument::none, -1, n[place], kMost};
  for (const int place :
       {Number::query_type, Number::document_type, Number::query_grad_type, Number::document_grad_type})
    if (!(n[place] == 0 || n[place] == 1 || n[place] == 2)) return {Code::type};
  const auto type = [&](int place) { return DType(int(n[place])); };
  Pairs& p = call.pairs;
  p.dim = int64_t(n[Number::dim]), p.width = int64_t(n[Number::width]);
  if (p.width < p.dim) return {Code::shape, Argument::none, -1, n[Number::dim], n[Number::width]};
  p.queries = int64_t(n[Number::queries]), p.documents = int64_t(n[Number::documents]);
  p.cosine = n[Number::cosine] != 0, p.all = n[Number::all] != 0 || call.kind == ScoringKind::top;
  p.scale = float(n[Number::scale]), p.mean = n[Number::mean] != 0;
  p.compact = n[Number::compact] != 0;
  // The offsets of tokens determine the number of vectors.
  Reader tokens(env, values + 5);
  p.query_tokens =
      static_cast<const int32_t*>(tokens.array(Argument::query_offsets, napi_int32_array, p.queries + 1, true));
  p.document_tokens =
      static_cast<const int32_t*>(tokens.array(Argument::document_offsets, napi_int32_array, p.documents + 1, true));
  if (!p.query_tokens != !p.document_tokens || (p.query_tokens && call.kind == ScoringKind::top))
    tokens.fail({Code::type, p.query_tokens ? Argument::document_offsets : Argument::query_offsets});
  in.fail(tokens.status);
  if (in.status.ok()) in.fail(check_tokens(p));
  if (!in.status.ok()) return in.status;
  Reader masks(env, values + 7);
  const auto mask = [&](Argument argument, int64_t rows) {
    return static_cast<const uint8_t*>(masks.array(argument, napi_uint8_array, rows, true));
  };
  p.query_mask = mask(Argument::query_mask, p.query_rows());
  p.document_mask = mask(Argument::document_mask, p.document_rows());
  const auto ids = [&](Argument argument, int64_t elements) {
    return static_cast<const int32_t*>(masks.array(argument, napi_int32_array, elements, true));
  };
  if (!p.query_tokens && (p.query_mask || p.document_mask)) masks.fail({Code::type, Argument::query_mask});
  p.query_ids = ids(Argument::query_ids, p.query_rows());
  p.document_ids = ids(Argument::document_ids, p.document_rows());
  p.terms = int64_t(n[Number::terms]);
  const bool plain = !p.query_mask && !p.document_mask && !p.cosine && p.dim == 1 && p.width == 1;
  if (!p.query_ids != !p.document_ids || (p.query_ids && !(p.query_tokens && plain)))
    masks.fail({Code::type, p.query_ids ? Argument::document_ids : Argument::query_ids});
  in.fail(masks.status);
  p.query = in.vectors<const char>(Argument::queries, type(Number::query_type), p.query_rows() * p.row_size());
  p.document =
      in.vectors<const char>(Argument::documents, type(Number::document_type), p.document_rows() * p.row_size());
  // There is one candidate per list element, so the offsets determine their number.
  Reader again(env, values + 4);
  Rows& lists = p.lists;
  lists.queries = p.queries, lists.docs = int64_t(n[Number::docs]), lists.stride = int64_t(n[Number::stride]);
  if (!p.all)
    lists.offsets = static_cast<const int32_t*>(again.array(Argument::offsets, napi_int32_array, p.queries + 1, true));
  in.fail(again.status);
  if (!p.all && in.status.ok()) {
    const bool ascending = !lists.offsets || lists.offsets[p.queries] >= 0;
    const bool good = ascending && (lists.offsets || lists.stride >= lists.docs) && lists.extent() <= int64_t(kMost);
    if (!good)
      in.fail({Code::offset, Argument::offsets, p.queries, lists.offsets ? double(lists.offsets[p.queries]) : 0});
  }
  if (!in.status.ok()) return in.status;
  const int64_t scores = p.scores();
  Reader list(env, values + 3);
  if (!p.all)
    p.candidates = static_cast<const int32_t*>(list.array(Argument::candidates, napi_int32_array, scores, true));
  in.fail(list.status);
  if (!p.all && !p.candidates && p.documents < scores)
    in.fail({Code::size, Argument::documents, -1, double(p.documents), double(scores)});

  Reader rest(env, values + 11);
  if (call.kind == ScoringKind::scores) {
    call.bias = static_cast<const float*>(rest.array(Argument::bias, napi_float32_array, p.documents, true));
    call.scores = static_cast<float*>(rest.array(Argument::scores, napi_float32_array, scores));
    call.keep_winners = n[Number::keep_winners] != 0;
  } else if (call.kind == ScoringKind::backward) {
    scoring::Gradients& g = call.gradients;
    g.scores = static_cast<const float*>(rest.array(Argument::grad, napi_float32_array, scores));
    g.query =
        rest.vectors<char>(Argument::query_grad, type(Number::query_grad_type), p.query_rows() * p.row_size(), true);
    g.document = rest.vectors<char>(Argument::document_grad, type(Number::document_grad_type),
                                    p.document_rows() * p.row_size(), true);
    g.accumulate = n[Number::accumulate] != 0, g.scale = n[Number::wants_scale_grad] != 0;
    call.same_pairs = n[Number::same_pairs] != 0;
    g.first = n[Number::goes_on] == 0, g.last = n[Number::not_last] == 0;
    if (!(g.first && g.last) && (!p.all || p.query_tokens)) rest.fail({Code::type, Argument::queries});
    call.scale_grad = n[Number::scale_grad];
  } else {
    call.k = int64_t(n[Number::k]);
    call.ids = static_cast<int32_t*>(rest.array(Argument::ids, napi_int32_array, p.queries * call.k));
    call.scores = static_cast<float*>(rest.array(Argument::scores, napi_float32_array, p.queries * call.k));
  }
  in.fail(rest.status);
  in.fail(check_apart(call));
  return in.status.ok() ? check_pairs(p) : in.status;
}

void report(double* numbers, const Status& status, double scale_grad) {
  if (!numbers) return;
  numbers[Number::argument] = double(status.argument), numbers[Number::index] = double(status.index);
  numbers[Number::value] = status.value, numbers[Number::required] = status.required;
  numbers[Number::scale_grad] = scale_grad;
}

}  // namespace addon
}  // namespace ckl
