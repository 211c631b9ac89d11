#include "runtime/paddle/settings.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "fastocr/errors.h"
#include "runtime/protobuf.h"

namespace fastocr::paddle_engine {
namespace {

bool truth(const std::string& name, const std::string& value) {
  if (value == "YES") return true;
  if (value == "NO") return false;
  throw Error(ErrorKind::kInvalidOption,
              "engine_config: " + name + "=" + value + " is not allowed: a bool is expected");
}

int whole_number(const std::string& name, const std::string& value) {
  int number = 0;
  const char* end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, number);
  if (error == std::errc() && rest == end && number >= 0) return number;
  throw Error(ErrorKind::kInvalidOption, "engine_config: " + name + "=" + value +
                                             " is not allowed: a whole number is expected");
}

// How each setting is read.
using Reader = std::function<void(Settings&, const std::string& name, const std::string& value)>;

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> table{
      {"enable_mkldnn", [](auto& s, auto& n, auto& v) { s.enable_mkldnn = truth(n, v); }},
      {"mkldnn_cache_capacity",
       [](auto& s, auto& n, auto& v) { s.mkldnn_cache_capacity = whole_number(n, v); }},
      {"use_tensorrt", [](auto& s, auto& n, auto& v) { s.use_tensorrt = truth(n, v); }},
      {"min_subgraph_size",
       [](auto& s, auto& n, auto& v) { s.min_subgraph_size = whole_number(n, v); }},
      {"trt_cache_dir", [](auto& s, auto&, auto& v) { s.trt_cache_dir = v; }},
  };
  return table;
}

// Whether the bytes are a message that begins with a block, as every program does, and holds
// nothing but messages. Paddle takes a file of anything else for a program without blocks, and
// crashes.
bool is_program(const std::string& bytes) {
  constexpr std::uint64_t kBlockField = 1;
  std::optional<std::uint64_t> first;
  try {
    protobuf::Field field;
    for (protobuf::FieldReader reader(bytes); reader.next(field);) {
      if (field.wire != protobuf::Wire::kBytes) return false;
      if (!first) first = field.number;
    }
  } catch (const Error&) {
    return false;
  }
  return first == kBlockField;
}

void check_program(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!is_program(bytes)) {
    throw Error(ErrorKind::kModelFormat, "Paddle cannot read " + path + ": it holds no program");
  }
}

[[noreturn]] void reject(const std::string& why) {
  throw Error(ErrorKind::kUnsupportedOption, why);
}

void check_cpu(const Settings& settings, const std::string& precision, const ModelFiles& files) {
  if (settings.use_tensorrt) reject("use_tensorrt=True needs a GPU: pass device='gpu:0' with it");
  if (precision == "fp32") return;
  if (precision != "bf16") {
    reject("precision '" + precision +
           "' is not supported by the Paddle engine on CPUs: use 'fp32' or 'bf16'");
  }
  if (!settings.one_dnn()) {
    reject("precision 'bf16' needs oneDNN: leave out enable_mkldnn=False or use 'fp32'");
  }
  if (!files.new_representation) {
    reject("precision 'bf16' needs the network as inference.json, which is not there beside " +
           files.program + ": use 'fp32'");
  }
}

void check_gpu(const Settings& settings, const ModelOptions& options, const ModelFiles& files) {
  const std::string device = "device '" + options.device.name() + "'";
  if (options.precision != "fp32" && options.precision != "fp16") {
    reject("precision '" + options.precision + "' is not supported by the Paddle engine on " +
           device + ": use 'fp32' or 'fp16'");
  }
  if (settings.enable_mkldnn.value_or(false) || settings.mkldnn_cache_capacity) {
    reject("enable_mkldnn=True and mkldnn_cache_capacity are for CPUs: leave them out with " +
           device);
  }
  if (!settings.use_tensorrt) return;
  if (files.new_representation) {
    reject("use_tensorrt=True needs the network as inference.pdmodel, which is not there beside " +
           files.program + ": leave use_tensorrt out");
  }
  if (options.shape_ranges.size() != 1) {
    reject("use_tensorrt=True needs the shapes of the input of " + files.program +
           ", as Hpi.backend_configs.paddle_infer.trt_dynamic_shapes in inference.yml: leave "
           "use_tensorrt out");
  }
  if (settings.trt_cache_dir.empty()) reject("use_tensorrt=True needs a trt_cache_dir");
}

}  // namespace

Settings settings_of(const std::map<std::string, std::string>& properties) {
  Settings settings;
  for (const auto& [name, value] : properties) {
    const auto reader = readers().find(name);
    if (reader != readers().end()) {
      reader->second(settings, name, value);
      continue;
    }
    std::string known;
    for (const auto& entry : readers()) known += (known.empty() ? "" : ", ") + entry.first;
    throw Error(ErrorKind::kInvalidOption,
                "engine_config: the Paddle engine has no setting '" + name + "'; it has " + known);
  }
  return settings;
}

ModelFiles files_of(const std::string& path) {
  const std::filesystem::path program(path);
  const bool json = program.extension() == ".json";
  if (!json && program.extension() != ".pdmodel") {
    throw Error(ErrorKind::kModelFormat,
                path + ": the Paddle engine reads inference.json and inference.pdmodel");
  }
  std::filesystem::path parameters = program;
  parameters.replace_extension(".pdiparams");
  for (const auto& file : {program, parameters}) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) {
      throw Error(ErrorKind::kModelFormat, file.string() + " does not exist");
    }
  }
  if (!json) check_program(path);
  return {path, parameters.string(), json};
}

void check_settings(const Settings& settings, const ModelOptions& options,
                    const ModelFiles& files) {
  if (!settings.use_tensorrt && settings.min_subgraph_size != Settings::kDefaultMinSubgraphSize) {
    reject("min_subgraph_size=" + std::to_string(settings.min_subgraph_size) +
           " is for TensorRT: pass use_tensorrt=True with it or leave it out");
  }
  if (options.device.kind == "cpu") {
    check_cpu(settings, options.precision, files);
  } else {
    check_gpu(settings, options, files);
  }
}

}  // namespace fastocr::paddle_engine
