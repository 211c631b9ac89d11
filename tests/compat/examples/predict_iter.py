# Results one by one, for many inputs or little memory: a list of an array, an image and a folder.
import cv2
from paddleocr import PaddleOCR

ocr = PaddleOCR(use_doc_orientation_classify=False, use_doc_unwarping=False, lang="ch")
inputs = [cv2.imread("./general_ocr_002.png"), "./general_ocr_002.png", "./folder"]
for res in ocr.predict_iter(inputs, text_rec_score_thresh=0.5):
    print(res["input_path"], len(res["dt_polys"]), len(res["rec_texts"]))
