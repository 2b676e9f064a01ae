// A GPU for callers who have their data on it: memory, streams, copies, losses enqueued and captured.
#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "../launch/device_loss.h"
#include "pinned.h"
#include "staging.h"

namespace ckl {
namespace cuda {

namespace {

// Pinned memory for copies that are waited for elsewhere: making it costs more than most copies, so it is kept.
class PinnedPool {
 public:
  std::unique_ptr<PinnedBuffer> take(size_t bytes) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto found = std::find_if(free_.begin(), free_.end(), [&](const std::unique_ptr<PinnedBuffer>& buffer) {
        return buffer->size() >= bytes && buffer->size() <= 4 * std::max(bytes, kLeast);
      });
      if (found != free_.end()) {
        std::unique_ptr<PinnedBuffer> buffer = std::move(*found);
        free_.erase(found);
        kept_ -= buffer->size();
        return buffer;
      }
    }
    size_t size = kLeast;
    while (size < bytes && size < kMost) size *= 2;
    size = std::max(size, bytes);  // what is too much to keep is no larger than needed
    return std::unique_ptr<PinnedBuffer>(new PinnedBuffer(size));
  }
  // A buffer that is too much to keep is let go.
  void give_back(std::unique_ptr<PinnedBuffer> buffer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (kept_ + buffer->size() > kMost) return;
    kept_ += buffer->size();
    free_.push_back(std::move(buffer));
  }

 private:
  static constexpr size_t kLeast = 4096, kMost = size_t(64) << 20;
  std::mutex mutex_;
  std::vector<std::unique_ptr<PinnedBuffer>> free_;
  size_t kept_ = 0;
};

// Waits on a thread that has no device yet: left without one, CUDA would start the first device for it.
void wait_for(const Event& event, int device) {
  reporting([&] {
    must(cudaSetDevice(device));
    event.wait();
  });
}

class PendingEvent : public Pending {
 public:
  // kept: until then, or null.
  PendingEvent(int device, cudaStream_t stream, std::shared_ptr<PinnedBuffer> kept = nullptr)
      : device_(device), kept_(std::move(kept)), event_(true) {
    event_.record(stream);
  }
  void wait() override { wait_for(event_, device_); }

 private:
  const int device_;
  const std::shared_ptr<PinnedBuffer> kept_;
  Event event_;
};

// A copy that the GPU writes where it is to go.
class DirectDownload : public Download {
 public:
  explicit DirectDownload(std::unique_ptr<PendingEvent> done) : done_(std::move(done)) {}
  void wait() override { done_->wait(); }
  void write(void*) override {}

 private:
  const std::unique_ptr<PendingEvent> done_;
};

class PinnedDownload : public Download {
 public:
  PinnedDownload(int device, std::shared_ptr<PinnedPool> pool, const void* from, int64_t bytes, cudaStream_t stream)
      : device_(device), pool_(std::move(pool)), bytes_(size_t(bytes)), buffer_(pool_->take(bytes_)) {
    must(cudaMemcpyAsync(buffer_->data(), from, bytes_, cudaMemcpyDeviceToHost, stream));
    done_.record(stream);
  }
  void wait() override { wait_for(done_, device_); }
  void write(void* to) override {
    std::memcpy(to, buffer_->data(), bytes_);
    pool_->give_back(std::move(buffer_));
  }

 private:
  const int device_;
  const std::shared_ptr<PinnedPool> pool_;
  const size_t bytes_;
  std::unique_ptr<PinnedBuffer> buffer_;  // without a finish() it is freed, for which CUDA waits
  Event done_{true};
};

class CudaDevice : public Device {
 public:
  explicit CudaDevice(int index) : index_(index), chip_(new Chip(index)), pinned_(new PinnedPool) {}

  void use() override {
    here([] {});
  }

  PinnedMemory allocate_pinned(int64_t bytes) override {
    PinnedMemory made = {};
    here([&] { made = cuda::allocate_pinned(size_t(bytes)); });
    return made;
  }
  void* allocate(int64_t bytes) override {
    void* p = nullptr;
    if (bytes > 0) here([&] { must(cudaMalloc(&p, size_t(bytes))); });
    return p;
  }
  void release(void* memory) noexcept override {
    cudaSetDevice(index_);
    cudaFree(memory);
    cudaGetLastError();
  }
  void memory(double& free, double& total) override {
    size_t bytes[2];
    here([&] { must(cudaMemGetInfo(&bytes[0], &bytes[1])); });
    free = double(bytes[0]);
    total = double(bytes[1]);
  }

  StreamHandle make_stream() override {
    cudaStream_t stream = nullptr;
    here([&] { stream = Stream::make(); });
    return handle_of(stream);
  }
  void destroy_stream(StreamHandle stream) noexcept override {
    cudaStreamDestroy(stream_of(stream));
    cudaGetLastError();
  }
  void synchronize(StreamHandle stream) override {
    here([&] { must(cudaStreamSynchronize(stream_of(stream))); });
  }
  bool idle(StreamHandle stream) override {
    bool done = false;
    here([&] {
      const cudaError_t error = cudaStreamQuery(stream_of(stream));
      done = error == cudaSuccess;
      if (error != cudaErrorNotReady) must(error);
      cudaGetLastError();  // clear "not ready" so the next call does not report it
    });
    return done;
  }
  void join(StreamHandle stream, StreamHandle other) override {
    here([&] { Event().join(stream_of(stream), stream_of(other)); });
  }
  std::unique_ptr<Pending> pending(StreamHandle stream) override {
    std::unique_ptr<Pending> result;
    here([&] { result.reset(new PendingEvent(index_, stream_of(stream))); });
    return result;
  }

  void to_device(void* to, const void* from, int64_t bytes, StreamHandle stream) override {
    char* const p = static_cast<char*>(const_cast<void*>(from));
    here([&] { staging().to_device(static_cast<char*>(to), {p, bytes, bytes, 1}, stream_of(stream)); });
  }
  void to_host(void* to, const void* from, int64_t bytes, StreamHandle stream) override {
    char* const p = static_cast<char*>(to);
    here([&] { staging().to_host({p, bytes, bytes, 1}, static_cast<const char*>(from), stream_of(stream)); });
  }
  void copy(void* to, const void* from, int64_t bytes, StreamHandle stream) override {
    here([&] { must(cudaMemcpyAsync(to, from, size_t(bytes), cudaMemcpyDeviceToDevice, stream_of(stream))); });
  }
  void fill(void* to, int byte, int64_t bytes, StreamHandle stream) override {
    here([&] { must(cudaMemsetAsync(to, byte, size_t(bytes), stream_of(stream))); });
  }
  void sum(void* to, const void* from, int64_t n, int64_t stride, int parts, ElementType type,
           StreamHandle stream) override {
    char* const out = static_cast<char*>(to);
    const char* const in = static_cast<const char*>(from);
    if (n > 0) here([&] { must(launch_sum(out, in, n, stride, parts, type, stream_of(stream))); });
  }
  std::unique_ptr<Pending> upload(void* to, const void* from, int64_t bytes, StreamHandle stream) override {
    char* const p = static_cast<char*>(const_cast<void*>(from));
    std::unique_ptr<Pending> result;
    here([&] {
      auto kept = keep_pinned(from, size_t(bytes));
      staging().enqueue_to_device(static_cast<char*>(to), {p, bytes, bytes, 1}, stream_of(stream));
      result.reset(new PendingEvent(index_, stream_of(stream), std::move(kept)));
    });
    return result;
  }
  std::unique_ptr<Download> download(void* to, const void* from, int64_t bytes, StreamHandle stream) override {
    std::unique_ptr<Download> result;
    here([&] {
      auto kept = bytes > 0 ? keep_pinned(to, size_t(bytes)) : nullptr;
      if (!kept) return result.reset(new PinnedDownload(index_, pinned_, from, bytes, stream_of(stream)));
      must(cudaMemcpyAsync(to, from, size_t(bytes), cudaMemcpyDeviceToHost, stream_of(stream)));
      std::unique_ptr<PendingEvent> done(new PendingEvent(index_, stream_of(stream), std::move(kept)));
      result.reset(new DirectDownload(std::move(done)));
    });
    return result;
  }

  std::unique_ptr<DeviceLoss> loss(const Plan& plan, int64_t queries, int64_t docs) override {
    return device_loss(index_, chip_, plan, queries, docs);
  }

 private:
  // On this device, with CUDA's failures as DeviceError.
  template <class Calls>
  void here(Calls calls) {
    reporting([&] {
      must(cudaSetDevice(index_));
      calls();
    });
  }
  Staging& staging() {
    if (!staging_) staging_.reset(new Staging);
    return *staging_;
  }

  const int index_;
  const std::shared_ptr<Chip> chip_;
  const std::shared_ptr<PinnedPool> pinned_;
  std::unique_ptr<Staging> staging_;
};

}  // namespace

}  // namespace cuda

std::shared_ptr<Device> open_device(int index) {
  std::shared_ptr<Device> device;
  cuda::reporting([&] { device = std::make_shared<cuda::CudaDevice>(index); });
  return device;
}

PointerInfo pointer_info(const void* address, int device) {
  cudaPointerAttributes attributes = {};
  cuda::reporting([&] {
    if (device >= 0) cuda::must(cudaSetDevice(device));
    cuda::must(cudaPointerGetAttributes(&attributes, address));
  });
  switch (attributes.type) {
    case cudaMemoryTypeHost: return {MemoryKind::host, -1};
    case cudaMemoryTypeDevice: return {MemoryKind::device, attributes.device};
    case cudaMemoryTypeManaged: return {MemoryKind::managed, attributes.device};
    default: return {MemoryKind::unknown, -1};
  }
}

}  // namespace ckl
