"""What tests share: the C++ tests' programs, packages that pass for Paddle's, networks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import yaml

from tests.python.onnx_writer import OnnxNetwork

ROOT = Path(__file__).resolve().parents[2]


def missing(what: str, tests: str = "the C++ tests") -> NoReturn:
    """Skips the tests, except where they have to run."""
    reason = f"{tests} need {what}"
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
def orientation_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes the brightest quarter of a page for its top left one."""
    folder = tmp_path_factory.mktemp("orientation")
    network = OnnxNetwork([-1, 3, 8, 8])
    masks = np.zeros((4, 3, 8, 8), np.float32)
    masks[0, :, :4, :4] = masks[1, :, :4, 4:] = masks[2, :, 4:, 4:] = masks[3, :, 4:, :4] = 1
    scores = network.node("Conv", "image", network.constant(masks))
    network.save(folder / "inference.onnx", network.node("Flatten", scores, axis=1))
    config = {
        "Global": {"model_name": "PP-LCNet_x1_0_doc_ori"},
        "PreProcess": {"transform_ops": [{"ResizeImage": {"size": [8, 8]}}]},
        "PostProcess": {"Topk": {"topk": 1, "label_list": ["0", "90", "180", "270"]}},
    }
    (folder / "inference.yml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture(scope="session")
def unwarping_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that shows the page a little smaller, in the middle of black."""
    folder = tmp_path_factory.mktemp("unwarping")
    network = OnnxNetwork([-1, 3, 16, 16])
    y, x = np.meshgrid([-1 / 0.95, 0, 1 / 0.95], [-1 / 0.95, 0, 1 / 0.95], indexing="ij")
    grid = network.constant(np.stack([x, y])[None], np.float32)
    mean = network.node("ReduceMean", "image", axes=[1, 2, 3], keepdims=1)
    nothing = network.node("Mul", mean, network.constant(0, np.float32))
    network.save(folder / "inference.onnx", network.node("Add", grid, nothing))
    (folder / "inference.yml").write_text(yaml.safe_dump({"Global": {"model_name": "UVDoc"}}))
    return folder


def build_cpp_tests(folder: Path, *options: str) -> None:
    """Builds the C++ tests in a folder; one that was built before keeps what the options leave."""
    cmake, ninja = program("cmake"), program("ninja")
    if cmake is None:
        missing("CMake")
    if program(os.environ.get("CXX", "c++"), "g++", "clang++") is None:
        missing("a C++ compiler")
    if ninja is None and program("make") is None:
        missing("ninja or make")
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else []
    options = ("-DFASTOCR_BUILD_PYTHON=OFF", "-DFASTOCR_BUILD_TESTS=ON", *options)
    succeeded, output = output_of(cmake, "-S", ROOT, "-B", folder, *generator, *options)
    if not succeeded and 'provided by "doctest"' in " ".join(output.split()):
        missing("the doctest package (doctest-dev on Debian and Ubuntu)")
    assert succeeded, output
    succeeded, output = output_of(cmake, "--build", folder, "--parallel", str(os.cpu_count() or 1))
    assert succeeded, output


def run_cpp_tests(folder: Path) -> tuple[bool, str]:
    """Whether the C++ tests that were built in a folder pass, and what they say."""
    ctest = program("ctest")
    assert ctest is not None
    return output_of(ctest, "--test-dir", folder, "--output-on-failure")


def check_emulated_cpp_tests(folder: Path, *emulator: str) -> None:
    """Runs the C++ tests that were built in a folder, without networks that take minutes so."""
    program = folder / "tests" / "cpp" / "fastocr_cpp_tests"
    networks = "--source-file{}=*/native_engine_test.cc"
    for chosen in (
        [networks.format("-exclude")],
        [networks.format(""), "--test-case=convolutions,squeeze*,swish,tokens with attention"],
    ):
        succeeded, output = output_of(*emulator, program, *chosen)
        assert succeeded, output
        assert "Status: SUCCESS!" in output
        assert "cases: 0" not in " ".join(output.split())


@pytest.fixture(scope="session")
def cpp_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder with the C++ tests in it."""
    folder = tmp_path_factory.mktemp("cpp-tests")
    build_cpp_tests(folder)
    return folder


@pytest.fixture(scope="session")
def run_ctest(cpp_build: Path) -> tuple[bool, str]:
    """Whether the C++ tests pass, and what they say."""
    return run_cpp_tests(cpp_build)
