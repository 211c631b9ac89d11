#pragma once

#ifndef _WIN32
#include <unistd.h>
#endif

#include <memory>
#include <optional>
#include <utility>

#include "runtime/worker_pool.h"

namespace fastocr {

// A thread that serves callers one after the other. What has a state, or all cores for itself, runs
// here: engines keep memory for each thread that ever ran a network, so it should not be the
// callers'.
class SoloThread {
 public:
  // Returns when `body` is done, or throws what it throws.
  template <typename Body>
  void run(const Body& body) {
    Call<Body> call(body);
    run_work(call);
  }
  // The same for all items of `work`.
  void run_work(Work& work) { pool_.run(work); }

 private:
  template <typename Body>
  class Call final : public Work {
   public:
    explicit Call(const Body& body) : body_(body) {}
    std::optional<std::size_t> claim(int) override {
      return std::exchange(claimed_, true) ? std::nullopt : std::optional<std::size_t>(0);
    }
    void execute(int, std::size_t) override { body_(); }

   private:
    const Body& body_;
    bool claimed_ = false;
  };

  WorkerPool pool_{1};
};

// Tells the process that made an object from its forked children. A fork copies no threads: in the
// child, waiting for those of the object to end would never end. Windows has no forks.
class ProcessMark {
 public:
#ifdef _WIN32
  bool is_here() const { return true; }
#else
  bool is_here() const { return process_ == getpid(); }

 private:
  pid_t process_ = getpid();
#endif
};

}  // namespace fastocr
