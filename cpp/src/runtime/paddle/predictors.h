#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "fastocr/engine.h"
#include "paddle_inference.h"

namespace fastocr::paddle_engine {

// Where the predictor's tensors are.
enum class Memory { kHost, kDevice };

// Runs a predictor that nothing else uses meanwhile.
std::unique_ptr<Request> make_request(std::shared_ptr<paddle_infer::Predictor> predictor,
                                      Memory memory);

// Predictors that share the weights of a first one. They are used again and destroyed only together
// with it: in oneDNN the end of one spoils the weights for those that are made later. Thread-safe.
class PredictorPool {
 public:
  using WarmUp = std::function<void(std::shared_ptr<paddle_infer::Predictor>)>;

  // Every new predictor is given to `warm_up`, one at a time in all of the process.
  PredictorPool(std::shared_ptr<paddle_infer::Predictor> first, WarmUp warm_up);
  PredictorPool(const PredictorPool&) = delete;
  PredictorPool& operator=(const PredictorPool&) = delete;
  ~PredictorPool();

  // One that nobody else has; it must be given back.
  paddle_infer::Predictor* take();
  void give_back(paddle_infer::Predictor* clone);

 private:
  std::shared_ptr<paddle_infer::Predictor> first_;
  WarmUp warm_up_;
  std::mutex mutex_;
  std::vector<paddle_infer::Predictor*> free_;
};

}  // namespace fastocr::paddle_engine
