// Memory and streams of a GPU as objects that give them back. Nothing else calls cudaMalloc, cudaHostAlloc or
// cudaStreamCreate.
#pragma once
#include "launch.h"

namespace ckl {
namespace cuda {

// A CUDA error on its way to a Status.
struct Failure {
  cudaError_t error;
};
inline void must(cudaError_t error) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // it has been told: the next call shall not tell it again
  throw Failure{error};
}

// Memory that grows and never shrinks; contents are lost when it grows.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() { cudaFree(data_); }
  char* reserve(size_t bytes) {
    if (bytes <= bytes_) return data_;
    cudaFree(data_);
    data_ = nullptr, bytes_ = 0;
    void* p = nullptr;
    must(cudaMalloc(&p, bytes));
    data_ = static_cast<char*>(p), bytes_ = bytes;
    return data_;
  }

 private:
  char* data_ = nullptr;
  size_t bytes_ = 0;
};

// Memory of the host that a GPU copies from and to without a detour.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(size_t bytes) {
    void* p = nullptr;
    must(cudaHostAlloc(&p, bytes, cudaHostAllocDefault));
    data_ = static_cast<char*>(p);
  }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  ~PinnedBuffer() { cudaFreeHost(data_); }
  char* data() const { return data_; }

 private:
  char* data_ = nullptr;
};

class Stream {
 public:
  Stream() { must(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
  cudaStream_t get() const { return stream_; }
  void wait() const { must(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { must(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  void record(cudaStream_t stream) { must(cudaEventRecord(event_, stream)); }
  void wait() const { must(cudaEventSynchronize(event_)); }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace cuda
}  // namespace ckl
