// The emulator finds what it is there to find: barriers that not all threads reach, accesses at odd addresses, and
// threads that read what another has yet to write.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <string>

#include "device.h"
#include "runtime.h"

namespace {

struct Argument {
  float* out;
  int what;
};

void launch(void (*kernel)(Argument), const Argument& argument, unsigned blocks, unsigned threads, unsigned cluster) {
  emulator::run(blocks, threads, cluster, 4096, [&] { kernel(argument); });
}

// Whether the kernel ends the process with a message that holds `expected`.
bool dies(void (*kernel)(Argument), int what, const char* expected, unsigned blocks = 1) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    signal(SIGABRT, SIG_DFL);  // the test framework has a handler of its own
    alignas(16) static float out[1024];
    launch(kernel, {out, what}, blocks, 64, 1);
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char text[512];
  for (ssize_t n; (n = read(ends[0], text, sizeof text)) > 0;) said.append(text, size_t(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && said.find(expected) != std::string::npos;
}

void half_a_block_waits(Argument) {
  if (threadIdx.x < 32) __syncthreads();
}
void lanes_part(Argument) {
  if (threadIdx.x % 2) __syncwarp();
  else __ballot_sync(0xffffffffu, true);
}
void one_lane_stays_away(Argument) {
  if (threadIdx.x != 5) __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}
void odd_address(Argument a) { __stcs(reinterpret_cast<float4*>(a.out + 1), make_float4(0, 0, 0, 0)); }
void beyond_an_array(Argument a) {
  emulator::name_array(a.out, 24);
  __stcs(reinterpret_cast<float4*>(a.out) + 1, make_float4(0, 0, 0, 0));
}
void less_than_a_warp(Argument) { __shfl_xor_sync(0xffffu, 1.0f, 1); }
void nothing_wrong(Argument a) {
  __syncthreads();
  a.out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, float(threadIdx.x), 1);
}

TEST_CASE("emulator: what is wrong ends the run and says why") {
  CHECK(dies(half_a_block_waits, 0, "never come"));
  CHECK(dies(lanes_part, 0, "different operations"));
  CHECK(dies(one_lane_stays_away, 0, "never come"));
  CHECK(dies(odd_address, 0, "not a multiple of its size"));
  CHECK(dies(beyond_an_array, 0, "not within an array"));
  CHECK(dies(less_than_a_warp, 0, "less than a warp"));
  CHECK(!dies(nothing_wrong, 0, ""));
}

// Each thread reads its neighbour's value; `what` says whether it waits for it to be written.
void neighbour(Argument a) {
  float* shared = reinterpret_cast<float*>(ckl::cuda::dynamic_shared());
  shared[threadIdx.x] = float(threadIdx.x);
  if (a.what) __syncthreads();
  a.out[threadIdx.x] = shared[threadIdx.x ^ 33];
}

TEST_CASE("emulator: a missing barrier shows in some order") {
  for (int waits : {0, 1}) {
    bool right = true;
    for (uint64_t seed = 1; seed < 10; seed++) {
      emulator::seed(seed);
      float out[64];
      launch(neighbour, {out, waits}, 1, 64, 1);
      for (unsigned k = 0; k < 64; k++) right = right && out[k] == float(k ^ 33);
    }
    CHECK(right == (waits == 1));
  }
}

// The last block adds what the others wrote. what: whether it takes its ticket in a way that orders that, after a barrier.
void total(Argument a) {
  float* const parts = a.out + 1;
  unsigned* const ticket = reinterpret_cast<unsigned*>(a.out);
  if (threadIdx.x == 32) ckl::cuda::write_for_blocks(parts + blockIdx.x, 1.0f);
  if (a.what != 1) __syncthreads();
  if (threadIdx.x != 0) return;
  if (a.what == 2 ? atomicInc(ticket, 3) != 3 : ckl::cuda::take_ticket(ticket, 3) != 3) return;
  for (unsigned k = 0; k < 4; k++) ckl::cuda::from_blocks(parts + k);
}

TEST_CASE("emulator: blocks that read each other's results without an order are found") {
  CHECK(!dies(total, 0, "", 4));
  CHECK(dies(total, 1, "nothing says", 4));
  CHECK(dies(total, 2, "nothing says", 4));
}

// All blocks wait for the last.
void barrier(Argument a) {
  unsigned* const words = reinterpret_cast<unsigned*>(a.out);
  if (threadIdx.x != 0) return;
  const unsigned before = ckl::cuda::read_counter(words);
  if (ckl::cuda::take_ticket(words + 1, 3) == 3) ckl::cuda::raise_counter(words, before + 1);
  else ckl::cuda::await_change(words, before);
}

TEST_CASE("emulator: blocks wait for each other only if they run together") {
  unsigned words[2] = {0, 0};
  const Argument argument = {reinterpret_cast<float*>(words), 0};
  for (unsigned round = 1; round < 4; round++) {
    emulator::run(
        4, 64, 1, 0, [&] { barrier(argument); }, true);
    CHECK(words[0] == round);
    CHECK(words[1] == 0);
  }
  CHECK(dies(barrier, 0, "never come", 4));
}

TEST_CASE("emulator: a launch that may begin early does, and sees what is in front of it when it waits") {
  for (int waits : {0, 1}) {
    float value = 0, seen = -1;
    const std::function<void()> earlier = [&] { value = 1; };
    const auto kernel = [&] {
      if (waits) ckl::cuda::wait_for_earlier_launch();
      if (threadIdx.x == 0) seen = value;
    };
    emulator::run(2, 64, 1, 0, kernel, true, earlier);
    CHECK(seen == float(waits));
    CHECK(value == 1);
  }
}

// Each lane reads what its neighbour has had copied; `what`: whether it waits for the copy.
void copied(Argument a) {
  alignas(16) static const float from[64] = {1, 2, 3, 4, 5};
  char* const shared = ckl::cuda::dynamic_shared();
  if (threadIdx.x < 16)
    ckl::cuda::copy_async<16>(shared + 16 * threadIdx.x, reinterpret_cast<const char*>(from + 4 * threadIdx.x));
  if (a.what) ckl::cuda::wait_for_copies();
  __syncthreads();
  a.out[threadIdx.x] = reinterpret_cast<const float*>(shared)[threadIdx.x];
}

TEST_CASE("emulator: a copy that nobody has waited for is missing in some order") {
  for (int waits : {0, 1}) {
    bool right = true;
    for (uint64_t seed = 1; seed < 10; seed++) {
      emulator::seed(seed);
      float out[64];
      launch(copied, {out, waits}, 1, 64, 1);
      for (unsigned k = 0; k < 64; k++) right = right && out[k] == (k < 5 ? float(k + 1) : 0);
    }
    CHECK(right == (waits == 1));
  }
}

// Two groups of copies, of which the thread waits for the first; `what`: whether it reads that one.
void copied_in_groups(Argument a) {
  alignas(16) static const float from[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  char* const shared = ckl::cuda::dynamic_shared();
  if (threadIdx.x > 0) return;
  for (int k = 0; k < 2; k++) {
    ckl::cuda::copy_async<16>(shared + 16 * k, reinterpret_cast<const char*>(from + 4 * k));
    ckl::cuda::group_copies();
  }
  ckl::cuda::wait_for_earlier_groups();
  a.out[0] = reinterpret_cast<const float*>(shared)[a.what ? 0 : 4];
}

TEST_CASE("emulator: a group of copies that nobody has waited for is missing in some order") {
  for (int first : {0, 1}) {
    bool right = true;
    for (uint64_t seed = 1; seed < 20; seed++) {
      emulator::seed(seed);
      float out[1];
      launch(copied_in_groups, {out, first}, 1, 32, 1);
      right = right && out[0] == (first ? 1 : 5);
    }
    CHECK(right == (first == 1));
  }
}

// Pushes to the only block of a cluster; `what`: what is done wrong.
void pushed(Argument a) {
  uint64_t* const barrier = reinterpret_cast<uint64_t*>(ckl::cuda::dynamic_shared());
  float* const place = reinterpret_cast<float*>(barrier + 2);
  if (threadIdx.x == 0) ckl::cuda::init_barrier(barrier + (a.what == 1));
  __syncthreads();
  if (a.what != 2) ckl::cuda::start_barriers();
  if (threadIdx.x == 0) {
    if (a.what != 3) ckl::cuda::expect_bytes(barrier, 8);
    const float x[2] = {1, 2};
    ckl::cuda::push<2>(0, place, x, barrier);
  }
  ckl::cuda::wait_for_bytes(barrier, 0);
  a.out[threadIdx.x] = place[threadIdx.x % 2];
}

TEST_CASE("emulator: barriers that count bytes") {
  CHECK(!dies(pushed, 0, ""));
  CHECK(dies(pushed, 1, "nobody has set up"));
  CHECK(dies(pushed, 2, "may not have begun"));
  CHECK(dies(pushed, 3, "never come"));
}

// Blocks of a cluster read each other's memory.
void peers(Argument a) {
  float* shared = reinterpret_cast<float*>(ckl::cuda::dynamic_shared());
  shared[threadIdx.x] = float(100 * ckl::cuda::cluster_rank() + threadIdx.x);
  ckl::cuda::cluster_sync();
  const unsigned other = (ckl::cuda::cluster_rank() + 1) % ckl::cuda::cluster_size();
  a.out[blockIdx.x * 64 + threadIdx.x] = ckl::cuda::cluster_peer(shared, other)[threadIdx.x];
  ckl::cuda::cluster_sync();
}

TEST_CASE("emulator: clusters share their blocks' memory") {
  emulator::pretend(90);
  float out[8 * 64];
  launch(peers, {out, 0}, 8, 64, 4);
  for (unsigned b = 0; b < 8; b++)
    for (unsigned t = 0; t < 64; t++) CHECK(out[b * 64 + t] == float(100 * ((b + 1) % 4) + t));
}

TEST_CASE("emulator: float16 is rounded as IEEE says") {
  for (uint32_t h = 0; h < 65536; h++) {
    const float x = ckl::cuda::widen_float16(uint16_t(h));
    if (std::isnan(x)) continue;
    CHECK(ckl::cuda::narrow_float16(x) == h);
  }
  CHECK(ckl::cuda::narrow_float16(65519.99f) == 0x7bff);
  CHECK(ckl::cuda::narrow_float16(65520.0f) == 0x7c00);
  CHECK(ckl::cuda::narrow_float16(0x1p-25f) == 0);
  CHECK(ckl::cuda::narrow_float16(0x1.8p-25f) == 1);
  CHECK(ckl::cuda::narrow_float16(1 + 0x1p-11f) == 0x3c00);
  CHECK(ckl::cuda::narrow_float16(1 + 0x3p-11f) == 0x3c02);
}

}  // namespace
