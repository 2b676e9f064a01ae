#include "cuda_backend.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "../../src/core/check.h"
#include "../../src/core/cuda_info.h"
#include "device_loss.h"
#include "enqueue.h"
#include "../device/staging.h"

namespace ckl {
namespace cuda {

// Everything that a call needs on one device. Created by the first call, so that creating a workspace touches no
// device.
struct DeviceState {
  explicit DeviceState(int device) : chip(device) {
    stream.reset(new Stream);
    staging.reset(new Staging);
    scratch.reset(new Scratch);
  }
  Chip chip;
  std::unique_ptr<Stream> stream;
  std::unique_ptr<Staging> staging;
  std::unique_ptr<Scratch> scratch;
  DeviceBuffer arena;
};

// Those of workspaces that are gone. A call waits for its stream, so nothing uses them.
class KeptStates {
 public:
  // Null if there is none. `round` is to be given back with it.
  std::unique_ptr<DeviceState> take(uint64_t& round) {
    const std::lock_guard<std::mutex> lock(mutex_);
    round = round_;
    if (free_.empty()) return nullptr;
    std::unique_ptr<DeviceState> state = std::move(free_.back());
    free_.pop_back();
    return state;
  }
  // One too many, or from before free_all(), is let go.
  void give_back(std::unique_ptr<DeviceState> state, uint64_t round) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (round == round_ && free_.size() < kMost) free_.push_back(std::move(state));
  }
  void free_all() {
    const std::lock_guard<std::mutex> lock(mutex_);
    round_++;
    free_.clear();
  }

 private:
  static constexpr size_t kMost = 4;  // as many as run at once (gpu_threads.cc)
  std::mutex mutex_;
  std::vector<std::unique_ptr<DeviceState>> free_;
  uint64_t round_ = 0;
};

namespace {

struct CudaWorkspace : Workspace {
  explicit CudaWorkspace(std::shared_ptr<KeptStates> all) : kept(std::move(all)) {}
  ~CudaWorkspace() override {
    if (state) kept->give_back(std::move(state), round);
  }
  const std::shared_ptr<KeptStates> kept;
  std::unique_ptr<DeviceState> state;
  uint64_t round = 0;
};

int64_t rank_bytes(RankType type) {
  switch (type) {
    case RankType::none: return 0;
    case RankType::u8: return 1;
    case RankType::u16: return 2;
    default: return 4;
  }
}

Extent extent_of(const Rows& rows) {
  if (!rows.offsets) return {rows.docs, rows.docs, rows.queries * rows.docs};
  Extent e = {rows.queries > 0 ? INT64_MAX : 0, 0, rows.documents(0, rows.queries)};
  for (int64_t b = 0; b < rows.queries; b++)
    e.shortest = std::min(e.shortest, rows.length(b)), e.longest = std::max(e.longest, rows.length(b));
  return e;
}

// One call: the location of each array on the device, and the copies in and out.
class Call {
 public:
  Call(const Batch& batch, const Outputs& out, DeviceState& state)
      : host_(batch), host_out_(out), state_(state), extent_(extent_of(batch.rows)) {}

  void run(const Plan& plan, Summary& summary) {
    try {
      enqueue_all(plan, summary);
    } catch (...) {  // the GPU may still be using arrays that the caller frees next
      cudaStreamSynchronize(state_.stream->get());
      cudaGetLastError();
      throw;
    }
    must(cudaStreamSynchronize(state_.stream->get()));
  }

 private:
  // Complete when the stream has reached this point.
  void enqueue_all(const Plan& plan, Summary& summary) {
    lay_out(false);
    used_ = 0;
    base_ = state_.arena.reserve(size_t(needed_));
    lay_out(true);
    const cudaStream_t stream = state_.stream->get();
    enqueue(state_.chip, plan, batch_, out_, extent_, *state_.scratch, stream);
    BatchTotal result;
    const HostRows whole = {reinterpret_cast<char*>(&result), sizeof result, sizeof result, 1};
    state_.staging->to_host(whole, reinterpret_cast<const char*>(state_.scratch->result), stream);
    for (const Copy& copy : results_) state_.staging->enqueue_to_host(copy.to, copy.from, stream);
    summary.loss = result.loss;
    summary.counted = int64_t(result.counted);
  }

  struct Copy {
    HostRows to;
    const char* from;
  };

  // Copies the rows of an array laid out like the scores, without the gaps before and between them.
  template <class T>
  HostRows documents(T* data, int64_t size) const {
    char* p = reinterpret_cast<char*>(const_cast<typename std::remove_const<T>::type*>(data));
    const Rows& r = host_.rows;
    if (r.offsets) return {p + r.offsets[0] * size, extent_.elements * size, extent_.elements * size, 1};
    return {p, r.docs * size, r.stride * size, r.queries};
  }
  template <class T>
  HostRows queries(T* data) const {
    char* p = reinterpret_cast<char*>(const_cast<typename std::remove_const<T>::type*>(data));
    const int64_t bytes = host_.rows.queries * int64_t(sizeof(T));
    return {p, bytes, bytes, 1};
  }

  char* take(const HostRows& rows) {
    char* p = base_ ? base_ + used_ : nullptr;
    used_ += (rows.bytes() + 255) / 256 * 256;
    needed_ = std::max(needed_, used_);
    return p;
  }
  char* in(const HostRows& rows, bool copy) {
    char* p = take(rows);
    if (copy) state_.staging->enqueue_to_device(p, rows, state_.stream->get());
    return p;
  }
  char* out(const HostRows& rows, bool copy) {
    char* p = take(rows);
    if (copy) results_.push_back({rows, p});
    return p;
  }

  // Runs twice: first to find out how much memory is needed, then to place the arrays.
  void lay_out(bool copy) {
    batch_ = host_;
    out_ = host_out_;
    const Rows& r = host_.rows;
    batch_.rows.stride = r.docs;
    if (r.offsets) batch_.rows.offsets = offsets(copy);
    const auto floats = [&](const float* p) {
      return p ? reinterpret_cast<const float*>(in(documents(p, 4), copy)) : nullptr;
    };
    batch_.student.data = in(documents(host_.student.data, size_of(host_.student.type)), copy);
    if (host_.teacher) batch_.teacher.data = in(documents(host_.teacher.data, size_of(host_.teacher.type)), copy);
    batch_.labels = reinterpret_cast<const uint8_t*>(in(documents(host_.labels, 1), copy));
    if (host_.ranks)
      batch_.ranks.data = in(documents(static_cast<const char*>(host_.ranks.data), rank_bytes(host_.ranks.type)), copy);
    batch_.beta = floats(host_.beta);
    batch_.relevance = floats(host_.relevance);
    if (host_.weights) batch_.weights = reinterpret_cast<const float*>(in(queries(host_.weights), copy));

    const auto of_documents = [&](float* p) { return reinterpret_cast<float*>(out(documents(p, 4), copy)); };
    const auto of_queries = [&](float* p) { return reinterpret_cast<float*>(out(queries(p), copy)); };
    out_.grad.data = out(documents(host_out_.grad.data, size_of(host_out_.grad.type)), copy);
    out_.per_query = of_queries(host_out_.per_query);
    if (host_out_.teacher_grad)
      out_.teacher_grad.data = out(documents(host_out_.teacher_grad.data, size_of(host_out_.teacher_grad.type)), copy);
    const Diagnostics& d = host_out_.diagnostics;
    if (d.weight)
      out_.diagnostics = {of_documents(d.weight), of_documents(d.ratio), of_queries(d.entropy),
                          of_queries(d.separation), of_queries(d.separation_top10)};
  }

  const int32_t* offsets(bool copy) {
    const Rows& r = host_.rows;
    if (copy) {
      offsets_.assign(r.offsets, r.offsets + r.queries + 1);
      for (int32_t& x : offsets_) x -= r.offsets[0];
    } else {
      offsets_.resize(size_t(r.queries) + 1);
    }
    const int64_t bytes = (r.queries + 1) * 4;
    return reinterpret_cast<const int32_t*>(in({reinterpret_cast<char*>(offsets_.data()), bytes, bytes, 1}, copy));
  }

  const Batch& host_;
  const Outputs& host_out_;
  DeviceState& state_;
  const Extent extent_;
  Batch batch_;
  Outputs out_;
  std::vector<int32_t> offsets_;
  std::vector<Copy> results_;
  char* base_ = nullptr;
  int64_t used_ = 0, needed_ = 0;
};

}  // namespace

CudaBackend::CudaBackend(int device) : device_(device), kept_(new KeptStates) {}

std::unique_ptr<Workspace> CudaBackend::workspace(int64_t) {
  return std::unique_ptr<Workspace>(new CudaWorkspace(kept_));
}

void CudaBackend::free_kept() { kept_->free_all(); }

Status CudaBackend::run(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
                        const std::atomic<int32_t>* abort, Summary& summary) {
  CudaWorkspace& own = static_cast<CudaWorkspace&>(workspace);
  try {
    const Status status = check_batch(plan, batch);
    if (!status.ok()) return status;
    if (abort && abort->load()) return {Code::aborted};
    std::unique_ptr<DeviceState>& state = own.state;
    if (!state) state = own.kept->take(own.round);
    if (!state) state.reset(new DeviceState(device_));
    must(cudaSetDevice(device_));
    Call(batch, out, *state).run(plan, summary);
    if (abort && abort->load()) return {Code::aborted};
    return {};
  } catch (const Failure& failure) {
    own.state.reset();  // who knows how far the work on it came
    return {Code::device, Argument::none, -1, -1, double(failure.error)};
  } catch (const std::bad_alloc&) { return {Code::memory}; }
}

}  // namespace cuda

std::shared_ptr<Backend> cuda_backend() { return std::make_shared<cuda::CudaBackend>(0); }

}  // namespace ckl
