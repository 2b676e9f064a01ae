// The thread pool: every part runs exactly once, whoever else uses the pool, whatever threads can be had.
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

bool runs_each_part_once(cpu::Pool& pool, int parts) {
  std::vector<std::atomic<int>> times(static_cast<size_t>(parts));
  pool.run(parts, [&](int k) { times[size_t(k)]++; });
  for (const auto& t : times)
    if (t != 1) return false;
  return true;
}

TEST_CASE("pool: every part once, for every number of threads and parts") {
  for (int threads : {0, 1, 2, 3, 8}) {
    cpu::Pool pool(threads);
    CHECK(pool.threads() == std::max(1, threads));
    for (int round = 0; round < 50; round++)
      for (int parts = 1; parts <= pool.threads(); parts++) CHECK(runs_each_part_once(pool, parts));
  }
}

TEST_CASE("pool: several threads at once, each sees its own work done") {
  cpu::Pool pool(4);
  std::atomic<int> wrong{0};
  std::vector<std::thread> users;
  for (int u = 0; u < 6; u++)
    users.emplace_back([&] {
      for (int round = 0; round < 300; round++) wrong += !runs_each_part_once(pool, 1 + round % 4);
    });
  for (std::thread& user : users) user.join();
  CHECK(wrong == 0);
}

TEST_CASE("pool: a part may use the pool itself") {
  cpu::Pool pool(3), other(3);
  std::atomic<int> inner{0};
  pool.run(3, [&](int) {
    CHECK(runs_each_part_once(other, 3));
    other.run(2, [&](int) { inner++; });
  });
  CHECK(inner == 6);
}

TEST_CASE("pool: ends with workers that never ran, that idle, and right after work") {
  for (int round = 0; round < 50; round++) {
    cpu::Pool unused(4);
    cpu::Pool used(4);
    CHECK(runs_each_part_once(used, 4));
    cpu::Pool idle(2);
    CHECK(runs_each_part_once(idle, 2));
    if (round == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

TEST_CASE("pool: the caller does what threads that cannot be had would have done") {
  for (int can_start : {0, 1, 2}) {
    cpu::Pool pool(5);
    threads_left = can_start;
    CHECK(runs_each_part_once(pool, 5));
    threads_left = 1 << 30;
    CHECK(runs_each_part_once(pool, 5));  // and the rest starts as soon as it can
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
