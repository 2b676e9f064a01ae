#include "gpu_threads.h"

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "plan.h"

namespace ckl {
namespace addon {

// The threads of one environment for one kind of task. They start on demand, sleep between tasks, and end with the environment. They
// wait for events instead of using cudaLaunchHostFunc: CUDA makes no callbacks after an error, which would leave promises pending, and
// a callback blocks its stream.
class GpuThreads {
 public:
  GpuThreads(Napi::Env env, size_t most) : env_(env), most_(most) {
    const Napi::String name = Napi::String::New(env, "ckl-loss");
    napi_threadsafe_function made = nullptr;
    if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, settle_all, &made) !=
        napi_ok)
      throw Napi::Error::New(env);
    settled_ = made;
    napi_unref_threadsafe_function(env, settled_);
    at_exit().add(this);
    // Hooks run in reverse order: this one runs before that of the thread-safe function, so no thread calls a function
    // that is gone.
    napi_add_env_cleanup_hook(env, end, this);
  }

  void start(TaskKey key, std::unique_ptr<Task> task) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      Lane& lane = lane_for(key);
      lane.key = key;
      lane.tasks.push_back(std::move(task));
      lane.wake.notify_one();
    }
    if (unsettled_++ == 0) napi_ref_threadsafe_function(env_, settled_);
  }

 private:
  // process.exit() in the main thread runs no cleanup hooks. The statics of this library and of CUDA are destroyed after it, so the
  // threads must have stopped by then. The first environment makes this object once CUDA has registered its own destructors,
  // which therefore run later.
  class AtExit {
   public:
    void add(GpuThreads* threads) {
      const std::lock_guard<std::mutex> lock(mutex_);
      all_.insert(threads);
    }
    void remove(GpuThreads* threads) {
      const std::lock_guard<std::mutex> lock(mutex_);
      all_.erase(threads);
    }
    ~AtExit() {
      for (GpuThreads* threads : all_) threads->join();
    }

   private:
    std::mutex mutex_;
    std::set<GpuThreads*> all_;
  };
  static AtExit& at_exit() {
    static AtExit all;
    return all;
  }

  struct Lane {
    TaskKey key;
    std::deque<std::unique_ptr<Task>> tasks;  // the first is running
    std::condition_variable wake;
    std::thread thread;
  };

  // The thread that is working on the same key; else an idle one; else a new one; else the one with the fewest tasks.
  Lane& lane_for(const TaskKey& key) {
    Lane* least = nullptr;
    for (Lane& lane : lanes_) {
      if (!lane.tasks.empty() && lane.key == key) return lane;
      if (!least || lane.tasks.size() < least->tasks.size()) least = &lane;
    }
    if (least && (least->tasks.empty() || lanes_.size() == most_)) return *least;
    lanes_.emplace_back();
    Lane* const made = &lanes_.back();
    try {
      made->thread = std::thread([this, made] { work(*made); });
    } catch (...) {  // no more threads on this machine
      lanes_.pop_back();
      if (!least) throw;
      return *least;
    }
    return *made;
  }

  void work(Lane& lane) {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      lane.wake.wait(lock, [&] { return ending_ || !lane.tasks.empty(); });
      if (ending_) return;
      Task& task = *lane.tasks.front();
      lock.unlock();
      task.execute();
      lock.lock();
      done_.push_back(std::move(lane.tasks.front()));
      lane.tasks.pop_front();
      if (!ending_) napi_call_threadsafe_function(settled_, nullptr, napi_tsfn_nonblocking);
    }
  }

  // Runs on JavaScript's thread, once for each finished task; one call may settle several.
  static void settle_all(napi_env env, napi_value, void* self, void*) {
    if (!env) return;  // the environment has ended
    GpuThreads& threads = *static_cast<GpuThreads*>(self);
    std::vector<std::unique_ptr<Task>> done;
    {
      const std::lock_guard<std::mutex> lock(threads.mutex_);
      done.swap(threads.done_);
    }
    for (std::unique_ptr<Task>& task : done) {
      if (--threads.unsettled_ == 0) napi_unref_threadsafe_function(env, threads.settled_);
      // No exception may leave a callback of Node's C API.
      Napi::details::WrapCallback(env, [&]() -> napi_value {
        task->settle(env);
        task.reset();
        return nullptr;
      });
    }
  }

  // Running tasks are allowed to finish: the GPU may be writing to memory that is freed with the environment.
  void join() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ending_ = true;
      for (Lane& lane : lanes_) lane.wake.notify_one();
    }
    for (Lane& lane : lanes_) lane.thread.join();
  }

  static void end(void* self) {
    GpuThreads& threads = *static_cast<GpuThreads*>(self);
    at_exit().remove(&threads);
    threads.join();
    threads.lanes_.clear();
    threads.done_.clear();
    napi_release_threadsafe_function(threads.settled_, napi_tsfn_abort);
  }

  const napi_env env_;
  const size_t most_;
  napi_threadsafe_function settled_ = nullptr;
  size_t unsettled_ = 0;  // used on JavaScript's thread only
  std::mutex mutex_;
  std::list<Lane> lanes_;
  std::vector<std::unique_ptr<Task>> done_;
  bool ending_ = false;
};

namespace {

GpuThreads& threads(Napi::Env env, std::shared_ptr<GpuThreads> Environment::*kind, size_t most) {
  std::shared_ptr<GpuThreads>& found = env.GetInstanceData<Environment>()->*kind;
  if (!found) found = std::make_shared<GpuThreads>(env, most);
  return *found;
}

}  // namespace

void wait_beside(Napi::Env env, TaskKey key, std::unique_ptr<Task> task) {
  threads(env, &Environment::waiters, 16).start(key, std::move(task));
}

void compute_beside(Napi::Env env, std::unique_ptr<Task> task) {
  const TaskKey own(task.get(), 0);
  threads(env, &Environment::computers, 4).start(own, std::move(task));
}

}  // namespace addon
}  // namespace ckl
