"""Produces the parity fixtures in ``tests/parity/fixtures`` from OpenCV 4.10 and Clipper.

Run it in the reference environment: ``opencv-contrib-python==4.10.0.84 pyclipper onnxruntime
PyYAML numpy``. OpenCV's results change between releases, so the script refuses any other version.

    python make_fixtures.py --reference reference_pipeline.py --models MODEL_DIR

``--reference`` names a script whose class ``Reference(models, det, rec)`` is the plain
re-implementation of the pipeline: calling it with ``(image, side, kind, unclip=...)`` gives
``dt_polys``, ``rec_texts`` and ``rec_scores``, and its static method ``crop(image, box)`` cuts one
text line out. ``--models`` is the folder that holds the official model directories.
``--only NAME ...`` writes some of the fixtures only. ``fixtures/README.md`` describes the arrays.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pyclipper

OPENCV = "4.10.0"
DETECTION, RECOGNITION = "PP-OCRv5_mobile_det", "PP-OCRv5_mobile_rec"
SETTINGS = {
    "max960": {"limit_side_len": 960, "limit_type": "max", "unclip_ratio": 2.0},
    "min64": {"limit_side_len": 64, "limit_type": "min", "unclip_ratio": 1.5},
}
HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "data" / "pages"
Arrays = dict[str, np.ndarray]


# Shared pieces


def load_reference(path: Path) -> ModuleType:
    """Imports the reference script from its path."""
    spec = importlib.util.spec_from_file_location("reference_pipeline", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_page(name: str) -> np.ndarray:
    """A rendered page as BGR."""
    image = cv2.imread(str(PAGES / name), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"no page {name}: run tests/data/make_pages.py first")
    return image


def ragged(parts: Sequence[np.ndarray], dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Arrays one after the other, and where each begins (one more offset than parts)."""
    offsets = np.cumsum([0] + [len(part) for part in parts]).astype(np.int32)
    return np.concatenate(parts).astype(dtype), offsets


def digest(array: np.ndarray) -> str:
    """SHA-256 of the array's bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def order_corners(corners: np.ndarray) -> np.ndarray:
    """Top left, top right, bottom right, bottom left, by the reference's rule."""
    first, second, third, fourth = sorted(corners, key=lambda point: point[0])
    top_left, bottom_left = (first, second) if second[1] > first[1] else (second, first)
    top_right, bottom_right = (third, fourth) if fourth[1] > third[1] else (fourth, third)
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)


def min_box(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Ordered corners and short side of the least rectangle around integer points."""
    rectangle = cv2.minAreaRect(points.astype(np.int32).reshape(-1, 1, 2))
    return order_corners(cv2.boxPoints(rectangle)), min(rectangle[1])


def rectangle_corners(
    centre: tuple[float, float], size: tuple[float, float], degrees: float
) -> np.ndarray:
    """Corners (4, 2) of a turned rectangle, in float64."""
    radians = math.radians(degrees)
    along = np.array([math.cos(radians), math.sin(radians)]) * size[0] / 2
    across = np.array([-math.sin(radians), math.cos(radians)]) * size[1] / 2
    return np.array([-along - across, along - across, along + across, across - along]) + centre


def random_rectangle(
    rng: np.random.Generator, width: int, height: int, longest: float
) -> np.ndarray:
    """A text-line-like rectangle inside or near a width x height field."""
    centre = (rng.uniform(0, width), rng.uniform(0, height))
    size = (rng.uniform(6, longest), rng.uniform(4, min(60.0, longest / 2)))
    degrees = float(rng.choice([0.0, 90.0, rng.uniform(-8, 8), rng.uniform(-90, 90)]))
    return rectangle_corners(centre, size, degrees)


def blobs(rng: np.random.Generator, height: int, width: int, sigma: float, share: float) -> Any:
    """A mask of random smooth spots that covers about `share` of the field."""
    field = cv2.GaussianBlur(rng.random((height, width)), (0, 0), sigma)
    return (field > np.quantile(field, 1 - share)).astype(np.uint8)


def find_contours(mask: np.ndarray) -> list[np.ndarray]:
    """Contours (n, 2) as the pipeline asks for them."""
    found, _ = cv2.findContours(mask * 255, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    return [contour.reshape(-1, 2) for contour in found]


# Fixtures


def resize_cases() -> list[tuple[int, int, int, int]]:
    """Source height and width, result height and width."""
    fixed = [
        (32, 100, 48, 150), (31, 200, 48, 310), (20, 20, 48, 48), (64, 300, 48, 225),
        (100, 100, 50, 50), (64, 96, 32, 48), (90, 62, 45, 31), (100, 60, 50, 31),
        (64, 64, 16, 16), (96, 96, 32, 32), (48, 320, 48, 160), (48, 320, 24, 320),
        (1, 1, 5, 7), (1, 9, 4, 20), (9, 1, 20, 4), (1, 40, 1, 13), (40, 1, 13, 1),
        (1, 2, 1, 1), (2, 1, 1, 1), (2, 2, 1, 1), (2, 2, 3, 3), (3, 3, 2, 2), (5, 4, 1, 1),
        (7, 300, 48, 2057), (3, 17, 48, 272), (200, 300, 32, 32), (33, 47, 34, 48),
        (480, 640, 352, 640), (240, 320, 256, 352), (531, 702, 512, 704), (15, 15, 30, 30),
        (16, 16, 17, 15), (120, 8, 48, 4), (60, 1000, 48, 800), (25, 3, 48, 6),
    ]  # fmt: skip
    rng = np.random.default_rng(101)
    for _ in range(8):
        height, width, new_height, new_width = rng.integers(1, 130, 4).tolist()
        fixed.append((height, width, new_height, new_width))
    return fixed


def make_resize(_reference: ModuleType) -> Arrays:
    """cv2.resize INTER_LINEAR on seeded random images."""
    cases = resize_cases()
    inputs, outputs, samples = [], [], {}
    for index, (height, width, new_height, new_width) in enumerate(cases):
        rng = np.random.default_rng(1000 + index)
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        result = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
        inputs.append(digest(image))
        outputs.append(digest(result))
        if result.size <= 12_000:
            samples[f"output_{index}"] = result
    return {
        "seeds": np.arange(1000, 1000 + len(cases), dtype=np.int32),
        "sizes": np.array(cases, np.int32),
        "input_sha256": np.array(inputs),
        "output_sha256": np.array(outputs),
        **samples,
    }


def smooth_source() -> np.ndarray:
    """A smooth colour image from an integer formula, the same everywhere."""
    y, x = np.mgrid[0:160, 0:240]
    planes = (x + y // 2, 255 - x // 2 - y // 4, (x * x + y * y) // 331)
    return np.stack([np.clip(plane, 0, 255) for plane in planes], axis=2).astype(np.uint8)


WARP_PAGES = ("mixed_sizes.png", "noise_background.png")
# Source index (2 is `smooth_source`), then the quad: top left, top right, bottom right and
# bottom left.
WARP_QUADS = (
    (0, ((51, 29), (331, 29), (331, 61), (51, 61))),
    (0, ((0, 0), (200, 0), (200, 40), (0, 40))),
    (0, ((560, 440), (720, 440), (720, 470), (560, 470))),
    (0, ((150.5, 120.25), (330.5, 126.75), (329.25, 160.5), (149.25, 154))),
    (0, ((145, 118), (325, 100), (330, 140), (150, 158))),
    (0, ((200, 200), (330, 275), (315, 301), (185, 226))),
    (0, ((330, 60), (400, 200), (370, 215), (300, 75))),
    (0, ((-12, -8), (160, 10), (156, 44), (-16, 26))),
    (0, ((600, 400), (735, 430), (728, 478), (593, 448))),
    (0, ((183, 378), (383, 381), (375, 430), (190, 420))),
    (1, ((37, 20), (284, 20), (284, 57), (37, 57))),
    (1, ((34, 66), (265, 70), (264, 111), (33, 107))),
    (1, ((34.4, 112.7), (245.1, 118.2), (244.3, 152.9), (33.6, 147.4))),
    (1, ((300, 5), (415, 90), (395, 118), (280, 33))),
    (1, ((10, 200), (180, 228), (176, 236), (6, 208))),
    (1, ((20, 180), (60, 180), (60, 220), (20, 220))),
    (1, ((100, 100), (117, 100), (117, 103), (100, 103))),
    (2, ((10, 10), (230, 10), (230, 42), (10, 42))),
    (2, ((5, 30), (220, 70), (214, 102), (-1, 62))),
    (2, ((60, 10), (200, 80), (180, 120), (40, 50))),
    (2, ((20, 140), (230, 150), (236, 166), (18, 156))),
    (2, ((0, 0), (239, 0), (239, 159), (0, 159))),
    (2, ((50, 20), (60, 130), (30, 133), (20, 23))),
    (2, ((120.125, 40.5), (180.875, 41.25), (179.5, 60.75), (121.5, 61.125))),
)


def quad_size(quad: np.ndarray) -> tuple[int, int]:
    """Width and height of a quad's crop, truncated; norms in float32 as in the reference."""
    side = [float(np.linalg.norm(quad[a] - quad[b])) for a, b in ((0, 1), (2, 3), (0, 3), (1, 2))]
    return int(max(side[:2])), int(max(side[2:]))


def make_warp(_reference: ModuleType) -> Arrays:
    """cv2.warpPerspective, cubic with replicated border, of given quads."""
    sources = [*(read_page(name) for name in WARP_PAGES), smooth_source()]
    quads = np.array([quad for _, quad in WARP_QUADS], np.float32)
    sizes, matrices, pixels = [], [], []
    for (source, _), quad in zip(WARP_QUADS, quads, strict=True):
        width, height = quad_size(quad)
        target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        matrix = cv2.getPerspectiveTransform(quad, target)
        result = cv2.warpPerspective(
            sources[source],
            matrix,
            (width, height),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        sizes.append((width, height))
        matrices.append(matrix)
        pixels.append(result.reshape(-1))
    flat, offsets = ragged(pixels, np.uint8)
    return {
        "pages": np.array(WARP_PAGES),
        "source": np.array([source for source, _ in WARP_QUADS], np.uint8),
        "quads": quads,
        "sizes": np.array(sizes, np.int32),
        "matrices": np.array(matrices, np.float64),
        "pixels": flat,
        "offsets": offsets,
    }


def blob_point_sets(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Contours of random spots of many sizes."""
    result: list[np.ndarray] = []
    while len(result) < count:
        sigma, share = rng.uniform(1.5, 7), rng.uniform(0.1, 0.45)
        result += find_contours(blobs(rng, 160, 220, sigma, share))
    return result[:count]


def line_point_sets(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Contours of filled turned rectangles, as text lines look in a probability map."""
    result = []
    for _ in range(count):
        corners = random_rectangle(rng, 400, 300, 200) + np.array([120, 120])
        mask = np.zeros((540, 640), np.uint8)
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
        result += find_contours(mask)
    return result[:count]


def clipper_point_sets(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Polygons with round corners, as they come from Clipper."""
    result = []
    for _ in range(count):
        quad, _ = min_box(np.round(random_rectangle(rng, 600, 600, 200) + 200))
        result.append(grow(quad, float(rng.choice([1.5, 2.0])))[0])
    return result


def degenerate_point_sets(rng: np.random.Generator) -> list[np.ndarray]:
    """One point, two points, collinear points, equal points, squares and diamonds."""
    sets: list[Any] = [[(5, 7)], [(5, 7), (5, 7)], [(3, 3), (9, 3)], [(3, 3), (3, 9)]]
    sets += [[(0, 0), (4, 3)], [(4, 3), (0, 0)], [(10, 2), (3, 11)]]
    sets += [[(k, 2 * k) for k in range(6)], [(k, 5) for k in range(9)], [(4, k) for k in range(7)]]
    sets += [[(0, 0), (s, 0), (s, s), (0, s)] for s in (1, 2, 7, 30)]
    sets += [[(s, 0), (2 * s, s), (s, 2 * s), (0, s)] for s in (1, 2, 5, 16)]
    sets += [[(0, 0), (3, 0), (0, 3)], [(0, 0), (9, 1), (8, 9), (-1, 8)]]
    sets += [rng.integers(0, 4, (5, 2)) for _ in range(40)]
    return [np.array(points, np.int32) for points in sets]


def make_min_area_rect(_reference: ModuleType) -> Arrays:
    """cv2.minAreaRect + boxPoints + corner order on integer point sets."""
    rng = np.random.default_rng(202)
    kinds = {
        "blob contours": blob_point_sets(rng, 500),
        "line contours": line_point_sets(rng, 500),
        "random points": [
            rng.integers(0, int(rng.integers(4, 900)), (int(rng.integers(3, 24)), 2))
            for _ in range(400)
        ],
        "integer quads": [np.round(random_rectangle(rng, 900, 900, 500)) for _ in range(300)],
        "clipper polygons": clipper_point_sets(rng, 250),
        "degenerate": degenerate_point_sets(rng),
    }
    sets = [points for group in kinds.values() for points in group]
    boxes = [min_box(points) for points in sets]
    counts = [len(group) for group in kinds.values()]
    points, offsets = ragged(sets, np.int16)
    return {
        "kind_names": np.array(list(kinds)),
        "kinds": np.repeat(np.arange(len(kinds)), counts).astype(np.uint8),
        "points": points,
        "offsets": offsets,
        "corners": np.array([corners for corners, _ in boxes], np.float32),
        "short_sides": np.array([short for _, short in boxes], np.float32),
    }


def rings(height: int, width: int, step: int) -> Any:
    """Nested rectangular rings: components inside the holes of others."""
    y, x = np.mgrid[0:height, 0:width]
    depth = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    return (depth // step % 2 == 0).astype(np.uint8)


def line_mask() -> np.ndarray:
    """One-pixel lines in several directions and single pixels, some on the border."""
    mask = np.zeros((60, 90), np.uint8)
    ends = ((2, 2, 80, 2), (2, 6, 2, 50), (10, 10, 50, 50), (80, 8, 60, 40), (0, 59, 89, 59))
    for x0, y0, x1, y1 in (*ends, (20, 55, 70, 45), (89, 0, 89, 30)):
        cv2.line(mask, (x0, y0), (x1, y1), 1)
    mask[[0, 30, 44, 20], [40, 30, 75, 0]] = 1
    return mask


def text_like_mask(rng: np.random.Generator) -> np.ndarray:
    """Filled turned rectangles, some of them merged."""
    mask = np.zeros((200, 200), np.uint8)
    for _ in range(25):
        corners = random_rectangle(rng, 200, 200, 90)
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask


def contour_masks() -> list[np.ndarray]:
    """Masks from plain to nasty."""
    rng = np.random.default_rng(303)
    y, x = np.mgrid[0:24, 0:31]
    masks = [
        np.zeros((20, 30), np.uint8),
        np.ones((20, 30), np.uint8),
        np.ones((1, 1), np.uint8),
        np.ones((1, 17), np.uint8),
        np.ones((17, 1), np.uint8),
        np.array([[1, 0, 1, 1, 0, 1, 1, 1]], np.uint8),
        ((x + y) % 2).astype(np.uint8),
        (x % 2).astype(np.uint8),
        (y % 2).astype(np.uint8),
        ((x % 3 == 0) & (y % 3 == 0)).astype(np.uint8),
        ((x % 4 != 0) | (y % 4 != 0)).astype(np.uint8),
        rings(41, 57, 1),
        rings(64, 64, 3),
        1 - rings(50, 33, 2),
        line_mask(),
        1 - line_mask(),
    ]
    for share in (0.03, 0.2, 0.5, 0.8, 0.97):
        masks.append((rng.random((48, 70)) < share).astype(np.uint8))
    for sigma, share in ((1.0, 0.3), (1.5, 0.5), (2.5, 0.6), (4.0, 0.35), (6.0, 0.5), (9.0, 0.7)):
        masks.append(blobs(rng, 200, 200, sigma, share))
    masks += [text_like_mask(rng) for _ in range(3)]
    masks.append(text_like_mask(rng) ^ blobs(rng, 200, 200, 2.0, 0.2))
    return masks


def make_contours(_reference: ModuleType) -> Arrays:
    """cv2.findContours RETR_LIST, CHAIN_APPROX_SIMPLE, in OpenCV's order."""
    masks = contour_masks()
    found = [find_contours(mask) for mask in masks]
    packed, mask_offsets = ragged([np.packbits(mask.reshape(-1)) for mask in masks], np.uint8)
    every = [contour for contours in found for contour in contours]
    points, point_offsets = ragged(every, np.int32)
    counts = np.cumsum([0] + [len(contours) for contours in found]).astype(np.int32)
    return {
        "mask_sizes": np.array([mask.shape for mask in masks], np.int32),
        "mask_bits": packed,
        "mask_offsets": mask_offsets,
        "contour_offsets": counts,
        "points": points,
        "point_offsets": point_offsets,
    }


def clamp(value: int, highest: int) -> int:
    """Into 0..highest."""
    return min(max(value, 0), highest)


def box_score(values: np.ndarray, quad: np.ndarray) -> float:
    """Masked mean of the map in the quad's window, as the pipeline scores boxes."""
    height, width = values.shape
    x0 = clamp(math.floor(quad[:, 0].min()), width - 1)
    x1 = clamp(math.ceil(quad[:, 0].max()), width - 1)
    y0 = clamp(math.floor(quad[:, 1].min()), height - 1)
    y1 = clamp(math.ceil(quad[:, 1].max()), height - 1)
    mask = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    corners = np.trunc(quad - np.array([x0, y0], np.float32)).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1)
    return float(cv2.mean(values[y0 : y1 + 1, x0 : x1 + 1], mask)[0])


SCORE_MAPS = ((32, 32), (64, 96), (97, 131), (160, 160), (224, 320), (352, 480))


def make_box_score(_reference: ModuleType) -> Arrays:
    """Box scores on seeded random maps."""
    rng = np.random.default_rng(404)
    quads, scores, sums = [], [], []
    for index, (height, width) in enumerate(SCORE_MAPS):
        values = np.random.default_rng(2000 + index).random((height, width), dtype=np.float32)
        sums.append(digest(values))
        for _ in range(50):
            points = np.round(random_rectangle(rng, width, height, min(height, width)))
            quads.append(min_box(points)[0])
            scores.append(box_score(values, quads[-1]))
    return {
        "map_seeds": np.arange(2000, 2000 + len(SCORE_MAPS), dtype=np.int32),
        "map_sizes": np.array(SCORE_MAPS, np.int32),
        "map_sha256": np.array(sums),
        "maps": np.repeat(np.arange(len(SCORE_MAPS)), 50).astype(np.uint8),
        "quads": np.array(quads, np.float32),
        "scores": np.array(scores, np.float64),
    }


def grow(quad: np.ndarray, ratio: float) -> tuple[np.ndarray, float]:
    """Clipper's polygon around the quad, and the offset distance."""
    distance = cv2.contourArea(quad) * ratio / cv2.arcLength(quad, True)
    offset = pyclipper.PyclipperOffset(2.0, 0.25)
    path = [[int(x), int(y)] for x, y in quad]
    offset.AddPath(path, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    grown = offset.Execute(distance)
    if len(grown) != 1:
        raise SystemExit(f"{len(grown)} polygons around {path}")
    return np.array(grown[0], np.int32), distance


UNCLIP_RATIOS = (1.5, 2.0, 1.0)


def make_unclip(_reference: ModuleType) -> Arrays:
    """Grown quads: Clipper's polygon, then its least rectangle."""
    rng = np.random.default_rng(505)
    quads: list[np.ndarray] = []
    while len(quads) < 500:
        quad, short = min_box(np.round(random_rectangle(rng, 960, 704, 400)))
        if short >= 3:  # the pipeline drops thinner ones before this step
            quads.append(quad)
    grown = [[grow(quad, ratio) for ratio in UNCLIP_RATIOS] for quad in quads]
    boxes = [[min_box(polygon) for polygon, _ in row] for row in grown]
    points, offsets = ragged([polygon for row in grown for polygon, _ in row], np.int16)
    return {
        "quads": np.array(quads, np.float32),
        "ratios": np.array(UNCLIP_RATIOS, np.float64),
        "distances": np.array([[distance for _, distance in row] for row in grown], np.float64),
        "polygon_points": points,
        "polygon_offsets": offsets,
        "corners": np.array([[corners for corners, _ in row] for row in boxes], np.float32),
        "short_sides": np.array([[short for _, short in row] for row in boxes], np.float32),
    }


def star(rng: np.random.Generator, radius: float, noise: float, centre: Sequence[int]) -> Any:
    """A polygon around a point, whose corners are at random distances from it."""
    count = int(rng.integers(4, 30))
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    distances = radius * (1 + noise * rng.uniform(-1, 1, count))
    offsets = np.stack([np.cos(angles), np.sin(angles)], axis=1) * distances[:, np.newaxis]
    return np.round(offsets + centre).astype(np.int32)


def polygon_score(values: np.ndarray, polygon: np.ndarray) -> float:
    """Mean of a map over a filled polygon, which may reach beyond it."""
    low, high = np.zeros(2, int), np.array(values.shape[::-1]) - 1
    left, top = np.clip(polygon.min(axis=0), low, high)
    right, bottom = np.clip(polygon.max(axis=0), low, high)
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [polygon - [left, top]], 1)
    return float(cv2.mean(values[top : bottom + 1, left : right + 1], mask)[0])


def grow_polygon(polygon: np.ndarray, ratio: float) -> list[np.ndarray]:
    """Clipper's polygons around another one."""
    distance = cv2.contourArea(polygon) * ratio / cv2.arcLength(polygon, True)
    offset = pyclipper.PyclipperOffset(2.0, 0.25)
    offset.AddPath(polygon.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return [np.array(part, np.int32) for part in offset.Execute(distance)]


SIMPLER = (0.002, 0.01, 0.03)  # of the contour's length


def make_polygons(_reference: ModuleType) -> Arrays:
    """Outlines: simplified contours, scores of polygons, and what Clipper grows them to."""
    rng = np.random.default_rng(606)
    contours = [contour for mask in contour_masks() for contour in find_contours(mask)]
    contours = [contour for contour in contours if len(contour) > 3][:400]
    simple = [
        cv2.approxPolyDP(contour, share * cv2.arcLength(contour, True), True).reshape(-1, 2)
        for contour in contours
        for share in SIMPLER
    ]
    values = np.random.default_rng(2000).random((90, 120), dtype=np.float32)
    stars = [star(rng, rng.uniform(5, 60), rng.uniform(0, 0.9), (60, 45)) for _ in range(300)]
    grown = [grow_polygon(polygon, 1.5) for polygon in stars]
    contour_points, contour_offsets = ragged(contours, np.int16)
    simple_points, simple_offsets = ragged(simple, np.int16)
    star_points, star_offsets = ragged(stars, np.int16)
    grown_points, grown_offsets = ragged([parts[0] for parts in grown], np.int16)
    return {
        "contour_points": contour_points,
        "contour_offsets": contour_offsets,
        "shares": np.array(SIMPLER, np.float64),
        "simple_points": simple_points,
        "simple_offsets": simple_offsets,
        "map_sha256": np.array(digest(values)),
        "star_points": star_points,
        "star_offsets": star_offsets,
        "scores": np.array([polygon_score(values, polygon) for polygon in stars], np.float64),
        "grown_counts": np.array([len(parts) for parts in grown], np.uint8),
        "grown_points": grown_points,
        "grown_offsets": grown_offsets,
    }


CROP_PAGES = ("mixed_sizes.png", "rotated_15_and_30.png")
CROP_BOXES = (
    (0, ((51, 29), (351, 29), (351, 61), (51, 61))),
    (0, ((0, 0), (120, 0), (120, 33), (0, 33))),
    (0, ((600, 437), (720, 437), (720, 470), (600, 470))),
    (0, ((145, 118), (345, 118), (345, 171), (145, 171))),
    (0, ((123, 188), (353, 186), (353, 231), (123, 233))),
    (0, ((183, 378), (403, 381), (402, 426), (182, 423))),
    (0, ((106, 322), (323, 321), (323, 346), (106, 347))),
    (0, ((186, 285), (386, 285), (386, 314), (186, 314))),
    (0, ((60, 30), (60, 130), (90, 130), (90, 30))),
    (0, ((300, 40), (340, 40), (340, 100), (300, 100))),
    (0, ((300, 40), (340, 40), (340, 99), (300, 99))),
    (0, ((400, 100), (412, 200), (372, 205), (360, 105))),
    (0, ((10, 10), (11, 10), (11, 90), (10, 90))),
    (0, ((200, 250), (320, 250), (320, 251), (200, 251))),
    (0, ((200, 250), (201, 250), (201, 251), (200, 251))),
    (0, ((500, 60), (580, 30), (590, 56), (510, 86))),
    (1, ((579, 59), (828, 198), (804, 244), (555, 105))),
    (1, ((546, 117), (774, 247), (750, 293), (522, 163))),
    (1, ((53, 152), (325, 83), (335, 125), (63, 193))),
    (1, ((516, 176), (649, 252), (625, 298), (492, 222))),
    (1, ((68, 216), (266, 171), (275, 217), (78, 262))),
    (1, ((89, 280), (239, 242), (251, 291), (100, 328))),
    (1, ((700, 300), (860, 430), (840, 430), (690, 310))),
    (1, ((0, 400), (30, 380), (60, 430), (20, 430))),
    (1, ((100, 100), (150, 150), (100, 200), (50, 150))),
    (1, ((555, 105), (579, 59), (828, 198), (804, 244))),
    (1, ((830, 180), (860, 190), (850, 300), (820, 290))),
    (1, ((40, 250), (290, 186), (300, 222), (50, 286))),
    (1, ((516, 176), (526, 182), (625, 298), (492, 222))),
    (1, ((600, 100), (640, 100), (640, 140), (600, 140))),
)


def make_crop(reference: ModuleType) -> Arrays:
    """Crops of integer boxes by the reference pipeline."""
    pages = [read_page(name) for name in CROP_PAGES]
    boxes = np.array([box for _, box in CROP_BOXES], np.int32)
    crops = [
        np.ascontiguousarray(reference.Reference.crop(pages[page], box))
        for (page, _), box in zip(CROP_BOXES, boxes, strict=True)
    ]
    pixels, offsets = ragged([crop.reshape(-1) for crop in crops], np.uint8)
    return {
        "pages": np.array(CROP_PAGES),
        "page": np.array([page for page, _ in CROP_BOXES], np.uint8),
        "boxes": boxes,
        "sizes": np.array([crop.shape[:2] for crop in crops], np.int32),
        "pixels": pixels,
        "offsets": offsets,
    }


def make_pages(reference: ModuleType, models: Path) -> str:
    """The whole pipeline on every page, as JSON with one line per page and setting."""
    pipeline = reference.Reference(str(models), DETECTION, RECOGNITION)
    head = {
        "opencv": cv2.__version__,
        "onnxruntime": onnxruntime.__version__,
        "detection_model": DETECTION,
        "recognition_model": RECOGNITION,
        "settings": SETTINGS,
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    pages = []
    for path in sorted(PAGES.glob("*.png")):
        image, rows = read_page(path.name), []
        for name, setting in SETTINGS.items():
            side, kind = setting["limit_side_len"], setting["limit_type"]
            result = pipeline(image, side, kind, unclip=setting["unclip_ratio"])
            kept = {key: result[key] for key in ("dt_polys", "rec_texts", "rec_scores")}
            rows.append(f'   "{name}": {json.dumps(kept, ensure_ascii=False)}')
        pages.append(f'  "{path.name}": {{\n' + ",\n".join(rows) + "\n  }")
    return "\n".join(["{", *lines, ' "pages": {', ",\n".join(pages), " }", "}"]) + "\n"


MAKERS: dict[str, Callable[[ModuleType], Arrays]] = {
    "resize": make_resize,
    "warp": make_warp,
    "min_area_rect": make_min_area_rect,
    "contours": make_contours,
    "box_score": make_box_score,
    "unclip": make_unclip,
    "polygons": make_polygons,
    "crop": make_crop,
}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--models", type=Path, help="needed for the fixture `pages`")
    parser.add_argument("--out", type=Path, default=HERE / "fixtures")
    names = ("pages", *MAKERS)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    return parser.parse_args()


def main() -> None:
    """Writes the fixtures and lists their sizes."""
    options = parse_arguments()
    if cv2.__version__ != OPENCV:
        raise SystemExit(f"OpenCV {OPENCV} is needed, this is {cv2.__version__}")
    if "pages" in options.only and options.models is None:
        raise SystemExit("--models is needed for the fixture `pages`")
    reference = load_reference(options.reference)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        if name == "pages":
            target = options.out / "pages.json"
            target.write_text(make_pages(reference, options.models), encoding="utf-8")
        else:
            target = options.out / f"{name}.npz"
            arrays: dict[str, Any] = MAKERS[name](reference)
            np.savez_compressed(target, **arrays)
        print(f"{target.name:20s} {target.stat().st_size:8d} bytes")


if __name__ == "__main__":
    main()
