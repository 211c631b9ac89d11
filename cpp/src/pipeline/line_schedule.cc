#include "pipeline/line_schedule.h"

#include <algorithm>
#include <utility>

namespace fastocr {

LineSchedule::LineSchedule(std::vector<std::vector<std::size_t>> groups, int workers, bool batches)
    : groups_(std::move(groups)),
      group_of_worker_(static_cast<std::size_t>(workers), kNone),
      untouched_(static_cast<int>(groups_.size())),
      batches_(batches) {
  for (const auto& group : groups_) left_.push_back(group.size());
}

int LineSchedule::choose_group(int worker) const {
  const int current = group_of_worker_[worker];
  if (current != kNone && left_[current] > 0) return current;
  if (untouched_ > 0) return untouched_ - 1;
  const auto fullest = std::max_element(left_.begin(), left_.end());
  if (fullest == left_.end() || *fullest == 0) return kNone;
  return static_cast<int>(fullest - left_.begin());
}

// How many lines of a group are dealt together.
std::size_t LineSchedule::piece(std::size_t group) const {
  if (!batches_) return 1;
  const std::size_t workers = group_of_worker_.size(), last = groups_.size() % workers;
  // Groups are dealt from the back, so the first ones are what remains for too many workers.
  const std::size_t pieces = group < last ? (workers + last - 1) / last : 1;
  return (groups_[group].size() + pieces - 1) / pieces;
}

std::span<const std::size_t> LineSchedule::next(int worker) {
  const int group = choose_group(worker);
  group_of_worker_[worker] = group;
  if (group == kNone) return {};
  untouched_ = std::min(untouched_, group);
  const std::size_t count = std::min(left_[group], piece(static_cast<std::size_t>(group)));
  left_[group] -= count;
  return std::span(groups_[group]).subspan(left_[group], count);
}

}  // namespace fastocr
