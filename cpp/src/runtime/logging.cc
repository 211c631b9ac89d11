#include "fastocr/logging.h"

#include <memory>
#include <mutex>
#include <utility>

namespace fastocr {
namespace {

struct Receiver {
  std::mutex mutex;
  std::shared_ptr<const LogCallback> callback;
};

Receiver& receiver() {
  static auto& instance = *new Receiver();  // threads may log while static objects are destroyed
  return instance;
}

}  // namespace

void set_log_callback(LogCallback callback) {
  auto next = callback ? std::make_shared<const LogCallback>(std::move(callback)) : nullptr;
  {
    const std::lock_guard lock(receiver().mutex);
    receiver().callback.swap(next);
  }
}

void log(LogLevel level, const std::string& message) {
  std::shared_ptr<const LogCallback> callback;
  {
    const std::lock_guard lock(receiver().mutex);
    callback = receiver().callback;
  }
  if (callback) (*callback)(level, message);
}

}  // namespace fastocr
