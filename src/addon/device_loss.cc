// DeviceLoss and DeviceGraph: prepared losses that are enqueued on device memory. This runs once a training step, so that
// everything of a call travels in one array that both sides know.
#include <algorithm>
#include <array>
#include <exception>

#include "../core/share.h"
#include "device.h"
#include "device_call.h"
#include "specification.h"

namespace ckl {
namespace addon {

namespace {

// What a graph was captured with.
struct Captured {
  DeviceCall call;
  std::array<double, DeviceScalar::size> numbers;
};

class LossObject : public Tagged<LossObject> {
 public:
  static constexpr const char* kName = "DeviceLoss";
  static Napi::Function define(Napi::Env env) {
    napi_property_descriptor methods[4] = {};
    methods[0].utf8name = "enqueue", methods[0].method = method<Method::enqueue>;
    methods[1].utf8name = "countShare", methods[1].method = method<Method::count_share>;
    methods[2].utf8name = "runShare", methods[2].method = method<Method::run_share>;
    methods[3].utf8name = "dispose", methods[3].method = dispose;
    for (napi_property_descriptor& m : methods) m.attributes = napi_default_method;
    return DefineClass(env, kName, {methods[0], methods[1], methods[2], methods[3]});
  }

  // new DeviceLoss(device, spec, call); the call has the shape of the largest batch.
  explicit LossObject(const Napi::CallbackInfo& info) : Tagged(info), device_(DeviceObject::of(info)) {
    const Napi::Env env = info.Env();
    if (info.Length() < 3 || !info[1].IsObject() || !info[2].IsTypedArray())
      throw Napi::TypeError::New(env, "DeviceLoss needs a device, a specification and the numbers of a call");
    plan_ = read_plan(info[1].As<Napi::Object>());
    const Napi::TypedArray call = info[2].As<Napi::TypedArray>();
    call_ = Napi::Persistent(call.As<Napi::Object>());
    const double* const numbers = this->numbers(env);
    require(env, numbers != nullptr, "call");
    const double queries = numbers[DeviceScalar::queries], docs = numbers[DeviceScalar::docs];
    require(env, queries >= 0 && docs >= 0 && queries * docs <= 9007199254740991.0, "shape");
    loss_ = reporting(env, [&] { return device_->loss(*plan_, int64_t(queries), int64_t(docs)); });
  }

  // The loss of the batch that `call_` tells of, as a graph; if there is none, why.
  std::unique_ptr<Graph> capture(Napi::Env env, Napi::Value offsets, Captured& captured, Status& status) {
    double* const numbers = this->numbers(env);
    DeviceCall& call = captured.call;
    if (numbers) std::copy(numbers, numbers + DeviceScalar::size, captured.numbers.begin());
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

  enum class Method { enqueue, count_share, run_share };

  // What is read of the arguments is checked, but for a share that was counted.
  Status run(napi_env env, const napi_value* arguments, const double* numbers, Method method) {
    if (!loss_) return {Code::type};
    DeviceCall call;
    const StreamHandle stream = StreamHandle(numbers[DeviceScalar::stream]);
    try {
      Status status = read_call(env, arguments[0], numbers, call);
      if (status.ok() && method != Method::run_share && numbers[DeviceScalar::check] != 0)
        status = check_values(*device_, stream, *plan_, call);
      Share share = {};
      if (method != Method::enqueue) {
        const int64_t arrays = method == Method::run_share ? 1 : call.batch.weights ? terms() : 0;
        Arguments in(env, arguments + 1);
        share.normalisers = in.typed<double>(Argument::none, napi_float64_array,
                                             Share::kNormalisers + arrays * call.batch.rows.queries, false);
        share.summands = share.normalisers + Share::kNormalisers;
        in.fail(status);
        status = in.status();
      }
      if (!status.ok()) return status;
      if (method == Method::count_share) count(call, stream, share);
      else if (method == Method::run_share) run_counted(call, stream, share);
      else loss_->enqueue(*plan_, call.batch, call.out, call.extent, call.host_offsets, call.summary, stream);
      return status;
    } catch (const DeviceError& error) {
      return {Code::device, Argument::none, -1, -1, double(error.code)};
    } catch (const std::exception&) {
      return {Code::memory};
    }  // bad_alloc, or length_error of more than there could be
  }

  int64_t terms() const { return int64_t(plan_->terms.size()); }

  void count(const DeviceCall& call, StreamHandle stream, const Share& share) {
    const int64_t queries = call.batch.rows.queries, terms = this->terms();
    HostCopy copy(*device_, stream);
    const double* const counts =
        copy(loss_->count(*plan_, call.batch, call.extent, call.host_offsets, stream), terms * queries);
    const float* const weights = copy(call.batch.weights, queries);
    std::fill(share.normalisers, share.normalisers + Share::kNormalisers, 0.0);
    for (int64_t b = 0; b < queries; b++) {
      bool any = false;
      for (int64_t k = 0; k < terms; k++) {
        const double times = counts[k * queries + b], summand = times * (weights ? double(weights[b]) : 1);
        if (weights) share.summands[k * queries + b] = summand;
        share.normalisers[k] += summand;
        any |= times > 0;
      }
      share.normalisers[kMaxTerms] += any;
    }
  }

  void run_counted(const DeviceCall& call, StreamHandle stream, const Share& share) {
    const int64_t queries = call.batch.rows.queries;
    const double* const summands = loss_->enqueue_share(*plan_, call.batch, call.out, call.extent, call.host_offsets,
                                                        share.normalisers, call.summary, stream);
    if (plan_->reduction == Reduction::none) return;
    HostCopy copy(*device_, stream);
    const double* const given = copy(summands, queries);
    const float* const values = given ? nullptr : copy(call.out.per_query, queries);
    const float* const weights = given ? nullptr : copy(call.batch.weights, queries);
    for (int64_t b = 0; b < queries; b++)
      share.summands[b] = given ? given[b] : (weights ? double(weights[b]) : 1) * values[b];
  }

  static LossObject* self(napi_env env, napi_callback_info info, size_t count, napi_value* arguments) {
    napi_value me;
    return napi_get_cb_info(env, info, &count, arguments, &me, nullptr) == napi_ok ? receiver(env, me) : nullptr;
  }

  // enqueue(offsets), countShare(offsets, share), runShare(offsets, share): NativeStatus. What is wrong is written into the
  // numbers of the call.
  template <Method kMethod>
  static napi_value method(napi_env env, napi_callback_info info) {
    return called(env, info, kMethod);
  }
  static napi_value called(napi_env env, napi_callback_info info, Method method) {
    napi_value arguments[2], result = nullptr;
    LossObject* const loss = self(env, info, 2, arguments);
    double* const numbers = loss ? loss->numbers(env) : nullptr;
    Status status{Code::type};
    if (numbers) {
      status = loss->run(env, arguments, numbers, method);
      if (!status.ok()) write_scalars(numbers, status, 0, 0);
    }
    napi_create_int32(env, int32_t(status.code), &result);
    return result;
  }
  static napi_value dispose(napi_env env, napi_callback_info info) {
    if (LossObject* loss = self(env, info, 0, nullptr)) loss->loss_.reset();
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
         InstanceMethod<&GraphObject::replace>("replace"), InstanceMethod<&GraphObject::dispose>("dispose")});
  }
  explicit GraphObject(const Napi::CallbackInfo& info) : Tagged(info) {
    Status status;
    graph_ = LossObject::Unwrap(info[0].As<Napi::Object>())->capture(info.Env(), info[1], captured_, status);
    status_ = status.code;
  }

 private:
  Napi::Value status(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), int(status_)); }
  Napi::Value launch(const Napi::CallbackInfo& info) {
    if (!graph_ || !info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "a graph and a stream are needed");
    reporting(info.Env(), [&] { graph_->launch(StreamHandle(info[0].As<Napi::Number>().Int64Value())); });
    return info.Env().Undefined();
  }
  // replace(call): NativeStatus. TypeScript has checked all but what is checked here again.
  Napi::Value replace(const Napi::CallbackInfo& info) {
    const napi_value given = info[0];
    Arguments in(info.Env(), &given);
    const double* const numbers = in.typed<double>(Argument::none, napi_float64_array, DeviceScalar::size, false);
    DeviceCall next = captured_.call;
    in.fail(graph_ && numbers && alike(captured_.numbers.data(), numbers) ? read_arrays(numbers, next)
                                                                          : Status{Code::type});
    if (in.status().ok() && numbers[DeviceScalar::offsets] > 0)
      next.batch.rows.offsets = reinterpret_cast<const int32_t*>(uintptr_t(numbers[DeviceScalar::offsets]));
    if (in.status().ok() && !reporting(info.Env(), [&] { return graph_->replace(next.batch, next.out); }))
      in.fail({Code::shape});
    return Napi::Number::New(info.Env(), int(in.status().code));
  }
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    graph_.reset();
    return info.Env().Undefined();
  }

  // Whether they tell of the same arrays, of the same types, with addresses that may be any.
  static bool alike(const double* a, const double* b) {
    for (int k = DeviceScalar::student_type; k <= DeviceScalar::rank_type; k++)
      if (a[k] != b[k]) return false;
    for (int k = DeviceScalar::student; k < DeviceScalar::size; k++)
      if ((a[k] == 0) != (b[k] == 0) || !(b[k] >= 0 && b[k] <= 9007199254740991.0)) return false;
    return true;
  }

  Captured captured_;
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
