// All pairs of queries and documents: three products of packed panels, the scores and the gradients of both sides.
#include <algorithm>
#include <cstring>

#include "scoring.h"

namespace ckl {
namespace scoring {

namespace {

// Columns that a thread packs at a time: a multiple of the columns of any panel.
constexpr int64_t kWide = 2048;
// Rows packed into one panel before the next: as many streams as a processor prefetches.
constexpr int64_t kRowsPacked = 8;

}  // namespace

// Threads divide the documents: each packs some of them as a panel and multiplies it with every query.
bool Scorer::all_scores(const Pairs& p, const float* queries, int64_t count, int64_t first_document,
                        int64_t documents_count, float* out) {
  const int64_t columns = kernels_.columns, dim = p.dim, work = count * documents_count * dim;
  if (count < 4 && !compact_) {  // packing would take as long as the products
    const float* const documents = document_.x + first_document * dim;
    each(documents_count, 64, work, [&](int, int64_t first, int64_t last) {
      for (int64_t b = 0; b < count; b++)
        kernels_.dots(queries + b * dim, documents + first * dim, dim, nullptr, last - first,
                      out + b * documents_count + first);
    });
    return true;
  }
  const int64_t panel_size = columns * std::min(dim, kPart), apart = panel_size + (compact_ ? columns * dim : 0);
  float* const panels = room(panel_, workers(work), apart);
  if (!panels) return false;
  each(documents_count, columns, work, [&](int worker, int64_t first, int64_t last) {
    float* const panel = panels + worker * apart;
    for (int64_t m = first; m < last; m += columns) {
      const int64_t n = std::min(columns, last - m);
      const float* const documents = document_rows(p, first_document + m, n, panel + panel_size);
      for (int64_t k = 0; k < dim; k += kPart) {
        const int64_t part = std::min(kPart, dim - k);
        kernels_.pack_rows(documents + k, dim, n, part, panel);
        kernels_.product(queries + k, dim, 1, count, panel, part, n, out + m, documents_count, k == 0);
      }
    }
  });
  return true;
}

bool Scorer::query_sums_of_all(const Pairs& p, const float* grad, float* out) {
  const int64_t columns = kernels_.columns, most = std::min(p.documents, kPart), work = p.queries * most * p.dim;
  // A part of the gradients stays in the cache while all columns of a thread are added to it, so a thread takes as many
  // columns as possible.
  const int64_t share = std::min(kWide, pieces(pieces(p.dim, columns), workers(work)) * columns);
  const int64_t apart = std::min(kWide, share) * most;
  float* const panels = room(panel_, workers(work), apart);
  float* const buffer = rows_.reserve(compact_ ? std::max<int64_t>(1, most * p.dim) : 1);
  if (!panels || !buffer) return false;
  if (p.documents == 0) std::fill(out, out + p.queries * p.dim, 0.0f);
  for (int64_t m = 0; m < p.documents; m += kPart) {
    const int64_t part = std::min(kPart, p.documents - m);
    if (compact_)
      each(part, 1, 4 * part * p.dim, [&](int, int64_t first, int64_t last) {
        document_rows(p, m + first, last - first, buffer + first * p.dim);
      });
    const float* const documents = compact_ ? buffer : document_.x + m * p.dim;
    each(p.dim, share, work, [&](int worker, int64_t first, int64_t last) {
      float* const packed = panels + worker * apart;
      for (int64_t begin = first; begin < last; begin += kWide) {
        const int64_t end = std::min(begin + kWide, last);
        const auto visit = [&](auto body) {
          for (int64_t c = begin; c < end; c += columns)
            body(c, std::min(columns, end - c), packed + (c - begin) * part);
        };
        // A few rows at a time for all panels, so that documents are read from memory sequentially.
        for (int64_t i = 0; i < part; i += kRowsPacked)
          visit([&](int64_t c, int64_t n, float* panel) {
            kernels_.pack_columns(documents + i * p.dim + c, p.dim, n, std::min(kRowsPacked, part - i),
                                  panel + i * columns);
          });
        visit([&](int64_t c, int64_t n, const float* panel) {
          kernels_.product(grad + m, p.documents, 1, p.queries, panel, part, n, out + c, p.dim, m == 0);
        });
      }
    });
  }
  return true;
}

// Where the sums of all documents are kept between blocks of queries: in the memory of the gradients, if it is not
// needed for anything else.
float* Scorer::block_sums(const Pairs& p, const Gradients& g) {
  const int64_t bytes = p.documents * p.dim * int64_t(sizeof(float));
  const int64_t read = p.documents * p.row_size() * size_of(p.document.type);
  const bool apart = g.document.data + bytes <= p.document.data || p.document.data + read <= g.document.data;
  if (apart && g.document.type == DType::float32 && !g.accumulate && p.row_size() == p.dim)
    return reinterpret_cast<float*>(g.document.data);
  return block_sums_.reserve(std::max<int64_t>(1, p.documents * p.dim));
}

// Threads divide the documents into blocks: the product of their part of G, with rows along the queries, and the packed
// queries.
bool Scorer::document_grads_of_all(const Pairs& p, const Gradients& g) {
  const int64_t columns = kernels_.columns, tile = 6 * kernels_.rows, work = p.queries * p.documents * p.dim;
  const int64_t parts = pieces(p.queries, kPart), panel = columns * kPart;
  const int64_t across = pieces(p.dim, columns);
  const bool whole = g.first && g.last;
  float* const panels = panels_.reserve(std::max<int64_t>(1, parts * across * panel));
  const int64_t apart = tile * std::min(p.queries, kPart);
  // The sums of a tile, unless all are kept; a document; scratch space.
  const int64_t sums_size = (whole ? tile : 0) * p.dim, block_apart = pieces(sums_size + 2 * p.dim, 16) * 16;
  float* const tiles = room(tiles_, workers(work), apart);
  float* const blocks = room(block_, workers(work), block_apart);
  float* const kept = whole ? nullptr : block_sums(p, g);
  if (!panels || !tiles || !blocks || (!whole && !kept)) return false;
  each(across, 1, 2 * p.queries * p.dim, [&](int, int64_t first, int64_t last) {
    for (int64_t part = 0; part < parts; part++)
      for (int64_t c = first; c < last; c++)
        kernels_.pack_columns(query_.x + part * kPart * p.dim + c * columns, p.dim,
                              std::min(columns, p.dim - c * columns), std::min(kPart, p.queries - part * kPart),
                              panels + (part * across + c) * panel);
  });
  each(p.documents, tile, work, [&](int worker, int64_t first, int64_t last) {
    float* const part_of_g = tiles + worker * apart;
    float* const block = blocks + worker * block_apart;
    float* const row = block + sums_size;
    for (int64_t m = first; m < last; m += tile) {
      const int64_t rows = std::min(tile, last - m);
      float* const sums = whole ? block : kept + m * p.dim;
      if (parts == 0 && g.first) std::fill(sums, sums + rows * p.dim, 0.0f);
      for (int64_t part = 0; part < parts; part++) {
        const int64_t b0 = part * kPart, n = std::min(kPart, p.queries - b0);
        for (int64_t b = 0; b < n; b++) {
          const float* const of_query = g.scores + (b0 + b) * p.documents + m;
          std::memcpy(part_of_g + b * tile, of_query, size_t(rows) * sizeof(float));
          // The next tile's: each row is in a page of its own, where hardware does not prefetch.
          for (int64_t c = tile; c < 2 * tile && m + c < p.documents; c += 16) __builtin_prefetch(of_query + c);
        }
        for (int64_t c = 0; c < across; c++)
          kernels_.product(part_of_g, 1, tile, rows, panels + (part * across + c) * panel, n,
                           std::min(columns, p.dim - c * columns), sums + c * columns, p.dim, part == 0 && g.first);
      }
      for (int64_t r = 0; g.last && r < rows; r++) {
        const float* u = nullptr;
        InverseNorm inverse = 1;
        if (p.cosine && compact_) u = row, inverse = read_row(p, p.document, m + r, row);
        else if (p.cosine) u = document_.x + (m + r) * p.dim, inverse = document_.inverse.reserve(0)[m + r];
        kernels_.finish(sums + r * p.dim, u, inverse, p.scale, p.dim, g.document, (m + r) * p.row_size(), g.accumulate,
                        row + p.dim);
      }
    }
  });
  return true;
}

}  // namespace scoring
}  // namespace ckl
