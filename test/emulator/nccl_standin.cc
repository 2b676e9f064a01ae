// NCCL's functions among processes of one machine whose device memory is the host's: over POSIX shared memory, for the emulated GPU.
//
//   g++ -shared -fPIC -std=c++17 -Wl,-soname,libnccl.so.2 -o libnccl.so.2 nccl_standin.cc -lrt -ldl
//
// Work is as late as the emulator's streams: NCCL_STANDIN_ADDON is the file of the addon that has them. NCCL_STANDIN_VERSION is
// the version that it tells (22105), NCCL_STANDIN_FAIL a function that fails, or `later`: the second operation finds that the
// first has failed.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <vector>

namespace {

constexpr size_t kSlot = size_t(1) << 20;
constexpr int kMostRanks = 16, kOk = 0, kSystemError = 2, kInternalError = 3, kInvalidArgument = 4, kRemoteError = 6;

struct Id {
  char bytes[128];
};
struct Shared {
  std::atomic<int> arrived, round;
  size_t begins[kMostRanks][kMostRanks];  // of what a rank sends to another, within its slot
  char slots[kMostRanks][kSlot];
};
struct Comm {
  Shared* shared;
  int size, rank, operations = 0;
  std::atomic<int> failure{0};
};
enum class Kind { send, receive, gather, broadcast };
struct Operation {
  Kind kind;
  const void* from;
  void* to;
  size_t bytes;
  int peer;
};
struct Work {
  Comm* comm;
  std::vector<Operation> operations;
};

thread_local int depth = 0;
thread_local Work* group = nullptr;
thread_local void* group_stream = nullptr;

bool fails(const char* name) {
  const char* const asked = getenv("NCCL_STANDIN_FAIL");
  return asked && strcmp(asked, name) == 0;
}

// Whether all have come; a rank waits for a minute.
bool barrier(Comm& comm) {
  Shared& shared = *comm.shared;
  const int round = shared.round.load();
  if (shared.arrived.fetch_add(1) == comm.size - 1) {
    shared.arrived = 0;
    shared.round++;
    return true;
  }
  for (int waited = 0; shared.round.load() == round; waited++) {
    if (waited > 600000) return false;
    const timespec tenth = {0, 100000};
    nanosleep(&tenth, nullptr);
  }
  return true;
}

int exchange(Comm& comm, const std::vector<Operation>& operations) {
  Shared& shared = *comm.shared;
  size_t used = 0;
  for (const Operation& op : operations) {
    if (op.kind != Kind::send) continue;
    if (used + op.bytes > kSlot) return kInvalidArgument;
    memcpy(shared.slots[comm.rank] + used, op.from, op.bytes);
    shared.begins[comm.rank][op.peer] = used;
    used += op.bytes;
  }
  if (!barrier(comm)) return kSystemError;
  for (const Operation& op : operations)
    if (op.kind == Kind::receive) memcpy(op.to, shared.slots[op.peer] + shared.begins[op.peer][comm.rank], op.bytes);
  return barrier(comm) ? kOk : kSystemError;
}

int alone(Comm& comm, const Operation& op) {
  Shared& shared = *comm.shared;
  if (op.bytes > kSlot) return kInvalidArgument;
  if (op.kind == Kind::gather || op.peer == comm.rank) memcpy(shared.slots[comm.rank], op.from, op.bytes);
  if (!barrier(comm)) return kSystemError;
  if (op.kind == Kind::broadcast) memcpy(op.to, shared.slots[op.peer], op.bytes);
  else
    for (int r = 0; r < comm.size; r++) memcpy(static_cast<char*>(op.to) + r * op.bytes, shared.slots[r], op.bytes);
  return barrier(comm) ? kOk : kSystemError;
}

int run(void* data) {
  Work* const work = static_cast<Work*>(data);
  Comm& comm = *work->comm;
  int result = kOk;
  bool between = false;
  for (const Operation& op : work->operations) {
    if (op.kind == Kind::send || op.kind == Kind::receive) between = true;
    else if (result == kOk) result = alone(comm, op);
  }
  if (between && result == kOk) result = exchange(comm, work->operations);
  if (fails("later")) result = kRemoteError;
  if (result != kOk) comm.failure = result;
  delete work;
  return 0;
}

int enqueue(Work* work, void* stream) {
  typedef int Enqueue(void*, int (*)(void*), void*);
  static Enqueue* const on_stream = [] {
    const char* const addon = getenv("NCCL_STANDIN_ADDON");
    void* const opened = addon ? dlopen(addon, RTLD_NOW | RTLD_NOLOAD) : nullptr;
    return opened ? reinterpret_cast<Enqueue*>(dlsym(opened, "ckl_emulator_enqueue")) : nullptr;
  }();
  if (!on_stream) return kSystemError;
  return on_stream(stream, run, work) == 0 ? kOk : kInternalError;
}

int add(const char* name, Comm* comm, void* stream, const Operation& op) {
  if (fails(name)) return kInternalError;
  if (depth == 0) return enqueue(new Work{comm, {op}}, stream);
  if (!group) group = new Work{comm, {}}, group_stream = stream;
  if (group->comm != comm || group_stream != stream) return kInvalidArgument;
  group->operations.push_back(op);
  return kOk;
}

}  // namespace

extern "C" {

int ncclGetVersion(int* version) {
  const char* const asked = getenv("NCCL_STANDIN_VERSION");
  *version = asked ? atoi(asked) : 22105;
  return kOk;
}
const char* ncclGetErrorString(int code) {
  return code == kOk              ? "no error"
         : code == kSystemError   ? "unhandled system error"
         : code == kInternalError ? "internal error"
         : code == kRemoteError   ? "remote process exited or there was a network error"
                                  : "invalid argument";
}
const char* ncclGetLastError(Comm*) { return "as the stand-in was told"; }
int ncclCommGetAsyncError(Comm* comm, int* error) { return *error = comm->failure, kOk; }
int ncclGetUniqueId(Id* id) {
  if (fails("ncclGetUniqueId")) return kSystemError;
  *id = {};
  unsigned char random[16];
  FILE* const file = fopen("/dev/urandom", "rb");
  if (!file || fread(random, 1, sizeof random, file) != sizeof random) return kSystemError;
  fclose(file);
  // The rest of an id may be any bytes.
  for (int k = 0; k < 16; k++) snprintf(id->bytes + 2 * k, 3, "%02x", random[k]);
  memset(id->bytes + 64, 0xf7, 64);
  return kOk;
}
int ncclCommInitRank(Comm** out, int size, Id id, int rank) {
  if (fails("ncclCommInitRank")) return kSystemError;
  if (size > kMostRanks || (unsigned char)(id.bytes[127]) != 0xf7) return kInvalidArgument;
  const std::string name = std::string("/ckl-nccl-") + id.bytes;
  const int file = shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
  if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) return kSystemError;
  void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return kSystemError;
  *out = new Comm{static_cast<Shared*>(memory), size, rank};
  const bool all = barrier(**out);
  if (rank == 0) shm_unlink(name.c_str());
  return all ? kOk : kSystemError;
}
int ncclCommDestroy(Comm* comm) {
  munmap(comm->shared, sizeof(Shared));
  delete comm;
  return kOk;
}
int ncclGroupStart() { return depth++, kOk; }
int ncclGroupEnd() {
  if (--depth > 0 || !group) return kOk;
  Work* const work = group;
  group = nullptr;
  return enqueue(work, group_stream);
}
int ncclSend(const void* from, size_t bytes, int, int peer, Comm* comm, void* stream) {
  return add("ncclSend", comm, stream, {Kind::send, from, nullptr, bytes, peer});
}
int ncclRecv(void* to, size_t bytes, int, int peer, Comm* comm, void* stream) {
  return add("ncclRecv", comm, stream, {Kind::receive, nullptr, to, bytes, peer});
}
int ncclAllGather(const void* from, void* to, size_t bytes, int, Comm* comm, void* stream) {
  return add("ncclAllGather", comm, stream, {Kind::gather, from, to, bytes, -1});
}
int ncclBroadcast(const void* from, void* to, size_t bytes, int, int root, Comm* comm, void* stream) {
  return add("ncclBroadcast", comm, stream, {Kind::broadcast, from, to, bytes, root});
}

}  // extern "C"
