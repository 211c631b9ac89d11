"""What tests in Python share: the C++ tests' programs, and packages that pass for Paddle's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]


def missing(what: str) -> NoReturn:
    """Skips the tests, except where they have to run."""
    reason = f"the C++ tests need {what}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str | None:
    """The first of these programs there is, beside this Python or on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def output_of(*command: str | Path) -> tuple[bool, str]:
    """Whether a command succeeds, and all it says."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def paddle_package() -> Callable[[Path, str, str], Path]:
    """Makes an empty package of Paddle in a folder, by these names; returns its library's path."""

    def make(folder: Path, distribution: str, version: str) -> Path:
        base = folder / "paddle" / "base"
        base.mkdir(parents=True)
        (folder / "paddle" / "__init__.py").touch()
        metadata = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
        )
        return base / "libpaddle.so"

    return make


@pytest.fixture(scope="session")
def cpp_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder with the C++ tests in it."""
    cmake, ninja = program("cmake"), program("ninja")
    if cmake is None:
        missing("CMake")
    if program(os.environ.get("CXX", "c++"), "g++", "clang++") is None:
        missing("a C++ compiler")
    if ninja is None and program("make") is None:
        missing("ninja or make")
    folder = tmp_path_factory.mktemp("cpp-tests")
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else []
    options = ["-DFASTOCR_BUILD_PYTHON=OFF", "-DFASTOCR_BUILD_TESTS=ON"]
    succeeded, output = output_of(cmake, "-S", ROOT, "-B", folder, *generator, *options)
    if not succeeded and 'provided by "doctest"' in " ".join(output.split()):
        missing("the doctest package (doctest-dev on Debian and Ubuntu)")
    assert succeeded, output
    succeeded, output = output_of(cmake, "--build", folder, "--parallel", str(os.cpu_count() or 1))
    assert succeeded, output
    return folder


@pytest.fixture(scope="session")
def run_ctest(cpp_build: Path) -> tuple[bool, str]:
    """Whether the C++ tests pass, and what they say."""
    ctest = program("ctest")
    assert ctest is not None
    return output_of(ctest, "--test-dir", cpp_build, "--output-on-failure")
