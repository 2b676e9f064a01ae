// What a GPU offers besides a Backend: memory, streams, copies, and losses enqueued on data in its memory.
//
// Everything here throws DeviceError. A stream is CUDA's own handle of it; 0 is its default stream. Objects belong to one
// thread, but for those that say otherwise.
#pragma once
#include <memory>

#include "batch.h"
#include "plan.h"
#include "status.h"

namespace ckl {

// A CUDA call failed; the code is CUDA's own.
struct DeviceError {
  int code;
};

typedef uint64_t StreamHandle;

// Work that was enqueued, and when it is done. May be waited for on any thread.
class Pending {
 public:
  virtual ~Pending() = default;
  virtual void wait() = 0;
};

// A copy to the host that was enqueued.
class Download : public Pending {
 public:
  // Once, after wait(), on any thread.
  virtual void write(void* to) = 0;
};

// What the host knows of a batch whose offsets may be in device memory: bounds of its rows' lengths, and how many
// elements its arrays have.
struct Extent {
  int64_t shortest, longest, elements;
};

// A loss with everything that it needs of one batch, to be enqueued as a whole.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void launch(StreamHandle stream) = 0;
  // From the next launch on it works on these arrays: those that it was captured with, of the same types, elsewhere. Its rows stay, but
  // for offsets in device memory. False if CUDA cannot do that; then nothing has changed.
  virtual bool replace(const Batch& batch, const Outputs& out) = 0;
};

// Enqueues losses of batches in device memory, and has the scratch space for one at a time: who changes streams joins them.
class DeviceLoss {
 public:
  virtual ~DeviceLoss() = default;
  // summary: two doubles, the loss and how many queries were counted. host_offsets: of a ragged batch, in place of
  // batch.rows.offsets; they have been read when the call returns.
  virtual void enqueue(const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent,
                       const int32_t* host_offsets, double* summary, StreamHandle stream) = 0;
  // The two calls of one rank whose queries are part of a larger batch (Share). First: how often each term counts each query,
  // [terms][queries] in device memory; null without queries. Until the next call on this loss.
  virtual const double* count(const Plan& plan, const Batch& batch, const Extent& extent, const int32_t* host_offsets,
                              StreamHandle stream) = 0;
  // Then `enqueue`, where a mean divides by what is given, one a term. Returns what each query adds to the loss, in device memory;
  // null where that is the query's loss times its weight, still to be divided.
  virtual const double* enqueue_share(const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent,
                                      const int32_t* host_offsets, const double* normalisers, double* summary,
                                      StreamHandle stream) = 0;
  // The same as a graph, which has scratch space of its own; nothing runs yet.
  virtual std::unique_ptr<Graph> capture(const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent,
                                         const int32_t* host_offsets, double* summary) = 0;
};

// Element types that can be added; the first are those of DType.
enum class ElementType : int { float32 = 0, bfloat16 = 1, float16 = 2, float64 = 3 };
constexpr int64_t size_of(ElementType t) { return t == ElementType::float64 ? 8 : t == ElementType::float32 ? 4 : 2; }

// Another allocation may come to the same address later: it has another serial number. The first is 1.
struct PinnedMemory {
  char* data;
  uint64_t serial;
};

class Device {
 public:
  virtual ~Device() = default;

  // Makes it the calling thread's current device, for another library.
  virtual void use() = 0;

  // Page-locked memory of the host, zeros, that all GPUs copy from and to directly: copies with it need no staging.
  virtual PinnedMemory allocate_pinned(int64_t bytes) = 0;

  virtual void* allocate(int64_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;  // when nothing enqueued uses it any more
  virtual void memory(double& free, double& total) = 0;

  virtual StreamHandle make_stream() = 0;
  virtual void destroy_stream(StreamHandle stream) noexcept = 0;
  virtual void synchronize(StreamHandle stream) = 0;
  virtual bool idle(StreamHandle stream) = 0;
  // What `stream` is given from now on waits for what `other` holds now.
  virtual void join(StreamHandle stream, StreamHandle other) = 0;
  virtual std::unique_ptr<Pending> pending(StreamHandle stream) = 0;

  // Has read `from` when it returns; the copy is enqueued.
  virtual void to_device(void* to, const void* from, int64_t bytes, StreamHandle stream) = 0;
  // Waits for the stream, and has written `to` when it returns.
  virtual void to_host(void* to, const void* from, int64_t bytes, StreamHandle stream) = 0;
  virtual void copy(void* to, const void* from, int64_t bytes, StreamHandle stream) = 0;
  virtual void fill(void* to, int byte, int64_t bytes, StreamHandle stream) = 0;
  // to[i] = from[i] + from[stride + i] + ... of so many parts, from left to right; `to` may be none of them. Halves are added
  // in float32 and rounded once.
  virtual void sum(void* to, const void* from, int64_t n, int64_t stride, int parts, ElementType type,
                   StreamHandle stream) = 0;
  // to_device, and when it is done. Of memory that allocate_pinned() gave, `from` is read no sooner than that, and kept until then.
  virtual std::unique_ptr<Pending> upload(void* to, const void* from, int64_t bytes, StreamHandle stream) = 0;
  // to: where write() will be told to write. If allocate_pinned() gave it, the GPU writes there itself, and it is kept until then.
  virtual std::unique_ptr<Download> download(void* to, const void* from, int64_t bytes, StreamHandle stream) = 0;

  // Has the memory that batches of up to this shape need; others are given more when they come.
  virtual std::unique_ptr<DeviceLoss> loss(const Plan& plan, int64_t queries, int64_t docs) = 0;
};

// What an address is, as CUDA knows it.
enum class MemoryKind : int { unknown = 0, host = 1, device = 2, managed = 3 };
struct PointerInfo {
  MemoryKind kind;
  int device;
};

// Implemented by cuda/, and by cuda_none.cc for a binary without it (then null). Throw DeviceError.
std::shared_ptr<Device> open_device(int index);
// device: of those that could have it, one that is in use or soon will be (CUDA starts it); -1: whichever is current.
PointerInfo pointer_info(const void* address, int device);
// What Device::allocate_pinned() gave, by its address; of serial 0 if it gave none that begins there.
PinnedMemory find_pinned(void* address);
// Gives it back, once the copies that keep it are done. What was given back before is left alone. Both on any thread.
void release_pinned(const PinnedMemory& memory);

}  // namespace ckl
