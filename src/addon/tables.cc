#include "tables.h"

#include <memory>
#include <new>
#include <string>

#include "../scoring/tables.h"
#include "plan.h"
#include "table_arguments.h"

namespace ckl {
namespace addon {
namespace {

using scoring::MutableTable;
using scoring::Table;
using scoring::Tables;
using scoring::Texts;
using tables::Arguments;
using tables::Refusal;

typedef Arguments::View<float> Floats;
typedef Arguments::View<int32_t> Integers;

// The arguments of spread() and learn(): (from, width, ids, factors, importances | null, offsets). The argument at index
// `table` determines the number of words.
struct Spread {
  Spread(Arguments& in, size_t table) {
    Floats view;
    from = in.table<const float>(view);
    words = in.length_of(table) / from.width;
    texts = in.texts(words);
    if (texts.count * from.width > view.length) in.refuse("has more texts than there are rows");
    most = std::min<int64_t>(words, texts.offsets[texts.count]);
  }
  Table from;
  int64_t words, most;
  Texts texts;
};

// The requested rows: `rows | null, n`.
int64_t chosen(Arguments& in, int64_t all, const int32_t*& rows) {
  Integers view;
  const bool none = in.absent();
  if (!none) view = in.integers();
  const int64_t n = in.size();
  if (n > (none ? all : view.length)) in.refuse("is more than there are");
  if (!none) in.ids(view, n, all);
  rows = none ? nullptr : view.data;
  return n;
}

// (table, width, ids, factors, importances | null, offsets, out)
double sum(Tables& tables, Arguments& in) {
  Floats view;
  const Table table = in.table<const float>(view);
  const Texts texts = in.texts(view.length / table.width);
  tables.sum(table, texts, in.floats(texts.count * table.width).data);
  return 0;
}
// (from, width, ids, factors, importances | null, offsets, gradient, rows) -> how many rows
double spread(Tables& tables, Arguments& in) {
  const Spread s(in, 6);
  float* const gradient = in.floats(s.words * s.from.width).data;
  const Integers rows = in.integers(s.most);
  const int64_t count = tables.spread(s.from, s.texts, s.words, {gradient, s.from.width}, rows.data);
  return double(count);
}
// (from, width, ids, factors, importances | null, offsets, parameters, first, second, rate, correction, rows, slopes) ->
// how many rows
double learn(Tables& tables, Arguments& in) {
  const Spread s(in, 6);
  const int64_t size = s.words * s.from.width;
  float* const rows_of[3] = {in.floats(size).data, in.floats(size).data, in.floats(size).data};
  const float rate = float(in.number()), correction = float(in.number());
  const Integers rows = in.integers(s.most);
  const Floats slopes = in.floats(s.most);
  const int64_t count = tables.learn(s.from, s.texts, s.words, rows_of, rate, correction, rows.data, slopes.data);
  return double(count);
}
// (a, width, b, rows, n, out)
double dot_pairs(Tables& tables, Arguments& in) {
  Floats view;
  const Table a = in.table<const float>(view);
  const Table b = {in.floats(view.length).data, a.width};
  const Integers rows = in.integers();
  const int64_t n = in.size();
  if (n > rows.length) in.refuse("is more than there are");
  in.ids(rows, n, view.length / a.width);
  tables.dot_pairs(a, b, rows.data, n, in.floats(n).data);
  return 0;
}
// (vector, table, width, rows | null, n, out)
double add_dots(Tables& tables, Arguments& in) {
  const Floats vector = in.floats();
  Floats view;
  const Table table = in.table<const float>(view);
  if (vector.length < table.width) in.refuse("is wider than the vector");
  const int32_t* rows = nullptr;
  const int64_t n = chosen(in, view.length / table.width, rows);
  tables.add_dots(vector.data, table, rows, n, in.doubles(n).data);
  return 0;
}
// The arguments of a product: (table, width, chosen | null, n, columns, stride, out).
struct Product {
  Product(Arguments& in, int64_t multiple) {
    Floats view;
    table = in.table<const float>(view);
    words = view.length / table.width;
    n = chosen(in, words, rows);
    const Floats all = in.floats();
    columns = all.data, stride = in.size(multiple);
    if (table.width * stride > all.length) in.refuse("is more than the columns have");
    out = in.floats(n * stride).data;
  }
  Table table;
  const int32_t* rows = nullptr;
  int64_t words, n, stride;
  const float* columns;
  float* out;
};
double product(Tables& tables, Arguments& in) {
  const Product p(in, 1);
  tables.product(p.table, p.rows, p.n, p.columns, p.stride, p.out);
  return 0;
}
// (the same, head, rests, columnRests, least)
double product_above(Tables& tables, Arguments& in) {
  const Product p(in, 16);
  Tables::Bound bound;
  bound.head = in.size();
  if (bound.head > p.table.width) in.refuse("is more than the width");
  bound.rests = in.floats(p.words).data, bound.column_rests = in.floats(p.stride).data;
  bound.least = float(in.number());
  tables.product_above(p.table, p.rows, p.n, p.columns, p.stride, bound, p.out);
  return 0;
}
// (a, width, b, width, n, out)
double add_outer(Tables& tables, Arguments& in) {
  Floats of_a, of_b;
  const Table a = in.table<const float>(of_a), b = in.table<const float>(of_b);
  const int64_t n = in.size();
  if (n * a.width > of_a.length || n * b.width > of_b.length) in.refuse("is more than there are");
  tables.add_outer(a, b, n, in.floats(a.width * b.width).data);
  return 0;
}
// (cosines, stride, strengths, words, places, factors, ends, values, which, found | null)
double match(Tables& tables, Arguments& in) {
  Tables::Matching m;
  const Floats cosines = in.floats();
  m.cosines = cosines.data, m.stride = in.size(16);
  const Floats strengths = in.floats();
  m.strengths = strengths.data, m.words = in.size();
  if (m.words > strengths.length || m.words * m.stride > cosines.length) in.refuse("is more than there are");
  const Integers places = in.integers();
  const Floats factors = in.floats();
  const Integers ends = in.integers();
  m.places = places.data, m.factors = factors.data, m.ends = ends.data, m.documents = ends.length;
  in.ids(places, in.ends(ends, 0, ends.length, std::min(places.length, factors.length)), m.words);
  const int64_t size = m.documents * m.stride;
  const Floats values = in.floats(size);
  const Integers which = in.integers(size);
  tables.match(m, values.data, which.data, in.absent() ? nullptr : in.floats(size).data);
  return 0;
}
// (cosines, stride, n, strengths, tau, slope, out)
double expand(Tables&, Arguments& in) {
  const Floats cosines = in.floats();
  const int64_t stride = in.size(4), n = in.size();
  if (n * stride > cosines.length) in.refuse("is more than there are");
  const Floats strengths = in.floats(stride);
  const float tau = float(in.number()), slope = float(in.number());
  Tables::expand(cosines.data, n, stride, strengths.data, tau, slope, in.floats(n).data);
  return 0;
}
// (rows, width, n, lengths)
double normalise(Tables&, Arguments& in) {
  Floats view;
  const MutableTable rows = in.table<float>(view);
  const int64_t n = in.size();
  if (n * rows.width > view.length) in.refuse("is more than there are");
  Tables::normalise(rows, n, in.doubles(n).data);
  return 0;
}
// (units, width, lengths, n, upstream)
double pull_units(Tables&, Arguments& in) {
  Floats view;
  const Table units = in.table<const float>(view);
  const Arguments::View<double> lengths = in.doubles();
  const int64_t n = in.size();
  if (n * units.width > view.length || n > lengths.length) in.refuse("is more than there are");
  Tables::pull_units(units, lengths.data, n, in.floats(n * units.width).data);
  return 0;
}
// (parameters, width, gradient, first, second, rows, n, rate, correction)
double adam(Tables& tables, Arguments& in) {
  Floats view;
  const MutableTable parameters = in.table<float>(view);
  float* const rows_of[4] = {parameters.x, in.floats(view.length).data, in.floats(view.length).data,
                             in.floats(view.length).data};
  const Integers rows = in.integers();
  const int64_t n = in.size();
  if (n > rows.length) in.refuse("is more than there are");
  in.ids(rows, n, view.length / parameters.width);
  const float rate = float(in.number()), correction = float(in.number());
  tables.adam(rows_of, parameters.width, rows.data, n, rate, correction);
  return 0;
}
// (ids, n, seen, places, distinct) -> how many are distinct
double number(Tables&, Arguments& in) {
  const Integers ids = in.integers();
  const int64_t n = in.size();
  if (n > ids.length) in.refuse("is more than there are");
  const Integers seen = in.integers();
  in.ids(ids, n, seen.length);
  const Integers places = in.integers(n), distinct = in.integers(std::min(n, seen.length));
  const int64_t count = Tables::number(ids.data, n, seen.data, places.data, distinct.data);
  return double(count);
}

// One wrapper serves all methods: a class with a method for each would be larger than the code it wraps.
struct Method {
  const char* name;
  double (*body)(Tables& tables, Arguments& in);
};
constexpr Method kMethods[] = {
    {"sum", sum},
    {"spread", spread},
    {"learn", learn},
    {"dotPairs", dot_pairs},
    {"addDots", add_dots},
    {"product", product},
    {"addOuter", add_outer},
    {"match", match},
    {"expand", expand},
    {"normalise", normalise},
    {"pullUnits", pull_units},
    {"adam", adam},
    {"number", number},
    {"productAbove", product_above},
};
constexpr size_t kMethodCount = sizeof kMethods / sizeof *kMethods, kArguments = 14;

struct Bound {
  Tables* tables;
  const Method* method;
};

// The tables of an instruction set, and the bound methods of its JavaScript object.
struct Held {
  explicit Held(const cpu::Target& target) : tables(target) {
    for (size_t i = 0; i < kMethodCount; i++) bound[i] = {&tables, kMethods + i};
  }
  Tables tables;
  Bound bound[kMethodCount];
};

napi_value call(napi_env env, napi_callback_info info) {
  napi_value values[kArguments], result = nullptr;
  size_t count = kArguments;
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, values, nullptr, &data) != napi_ok) return nullptr;
  const Bound& bound = *static_cast<const Bound*>(data);
  try {
    Arguments in(env, values);
    napi_create_double(env, bound.method->body(*bound.tables, in), &result);
  } catch (const Refusal& refusal) {
    const std::string message = "argument " + std::to_string(refusal.argument) + " " + refusal.why;
    napi_throw_range_error(env, nullptr, message.c_str());
  } catch (const std::bad_alloc&) {
    napi_throw_range_error(env, nullptr, "there is no memory for a step of the student");
  }
  return result;
}

// tables(target): '' is the best instruction set.
Napi::Value make(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].ToString();
  const cpu::Target* const target = cpu::find_target(name);
  if (!target) throw Napi::RangeError::New(env, "this machine cannot run the instruction set '" + name + "'");
  const std::shared_ptr<Held> held = std::make_shared<Held>(*target);
  env.GetInstanceData<Environment>()->held.push_back(held);
  napi_property_descriptor methods[kMethodCount] = {};
  for (size_t i = 0; i < kMethodCount; i++) {
    methods[i].utf8name = kMethods[i].name;
    methods[i].method = call;
    methods[i].attributes = napi_enumerable;
    methods[i].data = held->bound + i;
  }
  const Napi::Object out = Napi::Object::New(env);
  napi_define_properties(env, out, kMethodCount, methods);
  return out;
}

}  // namespace

void define_tables(Napi::Env env, Napi::Object exports) {
  exports.Set("tables", Napi::Function::New(env, make, "tables"));
}

}  // namespace addon
}  // namespace ckl
