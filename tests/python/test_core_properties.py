"""Properties of the core's primitives on arbitrary inputs.

Where OpenCV gives the same results in 4.10, the reference, and 5, the installed release checks
them; `tests/parity` has the stored results for the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastocr import _core
from fastocr.errors import InputError, InvalidOptionError, UnsupportedOptionError

# Function-scoped fixtures only set the instruction set: one for all examples of a test is meant.
moderate = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ISAS = _core.available_isas()
seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 90)


@pytest.fixture(params=ISAS)
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once with the pixel kernels of each instruction set of this CPU."""
    before = _core.active_isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


@pytest.fixture
def keep_isa() -> Iterator[None]:
    """Restores the instruction set after a test that changes it."""
    before = _core.active_isa()
    yield
    _core.set_isa(before)


@st.composite
def images(draw: st.DrawFn, side: st.SearchStrategy[int] = sides) -> np.ndarray:
    """Random BGR images, some of them views with row strides of their own."""
    height, width = draw(side), draw(side)
    rng = np.random.default_rng(draw(seeds))
    layout = draw(st.sampled_from(["packed", "cut out", "every second row", "upside down"]))
    if layout == "cut out":
        return rng.integers(0, 256, (height + 2, width + 5, 3), np.uint8)[1:-1, 2:-3]
    if layout == "every second row":
        return rng.integers(0, 256, (2 * height, width, 3), np.uint8)[::2]
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    return image[::-1] if layout == "upside down" else image


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Random masks from sparse noise to large spots."""
    height, width = draw(sides), draw(sides)
    rng = np.random.default_rng(draw(seeds))
    step = draw(st.sampled_from([1, 1, 2, 5]))
    coarse = rng.random((-(-height // step), -(-width // step)))
    spots = np.kron(coarse < draw(st.floats(0, 1)), np.ones((step, step), bool))
    noise = rng.random((height, width)) < draw(st.sampled_from([0.0, 0.02, 0.2]))
    return (spots[:height, :width] ^ noise).astype(np.uint8)


def point_sets(low: int, high: int, largest: int = 24) -> st.SearchStrategy[np.ndarray]:
    """Point sets with coordinates in whole pixels, as contours have them."""
    point = st.tuples(st.integers(low, high), st.integers(low, high))
    return st.lists(point, min_size=1, max_size=largest).map(lambda p: np.array(p, np.float32))


@st.composite
def quads(draw: st.DrawFn) -> np.ndarray:
    """Turned rectangles with float32 corners, as the detector grows them."""
    centre = draw(st.tuples(st.floats(0, 900), st.floats(0, 700)))
    width, height = draw(st.floats(3, 400)), draw(st.floats(3, 90))
    angle = draw(st.one_of(st.just(0.0), st.floats(-np.pi / 2, np.pi / 2)))
    along = np.array([np.cos(angle), np.sin(angle)]) * width / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * height / 2
    corners = np.array([-along - across, along - across, along + across, across - along])
    return np.ascontiguousarray(corners + centre, np.float32)


def cross(origin: Any, a: Any, b: Any) -> Any:
    """Twice the signed area of the triangle; `b` may be many points."""
    return (a[..., 0] - origin[..., 0]) * (b[..., 1] - origin[..., 1]) - (
        a[..., 1] - origin[..., 1]
    ) * (b[..., 0] - origin[..., 0])


def inside(corners: np.ndarray, points: np.ndarray, tolerance: float) -> bool:
    """Whether no point lies further than `tolerance` outside of a convex quad."""
    corners, points = corners.astype(np.float64), points.astype(np.float64)
    for corner, following in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        length = np.hypot(*(following - corner))
        if length > 0 and (cross(corner, following, points) < -tolerance * length).any():
            return False
    return True


# Resize


@pytest.mark.usefixtures("isa")
@moderate
@given(images(), st.integers(1, 130), st.integers(1, 130))
def test_resize_equals_opencv(image: np.ndarray, width: int, height: int) -> None:
    wanted = cv2.resize(np.ascontiguousarray(image), (width, height))
    np.testing.assert_array_equal(_core.resize_bilinear(image, width, height), wanted)


@pytest.mark.usefixtures("isa")
@moderate
@given(images(sides.map(lambda n: 2 * n)))
def test_halving_equals_opencv(image: np.ndarray) -> None:
    height, width = image.shape[0] // 2, image.shape[1] // 2
    wanted = cv2.resize(np.ascontiguousarray(image), (width, height))
    np.testing.assert_array_equal(_core.resize_bilinear(image, width, height), wanted)


@pytest.mark.usefixtures("isa")
@moderate
@given(images())
def test_resize_to_the_same_size_is_a_copy(image: np.ndarray) -> None:
    height, width = image.shape[:2]
    result = _core.resize_bilinear(image, width, height)
    np.testing.assert_array_equal(result, image)
    assert not np.shares_memory(result, image)


# Normalisation


def numpy_normalize(image: np.ndarray, kind: str) -> np.ndarray:
    """Network input in float32, each operation rounded."""
    planes = image.transpose(2, 0, 1).astype(np.float32)
    if kind == "recognition":
        return (planes / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    mean, deviation = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    scale = (1 / 255 / deviation).astype(np.float32).reshape(3, 1, 1)
    offset = (-mean / deviation).astype(np.float32).reshape(3, 1, 1)
    return planes * scale + offset


@pytest.mark.usefixtures("isa")
@moderate
@given(images(), st.sampled_from(["detection", "recognition"]))
def test_normalize_equals_numpy(image: np.ndarray, kind: str) -> None:
    result, wanted = _core.normalize(image, kind), numpy_normalize(image, kind)
    assert result.dtype == wanted.dtype == np.float32
    np.testing.assert_array_equal(result, wanted)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("kind", ["detection", "recognition"])
def test_normalize_equals_numpy_for_every_value(kind: str) -> None:
    image = np.repeat(np.arange(256, dtype=np.uint8).reshape(4, 64, 1), 3, axis=2)
    np.testing.assert_array_equal(_core.normalize(image, kind), numpy_normalize(image, kind))


# Rotation


@moderate
@given(images(), st.integers(0, 3))
def test_quarter_turns_equal_rot90(image: np.ndarray, turns: int) -> None:
    np.testing.assert_array_equal(_core.rotate_quarter_turns(image, turns), np.rot90(image, turns))


# Instruction sets


def same_everywhere(function: Callable[[], Any]) -> None:
    """Checks that a function gives the same with every instruction set."""
    results = []
    for name in ISAS:
        _core.set_isa(name)
        assert _core.active_isa() == name
        results.append(function())
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.usefixtures("keep_isa")
@moderate
@given(images(), quads(), st.integers(1, 70), st.integers(1, 40), st.floats(0.02, 2))
def test_warp_is_the_same_with_every_instruction_set(
    image: np.ndarray, quad: np.ndarray, width: int, height: int, scale: float
) -> None:
    ends = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(ends, quad * np.float32(scale) / 10)
    same_everywhere(lambda: _core.warp_perspective(image, matrix, width, height))


@pytest.mark.usefixtures("keep_isa")
@moderate
@given(images(), st.lists(st.floats(-1e12, 1e12), min_size=9, max_size=9))
def test_warp_by_any_matrix_is_the_same_with_every_instruction_set(
    image: np.ndarray, values: list[float]
) -> None:
    """Vanishing lines and positions far outside of the image are met on the way."""
    matrix = np.array(values).reshape(3, 3)
    same_everywhere(lambda: _core.warp_perspective(image, matrix, 21, 5))


@pytest.mark.usefixtures("keep_isa")
@moderate
@given(images(), st.integers(1, 130), st.integers(1, 130))
def test_resize_and_normalize_are_the_same_with_every_instruction_set(
    image: np.ndarray, width: int, height: int
) -> None:
    same_everywhere(lambda: _core.resize_bilinear(image, width, height))
    same_everywhere(lambda: _core.normalize(image, "detection"))
    same_everywhere(lambda: _core.normalize(image, "recognition"))


@pytest.mark.usefixtures("keep_isa")
@moderate
@given(seeds, st.integers(0, 30), st.integers(0, 3000), st.sampled_from([2, 3, 50, 2**23]))
def test_decoding_is_the_same_with_every_instruction_set(
    seed: int, steps: int, characters: int, levels: int
) -> None:
    """Few levels make many equal probabilities, of which the first has to be found."""
    rng = np.random.default_rng(seed)
    values = (rng.integers(0, levels, (steps, characters + 2)) / levels).astype(np.float32)
    names = [chr(0x4E00 + i) for i in range(characters)]
    results = []
    for name in ISAS:
        _core.set_isa(name)
        results.append(_core.ctc_decode(values, names))
    assert results == [results[0]] * len(ISAS)
    best = values.argmax(axis=1)
    kept = best[(best != 0) & (best != np.concatenate([[0], best[:-1]]))]
    assert results[0][0] == "".join([*names, " "][i - 1] for i in kept)


@pytest.mark.usefixtures("keep_isa")
@moderate
@given(masks(), quads(), seeds)
def test_maps_are_read_the_same_with_every_instruction_set(
    mask: np.ndarray, quad: np.ndarray, seed: int
) -> None:
    noise = np.random.default_rng(seed).random(mask.shape, np.float32)
    values = mask * np.float32(0.5) + noise / 2
    same_everywhere(lambda: _core.box_score(values, quad / 10))
    same_everywhere(lambda: _core.boxes_from_map(values, 500, 300, _core.PageParams()))


# Contours


@moderate
@given(masks())
def test_contours_equal_opencv(mask: np.ndarray) -> None:
    found = _core.find_contours(mask)
    wanted, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    assert len(found) == len(wanted)
    for contour, points in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(contour, points.reshape(-1, 2))


# Least rectangles


def least_hull_rectangle(points: np.ndarray) -> float:
    """Area of the least rectangle that has a side on an edge of the convex hull."""
    hull = cv2.convexHull(points).reshape(-1, 2).astype(np.float64)
    edges = np.roll(hull, -1, axis=0) - hull
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    if len(hull) < 3:
        return 0.0
    directions = edges / lengths[:, None]
    along = hull @ directions.T
    across = hull @ np.stack([-directions[:, 1], directions[:, 0]])
    return float((np.ptp(along, axis=0) * np.ptp(across, axis=0)).min())


@moderate
@given(st.one_of(point_sets(0, 12), point_sets(-300, 1500), point_sets(0, 4000, 60)))
def test_least_rectangle_is_least_and_holds_all_points(points: np.ndarray) -> None:
    corners, width, height = _core.min_area_rect(points)
    extent = float(np.abs(points).max()) + 1
    assert inside(corners, points, 1e-5 * extent)
    wanted = least_hull_rectangle(points)
    # Float32 throughout: the sides are good to about six digits of the coordinates.
    assert abs(width * height - wanted) <= 1e-5 * extent * (width + height + 1)
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    np.testing.assert_allclose(
        sorted(lengths[:2]), sorted((width, height)), rtol=0, atol=1e-5 * extent
    )


@moderate
@given(point_sets(0, 200), st.integers(1, 6))
def test_least_rectangle_does_not_depend_on_repeated_points(points: np.ndarray, times: int) -> None:
    corners, width, height = _core.min_area_rect(np.repeat(points, times, axis=0))
    again, again_width, again_height = _core.min_area_rect(points)
    np.testing.assert_array_equal(corners, again)
    assert (width, height) == (again_width, again_height)


@moderate
@given(st.one_of(point_sets(0, 12), point_sets(-300, 1500)))
def test_corners_start_at_the_top_left(points: np.ndarray) -> None:
    corners, *_ = _core.min_area_rect(points)
    top_left, top_right, bottom_right, bottom_left = corners
    assert max(top_left[0], bottom_left[0]) <= min(top_right[0], bottom_right[0])
    assert top_left[1] <= bottom_left[1]
    assert top_right[1] <= bottom_right[1]


def test_least_rectangle_of_no_points() -> None:
    corners, width, height = _core.min_area_rect(np.empty((0, 2), np.float32))
    assert corners.tolist() == [[0, 0]] * 4
    assert (width, height) == (0, 0)


# Growing and scoring


@moderate
@given(quads(), st.floats(0.5, 4))
def test_grown_quad_holds_the_quad(quad: np.ndarray, ratio: float) -> None:
    grown = _core.unclip_quad(quad, ratio)
    truncated = np.trunc(quad).astype(np.int32)
    if len(grown) == 0:  # only where truncation leaves no area
        assert cv2.contourArea(truncated) == 0
        return
    hull = cv2.convexHull(grown)
    for x, y in truncated.tolist():
        # Corners and vertices are whole pixels: half a pixel may be lost to rounding.
        assert cv2.pointPolygonTest(hull, (x, y), True) >= -0.75
    distance = cv2.contourArea(quad) * ratio / cv2.arcLength(quad, True)
    reach = [np.hypot(*(truncated - point).T).min() for point in grown]
    assert max(reach) <= distance + 1


@moderate
@given(quads())
def test_greater_ratios_grow_further(quad: np.ndarray) -> None:
    areas = []
    for ratio in (1.0, 2.0, 4.0):
        grown = _core.unclip_quad(quad, ratio)
        areas.append(cv2.contourArea(grown) if len(grown) else 0.0)
    assert areas == sorted(areas)


@pytest.mark.parametrize("ratio", [0.0, -1.0, 1.5])
@pytest.mark.parametrize(
    "corners",
    [
        [(4, 4)] * 4,
        [(4, 4), (9, 4), (9, 4), (4, 4)],
        [(0.2, 0.2), (0.9, 0.2), (0.9, 0.9), (0.2, 0.9)],
        [(0, 0), (5, 5), (10, 10), (5, 5)],
    ],
)
def test_degenerate_quads_do_not_grow(ratio: float, corners: list[tuple[float, float]]) -> None:
    quad = np.array(corners, np.float32)
    assert _core.unclip_quad(quad, ratio).shape == (0, 2)


@moderate
@given(
    seeds,
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=8, max_size=8),
    st.sampled_from([1.0, 1e-2, 1e-4]),
)
def test_scores_stay_within_the_values_of_the_map(
    seed: int, values: list[float], scale: float
) -> None:
    """Whatever the quad, also one that crosses itself or lies far outside."""
    probabilities = np.random.default_rng(seed).random((37, 53), np.float32)
    quad = (np.array(values).reshape(4, 2) * scale).astype(np.float32)
    score = _core.box_score(probabilities, quad)
    assert score == 0 or probabilities.min() <= score <= probabilities.max()
    flat = _core.box_score(np.full((37, 53), 0.5, np.float32), quad)
    assert flat in (0, 0.5)


# Errors


@pytest.mark.parametrize(
    "view",
    [
        np.zeros((8, 8, 3), np.uint8)[:, ::2],
        np.zeros((8, 8, 3), np.uint8)[:, ::-1],
        np.zeros((8, 8, 3), np.uint8)[..., ::-1],
        np.zeros((8, 8, 4), np.uint8)[..., :3],
        np.zeros((3, 8, 8), np.uint8).transpose(1, 2, 0),
        np.zeros((8, 1, 3), np.uint8)[..., ::-1],
    ],
    ids=["every second column", "mirrored", "RGB", "BGRA", "planes", "RGB column"],
)
def test_pixels_of_a_row_must_lie_side_by_side(view: np.ndarray) -> None:
    quad = np.array([(0, 0), (4, 0), (4, 4), (0, 4)], np.int32)
    calls: list[Callable[[], object]] = [
        lambda: _core.resize_bilinear(view, 4, 4),
        lambda: _core.normalize(view, "detection"),
        lambda: _core.warp_perspective(view, np.eye(3), 4, 4),
        lambda: _core.rotate_quarter_turns(view, 1),
        lambda: _core.crop_quad(view, quad),
    ]
    for call in calls:
        with pytest.raises(InputError, match="ascontiguousarray"):
            call()


def test_single_column_images_need_no_pixel_stride() -> None:
    image = np.arange(8 * 5 * 3, dtype=np.uint8).reshape(8, 5, 3)[:, ::5]
    np.testing.assert_array_equal(_core.resize_bilinear(image, 1, 8), image)


def test_read_only_images_are_taken() -> None:
    image = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    image.flags.writeable = False
    np.testing.assert_array_equal(_core.resize_bilinear(image, 4, 5), image)


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 3), (0, 0, 3)])
def test_resize_of_an_empty_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="empty"):
        _core.resize_bilinear(np.zeros(shape, np.uint8), 3, 3)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5), (5, -1)])
def test_resize_to_an_empty_image(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="empty"):
        _core.resize_bilinear(np.zeros((4, 4, 3), np.uint8), *size)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 4), (1, 4, 4, 3)])
def test_images_have_three_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(TypeError):
        _core.normalize(np.zeros(shape, np.uint8), "detection")


def test_unknown_kind_of_normalisation() -> None:
    with pytest.raises(InvalidOptionError, match=r"'classification'.*'detection'"):
        _core.normalize(np.zeros((4, 4, 3), np.uint8), "classification")


def test_unknown_limit_type() -> None:
    with pytest.raises(InvalidOptionError, match=r"'longest'.*'min', 'max' or 'resize_long'"):
        _core.PageParams(limit_type="longest")


def test_unknown_instruction_set() -> None:
    before = _core.active_isa()
    with pytest.raises(InvalidOptionError, match="'sse9'"):
        _core.set_isa("sse9")
    for name in {"portable", "avx2", "avx512"} - set(ISAS):
        with pytest.raises(UnsupportedOptionError, match=name):
            _core.set_isa(name)
    assert _core.active_isa() == before


def isa_of_a_new_process(forced: str) -> subprocess.CompletedProcess[str]:
    """What a process with FASTOCR_FORCE_ISA says about itself."""
    return subprocess.run(
        [sys.executable, "-c", "from fastocr import _core; print(_core.active_isa())"],
        env={**os.environ, "FASTOCR_FORCE_ISA": forced},
        capture_output=True,
        text=True,
        check=False,
    )


def test_instruction_set_of_the_environment() -> None:
    assert isa_of_a_new_process("portable").stdout == "portable\n"
    assert isa_of_a_new_process("").stdout == f"{ISAS[-1]}\n"
    failed = isa_of_a_new_process("sse9")
    assert failed.returncode != 0
    assert "InvalidOptionError" in failed.stderr
    assert "sse9" in failed.stderr


def test_portable_kernels_are_always_there() -> None:
    assert ISAS[0] == "portable"
    assert len(set(ISAS)) == len(ISAS)
    assert _core.active_isa() in ISAS


# Numbers that are none


NAN = float("nan")
MAP = np.full((20, 30), 0.9, np.float32)
SQUARE = np.array([[2, 3], [12, 3], [12, 9], [2, 9]], np.float32)


def with_value(array: np.ndarray, value: float, place: int = 1) -> np.ndarray:
    """A copy with one other value."""
    changed = array.copy()
    changed.flat[place] = value
    return changed


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf"), 3e38, -3e38])
@pytest.mark.parametrize("place", range(8))
def test_corners_that_are_no_numbers(value: float, place: int) -> None:
    """Results are numbers, and nothing is read outside of the map."""
    quad = with_value(SQUARE, value, place)
    corners, width, height = _core.min_area_rect(quad)
    assert np.isfinite(corners).all()
    assert np.isfinite([width, height]).all()
    assert 0 <= _core.box_score(MAP, quad) <= 0.91
    assert len(_core.unclip_quad(quad, 2.0)) == 0


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf"), 1e300, -1e300])
@pytest.mark.parametrize("place", range(9))
def test_warps_by_what_is_no_number(value: float, place: int) -> None:
    """Whatever the places are, pixels are those of the image, of one colour here."""
    image = np.full((7, 9, 3), 90, np.uint8)
    matrix = with_value(np.eye(3), value, place)
    assert (_core.warp_perspective(image, matrix, 37, 5) == 90).all()


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize(("value", "boxes"), [(NAN, 0), (-float("inf"), 0), (float("inf"), 1)])
def test_maps_of_what_is_no_number(value: float, boxes: int) -> None:
    params = _core.PageParams()
    assert len(_core.boxes_from_map(np.full((20, 30), value, np.float32), 30, 20, params)) == boxes


@pytest.mark.parametrize(("width", "height"), [(0, 20), (30, 0), (-1, 20), (30, -(2**31))])
def test_pages_without_a_size(width: int, height: int) -> None:
    params = _core.PageParams()
    with pytest.raises(InputError, match="an empty page"):
        _core.boxes_from_map(MAP, width, height, params)
    with pytest.raises(InputError, match="an empty page"):
        _core.detection_input_size(width, height, params)


@pytest.mark.parametrize("columns", [0.0, -1.0, NAN])
def test_words_in_no_columns(columns: float) -> None:
    line = np.array([[0, 0], [90, 0], [90, 20], [0, 20]], np.int32)
    with pytest.raises(InputError, match="column_count"):
        _core.word_boxes(line, ["a"], [0], columns)


@pytest.mark.parametrize("far", [32767, 32768, 100_000, 2**31 - 1])
def test_integers_far_away(far: int) -> None:
    corners = np.array([[-far, -far], [far, -far], [far, far], [-far, far]], np.int32)
    assert _core.polygon_score(MAP, corners) == pytest.approx(0.9)
    assert _core.reading_order(corners[None]) == [0]
    assert len(_core.approximate_polygon(corners, 1.0)) == 4
    assert all(len(loop) > 3 for loop in _core.unclip_polygon(corners, 0.1))
