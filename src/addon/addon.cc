// The addon's exports: Plan, ranks, rankBias, listedRanks, and what this binary and this machine can do.
#include <napi.h>

#include "../core/check.h"
#include "../cpu/cpu_backend.h"
#include "arguments.h"
#include "../core/cuda_info.h"
#include "device.h"
#include "distributed.h"
#include "interface.h"
#include "job.h"
#include "plan.h"
#include "scoring.h"
#include "tables.h"

namespace ckl {
namespace addon {

namespace {

napi_value report(napi_env env, const Status& status, double* scalars) {
  if (scalars) write_scalars(scalars, status, 0, 0);
  napi_value result = nullptr;
  napi_create_int32(env, int32_t(status.code), &result);
  return result;
}

// ranks(student, studentType, labels | null, queries, docs, stride, offsets | null, out, scalars)
napi_value ranks(napi_env env, napi_callback_info info) {
  napi_value values[9];
  size_t count = 9;
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count < 9)
    return report(env, {Code::type}, nullptr);
  Arguments in(env, values);
  const ArrayView student = in.array(Argument::student, false);
  const DType type = in.element_type(in.number());
  const ArrayView labels = in.array(Argument::labels, true);
  const Rows rows = in.rows();
  if (in.status().ok()) in.fail(check_rows(rows, student.length));
  const int64_t needed = in.status().ok() ? rows.extent() : 0;
  const Scores scores = in.scores<const char>(student, Argument::student, type, needed);
  if (labels.present && labels.type != napi_uint8_array && labels.type != napi_uint8_clamped_array)
    in.fail({Code::type, Argument::labels});
  if (labels.present && labels.length < needed)
    in.fail(Status::size(Argument::labels, double(labels.length), double(needed)));
  uint32_t* out = in.typed<uint32_t>(Argument::ranks, napi_uint32_array, needed, false);
  double* scalars = in.typed<double>(Argument::none, napi_float64_array, Scalar::size, false);
  if (!offsets_apart(rows, out, needed * int64_t(sizeof *out))) in.fail({Code::type, Argument::offsets});
  Status status = in.status();
  if (status.ok())
    status = cpu::compute_ranks(cpu::targets().back(), scores, rows,
                                labels.present ? static_cast<const uint8_t*>(labels.data) : nullptr, out);
  return report(env, status, scalars);
}

// rankBias(ranks, labels, queries, docs, stride, offsets | null, alpha, out, scalars)
napi_value rank_bias(napi_env env, napi_callback_info info) {
  napi_value values[9];
  size_t count = 9;
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count < 9)
    return report(env, {Code::type}, nullptr);
  Arguments in(env, values);
  Batch batch;
  batch.ranks = in.ranks(0, false);
  const ArrayView labels = in.array(Argument::labels, false);
  batch.rows = in.rows();
  if (in.status().ok()) in.fail(check_rows(batch.rows, labels.length));
  const int64_t needed = in.status().ok() ? batch.rows.extent() : 0;
  if (labels.type != napi_uint8_array && labels.type != napi_uint8_clamped_array)
    in.fail({Code::type, Argument::labels});
  batch.labels = static_cast<const uint8_t*>(labels.data);
  Arguments again(env, values);
  again.ranks(needed, false);
  in.fail(again.status());
  const double alpha = in.number();
  float* out = in.floats(Argument::beta, needed, false);
  double* scalars = in.typed<double>(Argument::none, napi_float64_array, Scalar::size, false);
  if (!offsets_apart(batch.rows, out, needed * int64_t(sizeof *out))) in.fail({Code::type, Argument::offsets});
  Status status = in.status();
  if (status.ok()) status = cpu::compute_rank_bias(batch, alpha, out);
  return report(env, status, scalars);
}

// listedRanks(documents, ranks, rows, count, codes, absent, out): `rows` holds four numbers for each of `count` lists: where
// the list starts, its length, and where its row of documents begins and ends
napi_value listed_ranks(napi_env env, napi_callback_info info) {
  napi_value values[7];
  size_t count = 7;
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count < 7)
    return report(env, {Code::type}, nullptr);
  Arguments in(env, values);
  const ArrayView documents = in.array(Argument::none, false);
  const ArrayView ranks = in.array(Argument::ranks, false);
  const ArrayView rows = in.array(Argument::none, false);
  const double number = in.number();
  const ArrayView codes = in.array(Argument::none, false);
  const double absent = in.number();
  const ArrayView out = in.array(Argument::ranks, false);
  if (in.status().ok() && (documents.type != napi_uint32_array || ranks.type != napi_uint16_array ||
                           rows.type != napi_float64_array || codes.type != napi_uint32_array ||
                           out.type != napi_float32_array || !(number >= 0 && number <= double(rows.length / 4))))
    in.fail({Code::type});
  const cpu::Kernels& kernels = *cpu::targets().back().kernels;
  const double listed = double(documents.length < ranks.length ? documents.length : ranks.length);
  const int64_t n = in.status().ok() ? int64_t(number) : 0;
  const auto* const lists = static_cast<const uint32_t*>(documents.data);
  const auto* const list_ranks = static_cast<const uint16_t*>(ranks.data);
  const auto* const row = static_cast<const double*>(rows.data);
  // With many lists, each one is a cache miss: prefetch them all before the first is read.
  for (int64_t r = 0; in.status().ok() && r < 4 * n; r += 4) {
    if (!(row[r] >= 0 && row[r + 1] >= 0 && row[r] + row[r + 1] <= listed && row[r + 2] >= 0 &&
          row[r + 3] <= double(codes.length) && row[r + 3] <= double(out.length)))
      in.fail({Code::shape});
    else
      for (int64_t i = 0; i < int64_t(row[r + 1]); i += 16) {
        __builtin_prefetch(lists + int64_t(row[r]) + i);
        __builtin_prefetch(list_ranks + int64_t(row[r]) + i);
      }
  }
  for (int64_t r = 0; in.status().ok() && r < 4 * n; r += 4)
    kernels.listed(lists + int64_t(row[r]), list_ranks + int64_t(row[r]), int64_t(row[r + 1]),
                   static_cast<const uint32_t*>(codes.data) + int64_t(row[r + 2]), int64_t(row[r + 3] - row[r + 2]),
                   float(absent), static_cast<float*>(out.data) + int64_t(row[r + 2]));
  return report(env, in.status(), nullptr);
}

// Splits a space-separated list of names.
Napi::Array words(Napi::Env env, const std::string& list) {
  Napi::Array out = Napi::Array::New(env);
  for (size_t from = 0; from < list.size();) {
    const size_t to = std::min(list.find(' ', from), list.size());
    if (to > from) out.Set(out.Length(), Napi::String::New(env, list.substr(from, to - from)));
    from = to + 1;
  }
  return out;
}

const char* name_of(Needs needs) {
  switch (needs) {
    case Needs::document: return "document";
    case Needs::positive: return "positive";
    case Needs::positive_and_negative: return "positiveAndNegative";
    case Needs::ordered_pair: return "orderedPair";
    case Needs::preferred_pair: return "preferredPair";
    case Needs::gainful_pair: return "gainfulPair";
  }
  return "";
}

Napi::Value losses(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array out = Napi::Array::New(env);
  for (const LossInfo& loss : kLosses) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", loss.name);
    entry.Set("family", loss.family == Family::distribution ? "distribution" : "pairwise");
    entry.Set("needs", name_of(loss.needs));
    entry.Set("parameters", words(env, loss.parameters));
    if (loss.by_relevance) entry.Set("teacher", "order");
    else entry.Set("teacher", loss.teacher);
    out.Set(out.Length(), entry);
  }
  return out;
}

Napi::Value cpu_info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array names = Napi::Array::New(env);
  for (const cpu::Target& target : cpu::targets()) names.Set(names.Length(), Napi::String::New(env, target.name));
  Napi::Object out = Napi::Object::New(env);
  out.Set("targets", names);
  out.Set("hardwareThreads", cpu::hardware_threads());
#if defined(__clang__)
  out.Set("compiler", "clang " __clang_version__);
#else
  out.Set("compiler", "gcc " __VERSION__);
#endif
  return out;
}

Napi::Value cuda(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CudaInfo found = cuda_info();
  Napi::Object out = Napi::Object::New(env);
  out.Set("built", found.built);
  out.Set("available", found.available);
  out.Set("reason", found.reason);
  out.Set("runtimeVersion", found.runtime_version);
  out.Set("driverVersion", found.driver_version);
  Napi::Array devices = Napi::Array::New(env);
  for (const CudaDevice& device : found.devices) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", device.name);
    entry.Set("capability", device.capability);
    entry.Set("memory", device.memory);
    entry.Set("compiles", device.compiles);
    devices.Set(devices.Length(), entry);
  }
  out.Set("devices", devices);
  return out;
}

// cudaError(code): [CUDA's name for the error, its description].
Napi::Value cuda_error(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CudaErrorText text = cuda_error_text(info.Length() > 0 ? info[0].ToNumber().Int32Value() : 0);
  Napi::Array out = Napi::Array::New(env);
  out.Set(uint32_t(0), Napi::String::New(env, text.name));
  out.Set(uint32_t(1), Napi::String::New(env, text.words));
  return out;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  Environment* const environment = new Environment;
  env.SetInstanceData(environment);
  exports.Set("interface", kInterface);
  exports.Set("Plan", PlanObject::define(env));
  exports.Set("AbortFlag", AbortFlag::define(env));
  define_device(env, exports);
  define_device_loss(env, exports);
  define_scoring(env, exports);
  define_tables(env, exports);
  define_distributed(env, exports);
  define_nccl(env, exports);
  const napi_property_descriptor plain[] = {
      {"ranks", nullptr, ranks, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"rankBias", nullptr, rank_bias, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"listedRanks", nullptr, listed_ranks, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"runStaged", nullptr, PlanObject::run_staged, nullptr, nullptr, nullptr, napi_default_method, environment},
  };
  napi_define_properties(env, exports, 4, plain);
  exports.Set("losses", Napi::Function::New(env, losses, "losses"));
  exports.Set("cpu", Napi::Function::New(env, cpu_info, "cpu"));
  exports.Set("cuda", Napi::Function::New(env, cuda, "cuda"));
  exports.Set("cudaError", Napi::Function::New(env, cuda_error, "cudaError"));
  return exports;
}

}  // namespace
}  // namespace addon
}  // namespace ckl

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return ckl::addon::init(env, exports); }
NODE_API_MODULE(ckl_loss, Init)
