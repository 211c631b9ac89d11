"""Geometry of the core against stored results of OpenCV 4.10 and Clipper 6."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from fastocr import _core

pytestmark = pytest.mark.usefixtures("isa")

Load = Callable[[str], dict[str, np.ndarray]]

CORNER_TOLERANCE = 1e-3  # pixels


def masks(arrays: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    """The masks of the contour fixture."""
    offsets = arrays["mask_offsets"]
    for k, (height, width) in enumerate(arrays["mask_sizes"].tolist()):
        bits = np.unpackbits(arrays["mask_bits"][offsets[k] : offsets[k + 1]])
        yield bits[: height * width].reshape(height, width)


def least_rectangle(points: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The core's rectangle around integer points."""
    return _core.min_area_rect(points.astype(np.float32))


# Contours


def test_contours_are_equal_in_points_and_order(stored: Load) -> None:
    arrays = stored("contours")
    point_offsets = arrays["point_offsets"]
    for k, mask in enumerate(masks(arrays)):
        first, last = arrays["contour_offsets"][k : k + 2]
        found = _core.find_contours(mask)
        assert len(found) == last - first, f"mask {k}"
        for contour, index in zip(found, range(first, last), strict=True):
            wanted = arrays["points"][point_offsets[index] : point_offsets[index + 1]]
            np.testing.assert_array_equal(contour, wanted, err_msg=f"mask {k}, contour {index}")


def test_any_value_but_zero_is_set(stored: Load) -> None:
    for mask in masks(stored("contours")):
        for contour, wanted in zip(
            _core.find_contours(mask * np.uint8(255)), _core.find_contours(mask), strict=True
        ):
            np.testing.assert_array_equal(contour, wanted)


# Least rectangles


def test_least_rectangles_have_the_stored_corners(stored: Load) -> None:
    arrays = stored("min_area_rect")
    offsets = arrays["offsets"]
    for k in range(len(offsets) - 1):
        corners, width, height = least_rectangle(arrays["points"][offsets[k] : offsets[k + 1]])
        case = f"case {k}, {arrays['kind_names'][arrays['kinds'][k]]}"
        np.testing.assert_allclose(
            corners, arrays["corners"][k], rtol=0, atol=CORNER_TOLERANCE, err_msg=case
        )
        assert min(width, height) == pytest.approx(arrays["short_sides"][k], abs=1e-3), case


# Scores


def test_box_scores(stored: Load, sha256: Callable[[np.ndarray], str]) -> None:
    arrays = stored("box_score")
    maps = []
    for seed, size, digest in zip(
        arrays["map_seeds"], arrays["map_sizes"], arrays["map_sha256"], strict=True
    ):
        maps.append(np.random.default_rng(seed).random(tuple(size), dtype=np.float32))
        assert sha256(maps[-1]) == digest, "numpy's generator has changed"
    for k, wanted in enumerate(arrays["scores"]):
        score = _core.box_score(maps[arrays["maps"][k]], arrays["quads"][k])
        assert score == pytest.approx(wanted, abs=1e-9), f"case {k}"


def test_score_of_an_upright_box_is_the_mean_of_its_pixels() -> None:
    values = np.random.default_rng(5).random((40, 60), dtype=np.float32)
    quad = np.array([(10, 5), (30, 5), (30, 20), (10, 20)], np.float32)
    wanted = values[5:21, 10:31].astype(np.float64).mean()  # a polygon's outline belongs to it
    assert _core.box_score(values, quad) == pytest.approx(wanted, abs=1e-12)


# Growing


def test_grown_boxes_are_within_one_pixel(stored: Load) -> None:
    arrays = stored("unclip")
    ratios = arrays["ratios"].tolist()
    equal = 0
    for k, quad in enumerate(arrays["quads"]):
        for r, ratio in enumerate(ratios):
            corners, width, height = least_rectangle(_core.unclip_quad(quad, ratio))
            wanted = arrays["corners"][k, r]
            case = f"quad {k}, ratio {ratio}"
            np.testing.assert_allclose(corners, wanted, rtol=0, atol=1, err_msg=case)
            assert min(width, height) == pytest.approx(arrays["short_sides"][k, r], abs=1), case
            equal += np.allclose(corners, wanted, rtol=0, atol=CORNER_TOLERANCE)
    # Clipper also removes points on straight edges, which moves no rectangle: nearly all are equal.
    assert equal >= 0.99 * len(arrays["quads"]) * len(ratios)


def test_growing_moves_edges_by_the_stored_distance(stored: Load) -> None:
    arrays = stored("unclip")
    for k, quad in enumerate(arrays["quads"]):
        truncated = np.trunc(quad).astype(np.int32)
        _, width, height = least_rectangle(truncated)
        for r, ratio in enumerate(arrays["ratios"].tolist()):
            _, grown_width, grown_height = least_rectangle(_core.unclip_quad(quad, ratio))
            growth = 2 * arrays["distances"][k, r]
            area = (width + growth) * (height + growth)
            # Vertices are whole pixels, and the arcs are chains of chords.
            slack = 3 * (width + height + 2 * growth) + 9
            assert abs(grown_width * grown_height - area) <= slack


# Reading order


def plain_reading_order(boxes: np.ndarray) -> list[int]:
    """By y, then x; neighbours on one line (less than 10 pixels apart) change places by x."""
    order = sorted(range(len(boxes)), key=lambda i: (boxes[i, 0, 1], boxes[i, 0, 0]))
    for i in range(len(order) - 1):
        for j in range(i, -1, -1):
            (x, y), (next_x, next_y) = boxes[order[j], 0], boxes[order[j + 1], 0]
            if not (abs(next_y - y) < 10 and next_x < x):
                break
            order[j], order[j + 1] = order[j + 1], order[j]
    return order


def test_reading_order_is_that_of_the_plain_rule() -> None:
    rng = np.random.default_rng(11)
    for _ in range(400):
        count, columns, rows = (int(rng.integers(1, high)) for high in (40, 300, 120))
        boxes = np.zeros((count, 4, 2), np.int32)
        boxes[:, 0, 0] = rng.integers(-5, columns, count)
        boxes[:, 0, 1] = rng.integers(-5, rows, count)
        boxes[:, 1:] = rng.integers(0, 999, (count, 3, 2))  # only the first corner counts
        assert _core.reading_order(boxes) == plain_reading_order(boxes)


@pytest.mark.parametrize(
    ("corners", "wanted"),
    [
        ([], []),
        ([(4, 4)], [0]),
        ([(50, 0), (10, 9)], [1, 0]),  # one line
        ([(50, 0), (10, 10)], [0, 1]),  # two lines
        ([(7, 3), (7, 3), (7, 3)], [0, 1, 2]),  # equal boxes keep their order
        ([(30, 0), (20, 9), (10, 18)], [1, 0, 2]),  # the third one is not compared with the second
        ([(20, 18), (30, 0), (10, 9)], [2, 1, 0]),
    ],
)
def test_reading_order_of_few_boxes(corners: list[tuple[int, int]], wanted: list[int]) -> None:
    boxes = np.array([[corner] * 4 for corner in corners], np.int32).reshape(-1, 4, 2)
    assert _core.reading_order(boxes) == wanted


# Network input size


def half_even_step(side: int) -> int:
    """The nearest multiple of 32 in whole numbers, the even one of two; at least 32."""
    quotient, rest = divmod(side, 32)
    if rest > 16 or (rest == 16 and quotient % 2 == 1):
        quotient += 1
    return max(32, 32 * quotient)


def plain_input_size(
    width: int, height: int, limit: int, kind: str, max_side_limit: int
) -> tuple[int, int]:
    """Section 4.1 of the reference's behaviour, in Python floats."""
    if width + height < 64:
        width, height = max(32, width), max(32, height)
    ratio = 1.0
    if kind == "min" and min(width, height) < limit:
        ratio = limit / min(width, height)
    elif (kind == "max" and max(width, height) > limit) or kind == "resize_long":
        ratio = limit / max(width, height)
    width, height = int(width * ratio), int(height * ratio)
    if max(width, height) > max_side_limit:
        ratio = max_side_limit / max(width, height)
        width, height = int(width * ratio), int(height * ratio)
    return half_even_step(width), half_even_step(height)


@pytest.mark.parametrize("width", [48, 80, 112, 144])
def test_input_sides_are_rounded_half_to_even(width: int) -> None:
    wanted = {48: 64, 80: 64, 112: 128, 144: 128}[width]
    params = _core.PageParams(limit_side_len=960, limit_type="max")
    assert _core.detection_input_size(width, 320, params) == (wanted, 320)
    assert _core.detection_input_size(320, width, params) == (320, wanted)


@pytest.mark.parametrize("kind", ["min", "max", "resize_long"])
@pytest.mark.parametrize(("limit", "max_side_limit"), [(960, 4000), (64, 4000), (736, 1000)])
def test_input_size_is_that_of_the_plain_rule(kind: str, limit: int, max_side_limit: int) -> None:
    params = _core.PageParams(limit_side_len=limit, limit_type=kind, max_side_limit=max_side_limit)
    rng = np.random.default_rng(13)
    sizes = [(20000, 50), (50, 20000), (1, 1), (1, 62), (1, 63), (62, 1), (63, 1), (31, 32)]
    sizes += [(1, 5000), (5000, 1), (32, 32), (960, 960), (961, 960), (4000, 4000), (4001, 33)]
    sizes += [(int(w), int(h)) for w, h in rng.integers(1, 5000, (300, 2))]
    sizes += [(int(w), int(h)) for w, h in rng.integers(1, 70, (100, 2))]
    for width, height in sizes:
        wanted = plain_input_size(width, height, limit, kind, max_side_limit)
        got = _core.detection_input_size(width, height, params)
        assert got == wanted, f"{width} x {height}"


@pytest.mark.parametrize(
    ("size", "options", "wanted"),
    [
        ((20000, 50), {"limit_type": "max"}, (960, 32)),
        ((20000, 50), {"limit_type": "min", "limit_side_len": 64}, (4000, 32)),
        ((1, 1), {"limit_type": "max"}, (32, 32)),
        ((1, 1), {"limit_type": "min", "limit_side_len": 64}, (64, 64)),
        ((1, 1), {"limit_type": "resize_long"}, (960, 960)),
        ((1000, 1000), {"limit_side_len": 5000, "limit_type": "min"}, (4000, 4000)),
        # The second limit is applied before the rounding to 32, which may pass it again.
        ((1000, 1000), {"limit_side_len": 5000, "limit_type": "min", "max_side_limit": 1008},
         (1024, 1024)),
        ((77, 99), {"det_input_size": (160, 64)}, (160, 64)),
    ],
)  # fmt: skip
def test_input_size_examples(
    size: tuple[int, int], options: dict[str, Any], wanted: tuple[int, int]
) -> None:
    assert _core.detection_input_size(*size, _core.PageParams(**options)) == wanted


# Boxes of a probability map


def plain_boxes(
    values: np.ndarray,
    width: int,
    height: int,
    *,
    thresh: float = 0.3,
    box_thresh: float = 0.6,
    unclip_ratio: float = 2.0,
    max_candidates: int = 1000,
) -> list[list[tuple[int, int]]]:
    """DB post-processing step by step, made of the core's primitives."""
    boxes = []
    contours = _core.find_contours((values > np.float32(thresh)).astype(np.uint8))
    for contour in contours[:max_candidates]:
        corners, *sides = least_rectangle(contour)
        if min(sides) < 3 or box_thresh > _core.box_score(values, corners):
            continue
        grown, *sides = least_rectangle(_core.unclip_quad(corners, unclip_ratio))
        if min(sides) < 5:
            continue
        scale_x, scale_y = width / values.shape[1], height / values.shape[0]
        boxes.append(
            [
                (
                    min(max(round(float(x) * scale_x), 0), width),
                    min(max(round(float(y) * scale_y), 0), height),
                )
                for x, y in grown
            ]
        )
    return boxes


def probability_maps(arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The masks of the contour fixture as maps: likely inside, less than likely outside."""
    rng = np.random.default_rng(17)
    maps = []
    for mask in masks(arrays):
        inside = rng.uniform(0.35, 1.0) + rng.normal(0, 0.1, mask.shape)
        outside = np.abs(rng.normal(0, 0.12, mask.shape))
        values = np.where(mask, np.clip(inside, 0, 1), np.clip(outside, 0, 1))
        maps.append(values.astype(np.float32))
    return maps


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"unclip_ratio": 1.5, "thresh": 0.5, "box_thresh": 0.4},
        {"unclip_ratio": 0.5, "thresh": 0.1, "box_thresh": 0.0, "max_candidates": 7},
        {"max_candidates": 0},
    ],
)
def test_boxes_are_those_of_the_plain_steps(stored: Load, options: dict[str, Any]) -> None:
    params = _core.PageParams(**options)
    total = 0
    for values in probability_maps(stored("contours")):
        height, width = values.shape
        for page_width, page_height in ((width, height), (3 * width + 1, 2 * height + 5), (17, 11)):
            got = _core.boxes_from_map(values, page_width, page_height, params)
            wanted = plain_boxes(values, page_width, page_height, **options)
            assert got.shape == (len(wanted), 4, 2)
            assert got.tolist() == [[list(corner) for corner in box] for box in wanted]
            total += len(wanted)
    assert (total == 0) == (options.get("max_candidates") == 0)


def upright_map(value: float) -> np.ndarray:
    """A map with one box of equal values."""
    values = np.zeros((64, 96), np.float32)
    values[20:41, 30:71] = value
    return values


def test_boxes_reach_the_far_border_of_the_page() -> None:
    """Coordinates are clamped to 0..width and 0..height, both ends included."""
    values = np.full((64, 96), 0.9, np.float32)
    box = _core.boxes_from_map(values, 200, 100, _core.PageParams())
    assert box.tolist() == [[[0, 0], [200, 0], [200, 100], [0, 100]]]


def test_map_threshold_is_strict_and_box_threshold_is_not() -> None:
    values = upright_map(0.75)
    exact = _core.PageParams(thresh=0.75, box_thresh=0.5)
    assert len(_core.boxes_from_map(values, 96, 64, exact)) == 0
    below = _core.PageParams(thresh=math.nextafter(0.75, 0) - 1e-6, box_thresh=0.75)
    assert len(_core.boxes_from_map(values, 96, 64, below)) == 1
    above = _core.PageParams(thresh=0.5, box_thresh=math.nextafter(0.75, 1))
    assert len(_core.boxes_from_map(values, 96, 64, above)) == 0


def test_thin_components_are_dropped() -> None:
    values = np.zeros((64, 96), np.float32)
    values[10:13, 10:60] = 1  # two pixels between the outer points
    assert len(_core.boxes_from_map(values, 96, 64, _core.PageParams())) == 0
    values[13, 10:60] = 1
    assert len(_core.boxes_from_map(values, 96, 64, _core.PageParams())) == 1


@pytest.mark.parametrize("ratio", [0.0, -1.0])
def test_boxes_that_do_not_grow_are_dropped(ratio: float) -> None:
    params = _core.PageParams(unclip_ratio=ratio)
    assert len(_core.boxes_from_map(upright_map(0.9), 96, 64, params)) == 0


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 50), (50, 1), (32, 32)])
def test_maps_without_a_box(shape: tuple[int, int]) -> None:
    values = np.full(shape, 0.9 if min(shape) == 1 else 0.1, np.float32)
    boxes = _core.boxes_from_map(values, 96, 64, _core.PageParams())
    assert boxes.shape == (0, 4, 2)
    assert boxes.dtype == np.int32


# Outlines of any number of corners


def parts(arrays: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    offsets = arrays[f"{name}_offsets"]
    points = arrays[f"{name}_points"].astype(np.int32)
    return [points[a:b] for a, b in pairwise(offsets)]


def length(contour: np.ndarray) -> float:
    sides = (np.roll(contour, -1, axis=0) - contour).astype(np.float32)
    squares = sides[:, 0] * sides[:, 0] + sides[:, 1] * sides[:, 1]
    return float(np.sqrt(squares).astype(np.float64).sum())


def test_simplified_contours_are_those_of_opencv(stored: Load) -> None:
    arrays = stored("polygons")
    wanted = iter(parts(arrays, "simple"))
    for index, contour in enumerate(parts(arrays, "contour")):
        for share in arrays["shares"].tolist():
            found = _core.approximate_polygon(contour, share * length(contour))
            np.testing.assert_array_equal(found, next(wanted), err_msg=f"{index}, {share}")


def test_scores_of_polygons_are_those_of_opencv(stored: Load) -> None:
    arrays = stored("polygons")
    values = np.random.default_rng(2000).random((90, 120), dtype=np.float32)
    scores = [_core.polygon_score(values, polygon) for polygon in parts(arrays, "star")]
    np.testing.assert_allclose(scores, arrays["scores"], rtol=1e-12)


def filled(polygon: np.ndarray) -> np.ndarray:
    mask = np.zeros((500, 500), np.uint8)
    cv2.fillPoly(mask, [polygon + 200], 1)
    return mask


def test_grown_polygons_are_those_of_clipper(stored: Load) -> None:
    """Crossings of sides are rounded otherwise, so a few corners differ by a pixel."""
    arrays = stored("polygons")
    grown = parts(arrays, "grown")
    counts = arrays["grown_counts"].tolist()
    for index, polygon in enumerate(parts(arrays, "star")):
        found = _core.unclip_polygon(polygon, 1.5)
        assert len(found) == counts[index], index
        if len(found) == 1:
            mine, theirs = filled(found[0]), filled(grown[index])
            assert (mine & theirs).sum() >= 0.97 * (mine | theirs).sum(), index


def test_degenerate_polygons_grow_to_nothing() -> None:
    for points in ([], [[3, 4]], [[3, 4], [9, 4]], [[0, 0], [5, 5], [9, 9]], [[2, 2]] * 5):
        polygon = np.array(points, np.int32).reshape(-1, 2)
        assert _core.unclip_polygon(polygon, 1.5) == []
        assert _core.approximate_polygon(polygon, 1.0).shape[1] == 2
        assert 0 <= _core.polygon_score(np.ones((5, 5), np.float32), polygon) <= 1
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.int32)
    for ratio in (0.0, -1.0, float("nan"), float("inf"), 1e12):
        assert _core.unclip_polygon(square, ratio) == []


def test_a_ring_has_two_borders() -> None:
    """An open ring whose ends meet when it grows."""
    angles = np.linspace(0.05, 2 * np.pi - 0.05, 60)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ring = np.concatenate([circle * 100, circle[::-1] * 80]).round().astype(np.int32)
    loops = _core.unclip_polygon(ring, 1.0)
    assert len(loops) == 2


def test_polygons_that_cross_themselves_do_no_harm() -> None:
    rng = np.random.default_rng(7)
    for _ in range(300):
        polygon = rng.integers(0, 60, (int(rng.integers(3, 25)), 2)).astype(np.int32)
        for loop in _core.unclip_polygon(polygon, float(rng.uniform(0.1, 3))):
            assert len(loop) >= 3
            assert np.isfinite(loop).all()
