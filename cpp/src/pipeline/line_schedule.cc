#include "pipeline/line_schedule.h"

#include <algorithm>
#include <utility>

namespace fastocr {

LineSchedule::LineSchedule(std::vector<std::vector<std::size_t>> groups, int workers)
    : groups_(std::move(groups)),
      group_of_worker_(static_cast<std::size_t>(workers), kNone),
      untouched_(static_cast<int>(groups_.size())) {}

int LineSchedule::choose_group(int worker) {
  const int current = group_of_worker_[worker];
  if (current != kNone && !groups_[current].empty()) return current;
  if (untouched_ > 0) return --untouched_;
  const auto fullest =
      std::max_element(groups_.begin(), groups_.end(),
                       [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (fullest == groups_.end() || fullest->empty()) return kNone;
  return static_cast<int>(fullest - groups_.begin());
}

std::optional<std::size_t> LineSchedule::next(int worker) {
  const int group = choose_group(worker);
  group_of_worker_[worker] = group;
  if (group == kNone) return std::nullopt;
  const std::size_t line = groups_[group].back();
  groups_[group].pop_back();
  return line;
}

}  // namespace fastocr
