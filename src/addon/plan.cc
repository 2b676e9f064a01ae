#include "plan.h"

#include <algorithm>
#include <cmath>

#include "../core/cuda_info.h"
#include "job.h"
#include "plan_call.h"
#include "specification.h"

namespace ckl {
namespace addon {

std::shared_ptr<cpu::Pool> Environment::pool(int threads) {
  if (!pool_ || pool_->threads() != threads) {
    std::shared_ptr<cpu::Pool> found = pools_[threads].lock();
    if (!found) pools_[threads] = found = std::make_shared<cpu::Pool>(threads);
    pool_ = std::move(found);
  }
  return pool_;
}

std::shared_ptr<Workspace> Environment::workspace(const std::string& target, int threads, Backend& backend,
                                                  int64_t docs) {
  std::weak_ptr<Workspace>& known = workspaces_[{target, threads}];
  std::shared_ptr<Workspace> found = known.lock();
  if (!found) known = found = backend.workspace(docs);
  return found;
}

namespace {

typedef PlanObject::Place Place;

Place cpu_place(const Napi::Object& spec) {
  const Napi::Env env = spec.Env();
  const std::string name = spec.Get("cpuTarget").ToString();
  const cpu::Target* target = cpu::find_target(name);
  if (!target) throw Napi::RangeError::New(env, "this machine cannot run the instruction set '" + name + "'");
  const double asked = number(spec, "threads");
  require(env, asked >= 0 && asked <= 1024 && asked == std::floor(asked), "threads (0 to 1024)");
  return {target->name, asked > 0 ? int(asked) : std::min(cpu::hardware_threads(), 1024)};
}

std::shared_ptr<Backend> cpu_backend(Napi::Env env, const Place& place) {
  return std::make_shared<cpu::CpuBackend>(*cpu::find_target(place.name),
                                           env.GetInstanceData<Environment>()->pool(place.threads), place.threads);
}

Place cuda_place(Napi::Env env) {
  const std::string name = cuda_target();
  if (name.empty()) throw Napi::Error::New(env, "CUDA is not available: " + cuda_info().reason);
  return {name, 0};
}

}  // namespace

Napi::Function PlanObject::define(Napi::Env env) {
  napi_property_descriptor methods[6] = {};
  methods[0].utf8name = "run", methods[0].method = run;
  methods[1].utf8name = "runAsync", methods[1].method = run_async;
  methods[2].utf8name = "dispose", methods[2].method = dispose;
  methods[3].utf8name = "countShare", methods[3].method = count_share;
  methods[4].utf8name = "runShare", methods[4].method = run_share;
  methods[5].utf8name = "shardStep", methods[5].method = shard_step;
  for (napi_property_descriptor& m : methods) m.attributes = napi_default_method;
  return DefineClass(
      env, "Plan",
      {methods[0], methods[1], methods[2], methods[3], methods[4], methods[5],
       InstanceMethod<&PlanObject::configure>("configure"), InstanceAccessor<&PlanObject::target>("target"),
       InstanceAccessor<&PlanObject::threads>("threads")});
}

PlanObject::PlanObject(const Napi::CallbackInfo& info)
    : Tagged(info), plans_(info.Env().GetInstanceData<Environment>()->plans) {
  configure(info);
  const auto free = std::find(plans_->begin(), plans_->end(), nullptr);
  info.This().As<Napi::Object>().Set("id", double(free - plans_->begin()));
  if (free == plans_->end()) plans_->push_back(this);
  else *free = this;
}

PlanObject::~PlanObject() { std::replace(plans_->begin(), plans_->end(), this, static_cast<PlanObject*>(nullptr)); }

// Runs of one environment do not overlap, so its plans can share scratch space. Dropped plans are freed only when the event loop
// turns; a loop that creates plans would otherwise hold the scratch space of all of them. GPU plans do not share it, because
// enqueued work may still be using it.
std::shared_ptr<Workspace> PlanObject::workspace(Environment& environment, int64_t docs) {
  if (place_.threads == 0) return backend_->workspace(docs);
  return environment.workspace(place_.name, place_.threads, *backend_, docs);
}

Workspace& PlanObject::scratch(napi_env env) {
  void* environment = nullptr;
  if (!workspace_ && napi_get_instance_data(env, &environment) == napi_ok)
    workspace_ = workspace(*static_cast<Environment*>(environment), 0);
  return *workspace_;
}

// Everything is read before anything changes, so an error leaves the object unchanged. Running jobs keep the plan and backend
// they started with.
Napi::Value PlanObject::configure(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsObject()) throw Napi::TypeError::New(env, "Plan needs a specification");
  const Napi::Object spec = info[0].As<Napi::Object>();
  std::shared_ptr<const Plan> plan = read_plan(spec);
  const bool cuda = std::string(spec.Get("backend").ToString()) == "cuda";
  const Place place = cuda ? cuda_place(env) : cpu_place(spec);
  const double reserve = number(spec, "reserveDocs");
  require(env, reserve >= 0 && reserve <= 1e12, "reserveDocs");
  if (!backend_ || place.name != place_.name || place.threads != place_.threads) {
    backend_ = cuda ? cuda_backend() : cpu_backend(env, place);
    place_ = place;
    workspace_ = workspace(*env.GetInstanceData<Environment>(), int64_t(reserve));
  }
  plan_ = std::move(plan);
  return env.Undefined();
}

Napi::Value PlanObject::target(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), place_.name); }
Napi::Value PlanObject::threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), place_.threads);
}

void PlanObject::free_memory() {
  workspace_.reset(), shard_.reset();
  backend_->free_kept();
}

// Runs the call unless reading it has failed, and writes the outcome to its scalars.
napi_value PlanObject::execute(napi_env env, const Call& call, Status status) {
  Summary summary;
  if (status.ok()) { status = backend_->run(*plan_, call.batch, call.out, scratch(env), nullptr, summary); }
  finish_call(call, status, summary);
  return code_value(env, status.code);
}

napi_value PlanObject::run(napi_env env, napi_callback_info info) {
  RunValues values;
  PlanObject* const plan = values.take(env, info, RunValues::kCount) ? receiver(env, values.self) : nullptr;
  if (!plan) return code_value(env, Code::type);
  Call call;
  const Status status = read_call(env, values, *plan->plan_, call);
  return plan->execute(env, call, status);
}

napi_value PlanObject::run_staged(napi_env env, napi_callback_info info) {
  napi_value stage;
  size_t count = 1, bytes = 0;
  void *environment = nullptr, *data = nullptr;
  if (napi_get_cb_info(env, info, &count, &stage, nullptr, &environment) != napi_ok || count < 1 ||
      napi_get_arraybuffer_info(env, stage, &data, &bytes) != napi_ok || bytes < kStageBytes ||
      reinterpret_cast<uintptr_t>(data) % alignof(double) != 0)
    return code_value(env, Code::type);
  const std::vector<PlanObject*>& plans = *static_cast<Environment*>(environment)->plans;
  const double id = static_cast<double*>(data)[Scalar::plan];
  PlanObject* const plan = id >= 0 && id < double(plans.size()) ? plans[size_t(id)] : nullptr;
  if (!plan) return code_value(env, Code::type);
  Call call;
  const Status status = read_staged(static_cast<double*>(data), *plan->plan_, call);
  return plan->execute(env, call, status);
}

napi_value PlanObject::dispose(napi_env env, napi_callback_info info) {
  napi_value self;
  size_t count = 0;
  const bool called = napi_get_cb_info(env, info, &count, nullptr, &self, nullptr) == napi_ok;
  if (PlanObject* const plan = called ? receiver(env, self) : nullptr) plan->free_memory();
  return nullptr;
}

napi_value PlanObject::start_job(napi_env env, napi_callback_info info) {
  RunValues values;
  PlanObject* const plan = values.take(env, info, RunValues::kCount + 1) ? receiver(env, values.self) : nullptr;
  Call call;
  Status status{Code::type};
  if (plan) status = read_call(env, values, *plan->plan_, call);
  napi_valuetype given = napi_undefined;
  napi_typeof(env, values.all[RunValues::kCount], &given);
  const AbortFlag* const abort = AbortFlag::find(env, values.all[RunValues::kCount]);
  if (status.ok() && !abort && given != napi_null) status = {Code::type};
  if (status.ok())
    return addon::start_job(env, plan->plan_, plan->backend_, plan->place_.threads == 0, call, values.all,
                            values.has_diagnostics ? values.diagnostics : nullptr, abort ? abort->word() : nullptr);
  finish_call(call, status, {});
  const Napi::Promise::Deferred deferred((Napi::Env(env)));
  deferred.Resolve(Napi::Number::New(env, int(status.code)));
  return deferred.Promise();
}

// node-addon-api throws while the environment is being torn down, and no exception may leave a callback of Node's C
// API.
napi_value PlanObject::run_async(napi_env env, napi_callback_info info) {
  return Napi::details::WrapCallback(env, [&] { return start_job(env, info); });
}

}  // namespace addon
}  // namespace ckl
