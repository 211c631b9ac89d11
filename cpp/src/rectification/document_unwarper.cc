#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "fastocr/errors.h"
#include "fastocr/rectification.h"
#include "rectification/sampling.h"
#include "runtime/solo_thread.h"
#include "runtime/value_check.h"

namespace fastocr {
namespace {

constexpr int kGridChannels = 2;
// What UVDoc was trained with.
constexpr Size kUsualSize{488, 712};

// x / 255, as a product.
const Normalization& unit_pixels() {
  static const Normalization value =
      Normalization::from_statistics({{0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}, 1.0 / 255.0});
  return value;
}

// Cuts off, as the reference; values are from 0 to 1.
std::uint8_t to_byte(float value) {
  const float scaled = value * 255.0F;
  return scaled >= 0 ? static_cast<std::uint8_t>(std::min(scaled, 255.0F)) : std::uint8_t{0};
}

// How a network takes a page, and what it gives.
struct NetworkKind {
  bool gives_grid = false;
  std::optional<Size> input;  // the page is brought to this size; else it is taken as it is

  static NetworkKind of(const Model& model) {
    const Shape input = model.input_shape(), output = model.output_shape();
    const bool known = output.size() == 4;
    const bool takes_pages = input.size() == 4 && (input[1] == kChannels || input[1] == -1);
    const bool fixed = takes_pages && input[2] > 0 && input[3] > 0;
    if (takes_pages && known && output[1] == kGridChannels) {
      if (fixed) return {true, Size{static_cast<int>(input[3]), static_cast<int>(input[2])}};
      return {true, model.sampling_detached() ? std::nullopt : std::optional(kUsualSize)};
    }
    if (takes_pages && !fixed && (output.empty() || (known && is_image(output[1])))) return {};
    throw Error(ErrorKind::kModelFormat,
                model.path() +
                    ": not an unwarping model: it maps neither (1, 3, H, W) of any size to itself "
                    "nor (1, 3, h, w) to (1, 2, rows, columns)");
  }

 private:
  static bool is_image(std::int64_t channels) { return channels == kChannels || channels == -1; }
};

}  // namespace

class DocumentUnwarper::Impl {
 public:
  Impl(std::shared_ptr<Model> model, int threads)
      : model_(std::move(model)), kind_(NetworkKind::of(*model_)), team_(checked(threads)) {
    thread_.run([this] { request_ = model_->create_request(); });
  }

  bool made_by_this_process() const { return process_.is_here(); }
  bool maps_coordinates() const { return kind_.gives_grid; }

  UnwarpedPage run(const ImageView& page) {
    UnwarpedPage result;
    thread_.run([&] { result = unwarp(page); });
    return result;
  }

 private:
  static int checked(int threads) {
    if (threads >= 1) return threads;
    throw Error(ErrorKind::kInvalidOption,
                "threads is " + std::to_string(threads) + ": at least 1 is needed");
  }

  UnwarpedPage unwarp(const ImageView& page) {
    fill_input(page);
    request_->run();
    const TensorView output = request_->output();
    UnwarpedPage result;
    if (kind_.gives_grid) {
      result.grid = grid_of(output, page);
      sample_page(page, *result.grid, team_, result.image);
    } else {
      result.image = image_of(output, page);
    }
    return result;
  }

  void fill_input(const ImageView& page) {
    const Size size = kind_.input.value_or(Size{page.width, page.height});
    float* input = request_->input({1, kChannels, size.height, size.width});
    if (kind_.input) {
      resize_to_planes(page, size, team_, input);
    } else {
      normalize_to_planes(page, unit_pixels(), size.width, input);
    }
  }

  SamplingGrid grid_of(const TensorView& output, const ImageView& page) const {
    const Shape& shape = output.shape;
    if (shape.size() != 4 || shape[0] != 1 || shape[1] != kGridChannels || shape[2] < 1 ||
        shape[3] < 1) {
      throw Error(ErrorKind::kModelFormat, model_->path() + ": it gave no sampling grid");
    }
    check_output_values(*model_, output, kUsableNumbers);
    return {output.data,
            static_cast<int>(shape[3]),
            static_cast<int>(shape[2]),
            {page.width, page.height}};
  }

  Image image_of(const TensorView& output, const ImageView& page) const {
    if (output.shape != Shape{1, kChannels, page.height, page.width}) {
      throw Error(ErrorKind::kModelFormat, model_->path() + ": it gave no page of the same size");
    }
    check_output_values(*model_, output, kNumbers);
    Image image(page.width, page.height);
    const std::size_t plane = static_cast<std::size_t>(page.width) * page.height;
    for (int y = 0; y < page.height; ++y) {
      const float* in = output.data + static_cast<std::size_t>(y) * page.width;
      std::uint8_t* out = image.row(y);
      for (int x = 0; x < page.width; ++x) {
        for (int c = 0; c < kChannels; ++c) *out++ = to_byte(in[x + c * plane]);
      }
    }
    return image;
  }

  const ProcessMark process_;
  const std::shared_ptr<Model> model_;
  const NetworkKind kind_;
  std::unique_ptr<Request> request_;
  native::ThreadTeam team_;
  SoloThread thread_;  // last, so that it ends before what it uses
};

DocumentUnwarper::DocumentUnwarper(std::shared_ptr<Model> model, int threads)
    : impl_(std::make_unique<Impl>(std::move(model), threads)) {}

DocumentUnwarper::~DocumentUnwarper() {
  if (!impl_->made_by_this_process()) static_cast<void>(impl_.release());
}

bool DocumentUnwarper::maps_coordinates() const { return impl_->maps_coordinates(); }

UnwarpedPage DocumentUnwarper::run(const ImageView& page) {
  if (page.empty()) throw Error(ErrorKind::kInvalidInput, "an empty page cannot be unwarped");
  return impl_->run(page);
}

}  // namespace fastocr
