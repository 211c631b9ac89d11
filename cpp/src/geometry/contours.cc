#include <algorithm>
#include <cstring>

#include "fastocr/geometry.h"

namespace fastocr {
namespace {

// Directions in counter-clockwise order as seen on the screen, starting to the right.
constexpr int kDirections = 8;
constexpr int kDx[kDirections] = {1, 1, 0, -1, -1, -1, 0, 1};
constexpr int kDy[kDirections] = {0, -1, -1, -1, 0, 1, 1, 1};
constexpr int kRight = 0, kLeft = 4;

// States of a pixel in the label image.
constexpr std::int8_t kBackground = 0;
constexpr std::int8_t kUnvisited = 1;
constexpr std::int8_t kBorder = 2;  // on a border that has been followed
constexpr std::int8_t kRightBorder =
    -2;  // the same, with background to its right: no hole starts here

int opposite(int direction) { return direction ^ 4; }

class BorderFollower {
 public:
  BorderFollower(const std::uint8_t* mask, int width, int height)
      : width_(width), height_(height), stride_(width + 2) {
    labels_.resize(static_cast<std::size_t>(stride_) * (height + 2));
    for (int y = 0; y < height; ++y) {
      std::int8_t* out = at(0, y);
      const std::uint8_t* in = mask + static_cast<std::size_t>(y) * width;
      for (int x = 0; x < width; ++x) out[x] = in[x] != 0 ? kUnvisited : kBackground;
    }
    for (int d = 0; d < kDirections; ++d) step_[d] = kDy[d] * stride_ + kDx[d];
  }

  Contours run() {
    Contours found;
    found.offsets.push_back(0);
    for (int y = 0; y < height_; ++y) scan_row(y, found);
    return found;
  }

 private:
  std::int8_t* at(int x, int y) {
    return labels_.data() + static_cast<std::ptrdiff_t>(y + 1) * stride_ + x + 1;
  }

  // Pixels equal to their left neighbour start nothing, whatever they are: skip eight at a time.
  static int skip_equal(const std::int8_t* row, int x, int end) {
    while (x + 8 <= end) {
      std::uint64_t here, left;
      std::memcpy(&here, row + x, 8);
      std::memcpy(&left, row + x - 1, 8);
      if (here != left) break;
      x += 8;
    }
    while (x < end && row[x] == row[x - 1]) ++x;
    return x;
  }

  void scan_row(int y, Contours& found) {
    std::int8_t* row = at(0, y);
    for (int x = skip_equal(row, 0, width_ + 1); x <= width_;
         x = skip_equal(row, x + 1, width_ + 1)) {
      const std::int8_t here = row[x], left = row[x - 1];
      if (left == kBackground && here == kUnvisited) {
        follow({x, y}, row + x, kLeft, found);
      } else if (here == kBackground && left > 0) {
        follow({x - 1, y}, row + x - 1, kRight, found);
      }
    }
  }

  // Follows the border that starts at `start`, whose neighbour in direction `outside` is
  // background.
  void follow(PointI start, std::int8_t* origin, int outside, Contours& found) {
    const int last = find_clockwise(origin, outside);
    if (last < 0) {
      *origin = kRightBorder;
      found.points.push_back(start);
    } else {
      trace(start, origin, last, found);
    }
    found.offsets.push_back(found.points.size());
  }

  // First set neighbour clockwise from `from` (exclusive); -1 for an isolated pixel.
  int find_clockwise(const std::int8_t* pixel, int from) const {
    for (int i = 1; i < kDirections; ++i) {
      const int d = (from - i) & 7;
      if (pixel[step_[d]] != kBackground) return d;
    }
    return -1;
  }

  void trace(PointI point, std::int8_t* origin, int last, Contours& found) {
    const std::int8_t* const before_origin = origin + step_[last];
    std::int8_t* pixel = origin;
    int back = last;                // direction to the pixel the trace came from
    int incoming = opposite(last);  // direction of the last step
    for (;;) {
      int d = back;
      bool right_is_background = false;
      do {
        d = (d + 1) & 7;
        right_is_background |= d == kRight && pixel[step_[d]] == kBackground;
      } while (pixel[step_[d]] == kBackground);
      if (right_is_background) {
        *pixel = kRightBorder;
      } else if (*pixel == kUnvisited) {
        *pixel = kBorder;
      }
      if (d != incoming) found.points.push_back(point);
      std::int8_t* const next = pixel + step_[d];
      if (next == origin && pixel == before_origin) return;
      incoming = d;
      back = opposite(d);
      point.x += kDx[d];
      point.y += kDy[d];
      pixel = next;
    }
  }

  int width_, height_;
  int stride_;  // one background pixel around the image
  std::ptrdiff_t step_[kDirections];
  std::vector<std::int8_t> labels_;
};

Contours reversed(const Contours& contours) {
  Contours result;
  result.points.reserve(contours.points.size());
  result.offsets.reserve(contours.offsets.size());
  result.offsets.push_back(0);
  for (std::size_t k = contours.size(); k-- > 0;) {
    const auto points = contours[k];
    result.points.insert(result.points.end(), points.begin(), points.end());
    result.offsets.push_back(result.points.size());
  }
  return result;
}

}  // namespace

Contours find_contours(const std::uint8_t* mask, int width, int height) {
  return reversed(BorderFollower(mask, width, height).run());
}

}  // namespace fastocr
