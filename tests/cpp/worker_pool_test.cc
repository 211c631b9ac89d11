#include "runtime/worker_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "testing.h"

namespace fastocr {
namespace {

// `count` items; counts how often each was done.
class CountingWork : public Work {
 public:
  using Action = std::function<void(int worker, std::size_t item)>;

  explicit CountingWork(std::size_t count, Action action = {})
      : done_(count), action_(std::move(action)) {}

  std::optional<std::size_t> claim(int) override {
    if (next_ == done_.size()) return std::nullopt;
    return next_++;
  }

  void execute(int worker, std::size_t item) override {
    if (action_) action_(worker, item);
    ++done_[item];
  }

  bool each_done_once() const {
    for (const auto& times : done_) {
      if (times != 1) return false;
    }
    return true;
  }
  std::size_t claimed() const { return next_; }

 private:
  std::size_t next_ =
      0;  // plain on purpose: the pool has to call `claim` from one thread at a time
  std::vector<std::atomic<int>> done_;
  Action action_;
};

void wait_until(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::yield();
}

TEST_CASE("a pool does every item once") {
  for (const int workers : {1, 2, 5}) {
    WorkerPool pool(workers);
    CHECK(pool.size() == workers);
    for (const std::size_t count : {0, 1, 2, 7, 500}) {
      CountingWork work(count);
      pool.run(work);
      CHECK(work.each_done_once());
      CHECK(work.claimed() == count);
    }
  }
}

TEST_CASE("a worker does one item at a time and knows its number") {
  constexpr int kWorkers = 3;
  WorkerPool pool(kWorkers);
  std::vector<std::atomic<int>> busy(kWorkers);
  std::atomic<bool> overlapped = false, out_of_range = false;
  CountingWork work(600, [&](int worker, std::size_t) {
    if (worker < 0 || worker >= kWorkers) {
      out_of_range = true;
      return;
    }
    if (++busy[worker] != 1) overlapped = true;
    std::this_thread::yield();
    --busy[worker];
  });
  pool.run(work);
  CHECK_FALSE(overlapped);
  CHECK_FALSE(out_of_range);
}

TEST_CASE("workers serve one work side by side") {
  WorkerPool pool(2);
  std::atomic<int> arrived = 0;
  CountingWork work(2, [&](int, std::size_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();  // each item waits for the other
  });
  pool.run(work);
  CHECK(work.each_done_once());
}

TEST_CASE("many callers share a pool") {
  WorkerPool pool(3);
  std::atomic<int> failures = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 12; ++caller) {
    callers.emplace_back([&, caller] {
      for (std::size_t round = 0; round < 40; ++round) {
        CountingWork work((round * 7 + static_cast<std::size_t>(caller)) % 23);
        pool.run(work);
        failures += !work.each_done_once();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(failures == 0);
}

// Has items until another work is done, within a bound that only an unfair pool reaches.
class EndlessWork final : public Work {
 public:
  EndlessWork(const std::atomic<bool>& stop, CountingWork::Action action)
      : stop_(stop), action_(std::move(action)) {}

  std::optional<std::size_t> claim(int) override {
    if (stop_ || claimed_ == kBound) return std::nullopt;
    return claimed_++;
  }
  void execute(int worker, std::size_t item) override { action_(worker, item); }

  bool reached_bound() const { return claimed_ == kBound; }

 private:
  static constexpr std::size_t kBound = 2'000'000;

  const std::atomic<bool>& stop_;
  CountingWork::Action action_;
  std::size_t claimed_ = 0;
};

TEST_CASE("open works are served in turn") {
  WorkerPool pool(1);
  std::atomic<bool> large_began = false, small_done = false;
  std::string order;  // written by the one worker only
  EndlessWork large(small_done, [&](int, std::size_t) {
    large_began = true;
    order += 'L';
  });
  CountingWork small(20, [&](int, std::size_t) { order += 's'; });
  std::thread large_caller([&] { pool.run(large); });
  wait_until(large_began);
  pool.run(small);
  small_done = true;
  large_caller.join();

  CHECK_FALSE(large.reached_bound());
  std::string wanted = "s";
  for (int i = 1; i < 20; ++i) wanted += "Ls";
  const auto first = order.find('s'), last = order.rfind('s');
  REQUIRE(first != std::string::npos);
  CHECK(order.substr(first, last - first + 1) == wanted);
}

TEST_CASE("an exception reaches the caller and ends the work") {
  WorkerPool pool(1);
  CountingWork failing(100, [](int, std::size_t item) {
    if (item == 5) throw std::runtime_error("item 5");
  });
  CHECK_THROWS_WITH_AS(pool.run(failing), "item 5", std::runtime_error);
  CHECK(failing.claimed() == 6);

  CountingWork later(50);
  pool.run(later);
  CHECK(later.each_done_once());
}

TEST_CASE("an exception may be of any type") {
  WorkerPool pool(2);
  CountingWork failing(3, [](int, std::size_t) { throw 42; });
  CHECK_THROWS_AS(pool.run(failing), int);
}

TEST_CASE("the first of several exceptions is kept") {
  WorkerPool pool(2);
  std::atomic<bool> second_began = false, first_threw = false;
  CountingWork failing(2, [&](int, std::size_t item) {
    if (item == 0) {
      wait_until(second_began);
      first_threw = true;
      throw std::runtime_error("first");
    }
    second_began = true;
    wait_until(first_threw);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    throw std::logic_error("second");
  });
  CHECK_THROWS_AS(pool.run(failing), std::exception);
}

TEST_CASE("run waits for items that are under way when another one fails") {
  WorkerPool pool(2);
  std::atomic<bool> slow_began = false, failed = false, slow_ended = false;
  CountingWork work(2, [&](int, std::size_t item) {
    if (item == 0) {
      wait_until(slow_began);
      failed = true;
      throw std::runtime_error("failed");
    }
    slow_began = true;
    wait_until(failed);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    slow_ended = true;
  });
  CHECK_THROWS_AS(pool.run(work), std::runtime_error);
  CHECK(slow_ended);  // it uses memory of the caller
}

TEST_CASE("an exception does not touch the works of other callers") {
  WorkerPool pool(2);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    const bool fails = caller % 2 == 0;
    callers.emplace_back([&, caller, fails] {
      for (int round = 0; round < 30; ++round) {
        CountingWork work(15, [&](int, std::size_t item) {
          if (fails && item == 7) throw std::runtime_error(std::to_string(caller));
        });
        try {
          pool.run(work);
          wrong += fails || !work.each_done_once();
        } catch (const std::runtime_error& error) {
          wrong += !fails || error.what() != std::to_string(caller);
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("a pool ends while it is idle, used or not") {
  for (int i = 0; i < 50; ++i) {
    const WorkerPool unused(3);
    WorkerPool used(2);
    CountingWork work(4);
    used.run(work);
  }
}

TEST_CASE("a pool without workers is refused: nobody would ever do its work") {
  CHECK(testing::thrown_kind([] { WorkerPool pool(0); }) == ErrorKind::kInvalidOption);
  CHECK(testing::thrown_kind([] { WorkerPool pool(-1); }) == ErrorKind::kInvalidOption);
}

}  // namespace
}  // namespace fastocr
