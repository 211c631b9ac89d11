# PaddleOCR 2: the method `ocr` and the parameters of that time.
from paddleocr import PaddleOCR

ocr = PaddleOCR(use_angle_cls=True, lang="ch", det_db_box_thresh=0.6)
result = ocr.ocr("./general_ocr_002.png", cls=True)
for page in result:
    for line in page:
        box, (text, score) = line
        assert len(box) == 4
        print(box, text, round(score, 3))
