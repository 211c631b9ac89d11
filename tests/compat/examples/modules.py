# The single models.
from paddleocr import TextDetection, TextLineOrientationClassification, TextRecognition

model = TextDetection(model_name="PP-OCRv5_mobile_det")
for res in model.predict(input="general_ocr_002.png", batch_size=1):
    res.print()
    res.save_to_img(save_path="./output/")
    res.save_to_json(save_path="./output/res.json")

model = TextRecognition(model_name="PP-OCRv5_mobile_rec")
for res in model.predict(input="general_ocr_rec_001.png", batch_size=1):
    res.print()
    res.save_to_img(save_path="./output/")
    res.save_to_json(save_path="./output/rec.json")

model = TextLineOrientationClassification(model_name="PP-LCNet_x1_0_textline_ori")
for res in model.predict("general_ocr_rec_001.png", batch_size=1):
    res.print(json_format=False)
    res.save_to_img("./output/demo.png")
    res.save_to_json("./output/ori.json")
