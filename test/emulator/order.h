// What orders the accesses of a launch's blocks to memory that one writes and another reads: barriers of a block, and words that are
// written with release and read with acquire. Blocks run one after another here, so that a missing order would never show by itself.
#pragma once
#include <stddef.h>
#include <stdint.h>

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
    std::vector<Moment>& carried = words_[word];
    if (replaces) carried.clear();
    carried.push_back(at);
    for (const Known& known : known_[at.block])
      if (by_now(known.since, at)) carried.push_back(known.what);
  }
  void acquire(const void* word, Moment at) {
    for (const Moment& what : words_[word]) known_[at.block].push_back({what, at});
  }

 private:
  struct Known {
    Moment what, since;
  };
  static bool by_now(const Moment& past, const Moment& now) {
    return past.round < now.round || (past.thread == now.thread && past.round == now.round);
  }
  bool sees(const Moment& now, const Moment& write) const {
    if (write.block == now.block) return by_now(write, now);
    const auto of_block = known_.find(now.block);
    if (of_block == known_.end()) return false;
    for (const Known& known : of_block->second)
      if (known.what.block == write.block && by_now(write, known.what) && by_now(known.since, now)) return true;
    return false;
  }

  std::map<const void*, Moment> writes_;
  std::map<const void*, std::vector<Moment>> words_;
  std::map<unsigned, std::vector<Known>> known_;  // what other blocks did, by block
};

}  // namespace emulator
