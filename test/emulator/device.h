// What a kernel sees of a GPU, for sources that a host compiler compiles: the part of CUDA that cuda/ uses.
//
// Each thread of a block is a fiber. Shuffles, votes and barriers are meeting points: a thread that comes first lets
// others run, in an order that a seed decides. Threads that wait for each other at different points, shuffles across
// lanes that are not there, and vector accesses at odd addresses or beyond an array end the run with a message. Shared memory starts as NaN.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <memory>  // first: it has an attribute __noinline__, which is a macro below

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__

namespace emulator {

struct Index {
  unsigned x;
};

// The thread that runs, and what it may ask.
struct Thread {
  Index thread, block, block_size, grid_size;
  unsigned cluster_size, cluster_rank;
  char* shared;
  size_t shared_bytes;
};
extern Thread* current;

[[noreturn]] void fail(const char* what);
int capability();  // of the chip that is pretended
void meet_block();
bool meet_block_or(bool x);
void meet_cluster();
// All lanes of the warp bring a word and see everybody's. kind: what for, so that lanes agree on it.
const uint64_t* meet_warp(uint64_t word, int kind);
char* peer_shared(char* mine, unsigned rank);

// Copies of this thread, each made when it is asked for or when the thread waits, as chance will have it.
void need_shared(const char* p, size_t bytes);
void copy_later(char* to, const char* from, size_t bytes);
void wait_for_copies();
void group_copies();
void wait_for_earlier_groups();
// Barriers that count bytes; what is pushed lands at any time until then.
void init_barrier(uint64_t* barrier);
void start_barriers();
void expect_bytes(uint64_t* barrier, unsigned bytes);
void wait_for_bytes(const uint64_t* barrier, unsigned parity);
void push(char* to, const void* from, size_t bytes, uint64_t* barrier);

template <class T>
inline T bring(T x, unsigned from, int kind) {
  static_assert(sizeof(T) <= 8, "a word");
  uint64_t word = 0;
  memcpy(&word, &x, sizeof x);
  const uint64_t* all = meet_warp(word, kind);
  T y;
  memcpy(&y, &all[from], sizeof y);
  return y;
}
inline void need_all(uint32_t mask) {
  if (mask != 0xffffffffu) fail("a warp operation of less than a warp");
}
// Words by which blocks order their accesses: what a thread changes there is a release, an acquire, both or neither.
enum Ordering { relaxed = 0, acquires = 1, releases = 2, replaces = 4 };
void order(const void* word, int how);
void note_write(const void* to);
void need_order(const void* from);
// Until the word has another value: lets other threads run.
void wait_for_change(const unsigned* word, unsigned from);
void wait_for_earlier_launch();
// Vector accesses stay within the arrays that a test has named, if it has.
void name_array(const void* begin, size_t bytes);
void forget_arrays();
void need_inside(const void* p, size_t bytes);
// How the special-function unit errs, always by the most that is stated of it: not at all, up, down, by the argument's bits.
enum class Error { none, up, down, either };
extern Error special_function_error;
// x times 1 + part, or what that mode makes of it.
inline float off_by(float x, float part, float argument) {
  if (special_function_error == Error::none || !(fabsf(x) < 1e37f)) return x;
  uint32_t bits;
  memcpy(&bits, &argument, 4);
  const bool up = special_function_error == Error::up ||
                  (special_function_error == Error::either && (bits * 2654435769u >> 16 & 1));
  return x * (up ? 1 + part : 1 - part);
}
inline unsigned lane() { return current->thread.x % 32; }

template <class T>
inline void need_aligned(const T* p) {
  if (reinterpret_cast<uintptr_t>(p) % sizeof(T))
    fail("a vector access at an address that is not a multiple of its size");
}

}  // namespace emulator

template <emulator::Index emulator::Thread::*kField>
struct EmulatedIndex {
  struct {
    operator unsigned() const { return (emulator::current->*kField).x; }
  } x;
};
constexpr EmulatedIndex<& emulator::Thread::thread> threadIdx = {};
constexpr EmulatedIndex<& emulator::Thread::block> blockIdx = {};
constexpr EmulatedIndex<& emulator::Thread::block_size> blockDim = {};
constexpr EmulatedIndex<& emulator::Thread::grid_size> gridDim = {};

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }

template <class T>
inline T __ldcs(const T* p) {
  emulator::need_aligned(p);
  emulator::need_inside(p, sizeof(T));
  return *p;
}
template <class T>
inline T __ldca(const T* p) {
  return __ldcs(p);
}
template <class T>
inline void __stcs(T* p, T x) {
  emulator::need_aligned(p);
  emulator::need_inside(p, sizeof(T));
  *p = x;
}

inline float __uint_as_float(uint32_t u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}
inline uint32_t __float_as_uint(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return u;
}
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline uint32_t __funnelshift_lc(uint32_t low, uint32_t high, unsigned by) {
  return by >= 32 ? low : uint32_t(((uint64_t(high) << 32 | low) << by) >> 32);
}
inline uint32_t __funnelshift_r(uint32_t low, uint32_t high, unsigned by) {
  return uint32_t((uint64_t(high) << 32 | low) >> (by & 31));
}
inline uint32_t __byte_perm(uint32_t a, uint32_t b, uint32_t pick) {
  const uint64_t both = uint64_t(b) << 32 | a;
  uint32_t r = 0;
  for (int k = 0; k < 4; k++) r |= uint32_t(both >> 8 * (pick >> 4 * k & 7) & 255) << 8 * k;
  return r;
}
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline int __popc(uint32_t x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }

inline void __syncthreads() { emulator::meet_block(); }
inline int __syncthreads_or(int x) { return emulator::meet_block_or(x != 0); }
inline void __syncwarp() { emulator::meet_warp(0, 0); }
template <class T>
inline T __shfl_xor_sync(uint32_t mask, T x, unsigned distance) {
  emulator::need_all(mask);
  return emulator::bring(x, emulator::lane() ^ distance, 1);
}
template <class T>
inline T __shfl_sync(uint32_t mask, T x, unsigned from) {
  emulator::need_all(mask);
  return emulator::bring(x, from % 32, 3);
}
inline uint32_t __ballot_sync(uint32_t mask, bool x) {
  emulator::need_all(mask);
  const uint64_t* all = emulator::meet_warp(x, 2);
  uint32_t votes = 0;
  for (int k = 0; k < 32; k++) votes |= uint32_t(all[k] & 1) << k;
  return votes;
}
inline unsigned atomicInc(unsigned* p, unsigned most) {
  const unsigned old = *p;
  *p = old >= most ? 0 : old + 1;
  return old;
}

#define CKL_CLUSTERS 1

namespace ckl {
namespace cuda {

inline char* dynamic_shared() { return emulator::current->shared; }

template <int kBytes, int kAt>
inline void load_now(uint32_t* to, const char* from) {
  from += kAt;
  if (reinterpret_cast<uintptr_t>(from) % kBytes)
    emulator::fail("a vector access at an address that is not a multiple of its size");
  emulator::need_inside(from, kBytes);
  if (kBytes < 4) to[0] = 0;
  memcpy(to, from, kBytes);
}
struct Arbitrary {
  operator uint32_t() const { return ~0u; }  // a NaN
};
template <int kBytes, int kAt, class Word>
inline void load_if(bool here, uint32_t* to, const char* from, Word none) {
  if (here) return load_now<kBytes, kAt>(to, from);
  for (int i = 0; i < (kBytes + 3) / 4; i++) to[i] = none;
}

template <int kByte>
inline uint32_t spread_signs(uint32_t x) {
  const uint32_t low = x >> (8 * kByte + 7) & 1, high = x >> (8 * kByte + 15) & 1;
  return low * 0xffffu | high * 0xffff0000u;
}

template <int kBytes>
inline void store_if(bool here, void* to, const uint32_t* x) {
  if (!here) return;
  if (reinterpret_cast<uintptr_t>(to) % kBytes)
    emulator::fail("a vector access at an address that is not a multiple of its size");
  emulator::need_inside(to, kBytes);
  memcpy(to, x, kBytes);
}

template <int kBytes>
inline void copy_async(char* to, const char* from) {
  if ((reinterpret_cast<uintptr_t>(from) | reinterpret_cast<uintptr_t>(to)) % kBytes)
    emulator::fail("a copy at an address that is not a multiple of its size");
  emulator::need_inside(from, kBytes);
  emulator::copy_later(to, from, kBytes);
}
template <int kAt>
inline void copy_async_if(bool here, char* to, const char* from) {
  if (here) copy_async<16>(to + kAt, from + kAt);
}
inline void prefetch(const char* from) { emulator::need_inside(from, 1); }
inline void prefetch_all(const char* from, int bytes) {
  if (threadIdx.x == 0) emulator::need_inside(from, size_t(bytes));
}
inline void wait_for_copies() { emulator::wait_for_copies(); }
inline void group_copies() { emulator::group_copies(); }
inline void wait_for_earlier_groups() { emulator::wait_for_earlier_groups(); }
template <int kBytes>
inline void load_shared(uint32_t* to, const char* from) {
  if (reinterpret_cast<uintptr_t>(from) % kBytes)
    emulator::fail("a vector access at an address that is not a multiple of its size");
  emulator::need_shared(from, kBytes);
  memcpy(to, from, kBytes);
}
inline uint32_t sum_of_warp(uint32_t x) {
  const uint64_t* all = emulator::meet_warp(x, 4);
  uint32_t sum = 0;
  for (int k = 0; k < 32; k++) sum += uint32_t(all[k]);
  return sum;
}

// Denormal results are 0, as the special-function unit's are.
inline float flushed(float x) { return fabsf(x) < 1.17549435e-38f ? 0.0f * x : x; }
inline float exp2_fast(float x) { return flushed(emulator::off_by(exp2f(x), 0x1p-22f, x)); }
inline float log2_fast(float x) {
  const float y = log2f(flushed(x));
  return fabsf(y) < 1 ? y + emulator::off_by(1, 0x1p-22f, x) - 1 : emulator::off_by(y, 0x1p-22f, x);
}
inline float reciprocal_fast(float x) { return flushed(emulator::off_by(1 / x, 0x1p-23f, x)); }

inline void wait_for_earlier_launch() { emulator::wait_for_earlier_launch(); }
inline void let_next_launch_begin() {}
inline unsigned take_ticket(unsigned* ticket, unsigned most) {
  emulator::order(ticket, emulator::acquires | emulator::releases);
  return atomicInc(ticket, most);
}
inline unsigned read_counter(const unsigned* counter) { return *counter; }
inline void raise_counter(unsigned* counter, unsigned to) {
  emulator::order(counter, emulator::releases | emulator::replaces);
  *counter = to;
}
inline void await_change(const unsigned* counter, unsigned from) {
  emulator::wait_for_change(counter, from);
  emulator::order(counter, emulator::acquires);
}
template <class T>
inline void write_for_blocks(T* to, const T& x) {
  emulator::note_write(to);
  *to = x;
}
inline void need_all_kernels() {
  if (emulator::capability() < 80) emulator::fail("a kernel that this chip's code does not have");
}
inline void need_ranks(bool given) {
  if (!given) emulator::fail("a kernel that cannot rank its rows has no ranks");
}
template <class T>
inline const T& from_blocks(const T* from) {
  emulator::need_order(from);
  return *from;
}

float widen_float16(uint16_t h);
uint16_t narrow_float16(float f);

inline unsigned cluster_size() { return emulator::current->cluster_size; }
inline unsigned cluster_rank() { return emulator::current->cluster_rank; }
inline unsigned cluster_index() { return blockIdx.x / cluster_size(); }
inline unsigned cluster_count() { return gridDim.x / cluster_size(); }
inline void cluster_sync() { emulator::meet_cluster(); }
inline void cluster_sync(bool) { emulator::meet_cluster(); }
template <class T>
inline T* cluster_peer(T* shared, unsigned rank) {
  return reinterpret_cast<T*>(emulator::peer_shared(reinterpret_cast<char*>(shared), rank));
}
inline void init_barrier(uint64_t* barrier) { emulator::init_barrier(barrier); }
inline void start_barriers() { emulator::start_barriers(); }
inline void expect_bytes(uint64_t* barrier, unsigned bytes) { emulator::expect_bytes(barrier, bytes); }
inline void wait_for_bytes(uint64_t* barrier, unsigned parity) { emulator::wait_for_bytes(barrier, parity); }
template <int kFloats>
inline void push(unsigned rank, float* place, const float* x, uint64_t* barrier) {
  emulator::push(reinterpret_cast<char*>(cluster_peer(place, rank)), x, 4 * kFloats, cluster_peer(barrier, rank));
}

}  // namespace cuda
}  // namespace ckl
