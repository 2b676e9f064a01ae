#include "nccl.h"

#include <algorithm>

#include "library.h"

namespace ckl {
namespace distributed {

namespace {

constexpr int kBytes = 0;             // ncclInt8
constexpr int kFirstWithSend = 2700;  // 2.7.0, as NCCL numbered itself before 2.9

// NCCL numbers versions by 1000 and 100 up to 2.8, by 10000 and 100 since.
struct Version {
  int major, minor, patch;
  explicit Version(int number)
      : major(number < 10000 ? number / 1000 : number / 10000),
        minor(number < 10000 ? number % 1000 / 100 : number % 10000 / 100),
        patch(number % 100) {}
  std::string text() const { return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch); }
};

// The length of part `r`.
size_t part_of(size_t bytes, size_t total, int r) {
  const size_t begin = std::min(total, bytes * size_t(r));
  return std::min(bytes, total - begin);
}

}  // namespace

// Opens the library of this name. Returns what is wrong with it, or an empty string on success.
std::string Nccl::load(const std::string& name) {
  library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD);
  loaded_ = library_ != nullptr;
  if (!library_) library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) return reason_of(name);
  std::string missing;
  int (*get_version)(int*) = nullptr;
  if (!find_function(library_, get_version, "ncclGetVersion", missing)) return "no NCCL: it lacks " + missing;
  // Checked before any other function is used: their parameters have changed between versions.
  if (get_version(&version_) != 0) return "NCCL does not tell its version";
  const Version found(version_);
  if (found.major != 2 || version_ < kFirstWithSend)
    return "NCCL " + found.text() + "; 2.7 and later versions 2 are supported";
  find_function(library_, get_unique_id_, "ncclGetUniqueId", missing);
  find_function(library_, comm_init_rank_, "ncclCommInitRank", missing);
  find_function(library_, comm_destroy_, "ncclCommDestroy", missing);
  find_function(library_, get_async_error_, "ncclCommGetAsyncError", missing);
  find_function(library_, error_string_, "ncclGetErrorString", missing);
  find_function(library_, group_start_, "ncclGroupStart", missing);
  find_function(library_, group_end_, "ncclGroupEnd", missing);
  find_function(library_, send_, "ncclSend", missing);
  find_function(library_, receive_, "ncclRecv", missing);
  find_function(library_, all_gather_, "ncclAllGather", missing);
  find_function(library_, broadcast_, "ncclBroadcast", missing);
  if (!missing.empty()) return "NCCL " + found.text() + " lacks " + missing;
  std::string not_needed;
  find_function(library_, last_error_, "ncclGetLastError", not_needed);
  file_ = file_of(get_version, name);
  return {};
}

const Nccl* Nccl::open(const std::vector<std::string>& names, std::vector<std::string>& tried) {
  static Nccl* opened = nullptr;  // never closed: it has threads of its own
  if (opened) return opened;
  for (const std::string& name : names) {
    Nccl* const nccl = new Nccl;
    const std::string fault = nccl->load(name);
    if (fault.empty()) return opened = nccl;
    tried.push_back(name + ": " + fault);
    if (nccl->library_) dlclose(nccl->library_);
    delete nccl;
  }
  return nullptr;
}

std::string Nccl::version() const { return Version(version_).text(); }

void Nccl::must(int result, const char* what, NcclHandle comm) const {
  constexpr int kInProgress = 7;
  if (result == 0 || result == kInProgress) return;
  std::string words = std::string(what) + " failed: " + error_string_(result);
  const char* const last = last_error_ ? last_error_(comm) : nullptr;
  if (last && *last) words += std::string(" (") + last + ")";
  throw NcclError{words};
}

void Nccl::check(NcclHandle comm) const {
  int before = 0;
  must(get_async_error_(comm, &before), "ncclCommGetAsyncError", comm);
  must(before, "an operation before this one", comm);
}

NcclId Nccl::id() const {
  NcclId id;
  must(get_unique_id_(&id), "ncclGetUniqueId", nullptr);
  return id;
}

NcclHandle Nccl::join(int size, const NcclId& id, int rank) const {
  NcclHandle comm = nullptr;
  must(comm_init_rank_(&comm, size, id, rank), "ncclCommInitRank", nullptr);
  return comm;
}
void Nccl::leave(NcclHandle comm) const { comm_destroy_(comm); }

void Nccl::all_gather(NcclHandle comm, const void* from, void* to, size_t bytes, void* stream) const {
  check(comm);
  must(all_gather_(from, to, bytes, kBytes, comm, stream), "ncclAllGather", comm);
}

void Nccl::broadcast(NcclHandle comm, void* data, size_t bytes, int root, void* stream) const {
  check(comm);
  must(broadcast_(data, data, bytes, kBytes, root, comm, stream), "ncclBroadcast", comm);
}

void Nccl::spread(NcclHandle comm, int size, int rank, const char* from, char* to, size_t bytes, size_t total,
                  void* stream) const {
  check(comm);
  const size_t own = part_of(bytes, total, rank);
  must(group_start_(), "ncclGroupStart", comm);
  for (int r = 0; r < size; r++) {
    const size_t part = part_of(bytes, total, r);
    if (part > 0) must(send_(from + bytes * size_t(r), part, kBytes, r, comm, stream), "ncclSend", comm);
    if (own > 0) must(receive_(to + bytes * size_t(r), own, kBytes, r, comm, stream), "ncclRecv", comm);
  }
  must(group_end_(), "ncclGroupEnd", comm);
}

void Nccl::collect(NcclHandle comm, int size, char* data, size_t bytes, size_t total, void* stream) const {
  must(group_start_(), "ncclGroupStart", comm);
  for (int r = 0; r < size; r++) {
    char* const part = data + bytes * size_t(r);
    const size_t length = part_of(bytes, total, r);
    if (length > 0) must(broadcast_(part, part, length, kBytes, r, comm, stream), "ncclBroadcast", comm);
  }
  must(group_end_(), "ncclGroupEnd", comm);
}

}  // namespace distributed
}  // namespace ckl
