"""What `PaddleOCR.ocr` takes and returns, as in PaddleOCR 2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from fastocr import checks
from fastocr.errors import InvalidOptionError, UnsupportedOptionError
from fastocr.tracebacks import fresh

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]

__all__ = [
    "box_pages",
    "check_arguments",
    "image_filter",
    "line_pages",
    "predict_options",
    "text_pages",
]

# A corner is [x, y], a box the four corners clockwise from the top left, in pixels.
Box = list[list[float]]
# A line with its place is [box, (text, score)].
PlacedLine = list[Any]

WHITE = (255, 255, 255)


def check_arguments(given: Mapping[str, Any]) -> None:
    """Check the arguments of `ocr` that `predict` does not have.

    Raises:
        InvalidOptionError: a wrong type.
        UnsupportedOptionError: a value that cannot be honoured.

    """
    for name in ("det", "rec", "cls", "bin", "inv"):
        checks.switch(name, given[name])
    colour = given["alpha_color"]
    if not isinstance(colour, (list, tuple)) or tuple(colour) != WHITE:
        raise UnsupportedOptionError(
            f"alpha_color={colour!r} is not supported: transparency is dropped; put "
            "the image on its background first"
        )
    if given["slice"]:
        raise UnsupportedOptionError(
            f"slice={given['slice']!r} is not supported: cut the image up first, or raise "
            "text_det_limit_side_len"
        )


def predict_options(cls: bool, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `predict` that those of `ocr` stand for.

    As there, `cls` asks for nothing that the constructor has not loaded.

    Raises:
        InvalidOptionError: `cls` and `use_textline_orientation` contradict each other.

    """
    if cls:
        return dict(options)
    if options.get("use_textline_orientation"):
        raise InvalidOptionError("cls=False and use_textline_orientation=True exclude each other")
    return {**options, "use_textline_orientation": False}


def image_filter(*, binarize: bool, invert: bool) -> Callable[[Image], Image]:
    """Return what makes a page's image, (H, W, 3) uint8, ready: inverted, then black and white."""

    def prepared(image: Image) -> Image:
        if invert:
            image = 255 - image
        return _binarized(image) if binarize else image

    return prepared


def _binarized(image: Image) -> Image:
    import cv2

    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    _, black_and_white = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return cast("Image", cv2.cvtColor(black_and_white, cv2.COLOR_GRAY2BGR))


def text_pages(results: Iterable[Mapping[str, Any]]) -> list[list[PlacedLine] | None]:
    """Return [box, (text, score)] of every line of each page; None for a page without lines.

    Raises:
        FastOCRError: the error of a page that failed, which this form has no place for.

    """
    pages: list[list[PlacedLine] | None] = []
    for result in map(_successful, results):
        lines = zip(result["rec_polys"], result["rec_texts"], result["rec_scores"], strict=True)
        pages.append([[_box(poly), (text, score)] for poly, text, score in lines] or None)
    return pages


def box_pages(results: Iterable[Mapping[str, Any]]) -> list[list[Box] | None]:
    """Return the boxes of each page (``rec=False``); None for a page without lines.

    Raises:
        FastOCRError: as `text_pages`.

    """
    return [[_box(poly) for poly in page["dt_polys"]] or None for page in map(_successful, results)]


def line_pages(results: Iterable[Any], *, together: bool) -> list[list[tuple[str, float]]]:
    """Return what was found of images that are lines (``det=False``).

    Each image is a page; `together`, as a list of images is given, they are the lines of one.

    Raises:
        FastOCRError: as `text_pages`.

    """
    lines = [_successful(line) for line in results]
    return [lines] if together else [[line] for line in lines]


def _successful(result: Any) -> Any:
    error = getattr(result, "error", None)
    if error is not None:
        raise fresh(error)
    return result


def _box(poly: Any) -> Box:
    box: Box = poly.astype(float).tolist()
    return box
