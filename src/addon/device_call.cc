#include "device_call.h"

#include <algorithm>

#include "../core/check.h"

namespace ckl {
namespace addon {

namespace {

template <class T>
T* at(const double* call, int place) {
  return reinterpret_cast<T*>(uintptr_t(call[place]));
}

bool whole(double x) { return x >= 0 && x <= 9007199254740991.0; }

Extent extent_of(const Rows& rows, const int32_t* host_offsets, int64_t longest, int64_t elements) {
  if (!host_offsets) return {rows.offsets ? 0 : rows.docs, rows.offsets ? longest : rows.docs, elements};
  Extent e = {rows.queries > 0 ? INT64_MAX : 0, 0, host_offsets[rows.queries]};
  for (int64_t b = 0; b < rows.queries; b++) {
    const int64_t length = int64_t(host_offsets[b + 1]) - host_offsets[b];
    e.shortest = std::min(e.shortest, length), e.longest = std::max(e.longest, length);
  }
  return e;
}

}  // namespace

Status read_call(napi_env env, napi_value offsets, const double* call, DeviceCall& to) {
  for (int k = DeviceScalar::queries; k < DeviceScalar::size; k++)
    if (!whole(call[k])) return {Code::shape};
  Arguments in(env, &offsets);
  const Rows host = in.rows(call[DeviceScalar::queries], call[DeviceScalar::docs], call[DeviceScalar::stride]);
  const int64_t elements = int64_t(call[DeviceScalar::elements]);
  Batch& batch = to.batch;
  batch.rows = host;
  to.host_offsets = host.offsets;
  const int32_t* const device_offsets = at<const int32_t>(call, DeviceScalar::offsets);
  if (host.offsets || !device_offsets) in.fail(check_rows(host, elements));
  if (!in.status().ok()) return in.status();
  if (!host.offsets) batch.rows.offsets = device_offsets;
  to.extent = extent_of(batch.rows, host.offsets, int64_t(call[DeviceScalar::longest]), elements);
  if (!batch.rows.offsets) to.extent.elements = host.extent();
  in.fail(read_arrays(call, to));
  return in.status();
}

Status read_arrays(const double* call, DeviceCall& to) {
  Arguments in(nullptr, nullptr);
  Batch& batch = to.batch;
  batch.student = {at<const char>(call, DeviceScalar::student), in.element_type(call[DeviceScalar::student_type])};
  batch.teacher = {at<const char>(call, DeviceScalar::teacher), in.element_type(call[DeviceScalar::teacher_type])};
  batch.labels = at<const uint8_t>(call, DeviceScalar::labels);
  const double rank_type = call[DeviceScalar::rank_type];
  if (rank_type > int(RankType::f32)) in.fail({Code::type, Argument::ranks});
  else batch.ranks = {at<const void>(call, DeviceScalar::ranks), RankType(int(rank_type))};
  batch.beta = at<const float>(call, DeviceScalar::beta);
  batch.relevance = at<const float>(call, DeviceScalar::relevance);
  batch.weights = at<const float>(call, DeviceScalar::weights);

  Outputs& out = to.out;
  out.grad = {at<char>(call, DeviceScalar::grad), in.element_type(call[DeviceScalar::grad_type])};
  out.per_query = at<float>(call, DeviceScalar::per_query);
  out.teacher_grad = {at<char>(call, DeviceScalar::teacher_grad), batch.teacher.type};
  out.diagnostics = {at<float>(call, DeviceScalar::weight), at<float>(call, DeviceScalar::ratio),
                     at<float>(call, DeviceScalar::entropy), at<float>(call, DeviceScalar::separation),
                     at<float>(call, DeviceScalar::separation_top10)};
  to.summary = at<double>(call, DeviceScalar::summary);
  return in.status();
}

const void* HostCopy::bytes(const void* from, int64_t size) {
  if (!from || size == 0) return nullptr;
  copies_.emplace_front(size_t(size));
  device_.to_host(copies_.front().data(), from, size, stream_);
  return copies_.front().data();
}

Status check_values(Device& device, StreamHandle stream, const Plan& plan, const DeviceCall& call) {
  HostCopy copy(device, stream);
  Batch batch = call.batch;
  const int64_t queries = batch.rows.queries;
  if (call.host_offsets) {
    batch.rows.offsets = call.host_offsets;
  } else if (batch.rows.offsets) {
    batch.rows.offsets = copy(batch.rows.offsets, queries + 1);
    const Status status = check_rows(batch.rows, call.extent.elements);
    if (!status.ok()) return status;
    for (int64_t b = 0; b < queries; b++)
      if (batch.rows.length(b) > call.extent.longest)
        return Status::at(Code::offset, Argument::offsets, b + 1, -1, double(batch.rows.offsets[b + 1]));
  }
  const int64_t needed = batch.rows.extent();
  static_assert(int(RankType::none) == 0 && int(RankType::f32) == 5, "sizes of ranks");
  constexpr int64_t kRankBytes[] = {0, 1, 2, 4, 4, 4};
  batch.labels = copy(batch.labels, needed);
  if (batch.ranks)
    batch.ranks.data = copy(static_cast<const char*>(batch.ranks.data), needed, kRankBytes[int(batch.ranks.type)]);
  batch.beta = copy(batch.beta, needed), batch.relevance = copy(batch.relevance, needed);
  batch.weights = copy(batch.weights, queries);
  return check_batch(plan, batch);
}

}  // namespace addon
}  // namespace ckl
