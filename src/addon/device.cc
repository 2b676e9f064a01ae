#include "device.h"

#include <utility>

#include "../core/cuda_info.h"
#include "gpu_threads.h"

namespace ckl {
namespace addon {

namespace {

// Addresses, handles and sizes come as numbers: all are below 2^53.
int64_t whole(const Napi::CallbackInfo& info, size_t i) {
  const double x = i < info.Length() && info[i].IsNumber() ? info[i].As<Napi::Number>().DoubleValue() : -1;
  if (!(x >= 0 && x <= 9007199254740991.0)) throw Napi::TypeError::New(info.Env(), "a number from 0 to 2^53 is needed");
  return int64_t(x);
}
void* address(const Napi::CallbackInfo& info, size_t i) { return reinterpret_cast<void*>(uintptr_t(whole(info, i))); }
StreamHandle stream(const Napi::CallbackInfo& info, size_t i) { return StreamHandle(whole(info, i)); }

struct Bytes {
  char* data;
  int64_t size;
};
Bytes host_bytes(const Napi::Value& array) {
  const napi_env env = array.Env();
  if (!array.IsTypedArray()) throw Napi::TypeError::New(env, "a typed array is needed");
  // The C API: it has the address of shared memory as well.
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, nullptr, nullptr, &data, nullptr, nullptr) != napi_ok)
    throw Napi::Error::New(env);
  return {static_cast<char*>(data), int64_t(array.As<Napi::TypedArray>().ByteLength())};
}

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

// Waits for work that was enqueued. What a copy brings is written on JavaScript's own thread: only there is it certain that
// the array still has its memory.
class Waiting : public Task {
 public:
  Waiting(Napi::Env env, std::unique_ptr<Pending> pending) : deferred_(env), pending_(std::move(pending)) {}
  Waiting(Napi::Env env, std::unique_ptr<Download> download, const Napi::Object& array, int64_t bytes)
      : deferred_(env),
        download_(download.get()),
        pending_(std::move(download)),
        array_(Napi::Persistent(array)),
        bytes_(bytes) {}
  // The promise of one that was started.
  static Napi::Value start(Napi::Env env, const Device& device, StreamHandle stream, Waiting* waiting) {
    std::unique_ptr<Task> task(waiting);
    const Napi::Promise promise = waiting->deferred_.Promise();
    wait_beside(env, {&device, stream}, std::move(task));
    return promise;
  }

  void execute() override {
    try {
      pending_->wait();
    } catch (const DeviceError& error) { error_ = error; }
  }
  void settle(Napi::Env env) override {
    if (error_.code != 0) return deferred_.Reject(cuda_failure(env, error_).Value());
    if (download_) {
      const Bytes to = host_bytes(array_.Value());
      if (to.size != bytes_)
        return deferred_.Reject(Napi::TypeError::New(env, "the array was detached meanwhile").Value());
      if (bytes_ > 0) download_->write(to.data);
    }
    deferred_.Resolve(env.Undefined());
  }

 private:
  Napi::Promise::Deferred deferred_;
  Download* const download_ = nullptr;
  const std::unique_ptr<Pending> pending_;
  const Napi::ObjectReference array_;
  const int64_t bytes_ = 0;
  DeviceError error_ = {0};
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
  exports.Set("pointerInfo", Napi::Function::New(env, pointer_info_of, "pointerInfo"));
}

Napi::Function DeviceObject::define(Napi::Env env) {
  return DefineClass(
      env, kName,
      {InstanceMethod<&DeviceObject::memory>("memory"), InstanceMethod<&DeviceObject::synchronize>("synchronize"),
       InstanceMethod<&DeviceObject::idle>("idle"), InstanceMethod<&DeviceObject::join>("join"),
       InstanceMethod<&DeviceObject::pending>("pending"), InstanceMethod<&DeviceObject::to_device>("toDevice"),
       InstanceMethod<&DeviceObject::to_host>("toHost"), InstanceMethod<&DeviceObject::copy>("copy"),
       InstanceMethod<&DeviceObject::fill>("fill"), InstanceMethod<&DeviceObject::download>("download")});
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
Napi::Value DeviceObject::pending(const Napi::CallbackInfo& info) {
  const StreamHandle on = stream(info, 0);
  return Waiting::start(info.Env(), *device_, on,
                        new Waiting(info.Env(), reporting(info.Env(), [&] { return device_->pending(on); })));
}

Napi::Value DeviceObject::to_device(const Napi::CallbackInfo& info) {
  const Bytes from = host_bytes(info[1]);
  reporting(info.Env(), [&] { device_->to_device(address(info, 0), from.data, from.size, stream(info, 2)); });
  return info.Env().Undefined();
}
Napi::Value DeviceObject::to_host(const Napi::CallbackInfo& info) {
  const Bytes to = host_bytes(info[0]);
  reporting(info.Env(), [&] { device_->to_host(to.data, address(info, 1), to.size, stream(info, 2)); });
  return info.Env().Undefined();
}
Napi::Value DeviceObject::copy(const Napi::CallbackInfo& info) {
  reporting(info.Env(), [&] { device_->copy(address(info, 0), address(info, 1), whole(info, 2), stream(info, 3)); });
  return info.Env().Undefined();
}
Napi::Value DeviceObject::fill(const Napi::CallbackInfo& info) {
  reporting(info.Env(), [&] { device_->fill(address(info, 0), int(whole(info, 1)), whole(info, 2), stream(info, 3)); });
  return info.Env().Undefined();
}
Napi::Value DeviceObject::download(const Napi::CallbackInfo& info) {
  const Bytes to = host_bytes(info[0]);
  const StreamHandle on = stream(info, 2);
  auto download = reporting(info.Env(), [&] { return device_->download(address(info, 1), to.size, on); });
  return Waiting::start(info.Env(), *device_, on,
                        new Waiting(info.Env(), std::move(download), info[0].As<Napi::Object>(), to.size));
}

}  // namespace addon
}  // namespace ckl
