// The machine's MPI library, opened at run time: compiling needs no MPI header, and running without MPI needs no
// library.
//
// Libraries differ in what a handle is: an address of an exported variable in Open MPI, a fixed integer in MPICH, and a
// small pointer-sized constant in the standard ABI of MPI 5. All fit in one register.
#pragma once
#include <stdint.h>

#include <string>
#include <vector>

namespace ckl {
namespace distributed {

enum class MpiAbi { open_mpi, mpich, standard };

class Mpi {
 public:
  // Opens the first of `names` that is an MPI library with all required functions. Returns null if none is, with a line
  // for each in `tried`. Once a library is open, every later call returns it. Does not initialise MPI.
  static Mpi* open(const std::vector<std::string>& names, std::vector<std::string>& tried);

  const std::string& file() const { return file_; }
  MpiAbi abi() const { return abi_; }
  std::string version() const;  // as the library names itself, on one line

  // Calls MPI_Init_thread unless MPI is already initialised. False if MPI was finalised: it cannot be initialised
  // again.
  bool start();
  bool ours() const { return ours_; }  // whether start() initialised it
  int rank() const;
  int size() const;

  // Operations on MPI_COMM_WORLD; all ranks must make the same calls. Counts are numbers of doubles, below 2^31. An MPI
  // error aborts the job, which is MPI's default.
  void all_gather(const double* from, int count, double* to) const;
  void broadcast(double* data, int count, int root) const;
  // Sends `count` numbers to rank `to` while receiving `received` numbers from rank `from`.
  void send_receive(const double* data, int count, int to, double* out, int received, int from) const;
  void barrier() const;
  // Finalises MPI if start() initialised it. A `code` other than 0 aborts the whole job, because a failing rank must
  // not leave the others waiting for it.
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

  // MPICH's handles are ints, all others are pointers. In every calling convention that the addon is compiled for, an
  // int argument is the lower half of the register that holds a pointer argument.
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
