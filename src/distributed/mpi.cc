#include "mpi.h"

#include <cstdlib>

#include "library.h"

namespace ckl {
namespace distributed {

namespace {

// The values of MPI's constants in each ABI. MPICH: mpi.h, unchanged since its ABI was agreed on in 2013. Standard: MPI
// 5.0, appendix A.
constexpr uintptr_t kMpichWorld = 0x44000000, kMpichDouble = 0x4c00080b;
constexpr uintptr_t kStandardWorld = 0x101, kStandardDouble = 0x214;
constexpr int kStandardFunneled = 1024;
constexpr int kLongestVersion = 8192;  // the largest MPI_MAX_LIBRARY_VERSION_STRING

void* handle(uintptr_t value) { return reinterpret_cast<void*>(value); }

// UCX, the transport of many MPI libraries, patches brk and mmap when it is loaded, to track registered memory. In
// Node, whose threads allocate all the time, a process then occasionally crashes in an allocation (MPICH 4.0 on UCX
// 1.13 of Debian 12: about one in seventy). UCX can do without, registering memory for each large message again. An
// existing value is kept.
void keep_memory_unpatched() { setenv("UCX_MEM_EVENTS", "no", 0); }

}  // namespace

// Opens the library of this name. Returns what is wrong with it, or an empty string on success.
std::string Mpi::load(const std::string& name) {
  keep_memory_unpatched();
  library_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) return reason_of(name);
  std::string missing;
  find_function(library_, initialized_, "MPI_Initialized", missing);
  find_function(library_, finalized_, "MPI_Finalized", missing);
  find_function(library_, init_thread_, "MPI_Init_thread", missing);
  find_function(library_, get_library_version_, "MPI_Get_library_version", missing);
  find_function(library_, comm_rank_, "MPI_Comm_rank", missing);
  find_function(library_, comm_size_, "MPI_Comm_size", missing);
  find_function(library_, allgather_, "MPI_Allgather", missing);
  find_function(library_, bcast_, "MPI_Bcast", missing);
  find_function(library_, sendrecv_, "MPI_Sendrecv", missing);
  find_function(library_, barrier_, "MPI_Barrier", missing);
  find_function(library_, finalize_, "MPI_Finalize", missing);
  find_function(library_, abort_, "MPI_Abort", missing);
  if (!missing.empty()) return "no MPI library: it lacks " + missing;
  void* const world = dlsym(library_, "ompi_mpi_comm_world");
  void* const doubles = dlsym(library_, "ompi_mpi_double");
  if (world && doubles && name.find("libmpi_abi") == std::string::npos) {
    abi_ = MpiAbi::open_mpi, world_ = world, doubles_ = doubles;
  } else if (name.find("libmpi_abi") != std::string::npos) {
    // MPICH's and Open MPI's own libraries may export its functions, too, so the file that was opened determines the
    // values of handles.
    abi_ = MpiAbi::standard, world_ = handle(kStandardWorld), doubles_ = handle(kStandardDouble);
  } else {
    const std::string said = version();
    bool known = false;
    for (const char* maker : {"MPICH", "Intel", "MVAPICH", "CRAY", "Cray", "ParaStation", "FFMPI"})
      known = known || said.find(maker) != std::string::npos;
    if (!known) return "an MPI library of an ABI that is not known: " + said.substr(0, 80);
    abi_ = MpiAbi::mpich, world_ = handle(kMpichWorld), doubles_ = handle(kMpichDouble);
  }
  file_ = file_of(comm_rank_, name);
  return {};
}

Mpi* Mpi::open(const std::vector<std::string>& names, std::vector<std::string>& tried) {
  static Mpi* opened = nullptr;  // never closed: an initialised library cannot be
  if (opened) return opened;
  for (const std::string& name : names) {
    Mpi* const mpi = new Mpi;
    const std::string fault = mpi->load(name);
    if (fault.empty()) return opened = mpi;
    tried.push_back(name + ": " + fault);
    if (mpi->library_) dlclose(mpi->library_);
    delete mpi;
  }
  return nullptr;
}

std::string Mpi::version() const {
  std::string text(kLongestVersion, '\0');
  int length = 0;
  get_library_version_(&text[0], &length);
  text.resize(text.find('\0') == std::string::npos ? text.size() : text.find('\0'));
  const size_t end = text.find_first_of("\n\r");
  if (end != std::string::npos) text.resize(end);
  for (char& c : text)
    if (c == '\t') c = ' ';
  return text;
}

bool Mpi::start() {
  int is = 0;
  finalized_(&is);
  if (is) return false;
  initialized_(&is);
  if (is) return true;
  // Only one thread calls MPI, but there may be others: MPI_THREAD_FUNNELED.
  const int funneled = abi_ == MpiAbi::standard ? kStandardFunneled : 1;
  int given = 0;
  ours_ = init_thread_(nullptr, nullptr, funneled, &given) == 0;
  return ours_;
}

int Mpi::rank() const {
  int rank = 0;
  comm_rank_(world_, &rank);
  return rank;
}
int Mpi::size() const {
  int size = 1;
  comm_size_(world_, &size);
  return size;
}

void Mpi::all_gather(const double* from, int count, double* to) const {
  allgather_(from, count, doubles_, to, count, doubles_, world_);
}
void Mpi::broadcast(double* data, int count, int root) const { bcast_(data, count, doubles_, root, world_); }
void Mpi::send_receive(const double* data, int count, int to, double* out, int received, int from) const {
  constexpr int kTag = 19;
  // MPI_STATUS_IGNORE differs between libraries, so pass a buffer: a status takes 20 to 32 bytes.
  alignas(16) char status[128];
  sendrecv_(data, count, doubles_, to, kTag, out, received, doubles_, from, kTag, world_, status);
}
void Mpi::barrier() const { barrier_(world_); }

void Mpi::end(int code) {
  if (!ours_) return;
  int is = 0;
  finalized_(&is);
  if (is) return;
  if (code == 0) finalize_();
  else abort_(world_, code);
}

}  // namespace distributed
}  // namespace ckl
