#include "runtime/native/thread_team.h"

namespace fastocr::native {
namespace {

// About 20 microseconds: the pause between two layers is shorter, that between two pages longer.
constexpr int kSpins = 1000;

// What each processor has of its own: the rest between two looks, and the word that rules the
// arithmetic of a thread, with the bits that take subnormal numbers for zero.
#if defined(__x86_64__)
constexpr std::uint64_t kFlush = 0x8040;  // results, and operands
void pause() { __builtin_ia32_pause(); }
std::uint64_t arithmetic() { return __builtin_ia32_stmxcsr(); }
void set_arithmetic(std::uint64_t word) { __builtin_ia32_ldmxcsr(static_cast<unsigned>(word)); }
#elif defined(__aarch64__)
constexpr std::uint64_t kFlush = 1U << 24;
void pause() { __asm__ volatile("yield"); }
std::uint64_t arithmetic() {
  std::uint64_t word;
  __asm__ volatile("mrs %0, fpcr" : "=r"(word));
  return word;
}
void set_arithmetic(std::uint64_t word) { __asm__ volatile("msr fpcr, %0" : : "r"(word)); }
#else
constexpr std::uint64_t kFlush = 0;
void pause() {}
std::uint64_t arithmetic() { return 0; }
void set_arithmetic(std::uint64_t) {}
#endif

template <typename T>
void wait_while(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

FlushSubnormals::FlushSubnormals() : before_(arithmetic()) { set_arithmetic(before_ | kFlush); }
FlushSubnormals::~FlushSubnormals() { set_arithmetic(before_); }

ThreadTeam::ThreadTeam(int size) {
  for (int member = 1; member < size; ++member) {
    helpers_.emplace_back([this, member] { help(member); });
  }
}

ThreadTeam::~ThreadTeam() {
  stopping_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadTeam::run_shared(int count, const Body& body) {
  body_ = &body;
  left_.store(count, std::memory_order_relaxed);
  loop_.store(static_cast<std::uint64_t>(count) << kNextBits, std::memory_order_release);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  work(0);
  for (int left; (left = left_.load(std::memory_order_acquire)) != 0;) wait_while(left_, left);
}

// A late helper may meet the next loop: what it takes, it takes from that one. While it has an item
// that loop cannot end, so body_ stays.
void ThreadTeam::work(int member) {
  for (;;) {
    const std::uint64_t loop = loop_.fetch_add(1, std::memory_order_acq_rel);
    const auto item = static_cast<std::uint32_t>(loop),
               count = static_cast<std::uint32_t>(loop >> kNextBits);
    if (item >= count) return;
    (*body_)(static_cast<int>(item), member);
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_all();
  }
}

void ThreadTeam::help(int member) {
  const FlushSubnormals flush;
  for (unsigned seen = 0;;) {
    wait_while(round_, seen);
    seen = round_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    work(member);
  }
}

}  // namespace fastocr::native
