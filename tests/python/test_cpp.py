"""Runs the C++ tests in `tests/cpp`, which need no Python and no engine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.conftest import (
    build_cpp_tests,
    check_emulated_cpp_tests,
    missing,
    program,
    run_cpp_tests,
)


def check_passed(succeeded: bool, output: str) -> None:
    assert succeeded, output
    assert "100% tests passed" in output
    assert "No tests were found" not in output


def test_cpp_tests_pass(run_ctest: tuple[bool, str]) -> None:
    check_passed(*run_ctest)


@pytest.fixture
def portable_build(cpp_build: Path, run_ctest: tuple[bool, str]) -> Iterator[Path]:
    """The build folder with portable kernels only, which takes one file and the linker.

    It comes after `run_ctest`, whose tests are those with all kernels.
    """
    build_cpp_tests(cpp_build, "-DFASTOCR_SIMD=OFF")
    yield cpp_build
    build_cpp_tests(cpp_build, "-DFASTOCR_SIMD=ON")


def test_cpp_tests_pass_without_simd(portable_build: Path) -> None:
    check_passed(*run_cpp_tests(portable_build))
    other = subprocess.run(
        [portable_build / "tests" / "cpp" / "fastocr_cpp_tests", "--source-file=*/image_test.cc"],
        env={**os.environ, "FASTOCR_FORCE_ISA": "avx2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert other.returncode != 0
    assert "instruction set 'avx2' is not part of this build" in other.stdout


def test_cpp_tests_pass_on_aarch64(tmp_path: Path) -> None:
    emulator = program("qemu-aarch64")
    if program("aarch64-linux-gnu-g++") is None or emulator is None:
        missing("g++-aarch64-linux-gnu and qemu-user (of Debian)", "tests of aarch64")
    build_cpp_tests(tmp_path, "--preset", "aarch64")
    check_emulated_cpp_tests(tmp_path, emulator, "-L", "/usr/aarch64-linux-gnu")
