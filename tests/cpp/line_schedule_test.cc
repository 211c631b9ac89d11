#include "pipeline/line_schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "testing.h"

namespace fastocr {
namespace {

using testing::random_int;
using Groups = std::vector<std::vector<std::size_t>>;

std::size_t group_of(const Groups& groups, std::size_t line) {
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (std::count(groups[g].begin(), groups[g].end(), line) > 0) return g;
  }
  return groups.size();
}

// Groups of up to `largest` lines with shuffled numbers.
Groups random_groups(std::mt19937& random, int count, int largest) {
  Groups groups(static_cast<std::size_t>(count));
  std::size_t line = 0;
  for (auto& group : groups) {
    group.resize(static_cast<std::size_t>(random_int(random, 1, largest)));
    std::iota(group.begin(), group.end(), line);
    line += group.size();
    std::shuffle(group.begin(), group.end(), random);
  }
  return groups;
}

TEST_CASE("no lines are dealt as nothing") {
  LineSchedule schedule({}, 2);
  for (const int worker : {0, 1, 0}) CHECK(schedule.next(worker).empty());
}

TEST_CASE("every line is dealt once, with lines of its group") {
  std::mt19937 random(1);
  for (int round = 0; round < 400; ++round) {
    const bool batches = round % 2 == 1;
    const int workers = random_int(random, 1, 6);
    const Groups groups = random_groups(random, random_int(random, 1, 9), 6);
    std::size_t left = 0;
    for (const auto& group : groups) left += group.size();

    LineSchedule schedule(groups, workers, batches);
    std::vector<int> dealt(left);
    while (left > 0) {
      const auto lines = schedule.next(random_int(random, 0, workers - 1));
      REQUIRE_FALSE(lines.empty());
      const std::size_t group = group_of(groups, lines[0]);
      for (const std::size_t line : lines) {
        CHECK(group_of(groups, line) == group);
        ++dealt[line];
      }
      if (!batches) CHECK(lines.size() == 1);
      if (batches && groups.size() % workers == 0) CHECK(lines.size() == groups[group].size());
      left -= lines.size();
    }
    CHECK(std::all_of(dealt.begin(), dealt.end(), [](int times) { return times == 1; }));
    for (int worker = 0; worker < workers; ++worker) CHECK(schedule.next(worker).empty());
  }
}

TEST_CASE("one worker takes group after group, the widest first") {
  const Groups groups{{4, 1}, {0, 5, 6}, {2, 3}};
  LineSchedule schedule(groups, 1);
  std::vector<std::size_t> visited;
  for (auto line = schedule.next(0); !line.empty(); line = schedule.next(0)) {
    visited.push_back(group_of(groups, line[0]));
  }
  CHECK(visited == std::vector<std::size_t>{2, 2, 1, 1, 1, 0, 0});
}

TEST_CASE("each worker starts with a group of its own") {
  const Groups groups{{0, 1}, {2, 3}, {4, 5}};
  LineSchedule schedule(groups, 3);
  CHECK(group_of(groups, schedule.next(1)[0]) == 2);
  CHECK(group_of(groups, schedule.next(0)[0]) == 1);
  CHECK(group_of(groups, schedule.next(2)[0]) == 0);
  // And stays with it.
  CHECK(group_of(groups, schedule.next(2)[0]) == 0);
  CHECK(group_of(groups, schedule.next(0)[0]) == 1);
  CHECK(group_of(groups, schedule.next(1)[0]) == 2);
}

TEST_CASE("a worker stays with its group while it has lines") {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    const int workers = random_int(random, 1, 5);
    const Groups groups = random_groups(random, random_int(random, 1, 8), 8);
    std::vector<std::size_t> left, current(static_cast<std::size_t>(workers), groups.size());
    for (const auto& group : groups) left.push_back(group.size());

    LineSchedule schedule(groups, workers);
    bool stayed = true;
    for (;;) {
      const int worker = random_int(random, 0, workers - 1);
      const auto line = schedule.next(worker);
      if (line.empty()) break;
      const std::size_t group = group_of(groups, line[0]), before = current[worker];
      if (before != groups.size() && left[before] > 0) stayed &= group == before;
      --left[group];
      current[worker] = group;
    }
    CHECK(stayed);
  }
}

TEST_CASE("a worker without a group helps with the fullest") {
  const Groups groups{{0, 1, 2}, {3, 4, 5, 6, 7}, {8}};
  LineSchedule schedule(groups, 3);
  CHECK(group_of(groups, schedule.next(0)[0]) == 2);
  CHECK(group_of(groups, schedule.next(1)[0]) == 1);
  CHECK(group_of(groups, schedule.next(2)[0]) == 0);
  // Now 2, 4 and 0 lines are left.
  CHECK(group_of(groups, schedule.next(0)[0]) == 1);
  CHECK(group_of(groups, schedule.next(0)[0]) == 1);
  CHECK(group_of(groups, schedule.next(1)[0]) == 1);
  CHECK(group_of(groups, schedule.next(1)[0]) == 1);
  CHECK(group_of(groups, schedule.next(1)[0]) == 0);
}

TEST_CASE("untouched groups come before help for others") {
  const Groups groups{{0}, {1}, {2, 3, 4, 5, 6, 7, 8}};
  LineSchedule schedule(groups, 2);
  CHECK(group_of(groups, schedule.next(0)[0]) == 2);
  CHECK(group_of(groups, schedule.next(1)[0]) == 1);
  CHECK(group_of(groups, schedule.next(1)[0]) == 0);
  CHECK(group_of(groups, schedule.next(1)[0]) == 2);
}

TEST_CASE("groups too few for all workers are dealt in pieces") {
  const auto sizes = [](const Groups& groups, int workers) {
    LineSchedule schedule(groups, workers, true);
    std::vector<std::size_t> result;
    for (int i = 0;; ++i) {
      const auto lines = schedule.next(i % workers);
      if (lines.empty()) return result;
      result.push_back(lines.size());
    }
  };
  using Sizes = std::vector<std::size_t>;
  const std::vector<std::size_t> six{0, 1, 2, 3, 4, 5}, five{6, 7, 8, 9, 10}, one{11};
  CHECK(sizes({six, five}, 2) == Sizes{5, 6});
  CHECK(sizes({five}, 2) == Sizes{3, 2});
  CHECK(sizes({one}, 2) == Sizes{1});
  CHECK(sizes({five, six, one}, 2) == Sizes{1, 6, 3, 2});
  CHECK(sizes({six, five, one}, 1) == Sizes{1, 5, 6});
  CHECK(sizes({six, five}, 4) == Sizes{3, 3, 3, 2});
  CHECK(sizes({six}, 8) == Sizes{1, 1, 1, 1, 1, 1});
}

}  // namespace
}  // namespace fastocr
