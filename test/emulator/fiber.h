// Fibers: stacks of their own that hand the processor to each other. One runs each thread of an emulated block.
#pragma once
#include <stddef.h>

namespace emulator {

class Fiber {
 public:
  static constexpr size_t kStackBytes = 256 * 1024;
  Fiber();  // of the code that runs already
  ~Fiber();
  Fiber(Fiber&&) noexcept;
  Fiber(const Fiber&) = delete;

  // Gives the fiber a stack and what to run first. `body` must not return: it ends by switching away for good.
  void start(void (*body)());
  // Runs `to` until something switches back to `from`.
  static void switch_to(Fiber& from, Fiber& to, bool from_ends = false);

 private:
  static void enter();
  void* stack_ = nullptr;
  void* pointer_ = nullptr;  // the stack pointer, while it does not run
  void (*body_)() = nullptr;
  const void* bottom_ = nullptr;  // what AddressSanitizer knows of the stack
  size_t bytes_ = 0;
  void* fake_stack_ = nullptr;
};

}  // namespace emulator
