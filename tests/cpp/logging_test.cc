#include "fastocr/logging.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fastocr/text_detection.h"

namespace fastocr {
namespace {

TEST_CASE("messages go to the receiver while there is one") {
  std::vector<std::pair<LogLevel, std::string>> received;
  log(LogLevel::kWarning, "nobody listens");
  set_log_callback(
      [&](LogLevel level, const std::string& message) { received.emplace_back(level, message); });
  log(LogLevel::kDebug, "one");
  log(LogLevel::kWarning, "two");
  set_log_callback({});
  log(LogLevel::kWarning, "three");
  REQUIRE(received.size() == 2);
  CHECK(received[0] == std::pair(LogLevel::kDebug, std::string("one")));
  CHECK(received[1] == std::pair(LogLevel::kWarning, std::string("two")));
}

TEST_CASE("a receiver may replace itself") {
  int calls = 0;
  set_log_callback([&](LogLevel, const std::string&) {
    ++calls;
    set_log_callback({});
  });
  log(LogLevel::kInfo, "first");
  log(LogLevel::kInfo, "second");
  CHECK(calls == 1);
}

TEST_CASE("a receiver lives until its last message is handed over") {
  std::atomic<int> calls = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([] {
      for (int k = 0; k < 500; ++k) log(LogLevel::kInfo, "message");
    });
  }
  for (int k = 0; k < 200; ++k) {
    const auto number = std::make_shared<int>(k);
    set_log_callback([&calls, number](LogLevel, const std::string&) { calls += *number >= 0; });
  }
  for (std::thread& thread : threads) thread.join();
  set_log_callback({});
  CHECK(calls <= 1500);
}

TEST_CASE("a page that is reduced by the second limit is reported") {
  std::vector<std::string> messages;
  set_log_callback([&](LogLevel level, const std::string& message) {
    CHECK(level == LogLevel::kWarning);
    messages.push_back(message);
  });
  DetectionParams params;
  params.limit_type = LimitType::kMin;
  params.limit_side_len = 64;
  detection_input_size({4000, 100}, params);
  CHECK(messages.empty());
  detection_input_size({4001, 100}, params);
  set_log_callback({});
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].find("4001") != std::string::npos);
  CHECK(messages[0].find("max_side_limit=4000") != std::string::npos);
}

}  // namespace
}  // namespace fastocr
