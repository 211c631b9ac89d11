"""Pages turned upright and made flat, and places in them mapped back to the input."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fastocr import _core, engines
from fastocr.engines import EngineOptions, load_model
from fastocr.errors import InvalidOptionError, ModelFormatError
from fastocr.model_store import find_model
from tests.python.onnx_writer import OnnxNetwork

ANGLES = [0, 90, 180, 270]
RunPython = Callable[..., Any]


def loaded(network: OnnxNetwork, path: Path, output: str) -> _core.Model:
    return engines.load("openvino").load(str(network.save(path, output)))


def corner_classifier(folder: Path) -> _core.ImageClassifier:
    """Finds the bright corner of a page: 0 for the top left one, then clockwise.

    A page that is turned clockwise by a quarter has its mark in the top right corner, and has to be
    turned counter-clockwise by 90 degrees.
    """
    network = OnnxNetwork([-1, 3, 8, 8])
    masks = np.zeros((4, 3, 8, 8), np.float32)
    masks[0, :, :4, :4] = masks[1, :, :4, 4:] = masks[2, :, 4:, 4:] = masks[3, :, 4:, :4] = 1
    scores = network.node("Conv", "image", network.constant(masks))
    model = loaded(network, folder / "corners.onnx", network.node("Flatten", scores, axis=1))
    return _core.ImageClassifier(model, _core.ClassifierParams(size=(8, 8)))


def shrinking_unwarper(folder: Path) -> _core.DocumentUnwarper:
    """Shows the page at two thirds of its size, in the middle of black."""
    network = OnnxNetwork([-1, 3, 16, 16])
    y, x = np.meshgrid([-1.5, 0, 1.5], [-1.5, 0, 1.5], indexing="ij")
    grid = network.constant(np.stack([x, y])[None], np.float32)
    mean = network.node("ReduceMean", "image", axes=[1, 2, 3], keepdims=1)
    nothing = network.node("Mul", mean, network.constant(0, np.float32))
    output = network.node("Add", grid, nothing)
    return _core.DocumentUnwarper(loaded(network, folder / "shrinking.onnx", output))


@pytest.fixture(scope="module")
def preprocessor(tmp_path_factory: pytest.TempPathFactory) -> _core.DocumentPreprocessor:
    folder = tmp_path_factory.mktemp("networks")
    return _core.DocumentPreprocessor(corner_classifier(folder), ANGLES, shrinking_unwarper(folder))


def upright_page() -> np.ndarray:
    page = np.random.default_rng(2).integers(0, 60, (120, 90, 3), dtype=np.uint8)
    page[10:50, 8:36] = 255
    return page


@pytest.mark.parametrize("turns", range(4))
def test_turned_pages_become_upright(preprocessor: _core.DocumentPreprocessor, turns: int) -> None:
    upright = upright_page()
    page = np.ascontiguousarray(np.rot90(upright, -turns))  # clockwise
    result = preprocessor.run(page, classify=True, unwarp=False)
    assert result.angle == 90 * turns
    assert result.output_img is None
    if turns == 0:
        assert result.rot_img is None
    else:
        np.testing.assert_array_equal(result.rot_img, upright)


@pytest.mark.parametrize("turns", range(4))
def test_crops_of_mapped_boxes_are_those_of_the_upright_page(
    preprocessor: _core.DocumentPreprocessor, turns: int
) -> None:
    upright = upright_page()
    page = np.ascontiguousarray(np.rot90(upright, -turns))
    result = preprocessor.run(page, classify=True, unwarp=False)
    x0, y0, x1, y1 = 17, 31, 64, 83
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int16)
    mapped = result.to_original(corners)
    left, top = mapped.min(axis=0).astype(int)
    right, bottom = mapped.max(axis=0).astype(int)
    crop = np.rot90(page[top:bottom, left:right], turns)
    np.testing.assert_array_equal(crop, upright[y0:y1, x0:x1])


@pytest.mark.parametrize("turns", range(4))
def test_places_go_back_through_both_steps(
    preprocessor: _core.DocumentPreprocessor, turns: int
) -> None:
    page = upright_page()
    drawn = np.array([40.5, 80.5])
    cv2.circle(page, (40, 80), 5, (0, 255, 0), -1)
    turned = np.ascontiguousarray(np.rot90(page, -turns))
    result = preprocessor.run(turned, classify=True, unwarp=True)
    assert result.output_img is not None
    assert result.output_img.shape == page.shape
    rows, columns = np.nonzero((result.output_img[..., 1] > 200) & (result.output_img[..., 0] < 90))
    found = np.array([columns.mean() + 0.5, rows.mean() + 0.5], np.float32)
    size = np.array([90, 120])
    np.testing.assert_allclose(found, (drawn - size / 2) / 1.5 + size / 2, atol=0.5)
    height, width = turned.shape[:2]
    back = {
        0: drawn,
        1: [width - drawn[1], drawn[0]],
        2: [width - drawn[0], height - drawn[1]],
        3: [drawn[1], height - drawn[0]],
    }
    np.testing.assert_allclose(result.to_original(found), back[turns], atol=0.8)


def test_steps_that_are_off(preprocessor: _core.DocumentPreprocessor) -> None:
    page = np.ascontiguousarray(np.rot90(upright_page()))
    result = preprocessor.run(page, classify=False, unwarp=False)
    assert (result.angle, result.rot_img, result.output_img) == (-1, None, None)
    points = np.array([[0, 0], [120, 90], [3.5, 4]], np.float32)
    np.testing.assert_array_equal(result.to_original(points), points)


def test_views_are_read_where_they_are(preprocessor: _core.DocumentPreprocessor) -> None:
    large = np.ascontiguousarray(np.rot90(np.tile(upright_page(), (2, 2, 1)), -1))
    view = large[:90, :120]
    expected = preprocessor.run(view.copy(), classify=True, unwarp=True)
    result = preprocessor.run(view, classify=True, unwarp=True)
    assert result.angle == expected.angle
    np.testing.assert_array_equal(result.output_img, expected.output_img)


def test_many_threads_get_what_one_gets(preprocessor: _core.DocumentPreprocessor) -> None:
    pages = [np.ascontiguousarray(np.rot90(upright_page(), -turns)) for turns in range(4)] * 6

    def run(page: np.ndarray) -> _core.DocumentPage:
        return preprocessor.run(page, classify=True, unwarp=True)

    expected = [run(page) for page in pages]
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(run, pages))
    for result, wanted in zip(results, expected, strict=True):
        assert result.angle == wanted.angle
        np.testing.assert_array_equal(result.output_img, wanted.output_img)


def test_missing_steps_and_wrong_angles(tmp_path: Path) -> None:
    page = upright_page()
    nothing = _core.DocumentPreprocessor(None, [], None)
    with pytest.raises(InvalidOptionError, match="no orientation model"):
        nothing.run(page, classify=True, unwarp=False)
    with pytest.raises(InvalidOptionError, match="no unwarping model"):
        nothing.run(page, classify=False, unwarp=True)
    with pytest.raises(InvalidOptionError, match="an angle is 45"):
        _core.DocumentPreprocessor(None, [0, 45], None)
    other = _core.DocumentPreprocessor(corner_classifier(tmp_path), [0, 180], None)
    with pytest.raises(ModelFormatError, match="4 classes, but 2 angles"):
        other.run(page, classify=True, unwarp=False)


# A program of its own, as the pytest process has threads, which may not be forked.
FORK = """
import os, signal, sys
import numpy as np
from fastocr import _core, engines

corners, shrinking = (engines.load("openvino").load(path, threads=2) for path in sys.argv[1:])
classifier = _core.ImageClassifier(corners, _core.ClassifierParams(size=(8, 8)))
unwarper = _core.DocumentUnwarper(shrinking, threads=2)
preprocessor = _core.DocumentPreprocessor(classifier, [0, 90, 180, 270], unwarper)
page = np.zeros((30, 20, 3), np.uint8)
page[:10, :8] = 255
preprocessor.run(page, classify=True, unwarp=True)
child = os.fork()
if not child:
    signal.alarm(30)
    del preprocessor, classifier, unwarper
    os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(preprocessor.run(page, classify=True, unwarp=True).output_img.shape)
"""


def test_forked_children_do_not_wait_for_threads(tmp_path: Path, run_python: RunPython) -> None:
    corner_classifier(tmp_path)
    shrinking_unwarper(tmp_path)
    files = [tmp_path / "corners.onnx", tmp_path / "shrinking.onnx"]
    done = run_python("-W", "ignore::DeprecationWarning", "-c", FORK, *files)
    assert done.stdout.splitlines() == ["3", "(30, 20, 3)"], done.stderr


def test_photographs_turned_by_the_official_model(more_models: Path, real_images: Path) -> None:
    """Nearly all are recognised; the model itself is wrong about some."""
    name = "PP-LCNet_x1_0_doc_ori"
    files = find_model(name, more_models / name)
    assert files.classification is not None
    model = load_model(EngineOptions("openvino", "fp32", 2, {}), files.paths)
    classifier = _core.ImageClassifier(model, files.classification.core_params())
    angles = [int(label) for label in files.classification.labels]
    preprocessor = _core.DocumentPreprocessor(classifier, angles, None)
    right = total = 0
    for file in sorted((real_images / "images").iterdir()):
        image = cv2.imread(str(file))
        if image is None or preprocessor.run(image, classify=True, unwarp=False).angle != 0:
            continue
        for turns in (1, 2, 3):
            page = np.ascontiguousarray(np.rot90(image, -turns))
            result = preprocessor.run(page, classify=True, unwarp=False)
            total += 1
            right += result.rot_img is not None and np.array_equal(result.rot_img, image)
    assert total >= 60
    assert right / total > 0.8, (right, total)
