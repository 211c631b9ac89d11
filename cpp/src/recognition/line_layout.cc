#include <algorithm>
#include <cmath>
#include <numeric>

#include "fastocr/text_recognition.h"

namespace fastocr {
namespace {

constexpr int kMaxWidth = 3200;

// Input width of a line on its own, and how much of it the text takes.
LineLayout single_layout(double aspect_ratio, const Size& least) {
  const double ratio = std::max(static_cast<double>(least.width) / least.height, aspect_ratio);
  const double width = std::trunc(least.height * ratio);
  if (width > kMaxWidth) return {kMaxWidth, kMaxWidth};
  const double text_width = std::min(width, std::ceil(least.height * aspect_ratio));
  return {static_cast<int>(text_width), static_cast<int>(width)};
}

// The aspect ratio of what the network sees of a line.
double seen_ratio(double aspect_ratio, const Size& least) {
  return std::min(aspect_ratio, kMaxWidth / static_cast<double>(least.height));
}

// Sets the shares of lines of one width.
void share_width(const std::vector<double>& aspect_ratios, const std::vector<std::size_t>& group,
                 const Size& least, std::vector<LineLayout>& layouts) {
  double widest = static_cast<double>(least.width) / least.height;
  for (const std::size_t i : group) {
    widest = std::max(widest, seen_ratio(aspect_ratios[i], least));
  }
  for (const std::size_t i : group) {
    layouts[i].share = seen_ratio(aspect_ratios[i], least) / widest;
  }
}

std::vector<std::size_t> ascending(const std::vector<double>& aspect_ratios) {
  std::vector<std::size_t> order(aspect_ratios.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return aspect_ratios[a] < aspect_ratios[b];
  });
  return order;
}

}  // namespace

LineLayouts line_layouts(const std::vector<LineCrop>& crops, const RecognitionParams& params) {
  std::vector<double> aspect_ratios;
  aspect_ratios.reserve(crops.size());
  for (const LineCrop& crop : crops) aspect_ratios.push_back(crop.aspect_ratio());
  return line_layouts(aspect_ratios, params);
}

LineLayouts line_layouts(const std::vector<double>& aspect_ratios,
                         const RecognitionParams& params) {
  LineLayouts result;
  result.lines.reserve(aspect_ratios.size());
  for (const double aspect_ratio : aspect_ratios) {
    result.lines.push_back(params.input_size
                               ? LineLayout{params.input_size->width, params.input_size->width}
                               : single_layout(aspect_ratio, params.image_size));
  }
  const auto order = ascending(aspect_ratios);
  const auto size = static_cast<std::ptrdiff_t>(std::max(params.batch_size, 1));
  for (auto begin = order.begin(); begin != order.end();) {
    const auto end = begin + std::min(size, order.end() - begin);
    auto& group = result.groups.emplace_back(begin, end);
    int width = 0;
    for (const std::size_t i : group) width = std::max(width, result.lines[i].width);
    for (const std::size_t i : group) result.lines[i].width = width;
    if (!params.input_size) share_width(aspect_ratios, group, params.image_size, result.lines);
    begin = end;
  }
  return result;
}

ShortenedLayout shortened(const LineLayout& layout, const OmissionRule& rule) {
  if (rule.step < 1) return {layout.width, {}};
  const int at = (layout.text_width + rule.margin + rule.step - 1) / rule.step * rule.step;
  const int spare = layout.width - at - rule.margin - rule.step;
  const int omitted = spare > 0 ? spare / rule.step * rule.step : 0;
  return {layout.width - omitted, {at, omitted, layout.text_width}};
}

}  // namespace fastocr
