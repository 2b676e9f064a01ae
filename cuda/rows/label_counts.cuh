// Which queries a loss counts, as far as labels say: scans of rows for the first document, positive and negative; and
// the count by which a mean divides, within the launch that computes the rows.
#pragma once
#include "../common/scalar_load.cuh"
#include "../common/team.cuh"
#include "reduce.cuh"

namespace ckl {
namespace cuda {

// The facts about a query that follow from its labels, as bits.
constexpr unsigned kAnyDocument = 1, kAnyPositive = 2, kAnyNegative = 4;

// For four labels in a word.
CKL_DEVICE unsigned label_bits(uint32_t w) {
  const uint32_t positive = w & ~(w >> 7) & 0x01010101u, negative = ~w & 0x01010101u, valid = ~w & 0x80808080u;
  return (valid ? kAnyDocument : 0) | (positive ? kAnyPositive : 0) | (negative ? kAnyNegative : 0);
}

// 16 labels of a batch at a multiple of 16 bytes. The ends of a row are read like the rest of it, with what belongs to
// its neighbours masked; only at the ends of the array are labels read one by one.
struct LabelVector {
  uint32_t words[4];
  int first, end;  // those that count

  // At index `at`, of which those in [from, to) count. elements: of the array.
  CKL_DEVICE_MEMBER void load(const uint8_t* labels, int64_t elements, int64_t at, int64_t from, int64_t to) {
    first = from <= at ? 0 : from - at < 16 ? int(from - at) : 16;
    end = to - at >= 16 ? 16 : int(to - at);
#pragma unroll
    for (int k = 0; k < 4; k++) words[k] = ~0u;
    if (first >= end) return;
    if (at >= 0 && at + 16 <= elements) {
      const uint4 w = __ldca(reinterpret_cast<const uint4*>(labels + at));
      words[0] = w.x, words[1] = w.y, words[2] = w.z, words[3] = w.w;
    } else {
      unsigned found = 0;
#pragma unroll 1
      for (int k = first; k < end; k++) found |= label_bits(0xffffff00u | labels[at + k]);
      // As a word with a label of each kind that was found.
      words[0] = ~0u << 16 | (found & kAnyNegative ? 0 : 255u) << 8;
      words[0] |= found & kAnyPositive ? 1 : found & kAnyNegative ? 0 : found ? 2 : 255;
      first = 0, end = 2;
    }
  }
  CKL_DEVICE_MEMBER unsigned bits() const {
    unsigned found = 0;
#pragma unroll
    for (int k = 0; k < 4; k++) {
      const int from = first > 4 * k ? first - 4 * k : 0, to = end < 4 * k + 4 ? end - 4 * k : 4;
      // A shift by 32 or more gives 0 in 64 bits.
      const uint32_t here = to <= from ? 0 : uint32_t((1ull << 8 * to) - (1ull << 8 * from));
      found |= label_bits(words[k] | ~here);
    }
    return found;
  }
};

// The bits that some thread of the team has. All lanes of the warp take part.
CKL_DEVICE unsigned any_of(const Lanes& team, unsigned bits) {
  const unsigned first = threadIdx.x % kWarp - team.rank();
  const uint32_t mine = (team.width == kWarp ? kAll : (1u << team.width) - 1) << first;
  unsigned found = 0;
#pragma unroll
  for (unsigned bit = kAnyDocument; bit <= kAnyNegative; bit *= 2)
    if (__ballot_sync(kAll, (bits & bit) != 0) & mine) found |= bit;
  return found;
}
CKL_DEVICE unsigned any_of(const Block&, unsigned bits) {
  unsigned found = 0;
#pragma unroll
  for (unsigned bit = kAnyDocument; bit <= kAnyNegative; bit *= 2)
    if (__syncthreads_or((bits & bit) != 0)) found |= bit;
  return found;
}
CKL_DEVICE bool any_going(const Lanes&, bool going) { return __ballot_sync(kAll, going) != 0; }
CKL_DEVICE bool any_going(const Block&, bool going) { return going; }  // it is the same on all threads

// Reads a row's labels until everything wanted has been seen: at first 16 per thread, because that is usually enough,
// then kAtOnce times as many at once.
template <int kAtOnce, class Team>
CKL_DEVICE unsigned scan_labels(const Task& task, const Team& team, const Row& row, unsigned wanted) {
  const uint8_t* const labels = task.batch.labels;
  const int64_t end = row.begin + row.n;
  // Starts at the last multiple of 16 bytes before the row.
  int64_t base = row.begin - int64_t(reinterpret_cast<uintptr_t>(labels + row.begin) % 16);
  unsigned found = 0;
  int count = 1;
  bool going = row.n > 0;
  while (any_going(team, going)) {
    LabelVector vectors[kAtOnce];
    const int64_t first = base + 16 * int64_t(team.rank()), step = 16 * int64_t(team.size());
#pragma unroll
    for (int k = 0; k < kAtOnce; k++)
      vectors[k].load(labels, task.elements, first + k * step, row.begin, going && k < count ? end : first);
    unsigned here = 0;
#pragma unroll
    for (int k = 0; k < kAtOnce; k++) here |= vectors[k].bits();
    found |= any_of(team, here);
    base += count * step;
    count = kAtOnce;
    going = going && base < end && (found & wanted) != wanted;
  }
  return found;
}

CKL_DEVICE unsigned wanted_for(Needs needs) {
  switch (needs) {
    case Needs::document: return kAnyDocument;
    case Needs::positive: return kAnyPositive;
    default: return kAnyPositive | kAnyNegative;
  }
}

// Calls body(query, here, leads, found) for each query: on all threads of its team, of which one leads; `here` is false
// for teams without a query, whose warp has others.
template <int kAtOnce, class Body>
CKL_DEVICE void each_scanned(const Task& task, Lanes team, unsigned wanted, Body body) {
  const unsigned lane = threadIdx.x % kWarp;
#pragma unroll 1
  for (int64_t base = team.index() - lane / team.width; base < task.batch.rows.queries; base += team.count()) {
    const int64_t b = base + lane / team.width;
    const bool here = b < task.batch.rows.queries;
    const Row row = here ? row_of(task.batch.rows, b) : Row{0, 0, 0};
    body(row, here && team.rank() == 0, wanted ? scan_labels<kAtOnce>(task, team, row, wanted) : 0);
  }
}
template <int kAtOnce, class Body>
CKL_DEVICE void each_scanned(const Task& task, const Block& team, unsigned wanted, Body body) {
#pragma unroll 1
  for (int64_t b = team.index(); b < task.batch.rows.queries; b += team.count()) {
    const Row row = row_of(task.batch.rows, b);
    body(row, team.rank() == 0, wanted ? scan_labels<kAtOnce>(task, team, row, wanted) : 0);
  }
}

// In a launch whose blocks all run at once: counts its queries for a mean, and returns when the scale is known to all.
// kLanes: by lanes of a warp; otherwise, by whole blocks.
template <bool kLanes>
CKL_RARE_PART void count_in_launch(const Task& task) {
  char* const memory = dynamic_shared() + (kLanes ? 0 : kTeamBytes);
  const auto team = [&] {
    if constexpr (kLanes) return Lanes{task.launch.width};
    else return Block(dynamic_shared());
  }();
  BlockTotal* const shared = reinterpret_cast<BlockTotal*>(memory);
  const unsigned wanted = wanted_for(task.terms[0].needs);
  double sum = 0;
  each_scanned<1>(task, team, wanted, [&](const Row& row, bool leads, unsigned found) {
    if (leads && (found & wanted) == wanted) sum += task.batch.weights ? double(task.batch.weights[row.b]) : 1;
  });
  const BlockTotal mine = sum_block({sum, 0}, shared);
  unsigned before = 0;
  if (threadIdx.x == 0) {
    write_for_blocks(task.buffers.weight_sums + blockIdx.x, mine.loss);
    before = read_counter(task.buffers.barrier);
  }
  if (is_last_block(task.buffers.ticket, memory)) {
    write_scale(task, 0, shared);
    if (threadIdx.x == 0) raise_counter(task.buffers.barrier, before + 1);
  } else if (threadIdx.x == 0) {
    await_change(task.buffers.barrier, before);
  }
  __syncthreads();
}

}  // namespace cuda
}  // namespace ckl
