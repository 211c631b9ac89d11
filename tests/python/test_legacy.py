"""`PaddleOCR.ocr`, with the lists of PaddleOCR 2."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fastocr import FailedResult, PaddleOCR, legacy
from fastocr.errors import InputError, InvalidOptionError, UnsupportedOptionError

# The signature of `PaddleOCR.ocr` in version 2.10, without `self`.
SIGNATURE = {
    "img": inspect.Parameter.empty,
    "det": True,
    "rec": True,
    "cls": True,
    "bin": False,
    "inv": False,
    "alpha_color": (255, 255, 255),
}
BLANK = np.full((64, 64, 3), 255, np.uint8)


def call(ocr: PaddleOCR, *arguments: Any, **given: Any) -> Any:
    """Calls the method, which always warns."""
    with pytest.warns(DeprecationWarning, match="`ocr` is deprecated, use `predict`") as caught:
        result = ocr.ocr(*arguments, **given)
    assert [warning.filename for warning in caught] == [__file__]
    return result


def test_signature() -> None:
    parameters = list(inspect.signature(PaddleOCR.ocr).parameters.values())[1:]
    assert {p.name: p.default for p in parameters[: len(SIGNATURE)]} == SIGNATURE
    assert {p.kind for p in parameters[:-1]} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert parameters[len(SIGNATURE)].name == "slice"


def test_lines(ocr: PaddleOCR, pages_dir: Path) -> None:
    """The form that programs for version 2 take apart."""
    path = str(pages_dir / "english.png")
    (page,) = call(ocr, path)
    (expected,) = ocr.predict(path)
    assert len(page) == len(expected["rec_texts"]) > 0
    for line, poly, text, score in zip(
        page, expected["rec_polys"], expected["rec_texts"], expected["rec_scores"], strict=True
    ):
        box, read = line
        assert box == poly.tolist()
        assert {type(value) for corner in box for value in corner} == {float}
        assert type(read) is tuple
        assert read == (text, score)


def test_boxes(ocr: PaddleOCR, pages_dir: Path) -> None:
    path = str(pages_dir / "english.png")
    (page,) = call(ocr, path, rec=False)
    (expected,) = ocr.predict(path)
    assert page == [poly.tolist() for poly in expected["dt_polys"]]


@pytest.mark.parametrize("rec", [True, False])
def test_pages_without_lines(ocr: PaddleOCR, pages_dir: Path, rec: bool) -> None:
    pages = call(ocr, [BLANK, pages_dir / "english.png", BLANK], rec=rec)
    assert [page is None for page in pages] == [True, False, True]
    assert call(ocr, [], rec=rec) == []


def test_options_of_predict(ocr: PaddleOCR, pages_dir: Path) -> None:
    path = pages_dir / "english.png"
    assert call(ocr, path, text_rec_score_thresh=2) == [None]
    with pytest.raises(InvalidOptionError, match="text_det_thresh='x'"):
        call(ocr, path, text_det_thresh="x")
    with pytest.raises(InvalidOptionError, match="Unknown argument: text_det_tresh"):
        call(ocr, path, text_det_tresh=0.1)


def test_inputs_that_fail(ocr: PaddleOCR) -> None:
    """There is no place for an error in the lists."""
    for source in ("missing.png", [BLANK, "missing.png"]):
        with pytest.raises(InputError, match=r"missing\.png"):
            call(ocr, source)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"text_det_thresh": 0.1}),
        ({"cls": False}, {"text_det_thresh": 0.1, "use_textline_orientation": False}),
    ],
)
def test_line_orientation(given: dict[str, bool], expected: dict[str, Any]) -> None:
    """`cls=True`, the default, asks for nothing that is not loaded."""
    assert legacy.predict_options(given.get("cls", True), {"text_det_thresh": 0.1}) == expected


def test_line_orientation_against_itself() -> None:
    with pytest.raises(InvalidOptionError, match="cls=False and use_textline_orientation=True"):
        legacy.predict_options(False, {"use_textline_orientation": True})


def test_inverted_and_binarized_pages(ocr: PaddleOCR, pages_dir: Path) -> None:
    image = cv2.imread(str(pages_dir / "english.png"))
    assert call(ocr, 255 - image, inv=True) == call(ocr, image)
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    _, expected = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    assert call(ocr, image, bin=True) == call(ocr, cv2.cvtColor(expected, cv2.COLOR_GRAY2BGR))
    assert call(ocr, image, bin=True) != call(ocr, image)


def test_image_filter_inverts_first() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 30, 3), np.uint8)
    before = image.copy()
    both = legacy.image_filter(binarize=True, invert=True)(image)
    inverted = cv2.bitwise_not(image)
    _, expected = cv2.threshold(
        cv2.cvtColor(inverted, cv2.COLOR_BGR2GRAY), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU
    )
    assert np.array_equal(both, np.dstack([expected] * 3))
    assert np.array_equal(legacy.image_filter(binarize=False, invert=True)(image), inverted)
    assert legacy.image_filter(binarize=False, invert=False)(image) is image
    assert np.array_equal(image, before)


@pytest.mark.parametrize("name", ["det", "rec", "cls", "bin", "inv"])
def test_wrong_types(ocr: PaddleOCR, name: str) -> None:
    with pytest.raises(InvalidOptionError, match=f"^{name}=1 is not allowed: a bool"):
        call(ocr, "never read.png", **{name: 1})


@pytest.mark.parametrize(
    "given",
    [
        {"alpha_color": (0, 0, 0)},
        {"alpha_color": 255},
        {"slice": {"horizontal_stride": 300, "vertical_stride": 500}},
        {"det": False, "rec": False},
    ],
)
def test_what_is_not_supported(ocr: PaddleOCR, given: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOptionError, match=f"^{next(iter(given))}="):
        call(ocr, BLANK, **given)


def test_arguments_that_ask_for_nothing(ocr: PaddleOCR) -> None:
    assert call(ocr, BLANK, True, True, True, False, False, [255, 255, 255], {}) == [None]


@pytest.fixture(scope="module")
def turning(make_ocr: Callable[..., PaddleOCR]) -> PaddleOCR:
    """A pipeline that turns lines which are upside down."""
    return make_ocr(use_textline_orientation=True)


@pytest.fixture(scope="module")
def lines(ocr: PaddleOCR, pages_dir: Path) -> list[tuple[npt.NDArray[np.uint8], str]]:
    """Lines of a page, cut out, and their texts."""
    path = str(pages_dir / "english.png")
    image = cv2.imread(path)
    (page,) = ocr.predict(path)
    boxes = zip(page["rec_boxes"], page["rec_texts"], strict=True)
    return [(image[y0:y1, x0:x1], text) for (x0, y0, x1, y1), text in boxes][:3]


def test_lines_without_detection(ocr: PaddleOCR, lines: Any) -> None:
    """An image is a page of one line; images of a list are lines of one page."""
    images, texts = zip(*lines, strict=True)
    ((text, score),) = call(ocr, images[0], det=False)[0]
    assert text == texts[0]
    assert 0.9 < score <= 1
    (page,) = call(ocr, list(images), det=False)
    assert [text for text, _ in page] == list(texts)
    assert page[0] == (texts[0], score)


def test_lines_of_a_document(ocr: PaddleOCR, lines: Any, tmp_path: Path) -> None:
    """Its pages stay apart."""
    path = tmp_path / "lines.tiff"
    cv2.imwritemulti(str(path), [image for image, _ in lines])
    pages = call(ocr, path, det=False)
    assert [[text for text, _ in page] for page in pages] == [[text] for _, text in lines]


def test_lines_that_are_upside_down(turning: PaddleOCR, lines: Any) -> None:
    image, expected = lines[0]
    upside_down = image[::-1, ::-1]
    for given in (image, upside_down):
        ((text, _),) = call(turning, given, det=False)[0]
        assert text == expected
    ((text, _),) = call(turning, upside_down, det=False, cls=False)[0]
    assert text != expected


def test_orientation_of_lines(turning: PaddleOCR, lines: Any) -> None:
    image, _ = lines[0]
    (page,) = call(turning, [image, image[::-1, ::-1]], det=False, rec=False)
    assert [label for label, _ in page] == ["0", "180"]
    assert all(0.5 < score <= 1 for _, score in page)


def test_lines_that_fail(ocr: PaddleOCR) -> None:
    with pytest.raises(InputError, match=r"missing\.png"):
        call(ocr, [BLANK, "missing.png"], det=False)


def test_failed_pages_raise() -> None:
    failed = FailedResult("x.pdf", 3, InputError("page 4 is broken"))
    for shape in (legacy.text_pages, legacy.box_pages):
        with pytest.raises(InputError, match="page 4 is broken"):
            shape([failed])
