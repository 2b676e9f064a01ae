// A call of Plan as views of memory: the arguments of run, and the stage of a small batch.
#pragma once
#include <node_api.h>

#include "../core/plan.h"
#include "arguments.h"

namespace ckl {
namespace addon {

// The arguments of run. Elements of the list of diagnostics may be getters, so they are read first: no JavaScript may run
// between here and the end of the call, which works on raw addresses.
struct RunValues {
  static constexpr size_t kCount = 13;

  napi_value all[kCount + 3] = {};  // the last ones are for runAsync, shares and shard steps
  napi_value self = nullptr;
  napi_value diagnostics[5];
  bool has_diagnostics = false;

  // False if there are fewer than `needed`, or a getter has thrown.
  bool take(napi_env env, napi_callback_info info, size_t needed);
};

// Reads the arguments of run, in the order of lib/native/native.ts.
Status read_call(napi_env env, const RunValues& values, const Plan& plan, Call& call);

// A stage: a small batch in one ArrayBuffer, which is cheaper to look up than several typed arrays. It holds the scalars,
// then one place of kPlace 4-byte numbers per Argument, in order. Bit k of the scalar `present` is set if argument k is
// given. Mirrors lib/loss/small-batch.ts. Places are larger than their contents because addresses 4 KiB apart alias in the
// processor.
constexpr int64_t kStaged = 1024, kPlace = kStaged + 16, kPlaces = 16;
constexpr size_t kStageBytes = Scalar::size * sizeof(double) + kPlaces * kPlace * 4;

// scalar: a stage of kStageBytes.
Status read_staged(double* scalar, const Plan& plan, Call& call);

// Writes the outcome of a call to its scalars, if it has any; and the status code as a JavaScript value.
void finish_call(const Call& call, const Status& status, const Summary& summary);
napi_value code_value(napi_env env, Code code);

}  // namespace addon
}  // namespace ckl
