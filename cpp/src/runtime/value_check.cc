#include "runtime/value_check.h"

#include <sstream>

#include "fastocr/errors.h"

namespace fastocr {
namespace {

std::string message(const Model& model, std::int64_t wrong, std::size_t count,
                    const ValueRange& range) {
  std::ostringstream text;
  text << model.path() << ": " << wrong << " of the " << count
       << " values that the network gave are no numbers from " << range.low << " to " << range.high
       << "; its weights are damaged, it was made for another purpose, or the precision is too low";
  return text.str();
}

}  // namespace

void check_output_values(const Model& model, const TensorView& output, const ValueRange& range) {
  std::size_t count = 1;
  for (const std::int64_t side : output.shape) count *= static_cast<std::size_t>(side);
  const std::int64_t wrong = count_outside({output.data, count}, range);
  if (wrong == 0) return;
  throw Error(ErrorKind::kInference, message(model, wrong, count, range));
}

}  // namespace fastocr
