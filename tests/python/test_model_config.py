"""What is read of a model's `inference.yml` beyond names and dictionaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fastocr.errors import ModelFormatError
from fastocr.model_config import ModelParams, read_config


def params(folder: Path, resize: Any = None, **post_process: Any) -> ModelParams:
    """Return what a detection model with these arguments says."""
    config = {
        "Global": {"model_name": "PP-OCRv4_mobile_seal_det"},
        "PreProcess": {"transform_ops": [{"DetResizeForTest": resize}, {"NormalizeImage": None}]},
        "PostProcess": {"name": "DBPostProcess", **post_process},
    }
    file = folder / "inference.yml"
    file.write_text(yaml.safe_dump(config))
    return read_config(file).params


def test_values_of_detection(tmp_path: Path) -> None:
    assert params(tmp_path) == ModelParams()
    told = params(
        tmp_path,
        {"resize_long": 736, "limit_type": "min"},
        thresh=0.2,
        box_thresh=0.45,
        unclip_ratio=0.5,
        box_type="poly",
        max_candidates=3000,
        use_dilation=False,
        score_mode="fast",
    )
    assert told == ModelParams(
        max_candidates=3000,
        thresh=0.2,
        box_thresh=0.45,
        unclip_ratio=0.5,
        box_type="poly",
        limit_side_len=736,
        limit_type="min",
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("use_dilation", True),
        ("score_mode", "slow"),
        ("box_type", "circle"),
        ("thresh", "high"),
        ("unclip_ratio", [1]),
    ],
)
def test_what_is_not_known_is_an_error(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(ModelFormatError, match=f"inference.yml.*{key}"):
        params(tmp_path, **{key: value})


@pytest.mark.parametrize("resize", [{"resize_long": "long"}, {"limit_type": "most"}])
def test_wrong_limits(tmp_path: Path, resize: dict[str, Any]) -> None:
    with pytest.raises(ModelFormatError, match=next(iter(resize))):
        params(tmp_path, resize)
