// Plan: a prepared loss as a JavaScript object, with its backend, threads and scratch space.
#pragma once
#include <napi.h>

#include <map>
#include <memory>
#include <string>

#include "../core/plan.h"
#include "../cpu/cpu_backend.h"
#include "arguments.h"
#include "tagged.h"

namespace ckl {
namespace addon {

// What one environment (the main thread, or a worker) shares among its plans.
struct Environment {
  // The pool for so many threads; made once, threads start with the first large batch.
  std::shared_ptr<cpu::Pool> pool(int threads);

 private:
  std::map<int, std::shared_ptr<cpu::Pool>> pools_;
};

class PlanObject : public Tagged<PlanObject> {
 public:
  static constexpr const char* kName = "Plan";
  static Napi::Function define(Napi::Env env);
  explicit PlanObject(const Napi::CallbackInfo& info);

  // What computes: an instruction set and its threads, or a GPU's architecture and none.
  struct Place {
    std::string name;
    int threads = 0;
  };

 private:
  static napi_value run(napi_env env, napi_callback_info info);
  static napi_value again(napi_env env, napi_callback_info info);
  static napi_value run_async(napi_env env, napi_callback_info info);
  static napi_value start_job(napi_env env, napi_callback_info info);
  static napi_value dispose(napi_env env, napi_callback_info info);
  Status execute(Summary& summary);
  Napi::Value configure(const Napi::CallbackInfo& info);
  Napi::Value target(const Napi::CallbackInfo& info);
  Napi::Value threads(const Napi::CallbackInfo& info);

  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<Backend> backend_;
  Place place_;
  std::unique_ptr<Workspace> workspace_;
  Call last_;  // of run; without scalars: none yet
};

}  // namespace addon
}  // namespace ckl
