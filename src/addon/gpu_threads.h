// The addon's own threads for tasks that wait for a GPU: libuv has four by default, which files, DNS and crypto need
// meanwhile.
#pragma once
#include <napi.h>

#include <memory>
#include <utility>

namespace ckl {
namespace addon {

// Work done off JavaScript's thread, and its settlement on it.
class Task {
 public:
  virtual ~Task() = default;
  // Called on any thread; must neither use JavaScript nor throw.
  virtual void execute() = 0;
  // Called afterwards, on JavaScript's thread.
  virtual void settle(Napi::Env env) = 0;
};

// Tasks with the same key (those of one stream) are executed in the order of submission, in which the stream completes them anyway. A
// task waiting for one stream never blocks a task waiting for another: the first may depend on what the program does after the
// second.
typedef std::pair<const void*, uint64_t> TaskKey;

// The event loop stays alive until the task is settled. If the environment ends first, the task is dropped unsettled.
void wait_beside(Napi::Env env, TaskKey key, std::unique_ptr<Task> task);
// The same for runs of whole batches, a few of which may overlap.
void compute_beside(Napi::Env env, std::unique_ptr<Task> task);

}  // namespace addon
}  // namespace ckl
