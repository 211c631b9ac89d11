"""Parameters that say where and how networks run: devices, engines, their settings."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastocr import PaddleOCR, _core, options
from fastocr.engines import EngineOptions
from fastocr.errors import InvalidOptionError, UnsupportedOptionError

MakeOCR = Callable[..., PaddleOCR]


def parse(**given: Any) -> options.PipelineOptions:
    """What the constructor makes of its arguments, without loading anything."""
    return options.parse_constructor({}, given, stacklevel=2)


def engine_of(**given: Any) -> EngineOptions:
    """The engine that all models of an object have."""
    found = {
        repr(choice.engine): choice.engine for choice in parse(**given).models.values() if choice
    }
    assert len(found) == 1
    return next(iter(found.values()))


# --- devices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["npu:1", "iluvatar_gpu", "XPU:0", "dcu", "mlu:0,1", "npu"])
def test_devices_without_an_engine(ocr: PaddleOCR, device: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=re.escape(f"device={device!r}")):
        parse(device=device)
    with pytest.raises(UnsupportedOptionError, match=re.escape(f"device={device!r}")):
        ocr.predict("never read.png", device=device)


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (None, [("cpu", 0)]),
        ("cpu", [("cpu", 0)]),
        ("CPU,cpu", [("cpu", 0)] * 2),
        ("gpu", [("gpu", 0)]),
        ("GPU:12", [("gpu", 12)]),
        ("gpu:0,1", [("gpu", 0), ("gpu", 1)]),
        ("gpu:2,gpu:0", [("gpu", 2), ("gpu", 0)]),
        ("gpu,1", [("gpu", 0), ("gpu", 1)]),
        ("gpu:1,1", [("gpu", 1)] * 2),
    ],
)
def test_devices(device: str | None, expected: list[tuple[str, int]]) -> None:
    """In their order; each is a replica of the pipeline."""
    devices = tuple(_core.Device(kind, number) for kind, number in expected)
    assert parse(device=device).devices == devices
    assert engine_of(device=device).device == devices[0]


def test_devices_of_one_kind() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"device='cpu,gpu:0'.*one kind"):
        parse(device="cpu,gpu:0")


@pytest.mark.parametrize("device", ["gpu", "gpu:3", "gpu:3,4"])
@pytest.mark.parametrize("engine", [None, "auto", "paddle"])
def test_gpus(device: str, engine: str | None) -> None:
    """The only engine that has them is chosen."""
    found = engine_of(device=device, engine=engine, use_tensorrt=True, min_subgraph_size=5)
    assert found.engine == "paddle"
    assert found.properties == {"use_tensorrt": "YES", "min_subgraph_size": "5"}


def test_other_device_at_predict() -> None:
    """Networks are loaded for their devices."""
    own = parse(device="gpu:0,1")
    for device in (None, "gpu:0,1", "GPU:0,gpu:1"):
        assert options.parse_predict({"device": device}, own).page == own.page
    for device in ("gpu:0", "gpu:1,0", "cpu"):
        with pytest.raises(UnsupportedOptionError, match=rf"device='{device}'.*on 'gpu:0,gpu:1'"):
            options.parse_predict({"device": device}, own)


def test_own_device_at_predict(ocr: PaddleOCR) -> None:
    page = np.full((32, 32, 3), 255, np.uint8)
    for device in (None, "cpu", "CPU"):
        assert ocr.predict(page, device=device)[0]["rec_texts"] == []
    with pytest.raises(UnsupportedOptionError, match=r"device='gpu:0'.*loaded on 'cpu'"):
        ocr.predict(page, device="gpu:0")


# --- engines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", [None, "auto", "native", "openvino"])
def test_engines(engine: str | None) -> None:
    found = engine_of(engine=engine, cpu_threads=3)
    assert found == EngineOptions(engine or "auto", None, 3, {})


@pytest.mark.parametrize("engine", ["paddle_dynamic", "transformers", "onnxruntime"])
def test_engines_of_the_reference(engine: str) -> None:
    message = f"engine={engine!r}.*'auto', 'native', 'openvino', 'paddle'"
    with pytest.raises(UnsupportedOptionError, match=message):
        parse(engine=engine)


@pytest.mark.parametrize("engine", ["paddle", "paddle_static"])
@pytest.mark.parametrize(
    ("given", "properties"),
    [
        ({}, {}),
        ({"enable_mkldnn": False}, {"enable_mkldnn": "NO"}),
        (
            {"enable_mkldnn": True, "mkldnn_cache_capacity": 0},
            {"enable_mkldnn": "YES", "mkldnn_cache_capacity": "0"},
        ),
        ({"engine_config": {"paddle_static": {"X": 1}}}, {"X": "1"}),
        ({"engine_config": {"X": 1}, "enable_mkldnn": True}, {"X": "1", "enable_mkldnn": "YES"}),
    ],
)
def test_paddle(engine: str, given: dict[str, Any], properties: dict[str, str]) -> None:
    found = engine_of(engine=engine, cpu_threads=3, **given)
    assert found == EngineOptions("paddle", None, 3, properties)


def test_settings_of_paddle_without_an_engine() -> None:
    found = engine_of(engine_config={"paddle": {"X": 2}})
    assert (found.engine, found.properties) == ("paddle", {"X": "2"})


def test_settings_of_paddle_that_differ() -> None:
    with pytest.raises(InvalidOptionError, match="`enable_mkldnn` and engine_config"):
        parse(engine="paddle", enable_mkldnn=True, engine_config={"enable_mkldnn": False})


@pytest.mark.parametrize("engine", [None, "native", "openvino"])
@pytest.mark.parametrize(
    "given",
    [
        {"use_tensorrt": True},
        {"min_subgraph_size": 4},
        {"enable_mkldnn": False},
        {"mkldnn_cache_capacity": 10},
    ],
)
def test_settings_of_paddle_for_other_engines(engine: str | None, given: dict[str, Any]) -> None:
    name = next(iter(given))
    with pytest.raises(UnsupportedOptionError, match=f"{name}=.*engine='paddle'"):
        parse(engine=engine, **given)


@pytest.mark.parametrize(
    "given", [{"use_tensorrt": False}, {"min_subgraph_size": 3}, {"enable_mkldnn": True}]
)
def test_settings_of_paddle_that_ask_for_nothing(given: dict[str, Any]) -> None:
    assert engine_of(**given).properties == {}


@pytest.mark.parametrize(
    ("config", "properties"),
    [
        ({"PERF_COUNT": True, "X": 3, "Y": "z"}, {"PERF_COUNT": "YES", "X": "3", "Y": "z"}),
        ({"openvino": {"PERF_COUNT": False}}, {"PERF_COUNT": "NO"}),
        ({"openvino": {"X": 1}, "paddle": {"Y": 2}}, {"X": "1"}),
        ({}, {}),
    ],
)
def test_engine_config(config: dict[str, Any], properties: dict[str, str]) -> None:
    """Whoever gives settings of OpenVINO has chosen it."""
    found = engine_of(engine_config=config)
    assert found.properties == properties
    assert found.engine == ("openvino" if properties else "auto")
    assert engine_of(engine_config=config, engine="openvino").properties == properties


@pytest.mark.parametrize(
    ("config", "properties"),
    [
        ({"X": 1}, {"X": "1"}),
        ({"native": {"X": 1}, "openvino": {"Y": 2}}, {"X": "1"}),
        ({"openvino": {"Y": 2}}, {}),
    ],
)
def test_engine_config_of_a_named_engine(
    config: dict[str, Any], properties: dict[str, str]
) -> None:
    found = engine_of(engine_config=config, engine="native", cpu_threads=1)
    assert found == EngineOptions("native", None, 1, properties)


@pytest.mark.parametrize("config", [{"native": {"X": 1}}, {"openvino": {5: 1}}])
def test_engine_config_that_fits_nothing(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError, match="engine_config"):
        parse(engine_config=config)


def test_high_performance_with_an_engine() -> None:
    assert engine_of(enable_hpi=True, engine="auto").hpi
    with pytest.warns(UserWarning, match="`enable_hpi` is ignored"):
        assert not engine_of(enable_hpi=True, engine="openvino").hpi


@pytest.mark.parametrize("precision", [None, "fp32", "int16", "int8", "bf16", "fp16"])
def test_precision(precision: str | None) -> None:
    assert engine_of(precision=precision).precision == precision


def test_threads_default_to_the_cpus_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {1, 5, 7}, raising=False)
    assert engine_of().threads == 3


# --- engines of single models ---------------------------------------------------------------------


def engines_of(config: dict[str, Any], **given: Any) -> dict[str, EngineOptions]:
    """The engine of each model with a configuration of these keys."""
    parsed = parse(paddlex_config={"pipeline_name": "OCR", **config}, cpu_threads=1, **given)
    return {role: choice.engine for role, choice in parsed.models.items() if choice}


def detection(**section: Any) -> dict[str, Any]:
    """A configuration that says something of the detection model."""
    return {"SubModules": {"TextDetection": section}}


def test_the_model_wins_over_the_constructor_over_the_top_level() -> None:
    found = engines_of({"engine": "native", **detection(engine="openvino")})
    assert found["text_detection"].engine == "openvino"
    assert {found[role].engine for role in found if role != "text_detection"} == {"native"}
    found = engines_of({"engine": "native", **detection(engine="openvino")}, engine="paddle")
    assert found["text_detection"].engine == "openvino"
    assert {found[role].engine for role in found if role != "text_detection"} == {"paddle"}


def test_the_level_of_the_document_steps() -> None:
    config = {
        "SubPipelines": {
            "DocPreprocessor": {
                "engine": "openvino",
                "SubModules": {"DocUnwarping": {"engine": "paddle_static"}},
            }
        }
    }
    found = engines_of(config)
    assert found["doc_orientation_classify"].engine == "openvino"
    assert found["doc_unwarping"].engine == "paddle"
    assert found["text_recognition"].engine == "auto"


def test_settings_are_merged_from_the_outside_in() -> None:
    config = {
        "engine": "openvino",
        "engine_config": {"A": 1, "B": 1},
        **detection(engine_config={"openvino": {"B": 2, "C": 2}}),
    }
    found = engines_of(config)
    assert found["text_detection"].properties == {"A": "1", "B": "2", "C": "2"}
    assert found["text_recognition"].properties == {"A": "1", "B": "1"}


def test_settings_go_with_their_engine() -> None:
    """Flat ones are those of the level's engine; those with a name wait for it."""
    config = {
        "engine": "openvino",
        "engine_config": {"A": 1},
        **detection(engine="paddle", engine_config={"B": 2}),
    }
    assert engines_of(config)["text_detection"].properties == {"B": "2"}
    config["engine_config"] = {"openvino": {"A": 1}, "paddle": {"C": 3}}
    assert engines_of(config)["text_detection"].properties == {"B": "2", "C": "3"}


def test_high_performance_of_a_model() -> None:
    """It lets fastocr choose the engine, also where an outer level names one."""
    found = engines_of({"engine": "openvino", **detection(use_hpip=True)})
    assert (found["text_detection"].engine, found["text_detection"].hpi) == ("auto", True)
    assert (found["text_recognition"].engine, found["text_recognition"].hpi) == ("openvino", False)
    found = engines_of({"use_hpip": True, **detection(use_hpip=False)})
    assert (found["text_detection"].hpi, found["text_recognition"].hpi) == (False, True)
    assert not engines_of({"use_hpip": True}, enable_hpi=False)["text_recognition"].hpi


def test_high_performance_of_a_model_with_an_engine() -> None:
    with pytest.warns(UserWarning, match=r"SubModules\.TextDetection: `use_hpip` is ignored"):
        found = engines_of(detection(use_hpip=True, engine="openvino"))
    assert not found["text_detection"].hpi


@pytest.mark.parametrize("config", [{}, {"auto_config": True}, {"backend": None}])
def test_hpi_config_that_asks_for_nothing(config: dict[str, Any]) -> None:
    assert engines_of({"use_hpip": True, "hpi_config": config})["text_detection"].hpi


@pytest.mark.parametrize("config", [{"backend": "tensorrt"}, {"auto_config": False}])
def test_hpi_config_of_the_reference(config: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"hpi_config=.*name the engine by `engine`"):
        engines_of({"use_hpip": True, "hpi_config": config})
    with pytest.raises(UnsupportedOptionError, match=r"SubModules\.TextDetection\.hpi_config="):
        engines_of({"use_hpip": True, **detection(hpi_config=config)})
    with pytest.raises(UnsupportedOptionError, match="hpi_config="):
        engines_of({"hpi_config": config, **detection(use_hpip=True)})
    engines_of({"hpi_config": config})  # Without effect in the reference, too.


def test_settings_of_paddle_for_one_model() -> None:
    """They are settings of the models that have this engine."""
    found = engines_of(detection(engine="paddle"), enable_mkldnn=False)
    assert found["text_detection"].properties == {"enable_mkldnn": "NO"}
    assert found["text_recognition"].properties == {}


def test_a_step_that_is_off_counts_for_nothing() -> None:
    config: dict[str, Any] = {"SubModules": {"TextLineOrientation": {"engine": "paddle"}}}
    engines_of(config, enable_mkldnn=False)
    with pytest.raises(UnsupportedOptionError, match="enable_mkldnn"):
        engines_of({**config, "use_textline_orientation": False}, enable_mkldnn=False)


# --- whole objects --------------------------------------------------------------------------------


def test_engine_config_reaches_the_engine(make_ocr: MakeOCR) -> None:
    page = np.full((32, 32, 3), 255, np.uint8)
    with make_ocr(engine_config={"openvino": {"PERF_COUNT": True}}) as own:
        assert own.predict(page)[0]["rec_texts"] == []
    for config in ({"NO_SUCH_PROPERTY": 1}, {"PERF_COUNT": "maybe"}):
        with pytest.raises(InvalidOptionError, match=next(iter(config))) as caught:
            make_ocr(engine_config=config)
        assert "engine_config" in str(caught.value)


def in_hardware(precision: str) -> bool:
    """Whether this x86 CPU computes in this precision."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return f"avx512_{precision}" in flags or f"amx_{precision}" in flags


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the CPU's features are named for x86")
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision(make_ocr: MakeOCR, pages_dir: Path, precision: str) -> None:
    """Works where the CPU has it; where it has not, nothing else is taken in its place."""
    if not in_hardware(precision):
        with pytest.raises(UnsupportedOptionError, match=f"'{precision}'.*precision='fp32'"):
            make_ocr(precision=precision)
        return
    with make_ocr(precision=precision) as own:
        (result,) = own.predict(pages_dir / "noise_background.png")
    assert "".join(result["rec_texts"][0].split()) == "Busticket,zone3"
