"""Several devices: replicas of the pipeline share the pages of a call, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from fastocr import PaddleOCR
from fastocr.errors import UnsupportedOptionError
from fastocr.pipeline import Pipeline

MakeOCR = Callable[..., PaddleOCR]
PAGES = ("noise_background.png", "rotated_05.png", "small_on_gray.png", "two_columns.png")


@pytest.fixture(scope="module")
def pair(make_ocr: MakeOCR) -> PaddleOCR:
    return make_ocr(device="cpu,cpu")


def lines(result: Any) -> tuple[Any, ...]:
    return result["rec_texts"], result["rec_scores"], np.array(result["rec_polys"]).tolist()


def test_results_are_those_of_one(pair: PaddleOCR, ocr: PaddleOCR, pages_dir: Path) -> None:
    paths = [str(pages_dir / name) for name in PAGES]
    results = pair.predict(paths)
    assert [result["input_path"] for result in results] == paths
    assert list(map(lines, results)) == list(map(lines, ocr.predict(paths)))


def test_pages_are_dealt_out_in_turn(
    pair: PaddleOCR, pages_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, int] = {}
    core = [pipeline._core for pipeline in pair._pipelines]
    run = Pipeline.run

    def watched(pipeline: Pipeline, page: Any, *rest: Any) -> Any:
        seen[Path(page.input_path).name] = core.index(pipeline._core)
        return run(pipeline, page, *rest)

    monkeypatch.setattr(Pipeline, "run", watched)
    pair.predict([str(pages_dir / name) for name in PAGES])
    dealt = [seen[name] for name in PAGES]
    assert dealt in ([0, 1, 0, 1], [1, 0, 1, 0])
    # The next call begins with the other one.
    pair.predict(str(pages_dir / PAGES[0]))
    assert seen[PAGES[0]] != dealt[0]


def test_threads_are_shared_out(make_ocr: MakeOCR) -> None:
    with patch("fastocr.ocr.Pipeline") as made:
        make_ocr(device="cpu,cpu,cpu", cpu_threads=6)
        make_ocr(device="cpu,cpu", cpu_threads=1)
    engines = [call.args[1]["text_detection"].threads for call in made.call_args_list]
    assert engines == [2, 2, 2, 1, 1]


def test_each_gpu_gets_a_pipeline(make_ocr: MakeOCR) -> None:
    with patch("fastocr.ocr.Pipeline") as made, patch("fastocr.loading.find_models") as found:
        found.side_effect = lambda models: {role: model for role, model in models.items() if model}
        make_ocr(device="gpu:0,2")
    devices = [call.args[1]["text_recognition"].device.name for call in made.call_args_list]
    assert devices == ["gpu:0", "gpu:2"]


def test_a_call_names_the_devices_of_the_object(pair: PaddleOCR, pages_dir: Path) -> None:
    page = str(pages_dir / PAGES[0])
    assert pair.predict(page, device="cpu,cpu")
    with pytest.raises(UnsupportedOptionError, match="'cpu,cpu'"):
        pair.predict(page, device="cpu")
