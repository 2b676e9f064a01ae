// Runs the threads of a cluster of blocks as fibers, in random order, and watches where they meet.
#include <stdio.h>
#include <stdlib.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "device.h"
#include "fiber.h"
#include "order.h"
#include "runtime.h"

namespace emulator {

Error special_function_error = Error::none;

Thread* current = nullptr;
void (*on_failure)(const char* what) = nullptr;

[[noreturn]] void fail(const char* what) {
  if (on_failure) on_failure(what);
  if (current) fprintf(stderr, "emulator: %s (block %u, thread %u)\n", what, current->block.x, current->thread.x);
  else fprintf(stderr, "emulator: %s\n", what);
  abort();
}

namespace {

struct Random {
  uint64_t state = 1;
  uint64_t bits() {  // SplitMix64
    uint64_t x = state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9, x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
  }
  unsigned below(unsigned n) { return unsigned(bits() % n); }
};

// A place where `size` threads wait for each other.
struct Meeting {
  unsigned size = 0, here = 0;
  uint64_t round = 0;
  bool vote = false;  // whether anybody who has come said yes
};

struct Warp {
  Meeting meeting;
  uint64_t words[2][32];
  int kind = 0;
};

// A copy that is under way, to memory of the block or of a peer whose barrier counts it.
struct Copy {
  char* to;
  const char* from;
  size_t bytes;
  char content[16];  // of a push: its source is a register
  uint64_t* barrier;
  unsigned group = 0;  // of the copies of its thread
};

// The 8 bytes of a barrier in shared memory.
struct Barrier {
  uint16_t mark;  // kBarrier once it is set up
  uint8_t phase, arrivals;
  int32_t bytes;  // still to come
};
constexpr uint16_t kBarrier = 0xba44;

struct State {
  Thread thread;
  Fiber fiber;
  bool done = true;
  const uint64_t* waits_for = nullptr;  // a round that must become another
  uint64_t round = 0;
  const unsigned* watches = nullptr;  // a word that must change
  unsigned watched = 0;
  bool waits_for_earlier = false;  // launch
  unsigned block = 0;              // in the launch, without those that are not running
  std::vector<Copy> copies;
  unsigned groups = 0;  // of copies, that are complete
};

Random random_source;
int chip = 90;
Limits room;

// A launch that runs. It may stand still while another runs that was in front of it.
struct Machine {
  std::vector<State> threads;
  std::vector<Warp> warps;
  std::vector<Meeting> blocks;
  std::vector<Meeting> clusters;
  std::vector<std::unique_ptr<char[]>> shared;
  std::vector<Copy> pushes;
  bool may_push;  // all blocks of the cluster have set up their barriers
  Fiber scheduler;
  State* running = nullptr;
  const std::function<void()>* kernel = nullptr;
  const std::function<void()>* earlier = nullptr;  // the launch in front, if it has not run
  Order order;
};
Machine* machine = nullptr;

void yield() { Fiber::switch_to(machine->running->fiber, machine->scheduler); }

// Waits until everybody is at the meeting. True for the one that comes last.
void wait(Meeting& meeting) {
  if (++meeting.here == meeting.size) {
    meeting.here = 0, meeting.round++;
    return;
  }
  State& me = *machine->running;
  me.waits_for = &meeting.round, me.round = meeting.round;
  yield();
}

// A thread has ended: no thread may wait for it any more.
void body() {
  (*machine->kernel)();
  machine->running->done = true;
  Fiber::switch_to(machine->running->fiber, machine->scheduler, true);
}

void run_earlier() {
  const std::function<void()>* const earlier = std::exchange(machine->earlier, nullptr);
  if (!earlier) return;
  Machine* const paused = std::exchange(machine, nullptr);
  (*earlier)();
  machine = paused;
}

Barrier& barrier_at(const uint64_t* p) {
  Barrier& barrier = *reinterpret_cast<Barrier*>(const_cast<uint64_t*>(p));
  if (barrier.mark != kBarrier) fail("a barrier that nobody has set up");
  return barrier;
}
void end_phase(Barrier& barrier) {
  if (barrier.arrivals == 1 && barrier.bytes == 0) barrier.phase++, barrier.arrivals = 0;
}

// Lets one of the pushes that are under way land.
void land_one() {
  std::swap(machine->pushes[random_source.below(unsigned(machine->pushes.size()))], machine->pushes.back());
  const Copy push = machine->pushes.back();
  machine->pushes.pop_back();
  memcpy(push.to, push.content, push.bytes);
  Barrier& barrier = barrier_at(push.barrier);
  barrier.bytes -= int32_t(push.bytes);
  end_phase(barrier);
}

// Lets threads run, each time one of those that can, until all have ended.
void run_all() {
  std::vector<unsigned> order(machine->threads.size());
  for (unsigned k = 0; k < order.size(); k++) order[k] = k;
  unsigned left = unsigned(order.size());
  while (left > 0) {
    bool moved = false;
    for (unsigned k = 0; k + 1 < left; k++) std::swap(order[k], order[k + random_source.below(left - k)]);
    for (unsigned k = 0; k < left; k++) {
      State& t = machine->threads[order[k]];
      if (t.waits_for && *t.waits_for == t.round) continue;
      if (t.watches && *t.watches == t.watched) continue;
      if (t.waits_for_earlier && machine->earlier) continue;
      t.waits_for = nullptr, t.watches = nullptr, t.waits_for_earlier = false;
      moved = true;
      machine->running = &t, current = &t.thread;
      Fiber::switch_to(machine->scheduler, t.fiber);
      current = nullptr;
    }
    for (unsigned k = 0; k < left;)
      if (machine->threads[order[k]].done) std::swap(order[k], order[--left]);
      else k++;
    while (!machine->pushes.empty() && (!moved || random_source.below(4) == 0)) land_one(), moved = true;
    if (!moved && machine->earlier) {  // as late as it may be
      run_earlier();
      continue;
    }
    if (!moved) fail("threads wait for others that never come: a barrier or shuffle that not all of them reach");
  }
}

// Blocks first_block and so on, which run at once.
void start_blocks(unsigned first_block, unsigned at_once, unsigned blocks, unsigned threads, unsigned cluster,
                  size_t shared_bytes) {
  const unsigned count = threads * at_once;
  while (machine->threads.size() < count) machine->threads.emplace_back();
  while (machine->threads.size() > count) machine->threads.pop_back();
  machine->warps.assign(count / 32, Warp());
  for (Warp& w : machine->warps) w.meeting.size = 32;
  machine->blocks.assign(at_once, Meeting{threads});
  machine->clusters.assign(at_once / cluster, Meeting{threads * cluster});
  machine->shared.clear();
  machine->may_push = false;
  for (unsigned b = 0; b < at_once; b++) {
    // Exactly what was asked for, at 16 bytes, so that AddressSanitizer sees a step beyond.
    machine->shared.emplace_back(new char[shared_bytes + 1]);
    memset(machine->shared.back().get(), 0xff, shared_bytes);
  }
  for (unsigned k = 0; k < count; k++) {
    State& t = machine->threads[k];
    t.block = k / threads;
    t.thread = {{k % threads},     {first_block + t.block},        {threads},   {blocks}, cluster,
                t.block % cluster, machine->shared[t.block].get(), shared_bytes};
    t.done = false, t.waits_for = nullptr, t.watches = nullptr, t.waits_for_earlier = false, t.copies.clear(),
    t.groups = 0;
    t.fiber.start(body);
  }
}

Order::Moment now() {
  const State& t = *machine->running;
  return {t.thread.block.x, t.thread.thread.x, machine->blocks[t.block].round};
}

}  // namespace

void meet_block() { wait(machine->blocks[machine->running->block]); }
bool meet_block_or(bool x) {
  Meeting& meeting = machine->blocks[machine->running->block];
  // Two rounds: nobody brings a vote for the next while somebody has yet to read this one's.
  if (meeting.here == 0) meeting.vote = false;
  meeting.vote = meeting.vote || x;
  wait(meeting);
  const bool any = meeting.vote;
  wait(meeting);
  return any;
}
void meet_cluster() { wait(machine->clusters[machine->running->block / current->cluster_size]); }

void order(const void* word, int how) {
  if (how & acquires) machine->order.acquire(word, now());
  if (how & releases) machine->order.release(word, now(), how & replaces);
}
void note_write(const void* to) { machine->order.wrote(to, now()); }
void need_order(const void* from) {
  if (!machine->order.is_ordered(from, now()))
    fail("a block reads what another wrote, and nothing says that it was before");
}
void wait_for_change(const unsigned* word, unsigned from) {
  if (*word != from) return;
  machine->running->watches = word, machine->running->watched = from;
  yield();
}
void wait_for_earlier_launch() {
  if (!machine->earlier) return;
  machine->running->waits_for_earlier = true;
  yield();
}

void need_shared(const char* p, size_t bytes) {
  const Thread& t = *current;
  if (p < t.shared || p + bytes > t.shared + t.shared_bytes) fail("an access beyond the block's shared memory");
}
void copy_later(char* to, const char* from, size_t bytes) {
  need_shared(to, bytes);
  if (random_source.below(2)) memcpy(to, from, bytes);
  else machine->running->copies.push_back({to, from, bytes, {}, nullptr, machine->running->groups});
}
// Those of groups before `end`, in any order.
static void make_copies(unsigned end) {
  std::vector<Copy>& copies = machine->running->copies;
  auto made = std::partition(copies.begin(), copies.end(), [=](const Copy& copy) { return copy.group >= end; });
  for (auto left = copies.end(); left != made; --left) {
    std::swap(made[random_source.below(unsigned(left - made))], left[-1]);
    memcpy(left[-1].to, left[-1].from, left[-1].bytes);
  }
  copies.erase(made, copies.end());
}
void wait_for_copies() { make_copies(machine->running->groups + 1); }
void group_copies() { machine->running->groups++; }
void wait_for_earlier_groups() {
  const unsigned groups = machine->running->groups;
  make_copies(groups > 0 ? groups - 1 : 0);
}

void init_barrier(uint64_t* barrier) {
  const Barrier fresh = {kBarrier, 0, 0, 0};
  memcpy(barrier, &fresh, sizeof fresh);
}
void start_barriers() {
  meet_cluster();
  machine->may_push = true;
}
void expect_bytes(uint64_t* p, unsigned bytes) {
  Barrier& barrier = barrier_at(p);
  if (barrier.arrivals++ > 0) fail("a barrier at which more arrive than it waits for");
  barrier.bytes += int32_t(bytes);
  end_phase(barrier);
}
void wait_for_bytes(const uint64_t* p, unsigned parity) {
  while ((barrier_at(p).phase & 1) == parity) {
    machine->running->waits_for = p, machine->running->round = *p;
    yield();
  }
}
void push(char* to, const void* from, size_t bytes, uint64_t* barrier) {
  if (!machine->may_push) fail("a push to a block that may not have begun");
  Copy push = {to, nullptr, bytes, {}, barrier};
  memcpy(push.content, from, bytes);
  machine->pushes.push_back(push);
}

const uint64_t* meet_warp(uint64_t word, int kind) {
  const unsigned index = unsigned(machine->running - machine->threads.data());
  Warp& warp = machine->warps[index / 32];
  if (warp.meeting.here == 0) warp.kind = kind;
  if (warp.kind != kind) fail("lanes of a warp meet in different operations");
  // Two sets in turn: a lane may bring its next word while others have yet to read this one.
  uint64_t* words = warp.words[warp.meeting.round & 1];
  words[index % 32] = word;
  wait(warp.meeting);
  return words;
}

namespace {
std::vector<std::pair<const char*, const char*>> arrays;
}
void name_array(const void* begin, size_t bytes) {
  const char* from = static_cast<const char*>(begin);
  arrays.emplace_back(from, from + bytes);
}
void forget_arrays() { arrays.clear(); }
void need_inside(const void* p, size_t bytes) {
  if (arrays.empty()) return;
  const char* from = static_cast<const char*>(p);
  for (const auto& a : arrays)
    if (from >= a.first && from + bytes <= a.second) return;
  fail("a vector access that is not within an array");
}

char* peer_shared(char* mine, unsigned rank) {
  const Thread& t = *current;
  if (rank >= t.cluster_size) fail("a block that the cluster does not have");
  return machine->shared[machine->running->block / t.cluster_size * t.cluster_size + rank].get() + (mine - t.shared);
}

cudaError_t run(unsigned blocks, unsigned threads, unsigned cluster, size_t shared_bytes,
                const std::function<void()>& kernel, bool together, const std::function<void()>& earlier) {
  if (blocks == 0 || threads == 0 || threads % 32 || threads > 1024 || cluster == 0 || blocks % cluster) {
    fail("a launch of an impossible shape");
  }
  if (cluster > 1 && chip < 90) fail("a cluster on a chip that has none");
  static std::recursive_mutex one_at_a_time;  // worker threads share the machine
  const std::lock_guard<std::recursive_mutex> lock(one_at_a_time);
  // Kept for the next launch: to make threads takes longer than most of them run.
  // Never destroyed: launches may still run while the process ends.
  static auto& idle = *new std::vector<std::unique_ptr<Machine>>;
  if (idle.empty()) idle.emplace_back(new Machine);
  std::unique_ptr<Machine> mine = std::move(idle.back());
  idle.pop_back();
  Machine* const outer = std::exchange(machine, mine.get());
  machine->kernel = &kernel, machine->earlier = earlier ? &earlier : nullptr;
  machine->order.clear();
  const unsigned at_once = together ? blocks : cluster;
  std::vector<unsigned> order(blocks / at_once);
  for (unsigned k = 0; k < order.size(); k++) order[k] = k;
  for (unsigned k = 0; k + 1 < order.size(); k++)
    std::swap(order[k], order[k + random_source.below(unsigned(order.size()) - k)]);
  for (const unsigned k : order) {
    start_blocks(k * at_once, at_once, blocks, threads, cluster, shared_bytes);
    run_all();
    if (!machine->pushes.empty()) fail("a push to a block that has ended");
  }
  run_earlier();
  idle.push_back(std::move(mine));
  machine = outer;
  return cudaSuccess;
}

void seed(uint64_t value) { random_source.state = value; }
void pretend(int capability, const Limits& limits) { chip = capability, room = limits; }
const Limits& limits() { return room; }
int capability() { return chip; }

}  // namespace emulator
