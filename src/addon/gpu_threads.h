// Threads of our own for what waits for a GPU: libuv has four by default, and files, DNS and crypto need them meanwhile.
#pragma once
#include <napi.h>

#include <memory>
#include <utility>

namespace ckl {
namespace addon {

// Work that leaves JavaScript's thread, and what it settles there.
class Task {
 public:
  virtual ~Task() = default;
  // On any thread, where there is no JavaScript. Throws nothing.
  virtual void execute() = 0;
  // Afterwards, on JavaScript's thread.
  virtual void settle(Napi::Env env) = 0;
};

// Tasks of one key are executed in the order in which they came: those of a stream, which ends them in this order anyway. A task that
// waits for one stream keeps none waiting that waits for another: the first may need what the program does after the second.
typedef std::pair<const void*, uint64_t> TaskKey;

// Until the task is settled the event loop stays alive. A task that the end of the environment overtakes is dropped unsettled.
void wait_beside(Napi::Env env, TaskKey key, std::unique_ptr<Task> task);
// The same for runs of whole batches, of which a few overlap.
void compute_beside(Napi::Env env, std::unique_ptr<Task> task);

}  // namespace addon
}  // namespace ckl
