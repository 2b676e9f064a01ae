// A call of a DeviceLoss as views of memory: the numbers that tell of it, and what is checked of it.
#pragma once
#include <forward_list>
#include <vector>

#include "../core/device.h"
#include "arguments.h"

namespace ckl {
namespace addon {

// The numbers of a call: DeviceScalar in lib/native/codes.ts. The first are those of Scalar; from `student` on they are addresses.
struct DeviceScalar {
  enum {
    queries = Scalar::queries,
    docs,
    stride,
    student_type,
    teacher_type,
    grad_type,
    rank_type,
    longest,
    elements,
    stream,
    check,
    student,
    teacher,
    labels,
    offsets,
    ranks,
    beta,
    relevance,
    weights,
    grad,
    per_query,
    teacher_grad,
    weight,
    ratio,
    entropy,
    separation,
    separation_top10,
    summary,
    size
  };
};

// The arguments of a call, as the backend has them.
struct DeviceCall {
  Batch batch;
  Outputs out;
  Extent extent = {};
  const int32_t* host_offsets = nullptr;
  double* summary = nullptr;
};

// offsets: an Int32Array of the host, or anything else.
Status read_call(napi_env env, napi_value offsets, const double* call, DeviceCall& to);

// The addresses and types of its arrays alone; rows stay as they are.
Status read_arrays(const double* call, DeviceCall& to);

// Copies of device memory, for as long as it lives. Each waits for the stream.
class HostCopy {
 public:
  HostCopy(Device& device, StreamHandle stream) : device_(device), stream_(stream) {}
  template <class T>
  const T* operator()(const T* from, int64_t count, int64_t size = sizeof(T)) {
    return static_cast<const T*>(bytes(from, count * size));
  }

 private:
  const void* bytes(const void* from, int64_t size);

  Device& device_;
  const StreamHandle stream_;
  std::forward_list<std::vector<char>> copies_;
};

// What the CPU checks in every batch, of one in device memory: waits for the stream.
Status check_values(Device& device, StreamHandle stream, const Plan& plan, const DeviceCall& call);

}  // namespace addon
}  // namespace ckl
