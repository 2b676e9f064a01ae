#include <cmath>
#include <new>

#include "plan.h"
#include "plan_call.h"

namespace ckl {
namespace addon {

// run's arguments, and a Float64Array: the normalisers of the Share, followed by its summands.
napi_value PlanObject::share(napi_env env, napi_callback_info info, bool runs) {
  RunValues values;
  PlanObject* const plan = values.take(env, info, RunValues::kCount + 1) ? receiver(env, values.self) : nullptr;
  if (!plan || plan->place_.threads == 0) return code_value(env, Code::type);  // CPU only
  Call call;
  Status status = read_call(env, values, *plan->plan_, call);
  const int64_t queries = call.batch.rows.queries, terms = int64_t(plan->plan_->terms.size());
  const int64_t summands = runs ? queries : call.batch.weights ? terms * queries : 0;
  Arguments in(env, values.all + RunValues::kCount);
  double* const numbers =
      !status.ok() ? nullptr
                   : in.typed<double>(Argument::none, napi_float64_array, Share::kNormalisers + summands, false);
  if (status.ok()) status = in.status();
  if (status.ok()) {
    const Share share = {numbers, numbers + Share::kNormalisers};
    cpu::CpuBackend& backend = static_cast<cpu::CpuBackend&>(*plan->backend_);
    status = runs ? backend.run_share(*plan->plan_, call.batch, call.out, plan->scratch(env), share)
                  : backend.count_share(*plan->plan_, call.batch, plan->scratch(env), share);
  }
  finish_call(call, status, {});
  return code_value(env, status.code);
}

napi_value PlanObject::count_share(napi_env env, napi_callback_info info) { return share(env, info, false); }
napi_value PlanObject::run_share(napi_env env, napi_callback_info info) { return share(env, info, true); }

namespace {

// [step, first query, one past the last query, first document of this rank, ranks, chunks]
struct ShardNumbers {
  static constexpr int kCount = 6;

  cpu::ShardRun::Step step;
  int64_t first, last, begin;
  int ranks, chunks;

  // False if one of them is not an integer within its bounds.
  bool read(const double* numbers, int64_t queries) {
    bool good = true;
    const auto whole = [&](int k, double least, double most) {
      const double x = numbers[k];
      good = good && x >= least && x <= most && x == std::floor(x);
      return good ? int64_t(x) : 0;
    };
    step = cpu::ShardRun::Step(whole(0, 0, cpu::ShardRun::kSteps - 1));
    first = whole(1, 0, double(queries)), last = whole(2, double(first), double(queries));
    begin = whole(3, 0, 1e15);
    ranks = int(whole(4, 1, 1e6)), chunks = int(whole(5, 1, 1e6));
    return good;
  }
};

// Whether the documents of this batch can be spread over ranks, with at most `chunks` chunks on this rank.
bool can_shard(const Plan& plan, const Call& call, int chunks) {
  const Rows& rows = call.batch.rows;
  if (rows.offsets || call.out.teacher_grad || call.out.diagnostics.weight || rows.docs > chunks * cpu::kChunk)
    return false;
  for (const PlanTerm& t : plan.terms)
    if (kLosses[int(t.loss)].family != Family::distribution) return false;
  return true;
}

}  // namespace

// The arguments of run; ShardNumbers; the numbers gathered so far; the record for the next exchange.
napi_value PlanObject::shard_step(napi_env env, napi_callback_info info) {
  RunValues values;
  PlanObject* const plan = values.take(env, info, RunValues::kCount + 3) ? receiver(env, values.self) : nullptr;
  if (!plan || plan->place_.threads == 0) return code_value(env, Code::type);
  Call call;
  Summary summary;
  Status status = read_call(env, values, *plan->plan_, call);
  Arguments in(env, values.all + RunValues::kCount);
  const double* const numbers = in.typed<double>(Argument::none, napi_float64_array, ShardNumbers::kCount, false);
  const ArrayView gathered = in.array(Argument::none, false), record = in.array(Argument::none, false);
  if (gathered.type != napi_float64_array || record.type != napi_float64_array) in.fail({Code::type});
  if (status.ok()) status = in.status();
  if (status.ok()) status = plan->run_step(env, call, numbers, gathered, record, summary);
  finish_call(call, status, summary);
  return code_value(env, status.code);
}

Status PlanObject::run_step(napi_env env, const Call& call, const double* numbers, const ArrayView& gathered,
                            const ArrayView& record, Summary& summary) {
  typedef cpu::ShardRun::Step Step;
  const Plan& plan = *plan_;
  const int64_t queries = call.batch.rows.queries;
  ShardNumbers of;
  if (!of.read(numbers, queries) || !can_shard(plan, call, of.chunks)) return {Code::type};
  if (of.step == Step::survey)
    shard_.reset(new cpu::ShardRun(std::static_pointer_cast<cpu::CpuBackend>(backend_), of.begin, of.ranks, of.chunks));
  // Every step must belong to the batch and the plan that were surveyed.
  if (!shard_ || !shard_->fits(plan, of.begin, of.ranks, of.chunks) ||
      (of.step > Step::maxima && !shard_->settled(queries)))
    return {Code::type};
  const int64_t rows = of.step <= Step::settle ? queries : of.last - of.first;
  const int64_t reads = shard_->reads(of.step, plan, rows), writes = shard_->writes(of.step, plan, rows);
  if (gathered.length < reads) return Status::size(Argument::none, double(gathered.length), double(reads));
  if (record.length < writes) return Status::size(Argument::none, double(record.length), double(writes));
  const double* const from = static_cast<double*>(gathered.data);
  double* const to = static_cast<double*>(record.data);
  try {
    switch (of.step) {
      case Step::survey: return shard_->survey(plan, call.batch, scratch(env), to);
      case Step::settle: shard_->settle(plan, call.batch, from); return {};
      case Step::result: summary = shard_->result(plan, call.batch, call.out); return {};
      default: return shard_->step(of.step, plan, call.batch, call.out, of.first, of.last, from, to);
    }
  } catch (const std::bad_alloc&) { return {Code::memory}; }
}

}  // namespace addon
}  // namespace ckl
