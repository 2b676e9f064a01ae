// MPI as JavaScript functions: mpiOpen, mpiStart, mpiAllGather, mpiBroadcast, mpiBarrier, mpiEnd.
#pragma once
#include <node_api.h>

namespace ckl {
namespace addon {

void define_distributed(napi_env env, napi_value exports);

}  // namespace addon
}  // namespace ckl
