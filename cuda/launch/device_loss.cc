#include "device_loss.h"

#include <utility>

#include "enqueue.h"
#include "../device/staging.h"

namespace ckl {
namespace cuda {

namespace {

// An instantiated graph, the scratch space that its kernels were captured with, and what it takes to capture them
// again.
class CapturedLoss : public Graph {
 public:
  CapturedLoss(int device, std::shared_ptr<Chip> chip, const Plan& plan, const Batch& batch, const Outputs& out,
               const Extent& extent, const int32_t* host_offsets, double* summary)
      : device_(device), chip_(std::move(chip)), plan_(plan), rows_(batch.rows), extent_(extent) {
    const cudaStream_t stream = stream_.get();
    if (host_offsets) {
      const size_t bytes = size_t(rows_.queries + 1) * sizeof(int32_t);
      own_offsets_ = offsets_.reserve(bytes);
      must(cudaMemcpyAsync(own_offsets_, host_offsets, bytes, cudaMemcpyHostToDevice, stream));
    }
    scratch_.reserve(*chip_, plan, rows_.queries, extent.longest, extent.elements);  // for other arrays, too
    scratch_.clear(stream);
    must(cudaStreamSynchronize(stream));
    scratch_.result = reinterpret_cast<BatchTotal*>(summary);
    graph_.capture(stream, [&] { enqueue_all(batch, out); });
  }
  void launch(StreamHandle stream) override {
    reporting([&] {
      must(cudaSetDevice(device_));
      graph_.launch(stream_of(stream));
    });
  }
  // Captured again rather than changed kernel by kernel: which launch has which parameters is known to enqueue alone.
  // What takes long, to instantiate a graph, is left out.
  bool replace(const Batch& batch, const Outputs& out) override {
    bool done = false;
    reporting([&] {
      must(cudaSetDevice(device_));
      done = graph_.update(stream_.get(), [&] { enqueue_all(batch, out); });
    });
    return done;
  }

 private:
  void enqueue_all(Batch batch, const Outputs& out) {
    const int32_t* const given = batch.rows.offsets;
    batch.rows = rows_;
    batch.rows.offsets = own_offsets_ ? reinterpret_cast<const int32_t*>(own_offsets_) : given;
    enqueue(*chip_, plan_, batch, out, extent_, scratch_, stream_.get());
  }

  const int device_;
  const std::shared_ptr<Chip> chip_;
  const Plan plan_;
  const Rows rows_;
  const Extent extent_;
  const Stream stream_;  // nothing runs on it but the copy of the offsets
  DeviceBuffer offsets_;
  char* own_offsets_ = nullptr;  // of a ragged batch whose offsets were in the host's memory
  Scratch scratch_;
  GraphExec graph_;
};

class CudaLoss : public DeviceLoss {
 public:
  CudaLoss(int device, std::shared_ptr<Chip> chip, const Plan& plan, int64_t queries, int64_t docs)
      : device_(device), chip_(std::move(chip)) {
    reporting([&] {
      must(cudaSetDevice(device_));
      scratch_.reset(new Scratch);
      scratch_->reserve(*chip_, plan, queries, docs, queries * docs);
      const int64_t bytes = offset_bytes(queries);
      offsets_.reserve(size_t(bytes));
      staging_.reset(new Staging(bytes));
    });
  }

  void enqueue(const Plan& plan, const Batch& given, const Outputs& out, const Extent& extent,
               const int32_t* host_offsets, double* summary, StreamHandle handle) override {
    reporting([&] {
      const cudaStream_t stream = stream_of(handle);
      const Batch batch = begin(given, host_offsets, stream);
      scratch_->result = reinterpret_cast<BatchTotal*>(summary);
      cuda::enqueue(*chip_, plan, batch, out, extent, *scratch_, stream);
    });
  }

  const double* count(const Plan& plan, const Batch& given, const Extent& extent, const int32_t* host_offsets,
                      StreamHandle handle) override {
    const double* counts = nullptr;
    reporting([&] {
      const cudaStream_t stream = stream_of(handle);
      const Batch batch = begin(given, host_offsets, stream);
      counts = enqueue_counts(*chip_, plan, batch, extent, *scratch_, stream);
    });
    return counts;
  }

  const double* enqueue_share(const Plan& plan, const Batch& given, const Outputs& out, const Extent& extent,
                              const int32_t* host_offsets, const double* normalisers, double* summary,
                              StreamHandle handle) override {
    const double* summands = nullptr;
    reporting([&] {
      const cudaStream_t stream = stream_of(handle);
      const Batch batch = begin(given, host_offsets, stream);
      scratch_->result = reinterpret_cast<BatchTotal*>(summary);
      summands = cuda::enqueue(*chip_, plan, batch, out, extent, *scratch_, stream, normalisers);
    });
    return summands;
  }

  std::unique_ptr<Graph> capture(const Plan& plan, const Batch& batch, const Outputs& out, const Extent& extent,
                                 const int32_t* host_offsets, double* summary) override {
    std::unique_ptr<Graph> graph;
    reporting([&] {
      must(cudaSetDevice(device_));
      graph.reset(new CapturedLoss(device_, chip_, plan, batch, out, extent, host_offsets, summary));
    });
    return graph;
  }

 private:
  // The batch with its offsets on the device that is current on the calling thread, and the scratch space to run in.
  Batch begin(Batch batch, const int32_t* host_offsets, cudaStream_t stream) {
    must(cudaSetDevice(device_));
    if (host_offsets) batch.rows.offsets = offsets(host_offsets, batch.rows.queries, stream);
    return batch;
  }

  static int64_t offset_bytes(int64_t queries) { return (queries + 1) * int64_t(sizeof(int32_t)); }
  const int32_t* offsets(const int32_t* host, int64_t queries, cudaStream_t stream) {
    const int64_t bytes = offset_bytes(queries);
    char* const to = offsets_.reserve(size_t(bytes));
    char* const from = reinterpret_cast<char*>(const_cast<int32_t*>(host));
    staging_->to_device(to, {from, bytes, bytes, 1}, stream);
    return reinterpret_cast<const int32_t*>(to);
  }

  const int device_;
  const std::shared_ptr<Chip> chip_;
  std::unique_ptr<Scratch> scratch_;
  std::unique_ptr<Staging> staging_;
  DeviceBuffer offsets_;
};

}  // namespace

std::unique_ptr<DeviceLoss> device_loss(int device, std::shared_ptr<Chip> chip, const Plan& plan, int64_t queries,
                                        int64_t docs) {
  return std::unique_ptr<DeviceLoss>(new CudaLoss(device, std::move(chip), plan, queries, docs));
}

}  // namespace cuda
}  // namespace ckl
