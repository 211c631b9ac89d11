#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <utility>

#include "bindings.h"
#include "convert.h"
#include "fastocr/orientation.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

using ChannelValues = std::array<double, kChannels>;

void init_classifier_params(ClassifierParams* params, const std::pair<int, int>& size,
                            const std::optional<int>& resize_short, const ChannelValues& mean,
                            const ChannelValues& std, double scale) {
  new (params) ClassifierParams{{size.first, size.second}, resize_short, {mean, std, scale}};
}

std::vector<float> classify(ImageClassifier& classifier, const ImageArray& image) {
  const ImageView view = to_view(image);
  const nb::gil_scoped_release release;
  return classifier.run(view);
}

}  // namespace

void register_document(nb::module_& m) {
  nb::class_<ClassifierParams>(m, "ClassifierParams",
                               "How an image becomes the input of a classifier.")
      .def("__init__", &init_classifier_params, nb::kw_only(), "size"_a,
           "resize_short"_a.none() = nb::none(), "mean"_a = PixelStatistics{}.mean,
           "std"_a = PixelStatistics{}.std, "scale"_a = PixelStatistics{}.scale,
           "`size` is (width, height) of the network's input. With `resize_short` the image is "
           "scaled to that shorter side and `size` is cut out of its middle, else it is brought to "
           "`size`. `mean` and `std` are of R, G, B.");
  nb::class_<ImageClassifier>(m, "ImageClassifier",
                              "Scores of an image's classes, safe to call from any thread.")
      .def(nb::init<std::shared_ptr<Model>, ClassifierParams>(), "model"_a, "params"_a,
           "Raises InvalidOptionError for sizes that do not fit each other, ModelFormatError for "
           "another kind of model.")
      .def("run", &classify, "image"_a.noconvert(),
           "The network's score of each class for one (H, W, 3) uint8 BGR image.\n\nRaises "
           "InputError or InferenceError.");
}

}  // namespace fastocr::bindings
