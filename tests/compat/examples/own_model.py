# A fine-tuned detection model from its directory.
from paddleocr import PaddleOCR

pipeline = PaddleOCR(text_detection_model_dir="./your_det_model_path")
print(len(pipeline.predict("./general_ocr_002.png")[0]["rec_texts"]))
