#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace fastocr {

// Deals the lines of a page to workers. Lines of one group have the same network input width, and a
// worker that changes the width pays for new kernels: so a worker stays with its group, takes the
// widest untouched group next, and only then helps with the fullest group of another.
class LineSchedule {
 public:
  // `groups`: line indices of each group, narrowest group first. With `batches`, whole groups are
  // dealt; those at the end that are fewer than the workers, in pieces for all of them.
  LineSchedule(std::vector<std::vector<std::size_t>> groups, int workers, bool batches = false);

  // Lines of one group, which stay valid as long as the schedule; none when all are dealt.
  std::span<const std::size_t> next(int worker);

 private:
  static constexpr int kNone = -1;

  int choose_group(int worker) const;
  std::size_t piece(std::size_t group) const;

  std::vector<std::vector<std::size_t>> groups_;
  std::vector<std::size_t> left_;  // of each group: how many are not yet dealt; from the back
  std::vector<int> group_of_worker_;
  int untouched_;  // groups below this index have no worker
  bool batches_;
};

}  // namespace fastocr
