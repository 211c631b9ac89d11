#include "fastocr/document.h"

#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <utility>

#include "bindings.h"
#include "convert.h"
#include "fastocr/errors.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

using ChannelValues = std::array<double, kChannels>;

void init_classifier_params(ClassifierParams* params, const std::pair<int, int>& size,
                            const std::optional<int>& resize_short, const ChannelValues& mean,
                            const ChannelValues& std, double scale, int classes) {
  new (params)
      ClassifierParams{{size.first, size.second}, resize_short, {mean, std, scale}, classes};
}

std::vector<float> classify(ImageClassifier& classifier, const ImageArray& image) {
  const ImageView view = to_view(image);
  const nb::gil_scoped_release release;
  return classifier.run(view);
}

// An image that lives as long as the object that holds it.
using BorrowedImage = nb::ndarray<nb::numpy, std::uint8_t, nb::shape<-1, -1, kChannels>>;

BorrowedImage borrow(Image& image, nb::handle owner) {
  return {image.row(0),
          {static_cast<std::size_t>(image.height()), static_cast<std::size_t>(image.width()),
           std::size_t{kChannels}},
          owner};
}

using GridArray = nb::ndarray<const float, nb::shape<2, -1, -1>, nb::device::cpu, nb::c_contig>;

Array<std::uint8_t> sample(const ImageArray& image, const GridArray& grid) {
  const ImageView view = to_view(image);
  Image result;
  {
    const nb::gil_scoped_release release;
    const SamplingGrid sampling(grid.data(), to_side(grid.shape(2)), to_side(grid.shape(1)),
                                {view.width, view.height});
    sample_page(view, sampling, result);
  }
  return to_array(result);
}

UnwarpedPage unwarp(DocumentUnwarper& unwarper, const ImageArray& image) {
  const ImageView view = to_view(image);
  const nb::gil_scoped_release release;
  return unwarper.run(view);
}

DocumentPage preprocess(const DocumentPreprocessor& preprocessor, const ImageArray& image,
                        bool classify, bool unwarp) {
  const ImageView view = to_view(image);
  const nb::gil_scoped_release release;
  return preprocessor.run(view, classify, unwarp);
}

std::optional<BorrowedImage> rotated(nb::handle_t<DocumentPage> self) {
  auto& page = nb::cast<DocumentPage&>(self);
  if (!page.rotated) return std::nullopt;
  return borrow(*page.rotated, self);
}

std::optional<BorrowedImage> unwarped(nb::handle_t<DocumentPage> self) {
  auto& page = nb::cast<DocumentPage&>(self);
  if (!page.unwarped) return std::nullopt;
  return borrow(page.unwarped->image, self);
}

constexpr const char* kToOriginal =
    "Places (..., 2) in pixels of the result as places in the input, float32. As in boxes, pixel "
    "(x, y) reaches from there to (x + 1, y + 1). What is outside of an image, or no number, is "
    "moved to its border.\n\nRaises UnsupportedOptionError if an engine unwarped the page that "
    "does not tell how, InputError for another shape.";

using PointsArray = nb::ndarray<const float, nb::device::cpu, nb::c_contig>;

// Maps points of any number of dimensions, the last of which is x and y.
template <typename Map>
Array<float> map_points(const PointsArray& points, const Map& map) {
  const std::size_t dimensions = points.ndim();
  if (dimensions == 0 || points.shape(dimensions - 1) != 2) {
    throw Error(ErrorKind::kInvalidInput, "points are given as an array of the shape (..., 2)");
  }
  std::vector<std::size_t> shape;
  for (std::size_t i = 0; i < dimensions; ++i) shape.push_back(points.shape(i));
  auto values = std::make_unique<std::vector<float>>(points.size());
  {
    const nb::gil_scoped_release release;
    for (std::size_t i = 0; i < values->size(); i += 2) {
      const PointF result = map(PointF{points.data()[i], points.data()[i + 1]});
      (*values)[i] = result.x;
      (*values)[i + 1] = result.y;
    }
  }
  float* data = values->data();
  nb::capsule owner(values.release(),
                    [](void* p) noexcept { delete static_cast<std::vector<float>*>(p); });
  return Array<float>(data, shape.size(), shape.data(), owner);
}

Array<float> unwarped_to_original(const UnwarpedPage& page, const PointsArray& points) {
  return map_points(points, [&](const PointF& point) { return page.to_original(point); });
}

Array<float> to_original(const DocumentPage& page, const PointsArray& points) {
  return map_points(points, [&](const PointF& point) { return page.to_original(point); });
}

}  // namespace

void register_document(nb::module_& m) {
  nb::class_<ClassifierParams>(m, "ClassifierParams",
                               "How an image becomes the input of a classifier.")
      .def("__init__", &init_classifier_params, nb::kw_only(), "size"_a,
           "resize_short"_a.none() = nb::none(), "mean"_a = PixelStatistics{}.mean,
           "std"_a = PixelStatistics{}.std, "scale"_a = PixelStatistics{}.scale, "classes"_a = 0,
           "`size` is (width, height) of the network's input. With `resize_short` the image is "
           "scaled to that shorter side and `size` is cut out of its middle, else it is brought to "
           "`size`. `mean` and `std` are of R, G, B. `classes`: how many the network must have, or "
           "0.");
  nb::class_<ImageClassifier>(m, "ImageClassifier",
                              "Scores of an image's classes, safe to call from any thread.")
      .def(nb::init<std::shared_ptr<Model>, ClassifierParams>(), "model"_a, "params"_a,
           "Raises InvalidOptionError for sizes that do not fit each other, ModelFormatError for "
           "another kind of model.")
      .def("run", &classify, "image"_a.noconvert(),
           "The network's score of each class for one (H, W, 3) uint8 BGR image.\n\nRaises "
           "InputError or InferenceError.");
  m.def("sample_page", &sample, "image"_a.noconvert(), "grid"_a,
        "The (H, W, 3) uint8 image sampled at the places of a (2, rows, columns) float32 grid of x "
        "and y, from -1 to 1 over its pixel centres, with black around it; on one thread.\n\n"
        "Raises InputError for an empty image or grid.");
  nb::class_<UnwarpedPage>(m, "UnwarpedPage", "A page made flat.")
      .def_prop_ro(
          "image",
          [](nb::handle_t<UnwarpedPage> self) {
            return borrow(nb::cast<UnwarpedPage&>(self).image, self);
          },
          "(H, W, 3) uint8 BGR, of the size of the page.")
      .def("to_original", &unwarped_to_original, "points"_a, kToOriginal);
  nb::class_<DocumentUnwarper>(m, "DocumentUnwarper",
                               "Makes photographed pages flat, safe to call from any thread.")
      .def(nb::init<std::shared_ptr<Model>, int>(), "model"_a, "threads"_a = 1,
           "The model, loaded with `detach_sampling`, maps (1, 3, H, W) to itself or (1, 3, h, w) "
           "to a grid (1, 2, rows, columns); `threads` share out the sampling of a page.\n\n"
           "Raises ModelFormatError for another kind of model, InvalidOptionError for less than "
           "one thread.")
      .def_prop_ro("maps_coordinates", &DocumentUnwarper::maps_coordinates,
                   "Whether places in results can be mapped back.")
      .def("run", &unwarp, "image"_a.noconvert(),
           "Unwarps one (H, W, 3) uint8 BGR page.\n\nRaises InputError or InferenceError.");
  nb::class_<DocumentPage>(m, "DocumentPage", "A page made ready for detection.")
      .def_ro("angle", &DocumentPage::angle,
              "Degrees by which it was turned counter-clockwise: 0, 90, 180 or 270; -1 if it was "
              "not classified.")
      .def_prop_ro("rot_img", &rotated, "(H, W, 3) uint8 BGR; None if it was not turned.")
      .def_prop_ro("output_img", &unwarped,
                   "(H, W, 3) uint8 BGR, of the size before; None if it was not unwarped.")
      .def("to_original", &to_original, "points"_a, kToOriginal);
  nb::class_<DocumentPreprocessor>(m, "DocumentPreprocessor",
                                   "Turns pages upright and makes them flat, safe to call from any "
                                   "thread.")
      .def(nb::init<std::shared_ptr<ImageClassifier>, std::vector<int>,
                    std::shared_ptr<DocumentUnwarper>>(),
           "orientation"_a.none(), "angles"_a, "unwarping"_a.none(),
           "`angles` are the classes' meanings: 0, 90, 180 or 270 degrees by which an image has to "
           "be turned counter-clockwise. Either step may be None.\n\nRaises InvalidOptionError for "
           "another angle.")
      .def("run", &preprocess, "image"_a.noconvert(), nb::kw_only(), "classify"_a, "unwarp"_a,
           "Prepares one (H, W, 3) uint8 BGR page.\n\nRaises InvalidOptionError for a step that "
           "is None, ModelFormatError if the classifier has another number of classes than there "
           "are angles, InputError or InferenceError.");
}

}  // namespace fastocr::bindings
