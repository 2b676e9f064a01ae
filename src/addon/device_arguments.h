// Arguments of calls about device memory.
#pragma once
#include <napi.h>

#include "../core/device.h"

namespace ckl {
namespace addon {

// Addresses, handles and sizes come as numbers, from 0 to `most`: all are below 2^53.
inline int64_t whole(const Napi::CallbackInfo& info, size_t i, double most = 9007199254740991.0) {
  const double x = i < info.Length() && info[i].IsNumber() ? info[i].As<Napi::Number>().DoubleValue() : -1;
  if (!(x >= 0 && x <= most)) throw Napi::TypeError::New(info.Env(), "a number from 0 to 2^53 is needed");
  return int64_t(x);
}
inline char* address(const Napi::CallbackInfo& info, size_t i) {
  return reinterpret_cast<char*>(uintptr_t(whole(info, i)));
}
inline StreamHandle stream(const Napi::CallbackInfo& info, size_t i) { return StreamHandle(whole(info, i)); }

}  // namespace addon
}  // namespace ckl
