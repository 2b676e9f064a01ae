// Products and sums of embeddings. Compiled once per instruction set, as CKL_KERNELS (the name of its table).
#include "kernel.h"

#include "table_rows.h"
#include "tile.h"
#include "vectors.h"

namespace ckl {
namespace scoring {

extern const Kernels CKL_KERNELS;
const Kernels CKL_KERNELS = {
    kColumns,   kTileRows,
    pack_rows,  pack_columns,
    product,    dots,
    gather_sum, scatter_sum,
    sparse_dot, sparse_add,
    largest,    normalise,
    finish,     {kTableRows, sum_rows, table_product, dot_rows, adam, worth, best},
};

}  // namespace scoring
}  // namespace ckl
