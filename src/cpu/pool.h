// A thread pool that runs one job at a time. The calling thread takes part; idle threads sleep.
//
// A job is cut into slices. Every worker starts with its own share, so that memory stays with the core that touched it
// last, and then takes slices that others have not started: a thread that wakes late costs nothing.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ckl {
namespace cpu {

class Pool {
 public:
  // Does the work of one slice. Never called concurrently with the same worker number.
  using Body = std::function<void(int worker, int slice)>;

  explicit Pool(int threads);  // including the caller
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // Calls body(worker, slice) once for every slice in [0, slices), with worker in [0, workers), and returns when all
  // are done. workers <= threads(). If another thread is using the pool, or there is only one worker, everything runs
  // on the calling thread.
  void run(int workers, int slices, const Body& body);

 private:
  struct alignas(64) Share {  // slices of one worker that no thread has started; padded to a cache line
    std::atomic<int> next{0};
    int end = 0;
  };

  void work(int index);
  void start();
  void take(int worker, int workers, const Body& body);
  void wait_for_workers();

  const int threads_;
  const std::unique_ptr<Share[]> shares_;
  std::mutex user_;  // one job at a time
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const Body* body_ = nullptr;  // body of the current job; null for threads that come too late
  int job_workers_ = 0, asleep_ = 0;
  std::atomic<int> inside_{0};    // threads working on the job
  std::atomic<uint64_t> job_{0};  // counts jobs
  bool stop_ = false;
  std::vector<std::thread> workers_;  // started with the first job that needs them
};

}  // namespace cpu
}  // namespace ckl
