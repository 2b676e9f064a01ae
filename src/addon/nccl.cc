// NCCL as JavaScript objects: ncclOpen, ncclId, and NcclRank, this process's rank in a group of GPUs. lib/native/nccl.ts has the
// signatures.
#include "../distributed/nccl.h"

#include <utility>

#include "device.h"
#include "device_arguments.h"
#include "distributed.h"

namespace ckl {
namespace addon {

namespace {

using distributed::Nccl;
using distributed::NcclError;
using distributed::NcclHandle;
using distributed::NcclId;

const Nccl* opened = nullptr;  // set by ncclOpen; a process has at most one

const Nccl& library(Napi::Env env) {
  if (!opened) throw Napi::TypeError::New(env, "ncclOpen comes first");
  return *opened;
}

// Runs NCCL calls; their errors have the property `nccl`.
template <class Calls>
auto telling(Napi::Env env, Calls calls) -> decltype(calls()) {
  try {
    return reporting(env, calls);
  } catch (const NcclError& error) {
    const Napi::Error made = Napi::Error::New(env, error.words);
    made.Value().DefineProperty(
        Napi::PropertyDescriptor::Value("nccl", Napi::Boolean::New(env, true), napi_enumerable));
    throw made;
  }
}

// ncclOpen(names): { file, version, loaded } of the library that is open, and `tried`: why each of the others was
// rejected.
Napi::Value nccl_open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsArray()) throw Napi::TypeError::New(env, "ncclOpen needs a list of names");
  const Napi::Array list = info[0].As<Napi::Array>();
  std::vector<std::string> names, tried;
  for (uint32_t k = 0; k < list.Length(); k++) names.push_back(list.Get(k).ToString());
  opened = Nccl::open(names, tried);
  const Napi::Object out = Napi::Object::New(env);
  if (opened) {
    out.Set("file", Napi::String::New(env, opened->file()));
    out.Set("version", Napi::String::New(env, opened->version()));
    out.Set("loaded", Napi::Boolean::New(env, opened->was_loaded()));
  }
  const Napi::Array wrong = Napi::Array::New(env);
  for (uint32_t k = 0; k < tried.size(); k++) wrong.Set(k, Napi::String::New(env, tried[k]));
  out.Set("tried", wrong);
  return out;
}

// ncclId(): the 128-byte id with which the ranks of a group join it.
Napi::Value nccl_id(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const NcclId id = telling(env, [&] { return library(env).id(); });
  Napi::Uint8Array out = Napi::Uint8Array::New(env, sizeof id.bytes);
  std::copy(id.bytes, id.bytes + sizeof id.bytes, out.Data());
  return out;
}

class NcclRank : public Tagged<NcclRank> {
 public:
  static constexpr const char* kName = "NcclRank";
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, kName,
        {InstanceMethod<&NcclRank::all_gather>("allGather"), InstanceMethod<&NcclRank::broadcast>("broadcast"),
         InstanceMethod<&NcclRank::sum>("sum"), InstanceMethod<&NcclRank::dispose>("dispose")});
  }
  // new NcclRank(device, size, rank, id)
  explicit NcclRank(const Napi::CallbackInfo& info) : Tagged(info), device_(DeviceObject::of(info)) {
    const Napi::Env env = info.Env();
    size_ = int(whole(info, 1, 1 << 20)), rank_ = int(whole(info, 2, size_ - 1));
    NcclId id;
    if (info.Length() < 4 || !info[3].IsTypedArray() || info[3].As<Napi::TypedArray>().ByteLength() != sizeof id.bytes)
      throw Napi::TypeError::New(env, "an id of 128 bytes is needed");
    const uint8_t* const given = info[3].As<Napi::Uint8Array>().Data();
    std::copy(given, given + sizeof id.bytes, id.bytes);
    comm_ = telling(env, [&] {
      device_->use();
      return library(env).join(size_, id, rank_);
    });
  }
  ~NcclRank() override { release(); }

 private:
  // allGather(from, to, bytes, stream)
  Napi::Value all_gather(const Napi::CallbackInfo& info) {
    return call(info, [&](const Nccl& nccl) {
      nccl.all_gather(comm_, address(info, 0), address(info, 1), size_t(whole(info, 2)), address(info, 3));
    });
  }
  // broadcast(data, bytes, root, stream)
  Napi::Value broadcast(const Napi::CallbackInfo& info) {
    return call(info, [&](const Nccl& nccl) {
      nccl.broadcast(comm_, address(info, 0), size_t(whole(info, 1)), int(whole(info, 2, size_ - 1)), address(info, 3));
    });
  }
  // sum(data, elements, type, stream): each rank adds one part of all ranks' arrays in rank order, and receives the other
  // parts.
  Napi::Value sum(const Napi::CallbackInfo& info) {
    return call(info, [&](const Nccl& nccl) {
      char* const data = address(info, 0);
      const int64_t n = whole(info, 1);
      const ElementType type = ElementType(whole(info, 2, int(ElementType::float64)));
      void* const stream = address(info, 3);
      const int64_t part = (n + size_ - 1) / size_, own = std::max(int64_t(0), std::min(part, n - part * rank_));
      const size_t bytes = size_t(part * size_of(type)), total = size_t(n * size_of(type));
      char* const parts = scratch(int64_t(bytes) * size_);
      nccl.spread(comm_, size_, rank_, data, parts, bytes, total, stream);
      device_->sum(data + bytes * size_t(rank_), parts, own, part, size_, type, StreamHandle(uintptr_t(stream)));
      nccl.collect(comm_, size_, data, bytes, total, stream);
    });
  }
  Napi::Value dispose(const Napi::CallbackInfo& info) {
    release();
    return info.Env().Undefined();
  }

  template <class Calls>
  Napi::Value call(const Napi::CallbackInfo& info, Calls calls) {
    const Napi::Env env = info.Env();
    if (!comm_) throw Napi::TypeError::New(env, "this rank was disposed");
    telling(env, [&] {
      device_->use();
      calls(library(env));
    });
    return env.Undefined();
  }
  // Growing device memory. Freeing waits for the GPU, so enqueued work never loses its memory.
  char* scratch(int64_t bytes) {
    if (bytes > scratch_bytes_) {
      if (scratch_) device_->release(std::exchange(scratch_, nullptr));
      scratch_bytes_ = 0;
      scratch_ = device_->allocate(bytes);
      scratch_bytes_ = bytes;
    }
    return static_cast<char*>(scratch_);
  }
  void release() {
    if (comm_) opened->leave(std::exchange(comm_, nullptr));
    if (scratch_) device_->release(std::exchange(scratch_, nullptr));
    scratch_bytes_ = 0;
  }

  const std::shared_ptr<Device> device_;
  int size_ = 0, rank_ = 0;
  NcclHandle comm_ = nullptr;
  void* scratch_ = nullptr;
  int64_t scratch_bytes_ = 0;
};

}  // namespace

void define_nccl(Napi::Env env, Napi::Object exports) {
  exports.Set("NcclRank", NcclRank::define(env));
  exports.Set("ncclOpen", Napi::Function::New(env, nccl_open, "ncclOpen"));
  exports.Set("ncclId", Napi::Function::New(env, nccl_id, "ncclId"));
}

}  // namespace addon
}  // namespace ckl
