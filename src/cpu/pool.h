// A few threads that share one job at a time. The caller works too; idle threads sleep.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ckl {
namespace cpu {

class Pool {
 public:
  explicit Pool(int threads);  // the caller included
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // Calls part(k) for k in [0, parts) and returns when all are done. parts <= threads(). If another thread is using the
  // pool, or there is one part, everything runs here and now.
  void run(int parts, const std::function<void(int)>& part);

 private:
  void work(int index);
  void start();

  const int threads_;
  std::mutex user_;  // one job at a time
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int)>* part_ = nullptr;
  int parts_ = 0, running_ = 0;
  uint64_t job_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;  // started with the first job that needs them
};

}  // namespace cpu
}  // namespace ckl
