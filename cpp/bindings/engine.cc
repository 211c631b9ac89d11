#include "fastocr/engine.h"

#include <nanobind/operators.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>

#include "bindings.h"
#include "convert.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace fastocr::bindings {
namespace {

// A borrowed engine: the registry owns it for the life of the process.
struct EngineHandle {
  Engine* engine;
};

EngineHandle load(const std::string& name, const std::string& engine_library,
                  const std::string& dependency) {
  return {&load_engine(name, engine_library, dependency)};
}

std::shared_ptr<Model> load_model(const EngineHandle& handle, const std::string& path,
                                  const std::string& precision, int threads, int streams,
                                  const std::map<std::string, std::string>& properties,
                                  bool detach_classifier, const Device& device,
                                  const std::vector<ShapeRange>& shape_ranges,
                                  bool detach_sampling) {
  return handle.engine->load({path, precision, threads, streams, properties, detach_classifier,
                              device, shape_ranges, detach_sampling});
}

using InputArray = nb::ndarray<const float, nb::device::cpu, nb::c_contig>;

Array<float> run_model(Model& model, const InputArray& input) {
  Shape shape;
  for (std::size_t i = 0; i < input.ndim(); ++i) shape.push_back(to_side(input.shape(i)));
  std::vector<float> values;
  std::vector<std::size_t> sizes;
  {
    const nb::gil_scoped_release release;
    const auto request = model.create_request();
    std::memcpy(request->input(shape), input.data(), input.nbytes());
    request->run();
    const TensorView output = request->output();
    sizes.assign(output.shape.begin(), output.shape.end());
    std::size_t count = 1;
    for (const std::size_t size : sizes) count *= size;
    values.assign(output.data, output.data + count);
  }
  auto* owner = new std::vector<float>(std::move(values));
  nb::capsule capsule(owner, [](void* p) noexcept { delete static_cast<std::vector<float>*>(p); });
  return Array<float>(owner->data(), sizes.size(), sizes.data(), capsule);
}

}  // namespace

void register_engine(nb::module_& m) {
  nb::class_<EngineRequirements>(m, "EngineRequirements",
                                 "The Python package, of one of these versions, an engine needs.")
      .def_ro("engine", &EngineRequirements::engine)
      .def_ro("engine_library", &EngineRequirements::engine_library)
      .def_ro("package", &EngineRequirements::package)
      .def_ro("distributions", &EngineRequirements::distributions)
      .def_ro("versions", &EngineRequirements::versions)
      .def_ro("library_folder", &EngineRequirements::library_folder)
      .def_ro("library", &EngineRequirements::library)
      .def_ro("library_names_version", &EngineRequirements::library_names_version)
      .def_ro("missing", &EngineRequirements::missing);
  nb::class_<Device>(m, "Device", "Where a network runs.")
      .def(nb::init<std::string, int>(), "kind"_a = "cpu", "id"_a = 0,
           "`kind` is \"cpu\" or \"gpu\"; `id` tells which of several GPUs.")
      .def_ro("kind", &Device::kind)
      .def_ro("id", &Device::id)
      .def_prop_ro("name", &Device::name, "As in the parameter `device`.")
      .def(nb::self == nb::self);
  nb::class_<ShapeRange>(m, "ShapeRange", "The sizes that one input of a network will have.")
      .def(nb::init<std::string, Shape, Shape, Shape>(), "input"_a, "least"_a, "usual"_a, "most"_a)
      .def_ro("input", &ShapeRange::input)
      .def_ro("least", &ShapeRange::least)
      .def_ro("usual", &ShapeRange::usual)
      .def_ro("most", &ShapeRange::most);
  nb::class_<Model>(m, "Model", "A network with one float32 input and output, ready to run.")
      .def_prop_ro("input_shape", &Model::input_shape, "Sizes; -1 where they may change.")
      .def_prop_ro("output_shape", &Model::output_shape, "Sizes; -1 where they may change.")
      .def_prop_ro("sampling_detached", &Model::sampling_detached,
                   "Whether the output is the grid of a sampling that was left out.")
      .def("run", &run_model, "input"_a,
           "The output for one float32 input. For tests and measurements: a request is made for "
           "each call.\n\nRaises InferenceError.");
  nb::class_<EngineHandle>(m, "Engine", "A way to run networks.")
      .def("load", &load_model, "path"_a, nb::kw_only(), "precision"_a = "fp32", "threads"_a = 1,
           "streams"_a = 1, "properties"_a = std::map<std::string, std::string>{},
           "detach_classifier"_a = false, "device"_a = Device{},
           "shape_ranges"_a = std::vector<ShapeRange>{}, "detach_sampling"_a = false,
           nb::call_guard<nb::gil_scoped_release>(),
           "Loads a model file. `threads` serve all `streams` together; with "
           "`detach_classifier` the output is the input of a final linear classifier, with "
           "`detach_sampling` the grid of a final grid sampling, where the engine can.\n\nRaises "
           "ModelFormatError, UnsupportedOptionError (precision, device) or InvalidOptionError "
           "(properties).")
      .def(
          "check_device",
          [](const EngineHandle& handle, const Device& device) {
            handle.engine->check_device(device);
          },
          "device"_a,
          "Raises UnsupportedOptionError where it is known already that no network can run there.");
  m.def("engine_names", &engine_names, "The engines this build knows.");
  m.def("engine_requirements", &engine_requirements, "name"_a, nb::rv_policy::reference,
        "What the engine needs to be installed.\n\nRaises InvalidOptionError for an unknown name.");
  m.def("load_engine", &load, "name"_a, "engine_library"_a, "dependency"_a,
        nb::call_guard<nb::gil_scoped_release>(),
        "Loads an engine's shared object after the library it depends on; both by their paths.\n\n"
        "Raises EngineUnavailableError.");
}

}  // namespace fastocr::bindings
