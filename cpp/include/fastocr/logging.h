#pragma once

#include <functional>
#include <string>

namespace fastocr {

// Severities carry the numbers of Python's `logging` module.
enum class LogLevel { kDebug = 10, kInfo = 20, kWarning = 30 };

using LogCallback = std::function<void(LogLevel, const std::string&)>;

// Sets the receiver of all messages of the core; an empty callback drops them. Thread-safe.
void set_log_callback(LogCallback callback);

// Hands a message to the receiver, if there is one. The core never prints. Thread-safe.
void log(LogLevel level, const std::string& message);

}  // namespace fastocr
