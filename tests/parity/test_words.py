"""Words of whole pages against the stored results of the reference.

Where the words lie follows from the box of their line and from the steps at which the network shows
its characters, which are compared where both read the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastocr import PaddleOCR

FIXTURE = json.loads(
    (Path(__file__).resolve().parent / "fixtures" / "words.json").read_text(encoding="utf-8")
)
DETECTION = {
    "text_det_limit_side_len": 960,
    "text_det_limit_type": "max",
    "text_det_thresh": 0.3,
    "text_det_box_thresh": 0.6,
    "text_det_unclip_ratio": 2.0,
}
# Lines of which box and text are the same; other CPUs may miss some, see `test_pages`. A character
# at the border of two steps may move by one on these.
LEAST_SHARE_OF_LINES = 0.9
LEAST_SHARE_OF_EQUAL_WORDS = 0.98


@pytest.fixture(scope="module")
def pairs(
    make_ocr: Callable[..., PaddleOCR], pages_dir: Path
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Expected and found lines of one box and text."""
    ocr = make_ocr(return_word_box=True, **DETECTION)
    result = []
    for name, lines in FIXTURE.items():
        page = ocr.predict(str(pages_dir / name))[0]
        found = {
            (str(poly.tolist()), text): {"words": words, "regions": regions, "boxes": boxes}
            for poly, text, words, regions, boxes in zip(
                page["rec_polys"],
                page["rec_texts"],
                page["text_word"],
                page["text_word_region"],
                page["text_word_boxes"],
                strict=True,
            )
        }
        keys = [(str(line["poly"]), line["text"]) for line in lines]
        result += [
            (line, found[key]) for line, key in zip(lines, keys, strict=True) if key in found
        ]
    return result


def test_most_lines_can_be_compared(pairs: list[Any]) -> None:
    assert len(pairs) >= LEAST_SHARE_OF_LINES * sum(map(len, FIXTURE.values()))


def test_words_are_the_same(pairs: list[Any]) -> None:
    for expected, found in pairs:
        assert found["words"] == expected["words"]


@pytest.mark.parametrize("key", ["regions", "boxes"])
def test_words_lie_at_the_same_place(pairs: list[Any], key: str) -> None:
    equal = [
        np.array_equal(a, b)
        for expected, found in pairs
        for a, b in zip(expected[key], found[key], strict=True)
    ]
    assert len(equal) > 200
    assert np.mean(equal) >= LEAST_SHARE_OF_EQUAL_WORDS
