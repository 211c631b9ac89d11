"""Whole pages through `PaddleOCR.predict` against the stored results of the reference.

Where the same instructions are used as for the fixtures (AVX-512), boxes and texts are equal and
scores differ by a millionth. The bars are lower because other CPUs add up the network's sums in
another order: a probability beside a threshold may fall on the other side, which moves a box by a
pixel or changes one character that was a toss-up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fastocr import PaddleOCR

LEAST_IOU = 0.9
LEAST_SHARE_OF_LINES = 0.99
LEAST_SHARE_OF_CLOSE_BOXES = 0.995
CLOSE = 2  # pixels
LARGEST_MEAN_SCORE_DIFFERENCE = 0.005

FIXTURE = json.loads(
    (Path(__file__).resolve().parent / "fixtures" / "pages.json").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Line:
    """One line of text, found or expected."""

    poly: np.ndarray
    text: str
    score: float


@dataclass(frozen=True)
class Comparison:
    """A line of the reference and the best overlapping line that was found on the same page."""

    place: str
    expected: Line
    found: Line | None
    iou: float

    @property
    def same_text(self) -> bool:
        return self.found is not None and self.found.text == self.expected.text

    @property
    def is_found(self) -> bool:
        return self.iou >= LEAST_IOU and self.same_text

    @property
    def is_close(self) -> bool:
        if self.found is None:
            return False
        return bool(np.abs(self.found.poly - self.expected.poly).max() <= CLOSE)


def lines_of(result: Any) -> list[Line]:
    """The lines of a result; without a score threshold every box has a text."""
    assert len(result["rec_texts"]) == len(result["dt_polys"])
    parts = zip(result["dt_polys"], result["rec_texts"], result["rec_scores"], strict=True)
    return [Line(np.asarray(poly, np.int32), text, score) for poly, text, score in parts]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two convex quads."""
    first, second = a.astype(np.float32), b.astype(np.float32)
    common, _ = cv2.intersectConvexConvex(first, second)
    union = cv2.contourArea(first) + cv2.contourArea(second) - common
    return common / union if union > 0 else 0.0


def compare(place: str, expected: list[Line], found: list[Line]) -> list[Comparison]:
    """Pair each expected line with the found one that overlaps it most."""
    comparisons = []
    for line in expected:
        ious = [overlap(line.poly, other.poly) for other in found]
        best = int(np.argmax(ious)) if ious else -1
        match = found[best] if ious and ious[best] > 0 else None
        comparisons.append(Comparison(place, line, match, ious[best] if ious else 0.0))
    return comparisons


@dataclass(frozen=True)
class Outcome:
    """All pages in both settings."""

    comparisons: list[Comparison]
    counts: dict[str, tuple[int, int]]  # lines expected and found of each page


@pytest.fixture(scope="module")
def outcome(ocr: PaddleOCR, pages_dir: Path) -> Outcome:
    comparisons: list[Comparison] = []
    counts = {}
    for name, settings in FIXTURE["pages"].items():
        for setting, reference in settings.items():
            options = {f"text_det_{k}": v for k, v in FIXTURE["settings"][setting].items()}
            (result,) = ocr.predict(str(pages_dir / name), **options)
            expected, found = lines_of(reference), lines_of(result)
            place = f"{name} in {setting}"
            counts[place] = (len(expected), len(found))
            comparisons += compare(place, expected, found)
    return Outcome(comparisons, counts)


def test_every_page_is_covered(outcome: Outcome, pages_dir: Path) -> None:
    """A page without a stored result would pass unseen."""
    pages = {path.name for path in pages_dir.glob("*.png")}
    assert {place.split(" in ")[0] for place in outcome.counts} == pages
    assert len(outcome.counts) == len(pages) * len(FIXTURE["settings"])


def test_lines_of_the_reference_are_found(outcome: Outcome) -> None:
    missed = [c for c in outcome.comparisons if not c.is_found]
    details = [(c.place, c.expected.text, c.found and c.found.text, c.iou) for c in missed]
    share = 1 - len(missed) / len(outcome.comparisons)
    assert share >= LEAST_SHARE_OF_LINES, details


def test_nothing_else_is_found(outcome: Outcome) -> None:
    expected = sum(count for count, _ in outcome.counts.values())
    found = sum(count for _, count in outcome.counts.values())
    differing = {place: both for place, both in outcome.counts.items() if both[0] != both[1]}
    assert abs(found - expected) <= (1 - LEAST_SHARE_OF_LINES) * expected, differing


def test_boxes_are_close(outcome: Outcome) -> None:
    far = [c for c in outcome.comparisons if not c.is_close]
    share = 1 - len(far) / len(outcome.comparisons)
    details = [(c.place, c.expected.poly.tolist(), c.found and c.found.poly.tolist()) for c in far]
    assert share >= LEAST_SHARE_OF_CLOSE_BOXES, details


def test_scores_are_close(outcome: Outcome) -> None:
    """Of lines read alike: the score of another text is another quantity."""
    differences = [
        abs(c.found.score - c.expected.score)
        for c in outcome.comparisons
        if c.found is not None and c.is_found
    ]
    assert np.mean(differences) <= LARGEST_MEAN_SCORE_DIFFERENCE


@pytest.mark.parametrize("setting", list(FIXTURE["settings"]))
def test_blank_page_is_empty(outcome: Outcome, setting: str) -> None:
    assert outcome.counts[f"blank.png in {setting}"] == (0, 0)
