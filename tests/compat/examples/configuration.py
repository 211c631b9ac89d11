# The configuration is written, changed and read again.
from pathlib import Path

import yaml
from paddleocr import PaddleOCR

pipeline = PaddleOCR(use_doc_orientation_classify=False, use_doc_unwarping=False)
pipeline.export_paddlex_config_to_yaml("PaddleOCR.yaml")

config = yaml.safe_load(Path("PaddleOCR.yaml").read_text())
assert config["SubModules"]["TextDetection"]["limit_side_len"] == 960
assert config["SubModules"]["TextDetection"]["model_dir"] is None
config["SubModules"]["TextDetection"]["box_thresh"] = 0.7
config["SubModules"]["TextRecognition"]["score_thresh"] = 0.5
Path("PaddleOCR.yaml").write_text(yaml.safe_dump(config))

pipeline = PaddleOCR(paddlex_config="PaddleOCR.yaml")
(res,) = pipeline.predict("./general_ocr_002.png")
assert res["text_det_params"]["box_thresh"] == 0.7
assert res["text_rec_score_thresh"] == 0.5
(same,) = PaddleOCR(paddlex_config=config).predict("./general_ocr_002.png")
assert same["rec_texts"] == res["rec_texts"]
print(len(res["rec_texts"]))
