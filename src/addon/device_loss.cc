// DeviceLoss and DeviceGraph: prepared losses that are enqueued on device memory. This runs once a training step, so that
// everything of a call travels in one array that both sides know.
#include <new>
#include <stdexcept>
#include <vector>

#include "../core/check.h"
#include "arguments.h"
#include "device.h"
#include "specification.h"

namespace ckl {
namespace addon {

namespace {

// The numbers of a call: DeviceScalar in lib/native/codes.ts. The first are those of Scalar; from `student` on they are addresses.
struct DeviceScalar {
  enum {
    queries = Scalar::queries,
    docs,
    stride,
    student_type,
    teacher_type,
    grad_type,
    rank_type,
    longest,
    elements,
    stream,
    check,
    student,
    teacher,
    labels,
    offsets,
    ranks,
    beta,
    relevance,
    weights,
    grad,
    per_query,
    teacher_grad,
    weight,
    ratio,
    entropy,
    separation,
    separation_top10,
    summary,
    size
  };
};

// The arguments of a call, as the backend has them.
struct DeviceCall {
  Batch batch;
  Outputs out;
  Extent extent = {};
  const int32_t* host_offsets = nullptr;
  double* summary = nullptr;
};

template <class T>
T* at(const double* call, int place) {
  return reinterpret_cast<T*>(uintptr_t(call[place]));
}

bool whole(double x) { return x >= 0 && x <= 9007199254740991.0; }

Extent extent_of(const Rows& rows, const int32_t* host_offsets, int64_t longest, int64_t elements) {
  if (!host_offsets) return {rows.offsets ? 0 : rows.docs, rows.offsets ? longest : rows.docs, elements};
  Extent e = {rows.queries > 0 ? INT64_MAX : 0, 0, host_offsets[rows.queries]};
  for (int64_t b = 0; b < rows.queries; b++) {
    const int64_t length = int64_t(host_offsets[b + 1]) - host_offsets[b];
    e.shortest = std::min(e.shortest, length), e.longest = std::max(e.longest, length);
  }
  return e;
}

// offsets: an Int32Array of the host, or anything else.
Status read_call(napi_env env, napi_value offsets, const double* call, DeviceCall& to) {
  for (int k = DeviceScalar::queries; k < DeviceScalar::size; k++)
    if (!whole(call[k])) return {Code::shape};
  Arguments in(env, &offsets);
  const Rows host = in.rows(call[DeviceScalar::queries], call[DeviceScalar::docs], call[DeviceScalar::stride]);
  const int64_t elements = int64_t(call[DeviceScalar::elements]);
  Batch& batch = to.batch;
  batch.rows = host;
  to.host_offsets = host.offsets;
  const int32_t* const device_offsets = at<const int32_t>(call, DeviceScalar::offsets);
  if (host.offsets || !device_offsets) in.fail(check_rows(host, elements));
  if (!in.status().ok()) return in.status();
  if (!host.offsets) batch.rows.offsets = device_offsets;
  to.extent = extent_of(batch.rows, host.offsets, int64_t(call[DeviceScalar::longest]), elements);
  if (!batch.rows.offsets) to.extent.elements = host.extent();

  batch.student = {at<const char>(call, DeviceScalar::student), in.element_type(call[DeviceScalar::student_type])};
  batch.teacher = {at<const char>(call, DeviceScalar::teacher), in.element_type(call[DeviceScalar::teacher_type])};
  batch.labels = at<const uint8_t>(call, DeviceScalar::labels);
  const double rank_type = call[DeviceScalar::rank_type];
  if (rank_type > int(RankType::f32)) in.fail({Code::type, Argument::ranks});
  else batch.ranks = {at<const void>(call, DeviceScalar::ranks), RankType(int(rank_type))};
  batch.beta = at<const float>(call, DeviceScalar::beta);
  batch.relevance = at<const float>(call, DeviceScalar::relevance);
  batch.weights = at<const float>(call, DeviceScalar::weights);

  Outputs& out = to.out;
  out.grad = {at<char>(call, DeviceScalar::grad), in.element_type(call[DeviceScalar::grad_type])};
  out.per_query = at<float>(call, DeviceScalar::per_query);
  out.teacher_grad = {at<char>(call, DeviceScalar::teacher_grad), batch.teacher.type};
  out.diagnostics = {at<float>(call, DeviceScalar::weight), at<float>(call, DeviceScalar::ratio),
                     at<float>(call, DeviceScalar::entropy), at<float>(call, DeviceScalar::separation),
                     at<float>(call, DeviceScalar::separation_top10)};
  to.summary = at<double>(call, DeviceScalar::summary);
  return in.status();
}

// Copies of what a batch's values are checked in.
class HostCopy {
 public:
  HostCopy(Device& device, StreamHandle stream) : device_(device), stream_(stream) {}
  template <class T>
  const T* operator()(const T* from, int64_t count, int64_t size = sizeof(T)) {
    if (!from || count == 0) return nullptr;
    copies_.emplace_back(size_t(count * size));
    device_.to_host(copies_.back().data(), from, count * size, stream_);
    return reinterpret_cast<const T*>(copies_.back().data());
  }

 private:
  Device& device_;
  const StreamHandle stream_;
  std::vector<std::vector<char>> copies_;
};

// What the CPU checks in every batch, of one in device memory: waits for the stream.
Status check_values(Device& device, StreamHandle stream, const Plan& plan, const DeviceCall& call) {
  HostCopy copy(device, stream);
  Batch batch = call.batch;
  const int64_t queries = batch.rows.queries;
  if (call.host_offsets) {
    batch.rows.offsets = call.host_offsets;
  } else if (batch.rows.offsets) {
    batch.rows.offsets = copy(batch.rows.offsets, queries + 1);
    const Status status = check_rows(batch.rows, call.extent.elements);
    if (!status.ok()) return status;
    for (int64_t b = 0; b < queries; b++)
      if (batch.rows.length(b) > call.extent.longest)
        return Status::at(Code::offset, Argument::offsets, b + 1, -1, double(batch.rows.offsets[b + 1]));
  }
  const int64_t needed = batch.rows.extent();
  static_assert(int(RankType::none) == 0 && int(RankType::f32) == 5, "sizes of ranks");
  constexpr int64_t kRankBytes[] = {0, 1, 2, 4, 4, 4};
  batch.labels = copy(batch.labels, needed);
  if (batch.ranks)
    batch.ranks.data = copy(static_cast<const char*>(batch.ranks.data), needed, kRankBytes[int(batch.ranks.type)]);
  batch.beta = copy(batch.beta, needed), batch.relevance = copy(batch.relevance, needed);
  batch.weights = copy(batch.weights, queries);
  return check_batch(plan, batch);
}

class LossObject : public Tagged<LossObject> {
 public:
  static constexpr const char* kName = "DeviceLoss";
  static Napi::Function define(Napi::Env env) {
    napi_property_descriptor methods[2] = {};
    methods[0].utf8name = "enqueue", methods[0].method = enqueue;
    methods[1].utf8name = "dispose", methods[1].method = dispose;
    for (napi_property_descriptor& m : methods) m.attributes = napi_default_method;
    return DefineClass(env, kName, {methods[0], methods[1]});
  }

  // new DeviceLoss(device, spec, call)
  explicit LossObject(const Napi::CallbackInfo& info) : Tagged(info), device_(DeviceObject::of(info)) {
    const Napi::Env env = info.Env();
    if (info.Length() < 3 || !info[1].IsObject() || !info[2].IsTypedArray())
      throw Napi::TypeError::New(env, "DeviceLoss needs a device, a specification and the numbers of a call");
    plan_ = read_plan(info[1].As<Napi::Object>());
    const Napi::TypedArray call = info[2].As<Napi::TypedArray>();
    call_ = Napi::Persistent(call.As<Napi::Object>());
    require(env, numbers(env) != nullptr, "call");
    loss_ = reporting(env, [&] { return device_->loss(); });
  }

  // The loss of the batch that `call` tells of, as a graph; if there is none, why.
  std::unique_ptr<Graph> capture(Napi::Env env, Napi::Value offsets, Status& status) {
    double* const numbers = this->numbers(env);
    DeviceCall call;
    status = numbers && loss_ ? read_call(env, offsets, numbers, call) : Status{Code::type};
    if (status.ok())
      return reporting(env, [&] {
        return loss_->capture(*plan_, call.batch, call.out, call.extent, call.host_offsets, call.summary);
      });
    if (numbers) write_scalars(numbers, status, 0, 0);
    return nullptr;
  }

 private:
  // The numbers of a call, looked up for each: their array may have been detached. Null if it was.
  double* numbers(napi_env env) const {
    const napi_value array = call_.Value();
    return Arguments(env, &array).typed<double>(Argument::none, napi_float64_array, DeviceScalar::size, false);
  }

  Status run(napi_env env, napi_value offsets, const double* numbers) {
    if (!loss_) return {Code::type};
    DeviceCall call;
    const StreamHandle stream = StreamHandle(numbers[DeviceScalar::stream]);
    try {
      Status status = read_call(env, offsets, numbers, call);
      if (status.ok() && numbers[DeviceScalar::check] != 0) status = check_values(*device_, stream, *plan_, call);
      if (!status.ok()) return status;
      loss_->enqueue(*plan_, call.batch, call.out, call.extent, call.host_offsets, call.summary, stream);
      return {};
    } catch (const DeviceError& error) {
      return {Code::device, Argument::none, -1, -1, double(error.code)};
    } catch (const std::bad_alloc&) { return {Code::memory}; } catch (const std::length_error&) {
      return {Code::memory};
    }
  }

  static LossObject* self(napi_env env, napi_callback_info info, napi_value* argument) {
    napi_value me;
    size_t count = argument ? 1 : 0;
    return napi_get_cb_info(env, info, &count, argument, &me, nullptr) == napi_ok ? receiver(env, me) : nullptr;
  }

  // enqueue(offsets): NativeStatus
  static napi_value enqueue(napi_env env, napi_callback_info info) {
    napi_value offsets, result = nullptr;
    LossObject* const loss = self(env, info, &offsets);
    double* const numbers = loss ? loss->numbers(env) : nullptr;
    Status status{Code::type};
    if (numbers) {
      status = loss->run(env, offsets, numbers);
      if (!status.ok()) write_scalars(numbers, status, 0, 0);
    }
    napi_create_int32(env, int32_t(status.code), &result);
    return result;
  }
  static napi_value dispose(napi_env env, napi_callback_info info) {
    if (LossObject* loss = self(env, info, nullptr)) loss->loss_.reset();
    return nullptr;
  }

  const std::shared_ptr<Device> device_;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<DeviceLoss> loss_;
  Napi::ObjectReference call_;
};

// new DeviceGraph(loss, offsets); `status` says whether there is one.
class GraphObject : public Tagged<GraphObject> {
 public:
  static constexpr const char* kName = "DeviceGraph";
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, kName,
        {InstanceAccessor<&GraphObject::status>("status"), InstanceMethod<&GraphObject::launch>("launch"),
         InstanceMethod<&GraphObject::dispose>("dispose")});
  }
  explicit GraphObject(const Napi::CallbackInfo& info) : Tagged(info) {
    Status status;
    graph_ = LossObject::Unwrap(info[0].As<Napi::Object>())->capture(info.Env(), info[1], status);
    status_ = status.code;
  }

 private:
  Napi::Value status(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), int(status_)); }
  Napi::Value launch(const Napi::CallbackInfo& info) {
    if (!graph_ || !info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "a graph and a stream are needed");
    reporting(info.Env(), [&] { graph_->launch(StreamHandle(info[0].As<Napi::Number>().Int64Value())); });
    return info.Env().Undefined();
  }
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    graph_.reset();
    return info.Env().Undefined();
  }

  std::unique_ptr<Graph> graph_;
  Code status_;
};

}  // namespace

void define_device_loss(Napi::Env env, Napi::Object exports) {
  exports.Set("DeviceLoss", LossObject::define(env));
  exports.Set("DeviceGraph", GraphObject::define(env));
}

}  // namespace addon
}  // namespace ckl
