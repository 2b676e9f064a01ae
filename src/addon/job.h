// A run off JavaScript's thread, and the flag that aborts it.
#pragma once
#include <napi.h>

#include <atomic>
#include <memory>

#include "../core/backend.h"
#include "arguments.h"
#include "tagged.h"

namespace ckl {
namespace addon {

// new AbortFlag(); set() aborts the jobs that were started with it.
class AbortFlag : public Tagged<AbortFlag> {
 public:
  typedef std::shared_ptr<std::atomic<int32_t>> Word;

  static constexpr const char* kName = "AbortFlag";
  static Napi::Function define(Napi::Env env);
  explicit AbortFlag(const Napi::CallbackInfo& info);
  Word word() const { return word_; }

 private:
  Napi::Value set(const Napi::CallbackInfo& info);

  const Word word_;
};

// Copies the inputs and computes in memory of its own. The caller's arrays are written at the end unless they have been
// detached. Returns a promise of the status.
// on_gpu: the job mostly waits, on one of the addon's own threads; otherwise it computes on libuv's pool. values: the
// arguments of run. diagnostics: its five diagnostics, or null. abort: may be null.
napi_value start_job(napi_env env, std::shared_ptr<const Plan> plan, std::shared_ptr<Backend> backend, bool on_gpu,
                     const Call& call, const napi_value* values, const napi_value* diagnostics, AbortFlag::Word abort);

}  // namespace addon
}  // namespace ckl
