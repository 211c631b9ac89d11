#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "fastocr/engine.h"
#include "fastocr/geometry.h"
#include "fastocr/image.h"

namespace fastocr {

// Where the pixels of an unwarped page are in the page before: points that are spread evenly over
// the result, those of the corners on its corner pixels, and bilinear between them.
class SamplingGrid {
 public:
  // `grid` holds the x and then the y of rows x columns points, from -1 to 1 over the pixel centres
  // of the source; values beyond, also such as are not numbers, lie outside of it. Both images have
  // the size `page`. Throws Error(kInvalidInput) for an empty grid or page.
  SamplingGrid(const float* grid, int columns, int rows, Size page);

  int columns() const { return columns_; }
  int rows() const { return rows_; }
  Size page() const { return page_; }
  // The x and y of one row of points, in pixels of the source.
  const float* xs(int row) const { return points_.data() + row_offset(row); }
  const float* ys(int row) const { return xs(row) + points_.size() / 2; }

  // The place in the source that a place in the result comes from. Both are in the coordinates of
  // boxes: a pixel (x, y) reaches from there to (x + 1, y + 1). What lies outside of an image, or
  // is no number, is moved to its border.
  PointF to_source(const PointF& point) const;

 private:
  std::size_t row_offset(int row) const { return static_cast<std::size_t>(row) * columns_; }

  int columns_, rows_;
  Size page_;
  std::vector<float> points_;  // all x, then all y
};

// The source sampled at the places of a grid of its size, bilinear, with black around it. As UVDoc
// samples pixels / 255, times 255 and cut off to integers. Throws Error(kInvalidInput) where the
// sizes differ.
void sample_page(const ImageView& source, const SamplingGrid& grid, Image& result);

struct UnwarpedPage {
  Image image;
  std::optional<SamplingGrid> grid;  // none where the engine did not tell

  // SamplingGrid::to_source. Throws Error(kUnsupportedOption) when there is no grid.
  PointF to_original(const PointF& point) const;
};

// Flattens photographed pages with a UVDoc network. It maps either a page of a fixed size to a
// grid, (1, 3, h, w) to (1, 2, rows, columns), or a page of any size to the flat page, (1, 3, H, W)
// to (1, 3, H, W). A model of the second kind should be loaded with
// ModelOptions::detach_sampling: then this class does the sampling, which is faster, and the grid
// is known. Thread-safe: calls are served one after the other by a thread of its own.
class DocumentUnwarper {
 public:
  // `threads` share out the sampling of one page. Throws Error(kModelFormat) when the model is of
  // another kind, Error(kInvalidOption) when `threads` is less than 1.
  explicit DocumentUnwarper(std::shared_ptr<Model> model, int threads = 1);
  ~DocumentUnwarper();

  // Whether results have a grid.
  bool maps_coordinates() const;
  // The flat page, of the same size. Throws Error(kInvalidInput) for an empty page,
  // Error(kInference) when the engine fails.
  UnwarpedPage run(const ImageView& page);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastocr
