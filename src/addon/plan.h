// Plan: a prepared loss as a JavaScript object, with its backend, threads and scratch space.
#pragma once
#include <napi.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../core/plan.h"
#include "../cpu/cpu_backend.h"
#include "../cpu/shard_run.h"
#include "arguments.h"
#include "tagged.h"

namespace ckl {
namespace addon {

class PlanObject;
class GpuThreads;

// What one environment (the main thread, or a worker) shares among its plans.
struct Environment {
  // Its plans by id; null if a plan is gone.
  const std::shared_ptr<std::vector<PlanObject*>> plans = std::make_shared<std::vector<PlanObject*>>();
  // The pool with this many threads, which start with the first large batch. A pool lives as long as a plan uses it. The most
  // recent one is kept, so that preparing and disposing in a loop does not start threads each time.
  std::shared_ptr<cpu::Pool> pool(int threads);
  // The scratch space shared by all plans of one instruction set and thread count; it lives as long as one of them
  // does.
  std::shared_ptr<Workspace> workspace(const std::string& target, int threads, Backend& backend, int64_t docs);
  // Keeps alive whatever exported functions refer to.
  std::vector<std::shared_ptr<void>> held;
  // Threads that wait for a GPU, and threads that run batches on one; null until first needed (gpu_threads.cc).
  std::shared_ptr<GpuThreads> waiters, computers;

 private:
  std::shared_ptr<cpu::Pool> pool_;
  std::map<int, std::weak_ptr<cpu::Pool>> pools_;
  std::map<std::pair<std::string, int>, std::weak_ptr<Workspace>> workspaces_;
};

class PlanObject : public Tagged<PlanObject> {
 public:
  static constexpr const char* kName = "Plan";
  static Napi::Function define(Napi::Env env);
  explicit PlanObject(const Napi::CallbackInfo& info);
  ~PlanObject();
  // An exported function: runs the plan whose id is in the stage. It is not a method because looking up a method and its
  // receiver takes as long as the rest of a small call.
  static napi_value run_staged(napi_env env, napi_callback_info info);

  // Where a plan runs: an instruction set and a number of threads, or a GPU architecture and 0 threads.
  struct Place {
    std::string name;
    int threads = 0;
  };

 private:
  static napi_value run(napi_env env, napi_callback_info info);
  static napi_value run_async(napi_env env, napi_callback_info info);
  static napi_value start_job(napi_env env, napi_callback_info info);
  static napi_value count_share(napi_env env, napi_callback_info info);
  static napi_value run_share(napi_env env, napi_callback_info info);
  static napi_value shard_step(napi_env env, napi_callback_info info);
  static napi_value share(napi_env env, napi_callback_info info, bool runs);
  Status run_step(napi_env env, const Call& call, const double* numbers, const ArrayView& gathered,
                  const ArrayView& record, Summary& summary);
  static napi_value dispose(napi_env env, napi_callback_info info);
  std::shared_ptr<Workspace> workspace(Environment& environment, int64_t docs);
  Workspace& scratch(napi_env env);
  void free_memory();
  napi_value execute(napi_env env, const Call& call, Status status);
  Napi::Value configure(const Napi::CallbackInfo& info);
  Napi::Value target(const Napi::CallbackInfo& info);
  Napi::Value threads(const Napi::CallbackInfo& info);

  const std::shared_ptr<std::vector<PlanObject*>> plans_;  // the environment's
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<Backend> backend_;
  Place place_;
  std::shared_ptr<Workspace> workspace_;
  std::unique_ptr<cpu::ShardRun> shard_;  // kept between the steps of a run
};

}  // namespace addon
}  // namespace ckl
