// The thread pool: every slice runs exactly once, even if others use the pool or threads cannot be started.
#include <doctest/doctest.h>

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "../../src/cpu/pool.h"
#include "batch.h"

namespace {
std::atomic<int> threads_left{1 << 30};
}  // namespace

// Stands before the C library's own, so that a test can run out of threads.
extern "C" __attribute__((visibility("default"))) int pthread_create(pthread_t* thread,
                                                                     const pthread_attr_t* attributes,
                                                                     void* (*start)(void*), void* argument) noexcept {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const Create create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  if (threads_left.fetch_sub(1) <= 0) return EAGAIN;
  return create(thread, attributes, start, argument);
}

namespace ckl {
namespace test {
namespace {

// Whether every slice ran once, and no worker ran two at a time.
bool runs_each_slice_once(cpu::Pool& pool, int workers, int slices) {
  std::vector<std::atomic<int>> times(static_cast<size_t>(slices)), busy(static_cast<size_t>(workers));
  std::atomic<int> clashes{0};
  pool.run(workers, slices, [&](int worker, int k) {
    clashes += busy[size_t(worker)]++ != 0;
    times[size_t(k)]++;
    busy[size_t(worker)]--;
  });
  for (const auto& t : times)
    if (t != 1) return false;
  return clashes == 0;
}

TEST_CASE("pool: every slice once, for every number of threads, workers and slices") {
  for (int threads : {0, 1, 2, 3, 8}) {
    cpu::Pool pool(threads);
    CHECK(pool.threads() == std::max(1, threads));
    for (int round = 0; round < 20; round++)
      for (int workers = 1; workers <= pool.threads(); workers++)
        for (int slices : {0, 1, 2, workers, 7, 40}) CHECK(runs_each_slice_once(pool, workers, slices));
  }
}

TEST_CASE("pool: a thread that is held up leaves its share to the others") {
  cpu::Pool pool(2);
  std::atomic<int> others{0};
  std::atomic<bool> held{false};
  pool.run(2, 20, [&](int worker, int slice) {
    if (slice == 0) {  // its worker waits until the other one has done all that is left
      held = true;
      while (others < 19) std::this_thread::yield();
    } else {
      (void)worker;
      others++;
    }
  });
  CHECK(held);
  CHECK(others == 19);
}

TEST_CASE("pool: several threads at once, each sees its own work done") {
  cpu::Pool pool(4);
  std::atomic<int> wrong{0};
  std::vector<std::thread> users;
  for (int u = 0; u < 6; u++)
    users.emplace_back([&] {
      for (int round = 0; round < 300; round++) wrong += !runs_each_slice_once(pool, 1 + round % 4, 1 + round % 9);
    });
  for (std::thread& user : users) user.join();
  CHECK(wrong == 0);
}

TEST_CASE("pool: a slice may use another pool, itself in use") {
  cpu::Pool pool(3), other(3);
  std::atomic<int> inner{0};
  pool.run(3, 3, [&](int, int) {
    CHECK(runs_each_slice_once(other, 3, 5));
    other.run(2, 2, [&](int, int) { inner++; });
  });
  CHECK(inner == 6);
}

TEST_CASE("pool: ends with workers that never ran, that idle, and right after work") {
  for (int round = 0; round < 50; round++) {
    cpu::Pool unused(4);
    cpu::Pool used(4);
    CHECK(runs_each_slice_once(used, 4, 2 * 4));
    cpu::Pool idle(2);
    CHECK(runs_each_slice_once(idle, 2, 2 * 2));
    if (round == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

TEST_CASE("pool: the caller does what threads that cannot be had would have done") {
  for (int can_start : {0, 1, 2}) {
    cpu::Pool pool(5);
    threads_left = can_start;
    CHECK(runs_each_slice_once(pool, 5, 2 * 5));
    threads_left = 1 << 30;
    CHECK(runs_each_slice_once(pool, 5, 2 * 5));  // and the rest starts as soon as it can
  }
}

TEST_CASE("pool: backends that share one pool, from several threads") {
  Random random(71);
  OwnedBatch batch = batch_of_families(random, 3000, 15);
  std::vector<float> first(batch.student.size());
  const auto pool = std::make_shared<cpu::Pool>(3);
  std::atomic<int> wrong{0};
  const auto work = [&](std::vector<float>& grad) {
    cpu::CpuBackend backend(cpu::targets().back(), pool, 3);
    const auto workspace = backend.workspace(3000);
    std::vector<float> per_query(size_t(batch.queries));
    Batch view;
    view.rows = batch.rows(), view.labels = batch.labels.data();
    view.student = {reinterpret_cast<const char*>(batch.student.data()), DType::float32};
    view.teacher = {reinterpret_cast<const char*>(batch.teacher.data()), DType::float32};
    Outputs out;
    out.grad = {reinterpret_cast<char*>(grad.data()), DType::float32}, out.per_query = per_query.data();
    Summary summary;
    wrong += !backend.run(Plan{{PlanTerm()}}, view, out, *workspace, nullptr, summary).ok();
  };
  work(first);
  std::vector<std::thread> users;
  for (int u = 0; u < 4; u++)
    users.emplace_back([&] {
      std::vector<float> grad(first.size());
      for (int round = 0; round < 10; round++) {
        work(grad);
        wrong += !difference(first, grad, "grad").empty();
      }
    });
  for (std::thread& user : users) user.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace test
}  // namespace ckl
