// Stands in for doctest where it is not installed: the few macros these tests use, and a report of what failed.
#pragma once
#include <fnmatch.h>

#include <algorithm>
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

// The pattern of an option such as --test-case-exclude=PATTERN; otherwise if it is not given.
inline std::string option(int count, char** arguments, const std::string& name, const char* otherwise) {
  for (int k = 1; k < count; k++) {
    const std::string given = arguments[k];
    if (given.compare(0, name.size(), name) == 0) return given.substr(name.size());
  }
  return otherwise;
}

// Whether one of several patterns, separated by commas, names it.
inline bool named(const std::string& patterns, const char* name) {
  for (size_t from = 0; from <= patterns.size();) {
    const size_t to = std::min(patterns.find(',', from), patterns.size());
    if (fnmatch(patterns.substr(from, to - from).c_str(), name, 0) == 0) return true;
    from = to + 1;
  }
  return false;
}

// Runs the cases that --test-case=PATTERN names, default all, but those that --test-case-exclude=PATTERN names.
inline int run(int count, char** arguments) {
  const std::string wanted = option(count, arguments, "--test-case=", "*");
  const std::string unwanted = option(count, arguments, "--test-case-exclude=", "");
  int failed = 0, left_out = 0;
  for (const Case& c : cases()) {
    if (!named(wanted, c.name) || named(unwanted, c.name)) {
      left_out++;
      continue;
    }
    const int before = failures();
    try {
      c.body();
    } catch (const Stop&) {
    } catch (const std::exception& error) { check(false, c.name, 0, "it threw", error.what()); }
    if (failures() == before) continue;
    failed++;
    std::printf("FAILED: %s\n", c.name);
  }
  const int ran = int(cases().size()) - left_out;
  std::printf("%d test cases: %d passed, %d failed, %d left out\n", ran, ran - failed, failed, left_out);
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
#define CHECK_THROWS_AS(expression, type)                                              \
  [&] {                                                                                \
    try {                                                                              \
      static_cast<void>(expression);                                                   \
    } catch (const type&) { return true; }                                             \
    return standin::check(false, __FILE__, __LINE__, #expression, "throws no " #type); \
  }()
#define REQUIRE(...) \
  (standin::check(bool(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__) ? void() : throw standin::Stop())

#ifdef DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
int main(int count, char** arguments) { return standin::run(count, arguments); }
#endif
