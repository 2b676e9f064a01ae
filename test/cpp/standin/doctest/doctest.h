// Stands in for doctest where it is not installed: the few macros these tests use, and a report of what failed.
#pragma once
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace standin {

struct Case {
  const char* name;
  void (*body)();
};
inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
struct Register {
  Register(const char* name, void (*body)()) { cases().push_back({name, body}); }
};
struct Stop {};  // thrown by REQUIRE

inline int& failures() {
  static int count = 0;
  return count;
}
inline bool check(bool good, const char* file, int line, const char* what, const std::string& message = "") {
  if (!good) {
    failures()++;
    std::printf("%s:%d: ERROR: %s %s\n", file, line, what, message.c_str());
  }
  return good;
}

inline int run() {
  int failed = 0;
  for (const Case& c : cases()) {
    const int before = failures();
    try {
      c.body();
    } catch (const Stop&) {
    } catch (const std::exception& error) { check(false, c.name, 0, "it threw", error.what()); }
    if (failures() == before) continue;
    failed++;
    std::printf("FAILED: %s\n", c.name);
  }
  std::printf("%zu test cases: %zu passed, %d failed\n", cases().size(), cases().size() - size_t(failed), failed);
  return failed > 0;
}

}  // namespace standin

#define STANDIN_NAME2(a, b) a##b
#define STANDIN_NAME(a, b) STANDIN_NAME2(a, b)
#define TEST_CASE(name)                                                                                  \
  static void STANDIN_NAME(test_, __LINE__)();                                                           \
  static const standin::Register STANDIN_NAME(register_, __LINE__)(name, STANDIN_NAME(test_, __LINE__)); \
  static void STANDIN_NAME(test_, __LINE__)()
#define CHECK(...) standin::check(bool(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__)
#define CHECK_MESSAGE(condition, message) standin::check(bool(condition), __FILE__, __LINE__, #condition, message)
#define REQUIRE(...) \
  (standin::check(bool(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__) ? void() : throw standin::Stop())

#ifdef DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
int main() { return standin::run(); }
#endif
