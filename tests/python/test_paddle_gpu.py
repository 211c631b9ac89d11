"""GPUs and TensorRT up to the driver: what a libpaddle.so that has them is asked for.

`tests/cpp/fake_paddle.cc` stands in for the library, in a process of its own for each test.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fastocr import _core

RunPython = Callable[..., Any]
MakePackage = Callable[[Path, str, str], Path]

SHAPES = {
    "detection": [[1, 3, 32, 32], [1, 3, 736, 736], [1, 3, 960, 960]],
    "recognition": [[1, 3, 48, 160], [1, 3, 48, 320], [8, 3, 48, 640]],
}
FP32, FP16 = "0", "2"  # Paddle's numbers


@dataclass
class Done:
    """What a process printed, and the calls that reached the library."""

    output: list[str]
    errors: str
    calls: list[list[str]]

    def all(self, name: str) -> list[list[str]]:
        """Return the arguments of all calls of one name."""
        return [arguments for first, *arguments in self.calls if first == name]


Read = Callable[..., Done]


def write_models(folder: Path, form: str = "pdmodel", sizes: bool = True) -> None:
    """Write model directories with files that pass for networks, different ones for each role."""
    for tag, (role, suffix) in enumerate((("detection", "det"), ("recognition", "rec"))):
        model = folder / role
        model.mkdir(parents=True)
        (model / f"inference.{form}").write_bytes(bytes([0x0A, 2, 8, tag]))
        (model / "inference.pdiparams").touch()
        shapes = {"paddle_infer": {"trt_dynamic_shapes": {"x": SHAPES[role]}}}
        config = {
            "Global": {"model_name": f"PP-OCRv5_mobile_{suffix}"},
            "Hpi": {"backend_configs": shapes if sizes else {}},
            "PostProcess": {"character_dict": ["d", "e"]} if suffix == "rec" else {},
        }
        (model / "inference.yml").write_text(yaml.safe_dump(config), encoding="utf-8")


@pytest.fixture
def read(
    cpp_build: Path, tmp_path: Path, run_python: RunPython, paddle_package: MakePackage
) -> Read:
    """Reads the page with two bars by a PaddleOCR of these options, in a process of its own."""
    site = tmp_path / "site"
    version = _core.engine_requirements("paddle").versions[0]
    library = paddle_package(site, "paddlepaddle-gpu", version)
    shutil.copy(cpp_build / "tests" / "cpp" / "fake_paddle" / "libpaddle.so", library)
    write_models(tmp_path / "models")

    def run(
        options: str, models: Path = tmp_path / "models", objects: int = 1, **settings: int
    ) -> Done:
        log = tmp_path / "calls"
        log.unlink(missing_ok=True)
        code = f"""
import logging, sys
sys.path.insert(0, {str(site)!r})
logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from fastocr import PaddleOCR
page = np.full((160, 320, 3), 255, np.uint8)
page[20:50, 40:200] = 0
page[90:120, 60:280] = 0
def main(_):
    with PaddleOCR(
        text_detection_model_dir={str(models / "detection")!r},
        text_recognition_model_dir={str(models / "recognition")!r},
        use_doc_orientation_classify=False, use_doc_unwarping=False,
        use_textline_orientation=False, **{{"cpu_threads": 2, **dict({options})}},
    ) as ocr:
        return ocr.predict(page)[0]["rec_texts"]
try:
    with ThreadPoolExecutor() as pool:
        print(*pool.map(main, range({objects})), sep="\\n")
except Exception as error:
    print(type(error).__name__, error)
"""
        environment = {
            "FAKE_PADDLE_LOG": str(log),
            "FASTOCR_CACHE_HOME": str(tmp_path / "cache"),
            **{f"FAKE_PADDLE_{name.upper()}": str(value) for name, value in settings.items()},
        }
        done = run_python("-c", code, env=environment)
        assert done.returncode == 0, done.stderr
        calls = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return Done(done.stdout.splitlines(), done.stderr, [line.split() for line in calls])

    return run


def test_a_page(read: Read) -> None:
    done = read("device='gpu:1'", gpus=2)
    assert (done.output, done.errors) == (["['dd', 'dd']"], "")
    # Two networks on the second GPU, in float, with a memory pool of 100 MB as in the reference.
    assert done.all("EnableUseGpu") == [["100", "1", FP32]] * 2
    assert done.all("Exp_DisableMixedPrecisionOps") == [["2", "1", "1"]] * 2
    assert done.all("EnableMemoryOptim") == [["1"]] * 2
    # The older form of the network, without oneDNN.
    assert done.all("CreatePredictor") == [["gpu", "1", "0", "0"]] * 2
    assert not done.all("EnableTensorRtEngine")
    assert not done.all("SetFlagValue")


def test_the_newer_form(read: Read, tmp_path: Path) -> None:
    write_models(tmp_path / "json", "json", sizes=False)
    done = read("device='gpu', engine='paddle'", tmp_path / "json")
    assert done.output == ["['dd', 'dd']"]
    assert done.all("CreatePredictor") == [["gpu", "0", "1", "0"]] * 2
    assert done.all("EnableNewExecutor") == [["1"]] * 2


def test_half_precision(read: Read) -> None:
    assert read("device='gpu', precision='fp16'").all("EnableUseGpu") == [["100", "0", FP16]] * 2


def test_lines_run_together(read: Read) -> None:
    done = read("device='gpu', cpu_threads=1")
    assert done.output == ["['dd', 'dd']"]
    assert done.all("run")[-1] == ["2x3x48x320x"]


def test_objects_made_at_the_same_time(read: Read) -> None:
    """First runs take all the memory there is, so there is one at a time."""
    done = read("device='gpu'", objects=4)
    assert done.output == ["['dd', 'dd']"] * 4
    assert len(done.all("run")) > 4 * 4
    assert not done.all("overlap")


def test_predictors(read: Read) -> None:
    """Those of all threads share one, are warmed up one by one, and all are destroyed."""
    done = read("device='gpu', cpu_threads=4")
    assert done.output == ["['dd', 'dd']"]
    assert not done.all("overlap")
    assert not done.all("run_first")  # only clones run
    assert len(done.all("CreatePredictor")) == len(done.all("destroy")) == 2
    assert len(done.all("destroy_clone")) == 5
    # In the middle of the sizes that are expected.
    assert done.all("run")[0] == ["1x3x736x736x"]
    assert done.all("run").count(["1x3x48x320x"]) == 4 + 2


def test_tensorrt(read: Read, tmp_path: Path) -> None:
    options = "device='gpu', use_tensorrt=True, precision='fp16', min_subgraph_size=5"
    done = read(options)
    assert (done.output, done.errors) == (["['dd', 'dd']"], "")
    # The smallest, the usual and the largest size of each network are run for the shapes within.
    assert [shape for (shape,) in done.all("run_first")] == [
        "x".join(map(str, SHAPES[role][i])) + "x" for role in SHAPES for i in (0, 1, 1, 2)
    ]
    assert done.all("DeletePass") == [["matmul_add_act_fuse_pass"]] * 2
    # The rest of the network stays in float.
    assert done.all("EnableUseGpu") == [["100", "0", FP32]] * 4
    assert done.all("EnableTensorRtEngine") == [[str(2**30), "32", "5", FP16, "1", "0", "0"]] * 2
    folders = [Path(folder) for (folder,) in done.all("SetOptimCacheDir")]
    assert len(set(folders)) == 2
    assert {folder.parent for folder in folders} == {tmp_path / "cache" / "tensorrt"}
    for folder, (file, build) in zip(
        folders, done.all("EnableTunedTensorRtDynamicShape"), strict=True
    ):
        assert Path(file) == folder / "shape_range_info.pbtxt"
        assert build == "1"
        assert [path.name for path in folder.iterdir()] == ["shape_range_info.pbtxt"]
    # Once for all.
    again = read(options)
    assert again.output == ["['dd', 'dd']"]
    assert not again.all("run_first")
    assert again.all("SetOptimCacheDir") == done.all("SetOptimCacheDir")


def test_tensorrt_for_other_sizes(read: Read, tmp_path: Path) -> None:
    first = read("device='gpu', use_tensorrt=True").all("SetOptimCacheDir")
    config = tmp_path / "models" / "detection" / "inference.yml"
    config.write_text(config.read_text(encoding="utf-8").replace("736", "640"), encoding="utf-8")
    second = read("device='gpu', use_tensorrt=True").all("SetOptimCacheDir")
    assert first[0] != second[0]
    assert first[1] == second[1]


def test_tensorrt_cache_folder(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    config = {"use_tensorrt": True, "trt_cache_dir": str(folder)}
    done = read(f"device='gpu', engine_config={{'paddle_static': {config!r}}}")
    assert done.all("SetOptimCacheDir") == [[str(folder)]] * 2
    assert not (tmp_path / "cache").exists()


def test_high_performance(read: Read, tmp_path: Path) -> None:
    """TensorRT where it can be had, with a warning where that fails."""
    done = read("device='gpu', enable_hpi=True")
    assert done.output == ["['dd', 'dd']"]
    assert len(done.all("EnableTensorRtEngine")) == 2
    without = read("device='gpu', enable_hpi=True, min_subgraph_size=4", no_trt_library=1)
    warnings, text = without.output[:-1], without.output[-1]
    assert text == "['dd', 'dd']"
    assert len(warnings) == 2
    for line in warnings:
        assert line.startswith("WARNING enable_hpi=True: device 'gpu:0' cannot be used for ")
        assert line.endswith("TensorRT is needed, but TensorRT dynamic library is not found.")
    assert len(without.all("CreatePredictor")) == 2
    write_models(tmp_path / "json", "json")
    write_models(tmp_path / "unsized", sizes=False)
    for folder in ("json", "unsized"):
        plain = read("device='gpu', enable_hpi=True", tmp_path / folder)
        assert plain.output == ["['dd', 'dd']"]
        assert not plain.all("EnableTensorRtEngine")
    off = read("device='gpu', enable_hpi=True, use_tensorrt=False")
    assert not off.all("EnableTensorRtEngine")


def test_tensorrt_takes_the_older_form(read: Read, tmp_path: Path) -> None:
    for role in SHAPES:
        (tmp_path / "models" / role / "inference.json").write_text("{}", encoding="utf-8")
    newer, older = ["gpu", "0", "1", "0"], ["gpu", "0", "0", "0"]
    assert read("device='gpu'").all("CreatePredictor") == [newer] * 2
    assert (
        read("device='gpu', enable_hpi=True, use_tensorrt=False").all("CreatePredictor")
        == [newer] * 2
    )
    for option in ("enable_hpi", "use_tensorrt"):
        done = read(f"device='gpu', {option}=True")
        assert done.all("CreatePredictor")[-1] == older
        assert len(done.all("EnableTensorRtEngine")) == 2


@pytest.mark.parametrize(
    ("options", "settings", "parts"),
    [
        ("device='gpu'", {"cuda": 0}, ["'gpu:0'", "for CPUs only", "paddlepaddle-gpu", "'cpu'"]),
        ("device='gpu:3'", {"gpus": 2}, ["'gpu:3'", "nvidia-smi", "GPU count is: 2."]),
        ("device='gpu'", {"gpus": 0}, ["'gpu:0'", "'cpu'", "GPU count is: 0."]),
        (
            "device='gpu', use_tensorrt=True",
            {"no_trt_library": 1},
            ["use_tensorrt=True", "TensorRT dynamic library is not found"],
        ),
        ("device='gpu', use_tensorrt=True", {"trt": 0}, ["use_tensorrt=True", "without TensorRT"]),
        ("engine='paddle', use_tensorrt=True", {}, ["use_tensorrt=True", "device='gpu:0'"]),
        ("device='gpu', min_subgraph_size=4", {}, ["min_subgraph_size=4", "use_tensorrt=True"]),
        ("device='gpu', precision='bf16'", {}, ["'bf16'", "'gpu:0'", "'fp32' or 'fp16'"]),
        ("device='gpu', precision='int16'", {}, ["'int16'", "'fp32' or 'fp16'"]),
        ("device='gpu', enable_mkldnn=True", {}, ["enable_mkldnn=True", "CPUs"]),
        ("device='gpu', mkldnn_cache_capacity=4", {}, ["mkldnn_cache_capacity", "CPUs"]),
        ("device='gpu', engine='native'", {}, ["'gpu:0'", "CPUs only", "`engine`"]),
        ("device='gpu', engine='openvino'", {}, ["'gpu:0'", "CPUs only", "`engine`"]),
    ],
)
def test_what_cannot_be_had(
    read: Read, options: str, settings: dict[str, int], parts: list[str]
) -> None:
    """Option, cause and remedy."""
    done = read(options, **settings)
    assert done.errors == ""
    assert len(done.output) == 1
    assert done.output[0].startswith("UnsupportedOptionError ")
    for part in parts:
        assert part in done.output[0]
    assert not done.all("EnableTensorRtEngine") or "no_trt_library" in settings


def test_models_that_tensorrt_cannot_take(read: Read, tmp_path: Path) -> None:
    write_models(tmp_path / "json", "json")
    write_models(tmp_path / "unsized", sizes=False)
    for folder, part in (("json", "inference.pdmodel"), ("unsized", "trt_dynamic_shapes")):
        done = read("device='gpu', use_tensorrt=True", tmp_path / folder)
        assert done.output[0].startswith("UnsupportedOptionError use_tensorrt=True needs")
        assert part in done.output[0]


def test_sizes_of_another_input(read: Read, tmp_path: Path) -> None:
    config = tmp_path / "models" / "detection" / "inference.yml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("x:", "image:"), encoding="utf-8")
    done = read("device='gpu', use_tensorrt=True")
    assert done.output[0].startswith("ModelFormatError ")
    assert "the input is 'x', but inference.yml has the shapes of 'image'" in done.output[0]
    assert not list((tmp_path / "cache").rglob("*.part*"))


def test_a_network_without_its_weights(read: Read, tmp_path: Path) -> None:
    weights = tmp_path / "models" / "detection" / "inference.pdiparams"
    weights.unlink()
    done = read("device='gpu', use_tensorrt=True")
    assert done.output == [f"ModelFormatError {weights}: No such file or directory"]


def test_a_cache_folder_that_cannot_be_made(read: Read, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = {"use_tensorrt": True, "trt_cache_dir": str(tmp_path / "file" / "x")}
    done = read(f"device='gpu', engine_config={config!r}")
    assert done.output[0].startswith("InvalidOptionError trt_cache_dir ")


def test_packages_of_nvidia(read: Read, tmp_path: Path) -> None:
    """The library is told where they lie, as `import paddle` would do."""
    nvidia = tmp_path / "site" / "nvidia"
    nvidia.mkdir()
    flags = dict(read("device='gpu'").all("SetFlagValue"))
    assert flags["nvidia_package_dir"] == str(nvidia)
    assert flags["cudnn_dir"] == str(nvidia / "cudnn" / "lib")
    assert flags["cupti_dir"] == str(nvidia / "cuda_cupti" / "lib")
    assert len(flags) == 8


def test_no_package_for_a_gpu(run_python: RunPython) -> None:
    code = """
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "paddle" else find_spec(name, *rest)
from fastocr import PaddleOCR
try:
    PaddleOCR(device="gpu:0")
except RuntimeError as error:
    print(type(error).__name__, error)
"""
    output = run_python("-c", code).stdout
    assert output.startswith("EngineUnavailableError device 'gpu:0' needs paddlepaddle-gpu")
