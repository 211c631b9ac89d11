# What a result holds.
import numpy as np
from paddleocr import PaddleOCR

pipeline = PaddleOCR(
    use_doc_orientation_classify=False,
    use_doc_unwarping=False,
    use_textline_orientation=True,
    text_det_limit_side_len=960,
    text_det_limit_type="max",
    text_det_thresh=0.3,
    text_det_box_thresh=0.6,
    text_det_unclip_ratio=2.0,
    text_rec_score_thresh=0.0,
    device="cpu",
    cpu_threads=2,
    enable_mkldnn=True,
    enable_hpi=False,
    use_tensorrt=False,
    precision="fp32",
)
(res,) = pipeline.predict("./general_ocr_002.png", text_det_box_thresh=0.5)
assert res["input_path"] == "./general_ocr_002.png"
assert res["page_index"] is None
assert res["model_settings"] == {"use_doc_preprocessor": False, "use_textline_orientation": True}
assert res["text_det_params"]["box_thresh"] == 0.5
assert all(poly.shape == (4, 2) and poly.dtype == np.int16 for poly in res["dt_polys"])
assert res["rec_boxes"].shape == (len(res["rec_texts"]), 4)
assert res["rec_boxes"].dtype == np.int16
assert len(res["rec_texts"]) == len(res["rec_scores"]) == len(res["rec_polys"])
assert len(res["textline_orientation_angles"]) == len(res["dt_polys"])
attributes = res.json["res"]
assert attributes["rec_texts"] == res["rec_texts"]
assert isinstance(attributes["rec_boxes"], list)
assert list(res.img) == ["ocr_res_img"]
res.print(json_format=True, indent=2, ensure_ascii=True)
res.save_to_json("output/result.json")
res.save_to_img("output/result.png")
