// Communication between processes, for JavaScript: MPI (mpiOpen, mpiStart, mpiAllGather, mpiBroadcast, mpiSendReceive, mpiBarrier,
// mpiEnd) and NCCL (ncclOpen, ncclId, NcclRank).
#pragma once
#include <napi.h>

namespace ckl {
namespace addon {

void define_distributed(napi_env env, napi_value exports);
void define_nccl(Napi::Env env, Napi::Object exports);

}  // namespace addon
}  // namespace ckl
