"""The steps around detection and recognition in the whole pipeline: turning, flattening, lines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from fastocr import DocPreprocessor, PaddleOCR, loading
from fastocr.errors import (
    InvalidOptionError,
    ModelFormatError,
    ModelNotFoundError,
    UnsupportedOptionError,
)

MakeOCR = Callable[..., PaddleOCR]
ORIENTATION, UNWARPING, LINES = "PP-LCNet_x1_0_doc_ori", "UVDoc", "PP-LCNet_x1_0_textline_ori"


@pytest.fixture(scope="module")
def upright(pages_dir: Path) -> np.ndarray:
    """A page whose top left quarter is brighter than the others."""
    page = cv2.imread(str(pages_dir / "two_columns.png"))
    dim = (page * 0.75).astype(np.uint8)
    height, width = page.shape[:2]
    dim[: height // 2, : width // 2] = page[: height // 2, : width // 2]
    return dim


@pytest.fixture(scope="module")
def turning(make_ocr: MakeOCR, orientation_dir: Path) -> PaddleOCR:
    return make_ocr(
        doc_orientation_classify_model_dir=orientation_dir, use_doc_orientation_classify=True
    )


def polys(result: Any) -> list[list[list[int]]]:
    return [poly.tolist() for poly in result["dt_polys"]]


# ---- turning pages -------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", range(4))
def test_turned_pages_read_as_upright_ones(
    turning: PaddleOCR, ocr: PaddleOCR, upright: np.ndarray, turns: int
) -> None:
    (expected,) = ocr.predict(upright)
    assert expected["rec_texts"]
    page = np.ascontiguousarray(np.rot90(upright, -turns))
    (result,) = turning.predict(page)
    assert result["rec_texts"] == expected["rec_texts"]
    assert result["rec_scores"] == expected["rec_scores"]
    assert polys(result) == polys(expected)
    preprocessed = result["doc_preprocessor_res"]
    assert preprocessed["angle"] == 90 * turns
    assert preprocessed["model_settings"] == {
        "use_doc_orientation_classify": True,
        "use_doc_unwarping": False,
    }
    np.testing.assert_array_equal(preprocessed["input_img"], page)
    np.testing.assert_array_equal(preprocessed["rot_img"], upright)
    np.testing.assert_array_equal(preprocessed["output_img"], upright)
    assert result["model_settings"]["use_doc_preprocessor"] is True
    assert result.coordinates == "processed"
    assert list(result.img) == ["ocr_res_img", "preprocessed_img"]
    assert result.json["res"]["doc_preprocessor_res"] == {
        "input_path": None,
        "page_index": None,
        "model_settings": preprocessed["model_settings"],
        "angle": 90 * turns,
    }


@pytest.mark.parametrize("turns", range(4))
def test_places_in_the_input(turning: PaddleOCR, upright: np.ndarray, turns: int) -> None:
    """A mapped rectangle cuts out of the input what the other one cuts out of the upright page."""
    page = np.ascontiguousarray(np.rot90(upright, -turns))
    (there,) = turning.predict(page)
    (here,) = turning.predict(page, coordinates="original")
    assert here.coordinates == "original"
    assert here["rec_texts"] == there["rec_texts"]
    assert here["rec_polys"][0].dtype == np.int16
    for old, new in zip(there["rec_boxes"], here["rec_boxes"], strict=True):
        crop = upright[old[1] : old[3], old[0] : old[2]]
        same = np.rot90(page[new[1] : new[3], new[0] : new[2]], turns)
        np.testing.assert_array_equal(same, crop)
    assert here.img["ocr_res_img"].size == (2 * page.shape[1], page.shape[0])


def test_a_call_without_the_step(turning: PaddleOCR, upright: np.ndarray) -> None:
    page = np.ascontiguousarray(np.rot90(upright, -1))
    (result,) = turning.predict(page, use_doc_orientation_classify=False)
    assert result["doc_preprocessor_res"].keys() == {"output_img"}
    assert result["doc_preprocessor_res"]["output_img"] is page
    assert result["model_settings"]["use_doc_preprocessor"] is False


@pytest.mark.parametrize("turns", [1, 2])
def test_places_of_words(turning: PaddleOCR, upright: np.ndarray, turns: int) -> None:
    page = np.ascontiguousarray(np.rot90(upright, -turns))
    (there,) = turning.predict(page, return_word_box=True)
    (here,) = turning.predict(page, return_word_box=True, coordinates="original")
    assert here["text_word"] == there["text_word"]
    assert sum(map(len, here["text_word"])) > len(here["rec_texts"])
    for regions, boxes in zip(here["text_word_region"], here["text_word_boxes"], strict=True):
        np.testing.assert_array_equal(boxes[:, :2], regions.min(axis=1))
        np.testing.assert_array_equal(boxes[:, 2:], regions.max(axis=1))
    for old_boxes, new_boxes in zip(there["text_word_boxes"], here["text_word_boxes"], strict=True):
        for old, new in zip(old_boxes, new_boxes, strict=True):
            crop = upright[old[1] : old[3], old[0] : old[2]]
            same = np.rot90(page[new[1] : new[3], new[0] : new[2]], turns)
            np.testing.assert_array_equal(same, crop)


# ---- flattening ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flattening(make_ocr: MakeOCR, unwarping_dir: Path) -> PaddleOCR:
    return make_ocr(doc_unwarping_model_dir=unwarping_dir, use_doc_unwarping=True)


def test_flattened_pages(flattening: PaddleOCR, ocr: PaddleOCR, upright: np.ndarray) -> None:
    (expected,) = ocr.predict(upright)
    (result,) = flattening.predict(upright)
    assert result["rec_texts"] == expected["rec_texts"]
    preprocessed = result["doc_preprocessor_res"]
    assert preprocessed["angle"] == -1
    assert preprocessed["rot_img"] is preprocessed["input_img"]
    assert preprocessed["output_img"].shape == upright.shape
    middle = np.array(upright.shape[1::-1]) / 2
    for mine, plain in zip(result["rec_polys"], expected["rec_polys"], strict=True):
        np.testing.assert_allclose(mine, (plain - middle) * 0.95 + middle, atol=6)


def test_places_in_the_page_before(
    flattening: PaddleOCR, ocr: PaddleOCR, upright: np.ndarray
) -> None:
    (expected,) = ocr.predict(upright)
    (result,) = flattening.predict(upright, coordinates="original")
    for mine, plain in zip(result["rec_polys"], expected["rec_polys"], strict=True):
        np.testing.assert_allclose(mine, plain, atol=6)
    corners = np.array(result["rec_polys"])
    np.testing.assert_array_equal(result["rec_boxes"][:, :2], corners.min(axis=1))
    np.testing.assert_array_equal(result["rec_boxes"][:, 2:], corners.max(axis=1))


def test_both_steps(
    make_ocr: MakeOCR, orientation_dir: Path, unwarping_dir: Path, upright: np.ndarray
) -> None:
    page = np.ascontiguousarray(np.rot90(upright, 1))
    with make_ocr(
        doc_orientation_classify_model_dir=orientation_dir,
        doc_unwarping_model_dir=unwarping_dir,
        use_doc_orientation_classify=True,
        use_doc_unwarping=True,
        coordinates="original",
    ) as both:
        (result,) = both.predict(page)
        (plain,) = both.predict(page, use_doc_unwarping=False, use_doc_orientation_classify=True)
    assert result["doc_preprocessor_res"]["angle"] == 270
    assert result["rec_texts"] == plain["rec_texts"]
    for mine, other in zip(result["rec_polys"], plain["rec_polys"], strict=True):
        np.testing.assert_allclose(mine, other, atol=6)


# ---- lines ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed_page(ocr: PaddleOCR, pages_dir: Path) -> tuple[np.ndarray, list[str], list[int]]:
    """A page with every other line upside down, its texts, and which lines those are."""
    page = cv2.imread(str(pages_dir / "english.png"))
    (result,) = ocr.predict(page)
    turned = []
    for index, (left, top, right, bottom) in enumerate(result["rec_boxes"].tolist()):
        turned.append(index % 2)
        if index % 2:
            page[top:bottom, left:right] = page[top:bottom, left:right][::-1, ::-1].copy()
    return page, result["rec_texts"], turned


@pytest.fixture(scope="module")
def line_turning(make_ocr: MakeOCR) -> PaddleOCR:
    return make_ocr(use_textline_orientation=True)


def test_each_line_has_its_own_angle(
    line_turning: PaddleOCR, ocr: PaddleOCR, mixed_page: tuple[np.ndarray, list[str], list[int]]
) -> None:
    page, texts, turned = mixed_page
    (result,) = line_turning.predict(page)
    assert result["textline_orientation_angles"] == turned
    assert sum(turned) > 1
    assert result["rec_texts"] == texts
    assert result["model_settings"]["use_textline_orientation"] is True
    (unaware,) = ocr.predict(page)
    assert unaware["rec_texts"] != texts
    assert unaware["textline_orientation_angles"] == [-1] * len(unaware["dt_polys"])
    (off,) = line_turning.predict(page, use_textline_orientation=False)
    assert off["rec_texts"] == unaware["rec_texts"]
    assert off["rec_scores"] == unaware["rec_scores"]


def test_a_line_alone_on_its_page(
    line_turning: PaddleOCR, mixed_page: tuple[np.ndarray, list[str], list[int]]
) -> None:
    page, texts, _ = mixed_page
    (result,) = line_turning.predict(page)
    left, top, right, bottom = result["rec_boxes"][1]
    margin = 12
    alone = page[top - margin : bottom + margin, left - margin : right + margin]
    (single,) = line_turning.predict(np.ascontiguousarray(alone))
    assert single["rec_texts"] == [texts[1]]
    assert single["textline_orientation_angles"] == [1]


def test_words_of_upside_down_lines(
    line_turning: PaddleOCR,
    ocr: PaddleOCR,
    pages_dir: Path,
    mixed_page: tuple[np.ndarray, list[str], list[int]],
) -> None:
    """They lie where they lay before their line was turned, mirrored in it."""
    page, _, turned = mixed_page
    (result,) = line_turning.predict(page, return_word_box=True)
    with PaddleOCR(return_word_box=True, use_textline_orientation=False, cpu_threads=2) as plain:
        (before,) = plain.predict(str(pages_dir / "english.png"))
    assert result["text_word"] == before["text_word"]
    for index, is_turned in enumerate(turned):
        left, _, right, _ = result["rec_boxes"][index].tolist()
        mine, theirs = result["text_word_boxes"][index], before["text_word_boxes"][index]
        if is_turned:
            theirs = theirs.copy()
            theirs[:, [0, 2]] = left + right - theirs[:, [2, 0]]
        # Boxes end at columns of the network, about seven pixels of this page, and the line that
        # is found upside down is up to four pixels larger.
        np.testing.assert_allclose(mine[:, [0, 2]], theirs[:, [0, 2]], atol=12)


def test_a_page_without_lines(line_turning: PaddleOCR) -> None:
    (result,) = line_turning.predict(np.full((64, 64, 3), 255, np.uint8))
    assert "textline_orientation_angles" not in result
    assert result["rec_texts"] == []


# ---- which steps there are -----------------------------------------------------------------------


def test_steps_without_a_model_are_off_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, upright: np.ndarray
) -> None:
    monkeypatch.setattr(loading, "_reported", set())
    caplog.set_level(logging.WARNING, "fastocr")
    for _ in range(2):
        with PaddleOCR(cpu_threads=2) as ocr:
            (result,) = ocr.predict(upright)
    assert result["model_settings"] == {
        "use_doc_preprocessor": False,
        "use_textline_orientation": True,
    }
    (record,) = caplog.records
    for word in (ORIENTATION, UNWARPING, "fastocr models download", "use_doc_unwarping"):
        assert word in record.getMessage()
    assert LINES not in record.getMessage()


@pytest.mark.parametrize(
    ("switch", "model"),
    [("use_doc_orientation_classify", ORIENTATION), ("use_doc_unwarping", UNWARPING)],
)
def test_steps_that_were_asked_for_need_their_model(
    make_ocr: MakeOCR, switch: str, model: str
) -> None:
    with pytest.raises(ModelNotFoundError, match=model):
        make_ocr(**{switch: True})


def test_a_call_cannot_load_a_step(ocr: PaddleOCR, upright: np.ndarray) -> None:
    for switch in ("use_doc_orientation_classify", "use_doc_unwarping", "use_textline_orientation"):
        with pytest.raises(InvalidOptionError, match=f"{switch}=True.*constructor"):
            ocr.predict(upright, **{switch: True})


def test_labels_that_are_no_angles(
    make_ocr: MakeOCR, orientation_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "inference.onnx").symlink_to(orientation_dir / "inference.onnx")
    config = yaml.safe_load((orientation_dir / "inference.yml").read_text())
    config["PostProcess"]["Topk"]["label_list"] = ["0", "90", "180", "north"]
    (tmp_path / "inference.yml").write_text(yaml.safe_dump(config))
    with pytest.raises(ModelFormatError, match="north"):
        make_ocr(doc_orientation_classify_model_dir=tmp_path, use_doc_orientation_classify=True)


def test_places_need_an_engine_that_tells_them(
    make_ocr: MakeOCR, unwarping_dir: Path, upright: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_ocr(doc_unwarping_model_dir=unwarping_dir, use_doc_unwarping=True) as ocr:
        monkeypatch.setattr(ocr._pipelines[0]._document, "maps_coordinates", False)
        with pytest.raises(UnsupportedOptionError, match="coordinates='original'"):
            ocr.predict(upright, coordinates="original")
        assert ocr.predict(upright, coordinates="original", use_doc_unwarping=False)


def test_bent_texts_are_not_read(make_ocr: MakeOCR) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"text_type='seal'.*TextDetection"):
        make_ocr(paddlex_config={"pipeline_name": "OCR", "text_type": "seal"})


# ---- the steps before detection on their own -----------------------------------------------------


def test_doc_preprocessor(
    orientation_dir: Path, unwarping_dir: Path, upright: np.ndarray, tmp_path: Path
) -> None:
    page = np.ascontiguousarray(np.rot90(upright, 1))
    with DocPreprocessor(
        doc_orientation_classify_model_dir=orientation_dir,
        doc_unwarping_model_dir=unwarping_dir,
        use_doc_orientation_classify=True,
        use_doc_unwarping=True,
    ) as steps:
        (result,) = steps.predict(page)
        assert result["angle"] == 270
        np.testing.assert_array_equal(result["rot_img"], upright)
        assert result["output_img"].shape == upright.shape
        assert (result["output_img"] != upright).any()
        (turned,) = steps.predict(page, use_doc_unwarping=False)
        assert turned["output_img"] is turned["rot_img"]
        (flat,) = steps.predict(page, use_doc_orientation_classify=False)
        assert flat["angle"] == -1
        first, second = steps.predict_iter([page, tmp_path / "missing.png"])
        assert first["angle"] == 270
        assert not second.ok
        file = tmp_path / "steps.yaml"
        steps.export_paddlex_config_to_yaml(file)
    with DocPreprocessor(paddlex_config=file) as again:
        (same,) = again.predict(page)
    np.testing.assert_array_equal(same["output_img"], result["output_img"])
    result.save_all(tmp_path / "output")
    assert len(list((tmp_path / "output").iterdir())) == 2


def test_doc_preprocessor_refuses_what_it_does_not_have() -> None:
    with pytest.raises(InvalidOptionError, match="Unknown argument: lang"):
        DocPreprocessor(lang="ch")
