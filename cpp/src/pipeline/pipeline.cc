#include "fastocr/pipeline.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <span>
#include <utility>

#include "fastocr/errors.h"
#include "pipeline/line_schedule.h"
#include "runtime/solo_thread.h"
#include "runtime/stopwatch.h"
#include "runtime/worker_pool.h"

namespace fastocr {
namespace {

// Turns lines upright, on one thread.
class LineTurner {
 public:
  explicit LineTurner(const LineOrientation& orientation)
      : classifier_(orientation.model, orientation.params) {}

  // Returns 1 if the line is upside down, and notes it in `crop`; else 0.
  int turn(const ImageView& page, LineCrop& crop) {
    crop.cut(page, scratch_, line_);
    const bool upside_down = best_class(classifier_.run(line_.view())) == 1;
    crop.set_upside_down(upside_down);
    return upside_down ? 1 : 0;
  }
  // What the last call spent in the network.
  double network_milliseconds() const { return classifier_.network_milliseconds(); }

 private:
  ClassifierRunner classifier_;
  Image scratch_, line_;
};

using Recognizers = std::vector<std::unique_ptr<TextRecognizer>>;
// One for each recognizer, or none.
using Turners = std::vector<std::unique_ptr<LineTurner>>;

class RecognitionWork final : public Work {
 public:
  // Without turners, lines are read as they lie.
  RecognitionWork(const Recognizers& recognizers, const Turners& turners, const ImageView& page,
                  const std::vector<DetectedBox>& boxes, const RecognitionParams& params)
      : recognizers_(recognizers),
        turners_(turners),
        page_(page),
        params_(params),
        crops_(line_crops(boxes)),
        layouts_(line_layouts(crops_, params)),
        schedule_(layouts_.groups, static_cast<int>(recognizers.size()),
                  recognizers.front()->prefers_batches()),
        network_milliseconds_(recognizers.size()),
        turning_milliseconds_(recognizers.size()),
        texts_(boxes.size()),
        angles_(boxes.size(), -1) {
    dealt_.reserve(boxes.size());  // workers read it while others claim
  }

  std::optional<std::size_t> claim(int worker) override {
    const auto lines = schedule_.next(worker);
    if (lines.empty()) return std::nullopt;
    dealt_.push_back(lines);
    return dealt_.size() - 1;
  }
  void execute(int worker, std::size_t item) override {
    if (!turners_.empty()) turn(worker, item);
    TextRecognizer& recognizer = *recognizers_[worker];
    recognizer.recognize(page_, crops_, layouts_.lines, dealt_[item], params_, texts_);
    network_milliseconds_[worker] += recognizer.network_milliseconds();
  }

  std::vector<RecognizedText> take_texts() { return std::move(texts_); }
  std::vector<int> take_angles() { return std::move(angles_); }
  double network_milliseconds() const { return sum(network_milliseconds_); }
  double turning_milliseconds() const { return sum(turning_milliseconds_); }

 private:
  static double sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  }

  void turn(int worker, std::size_t item) {
    LineTurner& turner = *turners_[worker];
    for (const std::size_t line : dealt_[item]) {
      angles_[line] = turner.turn(page_, crops_[line]);
      turning_milliseconds_[worker] += turner.network_milliseconds();
    }
  }

  static std::vector<LineCrop> line_crops(const std::vector<DetectedBox>& boxes) {
    std::vector<LineCrop> crops;
    crops.reserve(boxes.size());
    for (const DetectedBox& box : boxes) crops.emplace_back(box.corners);
    return crops;
  }

  const Recognizers& recognizers_;
  const Turners& turners_;
  const ImageView& page_;
  const RecognitionParams& params_;
  std::vector<LineCrop> crops_;
  LineLayouts layouts_;
  LineSchedule schedule_;
  std::vector<std::span<const std::size_t>> dealt_;
  std::vector<double> network_milliseconds_, turning_milliseconds_;  // of each worker
  std::vector<RecognizedText> texts_;
  std::vector<int> angles_;
};

// Threads for one line, whose layers are too small for more.
constexpr int kMostLineThreads = 4;

// Counts pages while they are worked on.
class PageCount {
 public:
  explicit PageCount(std::atomic<int>& count) : count_(count) { ++count_; }
  ~PageCount() { --count_; }
  PageCount(const PageCount&) = delete;
  PageCount& operator=(const PageCount&) = delete;

 private:
  std::atomic<int>& count_;
};

}  // namespace

class Pipeline::Impl {
 public:
  Impl(std::shared_ptr<Model> detection, const std::shared_ptr<const RecognitionModel>& recognition,
       int workers, const std::optional<LineOrientation>& orientation)
      : detector_(std::move(detection)),
        recognizers_(make_recognizers(recognition, workers)),
        single_line_recognizers_(make_single_line_recognizers(recognition, workers)),
        turners_(make_turners(orientation, recognizers_.size())),
        single_line_turners_(make_turners(orientation, single_line_recognizers_.size())),
        recognition_pool_(workers) {}

  bool made_by_this_process() const { return process_.is_here(); }

  PageResult run(const ImageView& page, const PageParams& params) {
    if (params.use_textline_orientation && turners_.empty()) {
      throw Error(ErrorKind::kInvalidOption,
                  "use_textline_orientation: the pipeline was made without a model for it");
    }
    const PageCount counted(pages_);
    PageResult result;
    detect(page, params, result);
    recognize(page, params, result);
    if (params.return_word_box) place_words(result);
    return result;
  }

 private:
  void detect(const ImageView& page, const PageParams& params, PageResult& result) {
    const Stopwatch watch(result.times.detection);
    all_cores_.run([&] {
      result.boxes = detector_.detect(page, params.detection);
      result.times.detection_network = detector_.network_milliseconds();
    });
  }

  void recognize(const ImageView& page, const PageParams& params, PageResult& result) {
    const Stopwatch watch(result.times.recognition);
    // A line on its own gets all cores too, unless there are other pages to use them.
    const bool alone = result.boxes.size() == 1 && pages_ == 1 && !single_line_recognizers_.empty();
    const Turners& turners = alone ? single_line_turners_ : turners_;
    RecognitionWork work(alone ? single_line_recognizers_ : recognizers_,
                         params.use_textline_orientation ? turners : no_turners_, page,
                         result.boxes, params.recognition);
    if (alone) {
      all_cores_.run_work(work);
    } else {
      recognition_pool_.run(work);
    }
    result.texts = work.take_texts();
    result.line_angles = work.take_angles();
    result.times.line_orientation_network = work.turning_milliseconds();
    result.times.recognition_network = work.network_milliseconds();
    for (std::size_t i = 0; i < result.texts.size(); ++i) {
      if (result.texts[i].score >= params.score_thresh) result.kept.push_back(i);
    }
  }

  static void place_words(PageResult& result) {
    for (const std::size_t i : result.kept) {
      const bool upside_down = result.line_angles[i] == 1;
      result.words.push_back(word_boxes(result.boxes[i].corners, result.texts[i], upside_down));
    }
  }

  static Recognizers make_recognizers(const std::shared_ptr<const RecognitionModel>& model,
                                      int workers) {
    Recognizers recognizers;
    for (int i = 0; i < workers; ++i) {
      recognizers.push_back(std::make_unique<TextRecognizer>(model));
    }
    return recognizers;
  }

  static Turners make_turners(const std::optional<LineOrientation>& orientation,
                              std::size_t count) {
    Turners turners;
    for (std::size_t i = 0; orientation && i < count; ++i) {
      turners.push_back(std::make_unique<LineTurner>(*orientation));
    }
    return turners;
  }

  // One or none.
  static Recognizers make_single_line_recognizers(
      const std::shared_ptr<const RecognitionModel>& model, int workers) {
    Recognizers recognizers;
    if (workers == 1) return recognizers;
    auto made = TextRecognizer::make_shared_out(model, std::min(workers, kMostLineThreads));
    if (made) recognizers.push_back(std::move(made));
    return recognizers;
  }

  const ProcessMark process_;
  std::atomic<int> pages_ = 0;
  TextDetector detector_;
  Recognizers recognizers_, single_line_recognizers_;
  Turners turners_, single_line_turners_;
  const Turners no_turners_;
  // Last, so that the threads end before what they use. What has all cores for itself is handed out
  // by one thread, first come first served.
  SoloThread all_cores_;
  WorkerPool recognition_pool_;
};

Pipeline::Pipeline(std::shared_ptr<Model> detection, std::shared_ptr<Model> recognition,
                   std::vector<std::string> characters, int workers,
                   const std::optional<LineOrientation>& line_orientation)
    : impl_(std::make_unique<Impl>(
          std::move(detection),
          std::make_shared<const RecognitionModel>(std::move(recognition), std::move(characters)),
          workers, line_orientation)) {}

Pipeline::~Pipeline() {
  // A fork copies no threads: in the child, waiting for them to end would never end.
  if (!impl_->made_by_this_process()) static_cast<void>(impl_.release());
}

PageResult Pipeline::run(const ImageView& page, const PageParams& params) {
  if (page.empty()) throw Error(ErrorKind::kInvalidInput, "an empty page");
  return impl_->run(page, params);
}

}  // namespace fastocr
