// MPI as functions of the addon. lib/native/mpi.ts has the signatures and the readable error messages; arguments are checked
// again here. Uses Node's C API directly.
#include "distributed.h"

#include "../distributed/mpi.h"

namespace ckl {
namespace addon {

namespace {

using distributed::Mpi;

Mpi* opened = nullptr;  // set by mpiOpen; a process has at most one MPI

struct Values {
  napi_value all[4] = {};
  size_t count = 4;
  Values(napi_env env, napi_callback_info info) { napi_get_cb_info(env, info, &count, all, nullptr, nullptr); }
};

napi_value throw_type(napi_env env, const char* what) {
  napi_throw_type_error(env, nullptr, what);
  return nullptr;
}

napi_value text(napi_env env, const std::string& value) {
  napi_value made = nullptr;
  napi_create_string_utf8(env, value.data(), value.size(), &made);
  return made;
}
napi_value number(napi_env env, double value) {
  napi_value made = nullptr;
  napi_create_double(env, value, &made);
  return made;
}
napi_value truth(napi_env env, bool value) {
  napi_value made = nullptr;
  napi_get_boolean(env, value, &made);
  return made;
}

bool read_text(napi_env env, napi_value value, std::string& to) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  to.resize(length);
  return napi_get_value_string_utf8(env, value, &to[0], length + 1, &length) == napi_ok;
}

struct Doubles {
  double* data = nullptr;
  size_t length = 0;
};
bool read_doubles(napi_env env, napi_value value, Doubles& to) {
  napi_typedarray_type type;
  void* data = nullptr;
  const bool good = napi_get_typedarray_info(env, value, &type, &to.length, &data, nullptr, nullptr) == napi_ok &&
                    type == napi_float64_array && to.length < (size_t(1) << 31);
  to.data = static_cast<double*>(data);
  return good;
}

// mpiOpen(names): { file, abi, version } of the library that is open, and `tried`: why each of the others was rejected.
napi_value mpi_open(napi_env env, napi_callback_info info) {
  const Values values(env, info);
  std::vector<std::string> names, tried;
  uint32_t count = 0;
  if (napi_get_array_length(env, values.all[0], &count) != napi_ok) return throw_type(env, "mpiOpen needs a list");
  for (uint32_t k = 0; k < count; k++) {
    napi_value element;
    std::string name;
    if (napi_get_element(env, values.all[0], k, &element) != napi_ok || !read_text(env, element, name))
      return throw_type(env, "mpiOpen needs a list of names");
    names.push_back(name);
  }
  opened = Mpi::open(names, tried);
  napi_value out, found;
  napi_create_object(env, &out);
  napi_create_array(env, &found);
  if (opened) {
    static const char* const kAbis[] = {"Open MPI", "MPICH", "MPI 5"};
    napi_set_named_property(env, out, "file", text(env, opened->file()));
    napi_set_named_property(env, out, "abi", text(env, kAbis[int(opened->abi())]));
    napi_set_named_property(env, out, "version", text(env, opened->version()));
  }
  for (uint32_t k = 0; k < tried.size(); k++) napi_set_element(env, found, k, text(env, tried[k]));
  napi_set_named_property(env, out, "tried", found);
  return out;
}

// mpiStart(): [rank, size, whether this or an earlier call initialised MPI]; null if MPI was already finalised.
napi_value mpi_start(napi_env env, napi_callback_info) {
  if (!opened) return throw_type(env, "mpiStart comes after mpiOpen");
  napi_value out = nullptr;
  if (!opened->start()) {
    napi_get_null(env, &out);
    return out;
  }
  napi_create_array_with_length(env, 3, &out);
  napi_set_element(env, out, 0, number(env, opened->rank()));
  napi_set_element(env, out, 1, number(env, opened->size()));
  napi_set_element(env, out, 2, truth(env, opened->ours()));
  return out;
}

// mpiAllGather(from, to)
napi_value mpi_all_gather(napi_env env, napi_callback_info info) {
  const Values values(env, info);
  Doubles from, to;
  if (!opened || !read_doubles(env, values.all[0], from) || !read_doubles(env, values.all[1], to) ||
      to.length != from.length * size_t(opened->size()))
    return throw_type(env, "mpiAllGather needs two Float64Arrays, the second as often as long as there are ranks");
  opened->all_gather(from.data, int(from.length), to.data);
  return nullptr;
}

// mpiBroadcast(data, root)
napi_value mpi_broadcast(napi_env env, napi_callback_info info) {
  const Values values(env, info);
  Doubles data;
  int32_t root = -1;
  if (!opened || !read_doubles(env, values.all[0], data) ||
      napi_get_value_int32(env, values.all[1], &root) != napi_ok || root < 0 || root >= opened->size())
    return throw_type(env, "mpiBroadcast needs a Float64Array and a rank");
  opened->broadcast(data.data, int(data.length), root);
  return nullptr;
}

// mpiSendReceive(data, to, out, from)
napi_value mpi_send_receive(napi_env env, napi_callback_info info) {
  const Values values(env, info);
  Doubles data, out;
  int32_t to = -1, from = -1;
  const auto is_rank = [&](napi_value value, int32_t& rank) {
    return napi_get_value_int32(env, value, &rank) == napi_ok && rank >= 0 && rank < opened->size();
  };
  if (!opened || !read_doubles(env, values.all[0], data) || !is_rank(values.all[1], to) ||
      !read_doubles(env, values.all[2], out) || !is_rank(values.all[3], from))
    return throw_type(env, "mpiSendReceive needs two Float64Arrays, each with a rank");
  opened->send_receive(data.data, int(data.length), to, out.data, int(out.length), from);
  return nullptr;
}

napi_value mpi_barrier(napi_env env, napi_callback_info) {
  if (!opened) return throw_type(env, "mpiBarrier comes after mpiStart");
  opened->barrier();
  return nullptr;
}

// mpiEnd(code)
napi_value mpi_end(napi_env env, napi_callback_info info) {
  const Values values(env, info);
  int32_t code = 1;
  napi_get_value_int32(env, values.all[0], &code);
  if (opened) opened->end(code);
  return nullptr;
}

}  // namespace

void define_distributed(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"mpiOpen", nullptr, mpi_open, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"mpiStart", nullptr, mpi_start, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"mpiAllGather", nullptr, mpi_all_gather, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"mpiBroadcast", nullptr, mpi_broadcast, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"mpiSendReceive", nullptr, mpi_send_receive, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"mpiBarrier", nullptr, mpi_barrier, nullptr, nullptr, nullptr, napi_default_method, nullptr},
      {"mpiEnd", nullptr, mpi_end, nullptr, nullptr, nullptr, napi_default_method, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}

}  // namespace addon
}  // namespace ckl
