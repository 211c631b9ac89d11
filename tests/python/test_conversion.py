"""Paddle's ``inference.json`` as ONNX: once, in a cache, and never at the cost of a result."""

from __future__ import annotations

import importlib.util
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastocr import PaddleOCR, conversion, engines

MakeOCR = Callable[..., PaddleOCR]
Networks = Any  # the fixture `networks`

needs_converter = pytest.mark.skipif(
    importlib.util.find_spec("paddle2onnx") is None,
    reason="paddle2onnx is not installed: pip install '.[convert]'",
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FASTOCR_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(conversion, "_told", set())
    return tmp_path / "cache" / "converted"


@needs_converter
def test_a_network_is_converted_once(
    networks: Networks, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fastocr")
    folder = networks.folder / "json" / "detection"
    before = sorted(folder.iterdir())
    target = conversion.converted(folder / "inference.json")
    assert target is not None
    assert list(cache.iterdir()) == [target]
    assert sorted(folder.iterdir()) == before
    time = target.stat().st_mtime_ns
    assert conversion.converted(folder / "inference.json") == target
    assert target.stat().st_mtime_ns == time
    assert len([r for r in caplog.records if "converting" in r.getMessage()]) == 1
    expected = np.load(folder / "expected.npz")
    for engine in ("native", "openvino"):
        model = engines.load(engine).load(str(target))
        output = model.run(expected["input0"])
        np.testing.assert_allclose(output, expected["output0"], rtol=0, atol=1e-6)


@needs_converter
def test_the_cache_goes_by_content(networks: Networks, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(networks.folder / "json" / "detection", folder)
    first = conversion.converted(networks.folder / "json" / "detection" / "inference.json")
    assert conversion.converted(folder / "inference.json") == first
    parameters = folder / "inference.pdiparams"
    weights = bytearray(parameters.read_bytes())
    weights[-2] ^= 1
    parameters.write_bytes(weights)
    assert conversion.converted(folder / "inference.json") not in (None, first)
    assert len(list(cache.iterdir())) == 2


@needs_converter
def test_pages(
    networks: Networks, cache: Path, make_ocr: MakeOCR, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an engine the ONNX form is read; with engine='paddle' nothing is converted."""
    ocr = make_ocr(engine="paddle", **networks.options("json"))
    assert not cache.exists()
    expected = ocr.predict(networks.page)[0]
    load, loaded = engines.load, []
    monkeypatch.setattr(engines, "load", lambda name: (loaded.append(name), load(name))[1])
    result = make_ocr(**networks.options("json")).predict(networks.page)[0]
    assert len(list(cache.iterdir())) == 2
    assert "paddle" not in loaded
    assert result["rec_texts"] == expected["rec_texts"] == list(networks.texts)
    np.testing.assert_array_equal(result["rec_polys"], expected["rec_polys"])


def test_without_the_converter(
    networks: Networks,
    cache: Path,
    make_ocr: MakeOCR,
    hide_package: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "fastocr")
    hide_package("paddle2onnx")
    for _ in range(2):
        result = make_ocr(**networks.options("json")).predict(networks.page)[0]
        assert result["rec_texts"] == list(networks.texts)
    hints = [r.getMessage() for r in caplog.records if "fastocr[convert]" in r.getMessage()]
    assert len(hints) == 2  # one for each network
    assert not cache.exists()


@needs_converter
def test_a_conversion_that_fails(
    networks: Networks,
    cache: Path,
    make_ocr: MakeOCR,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The Paddle engine runs the network, and a warning says why."""
    monkeypatch.setattr(conversion, "_PROGRAM", "raise SystemExit('no such operator')")
    result = make_ocr(**networks.options("json")).predict(networks.page)[0]
    assert result["rec_texts"] == list(networks.texts)
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len([w for w in warnings if "no such operator" in w and "inference.json" in w]) == 2
    assert list(cache.iterdir()) == []


@needs_converter
def test_a_cache_that_cannot_be_written(
    networks: Networks, tmp_path: Path, make_ocr: MakeOCR, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FASTOCR_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(conversion, "_told", set())
    result = make_ocr(**networks.options("json")).predict(networks.page)[0]
    assert result["rec_texts"] == list(networks.texts)
