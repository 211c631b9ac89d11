#include "fastocr/pipeline.h"

#include <unistd.h>

#include <chrono>
#include <span>
#include <utility>

#include "fastocr/errors.h"
#include "pipeline/line_schedule.h"
#include "runtime/worker_pool.h"

namespace fastocr {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

class DetectionWork final : public Work {
 public:
  DetectionWork(TextDetector& detector, const ImageView& page, const DetectionParams& params)
      : detector_(detector), page_(page), params_(params) {}

  std::optional<std::size_t> claim(int) override {
    return std::exchange(claimed_, true) ? std::nullopt : std::optional<std::size_t>(0);
  }
  void execute(int, std::size_t) override { boxes_ = detector_.detect(page_, params_); }

  std::vector<DetectedBox> take_boxes() { return std::move(boxes_); }

 private:
  TextDetector& detector_;
  const ImageView& page_;
  const DetectionParams& params_;
  bool claimed_ = false;
  std::vector<DetectedBox> boxes_;
};

using Recognizers = std::vector<std::unique_ptr<TextRecognizer>>;

class RecognitionWork final : public Work {
 public:
  RecognitionWork(const Recognizers& recognizers, const ImageView& page,
                  const std::vector<DetectedBox>& boxes, const RecognitionParams& params)
      : recognizers_(recognizers),
        page_(page),
        params_(params),
        crops_(line_crops(boxes)),
        layouts_(line_layouts(crops_, params)),
        schedule_(layouts_.groups, static_cast<int>(recognizers.size()),
                  recognizers.front()->prefers_batches()),
        texts_(boxes.size()) {
    dealt_.reserve(boxes.size());  // workers read it while others claim
  }

  std::optional<std::size_t> claim(int worker) override {
    const auto lines = schedule_.next(worker);
    if (lines.empty()) return std::nullopt;
    dealt_.push_back(lines);
    return dealt_.size() - 1;
  }
  void execute(int worker, std::size_t item) override {
    recognizers_[worker]->recognize(page_, crops_, layouts_.lines, dealt_[item], params_, texts_);
  }

  std::vector<RecognizedText> take_texts() { return std::move(texts_); }

 private:
  static std::vector<LineCrop> line_crops(const std::vector<DetectedBox>& boxes) {
    std::vector<LineCrop> crops;
    crops.reserve(boxes.size());
    for (const DetectedBox& box : boxes) crops.emplace_back(box.corners);
    return crops;
  }

  const Recognizers& recognizers_;
  const ImageView& page_;
  const RecognitionParams& params_;
  std::vector<LineCrop> crops_;
  LineLayouts layouts_;
  LineSchedule schedule_;
  std::vector<std::span<const std::size_t>> dealt_;
  std::vector<RecognizedText> texts_;
};

}  // namespace

class Pipeline::Impl {
 public:
  Impl(std::shared_ptr<Model> detection, std::shared_ptr<Model> recognition,
       std::vector<std::string> characters, int workers)
      : detector_(std::move(detection)),
        recognizers_(make_recognizers(
            std::make_shared<const RecognitionModel>(std::move(recognition), std::move(characters)),
            workers)),
        detection_pool_(1),
        recognition_pool_(workers) {}

  bool made_by_this_process() const { return process_ == getpid(); }

  PageResult run(const ImageView& page, const PageParams& params) {
    PageResult result;
    auto start = Clock::now();
    DetectionWork detection(detector_, page, params.detection);
    detection_pool_.run(detection);
    result.boxes = detection.take_boxes();
    result.times.detection = milliseconds_since(start);

    start = Clock::now();
    RecognitionWork recognition(recognizers_, page, result.boxes, params.recognition);
    recognition_pool_.run(recognition);
    result.texts = recognition.take_texts();
    for (std::size_t i = 0; i < result.texts.size(); ++i) {
      if (result.texts[i].score >= params.score_thresh) result.kept.push_back(i);
    }
    result.times.recognition = milliseconds_since(start);
    return result;
  }

 private:
  static Recognizers make_recognizers(const std::shared_ptr<const RecognitionModel>& model,
                                      int workers) {
    Recognizers recognizers;
    for (int i = 0; i < workers; ++i) {
      recognizers.push_back(std::make_unique<TextRecognizer>(model));
    }
    return recognizers;
  }

  const pid_t process_ = getpid();
  TextDetector detector_;
  Recognizers recognizers_;
  // Last, so that the threads end before what they use. Detection has all cores for one page, so
  // one thread hands out its runs, first come first served.
  WorkerPool detection_pool_;
  WorkerPool recognition_pool_;
};

Pipeline::Pipeline(std::shared_ptr<Model> detection, std::shared_ptr<Model> recognition,
                   std::vector<std::string> characters, int workers)
    : impl_(std::make_unique<Impl>(std::move(detection), std::move(recognition),
                                   std::move(characters), workers)) {}

Pipeline::~Pipeline() {
  // A fork copies no threads: in the child, waiting for them to end would never end.
  if (!impl_->made_by_this_process()) static_cast<void>(impl_.release());
}

PageResult Pipeline::run(const ImageView& page, const PageParams& params) {
  if (page.empty()) throw Error(ErrorKind::kInvalidInput, "an empty page");
  return impl_->run(page, params);
}

}  // namespace fastocr
