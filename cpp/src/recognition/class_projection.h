#pragma once

#include <cstddef>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/memory.h"
#include "kernels/kernels.h"

namespace fastocr {

// The scores of a linear classifier from kDirections numbers a row instead of all its features: an
// approximation at half the cost, with a bound of its error. Rows and weights are projected onto
// orthonormal directions, those that hold most of the weights; of what is left over, x of a row
// and w of a class, the product is at most |x| |w| (Cauchy-Schwarz).
class ClassProjection {
 public:
  static constexpr int kDirections = 64;

  // Whether it is worth while.
  static bool suits(const LinearClassifier& classifier) {
    return classifier.features >= kDirections + kDirections / 2;
  }

  // `bias` is that of the packed classifier and has to stay alive.
  ClassProjection(const LinearClassifier& classifier, const float* bias, int blocks);

  const kernels::PackedClassifier& packed() const { return packed_; }

  // The row in these directions; returns the norm of the rest.
  float project(const float* row, float* projected) const;

  // The largest norm of what is left over of the classes of a block.
  const std::vector<float>& block_rests() const { return block_rests_; }

 private:
  void set_directions(const LinearClassifier& classifier);
  void pack(const LinearClassifier& classifier, int block);

  int features_;
  std::vector<double> directions_;  // features x kDirections
  BlockVector<float> weights_;
  std::vector<float> block_rests_;
  kernels::PackedClassifier packed_;
};

}  // namespace fastocr
