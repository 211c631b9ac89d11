# Steps that were loaded can be left out of a call; one that is left unset is the object's own.
from paddleocr import PaddleOCR

ocr = PaddleOCR(use_doc_orientation_classify=False, use_doc_unwarping=False)
for res in ocr.predict(input="./general_ocr_002.png", use_textline_orientation=False):
    assert set(res["textline_orientation_angles"]) == {-1}
for res in ocr.predict(input="./general_ocr_002.png"):
    assert set(res["textline_orientation_angles"]) <= {0, 1}
    print(res["model_settings"])
