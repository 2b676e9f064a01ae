// Copies between arrays and device memory, waits for them, and pinned memory. Only in a binary with CUDA.
#include <utility>

#include "device.h"
#include "device_arguments.h"
#include "gpu_threads.h"

namespace ckl {
namespace addon {

namespace {

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

// releaseHost(buffer): detaches what allocateHost() gave, and frees its memory when no copy is at it.
Napi::Value release_host(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  void* data = nullptr;
  size_t bytes = 0;
  if (napi_get_arraybuffer_info(env, info[0], &data, &bytes) != napi_ok)
    throw Napi::TypeError::New(env, "a buffer is needed");
  const PinnedMemory memory = find_pinned(data);  // before the garbage collector may give it back
  if (memory.serial != 0 && napi_detach_arraybuffer(env, info[0]) == napi_ok) release_pinned(memory);
  return env.Undefined();
}

}  // namespace

void define_host_memory(Napi::Env env, Napi::Object exports) {
  exports.Set("releaseHost", Napi::Function::New(env, release_host, "releaseHost"));
}

std::vector<Napi::ClassPropertyDescriptor<DeviceObject>> DeviceObject::copies() {
  return {InstanceMethod<&DeviceObject::pending>("pending"),
          InstanceMethod<&DeviceObject::to_device>("toDevice"),
          InstanceMethod<&DeviceObject::to_host>("toHost"),
          InstanceMethod<&DeviceObject::copy>("copy"),
          InstanceMethod<&DeviceObject::fill>("fill"),
          InstanceMethod<&DeviceObject::upload>("upload"),
          InstanceMethod<&DeviceObject::download>("download"),
          InstanceMethod<&DeviceObject::allocate_host>("allocateHost")};
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
Napi::Value DeviceObject::upload(const Napi::CallbackInfo& info) {
  const Bytes from = host_bytes(info[1]);
  const StreamHandle on = stream(info, 2);
  auto upload = reporting(info.Env(), [&] { return device_->upload(address(info, 0), from.data, from.size, on); });
  return Waiting::start(info.Env(), *device_, on, new Waiting(info.Env(), std::move(upload)));
}
Napi::Value DeviceObject::download(const Napi::CallbackInfo& info) {
  const Bytes to = host_bytes(info[0]);
  const StreamHandle on = stream(info, 2);
  auto download = reporting(info.Env(), [&] { return device_->download(to.data, address(info, 1), to.size, on); });
  return Waiting::start(info.Env(), *device_, on,
                        new Waiting(info.Env(), std::move(download), info[0].As<Napi::Object>(), to.size));
}

Napi::Value DeviceObject::allocate_host(const Napi::CallbackInfo& info) {
  const int64_t bytes = whole(info, 0);
  const PinnedMemory made = reporting(info.Env(), [&] { return device_->allocate_pinned(bytes); });
  // May run twice: a failed call of Node's may leave the memory to it, or not.
  const auto finalize = [](napi_env, void* data, void* serial) {
    release_pinned({static_cast<char*>(data), reinterpret_cast<uintptr_t>(serial)});
  };
  void* const serial = reinterpret_cast<void*>(uintptr_t(made.serial));
  napi_value buffer = nullptr;
  const napi_status status =
      napi_create_external_arraybuffer(info.Env(), made.data, size_t(bytes), finalize, serial, &buffer);
  if (status == napi_ok) return {info.Env(), buffer};
  finalize(nullptr, made.data, serial);
  if (status == napi_no_external_buffers_allowed) return info.Env().Null();
  throw Napi::Error::New(info.Env());
}

}  // namespace addon
}  // namespace ckl
