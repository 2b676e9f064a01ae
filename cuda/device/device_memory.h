// Memory, streams, events and graphs of a GPU as objects that give them back. Nothing else allocates or creates any.
#pragma once
#include <cuda_runtime.h>
#include <stddef.h>

namespace ckl {
namespace cuda {

// A CUDA error on its way to a Status.
struct Failure {
  cudaError_t error;
};
inline void must(cudaError_t error) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // clear the sticky error so the next call does not report it again
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
    data_ = nullptr;
    bytes_ = 0;
    void* p = nullptr;
    must(cudaMalloc(&p, bytes));
    data_ = static_cast<char*>(p);
    bytes_ = bytes;
    return data_;
  }

 private:
  char* data_ = nullptr;
  size_t bytes_ = 0;
};

// Pinned host memory, which a GPU copies from and to directly.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(size_t bytes) : size_(bytes) {
    void* p = nullptr;
    must(cudaHostAlloc(&p, bytes, cudaHostAllocPortable));
    data_ = static_cast<char*>(p);
  }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  ~PinnedBuffer() { cudaFreeHost(data_); }
  char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  const size_t size_;
};

class Stream {
 public:
  Stream() : stream_(make()) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
  cudaStream_t get() const { return stream_; }

  // For those who keep only the handle.
  static cudaStream_t make() {
    cudaStream_t stream = nullptr;
    must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return stream;
  }

 private:
  cudaStream_t stream_;
};

class Event {
 public:
  // blocking: who waits for it sleeps, rather than asking again and again.
  explicit Event(bool blocking = false) {
    must(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | (blocking ? cudaEventBlockingSync : 0)));
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  void record(cudaStream_t stream) { must(cudaEventRecord(event_, stream)); }
  void wait() const { must(cudaEventSynchronize(event_)); }
  // What `stream` is given from now on waits for what `other` holds now.
  void join(cudaStream_t stream, cudaStream_t other) {
    record(other);
    must(cudaStreamWaitEvent(stream, event_, 0));
  }

 private:
  cudaEvent_t event_ = nullptr;
};

// What was enqueued during a capture, to be enqueued again as a whole.
class GraphExec {
 public:
  GraphExec() = default;
  GraphExec(const GraphExec&) = delete;
  GraphExec& operator=(const GraphExec&) = delete;
  ~GraphExec() {
    if (exec_) cudaGraphExecDestroy(exec_);
  }
  template <class Enqueue>
  void capture(cudaStream_t stream, Enqueue enqueue) {
    const cudaGraph_t graph = record(stream, enqueue);
    const cudaError_t error = cudaGraphInstantiate(&exec_, graph, 0);
    cudaGraphDestroy(graph);
    must(error);
  }
  // From the next launch on it is what `enqueue` enqueues: the same calls with other parameters. False if they are not
  // the same; then it stays as it was.
  template <class Enqueue>
  bool update(cudaStream_t stream, Enqueue enqueue) {
    const cudaGraph_t graph = record(stream, enqueue);
    cudaGraphExecUpdateResultInfo info = {};
    const cudaError_t error = cudaGraphExecUpdate(exec_, graph, &info);
    cudaGraphDestroy(graph);
    if (error != cudaErrorGraphExecUpdateFailure) must(error);
    else cudaGetLastError();  // clear it so the next call does not report it
    return error == cudaSuccess;
  }
  void launch(cudaStream_t stream) const { must(cudaGraphLaunch(exec_, stream)); }

 private:
  // Relaxed, so that `enqueue` may allocate.
  template <class Enqueue>
  static cudaGraph_t record(cudaStream_t stream, Enqueue enqueue) {
    must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    cudaGraph_t graph = nullptr;
    try {
      enqueue();
    } catch (...) {  // end the capture of the stream
      if (cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph) cudaGraphDestroy(graph);
      cudaGetLastError();
      throw;
    }
    must(cudaStreamEndCapture(stream, &graph));
    return graph;
  }

  cudaGraphExec_t exec_ = nullptr;
};

}  // namespace cuda
}  // namespace ckl
