#include "runtime/worker_pool.h"

#include <algorithm>
#include <utility>

#include "fastocr/errors.h"

namespace fastocr {

WorkerPool::WorkerPool(int workers) {
  if (workers < 1) throw Error(ErrorKind::kInvalidOption, "at least one worker is needed");
  threads_.reserve(static_cast<std::size_t>(workers));
  for (int worker = 0; worker < workers; ++worker) {
    threads_.emplace_back([this, worker] { loop(worker); });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::run(Work& work) {
  std::unique_lock lock(mutex_);
  open_.push_back(&work);
  work_arrived_.notify_all();
  work_done_.wait(lock, [&] { return work.exhausted_ && work.running_ == 0; });
  if (work.error_) std::rethrow_exception(work.error_);
}

std::optional<WorkerPool::Claimed> WorkerPool::claim(int worker) {
  while (!open_.empty()) {
    Work* work = open_.front();
    open_.pop_front();
    const auto item = work->error_ ? std::nullopt : work->claim(worker);
    if (item) {
      ++work->running_;
      open_.push_back(work);
      return Claimed{work, *item};
    }
    work->exhausted_ = true;
    if (work->running_ == 0) work_done_.notify_all();
  }
  return std::nullopt;
}

void WorkerPool::finish(Work& work, std::exception_ptr error) {
  if (error && !work.error_) work.error_ = std::move(error);
  if (--work.running_ == 0 && work.exhausted_) work_done_.notify_all();
}

void WorkerPool::loop(int worker) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto claimed = claim(worker);
    if (!claimed) {
      if (stopping_) return;
      work_arrived_.wait(lock);
      continue;
    }
    lock.unlock();
    std::exception_ptr error;
    try {
      claimed->work->execute(worker, claimed->item);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    finish(*claimed->work, std::move(error));
  }
}

}  // namespace fastocr
