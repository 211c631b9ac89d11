#include "fastocr/pipeline.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fake_models.h"
#include "testing.h"

namespace fastocr {
namespace {

using testing::fake_detection;
using testing::fake_recognition;
using testing::FakeModel;
using testing::level_value;
using testing::LevelReader;
using testing::random_int;
using testing::TestPage;
using testing::thrown_kind;

constexpr int kLevels = 40;

std::string character(int level) { return std::string("<").append(std::to_string(level)) + ">"; }

std::vector<std::string> characters() {
  std::vector<std::string> result;
  for (int level = 0; level < kLevels; ++level) result.push_back(character(level));
  return result;
}

std::string text_of(int blue, int green) { return character(blue) + character(green); }

// Lines of text on a black page: bars whose colour says what the fake recognition reads.
struct Bars {
  TestPage page;
  std::string texts;  // in reading order, a line each
};

// `columns` x `rows` bars of 24 x 8 pixels, far enough from each other.
Bars bars(int columns, int rows) {
  Bars result{TestPage(64 * columns, 32 * rows), {}};
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const int blue = column % kLevels, green = row % kLevels;
      result.page.fill(64 * column + 16, 32 * row + 12, 24, 8,
                       {level_value(blue), level_value(green), 255});
      result.texts += text_of(blue, green) + '\n';
    }
  }
  return result;
}

PageParams whole_size() {
  PageParams params;
  params.detection.limit_side_len = 4000;
  return params;
}

std::string texts_of(const PageResult& result) {
  std::string texts;
  for (const RecognizedText& line : result.texts) texts += line.text + '\n';
  return texts;
}

bool same(const PageResult& a, const PageResult& b) {
  bool equal = texts_of(a) == texts_of(b) && a.kept == b.kept && a.boxes.size() == b.boxes.size();
  for (std::size_t i = 0; equal && i < a.boxes.size(); ++i) {
    equal = a.boxes[i].corners == b.boxes[i].corners && a.boxes[i].score == b.boxes[i].score &&
            a.texts[i].score == b.texts[i].score;
  }
  return equal;
}

TEST_CASE("a line on its own is shared out to several threads, where the engine can") {
  const auto detection = fake_detection();
  for (const bool shares : {false, true}) {
    for (const int workers : {1, 2, 3, 9}) {
      CAPTURE(shares);
      CAPTURE(workers);
      const auto recognition = fake_recognition(kLevels);
      recognition->set_shares(shares);
      Pipeline pipeline(detection, recognition, characters(), workers);
      const bool shared = shares && workers > 1;
      CHECK(recognition->shared_threads() == (shared ? std::min(workers, 4) : 0));
      const Bars one = bars(1, 1), two = bars(1, 2);
      CHECK(texts_of(pipeline.run(one.page.view(), whole_size())) == one.texts);
      CHECK(recognition->shared_runs() == (shared ? 1 : 0));
      CHECK(texts_of(pipeline.run(two.page.view(), whole_size())) == two.texts);
      CHECK(recognition->shared_runs() == (shared ? 1 : 0));
    }
  }
}

TEST_CASE("a line is not on its own while there are other pages") {
  std::atomic<int> begun = 0;
  const auto recognition = fake_recognition(kLevels);
  recognition->set_shares(true);
  Pipeline pipeline(fake_detection(), recognition, characters(), 2);
  const Bars many = bars(8, 8), one = bars(1, 1);
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) {
      CHECK(texts_of(pipeline.run(many.page.view(), whole_size())) == many.texts);
      ++begun;
    }
  });
  while (begun == 0) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) {
    CHECK(texts_of(pipeline.run(one.page.view(), whole_size())) == one.texts);
  }
  stop = true;
  other.join();
  // The other thread is between two pages now and then.
  CHECK(recognition->shared_runs() < 50);
  CHECK_FALSE(recognition->shared_a_request());
}

TEST_CASE("a page is read line by line") {
  const auto detection = fake_detection();
  const auto recognition = fake_recognition(kLevels);
  for (const int workers : {1, 3}) {
    Pipeline pipeline(detection, recognition, characters(), workers);
    const Bars page = bars(3, 4);
    const PageResult result = pipeline.run(page.page.view(), whole_size());
    CHECK(texts_of(result) == page.texts);
    CHECK(result.boxes.size() == 12);
    CHECK(result.kept.size() == 12);
    for (std::size_t i = 0; i < 12; ++i) {
      CHECK(result.kept[i] == i);
      CHECK(result.texts[i].score == 0.75);
      CHECK(result.boxes[i].score == doctest::Approx(0.9));
    }
    CHECK(result.times.detection >= 0);
    CHECK(result.times.recognition >= 0);
    CHECK(result.times.detection_network > 0);
    CHECK(result.times.detection_network <= result.times.detection);
    CHECK((result.times.recognition_network > 0) == !result.texts.empty());
  }
  CHECK(detection->requests() == 2);
  CHECK(recognition->requests() == 4);
  CHECK_FALSE(recognition->shared_a_request());
}

TEST_CASE("lines below the score threshold are found but not kept") {
  Pipeline pipeline(fake_detection(), fake_recognition(kLevels), characters(), 2);
  const Bars page = bars(2, 2);
  PageParams params = whole_size();
  params.score_thresh = 0.75;
  CHECK(pipeline.run(page.page.view(), params).kept.size() == 4);
  params.score_thresh = 0.76;
  const PageResult result = pipeline.run(page.page.view(), params);
  CHECK(result.kept.empty());
  CHECK(texts_of(result) == page.texts);
}

TEST_CASE("words of the lines that are kept") {
  // Every line is upside down.
  const auto turned = std::make_shared<FakeModel>(
      Shape{-1, 3, 80, 160}, Shape{-1, 2},
      [](const FakeModel::Tensor&) { return FakeModel::Tensor{{0.25F, 0.75F}, {1, 2}}; });
  Pipeline pipeline(fake_detection(), fake_recognition(kLevels), characters(), 2,
                    LineOrientation{turned, {{160, 80}, {}, {}}});
  const Bars page = bars(2, 2);
  PageParams params = whole_size();
  CHECK(pipeline.run(page.page.view(), params).words.empty());
  params.return_word_box = true;
  for (const bool turn : {false, true}) {
    params.use_textline_orientation = turn;
    const PageResult result = pipeline.run(page.page.view(), params);
    REQUIRE(result.words.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      const QuadI& line = result.boxes[i].corners;
      CHECK(result.words[i].texts == std::vector<std::string>{result.texts[i].text});
      CHECK(result.words[i].regions == word_boxes(line, result.texts[i], turn).regions);
      CHECK(result.words[i].regions != word_boxes(line, result.texts[i], !turn).regions);
    }
  }
  params.score_thresh = 0.76;
  CHECK(pipeline.run(page.page.view(), params).words.empty());
}

TEST_CASE("a page with a thousand lines") {
  for (const int workers : {1, 4}) {
    Pipeline pipeline(fake_detection(), fake_recognition(kLevels), characters(), workers);
    const Bars page = bars(25, 40);
    const PageResult result = pipeline.run(page.page.view(), whole_size());
    CHECK(texts_of(result) == page.texts);
    std::set<std::string> distinct;
    for (const RecognizedText& line : result.texts) distinct.insert(line.text);
    CHECK(distinct.size() == 1000);
  }
}

TEST_CASE("a page without text") {
  const auto recognition = fake_recognition(kLevels);
  Pipeline pipeline(fake_detection(), recognition, characters(), 2);
  const PageResult result = pipeline.run(TestPage(200, 100).view(), {});
  CHECK(result.boxes.empty());
  CHECK(result.texts.empty());
  CHECK(result.kept.empty());
  CHECK(recognition->runs() == 0);
}

TEST_CASE("pages of one pixel, row or column") {
  Pipeline pipeline(fake_detection(), fake_recognition(kLevels), characters(), 2);
  for (const Size size : {Size{1, 1}, Size{1, 20}, Size{20, 1}, Size{62, 1}, Size{63, 1},
                          Size{1, 500}, Size{500, 1}, Size{5000, 1}, Size{1, 5000}}) {
    CAPTURE(size.width);
    CAPTURE(size.height);
    TestPage page(size.width, size.height);
    page.fill(0, 0, size.width, size.height, {200, 200, 200});
    const PageResult result = pipeline.run(page.view(), {});
    CHECK(result.boxes.size() == (size.width + size.height < 64 ? 0 : 1));
    for (const DetectedBox& box : result.boxes) {
      for (const PointI& p : box.corners) {
        CHECK((p.x >= 0 && p.x <= size.width && p.y >= 0 && p.y <= size.height));
      }
    }
    CHECK(result.texts.size() == result.boxes.size());
  }
}

TEST_CASE("lines become network input of the wanted shape") {
  std::atomic<bool> finite = true;
  std::atomic<int> last_height = 0, last_width = 0;
  Pipeline pipeline(fake_detection(),
                    fake_recognition(kLevels,
                                     [&](const auto& input) {
                                       finite = finite && testing::all_finite(input.values);
                                       last_height = static_cast<int>(input.shape[2]);
                                       last_width = static_cast<int>(input.shape[3]);
                                       return LevelReader(kLevels)(input);
                                     }),
                    characters(), 1);
  const Bars page = bars(2, 2);
  PageParams params = whole_size();
  CHECK(texts_of(pipeline.run(page.page.view(), params)) == page.texts);
  CHECK(last_height == 48);
  CHECK(last_width == 320);
  params.recognition.input_size = Size{100, 32};
  CHECK(texts_of(pipeline.run(page.page.view(), params)) == page.texts);
  CHECK(last_height == 32);
  CHECK(last_width == 100);
  CHECK(finite);
}

TEST_CASE("callers at the same time get what a single one gets") {
  const auto detection = fake_detection();
  const auto recognition = fake_recognition(kLevels);
  Pipeline pipeline(detection, recognition, characters(), 3);
  std::vector<Bars> pages;
  std::vector<PageResult> wanted;
  for (int i = 0; i < 6; ++i) {
    pages.push_back(bars(1 + i, 7 - i));
    wanted.push_back(pipeline.run(pages.back().page.view(), whole_size()));
    CHECK(texts_of(wanted.back()) == pages.back().texts);
  }
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      for (std::size_t round = 0; round < 6; ++round) {
        const std::size_t i = (caller + round) % pages.size();
        wrong += !same(pipeline.run(pages[i].page.view(), whole_size()), wanted[i]);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  CHECK_FALSE(detection->shared_a_request());
  CHECK_FALSE(recognition->shared_a_request());
}

TEST_CASE("lines that go through the network together") {
  const auto recognition = fake_recognition(kLevels);
  recognition->set_batches(true);
  const Bars page = bars(3, 5);
  PageParams params = whole_size();
  for (const int workers : {1, 2, 4}) {
    Pipeline pipeline(fake_detection(), recognition, characters(), workers);
    for (const int batch_size : {1, 6, 100}) {
      params.recognition.batch_size = batch_size;
      const int before = recognition->runs();
      CHECK(texts_of(pipeline.run(page.page.view(), params)) == page.texts);
      const int runs = recognition->runs() - before;
      if (batch_size == 1) CHECK(runs == 15);
      if (workers == 1) CHECK(runs == (15 + batch_size - 1) / batch_size);
      CHECK(runs >= std::min(workers, 15));
    }
  }
  CHECK_FALSE(recognition->shared_a_request());
}

TEST_CASE("a recognition that loses lines of a batch") {
  const auto recognition = fake_recognition(kLevels, [](const FakeModel::Tensor& input) {
    auto result = LevelReader(kLevels)(input);
    result.shape[0] = 1;
    return result;
  });
  recognition->set_batches(true);
  Pipeline pipeline(fake_detection(), recognition, characters(), 1);
  CHECK_FALSE(pipeline.run(bars(1, 1).page.view(), whole_size()).texts.empty());
  CHECK(thrown_kind([&] { pipeline.run(bars(1, 2).page.view(), whole_size()); }) ==
        ErrorKind::kModelFormat);
}

TEST_CASE("a failing detection reaches its caller") {
  std::atomic<bool> fails = true;
  Pipeline pipeline(fake_detection([&](const FakeModel::Tensor& input) {
                      if (fails) throw Error(ErrorKind::kInference, "detection failed");
                      return testing::bright_pixels(input);
                    }),
                    fake_recognition(kLevels), characters(), 2);
  const Bars page = bars(2, 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(thrown_kind([&] { pipeline.run(page.page.view(), whole_size()); }) ==
          ErrorKind::kInference);
  }
  fails = false;
  CHECK(texts_of(pipeline.run(page.page.view(), whole_size())) == page.texts);
}

TEST_CASE("a failing line fails its page and no other") {
  // The recognition fails for bars of one colour.
  const FakeModel::Function reads_no_level_7 = [](const FakeModel::Tensor& input) {
    auto result = LevelReader(kLevels)(input);
    if (result.values[7 + 1] > 0) throw std::runtime_error("blue 7");
    return result;
  };
  const auto recognition = fake_recognition(kLevels, reads_no_level_7);
  Pipeline pipeline(fake_detection(), recognition, characters(), 3);
  const Bars good = bars(7, 5), bad = bars(8, 5);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&, caller] {
      const bool fails = caller % 2 == 0;
      for (int round = 0; round < 5; ++round) {
        try {
          const Bars& page = fails ? bad : good;
          wrong += texts_of(pipeline.run(page.page.view(), whole_size())) != page.texts || fails;
        } catch (const std::runtime_error& error) {
          wrong += !fails || std::string(error.what()) != "blue 7";
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  CHECK(texts_of(pipeline.run(good.page.view(), whole_size())) == good.texts);
}

TEST_CASE("a recognition that gives other classes than it promised") {
  const auto model =
      std::make_shared<FakeModel>(Shape{-1, 3, 48, -1}, Shape{}, [](const FakeModel::Tensor&) {
        return FakeModel::Tensor{std::vector<float>(30), {1, 3, 10}};
      });
  Pipeline pipeline(fake_detection(), model, characters(), 1);
  CHECK(thrown_kind([&] { pipeline.run(bars(1, 1).page.view(), whole_size()); }) ==
        ErrorKind::kModelFormat);
}

TEST_CASE("models of another kind are refused") {
  const auto kind = [](std::shared_ptr<Model> detection, std::shared_ptr<Model> recognition) {
    return thrown_kind([&] { Pipeline(detection, recognition, characters(), 1); });
  };
  CHECK_FALSE(kind(fake_detection(), fake_recognition(kLevels)).has_value());
  CHECK(kind(fake_recognition(kLevels), fake_recognition(kLevels)) == ErrorKind::kModelFormat);
  CHECK(kind(fake_detection(), fake_detection()) == ErrorKind::kModelFormat);
  CHECK(kind(fake_detection(), fake_recognition(kLevels + 1)) == ErrorKind::kModelFormat);
}

TEST_CASE("empty pages are refused") {
  Pipeline pipeline(fake_detection(), fake_recognition(kLevels), characters(), 1);
  CHECK(thrown_kind([&] { pipeline.run({}, {}); }) == ErrorKind::kInvalidInput);
  const TestPage page(3, 3);
  CHECK(thrown_kind([&] { pipeline.run({page.view().data, 3, 0, 9}, {}); }) ==
        ErrorKind::kInvalidInput);
  CHECK(thrown_kind([&] { pipeline.run({page.view().data, 0, 3, 9}, {}); }) ==
        ErrorKind::kInvalidInput);
}

TEST_CASE("random pages give the same with one worker and with many") {
  std::mt19937 random(12);
  const auto detection = fake_detection();
  const auto recognition = fake_recognition(kLevels);
  Pipeline one(detection, recognition, characters(), 1);
  Pipeline many(detection, recognition, characters(), 5);
  for (int round = 0; round < 15; ++round) {
    TestPage page(random_int(random, 1, 300), random_int(random, 1, 200));
    const Size size{page.view().width, page.view().height};
    for (int bar = 0; bar < 12; ++bar) {
      const int x = random_int(random, 0, size.width - 1),
                y = random_int(random, 0, size.height - 1);
      page.fill(x, y, random_int(random, 1, size.width - x), random_int(random, 1, size.height - y),
                {level_value(random_int(random, 0, kLevels - 1)), 90, 90});
      page.fill(x, y, random_int(random, 1, size.width - x), 1, {0, 0, 0});
    }
    PageParams params;
    params.detection.limit_side_len = random_int(random, 32, 400);
    params.recognition.batch_size = random_int(random, 1, 7);
    CHECK(same(one.run(page.view(), params), many.run(page.view(), params)));
    CHECK(same(one.run(page.flipped_view(), params), many.run(page.flipped().view(), params)));
  }
}

}  // namespace
}  // namespace fastocr
