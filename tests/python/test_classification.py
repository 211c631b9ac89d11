"""What a classifier's configuration says, and how images become its input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from fastocr import _core, engines
from fastocr.errors import InputError, InvalidOptionError, ModelFormatError
from fastocr.model_config import (
    DOC_ORIENTATION,
    TEXTLINE_ORIENTATION,
    ClassificationParams,
    ModelConfig,
    ModelParams,
    read_config,
)
from fastocr.model_store import find_model
from tests.python.onnx_writer import OnnxNetwork

# As in official files.
NORMALIZE = {
    "NormalizeImage": {
        "channel_num": 3,
        "mean": [0.485, 0.456, 0.406],
        "order": "",
        "scale": 0.00392156862745098,
        "std": [0.229, 0.224, 0.225],
    }
}
DOC_OPERATIONS = [
    {"ResizeImage": {"resize_short": 256}},
    {"CropImage": {"size": 224}},
    NORMALIZE,
    {"ToCHWImage": None},
]
LINE_OPERATIONS = [{"ResizeImage": {"size": [160, 80]}}, NORMALIZE, {"ToCHWImage": None}]
DOC_LABELS = ["0", "90", "180", "270"]


def config(
    folder: Path, operations: Any, topk: Any = None, name: str = "PP-LCNet_x1_0_doc_ori"
) -> ModelConfig:
    """Write a file of the official form and read it."""
    content = {
        "Global": {"model_name": name},
        "PreProcess": {"transform_ops": operations},
        "PostProcess": {"Topk": topk or {"topk": 1, "label_list": DOC_LABELS}},
    }
    path = folder / "inference.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return read_config(path)


# ---- configurations ------------------------------------------------------------------------------


def test_official_configurations(tmp_path: Path) -> None:
    document = config(tmp_path, DOC_OPERATIONS)
    assert document.classification == DOC_ORIENTATION
    assert document.params == ModelParams()
    assert document.characters is None
    topk = {"topk": 1, "label_list": ["0_degree", "180_degree"]}
    line = config(tmp_path, LINE_OPERATIONS, topk)
    assert line.classification == TEXTLINE_ORIENTATION


def test_published_files(more_models: Path) -> None:
    for name, params in (
        ("PP-LCNet_x1_0_doc_ori", DOC_ORIENTATION),
        ("PP-LCNet_x1_0_textline_ori", TEXTLINE_ORIENTATION),
    ):
        assert find_model(name, more_models / name).classification == params


def test_other_values(tmp_path: Path) -> None:
    operations = [
        {"DecodeImage": {"img_mode": "RGB", "channel_first": False}},
        {"ResizeImage": {"resize_short": 300, "interpolation": "LINEAR"}},
        {"CropImage": {"size": [200, 100]}},
        {"NormalizeImage": {"mean": [1, 2, 3], "std": [4, 5, 6], "scale": "1/2"}},
    ]
    assert config(
        tmp_path, operations, {"topk": 2, "label_list": ["a", "b"]}
    ).classification == ClassificationParams(
        ("a", "b"), (200, 100), 300, (1, 2, 3), (4, 5, 6), 0.5, 2
    )


def test_labels_stay_strings(tmp_path: Path) -> None:
    path = tmp_path / "inference.yml"
    path.write_text(
        "Global: {model_name: x}\n"
        "PreProcess: {transform_ops: [{ResizeImage: {size: 32}}]}\n"
        "PostProcess: {Topk: {topk: 1, label_list: [0, 90, no, ~]}}\n",
        encoding="utf-8",
    )
    classification = read_config(path).classification
    assert classification is not None
    assert classification.labels == ("0", "90", "no", "~")
    assert classification.size == (32, 32)


def test_the_configuration_of_an_unwarping_model(tmp_path: Path) -> None:
    """It has nothing but the sections Global and Hpi."""
    shapes = [[1, 3, 128, 64], [1, 3, 1024, 960], [1, 3, 2048, 2048]]
    content = {
        "Global": {"model_name": "UVDoc"},
        "Hpi": {"backend_configs": {"paddle_infer": {"trt_dynamic_shapes": {"image": shapes}}}},
    }
    path = tmp_path / "inference.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    (tmp_path / "inference.onnx").touch()
    files = find_model("UVDoc", tmp_path)
    assert files.classification is None
    assert files.characters is None
    assert [found.input for found in files.shape_ranges] == ["image"]


@pytest.mark.parametrize(
    ("operations", "topk", "message"),
    [
        (LINE_OPERATIONS, {"topk": 1}, "label_list"),
        (LINE_OPERATIONS, {"topk": 1, "label_list": "0"}, "label_list"),
        (LINE_OPERATIONS, [1], "label_list"),
        (LINE_OPERATIONS, {"topk": 0, "label_list": ["a"]}, "topk is '0': at least 1"),
        ([NORMALIZE], None, "size of the input"),
        ([{"ResizeImage": {"resize_short": 256}}], None, "size of the input"),
        ([{"ResizeImage": {"size": [160]}}], None, "size of ResizeImage is"),
        ([{"ResizeImage": {"size": [160, 0]}}], None, "'0': at least 1"),
        ([{"ResizeImage": {"resize_short": 0}}, {"CropImage": {}}], None, "resize_short is '0'"),
        ([{"ResizeImage": {"size": [160, 80], "interpolation": "CUBIC"}}], None, "interpolation"),
        ([{"ResizeImage": {"size": [160, 80]}}, {"CropImage": {"size": 40}}], None, "CropImage"),
        ([{"ResizeImage": {"resize_short": 200}}, {"CropImage": {}}], None, "resize_short is 200"),
        ([*LINE_OPERATIONS, {"NormalizeImage": {"channel_num": 4}}], None, "channel_num"),
        ([*LINE_OPERATIONS, {"NormalizeImage": {"order": "chw"}}], None, "order"),
        ([*LINE_OPERATIONS, {"NormalizeImage": {"std": [1, 0, 1]}}], None, "std"),
        ([*LINE_OPERATIONS, {"DecodeImage": {"img_mode": "BGR"}}], None, "img_mode"),
        ([*LINE_OPERATIONS, {"RecResizeImg": None}], None, "RecResizeImg"),
    ],
)
def test_wrong_configurations(tmp_path: Path, operations: Any, topk: Any, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message) as caught:
        config(tmp_path, operations, topk)
    assert "inference.yml" in str(caught.value)


# ---- the classifier ------------------------------------------------------------------------------


def first_pixels(folder: Path, size: tuple[int, int]) -> _core.Model:
    """A network whose scores are its input, pixel by pixel."""
    width, height = size
    network = OnnxNetwork([-1, 3, height, width])
    path = network.save(folder / "network.onnx", network.node("Flatten", "image", axis=1))
    return engines.load("openvino").load(str(path))


@pytest.mark.parametrize(
    "params",
    [
        ClassificationParams(("a",) * 3 * 24 * 24, (24, 24), resize_short=32),
        ClassificationParams(
            ("a",) * 3 * 24 * 16, (24, 16), mean=(0.1, 0.2, 0.3), std=(1, 2, 3), scale=0.01
        ),
    ],
)
def test_input(tmp_path: Path, params: ClassificationParams) -> None:
    classifier = _core.ImageClassifier(first_pixels(tmp_path, params.size), params.core_params())
    width, height = params.size
    for shape in ((70, 45), (45, 70), (20, 20), (32, 41)):
        image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        if params.resize_short is None:
            scaled = cv2.resize(rgb, (width, height))
        else:
            factor = params.resize_short / min(shape)
            scaled = cv2.resize(rgb, tuple(round(side * factor) for side in reversed(shape)))
            top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
            scaled = scaled[top : top + height, left : left + width]
        a = np.float32(np.float64(params.scale) / np.array(params.std))
        b = np.float32(-np.array(params.mean) / np.array(params.std))
        expected = (scaled * a + b).transpose(2, 0, 1).ravel()
        np.testing.assert_array_equal(np.float32(classifier.run(image)), expected)


def test_errors(tmp_path: Path) -> None:
    model = first_pixels(tmp_path, (24, 16))
    with pytest.raises(ModelFormatError, match=r"network\.onnx: not an image classifier"):
        _core.ImageClassifier(model, _core.ClassifierParams(size=(16, 24)))
    with pytest.raises(InvalidOptionError, match="resize_short is 20"):
        _core.ImageClassifier(model, _core.ClassifierParams(size=(24, 16), resize_short=20))
    classifier = _core.ImageClassifier(model, _core.ClassifierParams(size=(24, 16)))
    with pytest.raises(InputError, match="empty image"):
        classifier.run(np.empty((3, 0, 3), np.uint8))
    with pytest.raises(TypeError):
        classifier.run(np.zeros((3, 3), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        classifier.run(np.zeros((3, 3, 3), np.float32))  # type: ignore[arg-type]
