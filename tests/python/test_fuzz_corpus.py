"""Inputs that are kept of the fuzzers for Python are read again, without a fuzzer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "fuzz" / "python"
KEPT = sorted(path for path in (FOLDER / "corpus").glob("*/*") if path.is_file())


@pytest.fixture(scope="module")
def targets() -> dict[str, Callable[[bytes], None]]:
    sys.path.insert(0, str(FOLDER))
    try:
        from targets import TARGETS
    finally:
        sys.path.remove(str(FOLDER))
    return TARGETS


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_kept_input(targets: dict[str, Callable[[bytes], None]], path: Path) -> None:
    targets[path.parent.name](path.read_bytes())


def test_every_target_has_inputs(targets: dict[str, Callable[[bytes], None]]) -> None:
    assert {path.parent.name for path in KEPT} == set(targets)
