#include <doctest/doctest.h>

#include <cmath>

#include "embeddings.h"

namespace ckl {
namespace test {

void check_scored(const Scored& found, const ExactScored& right, const std::string& about) {
  CHECK_MESSAGE(error(found.scores, right.scores, right.score_size) < 24, about);
  CHECK_MESSAGE(error(found.query_grad, right.query_grad, right.query_size) < 24, about);
  CHECK_MESSAGE(error(found.document_grad, right.document_grad, right.document_size) < 24, about);
  CHECK_MESSAGE(std::fabs(found.scale_grad - right.scale_grad) <= right.scale_size * 0x1p-20, about);
}

}  // namespace test
}  // namespace ckl
