// Code shared by the libraries that are opened at run time.
#pragma once
#include <dlfcn.h>

#include <string>

namespace ckl {
namespace distributed {

// dlerror() starts with the file name, which the caller adds as well.
inline std::string reason_of(const std::string& name) {
  const char* const said = dlerror();
  std::string reason = said ? said : "dlopen failed";
  if (reason.compare(0, name.size() + 2, name + ": ") == 0) reason.erase(0, name.size() + 2);
  return reason;
}

// Looks up a function of the library; the name of a missing one is added to `missing`.
template <class F>
bool find_function(void* library, F& function, const char* name, std::string& missing) {
  function = reinterpret_cast<F>(dlsym(library, name));
  if (!function) missing += std::string(missing.empty() ? "" : ", ") + name;
  return function != nullptr;
}

// The file that defines a function; `name` if unknown.
template <class F>
std::string file_of(F function, const std::string& name) {
  Dl_info where;
  return dladdr(reinterpret_cast<void*>(function), &where) && where.dli_fname ? where.dli_fname : name;
}

}  // namespace distributed
}  // namespace ckl
