"""Micro-benchmarks of the stages outside the networks, beside OpenCV, pyclipper and NumPy.

    pytest bench --benchmark-only

``FASTOCR_BENCH_ISA`` is a comma-separated list of instruction sets (portable, avx2, avx512) to run
fastocr's side with; without it fastocr chooses. Each group is one piece of work at the size that a
1280 x 960 page gives. Both sides use one thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("pytest_benchmark")

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Benchmark = Callable[..., Any]  # pytest-benchmark's fixture, which has no public type

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MAP_WIDTH, MAP_HEIGHT = 960, 704  # detection size of the page at limit 960 "max"
RATIO = 2.0
STEPS, CLASSES = 80, 18385
ISAS = os.environ.get("FASTOCR_BENCH_ISA", "native").split(",")


@pytest.fixture(params=ISAS)
def core(request: pytest.FixtureRequest) -> ModuleType:
    """The compiled module, on one instruction set."""
    module: ModuleType = pytest.importorskip("fastocr._core")
    if request.param != "native":
        from fastocr.errors import UnsupportedOptionError

        try:
            module.set_isa(request.param)
        except UnsupportedOptionError as error:
            pytest.skip(str(error))
    return module


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Keeps OpenCV on one thread, as fastocr's primitives are."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


# Inputs


def line_quads() -> Floats:
    """Forty text lines, two columns of twenty, each turned a little."""
    rng = np.random.default_rng(1)
    quads = []
    for row in range(20):
        for column in range(2):
            centre = (245 + column * 470, 34 + row * 33)
            size = (float(rng.uniform(120, 420)), float(rng.uniform(12, 20)))
            corners = cv2.boxPoints((centre, size, float(rng.uniform(-2, 2))))
            # Top left first, as the pipeline's corner order has it.
            quads.append(np.roll(corners, -int(corners.sum(axis=1).argmin()), axis=0))
    return np.array(quads, np.float32)


@pytest.fixture(scope="module")
def page() -> Bytes:
    """A 1280 x 960 page with text-like structure."""
    rng = np.random.default_rng(2)
    image: Bytes = rng.integers(225, 256, (960, 1280, 3), dtype=np.uint8)
    for row in range(28):
        place = (40 + row % 3 * 10, 50 + row * 32)
        text = f"Line {row}: the harbour master counts 4{row}7 boats before breakfast"
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.9, (30, 25, 20), 2)
    return image


@pytest.fixture(scope="module")
def bent() -> Floats:
    """A grid (2, 45, 31) as UVDoc gives it."""
    y, x = np.meshgrid(np.linspace(-1, 1, 45), np.linspace(-1, 1, 31), indexing="ij")
    grid = np.stack([0.9 * x + 0.05 * np.sin(3 * y), 0.92 * y + 0.04 * np.cos(4 * x)])
    return grid.astype(np.float32)


@pytest.fixture(scope="module")
def quads() -> Floats:
    """The lines' boxes (40, 4, 2)."""
    return line_quads()


@pytest.fixture(scope="module")
def probability_map(quads: Floats) -> Floats:
    """A map as the detection network gives it: soft-edged lines over low noise."""
    field = np.zeros((MAP_HEIGHT, MAP_WIDTH), np.float32)
    for quad in quads:
        cv2.fillPoly(field, [np.round(quad).astype(np.int32)], 0.95)
    noise = np.random.default_rng(3).random(field.shape, dtype=np.float32)
    smooth = cv2.GaussianBlur(field, (0, 0), 1.2) + noise * np.float32(0.05)
    clipped: Floats = np.clip(smooth, 0, 1).astype(np.float32)
    return clipped


@pytest.fixture(scope="module")
def mask(probability_map: Floats) -> Bytes:
    """The map above the threshold."""
    above: Bytes = (probability_map > np.float32(0.3)).astype(np.uint8)
    return above


@pytest.fixture(scope="module")
def contours(mask: Bytes) -> list[Floats]:
    """Contours of the mask as (n, 2) floats."""
    return [contour.reshape(-1, 2).astype(np.float32) for contour in cv2_contours(mask)]


@pytest.fixture(scope="module")
def crop_quad() -> npt.NDArray[np.int32]:
    """A line of about 300 x 32 pixels turned by 7 degrees."""
    corners = cv2.boxPoints(((400, 300), (300, 32), 7))
    order = np.roll(corners, -int(corners.sum(axis=1).argmin()), axis=0)
    quad: npt.NDArray[np.int32] = np.round(order).astype(np.int32)
    return quad


@pytest.fixture(scope="module")
def probabilities() -> Floats:
    """Recognition output of one line: one clear class a step, about half of them blank."""
    rng = np.random.default_rng(4)
    values: Floats = rng.random((STEPS, CLASSES), dtype=np.float32)
    values *= np.float32(1e-5)
    best = np.where(rng.random(STEPS) < 0.5, 0, rng.integers(1, CLASSES, STEPS))
    values[np.arange(STEPS), best] = 0.97
    return values


@pytest.fixture(scope="module")
def characters() -> list[str]:
    """A dictionary: the classes less blank and space."""
    return [chr(0x4E00 + k) for k in range(CLASSES - 2)]


# The other side


def cv2_contours(mask: Bytes) -> Any:
    return cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]


def cv2_normalize(image: Bytes, mean: tuple[float, ...], std: tuple[float, ...]) -> Any:
    parameters = cv2.dnn.Image2BlobParams()
    parameters.scalefactor = tuple(1 / (255 * s) for s in std)
    parameters.mean = tuple(255 * m for m in mean)
    return cv2.dnn.blobFromImageWithParams(image, parameters)


def cv2_boxes(contours: list[Floats]) -> list[Any]:
    return [cv2.boxPoints(cv2.minAreaRect(contour)) for contour in contours]


def cv2_score(values: Floats, quad: Floats) -> float:
    low = np.maximum(np.floor(quad.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(quad.max(axis=0)).astype(int), (MAP_WIDTH - 1, MAP_HEIGHT - 1))
    window = values[low[1] : high[1] + 1, low[0] : high[0] + 1]
    mask = np.zeros(window.shape, np.uint8)
    cv2.fillPoly(mask, [(quad - low).astype(np.int32)], 1)
    return float(cv2.mean(window, mask)[0])


def cv2_crop(image: Bytes, quad: npt.NDArray[np.int32], width: int, height: int) -> Any:
    corners = cv2.boxPoints(cv2.minAreaRect(quad))
    corners = np.roll(corners, -int(corners.sum(axis=1).argmin()), axis=0)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def cv2_sample(image: Bytes, grid: Floats) -> Any:
    height, width = image.shape[:2]
    _, rows, columns = grid.shape
    x, y = np.meshgrid(
        np.linspace(0, columns - 1, width, dtype=np.float32),
        np.linspace(0, rows - 1, height, dtype=np.float32),
    )
    last = np.array([width - 1, height - 1], np.float32)
    points = (grid.transpose(1, 2, 0) + 1) / 2 * last
    places = cv2.remap(points, x, y, cv2.INTER_LINEAR)
    return cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def pyclipper_unclip(pyclipper: ModuleType, quad: Floats) -> Any:
    distance = cv2.contourArea(quad) * RATIO / cv2.arcLength(quad, True)
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(quad.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return np.array(offset.Execute(distance)[0], np.int32)


def numpy_decode(values: Floats, characters: list[str]) -> tuple[str, float]:
    best, scores = values.argmax(axis=1), values.max(axis=1)
    kept = (best != 0) & np.append(True, best[1:] != best[:-1])
    alphabet = ["", *characters, " "]
    return "".join(alphabet[k] for k in best[kept]), float(scores[kept].mean())


# Benchmarks


def set_group(benchmark: Any, group: str) -> None:
    """Puts a benchmark beside the others that do the same work."""
    benchmark.group = group


PAGE_RESIZE = "resize page 1280x960 to 960x704"
LINE_RESIZE = "resize line 300x32 to 450x48"


def test_resize_page_fastocr(benchmark: Benchmark, core: ModuleType, page: Bytes) -> None:
    set_group(benchmark, PAGE_RESIZE)
    benchmark(core.resize_bilinear, page, MAP_WIDTH, MAP_HEIGHT)


def test_resize_page_cv2(benchmark: Benchmark, page: Bytes) -> None:
    set_group(benchmark, PAGE_RESIZE)
    benchmark(cv2.resize, page, (MAP_WIDTH, MAP_HEIGHT), interpolation=cv2.INTER_LINEAR)


def test_resize_line_fastocr(benchmark: Benchmark, core: ModuleType, page: Bytes) -> None:
    set_group(benchmark, LINE_RESIZE)
    line = np.ascontiguousarray(page[20:52, 40:340])
    benchmark(core.resize_bilinear, line, 450, 48)


def test_resize_line_cv2(benchmark: Benchmark, page: Bytes) -> None:
    set_group(benchmark, LINE_RESIZE)
    line = np.ascontiguousarray(page[20:52, 40:340])
    benchmark(cv2.resize, line, (450, 48), interpolation=cv2.INTER_LINEAR)


PAGE_NORMALIZE = "normalize page 960x704"
LINE_NORMALIZE = "normalize line 450x48"


def test_normalize_page_fastocr(benchmark: Benchmark, core: ModuleType, page: Bytes) -> None:
    set_group(benchmark, PAGE_NORMALIZE)
    image = np.ascontiguousarray(page[:MAP_HEIGHT, :MAP_WIDTH])
    benchmark(core.normalize, image, "detection")


def test_normalize_page_cv2(benchmark: Benchmark, page: Bytes) -> None:
    set_group(benchmark, PAGE_NORMALIZE)
    image = np.ascontiguousarray(page[:MAP_HEIGHT, :MAP_WIDTH])
    benchmark(cv2_normalize, image, MEAN, STD)


def test_normalize_line_fastocr(benchmark: Benchmark, core: ModuleType, page: Bytes) -> None:
    set_group(benchmark, LINE_NORMALIZE)
    image = np.ascontiguousarray(page[:48, :450])
    benchmark(core.normalize, image, "recognition")


def test_normalize_line_cv2(benchmark: Benchmark, page: Bytes) -> None:
    set_group(benchmark, LINE_NORMALIZE)
    image = np.ascontiguousarray(page[:48, :450])
    benchmark(cv2_normalize, image, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


UNWARP = "sample page 1280x960 at a grid of 31x45"


def test_sample_page_fastocr(
    benchmark: Benchmark, core: ModuleType, page: Bytes, bent: Floats
) -> None:
    set_group(benchmark, UNWARP)
    benchmark(core.sample_page, page, bent)


def test_sample_page_cv2(benchmark: Benchmark, page: Bytes, bent: Floats) -> None:
    set_group(benchmark, UNWARP)
    benchmark(cv2_sample, page, bent)


CONTOURS = "find contours of 40 lines in 960x704"


def test_find_contours_fastocr(benchmark: Benchmark, core: ModuleType, mask: Bytes) -> None:
    set_group(benchmark, CONTOURS)
    benchmark(core.find_contours, mask)


def test_find_contours_cv2(benchmark: Benchmark, mask: Bytes) -> None:
    set_group(benchmark, CONTOURS)
    benchmark(cv2_contours, mask)


RECTANGLES = "least rectangles of 40 contours"


def test_min_area_rect_fastocr(
    benchmark: Benchmark, core: ModuleType, contours: list[Floats]
) -> None:
    set_group(benchmark, RECTANGLES)
    benchmark(lambda: [core.min_area_rect(contour) for contour in contours])


def test_min_area_rect_cv2(benchmark: Benchmark, contours: list[Floats]) -> None:
    set_group(benchmark, RECTANGLES)
    benchmark(cv2_boxes, contours)


SCORES = "scores of 40 boxes"


def test_box_score_fastocr(
    benchmark: Benchmark, core: ModuleType, probability_map: Floats, quads: Floats
) -> None:
    set_group(benchmark, SCORES)
    benchmark(lambda: [core.box_score(probability_map, quad) for quad in quads])


def test_box_score_cv2(benchmark: Benchmark, probability_map: Floats, quads: Floats) -> None:
    set_group(benchmark, SCORES)
    benchmark(lambda: [cv2_score(probability_map, quad) for quad in quads])


UNCLIP = "grow 40 boxes"


def test_unclip_quad_fastocr(benchmark: Benchmark, core: ModuleType, quads: Floats) -> None:
    set_group(benchmark, UNCLIP)
    benchmark(lambda: [core.unclip_quad(quad, RATIO) for quad in quads])


def test_unclip_quad_pyclipper(benchmark: Benchmark, quads: Floats) -> None:
    pyclipper = pytest.importorskip("pyclipper")
    set_group(benchmark, UNCLIP)
    benchmark(lambda: [pyclipper_unclip(pyclipper, quad) for quad in quads])


CROP = "crop a turned line of 300x32"


def test_crop_quad_fastocr(
    benchmark: Benchmark, core: ModuleType, page: Bytes, crop_quad: npt.NDArray[np.int32]
) -> None:
    set_group(benchmark, CROP)
    benchmark(core.crop_quad, page, crop_quad)


def test_crop_quad_cv2(benchmark: Benchmark, page: Bytes, crop_quad: npt.NDArray[np.int32]) -> None:
    set_group(benchmark, CROP)
    benchmark(cv2_crop, page, crop_quad, 300, 32)


DECODE = "decode one line of 80 steps and 18385 classes"


def test_ctc_decode_fastocr(
    benchmark: Benchmark, core: ModuleType, probabilities: Floats, characters: list[str]
) -> None:
    set_group(benchmark, DECODE)
    benchmark(core.ctc_decode, probabilities, characters)


def test_ctc_decode_numpy(
    benchmark: Benchmark, probabilities: Floats, characters: list[str]
) -> None:
    set_group(benchmark, DECODE)
    benchmark(numpy_decode, probabilities, characters)
