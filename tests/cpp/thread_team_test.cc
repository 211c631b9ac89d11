#include "runtime/native/thread_team.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace fastocr::native {
namespace {

// Runs one loop; false unless every item was done once, by members that exist, one item of a member
// at a time.
bool each_done_once(ThreadTeam& team, int count) {
  std::vector<std::atomic<int>> done(static_cast<std::size_t>(count));
  std::vector<std::atomic<int>> busy(static_cast<std::size_t>(team.size()));
  std::atomic<bool> fine = true;
  team.run(count, [&](int item, int member) {
    if (item < 0 || item >= count || member < 0 || member >= team.size()) {
      fine = false;
      return;
    }
    if (++busy[member] != 1) fine = false;
    ++done[item];
    --busy[member];
  });
  for (const auto& times : done) fine = fine && times == 1;
  return fine;
}

TEST_CASE("every item is done once, in thousands of tiny loops") {
  for (const int size : {1, 2, 4}) {
    CAPTURE(size);
    ThreadTeam team(size);
    CHECK(team.size() == size);
    int wrong = 0;
    for (int round = 0; round < 4000; ++round) wrong += !each_done_once(team, round % 9);
    CHECK(wrong == 0);
    CHECK(each_done_once(team, 100'000));
  }
}

TEST_CASE("what a loop wrote is there when it is over, without atomics") {
  ThreadTeam team(3);
  std::vector<int> values(64);
  for (int round = 1; round <= 3000; ++round) {
    team.run(64, [&](int item, int) { values[item] += round; });
  }
  for (const int value : values) CHECK(value == 3000 * 3001 / 2);
}

TEST_CASE("helpers that sleep wake up for the next loop") {
  ThreadTeam team(2);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    // Each item waits for the other one: alone, the caller would never end.
    std::atomic<int> arrived = 0;
    team.run(2, [&](int, int) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
    CHECK(arrived == 2);
  }
}

TEST_CASE("the caller waits for an item that a helper has begun") {
  ThreadTeam team(3);
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> arrived = 0, done = 0;
    team.run(2, [&](int, int member) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();  // one of the two is a helper's
      if (member != 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ++done;
    });
    REQUIRE(done == 2);
  }
}

TEST_CASE("more members than cores") {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  ThreadTeam team(4 * cores + 1);
  int wrong = 0;
  for (int round = 0; round < 300; ++round) wrong += !each_done_once(team, 1 + round % 40);
  CHECK(wrong == 0);
}

TEST_CASE("many teams at the same time") {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      ThreadTeam team(2);
      for (int round = 0; round < 500; ++round) wrong += !each_done_once(team, 1 + round % 5);
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("a team ends while it is idle, used or not") {
  for (int i = 0; i < 50; ++i) {
    const ThreadTeam unused(3);
    ThreadTeam used(2);
    CHECK(each_done_once(used, 4));
  }
}

TEST_CASE("a team of no size is its caller") {
  ThreadTeam team(0);
  CHECK(team.size() == 1);
  CHECK(each_done_once(team, 5));
}

#if defined(__x86_64__) || defined(__aarch64__)

// Below the range of normal floats; computed at run time.
float subnormal_product() {
  volatile float a = 1e-30F, b = 1e-10F;
  return a * b;
}

// For as long as it takes until every helper has done an item.
bool helpers_flush(ThreadTeam& team) {
  std::atomic<bool> flush = true;
  std::vector<std::atomic<bool>> seen(static_cast<std::size_t>(team.size()));
  seen[0] = true;
  const auto all_seen = [&] {
    return std::all_of(seen.begin(), seen.end(), [](const auto& one) { return one.load(); });
  };
  while (!all_seen()) {
    team.run(team.size(), [&](int, int member) {
      if (member > 0 && subnormal_product() != 0) flush = false;
      seen[member] = true;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    });
  }
  return flush;
}

TEST_CASE("subnormal numbers are zero in helpers, and for others only while it is asked for") {
  ThreadTeam team(3);
  CHECK(subnormal_product() > 0);
  {
    const FlushSubnormals flush;
    CHECK(subnormal_product() == 0);
    {
      const FlushSubnormals again;
    }
    CHECK(subnormal_product() == 0);
  }
  CHECK(subnormal_product() > 0);
  CHECK(helpers_flush(team));
  CHECK(subnormal_product() > 0);
}

#endif

}  // namespace
}  // namespace fastocr::native
