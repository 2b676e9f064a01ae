// The machine's NCCL, opened at run time: no header of it is needed to compile, and nothing of it to run without.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <string>
#include <vector>

namespace ckl {
namespace distributed {

// A failed call, in words: the function, NCCL's own words, and what it last warned of.
struct NcclError {
  std::string words;
};

constexpr size_t kNcclIdBytes = 128;
struct NcclId {
  char bytes[kNcclIdBytes];
};
typedef void* NcclHandle;

class Nccl {
 public:
  // The first of `names` that is an NCCL new enough; null where none is, and then `tried` has a line for each. A name that is
  // already loaded into this process is not loaded again: two copies would not know of each other. Once a library is open,
  // every later call gives that one.
  static const Nccl* open(const std::vector<std::string>& names, std::vector<std::string>& tried);

  const std::string& file() const { return file_; }
  std::string version() const;                 // 2.21.5
  bool was_loaded() const { return loaded_; }  // by another component, before open()

  NcclId id() const;
  // All ranks with one id; returns when all have called. The calling thread's CUDA device is the rank's.
  NcclHandle join(int size, const NcclId& id, int rank) const;
  void leave(NcclHandle comm) const;

  // Enqueue on a CUDA stream of that device. All ranks must call alike. Throw NcclError, those of work enqueued before, too.
  void all_gather(NcclHandle comm, const void* from, void* to, size_t bytes, void* stream) const;
  void broadcast(NcclHandle comm, void* data, size_t bytes, int root, void* stream) const;
  // Part r of `from`, `bytes` long but for what is behind `total`, goes to rank r. What comes from rank r goes to
  // `to + r * bytes`.
  void spread(NcclHandle comm, int size, int rank, const char* from, char* to, size_t bytes, size_t total,
              void* stream) const;
  // Every rank's own part of `data` comes to all others.
  void collect(NcclHandle comm, int size, char* data, size_t bytes, size_t total, void* stream) const;

 private:
  Nccl() = default;
  std::string load(const std::string& name);
  void must(int result, const char* what, NcclHandle comm) const;
  void check(NcclHandle comm) const;

  void* library_ = nullptr;
  bool loaded_ = false;
  std::string file_;
  int version_ = 0;

  int (*get_unique_id_)(NcclId*) = nullptr;
  int (*comm_init_rank_)(NcclHandle*, int, NcclId, int) = nullptr;
  int (*comm_destroy_)(NcclHandle) = nullptr;
  int (*get_async_error_)(NcclHandle, int*) = nullptr;
  const char* (*error_string_)(int) = nullptr;
  const char* (*last_error_)(NcclHandle) = nullptr;  // from 2.13 on
  int (*group_start_)() = nullptr;
  int (*group_end_)() = nullptr;
  int (*send_)(const void*, size_t, int, int, NcclHandle, void*) = nullptr;
  int (*receive_)(void*, size_t, int, int, NcclHandle, void*) = nullptr;
  int (*all_gather_)(const void*, void*, size_t, int, NcclHandle, void*) = nullptr;
  int (*broadcast_)(const void*, void*, size_t, int, int, NcclHandle, void*) = nullptr;
};

}  // namespace distributed
}  // namespace ckl
