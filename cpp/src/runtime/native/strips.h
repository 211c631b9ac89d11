#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "runtime/native/step.h"

namespace fastocr::native {

// One of several steps that run strip by strip, each on what the one before has made so far.
struct ChainLink {
  ColumnWindow window;
  int width = 0;  // columns of its output
  int end = 0;    // columns to compute; if fewer than `width`, the last one stands for the others
  int begin = 0;  // the first of them
};

// A turn of one link.
struct StripMove {
  std::size_t link = 0;
  ColumnRange columns;  // of its output, to be computed; may be empty
  // Columns of its output that must lie in memory for the next link: `earlier` ones from its last
  // turn before, then `columns`, then copies of the last column up to `stop`.
  ColumnRange earlier;
  int stop = 0;
  ColumnRange kept;  // columns of its input that its next turn needs again
};

// Turns that compute these columns of the last link, from left to right, `strip` columns of the
// input at a time. The input is `width` columns wide. What a link begins with is what the next one
// needs.
std::vector<StripMove> schedule_strips(const std::vector<ChainLink>& links, int width, int strip);

// Copies of column `end` - 1 as columns `end` to `stop` - 1.
void repeat_column(const Image& image, int end, int stop);

// Runs chains of steps strip by strip, so that what lies between them stays in the processor's
// cache, however wide the images are.
class StripRunner {
 public:
  // Each step but the first reads the output of the one before; `ends` are as ChainLink::end, of
  // each step. Of the last output only the columns from `begin` on are computed. Of the run's
  // images, the input and the last output have memory.
  void run(std::span<const std::unique_ptr<Step>> steps, std::span<const int> ends, Run run,
           int begin = 0);

 private:
  void begin_turn(const StripMove& move, Image& out);
  void end_turn(const StripMove& move, const Image& in);

  Buffer strips_[2];  // for the outputs of even and odd links
  struct Kept {
    Buffer memory;
    Image image;
  };
  std::vector<Kept> kept_;  // of each link's output
};

}  // namespace fastocr::native
