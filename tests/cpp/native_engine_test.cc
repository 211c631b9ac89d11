#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "fastocr/cpu.h"
#include "fastocr/engine.h"
#include "onnx_network.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::Attributes;
using testing::bytes_field;
using testing::float_field;
using testing::NetworkValue;
using testing::NetworkWriter;
using testing::number_field;
using testing::OnnxFile;
using testing::Planes;
using testing::random_int;
using testing::TemporaryFile;
using testing::thrown_kind;
using testing::varint;
using testing::Window;
using testing::with_each_isa;

constexpr Window kPoint{1, 1};
constexpr Window kThree{3, 3, 1, 1, 1, 1};
constexpr Window kHalving{3, 3, 2, 2, 1, 1};

using Values = std::vector<float>;

Engine& native() { return load_engine("native", "", ""); }

std::unique_ptr<Model> load(const std::string& path, const std::string& precision = "fp32",
                            int threads = 1, bool detach_classifier = false) {
  ModelOptions options;
  options.path = path;
  options.precision = precision;
  options.threads = threads;
  options.detach_classifier = detach_classifier;
  return native().load(options);
}

Planes random_planes(std::mt19937& random, int channels, int height, int width) {
  std::normal_distribution<float> normal;
  Planes planes(channels, height, width);
  for (double& value : planes.values) value = normal(random);
  return planes;
}

void fill_input(Request& request, const Planes& input) {
  float* to = request.input({1, input.channels, input.height, input.width});
  for (const double value : input.values) *to++ = static_cast<float>(value);
}

struct Output {
  Shape shape;
  Values values;
  bool operator==(const Output&) const = default;
};

Output output_of(Request& request) {
  const TensorView view = request.output();
  std::size_t count = 1;
  for (const std::int64_t size : view.shape) count *= static_cast<std::size_t>(size);
  return {view.shape, {view.data, view.data + count}};
}

Output run(Request& request, const Planes& input) {
  fill_input(request, input);
  request.run();
  return output_of(request);
}

Output run(Model& model, const Planes& input) { return run(*model.create_request(), input); }

enum class Form { kImage, kTokens, kScores };

// The network's own result in the shape that the engine gives it.
Output plain_output(const Planes& planes, Form form) {
  if (form == Form::kImage) {
    return {{1, planes.channels, planes.height, planes.width},
            {planes.values.begin(), planes.values.end()}};
  }
  if (form == Form::kScores) {
    return {{1, planes.channels}, {planes.values.begin(), planes.values.end()}};
  }
  Output output{{1, planes.width, planes.channels}, {}};
  for (int t = 0; t < planes.width; ++t) {
    for (int c = 0; c < planes.channels; ++c) {
      output.values.push_back(static_cast<float>(planes.at(c, 0, t)));
    }
  }
  return output;
}

// The largest difference, in parts of the largest value.
double difference(const Output& a, const Output& b) {
  if (a.shape != b.shape || a.values.size() != b.values.size()) {
    return std::numeric_limits<double>::infinity();
  }
  double largest = 0, scale = 1e-30;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double d = std::abs(static_cast<double>(a.values[i]) - b.values[i]);
    largest = d <= largest ? largest : d;  // keeps what is no number
    scale = std::max(scale, std::abs(static_cast<double>(b.values[i])));
  }
  return largest / scale;
}

constexpr double kFloatError = 1e-5;
// 16-bit products round to one part in 2^15, or in 46300 / sqrt(128) = 4100 of rows whose values
// are all alike; few layers of them lie behind each other here.
constexpr double kFixedError = 5e-4;
// 8 bits are one part in 255 of the range of a row, and in 127 of the weights.
constexpr double kByteError = 0.05;

struct Input {
  int height, width;
};

double allowed_error(const std::string& precision) {
  return precision == "fp32" ? kFloatError : precision == "int16" ? kFixedError : kByteError;
}

// Runs a network in all ways, with inputs of all these sizes.
void check_network(const NetworkWriter& writer, const NetworkValue& result,
                   const std::vector<Input>& sizes, Form form = Form::kImage) {
  const TemporaryFile file(writer.bytes(result));
  const int channels = writer.input().channels;
  std::mt19937 random(3);
  std::vector<Planes> inputs;
  std::vector<Output> wanted;
  for (const Input& size : sizes) {
    inputs.push_back(random_planes(random, channels, size.height, size.width));
    wanted.push_back(plain_output(result.compute(inputs.back()), form));
  }
  with_each_isa([&] {
    CAPTURE(active_isa());
    for (const std::string precision : {"fp32", "int16", "int8"}) {
      CAPTURE(precision);
      const auto one = load(file.path(), precision, 1), two = load(file.path(), precision, 2);
      const auto request = one->create_request(), shared = two->create_request();
      const auto shared_out = one->create_shared_request(3);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        CAPTURE(i);
        const Output output = run(*request, inputs[i]);
        CHECK(difference(output, wanted[i]) <= allowed_error(precision));
        CHECK(run(*shared, inputs[i]) == output);
        CHECK(run(*shared_out, inputs[i]) == output);
        CHECK(run(*one, inputs[i]) == output);
      }
    }
  });
}

const std::vector<Input> kSizes{{8, 12}, {2, 2}, {16, 50}, {8, 12}, {4, 4}, {32, 34}};

NetworkWriter image_writer(unsigned seed = 1) { return NetworkWriter({-1, 3, -1, -1}, seed); }

// ---- layers -------------------------------------------------------------------------------------

TEST_CASE("convolutions") {
  for (const Window& w : {kPoint, kThree, kHalving, Window{2, 2}, Window{2, 1, 2, 1},
                          Window{1, 2, 1, 2, 0, 1}, Window{5, 3, 1, 2, 2, 1}}) {
    CAPTURE(w.height);
    CAPTURE(w.width);
    for (const int channels : {1, 16, 37}) {
      NetworkWriter n = image_writer();
      const auto first = n.conv(n.input(), channels, w);
      check_network(n, first, kSizes);
      check_network(n, n.conv(first, 5, kThree), {{8, 12}, {9, 7}});
    }
  }
}

TEST_CASE("padding that the file leaves to the engine, and padding of one side") {
  const Window upper{2, 2, 1, 1, 0, 0, 1, 1, "SAME_UPPER"};
  const Window lower{2, 4, 1, 1, 1, 2, -1, -1, "SAME_LOWER"};
  for (const Window& w :
       {upper, lower, Window{3, 3, 1, 1, 1, 1, 0, 0, "SAME_UPPER"},
        Window{2, 1, 2, 1, 0, 0, 0, 0, "VALID"}, Window{3, 2, 1, 1, 0, 1, 2, -1},
        Window{2, 3, 2, 2, 1, 0, -1, 2}, Window{1, 1, 1, 1, 0, 0, 0, 0, "NOTSET"}}) {
    CAPTURE(w.height);
    CAPTURE(w.width);
    NetworkWriter n = image_writer();
    const auto x = n.relu(n.conv(n.input(), 20, w));
    const std::vector<Input> sizes{{8, 12}, {4, 4}, {16, 50}, {9, 7}};
    check_network(n, n.conv(x, 7, w), sizes);
    check_network(n, n.depthwise(x, w), sizes);
    check_network(n, n.max_pool(x, w), sizes);
  }
}

TEST_CASE("the largest values of windows") {
  for (const Window& w : {kPoint, kThree, kHalving, Window{2, 2, 2, 2}, Window{1, 3, 1, 2, 0, 2},
                          Window{4, 2, 3, 1, 3, 1}, Window{2, 2, 1, 1, 0, 0, 1, 1, "SAME_UPPER"}}) {
    CAPTURE(w.height);
    CAPTURE(w.width);
    NetworkWriter n = image_writer();
    // Values below zero only: what lies beyond the image is no zero.
    const auto x = n.with_number(n.sigmoid(n.conv(n.input(), 20, kThree)), "Add", -2);
    check_network(n, n.max_pool(x, w), {{8, 12}, {4, 4}, {16, 50}, {9, 7}});
    check_network(n, n.conv(n.concat(n.max_pool(x, kThree), x), 9, w), {{8, 12}, {4, 4}});
  }
}

TEST_CASE("GELU joins the convolution") {
  for (const bool divides : {true, false}) {
    NetworkWriter n = image_writer();
    const auto x = n.gelu(n.batch_norm(n.conv(n.input(), 18, kThree)), divides);
    check_network(n, x, kSizes);
    check_network(n, n.conv(x, 5, kPoint), kSizes);
    // What has an activation already, and what is used elsewhere, too.
    check_network(n, n.gelu(n.relu(x), divides), kSizes);
    const auto y = n.conv(x, 18, kThree);
    check_network(n, n.add(n.gelu(y, divides), y), kSizes);
  }
  NetworkWriter n({-1, 3, -1, -1});
  const auto x = n.conv(n.input(), 18, kThree);
  const NetworkValue one_node{n.file().node("Gelu", {x.name}), 18, n.gelu(x).compute};
  check_network(n, one_node, kSizes);
}

TEST_CASE("divisions by constants") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 18, kThree);
  check_network(n, n.with_number(n.relu(n.with_number(x, "Div", 3)), "Div", -0.7F), kSizes);
  check_network(n, n.add(n.with_number(x, "Div", 3), x), kSizes);
}

TEST_CASE("a convolution that ends in one channel") {
  NetworkWriter n = image_writer();
  check_network(n, n.conv(n.conv(n.input(), 20, kThree), 1, kPoint), kSizes);
  check_network(n, n.sigmoid(n.with_number(n.relu(n.conv(n.input(), 1, kThree)), "Mul", -3)),
                kSizes);
  check_network(n, n.add(n.conv(n.input(), 1, kThree), n.conv(n.input(), 1, kPoint)), kSizes);
}

TEST_CASE("batch normalisation and hard swish join the convolution") {
  NetworkWriter n = image_writer();
  auto x = n.batch_norm(n.conv(n.input(), 18, kHalving));
  x = n.multiply(x, n.hard_sigmoid(x));
  x = n.batch_norm(n.depthwise(x, kThree));
  x = n.multiply(n.hard_sigmoid(x, 0.2F), x);
  check_network(n, n.with_number(n.with_number(x, "Mul", 1.5F), "Add", -0.25F), kSizes);
}

TEST_CASE("depthwise convolutions alone and before a pointwise one") {
  for (const Window& w :
       {kThree, kHalving, Window{5, 5, 1, 1, 2, 2}, Window{5, 5, 2, 1, 2, 2},
        Window{7, 7, 1, 1, 3, 3}, Window{1, 7, 1, 1, 0, 3}, Window{9, 9, 1, 1, 4, 4}}) {
    NetworkWriter n = image_writer();
    const auto x = n.relu(n.conv(n.input(), 20, kThree));
    const auto depthwise = n.relu(n.depthwise(x, w));
    check_network(n, depthwise, kSizes);
    check_network(n, n.conv(depthwise, 40, kPoint), kSizes);
  }
}

TEST_CASE("a depthwise convolution that is used twice") {
  NetworkWriter n = image_writer();
  const auto depthwise = n.depthwise(n.conv(n.input(), 20, kThree), kThree);
  check_network(n, n.add(n.conv(depthwise, 20, kPoint), depthwise), kSizes);
}

TEST_CASE("squeeze and excitation") {
  NetworkWriter n = image_writer();
  const auto x = n.relu(n.conv(n.input(), 24, kThree));
  const auto squeezed = n.relu(n.conv(n.global_mean(x), 6, kPoint));
  const auto factors = n.hard_sigmoid(n.conv(squeezed, 24, kPoint), 0.2F);
  const auto scaled = n.multiply(x, factors);
  check_network(n, scaled, kSizes);
  check_network(n, n.add(x, scaled), kSizes);
  check_network(n, n.add(scaled, x), kSizes);
  // The mean in other words.
  for (const bool axes_as_input : {true, false}) {
    check_network(n, n.multiply(x, n.sigmoid(n.mean_of_pixels(x, axes_as_input))), kSizes);
  }
  // The product itself is used as well: what is added must not change it.
  check_network(n, n.concat(n.add(x, scaled), scaled), kSizes);
}

TEST_CASE("swish") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 17, kThree);
  check_network(n, n.multiply(x, n.sigmoid(x)), kSizes);
  const auto y = n.relu(x);
  check_network(n, n.multiply(n.sigmoid(y), y), kSizes);
}

TEST_CASE("nothing joins a convolution that is used twice") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 16, kThree);
  check_network(n, n.add(n.relu(x), x), kSizes);
  check_network(n, n.add(x, n.with_number(x, "Mul", 3)), kSizes);
  check_network(n, n.add(n.with_number(x, "Add", 3), x), kSizes);
  check_network(n, n.concat(n.sigmoid(x), x), kSizes);
  check_network(n, n.concat(n.hard_sigmoid(x), x), kSizes);
  check_network(n, n.add(x, x), kSizes);
}

TEST_CASE("nothing joins a convolution that has another name") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 16, kThree);
  // A term of zero changes nothing, so that its result is the convolution's.
  check_network(n, n.concat(n.relu(n.with_number(x, "Add", 0)), x), kSizes);
  check_network(n, n.concat(n.with_number(n.with_number(x, "Add", 0), "Mul", 2), x), kSizes);
}

TEST_CASE("an activation before and after constant factors") {
  NetworkWriter n = image_writer();
  const auto x = n.with_number(n.with_number(n.conv(n.input(), 16, kThree), "Mul", 2), "Add", 0.5F);
  const auto y = n.with_number(n.with_number(n.relu(x), "Add", -1), "Mul", -0.5F);
  check_network(n, n.relu(y), kSizes);
  check_network(n, n.hard_sigmoid(n.sigmoid(y)), kSizes);
}

TEST_CASE("images of two sizes") {
  NetworkWriter n = image_writer();
  const auto fine = n.conv(n.input(), 12, kThree);
  const auto coarse = n.relu(n.conv(fine, 12, kHalving));
  check_network(n, n.add(fine, n.upsample(coarse, 2)), kSizes);
  check_network(n, n.concat(n.upsample(n.conv(coarse, 7, kHalving), 4), fine), {{8, 12}, {16, 4}});
  check_network(n, n.upsample(fine, 3), {{2, 3}, {5, 1}});
}

// What follows an enlargement is computed before it where that costs less.
TEST_CASE("a convolution of joined images, some of them enlarged") {
  for (const int channels : {8, 21}) {
    NetworkWriter n = image_writer();
    const auto full = n.relu(n.conv(n.input(), channels, kThree));
    const auto half = n.relu(n.conv(full, channels, kHalving));
    const auto quarter = n.relu(n.conv(half, channels, kHalving));
    const auto twice = n.upsample(half, 2);
    const auto joined = n.concat(n.upsample(quarter, 4), n.concat(twice, full));
    check_network(n, n.relu(n.conv(joined, 10, kThree)), {{8, 12}, {4, 4}, {32, 36}});
    check_network(n, n.relu(n.conv(n.concat(full, twice), 10, kThree)), {{8, 12}, {2, 2}, {6, 70}});
    check_network(n, n.conv(n.concat(twice, full), 1, kThree), {{8, 12}, {2, 2}, {6, 70}});
    // All enlarged; of other sizes than full; used twice; another window.
    check_network(n, n.conv(n.concat(twice, twice), 5, kThree), {{8, 12}, {2, 2}});
    check_network(n, n.conv(n.concat(full, n.upsample(n.conv(half, 3, kPoint), 2)), 5, kThree),
                  {{8, 12}});
    const auto both = n.concat(twice, full);
    check_network(n, n.concat(n.conv(both, 5, kThree), both), {{8, 12}});
    check_network(n, n.conv(both, 5, kHalving), {{8, 12}});
  }
}

TEST_CASE("an enlargement by one changes nothing") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 8, kThree), y = n.conv(n.input(), 8, kThree);
  check_network(n, n.upsample(x, 1), kSizes);
  check_network(n, n.conv(n.concat(x, n.upsample(y, 1)), 5, kThree), kSizes);
}

TEST_CASE("a convolution of a scaled image and an enlarged one") {
  for (const bool residual : {false, true}) {
    for (const bool enlarged_first : {false, true}) {
      NetworkWriter n = image_writer();
      const auto x = n.relu(n.conv(n.input(), 6, kThree));
      const auto lateral = n.conv(x, 20, kPoint, false);
      const auto squeezed = n.relu(n.conv(n.global_mean(lateral), 5, kPoint));
      const auto scaled = n.multiply(lateral, n.hard_sigmoid(n.conv(squeezed, 20, kPoint)));
      const auto fine = residual ? n.add(lateral, scaled) : scaled;
      const auto coarse = n.upsample(n.relu(n.conv(x, 20, kHalving)), 2);
      const auto sum = enlarged_first ? n.add(coarse, fine) : n.add(fine, coarse);
      check_network(n, n.relu(n.conv(sum, 10, kThree)), {{8, 12}, {2, 2}, {14, 40}});
      check_network(n, n.add(n.conv(sum, 20, kThree), sum), {{8, 12}, {2, 2}});
    }
  }
}

TEST_CASE("joined channels of odd numbers") {
  NetworkWriter n = image_writer();
  const auto a = n.conv(n.input(), 5, kThree), b = n.conv(n.input(), 17, kThree);
  check_network(n, n.conv(n.concat(n.concat(a, b), a), 9, kThree), kSizes);
}

TEST_CASE("transposed convolutions") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 21, kHalving);
  check_network(n, n.relu(n.batch_norm(n.transposed(x, 6, 2))), kSizes);
  check_network(n, n.transposed(x, 4, 3), kSizes);
  check_network(n, n.sigmoid(n.transposed(x, 1, 2)), kSizes);
  const auto map = n.sigmoid(n.transposed(n.relu(n.transposed(x, 7, 2)), 1, 2));
  check_network(n, map, kSizes);
  check_network(n, n.conv(map, 3, kThree), kSizes);
}

TEST_CASE("average pooling drops what is left over") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 10, kThree);
  check_network(n, n.average_pool(x, 2, 2), kSizes);
  check_network(n, n.average_pool(x, 3, 2), {{7, 5}, {3, 2}});
}

TEST_CASE("deep windows, where 16-bit products differ from those of floats") {
  NetworkWriter n = image_writer();
  const auto x = n.relu(n.conv(n.relu(n.conv(n.input(), 32, kThree)), 40, kThree));
  const auto y = n.conv(n.depthwise(n.conv(x, 144, kPoint), kThree), 130, kPoint);
  const auto map = n.transposed(n.relu(n.transposed(y, 130, 2)), 1, 2);
  check_network(n, map, {{8, 12}, {9, 31}});

  const TemporaryFile file(n.bytes(map));
  std::mt19937 random(1);
  const Planes input = random_planes(random, 3, 8, 12);
  with_each_isa([&] {
    const auto exact = load(file.path()), fixed = load(file.path(), "int16");
    const bool has_fixed = active_isa() != Isa::kPortable;
    CHECK((run(*exact, input) != run(*fixed, input)) == has_fixed);
    CHECK(exact->exact() == nullptr);
    CHECK((fixed->exact() != nullptr) == has_fixed);
    const auto bytes = load(file.path(), "int8");
    CHECK(bytes->exact() == nullptr);
    CHECK((run(*bytes, input) != run(*fixed, input)) == has_fast_int8());
    if (has_fixed) CHECK(run(*fixed->exact(), input) == run(*exact, input));
  });
}

// ---- tokens -------------------------------------------------------------------------------------

// (1, 3, 4, W) > tokens of `channels` numbers, two input columns each.
NetworkValue token_network(NetworkWriter& n, int channels) {
  const auto x = n.relu(n.conv(n.input(), channels, kHalving));
  return n.tokens(n.average_pool(x, 2, 1));
}

NetworkWriter token_writer() { return NetworkWriter({-1, 3, 4, -1}, 5); }

const std::vector<Input> kWidths{{4, 2}, {4, 40}, {4, 7}, {4, 300}, {4, 40}};

TEST_CASE("tokens with layer normalisation, swish and softmax") {
  NetworkWriter n = token_writer();
  auto x = n.layer_norm(token_network(n, 24));
  check_network(n, x, kWidths, Form::kTokens);
  const auto hidden = n.dense(x, 50);
  x = n.add(n.dense(n.multiply(hidden, n.sigmoid(hidden)), 24), x);
  check_network(n, x, kWidths, Form::kTokens);
  check_network(n, n.softmax(n.dense(n.layer_norm(x), 37)), kWidths, Form::kTokens);
}

TEST_CASE("tokens with attention") {
  NetworkWriter n = token_writer();
  const auto x = n.layer_norm(token_network(n, 18));
  const auto mixed = n.attention(n.dense(x, 3 * 3 * 5), 3, 5, 0.4F);
  check_network(n, n.softmax(n.dense(n.add(n.dense(mixed, 18), x), 11)), kWidths, Form::kTokens);
}

TEST_CASE("layer normalisation with axes that come as an input") {
  NetworkWriter n = token_writer();
  check_network(n, n.layer_norm(token_network(n, 18), true), kWidths, Form::kTokens);
}

TEST_CASE("the classifier at the end can be left out") {
  NetworkWriter n = token_writer();
  const auto features = n.layer_norm(token_network(n, 24));
  const auto probabilities = n.softmax(n.dense(features, 37));
  const TemporaryFile file(n.bytes(probabilities));
  std::mt19937 random(6);
  const Planes input = random_planes(random, 3, 4, 26);
  with_each_isa([&] {
    const auto whole = load(file.path()), detached = load(file.path(), "fp32", 1, true);
    CHECK(whole->classifier() == nullptr);
    const auto classifier = detached->classifier();
    REQUIRE(classifier != nullptr);
    CHECK(classifier->features == 24);
    CHECK(classifier->classes == 37);
    const Output output = run(*detached, input);
    CHECK(difference(output, plain_output(features.compute(input), Form::kTokens)) <= kFloatError);
    Planes scores(37, 1, 13);
    for (int t = 0; t < 13; ++t) {
      for (int c = 0; c < 37; ++c) {
        scores.at(c, 0, t) = classifier->bias[c];
        for (int k = 0; k < 24; ++k) {
          scores.at(c, 0, t) +=
              static_cast<double>(output.values[t * 24 + k]) * classifier->weights[k * 37 + c];
        }
      }
    }
    NetworkWriter other({-1, 37, 1, -1});
    CHECK(difference(plain_output(other.softmax(other.input()).compute(scores), Form::kTokens),
                     run(*whole, input)) <= kFloatError);
  });
}

TEST_CASE("a network without a classifier stays whole") {
  NetworkWriter n = token_writer();
  const auto x = token_network(n, 24);
  for (const NetworkValue& output : {n.softmax(x), n.dense(x, 9), n.layer_norm(x)}) {
    const TemporaryFile file(n.bytes(output));
    const auto whole = load(file.path()), tried = load(file.path(), "fp32", 1, true);
    CHECK(tried->classifier() == nullptr);
    std::mt19937 random(7);
    const Planes input = random_planes(random, 3, 4, 10);
    CHECK(run(*whole, input) == run(*tried, input));
  }
}

// ---- classifiers --------------------------------------------------------------------------------

// A small PP-LCNet: depthwise and pointwise convolutions, the last ones weighted by channel, and
// `classes` scores of the mean of all pixels.
NetworkValue classifier_network(NetworkWriter& n, int channels, int classes) {
  auto x = n.hard_swish(n.batch_norm(n.conv(n.input(), channels, kHalving, false)));
  const auto convolve = [&](int out, const Window& w) {
    x = n.hard_swish(n.batch_norm(n.depthwise(x, w)));
    x = n.hard_swish(n.batch_norm(n.conv(x, out, kPoint, false)));
  };
  const auto weight = [&] {
    const auto squeezed = n.relu(n.conv_and_bias(n.global_mean(x), x.channels / 4, kPoint));
    x = n.multiply(x, n.hard_sigmoid(n.conv_and_bias(squeezed, x.channels, kPoint)));
  };
  convolve(2 * channels, kThree);
  convolve(2 * channels, Window{3, 3, 2, 1, 1, 1});
  convolve(8 * channels, Window{5, 5, 1, 1, 2, 2});
  x = n.hard_swish(n.batch_norm(n.depthwise(x, Window{5, 5, 2, 1, 2, 2})));
  weight();
  x = n.hard_swish(n.batch_norm(n.conv(x, 16 * channels, kPoint, false)));
  x = n.hard_swish(n.conv(n.global_mean(x), 20 * channels, kPoint, false));
  return n.softmax(n.dense(n.flat(n.with_number(x, "Mul", 0.8F)), classes), -1);
}

TEST_CASE("classifiers") {
  for (const int channels : {4, 8, 13}) {
    for (const int classes : {1, 2, 4, 17}) {
      CAPTURE(channels);
      CAPTURE(classes);
      NetworkWriter n = image_writer();
      check_network(n, classifier_network(n, channels, classes),
                    {{20, 40}, {80, 160}, {21, 43}, {1, 1}, {20, 40}, {7, 90}}, Form::kScores);
    }
  }
}

TEST_CASE("the size of a classifier's input may be part of the network") {
  NetworkWriter n({1, 3, 20, 40});
  const auto scores = classifier_network(n, 8, 2);
  check_network(n, scores, {{20, 40}}, Form::kScores);
  const TemporaryFile file(n.bytes(scores));
  const auto model = load(file.path());
  CHECK(model->input_shape() == Shape{1, 3, 20, 40});
  CHECK(model->output_shape() == Shape{1, -1});
  const auto request = model->create_request();
  for (const Shape& shape : {Shape{1, 3, 40, 20}, Shape{1, 3, 20, 41}, Shape{2, 3, 20, 40}}) {
    CHECK(thrown_kind([&] { request->input(shape); }) == ErrorKind::kInference);
  }
}

TEST_CASE("a classifier of features that are left whole") {
  NetworkWriter n = image_writer();
  const auto features = n.flat(n.global_mean(n.relu(n.conv(n.input(), 24, kHalving))));
  const TemporaryFile file(n.bytes(n.softmax(n.dense(features, 3), 1)));
  const auto model = load(file.path(), "fp32", 1, true);
  REQUIRE(model->classifier() != nullptr);
  CHECK(model->classifier()->classes == 3);
  std::mt19937 random(20);
  const Planes input = random_planes(random, 3, 9, 30);
  CHECK(difference(run(*model, input), plain_output(features.compute(input), Form::kScores)) <=
        kFloatError);
}

TEST_CASE("constants get another shape in all ways that Reshape knows") {
  for (const Shape& shape :
       {Shape{1, 18, 1, 1}, Shape{-1, 1, 1}, Shape{1, -1, 1, 1}, Shape{0, 1, 1}}) {
    NetworkWriter n = image_writer();
    const auto x = n.relu(n.conv(n.input(), 18, kThree));
    const auto product = n.conv(x, 18, kPoint);
    const auto bias = n.random_values(18, 0.3F);
    const std::string pixel =
        n.file().node("Reshape", {n.file().constant({18}, bias), n.file().integers(shape)});
    const NetworkValue sum{n.file().node("Add", {product.name, pixel}), 18,
                           [=](const Planes& input) {
                             Planes values = product.compute(input);
                             const std::size_t pixels = values.values.size() / 18;
                             for (std::size_t i = 0; i < values.values.size(); ++i) {
                               values.values[i] += bias[i / pixels];
                             }
                             return values;
                           }};
    check_network(n, sum, {{8, 12}, {2, 2}});
  }
}

// ---- omission -----------------------------------------------------------------------------------

// Random columns, then equal ones.
Planes padded_input(std::mt19937& random, int height, int text, int width) {
  Planes input = random_planes(random, 3, height, width);
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < height * width; ++i) {
      if (i % width >= text) input.at(c, i / width, i % width) = 0.25;
    }
  }
  return input;
}

Planes without_columns(const Planes& input, const OmittedColumns& omitted) {
  Planes rest(input.channels, input.height, input.width - omitted.count);
  for (int c = 0; c < rest.channels; ++c) {
    for (int y = 0; y < rest.height; ++y) {
      for (int x = 0; x < rest.width; ++x) {
        rest.at(c, y, x) = input.at(c, y, x <= omitted.at ? x : x + omitted.count);
      }
    }
  }
  return rest;
}

// The tokens of a whole input that a shortened one has too.
Output shared_tokens(const Output& whole, const OmittedColumns& omitted, int step) {
  Output rest{whole.shape, {}};
  rest.shape[1] -= omitted.count / step;
  for (std::int64_t t = 0; t < rest.shape[1]; ++t) {
    const std::int64_t from = t <= omitted.at / step ? t : t + omitted.count / step;
    const auto begin = whole.values.begin() + from * whole.shape[2];
    rest.values.insert(rest.values.end(), begin, begin + whole.shape[2]);
  }
  return rest;
}

void check_omission(Model& model, int height) {
  const OmissionRule rule = model.omission_rule();
  std::mt19937 random(8);
  const auto request = model.create_request();
  for (int round = 0; round < 20; ++round) {
    const int text = random_int(random, 1, 60);
    const int at = (text + rule.margin + rule.step - 1) / rule.step * rule.step;
    const OmittedColumns omitted{at, rule.step * random_int(random, 1, 20)};
    const int width = at + omitted.count + rule.margin + rule.step + random_int(random, 0, 9);
    CAPTURE(text);
    CAPTURE(width);
    CAPTURE(omitted.count);
    const Planes input = padded_input(random, height, text, width);
    const Output whole = run(*request, input);
    fill_input(*request, without_columns(input, omitted));
    request->omit(omitted);
    request->run();
    const Output shortened = output_of(*request);
    CHECK(difference(shortened, shared_tokens(whole, omitted, rule.step)) <= kFloatError);
    // An omission counts for one run only.
    CHECK(run(*request, input) == whole);
  }
}

// An input that ends with zeros gives the same when the engine knows.
void check_blank_end(Model& model, int height, int widest = 200, int rounds = 40) {
  std::mt19937 random(9);
  const auto request = model.create_request();
  for (int round = 0; round < rounds; ++round) {
    const int width = random_int(random, 1, widest), text = random_int(random, 0, width);
    CAPTURE(text);
    CAPTURE(width);
    Planes input = random_planes(random, 3, height, width);
    for (int c = 0; c < 3; ++c) {
      for (int i = 0; i < height * width; ++i) {
        if (i % width >= text) input.at(c, i / width, i % width) = 0;
      }
    }
    std::optional<Output> whole;
    try {
      whole = run(*request, input);
    } catch (const Error&) {  // too narrow
      continue;
    }
    fill_input(*request, input);
    request->omit({0, 0, text});
    request->run();
    CHECK(difference(output_of(*request), *whole) <= kFloatError);
    CHECK(run(*request, input) == *whole);
  }
}

// Every kind of layer that sees more than one column.
NetworkValue far_sighted(NetworkWriter& n, bool attention) {
  auto x = n.depthwise(n.relu(n.conv(n.input(), 20, kHalving)), kThree);
  const auto factors =
      n.hard_sigmoid(n.conv(n.relu(n.conv(n.global_mean(x), 6, kPoint)), 20, kPoint));
  x = n.average_pool(n.multiply(x, factors), 2, 2);
  if (attention) x = n.conv(x, 45, Window{1, 3, 1, 2, 0, 1});
  x = n.tokens(x);
  return attention ? n.dense(n.attention(x, 3, 5, 0.4F), 7) : n.dense(x, 7);
}

TEST_CASE("equal columns can be left out") {
  for (const bool attention : {false, true}) {
    CAPTURE(attention);
    NetworkWriter n = token_writer();
    const TemporaryFile file(n.bytes(far_sighted(n, attention)));
    with_each_isa([&] {
      const auto model = load(file.path(), "fp32", 2);
      CHECK(model->omission_rule().step == (attention ? 8 : 4));
      // 1 of the convolution, 2 of the depthwise one, 2 of the pooling, 4 of the last one.
      CHECK(model->omission_rule().margin == (attention ? 9 : 5));
      check_omission(*model, 4);
      check_blank_end(*model, 4);
    });
  }
}

// Blocks that look at the whole image, one behind the other, with all that keeps equal columns
// equal.
NetworkValue residual_blocks(NetworkWriter& n) {
  auto x = n.relu(n.conv(n.input(), 20, kHalving));
  const Window two{2, 2, 1, 1, 0, 0, 1, 1, "SAME_UPPER"};
  x = n.conv(n.concat(n.max_pool(x, two), n.gelu(n.conv(x, 20, two))), 20, kThree);
  for (const Window& w : {kThree, Window{3, 3, 2, 1, 1, 1}}) {
    x = n.depthwise(x, w);
    const auto factors = n.hard_sigmoid(n.conv(n.mean_of_pixels(x, false), 20, kPoint));
    x = n.multiply(x, factors);
    x = n.add(x, n.conv(n.gelu(n.conv(x, 40, kPoint)), 20, kPoint));
  }
  // A chain of steps, the second of which has a window.
  x = n.depthwise(n.conv(n.gelu(n.conv(x, 40, kPoint)), 24, kPoint), Window{1, 7, 1, 2, 0, 3});
  x = n.average_pool(n.multiply(x, n.sigmoid(n.global_mean(x))), 2, 2);
  x = n.layer_norm(n.tokens(n.add(x, n.conv(x, 24, Window{1, 3, 1, 1, 0, 1}))));
  return n.dense(n.attention(n.dense(x, 45), 3, 5, 0.4F), 7);
}

TEST_CASE("windows that see further to the right than to the left") {
  NetworkWriter n = token_writer();
  const Window two{2, 2, 1, 1, 0, 0, 1, 1, "SAME_UPPER"};
  const auto x = n.conv(n.relu(n.conv(n.input(), 20, kHalving)), 20, two);
  const auto pooled = n.max_pool(x, Window{1, 3, 1, 1, 0, 0, 0, 2});
  const TemporaryFile file(n.bytes(n.tokens(n.average_pool(pooled, 2, 1))));
  const auto model = load(file.path());
  CHECK(model->omission_rule().step == 2);
  // 1 of the first convolution, 2 of the second one, 4 of the pooling.
  CHECK(model->omission_rule().margin == 7);
  check_omission(*model, 4);
}

TEST_CASE("equal columns are computed once in every layer") {
  NetworkWriter n({-1, 3, 8, -1}, 5);
  const auto tokens = residual_blocks(n);
  check_network(n, tokens, {{8, 90}, {8, 8}, {8, 301}}, Form::kTokens);
  const TemporaryFile file(n.bytes(tokens));
  with_each_isa([&] {
    const auto model = load(file.path(), "fp32", 2);
    CHECK(model->omission_rule().step == 8);
    check_omission(*model, 8);
    check_blank_end(*model, 8, 500);
  });
}

TEST_CASE("what lies in a blank end need not be computed") {
  // First layers that see far and leave few columns, before others that need many.
  NetworkWriter n = token_writer();
  auto x = n.relu(n.conv(n.input(), 20, kHalving));
  x = n.conv(n.relu(n.depthwise(x, Window{5, 5, 1, 2, 2, 2})), 12, kPoint);
  check_network(n, n.tokens(n.average_pool(x, 2, 1)), kWidths, Form::kTokens);
  const auto factors = n.hard_sigmoid(n.conv(n.global_mean(x), 12, kPoint));
  const auto pooled = n.average_pool(n.multiply(x, factors), 2, 2);
  const auto plain = n.depthwise(n.conv(n.input(), 8, Window{3, 3, 1, 3, 1, 1}), kThree);
  for (const NetworkValue& image : {pooled, n.conv(pooled, 5, Window{1, 9}),
                                    n.average_pool(x, 2, 9), n.average_pool(plain, 4, 2)}) {
    const TemporaryFile file(n.bytes(n.tokens(image)));
    with_each_isa([&] { check_blank_end(*load(file.path(), "fp32", 2), 4); });
  }
}

// Its images are so large that a strip is about a hundred columns of the input.
NetworkValue long_chain(NetworkWriter& n) {
  auto x = n.relu(n.conv(n.input(), 32, kHalving));
  x = n.relu(n.conv(n.depthwise(x, Window{5, 5, 1, 1, 2, 2}), 256, kPoint));
  x = n.depthwise(x, Window{3, 3, 1, 2, 1, 1});
  const auto factors = n.hard_sigmoid(n.conv(n.global_mean(x), 256, kPoint));
  x = n.conv(n.multiply(x, factors), 20, kPoint);
  return n.tokens(n.average_pool(n.depthwise(x, kThree), 8, 2));
}

TEST_CASE("wide images run strip by strip") {
  NetworkWriter n({-1, 3, 16, -1}, 5);
  const auto tokens = long_chain(n);
  check_network(n, tokens, {{16, 90}, {16, 413}, {16, 8}}, Form::kTokens);
  const TemporaryFile file(n.bytes(tokens));
  with_each_isa([&] { check_blank_end(*load(file.path(), "fp32", 2), 16, 900, 8); });
}

TEST_CASE("branches of different steps share their steps' common multiple") {
  NetworkWriter n = token_writer();
  const auto x = n.conv(n.input(), 16, Window{3, 3, 1, 2, 1, 1});
  const auto mean = n.global_mean(n.conv(n.input(), 16, Window{3, 3, 1, 3, 1, 1}));
  const auto tokens = n.tokens(n.average_pool(n.multiply(x, n.sigmoid(mean)), 4, 1));
  const TemporaryFile file(n.bytes(tokens));
  const auto model = load(file.path());
  CHECK(model->omission_rule().step == 6);
}

TEST_CASE("an image has no columns to leave out") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 16, kHalving);
  for (const NetworkValue& output : {x, n.sigmoid(n.transposed(x, 1, 2)), n.upsample(x, 2)}) {
    const TemporaryFile file(n.bytes(output));
    CHECK(load(file.path())->omission_rule().step == 0);
  }
}

// ---- what the engine refuses --------------------------------------------------------------------

std::string message_of(const std::string& path, ErrorKind kind) {
  try {
    load(path);
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    return error.what();
  }
  return "";
}

// Files that cannot be loaded, with a message that names the file.
void check_refused(const std::string& bytes, const std::string& why = "") {
  const TemporaryFile file(bytes);
  const std::string message = message_of(file.path(), ErrorKind::kModelFormat);
  CAPTURE(message);
  CHECK(message.find(file.path()) != std::string::npos);
  CHECK(message.find(why) != std::string::npos);
}

TEST_CASE("files that are no networks") {
  CHECK(message_of("/nonexistent/model.onnx", ErrorKind::kModelFormat).find("/nonexistent/model") !=
        std::string::npos);
  CHECK_FALSE(message_of("/tmp", ErrorKind::kModelFormat).empty());  // a folder
  check_refused("");
  check_refused(std::string(1000, '\0'));
  check_refused(std::string(1000, '\xFF'));
  check_refused("not a network");
  std::mt19937 random(10);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(static_cast<std::size_t>(random_int(random, 1, 200)), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_int(random, 0, 255));
    check_refused(bytes);
  }
}

// A small network of most kinds of nodes.
std::string mixed_network() {
  NetworkWriter n({-1, 3, 4, -1}, 5);
  auto x = n.batch_norm(n.conv(n.input(), 6, kHalving));
  x = n.multiply(x, n.hard_sigmoid(x));
  x = n.conv(n.depthwise(x, kThree), 6, kPoint);
  x = n.multiply(x, n.sigmoid(n.conv(n.global_mean(x), 6, kPoint)));
  const Window two{2, 2, 1, 1, 0, 0, 1, 1, "SAME_UPPER"};
  x = n.add(n.gelu(n.conv(x, 6, two)), n.with_number(n.max_pool(x, two), "Div", 2));
  x = n.multiply(x, n.sigmoid(n.mean_of_pixels(x, true)));
  x = n.add(x, n.upsample(n.average_pool(x, 2, 2), 2));
  x = n.average_pool(n.concat(x, x), 2, 2);
  x = n.layer_norm(n.tokens(n.transposed(n.average_pool(x, 1, 2), 6, 1)));
  x = n.attention(n.dense(x, 12), 2, 2, 0.5F);
  return n.bytes(n.softmax(n.dense(x, 3)));
}

// Loads whatever the bytes are, and runs it if it is a network. True if it was.
bool survives(const std::string& bytes) {
  const TemporaryFile file(bytes);
  try {
    const auto model = load(file.path());
    const auto request = model->create_request();
    const Shape shape = model->input_shape();
    const int channels = static_cast<int>(shape[1]);
    if (shape[2] > 64 || shape[3] > 64) return true;
    std::mt19937 random(11);
    run(*request, random_planes(random, channels, shape[2] < 1 ? 4 : static_cast<int>(shape[2]),
                                shape[3] < 1 ? 16 : static_cast<int>(shape[3])));
    return true;
  } catch (const Error& error) {
    const bool expected =
        error.kind() == ErrorKind::kModelFormat || error.kind() == ErrorKind::kInference;
    CHECK(expected);
    return false;
  }
}

std::string small_classifier() {
  NetworkWriter n = image_writer();
  const auto x = n.relu(n.conv_and_bias(n.input(), 4, kHalving));
  return n.bytes(n.softmax(n.dense(n.flat(n.global_mean(x)), 2), 1));
}

TEST_CASE("a file that is cut off anywhere") {
  for (const std::string& bytes : {mixed_network(), small_classifier()}) {
    CHECK(survives(bytes));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      CAPTURE(length);
      CHECK_FALSE(survives(bytes.substr(0, length)));
    }
  }
}

TEST_CASE("a file with any broken byte") {
  std::mt19937 random(12);
  for (const std::string& bytes : {mixed_network(), small_classifier()}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      CAPTURE(at);
      std::string broken = bytes;
      broken[at] = static_cast<char>(random_int(random, 0, 255));
      survives(broken);
      broken[at] = static_cast<char>(bytes[at] ^ (1 << random_int(random, 0, 7)));
      survives(broken);
    }
  }
}

// A network of one node after a convolution to 16 channels.
std::string with_node(const std::string& type, const std::vector<std::string>& more_inputs,
                      const Attributes& attributes = {}) {
  NetworkWriter n = image_writer();
  std::vector<std::string> inputs{n.conv(n.input(), 16, kThree).name};
  inputs.insert(inputs.end(), more_inputs.begin(), more_inputs.end());
  return n.file().bytes(n.file().node(type, inputs, attributes));
}

// A convolution of these weights, most of which are missing if `shape` says so.
std::string with_weights(const Shape& shape, std::size_t values,
                         const Attributes& attributes = {}) {
  OnnxFile file({-1, 3, -1, -1});
  const std::string weights = file.constant(shape, Values(values, 0.5F));
  return file.bytes(file.node("Conv", {"x", weights}, attributes));
}

TEST_CASE("nodes that the engine does not know or cannot run") {
  check_refused(with_node("Tan", {}), "Tan");
  check_refused(with_node("", {}));
  check_refused(with_node("Conv", {}));
  check_refused(with_node("Add", {}));
  check_refused(with_node("MatMul", {}));
  check_refused(with_node("Softmax", {}));
  check_refused(with_node("Transpose", {}, {{"perm", Shape{0, 1, 1, 3}}}));
  check_refused(with_node("Relu", {"nowhere"}), "nowhere");
  check_refused(with_node("Relu", {"v99"}), "v99");
  for (const Shape& window : {Shape{0, 0}, Shape{2}, Shape{-1, 2}, Shape{std::int64_t{1} << 32, 1},
                              Shape{1, std::int64_t{1} << 32}}) {
    check_refused(with_node("AveragePool", {}, {{"kernel_shape", window}, {"strides", window}}));
  }
}

TEST_CASE("windows whose largest values the engine cannot take") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 32;
  const auto refused = [](const Attributes& attributes) {
    check_refused(with_node("MaxPool", {}, attributes), "MaxPool v");
  };
  refused({});
  for (const Shape& window : {Shape{0, 0}, Shape{2}, Shape{-1, 2}, Shape{kHuge, 1}}) {
    refused({{"kernel_shape", window}});
  }
  const std::pair<std::string, testing::AttributeValue> two{"kernel_shape", Shape{2, 2}};
  refused({two, {"strides", Shape{0, 1}}});
  refused({two, {"strides", Shape{1, kHuge}}});
  refused({two, {"pads", Shape{0, 2, 0, 0}}});
  refused({two, {"pads", Shape{0, -1, 0, 0}}});
  refused({two, {"dilations", Shape{2, 2}}});
  refused({two, {"ceil_mode", std::int64_t{1}}});
  refused({two, {"auto_pad", "SAME_LOWER"}, {"strides", Shape{2, 2}}});
}

TEST_CASE("means and activations that the engine cannot run") {
  for (const Shape& axes : {Shape{}, Shape{2}, Shape{1, 2}, Shape{2, 2}, Shape{2, 9}, Shape{1}}) {
    check_refused(with_node("ReduceMean", {}, {{"axes", axes}}), "ReduceMean v");
  }
  check_refused(with_node("ReduceMean", {}), "ReduceMean v");
  check_refused(with_node("ReduceMean", {}, {{"axes", Shape{2, 3}}, {"keepdims", std::int64_t{0}}}),
                "ReduceMean v");
  check_refused(with_node("Gelu", {}, {{"approximate", "tanh"}}), "Gelu v");
  check_refused(with_node("Erf", {}), "Erf");
  check_refused(with_node("Div", {}));
}

TEST_CASE("divisions and error functions at the wrong place") {
  using Make = std::function<std::string(OnnxFile&, const std::string& x)>;
  const auto refused = [](const std::string& why, const Make& make) {
    NetworkWriter n = image_writer();
    const auto x = n.conv(n.input(), 16, kThree);
    check_refused(n.file().bytes(make(n.file(), x.name)), why);
  };
  const auto number = [](OnnxFile& file, float value) { return file.constant({1}, {value}); };
  const auto error = [&](OnnxFile& file, const std::string& x) {
    return file.node("Erf", {file.node("Div", {x, number(file, std::sqrt(2.0F))})});
  };
  const auto gate = [&](OnnxFile& file, const std::string& x) {
    return file.node("Add", {error(file, x), number(file, 1)});
  };
  refused("Div v", [&](auto& f, auto& x) { return f.node("Div", {x, number(f, 0)}); });
  refused("Div v", [&](auto& f, auto& x) { return f.node("Div", {number(f, 1), x}); });
  refused("Div v", [&](auto& f, auto& x) { return f.node("Div", {x, x}); });
  refused("Erf", [&](auto& f, auto& x) { return error(f, x); });
  refused("output", [&](auto& f, auto& x) { return gate(f, x); });
  refused("Relu v", [&](auto& f, auto& x) { return f.node("Relu", {gate(f, x)}); });
  refused("Mul v", [&](auto& f, auto& x) {
    const std::string g = gate(f, x);
    return f.node("Mul", {g, g});
  });
  refused("Mul v",
          [&](auto& f, auto& x) { return f.node("Mul", {f.node("Relu", {x}), gate(f, x)}); });
  // Another divisor, another term.
  refused("Erf", [&](auto& f, auto& x) {
    const std::string e = f.node("Erf", {f.node("Div", {x, number(f, 1.5F)})});
    return f.node("Mul", {x, f.node("Add", {e, number(f, 1)})});
  });
  refused("Erf", [&](auto& f, auto& x) {
    return f.node("Mul", {x, f.node("Add", {error(f, x), number(f, 0.5F)})});
  });
}

TEST_CASE("an attention with a term that is not zero") {
  NetworkWriter n = token_writer();
  check_refused(n.bytes(n.attention(n.dense(token_network(n, 18), 45), 3, 5, 0.4F, 0.5F)),
                "not an attention");
}

TEST_CASE("convolutions that the engine cannot run") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 32;
  const Shape shape{16, 3, 3, 3};
  check_refused(with_weights(shape, 432, {{"dilations", Shape{2, 2}}}), "dilation");
  check_refused(with_weights(shape, 432, {{"strides", Shape{0, 1}}}));
  check_refused(with_weights(shape, 432, {{"strides", Shape{-1, 1}}}));
  check_refused(with_weights(shape, 432, {{"strides", Shape{kHuge, 1}}}));
  check_refused(with_weights(shape, 432, {{"strides", Shape{1, kHuge}}}));
  check_refused(with_weights(shape, 432, {{"strides", Shape{1}}}));
  check_refused(with_weights(shape, 432, {{"pads", Shape{-1, 0, 0, 0}}}));
  check_refused(with_weights(shape, 432, {{"pads", Shape{3, 0, 0, 0}}}));
  check_refused(with_weights(shape, 432, {{"pads", Shape{0, 0, 0, kHuge}}}));
  check_refused(with_weights(shape, 432, {{"pads", Shape{0, 0}}}));
  check_refused(with_weights(shape, 432, {{"group", std::int64_t{3}}}));
  check_refused(with_weights(shape, 432, {{"group", std::int64_t{0}}}));
  // Its padding would depend on the size of the image.
  check_refused(with_weights(shape, 432, {{"auto_pad", "SAME_UPPER"}, {"strides", Shape{2, 2}}}),
                "Conv v2");
  check_refused(with_weights(shape, 432, {{"auto_pad", "SAME"}}), "Conv v2");
  check_refused(with_weights(shape, 432, {{"auto_pad", "SAME_UPPER"}, {"pads", Shape{1, 1, 1, 1}}}),
                "Conv v2");
  check_refused(with_weights({16, 4, 3, 3}, 576));
  check_refused(with_weights({16, 3, 9}, 432));
  check_refused(with_weights({0, 3, 3, 3}, 0));
  check_refused(with_weights({16, 3, 0, 3}, 0));
}

TEST_CASE("tensors whose values do not fill their shape") {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  check_refused(with_weights({16, 3, 3, 3}, 431));
  check_refused(with_weights({16, 3, 3, 3}, 433));
  check_refused(with_weights({16, 3, -3, -3}, 432));
  check_refused(with_weights({-16, 3, 3, 3}, 432));
  check_refused(with_weights({kMost, 3, 3, 3}, 432));
  check_refused(with_weights({kMost, kMost, kMost, kMost}, 1));
  // Products that are right but for a multiple of 2^64.
  check_refused(with_weights({16, 3, 1, (std::int64_t{1} << 60) + 1}, 48));
  check_refused(with_weights({4, (std::int64_t{1} << 62) + 3, 1, 1}, 12));
  check_refused(with_weights({1LL << 32, 1LL << 32, 1, 1}, 0));
}

TEST_CASE("a graph with a hole") {
  OnnxFile undefined({-1, 3, -1, -1});
  check_refused(undefined.bytes("y"), "output");
  check_refused(undefined.bytes("x"));  // the input itself
  check_refused(undefined.bytes(undefined.node("Identity", {"x"})));
  for (const Shape& input : {Shape{}, Shape{-1, 3}, Shape{-1, -1, -1, -1}, Shape{-1, 17, -1, -1},
                             Shape{-1, 3, -1, std::int64_t{1} << 40}}) {
    OnnxFile file(input);
    const auto weights = file.constant({16, 3, 1, 1}, Values(48));
    check_refused(file.bytes(file.node("Conv", {"x", weights})));
  }
  // Nodes that lack their inputs, outputs, or both.
  const std::string bare = bytes_field(4, "Identity"), no_input = bare + bytes_field(2, "y");
  for (const std::string& node : {bare, no_input, bare + bytes_field(1, "x"),
                                  bytes_field(4, "Squeeze") + bytes_field(2, "y")}) {
    const std::string shape =
        bytes_field(1, number_field(1, 1)) + bytes_field(1, number_field(1, 3)) +
        bytes_field(1, number_field(1, 8)) + bytes_field(1, number_field(1, 8));
    const std::string type = bytes_field(1, number_field(1, 1) + bytes_field(2, shape));
    const std::string graph = bytes_field(1, node) +
                              bytes_field(11, bytes_field(1, "x") + bytes_field(2, type)) +
                              bytes_field(12, bytes_field(1, "y"));
    check_refused(bytes_field(7, graph));
  }
}

TEST_CASE("shapes that no image has") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  for (const Shape& shape : {Shape{kHuge, kHuge, kHuge}, Shape{-1, kHuge, kHuge}, Shape{-5, 16},
                             Shape{-1, -1, 16}, Shape{1, 1, 1, 1, 1}}) {
    NetworkWriter n = image_writer();
    const auto x = n.conv(n.input(), 16, kThree);
    check_refused(n.file().bytes(n.file().node("Reshape", {x.name, n.file().integers(shape)})));
  }
  for (const Shape& axes : {Shape{7, 7}, Shape{5, 5}, Shape{-9}, Shape{kHuge}}) {
    NetworkWriter n = token_writer();
    const auto x = token_network(n, 16);
    check_refused(n.file().bytes(n.file().node("Unsqueeze", {x.name, n.file().integers(axes)})));
    check_refused(n.file().bytes(n.file().node("Squeeze", {x.name, n.file().integers(axes)})));
  }
}

TEST_CASE("shapes that a constant cannot get") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  for (const Shape& shape : {Shape{1, 15, 1, 1}, Shape{-1, -16, 1, 1}, Shape{-4, -4}, Shape{-1, 3},
                             Shape{16, 0}, Shape{kHuge, kHuge}, Shape{}}) {
    NetworkWriter n = image_writer();
    const std::string constant = n.file().constant({16}, Values(16, 0.5F));
    const std::string other = n.file().node("Reshape", {constant, n.file().integers(shape)});
    const auto x = n.conv(n.input(), 16, kThree);
    check_refused(n.file().bytes(n.file().node("Add", {x.name, other})), "shape");
  }
  // As weights, sizes below zero would be those of memory.
  NetworkWriter n = image_writer();
  const std::string constant = n.file().constant({16, 4, 2, 2}, Values(256, 0.5F));
  const std::string weights =
      n.file().node("Reshape", {constant, n.file().integers({16, 4, -2, -2})});
  const auto x = n.conv(n.input(), 16, kThree);
  const Attributes strides{{"strides", Shape{-2, -2}}};
  check_refused(n.file().bytes(n.file().node("ConvTranspose", {x.name, weights}, strides)),
                "Reshape v");
}

TEST_CASE("pixels that would become channels, and scores of more than one pixel") {
  NetworkWriter pixels = image_writer();
  check_refused(pixels.bytes(pixels.flat(pixels.conv(pixels.input(), 8, kHalving))),
                "it reorders pixels");
  // One pixel for the sides that stand for any, more of larger images.
  NetworkWriter n = image_writer();
  const TemporaryFile file(
      n.bytes(n.flat(n.average_pool(n.conv(n.input(), 8, kHalving), 32, 224))));
  const auto request = load(file.path())->create_request();
  std::mt19937 random(21);
  CHECK(run(*request, random_planes(random, 3, 64, 448)).shape == Shape{1, 8});
  for (const auto& [height, width] : {Input{64, 896}, Input{128, 448}, Input{128, 896}}) {
    CHECK(thrown_kind([&] { request->input({1, 3, height, width}); }) == ErrorKind::kInference);
  }
}

TEST_CASE("enlargements that are not by whole pixels") {
  const Values scales{1, 1, 2, 2};
  const auto resized = [](const Values& factors, const std::string& nearest,
                          const std::string& coordinates) {
    NetworkWriter n = image_writer();
    const auto x = n.conv(n.input(), 16, kThree);
    const Attributes attributes{{"mode", "nearest"},
                                {"nearest_mode", nearest},
                                {"coordinate_transformation_mode", coordinates}};
    return n.file().bytes(n.file().node(
        "Resize", {x.name, "", n.file().constant({std::ssize(factors)}, factors)}, attributes));
  };
  CHECK(survives(resized(scales, "floor", "asymmetric")));
  CHECK(survives(resized(scales, "round_prefer_floor", "half_pixel")));
  // Half a pixel before: floor and ceil then take one pixel in two from the wrong side.
  check_refused(resized(scales, "floor", "half_pixel"));
  check_refused(resized(scales, "ceil", "half_pixel"));
  check_refused(resized(scales, "round_prefer_floor", "asymmetric"));
  for (const Values& factors :
       {Values{1, 1, 2, 3}, Values{1, 2, 2, 2}, Values{1, 1, 0.5F, 0.5F}, Values{1, 1, 1.5F, 1.5F},
        Values{2, 2}, Values{1, 1, std::nanf(""), std::nanf("")}, Values{1, 1, 1e9F, 1e9F}}) {
    check_refused(resized(factors, "floor", "asymmetric"));
  }
}

TEST_CASE("a value that nothing uses does no harm") {
  NetworkWriter n = image_writer();
  const auto x = n.conv(n.input(), 16, kThree);
  n.depthwise(x, kThree);
  n.relu(x);
  check_network(n, n.conv(x, 4, kThree), kSizes);
}

TEST_CASE("options that the engine does not have") {
  NetworkWriter n = image_writer();
  const TemporaryFile file(n.bytes(n.conv(n.input(), 4, kThree)));
  for (const std::string precision : {"fp16", "bf16", "int4", ""}) {
    CHECK(thrown_kind([&] { load(file.path(), precision); }) == ErrorKind::kUnsupportedOption);
  }
  ModelOptions options;
  options.path = file.path();
  options.properties["NUM_STREAMS"] = "1";
  CHECK(thrown_kind([&] { native().load(options); }) == ErrorKind::kInvalidOption);
}

TEST_CASE("inputs of other shapes than the network's") {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  NetworkWriter n = token_writer();
  const TemporaryFile file(n.bytes(n.softmax(token_network(n, 24))));
  const auto model = load(file.path());
  CHECK(model->input_shape() == Shape{1, 3, 4, -1});
  CHECK(model->path() == file.path());
  const auto request = model->create_request();
  CHECK(thrown_kind([&] { request->run(); }) == ErrorKind::kInference);  // no input yet
  for (const Shape& shape :
       {Shape{}, Shape{1, 3, 4}, Shape{2, 3, 4, 8}, Shape{1, 4, 4, 8}, Shape{1, 3, 5, 8},
        Shape{1, 3, 4, 0}, Shape{1, 3, 4, -1}, Shape{1, 3, 4, kMost}, Shape{1, 3, 4, kMost - 2},
        Shape{1, 3, 4, std::int64_t{1} << 40}, Shape{1, 3, 4, 8, 1}}) {
    CHECK(thrown_kind([&] { request->input(shape); }) == ErrorKind::kInference);
  }
  std::mt19937 random(13);
  CHECK(run(*request, random_planes(random, 3, 4, 8)).shape == Shape{1, 4, 24});
}

TEST_CASE("inputs whose sides do not fit the network") {
  NetworkWriter n = image_writer();
  const auto fine = n.conv(n.input(), 12, kThree);
  const auto coarse = n.upsample(n.conv(fine, 12, kHalving), 2);
  for (const NetworkValue& output :
       {n.add(fine, coarse), n.concat(coarse, fine),
        n.average_pool(n.average_pool(fine, 8, 8), 4, 4), n.conv(fine, 4, Window{31, 1})}) {
    const TemporaryFile file(n.bytes(output));
    const auto request = load(file.path())->create_request();
    CHECK(thrown_kind([&] { request->input({1, 3, 7, 9}); }) == ErrorKind::kInference);
    CHECK(thrown_kind([&] { request->input({1, 3, 1, 1}); }) == ErrorKind::kInference);
    CHECK(thrown_kind([&] { request->input({1, 3, 1 << 30, 1 << 30}); }) == ErrorKind::kInference);
    CHECK_FALSE(thrown_kind([&] { request->input({1, 3, 32, 64}); }).has_value());
  }
}

TEST_CASE("tokens come of one row of pixels") {
  NetworkWriter n({-1, 3, -1, -1});
  // One row for the heights from 32 on, two from 64 on.
  const TemporaryFile file(
      n.bytes(n.tokens(n.average_pool(n.conv(n.input(), 8, kHalving), 32, 1))));
  const auto model = load(file.path());
  const auto request = model->create_request();
  std::mt19937 random(14);
  CHECK(run(*request, random_planes(random, 3, 64, 8)).shape == Shape{1, 4, 8});
  CHECK(thrown_kind([&] { request->input({1, 3, 128, 8}); }) == ErrorKind::kInference);
}

TEST_CASE("requests of one model do not touch each other and outlive it") {
  NetworkWriter n = image_writer();
  const auto output = n.conv(n.relu(n.conv(n.input(), 20, kThree)), 5, kThree);
  const TemporaryFile file(n.bytes(output));
  auto model = load(file.path());
  const auto a = model->create_request(), b = model->create_request();
  model.reset();
  std::mt19937 random(15);
  const Planes first = random_planes(random, 3, 9, 14), second = random_planes(random, 3, 20, 3);
  fill_input(*a, first);
  fill_input(*b, second);
  a->run();
  b->run();
  CHECK(difference(output_of(*a), plain_output(output.compute(first), Form::kImage)) <=
        kFloatError);
  CHECK(difference(output_of(*b), plain_output(output.compute(second), Form::kImage)) <=
        kFloatError);
  // Run again without a new input, and with more sizes than the engine keeps plans of.
  for (int width = 1; width <= 300; ++width) b->input({1, 3, 1, width});
  a->run();
  CHECK(difference(output_of(*a), plain_output(output.compute(first), Form::kImage)) <=
        kFloatError);
  CHECK(difference(run(*b, second), plain_output(output.compute(second), Form::kImage)) <=
        kFloatError);
}

}  // namespace
}  // namespace fastocr
