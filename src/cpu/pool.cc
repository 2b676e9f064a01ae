#include "pool.h"

#include <algorithm>
#include <system_error>

namespace ckl {
namespace cpu {

Pool::Pool(int threads) : threads_(threads < 1 ? 1 : threads) {}

Pool::~Pool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::start() {
  for (int k = int(workers_.size()) + 1; k < threads_; k++) {
    try {
      workers_.emplace_back(&Pool::work, this, k);
    } catch (const std::system_error&) {
      return;  // no more threads to be had: the caller does the rest
    }
  }
}

void Pool::run(int parts, const std::function<void(int)>& part) {
  std::unique_lock<std::mutex> user(user_, std::try_to_lock);
  int shared = 0;
  if (parts > 1 && user.owns_lock()) {
    start();
    shared = std::min(parts - 1, int(workers_.size()));
  }
  if (shared > 0) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      part_ = &part;
      parts_ = shared + 1;
      running_ = shared;
      job_++;
    }
    wake_.notify_all();
  }
  part(0);
  for (int k = shared + 1; k < parts; k++) part(k);
  if (shared > 0) {
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
  }
}

void Pool::work(int index) {
  uint64_t seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || job_ != seen; });
    if (stop_) return;
    seen = job_;
    if (index >= parts_) continue;
    const auto* part = part_;
    lock.unlock();
    (*part)(index);
    lock.lock();
    if (--running_ == 0) done_.notify_one();
  }
}

}  // namespace cpu
}  // namespace ckl
