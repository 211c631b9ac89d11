#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace fastocr {

// Deals the lines of a page to workers. Lines of one group have the same network input width, and a
// worker that changes the width pays for new kernels: so a worker stays with its group, takes the
// widest untouched group next, and only then helps with the fullest group of another.
class LineSchedule {
 public:
  // `groups`: line indices of each group, narrowest group first.
  LineSchedule(std::vector<std::vector<std::size_t>> groups, int workers);

  std::optional<std::size_t> next(int worker);

 private:
  static constexpr int kNone = -1;

  int choose_group(int worker);

  std::vector<std::vector<std::size_t>> groups_;  // lines not yet dealt, taken from the back
  std::vector<int> group_of_worker_;
  int untouched_;  // groups below this index have no worker
};

}  // namespace fastocr
