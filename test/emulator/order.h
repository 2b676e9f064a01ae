// What orders the accesses of a launch's blocks to memory that one writes and another reads: barriers of a block, and words that are
// written with release and read with acquire. Blocks run one after another here, so that a missing order would never show by itself.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <algorithm>
#include <map>
#include <vector>

namespace emulator {

class Order {
 public:
  // A thread at a moment: what it did before, and what others of its block did before the barriers it has passed.
  struct Moment {
    unsigned block, thread;
    uint64_t round;  // barriers of the block so far
  };

  void clear() { writes_.clear(), words_.clear(), known_.clear(); }
  void wrote(const void* to, Moment at) { writes_[to] = at; }
  // Whether whoever wrote there last in this launch, if anybody, did so before.
  bool is_ordered(const void* from, Moment at) const {
    const auto found = writes_.find(from);
    return found == writes_.end() || sees(at, found->second);
  }
  // Others who acquire the word see what this thread saw or wrote. A word that is changed, not replaced, keeps what it carried.
  void release(const void* word, Moment at, bool replaces) {
    Carried& carried = words_[word];
    if (replaces) carried.clear();
    carry(carried, at);
    for (const auto& of_block : known_[at.block])
      for (const Known& known : of_block.second)
        if (by_now(known.since, at)) carry(carried, known.what);
  }
  void acquire(const void* word, Moment at) {
    for (const auto& of_block : words_[word])
      for (const Moment& what : of_block.second) {
        // What says no more than others is left out: two blocks that acquire and release in turn would double it each time.
        std::vector<Known>& all = known_[at.block][what.block];
        keep(all, Known{what, at},
             [](const Known& a, const Known& b) { return by_now(a.what, b.what) && by_now(b.since, a.since); });
      }
  }

 private:
  struct Known {
    Moment what, since;
  };
  // By the block that they are of.
  typedef std::map<unsigned, std::vector<Moment>> Carried;

  static bool by_now(const Moment& past, const Moment& now) {
    return past.round < now.round || (past.thread == now.thread && past.round == now.round);
  }
  bool sees(const Moment& now, const Moment& write) const {
    if (write.block == now.block) return by_now(write, now);
    const auto of_block = known_.find(now.block);
    if (of_block == known_.end()) return false;
    const auto of_writer = of_block->second.find(write.block);
    if (of_writer == of_block->second.end()) return false;
    for (const Known& known : of_writer->second)
      if (by_now(write, known.what) && by_now(known.since, now)) return true;
    return false;
  }
  // Adds one, unless another implies it, and drops those that it implies.
  template <class T, class Implied>
  static void keep(std::vector<T>& all, const T& one, Implied implied) {
    for (const T& other : all)
      if (implied(one, other)) return;
    all.erase(std::remove_if(all.begin(), all.end(), [&](const T& other) { return implied(other, one); }), all.end());
    all.push_back(one);
  }
  static void carry(Carried& carried, const Moment& what) { keep(carried[what.block], what, by_now); }

  std::map<const void*, Moment> writes_;
  std::map<const void*, Carried> words_;
  std::map<unsigned, std::map<unsigned, std::vector<Known>>> known_;  // what other blocks did: by block, by theirs
};

}  // namespace emulator
