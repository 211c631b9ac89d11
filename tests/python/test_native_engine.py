"""The native engine: its numbers against those of OpenVINO, its precisions, and what `auto` does.

Bounds on differences are several times what was measured on x86-64 with each instruction set; what
they have to tell from is wrong arithmetic, which is off by tenths.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fastocr import PaddleOCR, _core, engines
from fastocr.errors import (
    EngineUnavailableError,
    InferenceError,
    InvalidOptionError,
    ModelFormatError,
    UnsupportedOptionError,
)
from fastocr.model_store import find_model

Array = npt.NDArray[Any]
MakeOCR = Callable[..., PaddleOCR]
RunPython = Callable[..., Any]

# Float sums in another order: probabilities differ by up to 2e-4.
FLOAT_TOLERANCE = 1e-3
# Rows and weights rounded to 16 bits: probabilities of single classes differ by up to 0.03.
FIXED_TOLERANCE = 0.06
# How close two classes must come, in the logarithms of their probabilities, for 16 bits to decide
# otherwise than float; from there on the recogniser asks the float network.
DECISION_MARGIN = 0.01

DETECTION = find_model("PP-OCRv5_mobile_det", None).paths[0]
RECOGNITION = find_model("PP-OCRv5_mobile_rec", None).paths[0]
CLASSIFICATION = find_model("PP-LCNet_x1_0_textline_ori", None).paths[0]


@pytest.fixture
def keep_isa() -> Iterator[None]:
    """Restores the instruction set after a test that changes it."""
    before = _core.active_isa()
    yield
    _core.set_isa(before)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classification network with an activation that the native engine does not have."""
    network = CLASSIFICATION.read_bytes()
    changed = network.replace(b'"\x04Relu', b'"\x04Tanh')
    assert changed != network
    path = tmp_path_factory.mktemp("foreign") / "inference.onnx"
    path.write_bytes(changed)
    return path


def load(engine: str, path: Path, **options: Any) -> _core.Model:
    return engines.load(engine).load(str(path), **{"threads": 2, **options})


def detection_input(image: Array, height: int, width: int) -> Array:
    """A page as the detection network gets it."""
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    pixels = (cv2.resize(image, (width, height)) / 255 - mean) / deviation
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)


def recognition_input(image: Array, width: int) -> Array:
    """A line as the recognition network gets it."""
    pixels = cv2.resize(image, (width, 48)) / 127.5 - 1
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)


def classification_input(image: Array) -> Array:
    """A line as the classification network gets it: 160 x 80 pixels in RGB order."""
    return detection_input(image[:, :, ::-1], 80, 160)


def read_page(pages_dir: Path, name: str) -> Array:
    image = cv2.imread(str(pages_dir / f"{name}.png"))
    assert image is not None
    return image


def difference(a: Array, b: Array) -> float:
    assert a.shape == b.shape
    return float(np.abs(a - b).max())


@pytest.fixture(scope="module")
def crops(ocr: PaddleOCR, pages_dir: Path) -> list[Array]:
    """All lines on some pages, from one character to a whole sentence."""
    found = []
    for name in ("chinese", "english", "japanese", "table"):
        page = read_page(pages_dir, name)
        boxes = ocr.predict(page)[0]["rec_boxes"]
        found += [page[top:bottom, left:right] for left, top, right, bottom in boxes]
    assert len(found) >= 40
    return found


@pytest.fixture(scope="module")
def lines(crops: list[Array]) -> list[Array]:
    """What the recognition network gets of them."""
    return [
        recognition_input(crop, max(64, round(48 * crop.shape[1] / crop.shape[0])))
        for crop in crops
    ]


@pytest.fixture(scope="module")
def probabilities(lines: list[Array]) -> list[Array]:
    """What OpenVINO makes of them."""
    model = load("openvino", RECOGNITION)
    return [model.run(line) for line in lines]


# --- the same numbers as OpenVINO -----------------------------------------------------------------


@pytest.mark.parametrize("isa", _core.available_isas())
def test_detection_equals_openvino(keep_isa: None, pages_dir: Path, isa: str) -> None:
    """From the smallest input on, upright and lying, with text everywhere and with none."""
    _core.set_isa(isa)
    native, openvino = load("native", DETECTION), load("openvino", DETECTION)
    assert native.input_shape == [1, 3, -1, -1]
    page = read_page(pages_dir, "chinese")
    for height, width in ((32, 32), (64, 96), (480, 640), (960, 736), (96, 1280)):
        image = detection_input(page, height, width)
        found = native.run(image)
        assert found.shape == (1, 1, height, width)
        assert difference(found, openvino.run(image)) < FLOAT_TOLERANCE
        assert found.max() > 0.8 or height < 96, "there is text to find"
    blank = np.zeros((1, 3, 160, 224), np.float32)
    assert difference(native.run(blank), openvino.run(blank)) < FLOAT_TOLERANCE


@pytest.mark.parametrize("isa", _core.available_isas())
def test_recognition_equals_openvino(
    keep_isa: None, lines: list[Array], probabilities: list[Array], isa: str
) -> None:
    _core.set_isa(isa)
    native = load("native", RECOGNITION)
    for line, expected in zip(lines, probabilities, strict=True):
        found = native.run(line)
        assert difference(found, expected) < FLOAT_TOLERANCE
        assert np.allclose(found.sum(axis=2), 1, atol=1e-3)


@pytest.mark.parametrize("width", [8, 9, 15, 16, 17, 24, 100, 320, 333, 1600, 3200])
def test_recognition_widths(pages_dir: Path, width: int) -> None:
    """Whole and broken multiples of all steps, down to a single time step.

    Each with a model of its own: after an input with one time step OpenVINO 2026.4 answers all
    others wrongly.
    """
    line = recognition_input(read_page(pages_dir, "long_line"), width)
    found = load("native", RECOGNITION).run(line)
    assert difference(found, load("openvino", RECOGNITION).run(line)) < FLOAT_TOLERANCE


@pytest.mark.parametrize("precision", ["fp32", "int16", "int8"])
def test_results_do_not_depend_on_what_ran_before(lines: list[Array], precision: str) -> None:
    """Memory that other inputs left behind, larger and smaller ones, reaches no result."""
    fresh = [load("native", RECOGNITION, precision=precision).run(line) for line in lines[:4]]
    model = load("native", RECOGNITION, precision=precision)
    for line in (lines[-1], *lines[:8]):
        model.run(line)
    assert all(
        np.array_equal(model.run(line), first) for line, first in zip(lines[:4], fresh, strict=True)
    )


@pytest.mark.parametrize("threads", [1, 3, 7])
def test_threads_change_nothing(lines: list[Array], pages_dir: Path, threads: int) -> None:
    page = detection_input(read_page(pages_dir, "table"), 352, 480)
    for path, image in ((DETECTION, page), (RECOGNITION, lines[0])):
        expected = load("native", path).run(image)
        assert np.array_equal(load("native", path, threads=threads).run(image), expected)


@pytest.fixture(scope="module")
def upright_and_turned(crops: list[Array]) -> list[Array]:
    """What the classification network gets of the lines, as they are and upside down."""
    return [classification_input(image) for crop in crops for image in (crop, crop[::-1, ::-1])]


@pytest.mark.parametrize("isa", _core.available_isas())
def test_classification_equals_openvino(
    keep_isa: None, upright_and_turned: list[Array], isa: str
) -> None:
    """Probabilities differ by up to 3e-6, with 16-bit products by up to 3e-4."""
    _core.set_isa(isa)
    native, openvino = load("native", CLASSIFICATION), load("openvino", CLASSIFICATION)
    fixed = load("native", CLASSIFICATION, precision="int16")
    assert native.input_shape == [1, 3, 80, 160]
    classes = set()
    for line in upright_and_turned:
        expected = openvino.run(line)
        found = native.run(line)
        assert found.shape == (1, 2)
        assert difference(found, expected) < 2e-5
        assert difference(fixed.run(line), expected) < 2e-3
        classes.add(int(found.argmax()))
    assert classes == {0, 1}


@pytest.mark.parametrize("threads", [1, 3, 7])
@pytest.mark.parametrize("precision", ["fp32", "int16", "int8"])
def test_threads_change_no_class(
    upright_and_turned: list[Array], precision: str, threads: int
) -> None:
    one = load("native", CLASSIFICATION, precision=precision)
    other = load("native", CLASSIFICATION, precision=precision, threads=threads)
    assert all(np.array_equal(one.run(line), other.run(line)) for line in upright_and_turned[:8])


def test_page_orientation_equals_openvino(more_models: Path, pages_dir: Path) -> None:
    path = more_models / "PP-LCNet_x1_0_doc_ori" / "inference.onnx"
    if not path.is_file():
        pytest.skip(f"no {path.parent.name}/inference.onnx in {more_models}")
    native, openvino = load("native", path), load("openvino", path)
    page = read_page(pages_dir, "english")
    for turns in range(4):
        image = detection_input(np.rot90(page, turns)[:, :, ::-1], 224, 224)
        found = native.run(image)
        assert found.shape == (1, 4)
        assert difference(found, openvino.run(image)) < 1e-4
        assert found.argmax() == -turns % 4  # classes are turns clockwise


def test_inputs_of_a_wrong_shape() -> None:
    """An error for each of them, and the model goes on to work."""
    detection, recognition = load("native", DETECTION), load("native", RECOGNITION)
    for shape in ((1, 3, 33, 64), (1, 3, 1, 1), (1, 3, 32, 0), (1, 1, 32, 32), (2, 3, 32, 32)):
        with pytest.raises(InferenceError):
            detection.run(np.zeros(shape, np.float32))
    for shape in ((1, 3, 47, 320), (1, 3, 48, 1), (3, 48, 320)):
        with pytest.raises(InferenceError):
            recognition.run(np.zeros(shape, np.float32))
    assert detection.run(np.zeros((1, 3, 32, 32), np.float32)).shape == (1, 1, 32, 32)
    assert recognition.run(np.zeros((1, 3, 48, 320), np.float32)).shape[:2] == (1, 40)


# --- PP-OCRv6 -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def v6(more_models: Path) -> dict[str, Any]:
    """The options that name the models of PP-OCRv6 small."""
    options: dict[str, Any] = {}
    for stage, name in (("detection", "PP-OCRv6_small_det"), ("recognition", "PP-OCRv6_small_rec")):
        folder = more_models / name
        if not (folder / "inference.onnx").is_file():
            pytest.skip(f"no {name}/inference.onnx in {more_models}")
        options[f"text_{stage}_model_dir"] = folder
        options[f"text_{stage}_model_name"] = name
    return options


@pytest.mark.parametrize("isa", _core.available_isas())
def test_v6_equals_openvino(
    keep_isa: None, v6: dict[str, Any], pages_dir: Path, lines: list[Array], isa: str
) -> None:
    _core.set_isa(isa)
    detection = v6["text_detection_model_dir"] / "inference.onnx"
    native, openvino = load("native", detection), load("openvino", detection)
    page = read_page(pages_dir, "chinese")
    for height, width in ((32, 32), (64, 96), (96, 1280), (480, 640)):
        image = detection_input(page, height, width)
        found = native.run(image)
        assert difference(found, openvino.run(image)) < FLOAT_TOLERANCE
    assert found.max() > 0.8, "there is text to find"

    recognition = v6["text_recognition_model_dir"] / "inference.onnx"
    native, openvino = load("native", recognition), load("openvino", recognition)
    fixed = load("native", recognition, precision="int16", threads=1)
    for line in lines[::8]:
        expected = openvino.run(line)
        assert difference(native.run(line), expected) < FLOAT_TOLERANCE
        assert difference(fixed.run(line), expected) < FIXED_TOLERANCE


@pytest.mark.parametrize("options", [{}, {"precision": "int16"}, {"precision": "fp32"}])
def test_v6_pages_are_those_of_openvino(
    read: Callable[..., Lines], v6: dict[str, Any], options: dict[str, Any]
) -> None:
    for folder in (v6["text_detection_model_dir"], v6["text_recognition_model_dir"]):
        assert is_native(load_by_name("auto", folder / "inference.onnx"))
    assert_same_lines(read(**v6, **options), read(**v6, engine="openvino"), 0.01)


# --- fixed point ----------------------------------------------------------------------------------


@pytest.mark.parametrize("isa", _core.available_isas())
def test_int16(keep_isa: None, lines: list[Array], probabilities: list[Array], isa: str) -> None:
    """Decides like float wherever float itself is not in doubt; equals it without 16-bit products.

    The difference to float shows that 16 bits are at work at all.
    """
    _core.set_isa(isa)
    fixed, exact = (load("native", RECOGNITION, precision=p) for p in ("int16", "fp32"))
    changed = decided = 0
    for line, expected in zip(lines, probabilities, strict=True):
        found = fixed.run(line)
        assert difference(found, expected) < FIXED_TOLERANCE
        changed += not np.array_equal(found, exact.run(line))
        ranked = np.sort(expected[0], axis=1)
        sure = np.log(ranked[:, -1] / ranked[:, -2]) > DECISION_MARGIN
        decided += int(sure.sum())
        assert np.array_equal(found[0].argmax(axis=1)[sure], expected[0].argmax(axis=1)[sure])
    assert changed == (0 if isa == "portable" else len(lines))
    assert decided >= 0.99 * sum(expected.shape[1] for expected in probabilities)


@pytest.mark.parametrize("isa", _core.available_isas())
def test_int8(keep_isa: None, lines: list[Array], probabilities: list[Array], isa: str) -> None:
    """Decides nearly always like float; without fast 8-bit products it is int16, or float."""
    _core.set_isa(isa)
    network = load("native", RECOGNITION, precision="int8")
    coarser = load("native", RECOGNITION, precision="int16")
    alike = steps = 0
    for line, expected in zip(lines, probabilities, strict=True):
        found = network.run(line)
        assert np.array_equal(found, coarser.run(line)) != _core.has_fast_int8()
        same = found[0].argmax(axis=1) == expected[0].argmax(axis=1)
        alike += int(same.sum())
        steps += same.size
    assert alike >= 0.98 * steps
    assert _core.has_fast_int8() == (isa == "avx512vnni")


# --- the choice of an engine ----------------------------------------------------------------------


def load_by_name(engine: str, path: Path, precision: str | None = None) -> _core.Model:
    return engines.load_model(engines.EngineOptions(engine, precision, 1, {}), [path])


def is_native(model: _core.Model) -> bool:
    """OpenVINO keeps the batch size of the file, which is open; the native engine takes one."""
    return model.input_shape[0] == 1


def test_auto_takes_the_native_engine() -> None:
    for path in (DETECTION, RECOGNITION, CLASSIFICATION):
        assert is_native(load_by_name("auto", path))
        assert is_native(load_by_name("auto", path, "fp32"))
        assert not is_native(load_by_name("openvino", path))
    assert is_native(load_by_name("auto", RECOGNITION, "int16"))


@pytest.mark.parametrize("precision", [None, "fp32"])
def test_auto_falls_back_to_openvino(
    caplog: pytest.LogCaptureFixture, foreign: Path, precision: str | None
) -> None:
    """For a network with other layers; the log says why."""
    with pytest.raises(ModelFormatError, match="the native engine cannot run") as caught:
        load_by_name("native", foreign, precision)
    with caplog.at_level(logging.DEBUG, "fastocr"):
        model = load_by_name("auto", foreign, precision)
    assert any(
        str(caught.value) in record.getMessage() and record.levelname == "DEBUG"
        for record in caplog.records
    )
    image = np.full((1, 3, *model.input_shape[2:]), 0.5, np.float32)
    expected = load_by_name("openvino", foreign).run(image)
    assert np.array_equal(model.run(image), expected)


@pytest.mark.parametrize("precision", ["int16", "int8"])
def test_integers_do_not_fall_back(foreign: Path, precision: str) -> None:
    """OpenVINO does not have what was asked for."""
    with pytest.raises(ModelFormatError, match="the native engine cannot run"):
        load_by_name("auto", foreign, precision)


def test_fallback_without_its_package(hide_package: Callable[[str], None], foreign: Path) -> None:
    """The message is about what can be done; the reason why it is needed is its context."""
    hide_package("openvino")
    assert is_native(load_by_name("auto", DETECTION))
    with pytest.raises(EngineUnavailableError, match="pip install openvino=="):
        load_by_name("auto", foreign)


@pytest.mark.parametrize("engine", ["native", "auto"])
@pytest.mark.parametrize("name", ["inference.onnx", "inference.pdmodel"])
@pytest.mark.parametrize("damage", ["cut off", "garbage", "empty", "missing"])
def test_files_that_are_no_network(tmp_path: Path, engine: str, name: str, damage: str) -> None:
    path = tmp_path / name
    whole = DETECTION.read_bytes()
    contents = {"cut off": whole[: len(whole) // 2], "garbage": b"\x5a" * 5000, "empty": b""}
    if damage in contents:
        path.write_bytes(contents[damage])
    with pytest.raises(ModelFormatError) as caught:
        load_by_name(engine, path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("cut", [1, 10, 1000, 100_000])
def test_every_cut_is_noticed(tmp_path: Path, cut: int) -> None:
    """Also one that takes only the end of the last message."""
    path = tmp_path / "inference.onnx"
    path.write_bytes(DETECTION.read_bytes()[:-cut])
    with pytest.raises(ModelFormatError) as caught:
        load_by_name("native", path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_precisions_of_openvino_only(make_ocr: MakeOCR, precision: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=f"'{precision}'.*'int16'.*'openvino'"):
        make_ocr(engine="native", precision=precision)


@pytest.mark.parametrize("precision", ["int16", "int8"])
def test_integers_are_native_only(make_ocr: MakeOCR, precision: str) -> None:
    with pytest.raises(InvalidOptionError, match=f"'{precision}'"):
        make_ocr(engine="openvino", precision=precision)


@pytest.mark.parametrize("config", [{"NUM_STREAMS": 2}, {"native": {"NUM_STREAMS": 2}}])
def test_the_native_engine_has_no_settings(make_ocr: MakeOCR, config: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError, match=r"engine_config.*'NUM_STREAMS'"):
        make_ocr(engine="native", engine_config=config)


def test_settings_of_other_engines_are_not_used(make_ocr: MakeOCR) -> None:
    with make_ocr(engine="native", engine_config={"openvino": {"NUM_STREAMS": 2}}) as own:
        assert own.predict(np.full((32, 32, 3), 255, np.uint8))[0]["rec_texts"] == []


# --- whole pages ----------------------------------------------------------------------------------

Lines = list[tuple[str, list[list[int]], float]]


@pytest.fixture(scope="module")
def read(make_ocr: MakeOCR, pages_dir: Path) -> Callable[..., Lines]:
    """Reads all test pages with these options: texts, boxes and scores of all lines."""

    def read_pages(**options: Any) -> Lines:
        found: Lines = []
        with make_ocr(**options) as own:
            for path in sorted(pages_dir.glob("*.png")):
                (result,) = own.predict(path)
                polys = [poly.tolist() for poly in result["rec_polys"]]
                found += zip(result["rec_texts"], polys, result["rec_scores"], strict=True)
        assert len(found) >= 100
        return found

    return read_pages


def assert_same_lines(found: Lines, expected: Lines, score_tolerance: float) -> None:
    assert [line[:2] for line in found] == [line[:2] for line in expected]
    scores = np.array([[a[2], b[2]] for a, b in zip(found, expected, strict=True)])
    assert np.abs(scores[:, 0] - scores[:, 1]).max() <= score_tolerance


@pytest.fixture(scope="module")
def int16(read: Callable[..., Lines]) -> Lines:
    return read(precision="int16")


@pytest.mark.parametrize("options", [{}, {"precision": "fp32"}, {"engine": "openvino"}])
def test_pages_are_those_of_float(
    read: Callable[..., Lines], int16: Lines, options: dict[str, Any]
) -> None:
    """16 bits change no text and no box; they move a score by at most 0.006."""
    assert_same_lines(int16, read(**options), 0.01)


@pytest.mark.parametrize("faster", [True, False])
def test_default_precision(
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[..., Lines],
    int16: Lines,
    faster: bool,
) -> None:
    """That of the products which the CPU is faster at."""
    monkeypatch.setattr(_core, "prefers_int16", lambda: faster)
    exact = read(precision="fp32")
    # The portable kernels run 16 bits in float.
    assert (exact == int16) == (_core.active_isa() == "portable")
    assert read() == (int16 if faster else exact)


@pytest.mark.parametrize("faster", [True, False])
def test_high_performance_takes_bytes(
    monkeypatch: pytest.MonkeyPatch, read: Callable[..., Lines], int16: Lines, faster: bool
) -> None:
    """Where the CPU has fast products of them; a `precision` that is named is kept."""
    monkeypatch.setattr(_core, "has_fast_int8", lambda: faster)
    monkeypatch.setattr(_core, "prefers_int16", lambda: True)
    bytes_ = read(precision="int8")
    assert read(enable_hpi=True) == (bytes_ if faster else int16)
    assert read(enable_hpi=True, precision="int16") == int16


def test_byte_pages_are_nearly_those_of_float(read: Callable[..., Lines], int16: Lines) -> None:
    """Boxes are the same, as detection stays in float; of the texts, nearly all."""
    found = read(precision="int8")
    assert [box for _, box, _ in found] == [box for _, box, _ in int16]
    same = [a[0] == b[0] for a, b in zip(found, int16, strict=True)]
    assert sum(same) >= 0.95 * len(same)


def test_float_pages_are_those_of_openvino(read: Callable[..., Lines]) -> None:
    """Scores, which are means of probabilities, differ by less than 1e-4."""
    assert_same_lines(read(precision="fp32"), read(engine="openvino"), FLOAT_TOLERANCE)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("precision", ["fp32", "int16", "int8"])
def test_pages_with_other_threads(read: Callable[..., Lines], precision: str, threads: int) -> None:
    """Bit by bit those of two threads."""
    assert read(cpu_threads=threads, precision=precision) == read(precision=precision)


@pytest.mark.parametrize("isa", _core.available_isas())
def test_pages_with_every_instruction_set(
    keep_isa: None, read: Callable[..., Lines], int16: Lines, isa: str
) -> None:
    _core.set_isa(isa)
    assert_same_lines(read(precision="int16"), int16, 0.01)
    assert_same_lines(read(), int16, 0.01)


def test_padding_that_is_left_out(make_ocr: MakeOCR) -> None:
    """Short lines in a batch with a long one: the native engine skips most of their padding.

    OpenVINO runs all of it. Without padding (batch size 1) some of these scores differ by 0.01.
    """
    page = np.full((420, 2000, 3), 255, np.uint8)
    texts = (
        "The quick brown fox jumps over the lazy dog and runs back to its den in the quiet forest",
        "Lavender",
        "Total 250.05",
        "No. 2024-0917",
        "fern",
        "Wild garlic",
    )
    for i, text in enumerate(texts):
        cv2.putText(page, text, (20 + 300 * max(0, i - 1), 60 * (i + 1)), 0, 1.2, (0, 0, 0), 2)

    def scores(**options: Any) -> tuple[list[str], Array]:
        with make_ocr(text_det_limit_side_len=2016, **options) as own:
            (result,) = own.predict(page)
        return result["rec_texts"], np.array(result["rec_scores"])

    expected_texts, expected = scores(engine="openvino")
    assert len(expected_texts) == len(texts)
    for precision, tolerance in (("fp32", 1e-4), ("int16", 1e-3)):
        found_texts, found = scores(precision=precision)
        assert found_texts == expected_texts
        assert np.abs(found - expected).max() < tolerance


# --- the process ----------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", "openvino"])
def test_openvino_is_loaded_when_it_is_used(
    run_python: RunPython, pages_dir: Path, engine: str
) -> None:
    """Not by default: its libraries take time to load and memory."""
    code = f"""
from fastocr import PaddleOCR
result = PaddleOCR(cpu_threads=2, engine={engine!r}).predict(
    {str(pages_dir / "noise_background.png")!r}
)[0]
assert len(result["rec_texts"]) == 4
with open("/proc/self/maps", encoding="utf-8") as maps:
    print("libopenvino" in maps.read())
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(engine == "openvino")


def test_memory_does_not_depend_on_the_number_of_widths(run_python: RunPython) -> None:
    """Hundreds of lines, each of a width of its own, after a page of the widest ones.

    Memory grew by 0.3 MB. One network compiled or one set of buffers kept for each width takes
    hundreds of MB, as does OpenVINO's cache at the same settings.
    """
    done = run_python("-c", MANY_WIDTHS)
    assert done.returncode == 0, done.stderr
    count, before, after = map(float, done.stdout.split())
    assert count >= 240
    assert after - before < 16, f"from {before:.0f} to {after:.0f} MB"


MANY_WIDTHS = """
import os
import cv2, numpy as np
from fastocr import PaddleOCR

ocr = PaddleOCR(cpu_threads=2, text_recognition_batch_size=1, text_det_limit_side_len=480)
rng = np.random.default_rng(0)

def page(widest):
    image = np.full((480, 480, 3), 255, np.uint8)
    for i in range(16):
        length = 24 if widest else int(rng.integers(7, 24))
        text = "".join(rng.choice(list("abcdefghkmnopstuwxyz"), length))
        scale = 0.6 if widest else float(rng.uniform(0.5, 0.6))
        cv2.putText(image, text, (5, 24 + 29 * i), 0, scale, (0, 0, 0), 1)
    return image

def memory():
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20

for _ in range(3):
    ocr.predict(page(True))
before = memory()
count = sum(len(ocr.predict(page(False))[0]["rec_texts"]) for _ in range(16))
print(count, before, memory())
"""
