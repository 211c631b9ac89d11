"""Orientation classifiers against the official package, on its own weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fastocr import _core
from fastocr.engines import EngineOptions, load_model
from fastocr.model_store import find_model

STORED = json.loads(
    (Path(__file__).parent / "fixtures" / "classification.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", STORED)
def test_scores(name: str, more_models: Path, page: Callable[[str], np.ndarray]) -> None:
    files = find_model(name, more_models / name)
    assert files.classification is not None
    model = load_model(EngineOptions("openvino", "fp32", 2, {}), files.paths)
    classifier = _core.ImageClassifier(model, files.classification.core_params())
    for file, expected in STORED[name].items():
        for turns, wanted in enumerate(expected):
            scores = classifier.run(np.ascontiguousarray(np.rot90(page(file), turns)))
            assert len(scores) == len(files.classification.labels) == len(wanted)
            np.testing.assert_allclose(scores, wanted, atol=1e-4, err_msg=f"{file} {turns}")
