#include "embeddings.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace ckl {
namespace test {

using scoring::Pairs;

namespace {

void fill(Floats& x, int64_t n, Random& random) {
  for (int64_t i = 0; i < n; i++) x.push_back(float(random.normal()));
}

// All but the vectors.
Embedded make_pairs(Form form, int64_t queries, int64_t docs, int64_t dim) {
  Embedded e;
  Pairs& p = e.pairs;
  p.all = form == Form::all, p.dim = dim, p.queries = queries, p.scale = 1.75f;
  p.documents = form == Form::candidates ? queries * docs / 3 + 1 : form == Form::all ? docs : queries * docs;
  p.lists.queries = queries, p.lists.docs = p.lists.stride = docs;
  return e;
}

void fill_lists(Embedded& e, Form form, int64_t queries, int64_t docs, Random& random) {
  fill(e.bias, e.pairs.documents, random), fill(e.grad, queries * docs, random);
  if (form == Form::candidates)
    for (int64_t i = 0; i < queries * docs; i++)
      e.candidates.push_back(i % 7 == 3 ? -1 : int32_t(random.below(e.pairs.documents)));
  if (form == Form::ragged) {  // lists of 0, 1, 2 … documents, the last one takes what is left
    e.offsets.push_back(0);
    for (int64_t b = 0; b < queries; b++)
      e.offsets.push_back(b + 1 < queries ? std::min<int32_t>(e.offsets.back() + int32_t(b), int32_t(queries * docs))
                                          : int32_t(queries * docs));
  }
}

// Rows of k, divided by their lengths for cosine; the lengths, or ones.
std::vector<double> units(const Floats& x, size_t k, bool cosine, std::vector<double>& norms) {
  std::vector<double> u(x.begin(), x.end());
  for (size_t r = 0; k > 0 && r < x.size() / k; r++) {
    double squares = 0;
    for (size_t i = 0; i < k; i++) squares += u[r * k + i] * u[r * k + i];
    norms.push_back(cosine ? std::sqrt(squares) : 1);
    for (size_t i = 0; i < k; i++) u[r * k + i] = norms.back() > 0 ? u[r * k + i] / norms.back() : 0;
  }
  return u;
}

void project(std::vector<double>& grad, std::vector<double>& size, const std::vector<double>& u, size_t k,
             const std::vector<double>& norms) {
  for (size_t row = 0; row < norms.size(); row++) {
    double along = 0, all = 0;
    for (size_t i = 0; i < k; i++) along += grad[row * k + i] * u[row * k + i], all += size[row * k + i];
    for (size_t i = 0; i < k; i++) {
      const double inverse = norms[row] > 0 ? 1 / norms[row] : 0;
      grad[row * k + i] = (grad[row * k + i] - along * u[row * k + i]) * inverse;
      size[row * k + i] = all * inverse;
    }
  }
}

}  // namespace

void Embedded::point() {
  pairs.query = {reinterpret_cast<const char*>(queries.data()), DType::float32};
  pairs.document = {reinterpret_cast<const char*>(documents.data()), DType::float32};
  pairs.candidates = candidates.empty() ? nullptr : candidates.data();
  pairs.lists.offsets = offsets.empty() ? nullptr : offsets.data();
  pairs.query_tokens = query_tokens.empty() ? nullptr : query_tokens.data();
  pairs.document_tokens = document_tokens.empty() ? nullptr : document_tokens.data();
  pairs.query_ids = query_ids.empty() ? nullptr : query_ids.data();
  pairs.document_ids = document_ids.empty() ? nullptr : document_ids.data();
  pairs.query_mask = query_mask.empty() ? nullptr : query_mask.data();
  pairs.document_mask = document_mask.empty() ? nullptr : document_mask.data();
}

Embedded make_embedded(Random& random, Form form, int64_t queries, int64_t docs, int64_t dim, bool cosine) {
  Embedded e = make_pairs(form, queries, docs, dim);
  e.pairs.cosine = cosine;
  fill(e.queries, queries * dim, random), fill(e.documents, e.pairs.documents * dim, random);
  fill_lists(e, form, queries, docs, random);
  return e;
}

Embedded make_tokens(Random& random, Form form, int64_t queries, int64_t docs, int64_t dim, int most_query,
                     int most_document) {
  Embedded e = make_pairs(form, queries, docs, dim);
  const auto tokens = [&](Ints& offsets, int64_t n, int most) {
    offsets.push_back(0);
    for (int64_t i = 0; i < n; i++)
      offsets.push_back(offsets.back() + (i % 11 == 4 ? 0 : 1 + int32_t(random.below(most))));
  };
  tokens(e.query_tokens, queries, most_query), tokens(e.document_tokens, e.pairs.documents, most_document);
  fill(e.queries, e.query_tokens.back() * dim, random), fill(e.documents, e.document_tokens.back() * dim, random);
  fill_lists(e, form, queries, docs, random);
  return e;
}

Scored score(Embedded& e, const cpu::Target& target, int threads, Keep keep) {
  e.point();
  scoring::Scorer scorer(target, std::make_shared<cpu::Pool>(threads));
  Scored r;
  r.scores.assign(size_t(e.pairs.scores()), -7), r.query_grad.assign(e.queries.size(), -7);
  r.document_grad.assign(e.documents.size(), -7);
  scoring::Gradients g;
  g.scores = e.grad.data(), g.scale = true;
  g.query = {reinterpret_cast<char*>(r.query_grad.data()), DType::float32};
  g.document = {reinterpret_cast<char*>(r.document_grad.data()), DType::float32};
  const bool kept = keep != Keep::nothing;
  const bool good = check_pairs(e.pairs).ok() &&
                    scorer.scores(e.pairs, e.bias.empty() ? nullptr : e.bias.data(), r.scores.data(), kept).ok() &&
                    scorer.backward(e.pairs, g, kept, r.scale_grad).ok();
  if (!good) throw std::runtime_error("the batch was refused");
  return r;
}

bool same(const Floats& a, const Floats& b) {
  if (a.size() != b.size()) return false;
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
bool same(const Scored& a, const Scored& b) {
  return same(a.scores, b.scores) && same(a.query_grad, b.query_grad) && same(a.document_grad, b.document_grad) &&
         a.scale_grad == b.scale_grad;
}

ExactScored score_exactly(Embedded& e) {
  e.point();
  const Pairs& p = e.pairs;
  const size_t k = size_t(p.dim);
  ExactScored r;
  std::vector<double> query_norms, document_norms;
  const std::vector<double> q = units(e.queries, k, p.cosine, query_norms);
  const std::vector<double> d = units(e.documents, k, p.cosine, document_norms);
  r.scores.assign(size_t(p.scores()), -7), r.score_size.assign(size_t(p.scores()), 0);
  r.query_grad.assign(q.size(), 0), r.query_size = r.query_grad;
  r.document_grad.assign(d.size(), 0), r.document_size = r.document_grad;
  // Vectors of a query or document: its tokens, or the one it has.
  const auto first = [](const int32_t* tokens, int64_t i) { return size_t(tokens ? tokens[i] : i); };
  const auto pair = [&](int64_t b, size_t at, int64_t m) {
    if (m < 0 || p.no_tokens(m)) {
      r.scores[at] = -INFINITY;
      return;
    }
    const size_t begin = first(p.query_tokens, b), end = first(p.query_tokens, b + 1);
    const double share = p.mean ? 1.0 / double(std::max<size_t>(1, end - begin)) : 1, g = e.grad[at];
    r.scores[at] = 0;
    for (size_t t = begin; t < end; t++) {
      double most = -INFINITY, most_size = 0;
      size_t winner = 0;
      for (size_t u = first(p.document_tokens, m); u < first(p.document_tokens, m + 1); u++) {
        double dot = 0, size = 0;
        for (size_t i = 0; i < k; i++)
          dot += q[t * k + i] * d[u * k + i], size += std::fabs(q[t * k + i] * d[u * k + i]);
        if (dot > most) most = dot, winner = u;
        most_size = std::max(most_size, size);  // a token that loses by less than its error could have won
      }
      r.scores[at] += p.scale * share * most, r.score_size[at] += p.scale * share * most_size;
      r.scale_grad += g * share * most, r.scale_size += std::fabs(g * share) * most_size;
      for (size_t i = 0; i < k; i++) {
        const double x = p.scale * share * g * d[winner * k + i], y = p.scale * share * g * q[t * k + i];
        r.query_grad[t * k + i] += x, r.query_size[t * k + i] += std::fabs(x);
        r.document_grad[winner * k + i] += y, r.document_size[winner * k + i] += std::fabs(y);
      }
    }
    const double bias = e.bias.empty() ? 0 : e.bias[size_t(m)];
    r.scores[at] += bias, r.score_size[at] += std::fabs(bias);
  };
  for (int64_t b = 0; b < p.queries; b++)
    for (int64_t i = 0; i < p.length(b); i++) pair(b, size_t(p.begin(b) + i), p.document_at(b, i));
  if (p.cosine) {
    project(r.query_grad, r.query_size, q, k, query_norms);
    project(r.document_grad, r.document_size, d, k, document_norms);
  }
  return r;
}

double error(const Floats& found, const std::vector<double>& right, const std::vector<double>& size) {
  double worst = 0;
  for (size_t i = 0; i < found.size(); i++) {
    if (double(found[i]) == right[i]) continue;
    const double units = std::fabs(found[i] - right[i]) / (size[i] * 0x1p-24);
    worst = units <= worst ? worst : units;  // NaN is the worst
  }
  return worst;
}

}  // namespace test
}  // namespace ckl
