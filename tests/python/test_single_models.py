"""The classes for single models: their results, options, batches and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

import fastocr
from fastocr import (
    PaddleOCR,
    TextDetection,
    TextImageUnwarping,
    TextLineOrientationClassification,
    TextRecognition,
    _core,
)
from fastocr.errors import (
    FastOCRError,
    InputError,
    InputNotFoundError,
    InvalidOptionError,
    ModelFormatError,
    ModelNotFoundError,
    UnsupportedOptionError,
)
from fastocr.model_store import find_model

MakeOCR = Callable[..., PaddleOCR]


@pytest.fixture(scope="module")
def detection() -> Iterator[TextDetection]:
    with TextDetection(cpu_threads=2) as module:
        yield module


@pytest.fixture(scope="module")
def recognition() -> Iterator[TextRecognition]:
    with TextRecognition(cpu_threads=2) as module:
        yield module


@pytest.fixture(scope="module")
def line_orientation() -> Iterator[TextLineOrientationClassification]:
    with TextLineOrientationClassification(cpu_threads=2) as module:
        yield module


@pytest.fixture(scope="module")
def page_path(pages_dir: Path) -> str:
    return str(pages_dir / "noise_background.png")


@pytest.fixture(scope="module")
def page(page_path: str) -> np.ndarray:
    image = cv2.imread(page_path)
    image.setflags(write=False)
    return image


@pytest.fixture(scope="module")
def lines(ocr: PaddleOCR, page: np.ndarray) -> list[tuple[np.ndarray, str, float]]:
    """The lines of the page as the pipeline cuts them out: image, text and score."""
    (result,) = ocr.predict(page)
    columns = ("rec_polys", "rec_texts", "rec_scores")
    return [
        (_core.crop_quad(page, poly.astype(np.int32)), text, score)
        for poly, text, score in zip(*(result[column] for column in columns), strict=True)
    ]


@pytest.fixture(scope="module")
def crops(lines: list[tuple[np.ndarray, str, float]]) -> list[np.ndarray]:
    return [image for image, _, _ in lines]


# ---- detection -----------------------------------------------------------------------------------


def test_lines_are_those_of_the_pipeline_in_another_order(
    detection: TextDetection, ocr: PaddleOCR, page: np.ndarray, page_path: str
) -> None:
    settings = {"limit_side_len": 960, "limit_type": "max", "unclip_ratio": 2.0}
    (result,) = detection.predict(page_path, **settings)
    assert list(result) == ["input_path", "page_index", "input_img", "dt_polys", "dt_scores"]
    assert result["input_path"] == page_path
    assert result["dt_polys"].dtype == np.int16
    (expected,) = ocr.predict(page)
    found = {tuple(poly.ravel().tolist()) for poly in result["dt_polys"]}
    assert found == {tuple(poly.ravel().tolist()) for poly in expected["dt_polys"]}
    assert len(result["dt_scores"]) == len(expected["dt_polys"])
    assert all(0.6 <= score <= 1 for score in result["dt_scores"])


def test_a_page_without_text(detection: TextDetection) -> None:
    (result,) = detection.predict(np.full((80, 90, 3), 255, np.uint8))
    assert result["dt_polys"].shape == (0, 4, 2)
    assert result["dt_scores"] == []


def values_of(module: TextDetection) -> dict[str, Any]:
    return module._values


def test_values_of_the_installed_model(detection: TextDetection) -> None:
    assert values_of(detection) == {
        "limit_side_len": 960,
        "limit_type": "max",
        "thresh": 0.3,
        "box_thresh": 0.6,
        "unclip_ratio": 1.5,
        "max_side_limit": 4000,
    }


def test_values_of_a_model_count_less_than_those_given(tmp_path: Path, page: np.ndarray) -> None:
    (tmp_path / "inference.onnx").symlink_to(find_model("PP-OCRv5_mobile_det").paths[0])
    config = {
        "Global": {"model_name": "PP-OCRv5_mobile_det"},
        "PreProcess": {
            "transform_ops": [
                {"DetResizeForTest": {"resize_long": 640}},
                {"NormalizeImage": {"scale": "1./255.", "order": "hwc"}},
            ]
        },
        "PostProcess": {"name": "DBPostProcess", "thresh": 0.2, "box_thresh": 0.45},
    }
    (tmp_path / "inference.yml").write_text(yaml.safe_dump(config))
    with TextDetection(model_dir=str(tmp_path), box_thresh=0.99, cpu_threads=1) as module:
        assert values_of(module)["limit_side_len"] == 640
        assert values_of(module)["thresh"] == 0.2
        assert values_of(module)["box_thresh"] == 0.99
        assert values_of(module)["unclip_ratio"] == 2.0
        (strict,) = module.predict(page)
        (lax,) = module.predict(page, box_thresh=0.3)
    assert len(strict["dt_polys"]) < len(lax["dt_polys"])


def test_a_fixed_shape(page: np.ndarray) -> None:
    with TextDetection(input_shape=(3, 320, 480), cpu_threads=1) as module:
        (result,) = module.predict(page)
    assert len(result["dt_polys"])


@pytest.fixture(scope="module")
def seals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TextDetection]:
    """The installed model, said to be one for seals."""
    folder = tmp_path_factory.mktemp("seals")
    (folder / "inference.onnx").symlink_to(find_model("PP-OCRv5_mobile_det").paths[0])
    config = {
        "Global": {"model_name": "PP-OCRv4_mobile_seal_det"},
        "PreProcess": {"transform_ops": [{"NormalizeImage": {"scale": "1./255.", "order": "hwc"}}]},
        "PostProcess": {
            "name": "DBPostProcess",
            "thresh": 0.2,
            "box_thresh": 0.6,
            "unclip_ratio": 0.5,
            "box_type": "poly",
        },
    }
    (folder / "inference.yml").write_text(yaml.safe_dump(config))
    with TextDetection(
        model_name="PP-OCRv4_mobile_seal_det", model_dir=str(folder), cpu_threads=2
    ) as module:
        yield module


def test_outlines_of_bent_texts(seals: TextDetection, tmp_path: Path) -> None:
    assert values_of(seals)["limit_side_len"] == 736
    assert values_of(seals)["limit_type"] == "min"
    page = np.full((600, 600, 3), 255, np.uint8)
    text, centre, radius = "ROUND SEAL OF THE OLD HARBOUR OFFICE", np.array([300.0, 300.0]), 220
    for index, letter in enumerate(text):
        angle = np.pi + np.pi * index / (len(text) - 1)
        place = centre + radius * np.array([np.cos(angle), np.sin(angle)])
        patch = np.full((40, 40, 3), 255, np.uint8)
        cv2.putText(patch, letter, (8, 30), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 200), 2)
        turned = cv2.getRotationMatrix2D((20, 20), -np.degrees(angle) - 90, 1)
        turned[:, 2] += place - 20
        layer = cv2.warpAffine(patch, turned, (600, 600), borderValue=(255, 255, 255))
        page = np.minimum(page, layer)
    (result,) = seals.predict(page)
    assert result["dt_polys"]
    assert len(result["dt_polys"]) == len(result["dt_scores"])
    longest = max(result["dt_polys"], key=cv2.contourArea)
    assert longest.dtype == np.int32
    assert longest.shape[0] > 4
    # No rectangle of its size fits between these circles.
    distances = np.linalg.norm(longest - centre, axis=1)
    assert distances.min() > 195
    assert distances.max() < 245
    result.save_all(tmp_path)
    assert result.json["res"]["dt_polys"][0][0] == result["dt_polys"][0][0].tolist()


# ---- recognition ---------------------------------------------------------------------------------


def test_lines_read_as_in_the_pipeline(
    recognition: TextRecognition, lines: list[tuple[np.ndarray, str, float]]
) -> None:
    results = recognition.predict([image for image, _, _ in lines], batch_size=len(lines))
    assert list(results[0]) == [
        "input_path", "page_index", "input_img", "rec_text", "rec_score", "vis_font",
    ]  # fmt: skip
    assert [result["rec_text"] for result in results] == [text for _, text, _ in lines]
    scores = [result["rec_score"] for result in results]
    np.testing.assert_allclose(scores, [score for _, _, score in lines], atol=0.01)


def test_lines_of_a_batch_share_the_widest_one(
    recognition: TextRecognition, crops: list[np.ndarray]
) -> None:
    wide = max(crops, key=lambda crop: crop.shape[1] / crop.shape[0])
    long = np.ascontiguousarray(np.hstack([wide] * 3))
    narrow = min(crops, key=lambda crop: crop.shape[1] / crop.shape[0])
    alone, _ = recognition.predict([narrow, long], batch_size=1)
    together, _ = recognition.predict([narrow, long], batch_size=2)
    assert alone["rec_text"] == together["rec_text"]
    assert alone["rec_score"] != together["rec_score"]
    (again, _) = recognition.predict([narrow, long])  # the size of a batch stays
    assert again["rec_score"] == together["rec_score"]
    recognition.predict(narrow, batch_size=1)


def test_tall_images_are_not_turned(recognition: TextRecognition, crops: list[np.ndarray]) -> None:
    upright = crops[0]
    (tall,) = recognition.predict(np.ascontiguousarray(np.rot90(upright)))
    (line,) = recognition.predict(upright)
    assert tall["rec_text"] != line["rec_text"]


def test_a_fixed_shape_of_lines(crops: list[np.ndarray]) -> None:
    with TextRecognition(input_shape=(3, 48, 640), cpu_threads=1) as module:
        (result,) = module.predict(crops[0])
    assert result["rec_text"]


def test_results_do_not_depend_on_threads(crops: list[np.ndarray]) -> None:
    def read(threads: int) -> list[tuple[str, float]]:
        with TextRecognition(cpu_threads=threads) as module:
            results = module.predict(crops * 3, batch_size=5)
        return [(result["rec_text"], result["rec_score"]) for result in results]

    assert read(1) == read(3)


# ---- classification ------------------------------------------------------------------------------


def test_classes_of_lines(
    line_orientation: TextLineOrientationClassification, crops: list[np.ndarray]
) -> None:
    upside_down = np.ascontiguousarray(crops[0][::-1, ::-1])
    first, second = line_orientation.predict([crops[0], upside_down], batch_size=2)
    assert list(first) == [
        "input_path", "page_index", "input_img", "class_ids", "scores", "label_names",
    ]  # fmt: skip
    assert first["class_ids"].tolist() == [0]
    assert first["class_ids"].dtype == np.int32
    assert first["label_names"] == ["0_degree"]
    assert second["class_ids"].tolist() == [1]
    assert second["label_names"] == ["180_degree"]
    assert second["scores"].dtype == np.float32
    assert second["scores"][0] > 0.9


def test_all_classes(
    line_orientation: TextLineOrientationClassification, crops: list[np.ndarray]
) -> None:
    (result,) = line_orientation.predict(crops[0], topk=5)
    assert result["label_names"] == ["0_degree", "180_degree"]
    assert result["scores"][0] >= result["scores"][1]
    np.testing.assert_allclose(result["scores"].sum(), 1, atol=1e-4)
    assert (np.around(result["scores"], 5) == result["scores"]).all()


# ---- what all have in common ---------------------------------------------------------------------


def test_bad_inputs_keep_their_place(
    detection: TextDetection, page_path: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    missing = str(tmp_path / "missing.png")
    results = detection.predict([page_path, str(broken), missing, page_path], batch_size=3)
    assert [result.ok for result in results] == [True, False, False, True]
    assert isinstance(results[2].error, InputNotFoundError)
    with pytest.raises(InputNotFoundError, match=r"missing\.png"):
        detection.predict(missing)
    with pytest.raises(InputError):
        detection.predict(str(broken))


def test_results_one_by_one(detection: TextDetection, page: np.ndarray) -> None:
    results = detection.predict_iter([page] * 3)
    first = next(results)
    assert len(first["dt_polys"])
    results.close()  # type: ignore[attr-defined]
    assert list(results) == []


def test_a_closed_object(page: np.ndarray) -> None:
    module = TextDetection(cpu_threads=1)
    module.close()
    module.close()
    with pytest.raises(FastOCRError, match="this TextDetection object is closed"):
        module.predict(page)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": "1"}, "batch_size='1'"),
        ({"limit_side_len": 0}, "limit_side_len=0"),
        ({"limit_type": "mean"}, "limit_type='mean'"),
        ({"thresh": -1}, "thresh=-1"),
        ({"unclip_ratio": 0}, "unclip_ratio=0"),
        ({"max_side_limit": 1.5}, "max_side_limit=1.5"),
    ],
)
def test_wrong_arguments_of_calls(
    detection: TextDetection, page: np.ndarray, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidOptionError, match=message):
        detection.predict(page, **arguments)
    (result,) = detection.predict(page, batch_size=1)
    assert len(result["dt_polys"])


@pytest.mark.parametrize(
    ("make", "arguments", "error", "message"),
    [
        (TextDetection, {"thresh": "high"}, InvalidOptionError, "thresh='high'"),
        (TextDetection, {"input_shape": (3, 100, 100)}, InvalidOptionError, "input_shape"),
        (TextRecognition, {"input_shape": (3, 32, 100)}, InvalidOptionError, "input_shape"),
        (TextLineOrientationClassification, {"topk": 0}, InvalidOptionError, "topk=0"),
        (TextDetection, {"lang": "ch"}, InvalidOptionError, "Unknown argument: lang"),
        (TextDetection, {"device": "gpu:0,1"}, UnsupportedOptionError, "one device"),
        (TextDetection, {"model_name": 5}, InvalidOptionError, "model_name=5"),
        (TextDetection, {"model_name": "PP-OCRv9"}, ModelNotFoundError, "PP-OCRv9"),
        (TextDetection, {"model_dir": "nowhere"}, ModelNotFoundError, "nowhere"),
        (TextImageUnwarping, {}, ModelNotFoundError, "UVDoc"),
        (
            TextRecognition,
            {"model_name": "PP-OCRv5_mobile_det"},
            ModelFormatError,
            "text recognition",
        ),
        (
            TextLineOrientationClassification,
            {"model_name": "PP-OCRv5_mobile_det"},
            ModelFormatError,
            "classification",
        ),
        (
            TextDetection,
            {"model_name": "PP-LCNet_x1_0_textline_ori"},
            ModelFormatError,
            "text detection",
        ),
    ],
)
def test_wrong_arguments_of_classes(
    make: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(**arguments)


def test_classes_take_keywords_only() -> None:
    with pytest.raises(TypeError):
        TextDetection("PP-OCRv5_mobile_det")  # type: ignore[misc]


def test_names_of_the_package() -> None:
    for name in fastocr.__all__:
        assert getattr(fastocr, name) is not None
    with pytest.raises(AttributeError, match="TextGuessing"):
        _ = fastocr.TextGuessing


def test_an_empty_line_is_an_error_of_the_core(recognition: TextRecognition) -> None:
    with pytest.raises(InputError, match="empty"):
        recognition._stage.run([np.zeros((0, 5, 3), np.uint8)], _core.PageParams())
