#include "recognition/class_projection.h"

#include <algorithm>
#include <cmath>

namespace fastocr {
namespace {

using kernels::kClassBlock;

constexpr int kDirections = ClassProjection::kDirections;
// A sample of the classes, and a few rounds, are good enough: any directions give true bounds.
constexpr int kSampledClasses = 2048;
constexpr int kRounds = 8;
// What float sums of squares may be wrong by, relative to all of them.
constexpr double kRounding = 1e-6;

double rest_norm(double all, double projected) {
  return std::sqrt(std::max(0.0, all - projected) + kRounding * all);
}

// Sums of products of the weights of two features, features x features.
std::vector<double> second_moments(const LinearClassifier& c) {
  const auto size = static_cast<std::size_t>(c.features);
  const int step = std::max(1, c.classes / kSampledClasses);
  std::vector<double> moments(size * size), column(size);
  for (int n = 0; n < c.classes; n += step) {
    for (std::size_t k = 0; k < size; ++k) column[k] = c.weights[k * c.classes + n];
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t k = 0; k < size; ++k) moments[i * size + k] += column[i] * column[k];
    }
  }
  return moments;
}

// Makes the columns of a features x kDirections matrix orthonormal (modified Gram-Schmidt). A
// column that the others make up becomes zero, which is no direction and does no harm.
void orthonormalize(std::vector<double>& columns, std::size_t features) {
  const auto product = [&](int a, int b) {
    double sum = 0;
    for (std::size_t k = 0; k < features; ++k) {
      sum += columns[k * kDirections + a] * columns[k * kDirections + b];
    }
    return sum;
  };
  for (int j = 0; j < kDirections; ++j) {
    const double before = product(j, j);
    for (int i = 0; i < j; ++i) {
      const double share = product(i, j);
      for (std::size_t k = 0; k < features; ++k) {
        columns[k * kDirections + j] -= share * columns[k * kDirections + i];
      }
    }
    const double squares = product(j, j);
    const double factor = squares > 1e-12 * before ? 1 / std::sqrt(squares) : 0;
    for (std::size_t k = 0; k < features; ++k) columns[k * kDirections + j] *= factor;
  }
}

}  // namespace

ClassProjection::ClassProjection(const LinearClassifier& classifier, const float* bias, int blocks)
    : features_(classifier.features),
      directions_(static_cast<std::size_t>(features_) * kDirections),
      weights_(static_cast<std::size_t>(blocks) * kClassBlock * kDirections, 0.0F),
      block_rests_(static_cast<std::size_t>(blocks)) {
  set_directions(classifier);
  for (int block = 0; block < blocks; ++block) pack(classifier, block);
  packed_.features = kDirections;
  packed_.blocks = blocks;
  packed_.weights = weights_.data();
  packed_.bias = bias;
}

// The main eigenvectors of the second moments, by subspace iteration.
void ClassProjection::set_directions(const LinearClassifier& classifier) {
  const auto size = static_cast<std::size_t>(features_);
  const std::vector<double> moments = second_moments(classifier);
  for (std::size_t k = 0; k < size; ++k) directions_[k * kDirections + k % kDirections] = 1;
  std::vector<double> next(directions_.size());
  for (int round = 0; round < kRounds; ++round) {
    orthonormalize(directions_, size);
    std::fill(next.begin(), next.end(), 0.0);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t k = 0; k < size; ++k) {
        const double moment = moments[i * size + k];
        for (int j = 0; j < kDirections; ++j) {
          next[i * kDirections + j] += moment * directions_[k * kDirections + j];
        }
      }
    }
    directions_.swap(next);
  }
  orthonormalize(directions_, size);
}

void ClassProjection::pack(const LinearClassifier& c, int block) {
  const int first = block * kClassBlock, count = std::min(kClassBlock, c.classes - first);
  float* const packed = weights_.data() + static_cast<std::ptrdiff_t>(first) * kDirections;
  double squares[kClassBlock] = {}, projected[kClassBlock] = {};
  for (int k = 0; k < features_; ++k) {
    const float* weights = c.weights.data() + static_cast<std::ptrdiff_t>(k) * c.classes + first;
    for (int n = 0; n < count; ++n) squares[n] += static_cast<double>(weights[n]) * weights[n];
    for (int j = 0; j < kDirections; ++j) {
      const auto share = static_cast<float>(directions_[k * kDirections + j]);
      for (int n = 0; n < count; ++n) packed[j * kClassBlock + n] += share * weights[n];
    }
  }
  for (int j = 0; j < kDirections; ++j) {
    for (int n = 0; n < count; ++n) {
      const double value = packed[j * kClassBlock + n];
      projected[n] += value * value;
    }
  }
  for (int n = 0; n < count; ++n) {
    const auto rest = static_cast<float>(rest_norm(squares[n], projected[n]));
    block_rests_[block] = std::max(block_rests_[block], rest);
  }
}

float ClassProjection::project(const float* row, float* projected) const {
  double sums[kDirections] = {}, squares = 0, found = 0;
  for (int k = 0; k < features_; ++k) {
    const double x = row[k];
    squares += x * x;
    for (int j = 0; j < kDirections; ++j) sums[j] += x * directions_[k * kDirections + j];
  }
  for (int j = 0; j < kDirections; ++j) {
    projected[j] = static_cast<float>(sums[j]);
    found += sums[j] * sums[j];
  }
  return static_cast<float>(rest_norm(squares, found));
}

}  // namespace fastocr
