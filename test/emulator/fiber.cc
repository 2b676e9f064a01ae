#include "fiber.h"

#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <new>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define CKL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CKL_ASAN 1
#endif
#endif
#ifdef CKL_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulator {

namespace {
Fiber *entering, *leaving;  // while a switch is under way

// Stacks of fibers that have ended, for the next ones: launches of different sizes follow each other, and mapping memory takes longer than
// most of their threads run. The list is never destroyed, because fibers outlive main().
std::vector<void*>& idle_stacks() {
  static std::vector<void*>& stacks = *new std::vector<void*>;
  return stacks;
}

void* take_stack() {
  std::vector<void*>& idle = idle_stacks();
  if (!idle.empty()) {
    void* const stack = idle.back();
    idle.pop_back();
    return stack;
  }
  void* const stack =
      mmap(nullptr, Fiber::kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) throw std::bad_alloc();
  return stack;
}
}  // namespace

#if defined(__x86_64__)
// Saves what a function must preserve on the old stack and takes it from the new one. ucontext does the same with two
// system calls, twenty times as slow.
extern "C" void ckl_switch_stack(void** save, void* load);
asm(R"(
.text
.globl ckl_switch_stack
.hidden ckl_switch_stack
.type ckl_switch_stack, @function
ckl_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size ckl_switch_stack, .-ckl_switch_stack
)");
#endif

Fiber::Fiber() = default;

Fiber::Fiber(Fiber&& other) noexcept {
  stack_ = other.stack_, pointer_ = other.pointer_, body_ = other.body_;
  bottom_ = other.bottom_, bytes_ = other.bytes_, fake_stack_ = other.fake_stack_;
  other.stack_ = other.pointer_ = nullptr;
}

Fiber::~Fiber() {
  if (stack_) idle_stacks().push_back(stack_);
#if !defined(__x86_64__)
  delete static_cast<ucontext_t*>(pointer_);
#endif
}

void Fiber::enter() {
#ifdef CKL_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &leaving->bottom_, &leaving->bytes_);
#endif
  entering->body_();
}

void Fiber::start(void (*body)()) {
  if (!stack_) stack_ = take_stack();
  body_ = body;
  // Stacks that all end at a multiple of their size would share a few lines of the cache: each ends some lines before.
  const uintptr_t number = reinterpret_cast<uintptr_t>(stack_) / kStackBytes;
  bottom_ = stack_, bytes_ = kStackBytes - number % 256 * 64;
#if defined(__x86_64__)
  // Six registers, the address to return to, and one word so that the stack is aligned as after a call.
  void** top = reinterpret_cast<void**>(static_cast<char*>(stack_) + bytes_) - 2;
  top[0] = reinterpret_cast<void*>(&Fiber::enter);
  top[1] = nullptr;
  for (int k = 1; k <= 6; k++) top[-k] = nullptr;
  pointer_ = top - 6;
#else
  ucontext_t* context = static_cast<ucontext_t*>(pointer_);
  if (!context) pointer_ = context = new ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack_, context->uc_stack.ss_size = bytes_;
  context->uc_link = nullptr;
  makecontext(context, &Fiber::enter, 0);
#endif
}

void Fiber::switch_to(Fiber& from, Fiber& to, bool from_ends) {
  entering = &to, leaving = &from;
#ifdef CKL_ASAN
  __sanitizer_start_switch_fiber(from_ends ? nullptr : &from.fake_stack_, to.bottom_, to.bytes_);
#else
  (void)from_ends;
#endif
#if defined(__x86_64__)
  ckl_switch_stack(&from.pointer_, to.pointer_);
#else
  if (!from.pointer_) from.pointer_ = new ucontext_t;
  swapcontext(static_cast<ucontext_t*>(from.pointer_), static_cast<ucontext_t*>(to.pointer_));
#endif
#ifdef CKL_ASAN
  // Back in `from`, by a switch that somebody else made.
  __sanitizer_finish_switch_fiber(from.fake_stack_, &leaving->bottom_, &leaving->bytes_);
#endif
}

}  // namespace emulator
