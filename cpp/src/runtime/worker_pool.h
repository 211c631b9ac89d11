#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace fastocr {

// A set of items that workers take one by one.
class Work {
 public:
  virtual ~Work() = default;
  // The next item for `worker`, or nothing when all are taken. Called by one thread at a time.
  virtual std::optional<std::size_t> claim(int worker) = 0;
  // Does one item. May throw: the first exception reaches the caller of WorkerPool::run.
  virtual void execute(int worker, std::size_t item) = 0;

 private:
  friend class WorkerPool;
  int running_ = 0;
  bool exhausted_ = false;
  std::exception_ptr error_;
};

// Threads that live as long as the pool. Callers on any number of threads hand in work and wait;
// the workers serve all open works in turn, an item at a time, so that a large page does not hold
// up a small one.
class WorkerPool {
 public:
  // Throws Error(kInvalidOption) when `workers` is less than 1.
  explicit WorkerPool(int workers);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }

  // Returns when every item of `work` is done; after a failed item no further ones are begun.
  void run(Work& work);

 private:
  struct Claimed {
    Work* work;
    std::size_t item;
  };

  void loop(int worker);
  std::optional<Claimed> claim(int worker);
  void finish(Work& work, std::exception_ptr error);

  std::mutex mutex_;
  std::condition_variable work_arrived_;
  std::condition_variable work_done_;
  std::deque<Work*> open_;  // works with items that nobody has taken; the front is served next
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fastocr
