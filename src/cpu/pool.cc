#include "pool.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace ckl {
namespace cpu {
namespace {

// About as long as waking a thread takes: a call has two jobs in quick succession.
constexpr std::chrono::microseconds kSpin{50};

void pause() {
#if defined __x86_64__
  __builtin_ia32_pause();
#elif defined __aarch64__
  asm volatile("yield");
#endif
}

// Returns whether the condition became true in time.
template <class Condition>
bool spin(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int k = 0; k < 16; k++) {
      if (condition()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

Pool::Pool(int threads) : threads_(threads < 1 ? 1 : threads), shares_(new Share[size_t(threads_)]) {}

Pool::~Pool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    job_++;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::start() {
  for (int k = int(workers_.size()) + 1; k < threads_; k++) {
    try {
      workers_.emplace_back(&Pool::work, this, k);
    } catch (const std::system_error&) {
      return;  // no more threads available: the others do the rest
    }
  }
}

void Pool::take(int worker, int workers, const Body& body) {
  for (int k = 0; k < workers; k++) {
    Share& share = shares_[(worker + k) % workers];
    for (;;) {
      const int slice = share.next.fetch_add(1, std::memory_order_relaxed);
      if (slice >= share.end) break;
      body(worker, slice);
    }
  }
}

void Pool::run(int workers, int slices, const Body& body) {
  std::unique_lock<std::mutex> user(user_, std::try_to_lock);
  workers = std::min(workers, slices);
  if (workers <= 1 || !user.owns_lock()) {
    for (int k = 0; k < slices; k++) body(0, k);
    return;
  }
  start();
  for (int k = 0; k < workers; k++) {
    shares_[k].next.store(int(int64_t(slices) * k / workers), std::memory_order_relaxed);
    shares_[k].end = int(int64_t(slices) * (k + 1) / workers);
  }
  bool sleepers;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    body_ = &body;
    job_workers_ = workers;
    job_++;
    sleepers = asleep_ > 0;
  }
  if (sleepers) wake_.notify_all();
  take(0, workers, body);
  wait_for_workers();
}

void Pool::wait_for_workers() {
  std::unique_lock<std::mutex> lock(mutex_);
  body_ = nullptr;  // no thread enters the job after this
  if (inside_ == 0) return;
  lock.unlock();
  spin([this] { return inside_ == 0; });
  lock.lock();
  done_.wait(lock, [this] { return inside_ == 0; });
}

void Pool::work(int index) {
  uint64_t seen = 0;
  for (;;) {
    spin([&] { return job_ != seen; });
    std::unique_lock<std::mutex> lock(mutex_);
    asleep_++;
    wake_.wait(lock, [&] { return job_ != seen; });
    asleep_--;
    if (stop_) return;
    seen = job_;
    if (!body_ || index >= job_workers_) continue;
    const Body& body = *body_;
    const int workers = job_workers_;
    inside_++;
    lock.unlock();
    take(index, workers, body);
    lock.lock();
    if (--inside_ == 0) done_.notify_one();
  }
}

}  // namespace cpu
}  // namespace ckl
