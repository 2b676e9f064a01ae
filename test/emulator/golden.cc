#include "golden.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>

namespace ckl {
namespace test {

namespace {

// As much of JSON as the fixtures use. Numbers that JSON lacks are strings.
struct Json {
  bool is_null = false;
  double number = NAN;
  std::string text;
  std::vector<Json> items;
  std::map<std::string, Json> members;

  const Json& operator[](const char* name) const { return members.at(name); }
  Numbers numbers() const {
    Numbers out;
    for (const Json& item : items) out.push_back(item.number);
    return out;
  }
};

class Parser {
 public:
  explicit Parser(const char* text) : at_(text) {}
  Json value() {
    Json v;
    switch (*at_) {
      case '{':
        list('}', [&] {
          const std::string name = string();
          need(':');
          v.members[name] = value();
        });
        return v;
      case '[': list(']', [&] { v.items.push_back(value()); }); return v;
      case '"':
        v.text = string();
        v.number = v.text == "Infinity" ? INFINITY : v.text == "-Infinity" ? -INFINITY : NAN;
        return v;
      case 'n': word("null"), v.is_null = true; return v;
      case 't': word("true"), v.number = 1; return v;
      case 'f': word("false"), v.number = 0; return v;
    }
    char* end;
    v.number = std::strtod(at_, &end);
    if (end == at_) throw std::runtime_error(std::string("not JSON: ") + at_);
    at_ = end;
    return v;
  }

 private:
  template <class Item>
  void list(char close, Item item) {
    for (at_++, skip(); *at_ != close; skip()) {
      item();
      skip();
      if (*at_ == ',') at_++, skip();
      else if (*at_ != close) throw std::runtime_error("a list without an end");
    }
    at_++;
  }
  std::string string() {
    const char* from = ++at_;
    while (*at_ != '"') at_++;
    return std::string(from, at_++);
  }
  void need(char c) {
    skip();
    if (*at_++ != c) throw std::runtime_error("not JSON");
    skip();
  }
  void word(const char* w) {
    for (; *w; w++, at_++)
      if (*at_ != *w) throw std::runtime_error("not JSON");
  }
  void skip() {
    while (*at_ == ' ') at_++;
  }
  const char* at_;
};

Floats floats(const Json& list) {
  Floats out;
  for (double x : list.numbers()) out.push_back(float(x));
  return out;
}

GoldenCase read_case(const Json& line) {
  GoldenCase c;
  c.id = line["id"].text.empty() ? std::to_string(int(line["id"].number)) : line["id"].text;
  OwnedBatch& b = c.batch;
  b.student = floats(line["student"]), b.teacher = floats(line["teacher"]);
  b.queries = 1, b.docs = b.stride = int64_t(b.student.size());
  for (double y : line["labels"].numbers()) b.labels.push_back(uint8_t(y));
  if (!line["ranks"].is_null) b.ranks = line["ranks"].numbers(), b.rank_type = RankType::f32;
  if (!line["beta"].is_null) b.beta = floats(line["beta"]);
  if (!line["relevance"].is_null) b.relevance = floats(line["relevance"]);
  bool known = false;
  for (const LossInfo& info : kLosses)
    if (line["loss"].text == info.name) c.term.loss = info.id, known = true;
  if (!known) throw std::runtime_error("no loss named " + line["loss"].text);
  for (const auto& option : line["options"].members) {
    const double x = option.second.number;
#define PARAMETER(name, field, usual, allowed) \
  if (option.first == #name) c.term.field = x;
#include "../../src/losses/parameters.def"
#undef PARAMETER
    if (option.first == "studentTemperature") c.student_temperature = x;
    if (option.first == "teacherTemperature") c.teacher_temperature = x;
  }
  const Json& e = line["expected"];
  c.loss = e["loss"].number, c.loss_tolerance = e["lossTolerance"].number;
  c.grad = e["grad"].numbers(), c.grad_tolerance = e["gradTolerance"].numbers();
  c.counted = e["counted"].number != 0;
  return c;
}

}  // namespace

const std::vector<GoldenCase>& golden_cases() {
  static const std::vector<GoldenCase> all = [] {
    std::vector<GoldenCase> cases;
    FILE* file = popen("gzip -dc '" CKL_GOLDEN "'", "r");
    std::string line;
    for (int c; file && (c = std::getc(file)) != EOF;) {
      if (c != '\n') line += char(c);
      else cases.push_back(read_case(Parser(line.c_str()).value())), line.clear();
    }
    if (file) pclose(file);
    return cases;
  }();
  return all;
}

}  // namespace test
}  // namespace ckl
