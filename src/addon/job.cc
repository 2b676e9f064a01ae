#include "job.h"

#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "gpu_threads.h"

namespace ckl {
namespace addon {

Napi::Function AbortFlag::define(Napi::Env env) {
  return DefineClass(env, kName, {InstanceMethod<&AbortFlag::set>("set")});
}

AbortFlag::AbortFlag(const Napi::CallbackInfo& info) : Tagged(info), word_(new std::atomic<int32_t>(0)) {}

Napi::Value AbortFlag::set(const Napi::CallbackInfo& info) {
  word_->store(1);
  return info.Env().Undefined();
}

namespace {

int64_t bytes_of(RankType type) {
  switch (type) {
    case RankType::none: return 0;
    case RankType::u8: return 1;
    case RankType::u16: return 2;
    default: return 4;
  }
}

// Memory owned by a job: a reference does not keep a typed array from being detached, and then its memory may be freed.
class Arena {
 public:
  // Called twice for the same pieces: first to find their total size, then to place them.
  template <class T>
  void take(T*& view, int64_t bytes, bool copied) {
    if (!view) return;
    if (memory_) {
      char* const to = memory_.get() + used_;
      if (copied && bytes > 0) std::memcpy(to, view, size_t(bytes));
      view = reinterpret_cast<T*>(to);
    }
    used_ += (bytes + kAlign - 1) / kAlign * kAlign;
  }
  bool allocate() {
    memory_.reset(new (std::nothrow) char[size_t(used_) + kAlign]);
    used_ = 0;
    return memory_ != nullptr;
  }
  int64_t size() const { return used_; }

 private:
  static constexpr int64_t kAlign = 64;
  std::unique_ptr<char[]> memory_;
  int64_t used_ = 0;
};

void take_all(Arena& arena, Call& call) {
  Batch& batch = call.batch;
  const int64_t documents = batch.rows.extent(), queries = batch.rows.queries;
  arena.take(batch.student.data, documents * size_of(batch.student.type), true);
  arena.take(batch.teacher.data, documents * size_of(batch.teacher.type), true);
  arena.take(batch.labels, documents, true);
  arena.take(batch.ranks.data, documents * bytes_of(batch.ranks.type), true);
  arena.take(batch.beta, documents * 4, true);
  arena.take(batch.relevance, documents * 4, true);
  arena.take(batch.weights, queries * 4, true);
  Outputs& out = call.out;
  Diagnostics& d = out.diagnostics;
  arena.take(out.grad.data, documents * size_of(out.grad.type), false);
  arena.take(out.teacher_grad.data, documents * size_of(out.teacher_grad.type), false);
  for (float** per_document : {&d.weight, &d.ratio}) arena.take(*per_document, documents * 4, false);
  for (float** per_query : {&out.per_query, &d.entropy, &d.separation, &d.separation_top10})
    arena.take(*per_query, queries * 4, false);
  // Offsets come last: until now the rows are read from the caller's memory.
  arena.take(batch.rows.offsets, (queries + 1) * 4, true);
}

// One of the caller's arrays that receives results.
struct Target {
  Napi::ObjectReference array;
  Argument argument;
  const char* from;
  int64_t size;  // bytes per element
  bool per_query;
  char* to = nullptr;
};

class Run : public Task {
 public:
  Run(Napi::Env env, std::shared_ptr<const Plan> plan, std::shared_ptr<Backend> backend, const Call& call,
      AbortFlag::Word abort)
      : env_(env),
        deferred_(env),
        plan_(std::move(plan)),
        backend_(std::move(backend)),
        call_(call),
        abort_(std::move(abort)) {}

  // Called before the job starts; false if out of memory.
  bool copy_inputs() {
    take_all(arena_, call_);
    size_ = arena_.size();
    if (!arena_.allocate()) return false;
    take_all(arena_, call_);
    return true;
  }
  int64_t size() const { return size_; }
  void hold(napi_value scalars) { scalars_ = Napi::Persistent(Napi::Object(env_, scalars)); }
  void hold(napi_value array, Argument argument, const void* from, int64_t size, bool per_query) {
    if (!from) return;
    targets_.push_back(
        {Napi::Persistent(Napi::Object(env_, array)), argument, static_cast<const char*>(from), size, per_query});
  }
  Napi::Promise promise() const { return deferred_.Promise(); }
  const Call& call() const { return call_; }

  void execute() override {
    try {
      const std::unique_ptr<Workspace> workspace = backend_->workspace(0);
      status_ = backend_->run(*plan_, call_.batch, call_.out, *workspace, abort_.get(), summary_);
    } catch (const std::bad_alloc&) { status_ = {Code::memory}; } catch (const std::exception& error) {
      failure_ = error.what();
    }  // such as a mutex that the system refuses
  }
  void settle(Napi::Env env) override {
    if (!failure_.empty()) return deferred_.Reject(Napi::Error::New(env, failure_).Value());
    if (status_.ok()) status_ = write_all();
    double* const scalars =
        Arguments(env, value_of(scalars_)).typed<double>(Argument::none, napi_float64_array, Scalar::size, false);
    if (scalars) write_scalars(scalars, status_, summary_.loss, summary_.counted);
    deferred_.Resolve(Napi::Number::New(env, int(status_.code)));
  }

 private:
  // As an argument list with one element.
  const napi_value* value_of(const Napi::ObjectReference& reference) {
    value_ = reference.Value();
    return &value_;
  }
  // Writes all outputs, or none if one cannot be written.
  Status write_all() {
    const Rows& rows = call_.batch.rows;
    for (Target& t : targets_) {
      Arguments in(env_, value_of(t.array));
      const ArrayView found = in.array(t.argument, false);
      const int64_t needed = t.per_query ? rows.queries : rows.extent();
      // A detached array keeps its type but has length 0.
      if (!in.status().ok()) return in.status();
      if (found.length < needed) return Status::size(t.argument, double(found.length), double(needed));
      t.to = static_cast<char*>(found.data);
    }
    for (const Target& t : targets_) {
      if (t.per_query) copy_rows(t, 0, rows.queries);
      else if (rows.offsets || rows.stride == rows.docs) copy_rows(t, rows.begin(0), rows.documents(0, rows.queries));
      else
        for (int64_t b = 0; b < rows.queries; b++) copy_rows(t, rows.begin(b), rows.length(b));
    }
    return {};
  }
  static void copy_rows(const Target& t, int64_t first, int64_t count) {
    if (count > 0) std::memcpy(t.to + first * t.size, t.from + first * t.size, size_t(count * t.size));
  }

  const Napi::Env env_;
  Napi::Promise::Deferred deferred_;
  const std::shared_ptr<const Plan> plan_;
  const std::shared_ptr<Backend> backend_;
  Call call_;
  const AbortFlag::Word abort_;
  Arena arena_;
  int64_t size_ = 0;
  std::vector<Target> targets_;
  Napi::ObjectReference scalars_;
  napi_value value_ = nullptr;
  Status status_;
  Summary summary_;
  std::string failure_;  // the message of an exception, if one ended the run
};

// A task on a thread of libuv's pool.
class Pooled : public Napi::AsyncWorker {
 public:
  Pooled(Napi::Env env, std::unique_ptr<Task> task) : AsyncWorker(env, "ckl-loss"), task_(std::move(task)) {}

 protected:
  void Execute() override { task_->execute(); }
  void OnOK() override { task_->settle(Env()); }

 private:
  const std::unique_ptr<Task> task_;
};

}  // namespace

napi_value start_job(napi_env raw, std::shared_ptr<const Plan> plan, std::shared_ptr<Backend> backend, bool on_gpu,
                     const Call& call, const napi_value* values, const napi_value* diagnostics, AbortFlag::Word abort) {
  const Napi::Env env(raw);
  std::unique_ptr<Run> job(new Run(env, std::move(plan), std::move(backend), call, std::move(abort)));
  const Napi::Promise promise = job->promise();
  if (!job->copy_inputs()) {
    const Status status{Code::memory, Argument::none, -1, -1, double(job->size())};
    write_scalars(call.scalars, status, 0, 0);
    const Napi::Promise::Deferred deferred(env);
    deferred.Resolve(Napi::Number::New(env, int(status.code)));
    return deferred.Promise();
  }
  const Outputs& out = job->call().out;
  job->hold(values[12]);
  job->hold(values[8], Argument::grad, out.grad.data, size_of(out.grad.type), false);
  job->hold(values[9], Argument::per_query, out.per_query, 4, true);
  job->hold(values[10], Argument::teacher_grad, out.teacher_grad.data, size_of(out.teacher_grad.type), false);
  if (diagnostics) {
    const Diagnostics& d = out.diagnostics;
    job->hold(diagnostics[0], Argument::diagnostic_weight, d.weight, 4, false);
    job->hold(diagnostics[1], Argument::diagnostic_ratio, d.ratio, 4, false);
    job->hold(diagnostics[2], Argument::diagnostic_entropy, d.entropy, 4, true);
    job->hold(diagnostics[3], Argument::diagnostic_separation, d.separation, 4, true);
    job->hold(diagnostics[4], Argument::diagnostic_separation_top10, d.separation_top10, 4, true);
  }
  if (on_gpu) compute_beside(env, std::move(job));
  else (new Pooled(env, std::move(job)))->Queue();  // deletes itself
  return promise;
}

}  // namespace addon
}  // namespace ckl
