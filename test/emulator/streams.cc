// Streams, events and graphs of the emulated CUDA runtime: work waits until somebody waits for it.
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "runtime.h"

using emulator::Work;

struct EmulatedGraph {
  std::vector<Work> nodes;
};
// A launch holds what the graph was then.
struct EmulatedGraphExec {
  std::shared_ptr<const EmulatedGraph> graph;
};
struct EmulatedStream {
  int device = 0;
  std::deque<Work> work;
  uint64_t done = 0;  // pieces of work so far
  std::unique_ptr<EmulatedGraph> capture;
  cudaError_t error = cudaSuccess;
  uint64_t enqueued() const { return done + work.size(); }
};
struct EmulatedEvent {
  int device = 0;
  cudaStream_t stream = nullptr;
  uint64_t position = 0;  // of the stream, when the event has come
};

namespace {

struct Streams {
  std::recursive_mutex mutex;
  std::set<cudaStream_t> all;
};
Streams& streams() {
  static Streams* one = new Streams;
  return *one;
}
typedef std::lock_guard<std::recursive_mutex> Lock;

// CUDA's default stream goes by three handles.
bool is_default(cudaStream_t stream) { return reinterpret_cast<uintptr_t>(stream) <= 2; }

bool lives(cudaStream_t stream) { return is_default(stream) || streams().all.count(stream) > 0; }

int current_device() {
  int device;
  cudaGetDevice(&device);
  return device;
}

bool overlap(const Work& earlier, const Work& later) {
  return later.overlaps && earlier.kind == emulator::NodeKind::kernel;
}
// Kernels that may begin early do.
cudaError_t run_in_order(const std::vector<Work>& work) {
  for (size_t k = 0; k < work.size(); k++) {
    cudaError_t error = cudaSuccess, before = cudaSuccess;
    if (k + 1 < work.size() && overlap(work[k], work[k + 1])) {
      error = work[k + 1].run([&] { before = work[k].run(nullptr); });
      k++;
    } else {
      error = work[k].run(nullptr);
    }
    if (before != cudaSuccess) return before;
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

// Runs what the stream holds, up to a position of its own.
cudaError_t run_to(cudaStream_t stream, uint64_t position) {
  if (is_default(stream) || !lives(stream)) return cudaSuccess;
  while (stream->done < position && !stream->work.empty()) {
    const size_t count = std::min<uint64_t>(stream->work.size(), position - stream->done);
    const size_t taken = count > 1 && overlap(stream->work[0], stream->work[1]) ? 2 : 1;
    const std::vector<Work> work(stream->work.begin(), stream->work.begin() + long(taken));
    stream->work.erase(stream->work.begin(), stream->work.begin() + long(taken)), stream->done += taken;
    const cudaError_t error = run_in_order(work);
    if (stream->error == cudaSuccess) stream->error = error;
  }
  return stream->error;
}

// Whether a test has stopped the stream: while the file that CKL_EMULATOR_HOLD names exists, none gets further, or only none of those
// whose handles it lists.
bool is_held(cudaStream_t stream) {
  const char* const name = getenv("CKL_EMULATOR_HOLD");
  std::ifstream file(name ? name : "");
  if (!file) return false;
  bool any = false;
  for (uint64_t handle; file >> handle; any = true)
    if (handle == uint64_t(reinterpret_cast<uintptr_t>(stream))) return true;
  return !any;
}

// Stands still, and leaves the other threads alone, until the stream may go to the position.
void wait_while_held(cudaStream_t stream, uint64_t position) {
  const auto may_go = [&] {
    const Lock lock(streams().mutex);
    return is_default(stream) || !lives(stream) || stream->work.empty() || stream->done >= position;
  };
  while (!may_go() && is_held(stream)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

bool is_pinned_or_device(const void* pointer) {
  cudaPointerAttributes attributes;
  cudaPointerGetAttributes(&attributes, pointer);
  return attributes.type != cudaMemoryTypeUnregistered;
}

}  // namespace

namespace emulator {

cudaError_t enqueue(cudaStream_t stream, Work work) {
  const Lock lock(streams().mutex);
  if (is_default(stream)) {  // the default stream waits for all others
    drain();
    return work.run(nullptr);
  }
  if (!lives(stream) || current_device() != stream->device) return cudaErrorInvalidResourceHandle;
  if (stream->capture) return stream->capture->nodes.push_back(std::move(work)), cudaSuccess;
  stream->work.push_back(std::move(work));
  return stream->error;
}

void drain() {
  const Lock lock(streams().mutex);
  for (cudaStream_t stream : streams().all) run_to(stream, UINT64_MAX);
}

}  // namespace emulator

// For a stand-in of a library that enqueues work of its own (nccl_standin.cc): 0, or CUDA's error.
extern "C" __attribute__((visibility("default"))) int ckl_emulator_enqueue(void* stream, int (*work)(void*),
                                                                           void* data) {
  return emulator::enqueue(static_cast<cudaStream_t>(stream), [=] { return cudaError_t(work(data)); });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  const cudaError_t error = emulator::enqueue(
      stream, [=] { return memmove(to, from, bytes), cudaSuccess; }, emulator::NodeKind::copy);
  // Pageable host memory is read or written before the call returns.
  if (error == cudaSuccess && !(is_pinned_or_device(to) && is_pinned_or_device(from)))
    return cudaStreamSynchronize(stream);
  return error;
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t rows,
                              cudaMemcpyKind, cudaStream_t stream) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidValue;
  if (!is_pinned_or_device(to) || !is_pinned_or_device(from)) return cudaErrorInvalidValue;  // nothing here needs it
  return emulator::enqueue(stream, [=] {
    for (size_t r = 0; r < rows; r++)
      memmove(static_cast<char*>(to) + r * to_pitch, static_cast<const char*>(from) + r * from_pitch, width);
    return cudaSuccess;
  });
}
cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t stream) {
  return emulator::enqueue(
      stream, [=] { return memset(pointer, value, bytes), cudaSuccess; }, emulator::NodeKind::set);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const Lock lock(streams().mutex);
  *stream = new EmulatedStream;
  emulator::count_allocation();
  (*stream)->device = current_device();
  streams().all.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(streams().mutex);
  if (is_default(stream) || !lives(stream)) return cudaErrorInvalidResourceHandle;
  run_to(stream, UINT64_MAX);
  streams().all.erase(stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  wait_while_held(stream, UINT64_MAX);
  const Lock lock(streams().mutex);
  if (is_default(stream)) return emulator::drain(), cudaSuccess;
  if (!lives(stream)) return cudaErrorInvalidResourceHandle;
  if (stream->capture) return cudaErrorStreamCaptureUnsupported;
  return run_to(stream, UINT64_MAX);
}
// Each question moves the stream by one piece of work.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const Lock lock(streams().mutex);
  if (is_default(stream)) return cudaSuccess;
  if (!lives(stream)) return cudaErrorInvalidResourceHandle;
  if (stream->work.empty()) return stream->error;
  if (!is_held(stream)) run_to(stream, stream->done + 1);
  return cudaErrorNotReady;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new EmulatedEvent;
  (*event)->device = current_device();
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(streams().mutex);
  if (!lives(stream)) return cudaErrorInvalidResourceHandle;
  if (event->device != (is_default(stream) ? current_device() : stream->device)) return cudaErrorInvalidResourceHandle;
  event->stream = stream, event->position = 0;
  if (is_default(stream)) return emulator::drain(), cudaSuccess;
  if (stream->capture) return cudaErrorStreamCaptureUnsupported;
  event->position = stream->enqueued();
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  wait_while_held(event->stream, event->position);
  const Lock lock(streams().mutex);
  return run_to(event->stream, event->position);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const EmulatedEvent moment = *event;
  return emulator::enqueue(stream, [=] { return run_to(moment.stream, moment.position); });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const Lock lock(streams().mutex);
  if (is_default(stream)) return cudaErrorStreamCaptureUnsupported;
  if (!lives(stream)) return cudaErrorInvalidResourceHandle;
  if (stream->capture) return cudaErrorStreamCaptureUnsupported;
  stream->capture.reset(new EmulatedGraph);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock(streams().mutex);
  if (is_default(stream) || !lives(stream) || !stream->capture) return cudaErrorInvalidValue;
  return *graph = stream->capture.release(), cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new EmulatedGraphExec{std::make_shared<const EmulatedGraph>(*graph)};
  return cudaSuccess;
}
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* info) {
  const std::vector<Work>&now = exec->graph->nodes, &next = graph->nodes;
  *info = {cudaGraphExecUpdateSuccess};
  if (now.size() != next.size()) *info = {cudaGraphExecUpdateErrorTopologyChanged};
  else
    for (size_t k = 0; k < now.size(); k++)
      if (now[k].kind != next[k].kind || now[k].overlaps != next[k].overlaps)
        *info = {cudaGraphExecUpdateErrorNodeTypeChanged};
  if (info->result != cudaGraphExecUpdateSuccess) return cudaErrorGraphExecUpdateFailure;
  exec->graph = std::make_shared<const EmulatedGraph>(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const auto graph = exec->graph;
  return emulator::enqueue(stream, [=] { return run_in_order(graph->nodes); });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return delete exec, cudaSuccess; }
