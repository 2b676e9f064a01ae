// GPUs as JavaScript objects, for callers who have their data on one: Device, DeviceMemory, DeviceStream.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "../core/device.h"
#include "tagged.h"

namespace ckl {
namespace addon {

// The classes of this file and of device_loss.cc, pointerInfo(), and releaseHost().
void define_device(Napi::Env env, Napi::Object exports);
void define_device_loss(Napi::Env env, Napi::Object exports);
void define_host_memory(Napi::Env env, Napi::Object exports);

// A failed CUDA call as a JavaScript error; its property cudaCode is CUDA's number of it.
Napi::Error cuda_failure(Napi::Env env, const DeviceError& error);

// Runs calls that may throw DeviceError.
template <class Calls>
auto reporting(Napi::Env env, Calls calls) -> decltype(calls()) {
  try {
    return calls();
  } catch (const DeviceError& error) { throw cuda_failure(env, error); }
}

class DeviceObject : public Tagged<DeviceObject> {
 public:
  static constexpr const char* kName = "Device";
  static Napi::Function define(Napi::Env env);
  explicit DeviceObject(const Napi::CallbackInfo& info);
  // The device that is argument 0 of a constructor.
  static std::shared_ptr<Device> of(const Napi::CallbackInfo& info);

 private:
  // The methods of device_copies.cc; none without CUDA, where no Device is made.
  static std::vector<Napi::ClassPropertyDescriptor<DeviceObject>> copies();

  Napi::Value memory(const Napi::CallbackInfo& info);
  Napi::Value synchronize(const Napi::CallbackInfo& info);
  Napi::Value idle(const Napi::CallbackInfo& info);
  Napi::Value join(const Napi::CallbackInfo& info);
  Napi::Value pending(const Napi::CallbackInfo& info);
  Napi::Value to_device(const Napi::CallbackInfo& info);
  Napi::Value to_host(const Napi::CallbackInfo& info);
  Napi::Value copy(const Napi::CallbackInfo& info);
  Napi::Value fill(const Napi::CallbackInfo& info);
  Napi::Value upload(const Napi::CallbackInfo& info);
  Napi::Value download(const Napi::CallbackInfo& info);
  Napi::Value allocate_host(const Napi::CallbackInfo& info);

  std::shared_ptr<Device> device_;
};

}  // namespace addon
}  // namespace ckl
