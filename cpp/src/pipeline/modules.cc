#include "fastocr/modules.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fastocr/errors.h"
#include "runtime/solo_thread.h"
#include "runtime/worker_pool.h"

namespace fastocr {
namespace {

using Recognizers = std::vector<std::unique_ptr<TextRecognizer>>;

std::vector<double> aspect_ratios(const std::vector<ImageView>& lines) {
  std::vector<double> ratios;
  for (const ImageView& line : lines) {
    ratios.push_back(line.width / static_cast<double>(line.height));
  }
  return ratios;
}

void check(const ImageView& page) {
  if (page.empty()) throw Error(ErrorKind::kInvalidInput, "an empty page");
}

class ReadingWork final : public Work {
 public:
  ReadingWork(const Recognizers& recognizers, const std::vector<ImageView>& lines,
              const RecognitionParams& params)
      : recognizers_(recognizers),
        lines_(lines),
        params_(params),
        layouts_(line_layouts(aspect_ratios(lines), params)),
        texts_(lines.size()) {}

  std::optional<std::size_t> claim(int) override {
    return next_ < lines_.size() ? std::optional(next_++) : std::nullopt;
  }
  void execute(int worker, std::size_t line) override {
    texts_[line] = recognizers_[worker]->recognize(lines_[line], layouts_.lines[line], params_);
  }

  std::vector<RecognizedText> take_texts() { return std::move(texts_); }

 private:
  const Recognizers& recognizers_;
  const std::vector<ImageView>& lines_;
  const RecognitionParams& params_;
  LineLayouts layouts_;
  std::size_t next_ = 0;
  std::vector<RecognizedText> texts_;
};

}  // namespace

class DetectionModule::Impl {
 public:
  // The caller keeps the model: its last owner may need what the caller holds, such as Python's
  // lock, and so must not be the thread.
  explicit Impl(const std::shared_ptr<Model>& model) {
    thread_.run([&] { detector_.emplace(model); });
  }

  bool made_by_this_process() const { return process_.is_here(); }

  std::vector<DetectedBox> run(const ImageView& page, const DetectionParams& params) {
    std::vector<DetectedBox> boxes;
    thread_.run([&] { boxes = detector_->find(page, params); });
    return boxes;
  }

  std::vector<DetectedPolygon> run_polygons(const ImageView& page, const DetectionParams& params) {
    std::vector<DetectedPolygon> polygons;
    thread_.run([&] { polygons = detector_->find_polygons(page, params); });
    return polygons;
  }

 private:
  const ProcessMark process_;
  std::optional<TextDetector> detector_;
  SoloThread thread_;  // last, so that it ends before what it uses
};

DetectionModule::DetectionModule(const std::shared_ptr<Model>& model)
    : impl_(std::make_unique<Impl>(model)) {}

DetectionModule::~DetectionModule() {
  if (!impl_->made_by_this_process()) static_cast<void>(impl_.release());
}

std::vector<DetectedBox> DetectionModule::run(const ImageView& page,
                                              const DetectionParams& params) {
  check(page);
  return impl_->run(page, params);
}

std::vector<DetectedPolygon> DetectionModule::run_polygons(const ImageView& page,
                                                           const DetectionParams& params) {
  check(page);
  return impl_->run_polygons(page, params);
}

class RecognitionModule::Impl {
 public:
  Impl(const std::shared_ptr<const RecognitionModel>& model, int workers) : pool_(workers) {
    for (int i = 0; i < workers; ++i) {
      recognizers_.push_back(std::make_unique<TextRecognizer>(model));
    }
  }

  bool made_by_this_process() const { return process_.is_here(); }

  std::vector<RecognizedText> run(const std::vector<ImageView>& lines,
                                  const RecognitionParams& params) {
    ReadingWork work(recognizers_, lines, params);
    pool_.run(work);
    return work.take_texts();
  }

 private:
  const ProcessMark process_;
  Recognizers recognizers_;
  WorkerPool pool_;  // last, so that the threads end before what they use
};

RecognitionModule::RecognitionModule(std::shared_ptr<Model> model,
                                     std::vector<std::string> characters, int workers)
    : impl_(std::make_unique<Impl>(
          std::make_shared<const RecognitionModel>(std::move(model), std::move(characters)),
          workers)) {}

RecognitionModule::~RecognitionModule() {
  if (!impl_->made_by_this_process()) static_cast<void>(impl_.release());
}

std::vector<RecognizedText> RecognitionModule::run(const std::vector<ImageView>& lines,
                                                   const RecognitionParams& params) {
  if (std::any_of(lines.begin(), lines.end(), [](const auto& line) { return line.empty(); })) {
    throw Error(ErrorKind::kInvalidInput, "an empty image of a line");
  }
  return impl_->run(lines, params);
}

}  // namespace fastocr
