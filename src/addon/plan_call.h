// A call of Plan as views of memory: the arguments of run, and the stage of a small batch.
#pragma once
#include <node_api.h>

#include "../core/plan.h"
#include "arguments.h"

namespace ckl {
namespace addon {

// What run is called with. Elements of the list of diagnostics may be getters: they are taken first, and no JavaScript runs
// between this and the end of the call, which works on addresses.
struct RunValues {
  static constexpr size_t kCount = 13;

  napi_value all[kCount + 3] = {};  // the last are of runAsync, the shares and the steps
  napi_value self = nullptr;
  napi_value diagnostics[5];
  bool has_diagnostics = false;

  // False where there are fewer than `needed`, or a getter has thrown.
  bool take(napi_env env, napi_callback_info info, size_t needed);
};

// The arguments of run, in the order of lib/native/native.ts.
Status read_call(napi_env env, const RunValues& values, const Plan& plan, Call& call);

// A small batch from one ArrayBuffer, which costs less to look up than a typed array. It holds the scalars, then one place
// of kPlace 4-byte numbers per Argument, in order. Bit k of the scalar `present` is set if argument k is given. Mirrors
// lib/loss/small-batch.ts. Places are larger than their contents because addresses 4 KiB apart alias in the processor.
constexpr int64_t kStaged = 1024, kPlace = kStaged + 16, kPlaces = 16;
constexpr size_t kStageBytes = Scalar::size * sizeof(double) + kPlaces * kPlace * 4;

// scalar: a stage of kStageBytes.
Status read_staged(double* scalar, const Plan& plan, Call& call);

// What came of a call: into its scalars, where it has any; and its code as a value.
void finish_call(const Call& call, const Status& status, const Summary& summary);
napi_value code_value(napi_env env, Code code);

}  // namespace addon
}  // namespace ckl
