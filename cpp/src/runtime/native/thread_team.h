#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace fastocr::native {

// While it lives, this thread's arithmetic takes numbers below the range of normal floats, and
// results there, for zero. On some CPUs each of them costs a hundred times as much as another, and
// networks have them: weight decay leads the weights of channels that do nothing there.
class FlushSubnormals {
 public:
  FlushSubnormals();
  ~FlushSubnormals();
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  std::uint64_t before_;
};

// The caller's thread and some helpers that share out the items of one loop after the other. Made
// for loops of microseconds: helpers look for the next loop a while before they sleep, and a loop
// never waits for a helper that has not begun an item. Belongs to one caller at a time.
class ThreadTeam {
 public:
  explicit ThreadTeam(int size);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return static_cast<int>(helpers_.size()) + 1; }

  // Calls body(item, member) for every item below `count`; member is below size() and differs
  // between calls that run at the same time. `body` must not throw.
  template <typename Body>
  void run(int count, const Body& body) {
    if (count <= 0) return;
    if (helpers_.empty() || count == 1) {
      for (int i = 0; i < count; ++i) body(i, 0);
      return;
    }
    run_shared(count, [&body](int item, int member) { body(item, member); });
  }

 private:
  using Body = std::function<void(int, int)>;

  // A loop as one number, so that its parts are always read together: how many items it has, and
  // the next one to take.
  static constexpr std::uint64_t kNextBits = 32;

  void run_shared(int count, const Body& body);
  void work(int member);
  void help(int member);

  std::vector<std::thread> helpers_;
  const Body* body_ = nullptr;
  std::atomic<std::uint64_t> loop_{0};
  std::atomic<int> left_{0};
  std::atomic<unsigned> round_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace fastocr::native
