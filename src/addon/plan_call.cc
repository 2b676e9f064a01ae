#include "plan_call.h"

#include "../core/check.h"

namespace ckl {
namespace addon {

bool RunValues::take(napi_env env, napi_callback_info info, size_t needed) {
  size_t count = needed;
  if (napi_get_cb_info(env, info, &count, all, &self, nullptr) != napi_ok || count < needed) return false;
  const napi_value list = all[kCount - 2];
  if (napi_is_array(env, list, &has_diagnostics) != napi_ok) return false;
  for (uint32_t i = 0; has_diagnostics && i < 5; i++)
    if (napi_get_element(env, list, i, &diagnostics[i]) != napi_ok) return false;
  return true;
}

namespace {

Status read_diagnostics(napi_env env, const RunValues& values, int64_t documents, int64_t queries, Diagnostics& out) {
  if (!values.has_diagnostics) return {};
  Arguments in(env, values.diagnostics);
  out.weight = in.floats(Argument::diagnostic_weight, documents, false);
  out.ratio = in.floats(Argument::diagnostic_ratio, documents, false);
  out.entropy = in.floats(Argument::diagnostic_entropy, queries, false);
  out.separation = in.floats(Argument::diagnostic_separation, queries, false);
  out.separation_top10 = in.floats(Argument::diagnostic_separation_top10, queries, false);
  return in.status();
}

Status check_offsets_apart(const Rows& rows, const Outputs& out) {
  const auto apart = [&](const void* output, int64_t count, int64_t size = sizeof(float)) {
    return offsets_apart(rows, output, count * size);
  };
  const int64_t documents = rows.extent(), queries = rows.queries;
  const Diagnostics& d = out.diagnostics;
  const bool good = apart(out.grad.data, documents, size_of(out.grad.type)) && apart(out.per_query, queries) &&
                    apart(out.teacher_grad.data, documents, size_of(out.teacher_grad.type)) &&
                    apart(d.weight, documents) && apart(d.ratio, documents) && apart(d.entropy, queries) &&
                    apart(d.separation, queries) && apart(d.separation_top10, queries);
  return good ? Status() : Status{Code::type, Argument::offsets};
}

}  // namespace

Status read_call(napi_env env, const RunValues& values, const Plan& plan, Call& call) {
  call.scalars = Arguments(env, values.all + RunValues::kCount - 1)
                     .typed<double>(Argument::none, napi_float64_array, Scalar::size, false);
  if (!call.scalars) return {Code::type};
  const double* scalar = call.scalars;
  Arguments in(env, values.all);
  Batch& batch = call.batch;
  const ArrayView student = in.array(Argument::student, false);
  const ArrayView teacher = in.array(Argument::teacher, true);
  const ArrayView labels = in.array(Argument::labels, false);
  batch.rows = in.rows(scalar[Scalar::queries], scalar[Scalar::docs], scalar[Scalar::stride]);
  if (in.status().ok()) in.fail(check_rows(batch.rows, student.length));
  const int64_t needed = in.status().ok() ? batch.rows.extent() : 0;
  const int64_t queries = batch.rows.queries;

  const DType teacher_type = in.element_type(scalar[Scalar::teacher_type]);
  batch.student =
      in.scores<const char>(student, Argument::student, in.element_type(scalar[Scalar::student_type]), needed);
  batch.teacher = in.scores<const char>(teacher, Argument::teacher, teacher_type, needed);
  if (!plan.reads_teacher()) batch.teacher = {};
  if (labels.type != napi_uint8_array && labels.type != napi_uint8_clamped_array)
    in.fail({Code::type, Argument::labels});
  if (labels.length < needed) in.fail(Status::size(Argument::labels, double(labels.length), double(needed)));
  batch.labels = static_cast<const uint8_t*>(labels.data);
  batch.ranks = in.ranks(needed, true);
  batch.beta = in.floats(Argument::beta, needed);
  batch.relevance = in.floats(Argument::relevance, needed);
  if (plan.needs_teacher(batch.relevance != nullptr) && !teacher.present) in.fail({Code::type, Argument::teacher});
  batch.weights = in.floats(Argument::weights, queries);

  Outputs& out = call.out;
  const ArrayView grad = in.array(Argument::grad, false);
  out.grad = in.scores<char>(grad, Argument::grad, in.element_type(scalar[Scalar::grad_type]), needed);
  out.per_query = in.floats(Argument::per_query, queries, false);
  const ArrayView teacher_grad = in.array(Argument::teacher_grad, true);
  out.teacher_grad = in.scores<char>(teacher_grad, Argument::teacher_grad, teacher_type, needed);
  in.fail(read_diagnostics(env, values, needed, queries, out.diagnostics));
  if (in.status().ok() && batch.rows.offsets) in.fail(check_offsets_apart(batch.rows, out));
  return in.status();
}

Status read_staged(double* scalar, const Plan& plan, Call& call) {
  Arguments in(nullptr, nullptr);
  call.scalars = scalar;
  const double bits = scalar[Scalar::present], ranks = scalar[Scalar::rank_type];
  const double queries = scalar[Scalar::queries], docs = scalar[Scalar::docs], stride = scalar[Scalar::stride];
  if (!(bits >= 0 && bits < (1 << (kPlaces + 1)) && ranks >= 0 && ranks <= 5)) return {Code::type};
  // One query fewer than a place holds, because there is one more offset than queries.
  if (!(queries >= 0 && queries < kStaged && docs >= 0 && docs <= kStaged && stride >= 0 && stride <= kStaged))
    return {Code::shape};
  const uint32_t present = uint32_t(bits);
  char* const places = reinterpret_cast<char*>(scalar + Scalar::size);
  const auto at = [&](Argument argument) -> char* {
    const int k = int(argument);
    return present >> k & 1 ? places + (k - 1) * kPlace * 4 : nullptr;
  };
  const auto floats = [&](Argument argument) { return reinterpret_cast<float*>(at(argument)); };

  Batch& batch = call.batch;
  batch.rows.queries = int64_t(queries), batch.rows.docs = int64_t(docs), batch.rows.stride = int64_t(stride);
  batch.rows.offsets = reinterpret_cast<const int32_t*>(at(Argument::offsets));
  const Status rows = check_rows(batch.rows, kStaged);
  if (!rows.ok()) return rows;
  const DType teacher_type = in.element_type(scalar[Scalar::teacher_type]);
  batch.student = {at(Argument::student), in.element_type(scalar[Scalar::student_type])};
  batch.labels = reinterpret_cast<const uint8_t*>(at(Argument::labels));
  if (plan.reads_teacher()) batch.teacher = {at(Argument::teacher), teacher_type};
  if (at(Argument::ranks)) batch.ranks = {at(Argument::ranks), RankType(int(ranks))};
  batch.beta = floats(Argument::beta);
  batch.relevance = floats(Argument::relevance);
  batch.weights = floats(Argument::weights);
  Outputs& out = call.out;
  out.grad = {at(Argument::grad), in.element_type(scalar[Scalar::grad_type])};
  out.per_query = floats(Argument::per_query);
  out.teacher_grad = {at(Argument::teacher_grad), teacher_type};
  out.diagnostics.weight = floats(Argument::diagnostic_weight);
  out.diagnostics.ratio = floats(Argument::diagnostic_ratio);
  out.diagnostics.entropy = floats(Argument::diagnostic_entropy);
  out.diagnostics.separation = floats(Argument::diagnostic_separation);
  out.diagnostics.separation_top10 = floats(Argument::diagnostic_separation_top10);
  const Diagnostics& d = out.diagnostics;
  const int diagnostics = !!d.weight + !!d.ratio + !!d.entropy + !!d.separation + !!d.separation_top10;
  const bool complete = batch.student.data && batch.labels && out.grad.data && out.per_query &&
                        (!plan.needs_teacher(batch.relevance != nullptr) || batch.teacher.data) &&
                        (!batch.ranks.data || ranks > 0) && (diagnostics == 0 || diagnostics == 5);
  if (!complete) in.fail({Code::type});
  return in.status();
}

void finish_call(const Call& call, const Status& status, const Summary& summary) {
  if (call.scalars) write_scalars(call.scalars, status, summary.loss, summary.counted);
}

napi_value code_value(napi_env env, Code code) {
  napi_value result = nullptr;
  napi_create_int32(env, int32_t(code), &result);
  return result;
}

}  // namespace addon
}  // namespace ckl
