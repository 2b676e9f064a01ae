#include "plan.h"

#include <algorithm>
#include <cmath>

#include "../core/check.h"
#include "../core/cuda_info.h"
#include "arguments.h"
#include "job.h"
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

// What run is called with. Elements of the list of diagnostics may be getters: they are taken first, and no JavaScript runs
// between this and the end of the call, which works on addresses.
struct RunValues {
  static constexpr size_t kCount = 13;

  napi_value all[kCount + 3] = {};  // the last are of runAsync, the shares and the steps
  napi_value self = nullptr;
  napi_value diagnostics[5];
  bool has_diagnostics = false;

  bool take(napi_env env, napi_callback_info info, size_t needed) {
    size_t count = needed;
    if (napi_get_cb_info(env, info, &count, all, &self, nullptr) != napi_ok || count < needed) return false;
    const napi_value list = all[kCount - 2];
    if (napi_is_array(env, list, &has_diagnostics) != napi_ok) return false;
    for (uint32_t i = 0; has_diagnostics && i < 5; i++)
      if (napi_get_element(env, list, i, &diagnostics[i]) != napi_ok) return false;
    return true;
  }
};

Status read_diagnostics(napi_env env, const RunValues& values, int64_t documents, int64_t queries, Diagnostics& out) {
  if (!values.has_diagnostics) return {};
  Arguments in(env, values.diagnostics);
  out.weight = in.floats(Argument::diagnostic_weight, documents, false);
  out.ratio = in.floats(Argument::diagnostic_ratio, documents, false);
  out.entropy = in.floats(Argument::diagnostic_entropy, queries, false);
  out.separation = in.floats(Argument::diagnostic_separation, queries, false);
  out.separation_top10 = in.floats(Argument::diagnostic_separation_top10, queries, false);
  return in.status();
}

Status check_offsets_apart(const Rows& rows, const Outputs& out) {
  const auto apart = [&](const void* output, int64_t count, int64_t size = sizeof(float)) {
    return offsets_apart(rows, output, count * size);
  };
  const int64_t documents = rows.extent(), queries = rows.queries;
  const Diagnostics& d = out.diagnostics;
  const bool good = apart(out.grad.data, documents, size_of(out.grad.type)) && apart(out.per_query, queries) &&
                    apart(out.teacher_grad.data, documents, size_of(out.teacher_grad.type)) &&
                    apart(d.weight, documents) && apart(d.ratio, documents) && apart(d.entropy, queries) &&
                    apart(d.separation, queries) && apart(d.separation_top10, queries);
  return good ? Status() : Status{Code::type, Argument::offsets};
}

// The arguments of run, in the order of lib/native/native.ts.
Status read_call(napi_env env, const RunValues& values, const Plan& plan, Call& call) {
  call.scalars = Arguments(env, values.all + RunValues::kCount - 1)
                     .typed<double>(Argument::none, napi_float64_array, Scalar::size, false);
  if (!call.scalars) return {Code::type};
  const double* scalar = call.scalars;
  Arguments in(env, values.all);
  Batch& batch = call.batch;
  const ArrayView student = in.array(Argument::student, false);
  const ArrayView teacher = in.array(Argument::teacher, true);
  const ArrayView labels = in.array(Argument::labels, false);
  batch.rows = in.rows(scalar[Scalar::queries], scalar[Scalar::docs], scalar[Scalar::stride]);
  if (in.status().ok()) in.fail(check_rows(batch.rows, student.length));
  const int64_t needed = in.status().ok() ? batch.rows.extent() : 0;
  const int64_t queries = batch.rows.queries;

  const DType teacher_type = in.element_type(scalar[Scalar::teacher_type]);
  batch.student =
      in.scores<const char>(student, Argument::student, in.element_type(scalar[Scalar::student_type]), needed);
  batch.teacher = in.scores<const char>(teacher, Argument::teacher, teacher_type, needed);
  if (!plan.reads_teacher()) batch.teacher = {};
  if (labels.type != napi_uint8_array && labels.type != napi_uint8_clamped_array)
    in.fail({Code::type, Argument::labels});
  if (labels.length < needed) in.fail(Status::size(Argument::labels, double(labels.length), double(needed)));
  batch.labels = static_cast<const uint8_t*>(labels.data);
  batch.ranks = in.ranks(needed, true);
  batch.beta = in.floats(Argument::beta, needed);
  batch.relevance = in.floats(Argument::relevance, needed);
  if (plan.needs_teacher(batch.relevance != nullptr) && !teacher.present) in.fail({Code::type, Argument::teacher});
  batch.weights = in.floats(Argument::weights, queries);

  Outputs& out = call.out;
  const ArrayView grad = in.array(Argument::grad, false);
  out.grad = in.scores<char>(grad, Argument::grad, in.element_type(scalar[Scalar::grad_type]), needed);
  out.per_query = in.floats(Argument::per_query, queries, false);
  const ArrayView teacher_grad = in.array(Argument::teacher_grad, true);
  out.teacher_grad = in.scores<char>(teacher_grad, Argument::teacher_grad, teacher_type, needed);
  in.fail(read_diagnostics(env, values, needed, queries, out.diagnostics));
  if (in.status().ok() && batch.rows.offsets) in.fail(check_offsets_apart(batch.rows, out));
  return in.status();
}

// Reads a small batch from one ArrayBuffer, which costs less to look up than a typed array. It holds the scalars, then one place
// of kPlace 4-byte numbers per Argument, in order. Bit k of the scalar `present` is set if argument k is given. Mirrors
// lib/loss/small-batch.ts. Places are larger than their contents because addresses 4 KiB apart alias in the processor.
constexpr int64_t kStaged = 1024, kPlace = kStaged + 16, kPlaces = 16;
constexpr size_t kStageBytes = Scalar::size * sizeof(double) + kPlaces * kPlace * 4;

Status read_staged(double* scalar, const Plan& plan, Call& call) {
  Arguments in(nullptr, nullptr);
  call.scalars = scalar;
  const double bits = scalar[Scalar::present], ranks = scalar[Scalar::rank_type];
  const double queries = scalar[Scalar::queries], docs = scalar[Scalar::docs], stride = scalar[Scalar::stride];
  if (!(bits >= 0 && bits < (1 << (kPlaces + 1)) && ranks >= 0 && ranks <= 5)) return {Code::type};
  // One query less than a place holds: offsets have one more.
  if (!(queries >= 0 && queries < kStaged && docs >= 0 && docs <= kStaged && stride >= 0 && stride <= kStaged))
    return {Code::shape};
  const uint32_t present = uint32_t(bits);
  char* const places = reinterpret_cast<char*>(scalar + Scalar::size);
  const auto at = [&](Argument argument) -> char* {
    const int k = int(argument);
    return present >> k & 1 ? places + (k - 1) * kPlace * 4 : nullptr;
  };
  const auto floats = [&](Argument argument) { return reinterpret_cast<float*>(at(argument)); };

  Batch& batch = call.batch;
  batch.rows.queries = int64_t(queries), batch.rows.docs = int64_t(docs), batch.rows.stride = int64_t(stride);
  batch.rows.offsets = reinterpret_cast<const int32_t*>(at(Argument::offsets));
  const Status rows = check_rows(batch.rows, kStaged);
  if (!rows.ok()) return rows;
  const DType teacher_type = in.element_type(scalar[Scalar::teacher_type]);
  batch.student = {at(Argument::student), in.element_type(scalar[Scalar::student_type])};
  batch.labels = reinterpret_cast<const uint8_t*>(at(Argument::labels));
  if (plan.reads_teacher()) batch.teacher = {at(Argument::teacher), teacher_type};
  if (at(Argument::ranks)) batch.ranks = {at(Argument::ranks), RankType(int(ranks))};
  batch.beta = floats(Argument::beta);
  batch.relevance = floats(Argument::relevance);
  batch.weights = floats(Argument::weights);
  Outputs& out = call.out;
  out.grad = {at(Argument::grad), in.element_type(scalar[Scalar::grad_type])};
  out.per_query = floats(Argument::per_query);
  out.teacher_grad = {at(Argument::teacher_grad), teacher_type};
  out.diagnostics.weight = floats(Argument::diagnostic_weight);
  out.diagnostics.ratio = floats(Argument::diagnostic_ratio);
  out.diagnostics.entropy = floats(Argument::diagnostic_entropy);
  out.diagnostics.separation = floats(Argument::diagnostic_separation);
  out.diagnostics.separation_top10 = floats(Argument::diagnostic_separation_top10);
  const Diagnostics& d = out.diagnostics;
  const int diagnostics = !!d.weight + !!d.ratio + !!d.entropy + !!d.separation + !!d.separation_top10;
  const bool complete = batch.student.data && batch.labels && out.grad.data && out.per_query &&
                        (!plan.needs_teacher(batch.relevance != nullptr) || batch.teacher.data) &&
                        (!batch.ranks.data || ranks > 0) && (diagnostics == 0 || diagnostics == 5);
  if (!complete) in.fail({Code::type});
  return in.status();
}

napi_value code_value(napi_env env, Code code) {
  napi_value result = nullptr;
  napi_create_int32(env, int32_t(code), &result);
  return result;
}

void finish_call(const Call& call, const Status& status, const Summary& summary) {
  if (call.scalars) write_scalars(call.scalars, status, summary.loss, summary.counted);
}

Environment* environment_of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<Environment*>(data);
}

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

// Runs of one environment do not overlap, so that its plans share scratch space: those that were dropped are freed when the event
// loop turns, and a loop that makes plans would hold the space of all. On a GPU, what was enqueued may still use it.
std::shared_ptr<Workspace> PlanObject::workspace(Environment& environment, int64_t docs) {
  if (place_.threads == 0) return backend_->workspace(docs);
  return environment.workspace(place_.name, place_.threads, *backend_, docs);
}

// Everything is read before anything changes: after an error the object is as it was. Jobs in the pool hold what they began with.
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

// Computes, unless reading the call has failed, and writes to its scalars what came of it.
napi_value PlanObject::execute(napi_env env, const Call& call, Status status) {
  Summary summary;
  if (status.ok()) {
    if (!workspace_) workspace_ = workspace(*environment_of(env), 0);
    status = backend_->run(*plan_, call.batch, call.out, *workspace_, nullptr, summary);
  }
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

// run's arguments, and a Float64Array: the normalisers of the Share, and behind them its summands.
napi_value PlanObject::share(napi_env env, napi_callback_info info, bool runs) {
  RunValues values;
  PlanObject* const plan = values.take(env, info, RunValues::kCount + 1) ? receiver(env, values.self) : nullptr;
  if (!plan || plan->place_.threads == 0) return code_value(env, Code::type);  // of the CPU alone
  Call call;
  Status status = read_call(env, values, *plan->plan_, call);
  const int64_t queries = call.batch.rows.queries, terms = int64_t(plan->plan_->terms.size());
  const int64_t summands = runs ? queries : call.batch.weights ? terms * queries : 0;
  Arguments in(env, values.all + RunValues::kCount);
  double* const numbers =
      !status.ok() ? nullptr
                   : in.typed<double>(Argument::none, napi_float64_array, cpu::Share::kNormalisers + summands, false);
  if (status.ok()) status = in.status();
  if (status.ok()) {
    const cpu::Share share = {numbers, numbers + cpu::Share::kNormalisers};
    cpu::CpuBackend& backend = static_cast<cpu::CpuBackend&>(*plan->backend_);
    if (!plan->workspace_) plan->workspace_ = plan->workspace(*environment_of(env), 0);
    status = runs ? backend.run_share(*plan->plan_, call.batch, call.out, *plan->workspace_, share)
                  : backend.count_share(*plan->plan_, call.batch, *plan->workspace_, share);
  }
  finish_call(call, status, {});
  return code_value(env, status.code);
}
// run's arguments; [step, first query, last, where this rank's documents begin, ranks, chunks]; what was gathered; what will be.
napi_value PlanObject::shard_step(napi_env env, napi_callback_info info) {
  enum Step { look, settle, sums, terms, finish, result };
  RunValues values;
  PlanObject* const plan = values.take(env, info, RunValues::kCount + 3) ? receiver(env, values.self) : nullptr;
  if (!plan || plan->place_.threads == 0) return code_value(env, Code::type);
  Call call;
  Summary summary;
  Status status = read_call(env, values, *plan->plan_, call);
  Arguments in(env, values.all + RunValues::kCount);
  const double* const numbers = in.typed<double>(Argument::none, napi_float64_array, 6, false);
  const ArrayView gathered = in.array(Argument::none, false), record = in.array(Argument::none, false);
  if (gathered.type != napi_float64_array || record.type != napi_float64_array) in.fail({Code::type});
  if (status.ok()) status = in.status();
  const Batch& batch = call.batch;
  const int64_t queries = batch.rows.queries;
  const auto whole = [&](int k, double least, double most) {
    const double x = numbers[k];
    if (!(x >= least && x <= most && x == std::floor(x))) status = {Code::type};
    return status.ok() ? int64_t(x) : 0;
  };
  if (status.ok()) {
    const int step = int(whole(0, look, result));
    const int64_t first = whole(1, 0, double(queries)), last = whole(2, double(first), double(queries));
    const int64_t begin = whole(3, 0, 1e15);
    const int ranks = int(whole(4, 1, 1e6)), chunks = int(whole(5, 1, 1e6));
    if (batch.rows.offsets || call.out.teacher_grad || call.out.diagnostics.weight ||
        batch.rows.docs > int64_t(chunks) * 4096)
      status = {Code::type};
    for (const PlanTerm& t : plan->plan_->terms)
      if (kLosses[int(t.loss)].family != Family::distribution) status = {Code::type};
    if (status.ok() && step == look)
      plan->shard_.reset(
          new cpu::ShardRun(std::static_pointer_cast<cpu::CpuBackend>(plan->backend_), begin, ranks, chunks));
    cpu::ShardRun* const shard = plan->shard_.get();
    // A step is of the batch, and by the plan, that was looked at.
    if (!shard || !shard->fits(*plan->plan_, begin, ranks, chunks) || (step > settle && !shard->settled(queries)))
      status = {Code::type};
    if (status.ok()) {
      const cpu::ShardStep kernel = step <= settle ? cpu::ShardStep::look : cpu::ShardStep(step - 1);
      const int64_t of_look = queries * cpu::kShardLook;
      const int64_t was = step == terms ? shard->floats(cpu::ShardStep::sums, *plan->plan_, last - first) / 2 * ranks
                          : step == finish
                              ? shard->floats(cpu::ShardStep::terms, *plan->plan_, last - first) / 2 * ranks
                          : step == settle ? of_look * ranks
                                           : 0;
      const int64_t will_be = step == look     ? of_look
                              : step <= settle ? 0
                                               : shard->floats(kernel, *plan->plan_, last - first) / 2;
      if (gathered.length < was) status = Status::size(Argument::none, double(gathered.length), double(was));
      else if (record.length < will_be) status = Status::size(Argument::none, double(record.length), double(will_be));
    }
    if (status.ok()) {
      const Plan& of = *plan->plan_;
      double *const from = static_cast<double*>(gathered.data), *const to = static_cast<double*>(record.data);
      if (!plan->workspace_) plan->workspace_ = plan->workspace(*environment_of(env), 0);
      try {
        if (step == look) status = shard->look(of, batch, *plan->workspace_, to);
        else if (step == settle) shard->settle(of, batch, from);
        else if (step == result) summary = shard->result(of, batch, call.out);
        else
          status = shard->step(cpu::ShardStep(step - 1), of, batch, call.out, first, last,
                               reinterpret_cast<const float*>(from), reinterpret_cast<float*>(to));
      } catch (const std::bad_alloc&) { status = {Code::memory}; }
    }
  }
  finish_call(call, status, summary);
  return code_value(env, status.code);
}

napi_value PlanObject::count_share(napi_env env, napi_callback_info info) { return share(env, info, false); }
napi_value PlanObject::run_share(napi_env env, napi_callback_info info) { return share(env, info, true); }

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
  if (PlanObject* const plan = called ? receiver(env, self) : nullptr) plan->workspace_.reset(), plan->shard_.reset();
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
    return addon::start_job(env, plan->plan_, plan->backend_, call, values.all,
                            values.has_diagnostics ? values.diagnostics : nullptr, abort ? abort->word() : nullptr);
  finish_call(call, status, {});
  const Napi::Promise::Deferred deferred((Napi::Env(env)));
  deferred.Resolve(Napi::Number::New(env, int(status.code)));
  return deferred.Promise();
}

// node-addon-api throws when the environment is being torn down; nothing may leave a callback of Node's C API.
napi_value PlanObject::run_async(napi_env env, napi_callback_info info) {
  return Napi::details::WrapCallback(env, [&] { return start_job(env, info); });
}

}  // namespace addon
}  // namespace ckl
