// The machine's NCCL, opened at run time: compiling needs no NCCL header, and running without NCCL needs no library.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <string>
#include <vector>

namespace ckl {
namespace distributed {

// A failed call. The message has the function, NCCL's description of the error, and its last warning.
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
  // Opens the first of `names` that is a recent enough NCCL. Returns null if none is, with a line for each in `tried`.
  // A library that is already loaded into this process is not loaded again: two copies would not know of each other.
  // Once a library is open, every later call returns it.
  static const Nccl* open(const std::vector<std::string>& names, std::vector<std::string>& tried);

  const std::string& file() const { return file_; }
  std::string version() const;                 // 2.21.5
  bool was_loaded() const { return loaded_; }  // loaded by another component before open()

  NcclId id() const;
  // Joins a group. All ranks call it with the same id, and it returns when all have called. The rank uses the calling
  // thread's CUDA device.
  NcclHandle join(int size, const NcclId& id, int rank) const;
  void leave(NcclHandle comm) const;

  // Operations enqueued on a CUDA stream of that device; all ranks must make the same calls. They throw NcclError, also
  // for errors of work enqueued before.
  void all_gather(NcclHandle comm, const void* from, void* to, size_t bytes, void* stream) const;
  void broadcast(NcclHandle comm, void* data, size_t bytes, int root, void* stream) const;
  // Part r of `from` goes to rank r; parts are `bytes` long, cut off at `total`. Data from rank r is written to `to + r
  // * bytes`.
  void spread(NcclHandle comm, int size, int rank, const char* from, char* to, size_t bytes, size_t total,
              void* stream) const;
  // Every rank sends its own part of `data` to all others.
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
