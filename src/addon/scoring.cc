#include "scoring.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "plan.h"
#include "scoring_call.h"
#include "tagged.h"

namespace ckl {
namespace addon {
namespace {

using scoring::Code;
using scoring::Status;

Status compute(scoring::Scorer& scorer, const ScoringCall& call, double& scale_grad) {
  try {
    switch (call.kind) {
      case ScoringKind::scores: return scorer.scores(call.pairs, call.bias, call.scores, call.keep_winners);
      case ScoringKind::backward: return scorer.backward(call.pairs, call.gradients, call.same_pairs, scale_grad);
      case ScoringKind::top: return scorer.top(call.pairs, call.k, call.ids, call.scores);
    }
  } catch (const std::bad_alloc&) { return {Code::memory}; }
  return {};
}

// On a thread of libuv's pool. The arrays are internal to the library, so callers cannot transfer them; a reference keeps them
// alive.
class ScoringJob : public Napi::AsyncWorker {
 public:
  ScoringJob(Napi::Env env, std::shared_ptr<scoring::Scorer> scorer, const ScoringCall& call, const napi_value* values)
      : AsyncWorker(env, "ckl-loss"), deferred_(env), scorer_(std::move(scorer)), call_(call) {
    for (size_t i = 0; i < kScoringArguments; i++) {
      const Napi::Value value(env, values[i]);
      if (value.IsTypedArray()) held_.push_back(Napi::Persistent(value.As<Napi::Object>()));
    }
  }
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { status_ = compute(*scorer_, call_, scale_grad_); }
  void OnOK() override {
    scorer_.reset();  // released before the next step asks for it
    report(call_.numbers, status_, scale_grad_);
    deferred_.Resolve(Napi::Number::New(Env(), int(status_.code)));
  }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<scoring::Scorer> scorer_;
  ScoringCall call_;
  std::vector<Napi::ObjectReference> held_;
  Status status_;
  double scale_grad_ = 0;
};

// new Scoring(target, threads): '' is the best instruction set, 0 all threads.
class ScoringObject : public Tagged<ScoringObject> {
 public:
  static constexpr const char* kName = "Scoring";

  static Napi::Function define(Napi::Env env) {
    static ScoringKind kinds[] = {ScoringKind::scores, ScoringKind::backward, ScoringKind::top};
    const auto sync = [](const char* name, ScoringKind* kind) {
      return InstanceMethod<&ScoringObject::run>(name, napi_default_method, kind);
    };
    const auto async = [](const char* name, ScoringKind* kind) {
      return InstanceMethod<&ScoringObject::start>(name, napi_default_method, kind);
    };
    return DefineClass(
        env, kName,
        {sync("scores", kinds), sync("backward", kinds + 1), sync("top", kinds + 2), async("scoresAsync", kinds),
         async("backwardAsync", kinds + 1), async("topAsync", kinds + 2),
         InstanceMethod<&ScoringObject::dispose>("dispose"), InstanceAccessor<&ScoringObject::target>("target"),
         InstanceAccessor<&ScoringObject::threads>("threads")});
  }
  explicit ScoringObject(const Napi::CallbackInfo& info) : Tagged(info) {
    const Napi::Env env = info.Env();
    const std::string name = info[0].ToString();
    target_ = cpu::find_target(name);
    if (!target_) throw Napi::RangeError::New(env, "this machine cannot run the instruction set '" + name + "'");
    const double asked = info[1].ToNumber();
    if (!(asked >= 0 && asked <= 1024 && asked == std::floor(asked)))
      throw Napi::RangeError::New(env, "threads is a whole number from 0 to 1024");
    pool_ = env.GetInstanceData<Environment>()->pool(asked > 0 ? int(asked) : std::min(cpu::hardware_threads(), 1024));
  }

 private:
  bool take(const Napi::CallbackInfo& info, napi_value (&values)[kScoringArguments], ScoringCall& call,
            Status& status) {
    for (size_t i = 0; i < kScoringArguments; i++) values[i] = info[i];
    status = read_call(info.Env(), values, call);
    return status.ok();
  }
  // The scorer of the last call, or a new one while a job is using it.
  std::shared_ptr<scoring::Scorer> scorer() {
    if (!scorer_ || scorer_.use_count() > 1) scorer_ = std::make_shared<scoring::Scorer>(*target_, pool_);
    return scorer_;
  }
  // The kind of computation is stored as the method's data.
  static ScoringKind kind_of(const Napi::CallbackInfo& info) { return *static_cast<const ScoringKind*>(info.Data()); }

  Napi::Value run(const Napi::CallbackInfo& info) {
    napi_value values[kScoringArguments];
    ScoringCall call(kind_of(info));
    Status status;
    double scale_grad = 0;
    if (take(info, values, call, status)) {
      scale_grad = call.scale_grad;
      status = compute(*scorer(), call, scale_grad);
    }
    report(call.numbers, status, scale_grad);
    return Napi::Number::New(info.Env(), int(status.code));
  }
  Napi::Value start(const Napi::CallbackInfo& info) {
    napi_value values[kScoringArguments];
    ScoringCall call(kind_of(info));
    Status status;
    if (!take(info, values, call, status)) {
      report(call.numbers, status, 0);
      const Napi::Promise::Deferred deferred(info.Env());
      deferred.Resolve(Napi::Number::New(info.Env(), int(status.code)));
      return deferred.Promise();
    }
    // Jobs that build on each other share a scorer; all others may overlap.
    const bool steps = call.keep_winners || call.same_pairs;
    ScoringJob* const job =
        new ScoringJob(info.Env(), steps ? scorer() : std::make_shared<scoring::Scorer>(*target_, pool_), call, values);
    const Napi::Promise promise = job->promise();
    job->Queue();
    return promise;
  }
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    scorer_.reset();
    return info.Env().Undefined();
  }
  Napi::Value target(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), target_->name); }
  Napi::Value threads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), pool_->threads()); }

  const cpu::Target* target_;
  std::shared_ptr<cpu::Pool> pool_;
  std::shared_ptr<scoring::Scorer> scorer_;
};

}  // namespace

void define_scoring(Napi::Env env, Napi::Object exports) { exports.Set("Scoring", ScoringObject::define(env)); }

}  // namespace addon
}  // namespace ckl
