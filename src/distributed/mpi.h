// The machine's MPI library, opened at run time: no header of it is needed to compile, and nothing of it to run without.
//
// What differs between libraries is what a handle is. Open MPI's are addresses of variables that it exports, MPICH's are
// integers of a fixed value, and those of MPI 5's standard ABI are small constants of pointer size. All go in one register.
#pragma once
#include <stdint.h>

#include <string>
#include <vector>

namespace ckl {
namespace distributed {

enum class MpiAbi { open_mpi, mpich, standard };

class Mpi {
 public:
  // The first of `names` that is an MPI library with all that is needed; null where none is, and then `tried` has a line for
  // each. Once a library is open, every later call gives that one. Initialises nothing.
  static Mpi* open(const std::vector<std::string>& names, std::vector<std::string>& tried);

  const std::string& file() const { return file_; }
  MpiAbi abi() const { return abi_; }
  std::string version() const;  // as the library names itself, on one line

  // MPI_Init_thread, unless someone has done that. False where MPI was finalised already: it cannot be had again.
  bool start();
  bool ours() const { return ours_; }  // whether start() initialised it
  int rank() const;
  int size() const;

  // Of MPI_COMM_WORLD; all ranks must call alike. Counts are numbers of doubles, below 2^31. An error of MPI ends the job,
  // as is its default.
  void all_gather(const double* from, int count, double* to) const;
  void broadcast(double* data, int count, int root) const;
  // `count` numbers to rank `to`, and `received` from rank `from` at the same time.
  void send_receive(const double* data, int count, int to, double* out, int received, int from) const;
  void barrier() const;
  // Nothing where start() did not initialise it. `code` other than 0: ends the whole job, for a rank that fails must not
  // leave the others waiting for it.
  void end(int code);

 private:
  typedef void* Handle;
  Mpi() = default;
  std::string load(const std::string& name);

  void* library_ = nullptr;
  std::string file_;
  MpiAbi abi_ = MpiAbi::mpich;
  Handle world_ = nullptr, doubles_ = nullptr;
  bool ours_ = false;

  // MPICH's handles are ints, the others' pointers: on every ABI that is compiled for, an int argument is the lower half of the
  // register that a pointer comes in.
  int (*initialized_)(int*) = nullptr;
  int (*finalized_)(int*) = nullptr;
  int (*init_thread_)(int*, char***, int, int*) = nullptr;
  int (*get_library_version_)(char*, int*) = nullptr;
  int (*comm_rank_)(Handle, int*) = nullptr;
  int (*comm_size_)(Handle, int*) = nullptr;
  int (*allgather_)(const void*, int, Handle, void*, int, Handle, Handle) = nullptr;
  int (*bcast_)(void*, int, Handle, int, Handle) = nullptr;
  int (*sendrecv_)(const void*, int, Handle, int, int, void*, int, Handle, int, int, Handle, void*) = nullptr;
  int (*barrier_)(Handle) = nullptr;
  int (*finalize_)() = nullptr;
  int (*abort_)(Handle, int) = nullptr;
};

}  // namespace distributed
}  // namespace ckl
