"""What the parity tests share: the stored reference results and the choice of instruction set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastocr import _core

HERE = Path(__file__).resolve().parent


@pytest.fixture(params=_core.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once with the pixel kernels of each instruction set of this CPU."""
    before = _core.active_isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


@pytest.fixture(scope="session")
def stored() -> Callable[[str], dict[str, np.ndarray]]:
    """Loads the arrays of a fixture file; see fixtures/README.md."""
    loaded: dict[str, dict[str, np.ndarray]] = {}

    def load(name: str) -> dict[str, np.ndarray]:
        if name not in loaded:
            with np.load(HERE / "fixtures" / f"{name}.npz") as arrays:
                loaded[name] = dict(arrays)
        return loaded[name]

    return load


@pytest.fixture(scope="session")
def page(pages_dir: Path) -> Callable[[str], np.ndarray]:
    """Reads a rendered page as BGR."""

    def read(name: str) -> np.ndarray:
        image = cv2.imread(str(pages_dir / name), cv2.IMREAD_COLOR)
        assert image is not None, name
        return image

    return read


@pytest.fixture(scope="session")
def sha256() -> Callable[[np.ndarray], str]:
    """SHA-256 of an array's bytes in C order."""
    return lambda array: hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
