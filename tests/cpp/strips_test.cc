#include "runtime/native/strips.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "testing.h"

namespace fastocr::native {
namespace {

using testing::random_int;

int output_width(const ColumnWindow& w, int width) {
  return (width + 2 * w.pad - w.kernel) / w.stride + 1;
}

// Links whose outputs have at least one column.
std::vector<ChainLink> random_links(std::mt19937& random, int width) {
  std::vector<ChainLink> links;
  for (int i = random_int(random, 1, 6); i > 0; --i) {
    const int kernel = random_int(random, 1, 5);
    const ColumnWindow window{kernel, random_int(random, 1, 3), random_int(random, 0, kernel - 1)};
    if (width + 2 * window.pad < kernel) continue;
    width = output_width(window, width);
    links.push_back({window, width, width});
  }
  return links;
}

// As for an input whose columns are all alike from `blank` on.
void end_early(std::vector<ChainLink>& links, int blank) {
  for (ChainLink& link : links) {
    blank = (blank + link.window.pad + link.window.stride - 1) / link.window.stride;
    link.end = std::min(blank + 1, link.width);
  }
}

// With the last link's columns from `begin` on, and what they are made of.
void begin_late(std::vector<ChainLink>& links, int begin) {
  for (auto link = links.rbegin(); link != links.rend(); ++link) {
    link->begin = begin;
    begin = std::max(0, begin * link->window.stride - link->window.pad);
  }
}

// Plays the moves with sets of columns: every column is computed once and in order, of columns that
// are in memory then, and nothing is left out.
void check_schedule(const std::vector<ChainLink>& links, int width, int strip) {
  std::vector<int> done;
  for (const ChainLink& link : links) done.push_back(link.begin);
  std::vector<ColumnRange> held(links.size()), kept(links.size());
  for (const StripMove& move : schedule_strips(links, width, strip)) {
    const ChainLink& link = links[move.link];
    REQUIRE(move.columns.begin == done[move.link]);
    REQUIRE(move.columns.count() >= 0);
    REQUIRE(move.columns.end <= link.end);
    REQUIRE(move.stop >= move.columns.end);
    REQUIRE(move.stop <= link.width);
    REQUIRE((move.stop == move.columns.end || move.columns.end == link.end));
    if (move.earlier.count() > 0) {
      REQUIRE(move.earlier.begin == kept[move.link].begin);
      REQUIRE(move.earlier.end == move.columns.begin);
    }
    if (move.link > 0) {
      REQUIRE(move.kept.begin >= held[move.link - 1].begin);
      REQUIRE(move.kept.end <= held[move.link - 1].end);
      kept[move.link - 1] = move.kept;
    }
    if (move.columns.count() == 0) continue;
    held[move.link] = {move.earlier.count() > 0 ? move.earlier.begin : move.columns.begin,
                       move.stop};
    const ColumnWindow& w = link.window;
    const int in_width = move.link == 0 ? width : links[move.link - 1].width;
    const int first = std::max(0, move.columns.begin * w.stride - w.pad);
    const int last = std::min(in_width, (move.columns.end - 1) * w.stride - w.pad + w.kernel);
    if (move.link > 0 && first < last) {
      REQUIRE(held[move.link - 1].begin <= first);
      REQUIRE(held[move.link - 1].end >= last);
    }
    done[move.link] = move.columns.end;
  }
  CHECK(done.back() == links.back().end);
}

TEST_CASE("strips cover all columns in order, of columns that are there") {
  std::mt19937 random(20);
  for (int round = 0; round < 3000; ++round) {
    const int width = random_int(random, 1, 300), strip = random_int(random, 1, 120);
    auto links = random_links(random, width);
    if (links.empty()) continue;
    CAPTURE(round);
    check_schedule(links, width, strip);
    auto late = links;
    begin_late(late, random_int(random, 0, late.back().width - 1));
    check_schedule(late, width, strip);
    end_early(links, random_int(random, 0, width));
    check_schedule(links, width, strip);
  }
}

TEST_CASE("a strip is as wide as asked for, and turns are of whole tiles") {
  const ColumnWindow three{3, 1, 1};
  const auto moves = schedule_strips({{three, 100, 100}, {three, 100, 100}}, 100, 40);
  std::vector<int> begins, counts;
  for (const StripMove& move : moves) {
    if (move.link == 0) counts.push_back(move.columns.count());
    if (move.link == 1) begins.push_back(move.columns.begin);
  }
  CHECK(counts == std::vector{32, 40, 28});
  CHECK(begins == std::vector{0, 24, 64});
}

}  // namespace
}  // namespace fastocr::native
