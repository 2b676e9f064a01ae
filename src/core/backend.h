// The interface of a backend: one call from scores to loss and gradients. src/cpu and cuda/ implement it.
#pragma once
#include <atomic>
#include <memory>

#include "batch.h"
#include "plan.h"
#include "status.h"

namespace ckl {

// Scratch memory for one call at a time. It grows with the longest row, never with the number of queries.
class Workspace {
 public:
  virtual ~Workspace() = default;
};

class Backend {
 public:
  virtual ~Backend() = default;

  // Scratch space for rows of up to `docs` documents.
  virtual std::unique_ptr<Workspace> workspace(int64_t docs) = 0;

  // Frees what it keeps of workspaces that are gone, to be used again by the next ones; on any thread.
  virtual void free_kept() {}

  // Checks every value it is about to use, then computes. Outputs are untouched unless the status is ok or aborted.
  // Calls with different workspaces may run concurrently. `abort`, if given, is polled; a non-zero value stops the
  // work.
  virtual Status run(const Plan& plan, const Batch& batch, const Outputs& out, Workspace& workspace,
                     const std::atomic<int32_t>* abort, Summary& summary) = 0;
};

}  // namespace ckl
