"""The Paddle engine against Paddle's own Python interface, on networks that the tests make."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastocr import PaddleOCR, _core, engines
from fastocr.engines import paddle
from fastocr.errors import (
    EngineUnavailableError,
    InvalidOptionError,
    ModelFormatError,
    ModelNotFoundError,
    UnsupportedOptionError,
)

MakeOCR = Callable[..., PaddleOCR]
RunPython = Callable[..., Any]
MakePackage = Callable[[Path, str, str], Path]
Networks = Any  # the fixture `networks`

REQUIREMENTS = _core.engine_requirements("paddle")


# ---- networks ------------------------------------------------------------------------------------


EXPECTED = {"YES": "expected_onednn.npz", "NO": "expected.npz"}


@pytest.mark.parametrize("one_dnn", EXPECTED)
@pytest.mark.parametrize("form", ["json", "pdmodel"])
@pytest.mark.parametrize("role", ["detection", "recognition"])
def test_networks_give_what_paddle_gives(
    networks: Networks, role: str, form: str, one_dnn: str
) -> None:
    """To the bit, with the same settings."""
    folder = networks.folder / form / role
    model = engines.load("paddle").load(
        str(folder / f"inference.{form}"), threads=2, properties={"enable_mkldnn": one_dnn}
    )
    expected = np.load(folder / EXPECTED[one_dnn])
    height = -1 if role == "detection" else 48
    assert model.input_shape == [-1, 3, height, -1]
    for i in range(len(expected.files) // 2):
        np.testing.assert_array_equal(model.run(expected[f"input{i}"]), expected[f"output{i}"])


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (
            {"threads": 4, "streams": 2},
            ["use_gpu=0", "onednn_enabled=1", "cpu_math_library_num_threads=2"],
        ),
        (
            {"threads": 1, "properties": {"enable_mkldnn": "NO"}},
            ["onednn_enabled=0", "cpu_math_library_num_threads=1"],
        ),
        ({"properties": {"mkldnn_cache_capacity": "7"}}, ["mkldnn_cache_capacity=7"]),
        ({"precision": "bf16"}, ["onednn_enabled=1"]),
        ({}, ["new_ir_enabled=1", "tensorrt_engine_enabled=0", "memory_optim=true"]),
    ],
)
def test_options_reach_paddle(
    networks: Networks,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, Any],
    settings: list[str],
) -> None:
    """By its own account."""
    caplog.set_level(logging.DEBUG, "fastocr")
    engines.load("paddle").load(
        str(networks.folder / "json" / "detection" / "inference.json"), **options
    )
    (account,) = [r.getMessage() for r in caplog.records if "Paddle is set to" in r.getMessage()]
    # Its table has lines like "| memory_optim | true |".
    for row in re.findall(r"^\| (\w+) +\| (\S+) +\|$", account, re.MULTILINE):
        account += ", " + "=".join(row)
    for setting in settings:
        assert re.search(rf"\b{setting}\b", account), account


@pytest.mark.parametrize("version", REQUIREMENTS.versions)
def test_form_of_the_network(version: str) -> None:
    """The newer one, unless the version does not run it, or TensorRT cannot."""
    newer, older = (".json", ".pdmodel"), (".pdmodel", ".json")
    plain = newer if version == "3.2.2" else older
    assert paddle.forms(version, bf16=False, tensorrt=False) == plain
    assert paddle.forms(version, bf16=True, tensorrt=False) == newer
    assert paddle.forms(version, bf16=False, tensorrt=True) == older


def test_both_forms(networks: Networks, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "fastocr")
    files = [
        networks.folder / form / "detection" / f"inference.{form}" for form in ("pdmodel", "json")
    ]
    engines.load_model(engines.EngineOptions("paddle", None, 1, {}), files)
    (account,) = [r.getMessage() for r in caplog.records if "Paddle is set to" in r.getMessage()]
    assert account.startswith(str(files[1]))


@pytest.mark.skipif(
    "avx512" not in _core.available_isas(), reason="oneDNN has bf16 on CPUs with AVX-512 only"
)
def test_bf16(networks: Networks) -> None:
    folder = networks.folder / "json" / "detection"
    model = engines.load_model(
        engines.EngineOptions("paddle", "bf16", 2, {}),
        [
            networks.folder / "pdmodel" / "detection" / "inference.pdmodel",
            folder / "inference.json",
        ],
    )
    expected = np.load(folder / "expected.npz")
    difference = np.abs(model.run(expected["input0"]) - expected["output0"])
    # Eight bits of mantissa, and a slope of 1.5 at sums of up to 9.
    assert 0 < difference.max() < 0.05


def test_requests_of_many_threads(networks: Networks) -> None:
    """More at a time than before, and again after all of them are gone."""
    folder = networks.folder / "pdmodel" / "detection"
    model = engines.load("paddle").load(str(folder / "inference.pdmodel"), threads=1)
    expected = np.load(folder / "expected_onednn.npz")
    for threads in (1, 4, 2):
        with ThreadPoolExecutor(threads) as pool:
            for output in pool.map(model.run, [expected["input0"]] * 12):
                np.testing.assert_array_equal(output, expected["output0"])


@pytest.mark.parametrize("form", ["json", "pdmodel"])
def test_pages(networks: Networks, make_ocr: MakeOCR, form: str) -> None:
    page = make_ocr(engine="paddle", **networks.options(form)).predict(networks.page)[0]
    assert page["rec_texts"] == list(networks.texts)
    assert page["rec_boxes"][:, 1].tolist() == sorted(page["rec_boxes"][:, 1].tolist())
    other = make_ocr(
        engine="paddle_static", enable_mkldnn=False, cpu_threads=1, **networks.options(form)
    ).predict(networks.page)[0]
    assert other["rec_texts"] == page["rec_texts"]
    np.testing.assert_array_equal(other["rec_polys"], page["rec_polys"])


def test_python_package_stays_unloaded(networks: Networks, run_python: RunPython) -> None:
    code = f"""
import sys
import numpy as np
from fastocr import engines
model = engines.load("paddle").load({str(networks.folder / "json/detection/inference.json")!r})
model.run(np.zeros((1, 3, 32, 32), np.float32))
print([name for name in sys.modules if name.split(".")[0] == "paddle"])
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_shared_libraries(run_python: RunPython) -> None:
    """OpenVINO must not get the older library of the same name that Paddle brings."""
    code = """
from pathlib import Path
from fastocr import engines
for name in ("paddle", "openvino"):
    engines.load(name)
lines = Path("/proc/self/maps").read_text().splitlines()
print({line.split()[-1] for line in lines if "libtbb.so" in line})
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("libtbb.so") == 1
    assert "/openvino/libs/libtbb.so" in done.stdout


def test_beside_openvino(networks: Networks, run_python: RunPython, pages_dir: Path) -> None:
    """Paddle's package brings libraries of OpenVINO and TBB of its own."""
    page = sorted(pages_dir.glob("*.png"))[0]
    network = networks.folder / "json/detection/inference.json"
    code = f"""
import sys
import cv2
import numpy as np
from fastocr import PaddleOCR, engines
off = dict(use_doc_orientation_classify=False, use_doc_unwarping=False,
           use_textline_orientation=False, cpu_threads=2)
image = cv2.imread({str(page)!r})
for first in ("openvino", "paddle"):
    if first == "paddle" or len(sys.argv) > 1:
        model = engines.load("paddle").load({str(network)!r})
        model.run(np.zeros((1, 3, 32, 32), np.float32))
    print(PaddleOCR(engine="openvino", **off).predict(image)[0]["rec_texts"])
"""
    texts = [run_python("-c", code, *order).stdout.splitlines() for order in ((), ("paddle",))]
    assert texts[0]
    assert len({line for run in texts for line in run}) == 1


# ---- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "parts"),
    [
        ({"precision": "fp16"}, UnsupportedOptionError, ["'fp16'", "'fp32' or 'bf16'"]),
        ({"precision": "int16"}, UnsupportedOptionError, ["'int16'", "Paddle"]),
        ({"precision": "bf16"}, UnsupportedOptionError, ["'bf16'", "inference.json"]),
        (
            {"precision": "bf16", "enable_mkldnn": False},
            UnsupportedOptionError,
            ["oneDNN", "enable_mkldnn"],
        ),
        ({"enable_mkldnn": 1}, InvalidOptionError, ["enable_mkldnn=1", "bool"]),
        ({"mkldnn_cache_capacity": -1}, InvalidOptionError, ["mkldnn_cache_capacity=-1"]),
        ({"engine_config": {"run_mode": "x"}}, InvalidOptionError, ["'run_mode'"]),
        (
            {"engine_config": {"mkldnn_cache_capacity": 2}, "mkldnn_cache_capacity": 3},
            InvalidOptionError,
            ["differ"],
        ),
        (
            {"engine_config": {"paddle_static": {"mkldnn_cache_capacity": "two"}}},
            InvalidOptionError,
            ["mkldnn_cache_capacity=two", "whole number"],
        ),
        ({"engine_config": {"enable_mkldnn": 3}}, InvalidOptionError, ["enable_mkldnn=3"]),
    ],
)
def test_values_it_refuses(
    networks: Networks,
    make_ocr: MakeOCR,
    given: dict[str, Any],
    error: type[Exception],
    parts: list[str],
) -> None:
    with pytest.raises(error) as caught:
        make_ocr(engine="paddle", **networks.options("pdmodel"), **given)
    for part in parts:
        assert part in str(caught.value)


def test_values_it_takes(networks: Networks, make_ocr: MakeOCR) -> None:
    ocr = make_ocr(
        engine="paddle",
        enable_mkldnn=True,
        mkldnn_cache_capacity=1,
        engine_config={"paddle": {"mkldnn_cache_capacity": 1}},
        **networks.options("pdmodel"),
    )
    assert ocr.predict(networks.page)[0]["rec_texts"] == list(networks.texts)


@pytest.mark.parametrize("engine", [None, "native", "openvino"])
@pytest.mark.parametrize("given", [{"enable_mkldnn": False}, {"mkldnn_cache_capacity": 4}])
def test_settings_of_paddle_with_another_engine(
    make_ocr: MakeOCR, engine: str | None, given: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedOptionError, match="engine='paddle'"):
        make_ocr(engine=engine, **given)
    make_ocr(engine=engine, enable_mkldnn=True)


# ---- files ---------------------------------------------------------------------------------------


def test_networks_that_it_cannot_read(
    networks: Networks, make_ocr: MakeOCR, tmp_path: Path
) -> None:
    # The installed weights are ONNX; Paddle's form of them would have to be downloaded.
    with pytest.raises(ModelNotFoundError, match=r"PP-OCRv5_mobile_det.*was not found"):
        make_ocr(engine="paddle")
    for form in ("json", "pdmodel"):
        folder = tmp_path / form
        shutil.copytree(networks.folder / form / "detection", folder)
        chosen = {**networks.options(form), "text_detection_model_dir": folder}
        network = folder / f"inference.{form}"
        whole = network.read_bytes()
        for damaged in (b"{broken", b"", b"{}", whole[: len(whole) // 2], whole[1:], b"[a]\nb=1\n"):
            network.write_bytes(damaged)
            with pytest.raises(ModelFormatError, match="Paddle cannot read") as caught:
                make_ocr(engine="paddle", **chosen)
            assert str(network) in str(caught.value)
        (folder / "inference.pdiparams").unlink()
        with pytest.raises(ModelFormatError, match=r"inference\.pdiparams does not exist"):
            make_ocr(engine="paddle", **chosen)


@pytest.mark.parametrize("form", ["onnx", "pdmodel", "json"])
def test_forms_for_other_engines(form: str, tmp_path: Path) -> None:
    file = tmp_path / f"inference.{form}"
    file.touch()
    readers = {"onnx": {"native", "openvino"}, "pdmodel": {"openvino", "paddle"}}
    for engine in _core.engine_names():
        if engine in readers.get(form, {"paddle"}):
            continue
        with pytest.raises(ModelFormatError, match=f"engine {engine!r} reads") as caught:
            engines.load_model(engines.EngineOptions(engine, None, 1, {}), [file])
        assert str(file) in str(caught.value)


# ---- the package ---------------------------------------------------------------------------------


def load_from(folder: Path, run_python: RunPython) -> str:
    """Return the error of a process that finds this folder's package first."""
    code = f"""
import sys
sys.path.insert(0, {str(folder)!r})
from fastocr import engines, errors
try:
    engines.load("paddle")
except errors.EngineUnavailableError as error:
    print(error)
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_unsupported_version(
    tmp_path: Path, run_python: RunPython, paddle_package: MakePackage
) -> None:
    """Both versions are named, and the library is not even opened."""
    paddle_package(tmp_path, "paddlepaddle", "2.6.2").write_bytes(b"not a library")
    message = load_from(tmp_path, run_python)
    for part in ("2.6.2", *REQUIREMENTS.versions, str(tmp_path), "pip install paddlepaddle=="):
        assert part in message
    assert "cannot load" not in message


@pytest.mark.parametrize("distribution", ["paddlepaddle", "paddlepaddle-gpu"])
def test_supported_version(
    tmp_path: Path, run_python: RunPython, paddle_package: MakePackage, distribution: str
) -> None:
    """The library is opened, whichever distribution brings it."""
    library = paddle_package(tmp_path, distribution, REQUIREMENTS.versions[1])
    library.write_bytes(b"not a library")
    assert f"cannot load {tmp_path}/paddle/base/libpaddle.so" in load_from(tmp_path, run_python)


def test_extra_installs_a_supported_version() -> None:
    requires = importlib.metadata.requires("fastocr") or []
    wanted = f"paddlepaddle=={REQUIREMENTS.versions[0]}"
    extra = [line.replace("'", '"') for line in requires if line.startswith("paddlepaddle")]
    assert f'{wanted}; extra == "paddle"' in extra


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    with pytest.raises(EngineUnavailableError, match=r"pip install paddlepaddle==3\.2\.2"):
        engines.load("paddle")
