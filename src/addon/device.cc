#include "device.h"

#include <utility>

#include "../core/cuda_info.h"
#include "device_arguments.h"

namespace ckl {
namespace addon {

namespace {

// Memory of a device, given back by dispose() or when JavaScript has lost it.
class MemoryObject : public Tagged<MemoryObject> {
 public:
  static constexpr const char* kName = "DeviceMemory";
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, kName,
        {InstanceAccessor<&MemoryObject::where>("address"), InstanceMethod<&MemoryObject::dispose>("dispose")});
  }
  explicit MemoryObject(const Napi::CallbackInfo& info) : Tagged(info), device_(DeviceObject::of(info)) {
    const int64_t bytes = whole(info, 1);
    data_ = reporting(info.Env(), [&] { return device_->allocate(bytes); });
    account(info.Env(), bytes);
  }
  ~MemoryObject() override { release(); }
  void Finalize(Napi::Env env) override {
    account(env, -bytes_);
    release();
  }

 private:
  Napi::Value where(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), double(reinterpret_cast<uintptr_t>(data_)));
  }
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    account(info.Env(), -bytes_);
    release();
    return info.Env().Undefined();
  }
  // The garbage collector does not see this memory: told of it, it comes in time.
  void account(Napi::Env env, int64_t change) {
    bytes_ += change;
    if (change != 0) Napi::MemoryManagement::AdjustExternalMemory(env, change);
  }
  void release() {
    if (data_) device_->release(std::exchange(data_, nullptr));
  }

  const std::shared_ptr<Device> device_;
  void* data_ = nullptr;
  int64_t bytes_ = 0;
};

class StreamObject : public Tagged<StreamObject> {
 public:
  static constexpr const char* kName = "DeviceStream";
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, kName,
        {InstanceAccessor<&StreamObject::handle>("handle"), InstanceMethod<&StreamObject::dispose>("dispose")});
  }
  explicit StreamObject(const Napi::CallbackInfo& info)
      : Tagged(info),
        device_(DeviceObject::of(info)),
        handle_(reporting(info.Env(), [&] { return device_->make_stream(); })) {}
  ~StreamObject() override { release(); }

 private:
  Napi::Value handle(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(handle_)); }
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    release();
    return info.Env().Undefined();
  }
  void release() {
    if (handle_) device_->destroy_stream(std::exchange(handle_, 0));
  }

  const std::shared_ptr<Device> device_;
  StreamHandle handle_;
};

// pointerInfo(address, device | -1): [MemoryKind, device]
Napi::Value pointer_info_of(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int device = info.Length() > 1 && info[1].IsNumber() ? info[1].As<Napi::Number>().Int32Value() : -1;
  const PointerInfo found = reporting(env, [&] { return pointer_info(address(info, 0), device); });
  Napi::Array out = Napi::Array::New(env, 2);
  out.Set(uint32_t(0), Napi::Number::New(env, int(found.kind)));
  out.Set(uint32_t(1), Napi::Number::New(env, found.device));
  return out;
}

}  // namespace

Napi::Error cuda_failure(Napi::Env env, const DeviceError& error) {
  const Napi::Error made = Napi::Error::New(env, cuda_error_text(error.code).words);
  // Defined, not set: a setter of the same name up the chain of prototypes is not called.
  made.Value().DefineProperty(
      Napi::PropertyDescriptor::Value("cudaCode", Napi::Number::New(env, error.code), napi_enumerable));
  return made;
}

void define_device(Napi::Env env, Napi::Object exports) {
  exports.Set("Device", DeviceObject::define(env));
  exports.Set("DeviceMemory", MemoryObject::define(env));
  exports.Set("DeviceStream", StreamObject::define(env));
  define_host_memory(env, exports);
  exports.Set("pointerInfo", Napi::Function::New(env, pointer_info_of, "pointerInfo"));
}

Napi::Function DeviceObject::define(Napi::Env env) {
  std::vector<Napi::ClassPropertyDescriptor<DeviceObject>> methods = copies();
  for (const auto& method :
       {InstanceMethod<&DeviceObject::memory>("memory"), InstanceMethod<&DeviceObject::synchronize>("synchronize"),
        InstanceMethod<&DeviceObject::idle>("idle"), InstanceMethod<&DeviceObject::join>("join")})
    methods.push_back(method);
  return DefineClass(env, kName, methods);
}

DeviceObject::DeviceObject(const Napi::CallbackInfo& info) : Tagged(info) {
  const int index = int(whole(info, 0));
  device_ = reporting(info.Env(), [&] { return open_device(index); });
  if (!device_) throw Napi::Error::New(info.Env(), "CUDA is not available: " + cuda_info().reason);
}

std::shared_ptr<Device> DeviceObject::of(const Napi::CallbackInfo& info) {
  return Unwrap(info[0].As<Napi::Object>())->device_;
}

Napi::Value DeviceObject::memory(const Napi::CallbackInfo& info) {
  double free = 0, total = 0;
  reporting(info.Env(), [&] { device_->memory(free, total); });
  Napi::Array out = Napi::Array::New(info.Env(), 2);
  out.Set(uint32_t(0), Napi::Number::New(info.Env(), free));
  out.Set(uint32_t(1), Napi::Number::New(info.Env(), total));
  return out;
}

Napi::Value DeviceObject::synchronize(const Napi::CallbackInfo& info) {
  reporting(info.Env(), [&] { device_->synchronize(stream(info, 0)); });
  return info.Env().Undefined();
}
Napi::Value DeviceObject::idle(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), reporting(info.Env(), [&] { return device_->idle(stream(info, 0)); }));
}
Napi::Value DeviceObject::join(const Napi::CallbackInfo& info) {
  reporting(info.Env(), [&] { device_->join(stream(info, 0), stream(info, 1)); });
  return info.Env().Undefined();
}

}  // namespace addon
}  // namespace ckl
