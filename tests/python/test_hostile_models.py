"""Weights and configurations that nobody honest wrote: each is refused by name, or does no harm.

What a single key of a well-formed file may hold is tested with its reader: `test_model_store.py`,
`test_model_config.py`, `test_pipeline_config.py`.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from fastocr import (
    DocImgOrientationClassification,
    PaddleOCR,
    TextDetection,
    TextImageUnwarping,
    TextRecognition,
    engines,
    pipeline_config,
)
from fastocr.errors import (
    InferenceError,
    InvalidOptionError,
    ModelFormatError,
    ModelNotFoundError,
)
from fastocr.model_config import read_config
from fastocr.model_store import find_model, manifest
from fastocr.results import FailedResult
from tests.python import onnx_writer
from tests.python.onnx_writer import OnnxNetwork

DETECTION = "PP-OCRv5_mobile_det"
RECOGNITION = "PP-OCRv5_mobile_rec"
ENGINES = ["native", "openvino"]
PAGE = np.full((64, 96, 3), 200, np.uint8)

RunPython = Callable[..., Any]
MakeOCR = Callable[..., PaddleOCR]


def model_dir(folder: Path, name: str, **post_process: Any) -> Path:
    """Make a directory with the configuration of a model; its network is still to be written."""
    folder.mkdir(exist_ok=True)
    config = {"Global": {"model_name": name}, "PostProcess": post_process}
    (folder / "inference.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def conv(network: OnnxNetwork, channels: int, value: float = 0.01, source: str = "image") -> str:
    """Add a convolution of one pixel whose weights are all the same."""
    weights = np.full((channels, 3, 1, 1), value, np.float32)
    return network.node("Conv", source, network.constant(weights))


def detection_network(path: Path, value: float = 0.01) -> Path:
    """Write what finds text where pixels are bright; with an odd value, odd numbers everywhere."""
    network = OnnxNetwork([-1, 3, -1, -1])
    return network.save(path, network.node("Sigmoid", conv(network, 1, value)))


# --- networks: files that are none ----------------------------------------------------------------


def wrong_file(name: str, path: Path) -> None:
    """Put something at `path` that is no network."""
    contents = {
        "empty": b"",
        "a zero": b"\0",
        "text": b"this is not a network\n" * 30,
        "HTML": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "a ZIP archive": b"PK\3\4" + bytes(200),
        "all ones": b"\xff" * 4096,
        "an endless varint": b"\x80" * 4096,
        "a length beyond the file": b"\x3a\xff\xff\xff\xff\x0f" + bytes(64),
        "a length of 2^63": b"\x3a" + b"\xff" * 8 + b"\x7f" + bytes(64),
        "messages in messages": b"".join(
            b"\x3a" + onnx_writer._varint(4 * level) for level in range(2000, 0, -1)
        ),
    }
    if name == "a directory":
        path.mkdir()
    else:
        path.write_bytes(contents[name])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "name",
    [
        "empty",
        "a zero",
        "text",
        "HTML",
        "a Git LFS pointer",
        "a ZIP archive",
        "all ones",
        "an endless varint",
        "a length beyond the file",
        "a length of 2^63",
        "messages in messages",
        "a directory",
    ],
)
def test_files_that_are_no_network(tmp_path: Path, engine: str, name: str) -> None:
    path = tmp_path / "inference.onnx"
    wrong_file(name, path)
    with pytest.raises(ModelFormatError, match=re.escape(str(path))):
        engines.load(engine).load(str(path))


@pytest.mark.parametrize("kind", ["a directory", "a FIFO", "a dangling link", "a circle of links"])
def test_what_is_no_file_is_not_found(tmp_path: Path, kind: str) -> None:
    folder = model_dir(tmp_path / "model", DETECTION)
    path = folder / "inference.onnx"
    {
        "a directory": lambda: path.mkdir(),
        "a FIFO": lambda: os.mkfifo(path),
        "a dangling link": lambda: path.symlink_to(folder / "nowhere"),
        "a circle of links": lambda: path.symlink_to(path),
    }[kind]()
    with pytest.raises(ModelNotFoundError, match=re.escape(str(folder))):
        find_model(DETECTION, folder)


# --- networks: graphs that make no sense ----------------------------------------------------------


def message(number: int, *parts: bytes) -> bytes:
    return onnx_writer._bytes(number, b"".join(parts))


def tensor(name: str, dims: list[int], data_type: int, *fields: bytes) -> bytes:
    """Return an initialiser as ONNX stores it."""
    sides = [onnx_writer._number(1, side) for side in dims]
    return message(
        5, *sides, onnx_writer._number(2, data_type), onnx_writer._bytes(8, name), *fields
    )


def node(operation: str, inputs: list[str], outputs: list[str]) -> bytes:
    names = [onnx_writer._bytes(1, name) for name in inputs]
    names += [onnx_writer._bytes(2, name) for name in outputs]
    return message(1, *names, onnx_writer._bytes(4, operation))


def value(number: int, name: str, shape: list[int] | None = None) -> bytes:
    return onnx_writer._bytes(number, onnx_writer._value_info(name, np.float32, shape))


def graph(path: Path, *parts: bytes, opset: int = onnx_writer.OPSET) -> Path:
    """Write a network of these parts, from ``image`` (N, 3, H, W) to ``out``."""
    body = [*parts, value(11, "image", [-1, 3, -1, -1]), value(12, "out")]
    path.write_bytes(
        onnx_writer._number(1, onnx_writer.IR_VERSION)
        + message(7, *body)
        + message(8, onnx_writer._bytes(1, ""), onnx_writer._number(2, opset))
    )
    return path


WEIGHTS = bytes(4 * 3)  # of (1, 3, 1, 1) floats
RAW = onnx_writer._bytes(9, WEIGHTS)
FLOAT, FLOAT16, DOUBLE, BFLOAT16, STRING = 1, 10, 11, 16, 8
CONV = node("Conv", ["image", "w"], ["out"])


def external(location: str) -> bytes:
    """Return the fields of a tensor whose values lie in another file."""
    entry = onnx_writer._bytes(1, "location") + onnx_writer._bytes(2, location)
    return onnx_writer._bytes(13, entry) + onnx_writer._number(14, 1)


GRAPHS: dict[str, tuple[bytes, ...]] = {
    "no nodes": (),
    "a circle of two nodes": (node("Add", ["image", "b"], ["a"]), node("Relu", ["a"], ["b"])),
    "a node that reads itself": (node("Relu", ["out"], ["out"]),),
    "a value made twice": (node("Relu", ["image"], ["out"]), node("Sigmoid", ["image"], ["out"])),
    "a missing initialiser": (CONV,),
    "a node without outputs": (node("Relu", ["image"], []),),
    "a node without inputs": (node("Conv", [], ["out"]),),
    "a Conv without weights": (node("Conv", ["image"], ["out"]),),
    "a Pad without pads": (node("Pad", ["image"], ["out"]),),
    "a Clip of nothing": (node("Clip", ["", "image"], ["out"]),),
    "an unknown operation": (node("Teleport", ["image"], ["out"]),),
    "an operation whose name is no text": (
        message(
            1,
            onnx_writer._bytes(1, "image"),
            onnx_writer._bytes(2, "out"),
            onnx_writer._bytes(4, b"Tele\xff\xfeport"),
        ),
    ),
    "weights of NaN": (
        CONV,
        tensor(
            "w",
            [1, 3, 1, 1],
            FLOAT,
            onnx_writer._bytes(9, np.float32([0, np.nan, 0]).tobytes()),
        ),
    ),
    "weights without a limit": (
        CONV,
        tensor(
            "w", [1, 3, 1, 1], FLOAT, onnx_writer._bytes(9, np.float32([0, np.inf, 0]).tobytes())
        ),
    ),
    "weights of too few values": (CONV, tensor("w", [1, 3, 1, 1], FLOAT, RAW[:-4])),
    "weights of too many values": (CONV, tensor("w", [1, 3, 1], FLOAT, RAW + RAW)),
    "terabytes of weights without data": (CONV, tensor("w", [1 << 20, 1 << 20, 1, 1], FLOAT)),
    "a number of weights beyond 64 bits": (
        CONV,
        tensor("w", [1 << 32, 1 << 32, 1 << 32, 1], FLOAT, RAW),
    ),
    "a product of sides that wraps around to the size": (
        CONV,
        tensor("w", [3, 1 << 62, 4, 1], FLOAT, RAW),
    ),
    "negative sides": (CONV, tensor("w", [-1, -3, 1, 1], FLOAT, RAW)),
    "weights for other channels": (
        CONV,
        tensor("w", [1, 4, 1, 1], FLOAT, onnx_writer._bytes(9, bytes(16))),
    ),
    "weights of strings": (CONV, tensor("w", [1, 3, 1, 1], STRING, RAW)),
    "weights of an unknown type": (CONV, tensor("w", [1, 3, 1, 1], 99, RAW)),
    "weights in another file": (CONV, tensor("w", [1, 3, 1, 1], FLOAT, external("weights.bin"))),
    "weights outside of the folder": (
        CONV,
        tensor("w", [1, 3, 1, 1], FLOAT, external("../secret.bin")),
    ),
    "weights in a device": (CONV, tensor("w", [1, 3, 1, 1], FLOAT, external("/dev/zero"))),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_make_no_sense(tmp_path: Path, engine: str, name: str) -> None:
    path = graph(tmp_path / "inference.onnx", *GRAPHS[name])
    (tmp_path.parent / "secret.bin").write_bytes(WEIGHTS)
    with pytest.raises(ModelFormatError, match=re.escape(str(path))):
        engines.load(engine).load(str(path))


@pytest.mark.parametrize(
    ("data_type", "item"), [(FLOAT16, 2), (DOUBLE, 8), (BFLOAT16, 2)], ids=["16", "64", "bfloat"]
)
def test_weights_of_other_precisions(tmp_path: Path, data_type: int, item: int) -> None:
    """The native engine has single precision only; auto hands them to OpenVINO, which says no."""
    weights = tensor("w", [1, 3, 1, 1], data_type, onnx_writer._bytes(9, bytes(3 * item)))
    path = graph(tmp_path / "inference.onnx", CONV, weights)
    for engine in ENGINES:
        with pytest.raises(ModelFormatError, match=re.escape(str(path))):
            engines.load(engine).load(str(path))


def test_an_opset_from_the_future(tmp_path: Path) -> None:
    """Of operations that are known, a network is run as they were; of others, it is not."""
    path = graph(tmp_path / "inference.onnx", node("Softmaximum", ["image"], ["out"]), opset=9999)
    for engine in ENGINES:
        with pytest.raises(ModelFormatError, match=re.escape(str(path))):
            engines.load(engine).load(str(path))


# --- networks: damage by chance -------------------------------------------------------------------

# Runs in a process of its own: a crash ends it, and is seen. Prints how often a network was refused
# and how often it ran.
FLIPS = textwrap.dedent(
    """
    import random, resource, sys
    from collections import Counter
    from pathlib import Path
    import numpy as np
    from fastocr import engines
    from fastocr.errors import FastOCRError, InferenceError, ModelFormatError

    engine, source, shape, seed, count, head = sys.argv[1:]
    # What a size that was changed asks for must not take the machine's memory.
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    loader, whole = engines.load(engine), Path(source).read_bytes()
    page = np.full([int(side) for side in shape.split("x")], 0.5, np.float32)
    random = random.Random(int(seed))
    path, seen = Path("inference.onnx").absolute(), Counter()
    for number in range(int(count)):
        damaged = bytearray(whole)
        # Structure is at the beginning, weights are all the rest.
        place = random.randrange(min(len(whole), int(head)) if number % 2 else len(whole))
        damaged[place] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        print(number, place, damaged[place], flush=True)
        try:
            loader.load(str(path)).run(page)
            seen["ran"] += 1
        except (ModelFormatError, InferenceError) as error:
            assert str(path) in str(error), error
            seen["refused"] += 1
        except FastOCRError as error:
            seen[type(error).__name__] += 1
    print("done", dict(seen))
    """
)


@pytest.mark.parametrize(
    ("engine", "network", "count"),
    [
        ("native", "small", 400),
        ("openvino", "small", 200),
        ("native", "orientation", 100),
        ("native", "detection", 40),
        ("openvino", "orientation", 20),
    ],
)
def test_flipped_bits(
    run_python: RunPython, tmp_path: Path, engine: str, network: str, count: int
) -> None:
    """One flipped bit: the network is refused by name, or gives some numbers. Nothing crashes."""
    if network == "small":
        source, shape = small_network(tmp_path / "small.onnx"), "1x3x32x32"
    elif network == "orientation":
        source, shape = find_model("PP-LCNet_x1_0_textline_ori", None).paths[0], "1x3x80x160"
    else:
        source, shape = find_model(DETECTION, None).paths[0], "1x3x64x64"
    script = tmp_path / "flip.py"
    script.write_text(FLIPS)
    done = run_python(script, engine, source, shape, "20", str(count), "40000")
    assert done.returncode == 0, f"{done.stdout[-300:]}\n{done.stderr[-2000:]}"
    last = done.stdout.splitlines()[-1]
    assert last.startswith("done")
    assert "ran" in last, last


def small_network(path: Path) -> Path:
    """Write a network with layers of many kinds and few weights."""
    network = OnnxNetwork([-1, 3, -1, -1])
    rng = np.random.default_rng(3)

    def weights(*shape: int) -> str:
        return network.constant(rng.normal(0, 0.3, shape).astype(np.float32))

    wide = network.node(
        "Conv", "image", weights(8, 3, 3, 3), weights(8), pads=[1, 1, 1, 1], strides=[2, 2]
    )
    wide = network.node("Relu", wide)
    deep = network.node("Conv", wide, weights(8, 1, 3, 3), group=8, pads=[1, 1, 1, 1])
    mean = network.node("GlobalAveragePool", deep)
    gate = network.node("HardSigmoid", network.node("Conv", mean, weights(8, 8, 1, 1)))
    joined = network.node("Add", network.node("Mul", deep, gate), wide)
    large = network.node("ConvTranspose", joined, weights(8, 4, 2, 2), strides=[2, 2])
    return network.save(
        path, network.node("Sigmoid", network.node("Conv", large, weights(1, 4, 1, 1)))
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_every_cut(tmp_path: Path, engine: str) -> None:
    """A network that ends early, wherever that is, is refused by name."""
    source = small_network(tmp_path / "small.onnx")
    whole = source.read_bytes()
    loader = engines.load(engine)
    path = tmp_path / "inference.onnx"
    step = 37 if engine == "native" else 211
    for length in [*range(0, len(whole), step), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFormatError, match=re.escape(str(path))):
            loader.load(str(path))


# --- networks: of another task, with other tensors ------------------------------------------------


def network_of(path: Path, kind: str) -> Path:
    """Write a network that is well-formed and does something else."""
    channels = {"one channel": 1, "four channels": 4}.get(kind, 3)
    shape = [-1, channels, -1, -1]
    if kind == "three axes":
        shape = [-1, 3, -1]
    network = OnnxNetwork(shape)
    if kind == "a class":
        out = network.node("Flatten", network.node("GlobalAveragePool", "image"), axis=1)
    elif kind == "two maps":
        out = network.node("Sigmoid", conv(network, 2))
    elif kind == "half a map":
        pooled = network.node("AveragePool", conv(network, 1), kernel_shape=[3, 3], strides=[3, 3])
        out = network.node("Sigmoid", pooled)
    else:
        out = network.node("Relu", "image")
    return network.save(path, out)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "kind", ["a class", "one channel", "four channels", "three axes", "two maps", "an image"]
)
@pytest.mark.parametrize("role", ["detection", "recognition"])
def test_networks_of_another_task(tmp_path: Path, engine: str, kind: str, role: str) -> None:
    name = DETECTION if role == "detection" else RECOGNITION
    folder = model_dir(tmp_path / "model", name, character_dict=["a"])
    path = network_of(folder / "inference.onnx", kind)
    make = TextDetection if role == "detection" else TextRecognition
    with pytest.raises(ModelFormatError, match=re.escape(str(path))):
        make(model_name=name, model_dir=str(folder), engine=engine).predict(PAGE)


def test_a_map_that_does_not_fit_the_page(tmp_path: Path) -> None:
    folder = model_dir(tmp_path / "model", DETECTION)
    path = network_of(folder / "inference.onnx", "half a map")
    detection = TextDetection(model_name=DETECTION, model_dir=str(folder), engine="openvino")
    with pytest.raises(ModelFormatError, match=rf"{re.escape(str(path))}: .*\(1, 3, 64, 96\)"):
        detection.predict(PAGE)


def test_classes_that_are_not_those_of_the_labels(tmp_path: Path) -> None:
    """More or fewer: neither an index error nor a page that is turned the wrong way."""
    size = [{"ResizeImage": {"size": [8, 8]}}]
    for labels in (["0", "90"], ["0", "90", "180", "270"]):
        folder = model_dir(tmp_path / "model", "PP-LCNet_x1_0_doc_ori", Topk={"label_list": labels})
        config = yaml.safe_load((folder / "inference.yml").read_text())
        config["PreProcess"] = {"transform_ops": size}
        (folder / "inference.yml").write_text(yaml.safe_dump(config))
        path = network_of(folder / "inference.onnx", "a class")  # three of them
        wanted = rf"{re.escape(str(path))}: .* 3 classes, .* {len(labels)} labels"
        with pytest.raises(ModelFormatError, match=wanted):
            DocImgOrientationClassification(model_dir=str(folder)).predict(PAGE)


def test_line_directions_are_two(make_ocr: MakeOCR, orientation_dir: Path, tmp_path: Path) -> None:
    """Class 1 means upside down; with four classes it would be a quarter turn."""
    config = (orientation_dir / "inference.yml").read_text()
    folder = tmp_path / "lines"
    folder.mkdir()
    (folder / "inference.onnx").write_bytes((orientation_dir / "inference.onnx").read_bytes())
    (folder / "inference.yml").write_text(config.replace("doc_ori", "textline_ori"))
    with pytest.raises(ModelFormatError, match=rf"{re.escape(str(folder))} has the labels 0, 90"):
        make_ocr(textline_orientation_model_dir=folder, use_textline_orientation=True)


# --- networks: numbers that are none --------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("weight", [np.nan, np.inf, -np.inf, 3e38])
def test_weights_that_are_no_numbers(tmp_path: Path, engine: str, weight: float) -> None:
    """They are found at load, or by what comes of them; the message names the file."""
    folder = model_dir(tmp_path / "model", DETECTION)
    path = folder / "inference.onnx"
    network = OnnxNetwork([-1, 3, -1, -1])
    odd = conv(network, 3, weight)
    # Large but finite weights become infinite, and then no numbers.
    network.save(
        path,
        network.node(
            "Sigmoid",
            network.node("Sub", conv(network, 1, weight, odd), conv(network, 1, weight, odd)),
        ),
    )
    with pytest.raises((ModelFormatError, InferenceError), match=re.escape(str(path))):
        TextDetection(
            model_name=DETECTION, model_dir=str(folder), engine=engine, precision="fp32"
        ).predict(PAGE)


def test_values_that_are_no_probabilities(tmp_path: Path) -> None:
    """Such as scores of a network that lacks its last layer: thresholds would mean nothing."""
    folder = model_dir(tmp_path / "model", DETECTION)
    path = folder / "inference.onnx"
    network = OnnxNetwork([-1, 3, -1, -1])
    network.save(path, conv(network, 1, 9))
    detection = TextDetection(model_name=DETECTION, model_dir=str(folder))
    with pytest.raises(InferenceError, match=rf"{re.escape(str(path))}: .* from -0.01 to 1.01"):
        detection.predict(PAGE)


def test_pages_that_break_a_network_keep_their_place(tmp_path: Path) -> None:
    """One of a list costs the others nothing."""
    folder = model_dir(tmp_path / "model", DETECTION)
    network = OnnxNetwork([-1, 3, -1, -1])
    network.save(folder / "inference.onnx", network.node("Abs", conv(network, 1, 0.3)))
    detection = TextDetection(model_name=DETECTION, model_dir=str(folder))
    gray, white = (np.full((64, 64, 3), level, np.uint8) for level in (110, 255))
    first, broken, last = detection.predict([gray, white, gray])
    assert [first.ok, last.ok] == [True, True]
    assert isinstance(broken, FailedResult)
    assert str(folder / "inference.onnx") in str(broken.error)


@pytest.mark.parametrize("engine", ENGINES)
def test_lines_of_no_numbers(tmp_path: Path, engine: str) -> None:
    folder = model_dir(tmp_path / "model", RECOGNITION, character_dict=["a", "b"])
    path = recognition_network(folder / "inference.onnx", np.nan)
    recognition = {"model_name": RECOGNITION, "model_dir": str(folder), "engine": engine}
    line = np.full((48, 320, 3), 255, np.uint8)
    with pytest.raises((ModelFormatError, InferenceError), match=re.escape(str(path))):
        TextRecognition(**recognition, precision="fp32").predict(line)
    recognition_network(path, 0.5)
    assert TextRecognition(**recognition, precision="fp32").predict(line)[0]["rec_text"] == ""


def recognition_network(path: Path, value: float) -> Path:
    """Write what gives four classes for each eighth column, the first one the most probable."""
    network = OnnxNetwork([-1, 3, 48, -1])
    weights = np.zeros((4, 3, 48, 8), np.float32)
    weights[0] = value
    scores = network.node(
        "Conv", "image", network.constant(weights), strides=[48, 8]
    )  # (N, 4, 1, T)
    flat = network.node("Squeeze", scores, network.constant([2], np.int64))
    steps = network.node("Transpose", flat, perm=[0, 2, 1])
    return network.save(path, network.node("Softmax", steps, axis=2))


def test_unwarping_to_no_numbers(tmp_path: Path) -> None:
    """Roots of what is below zero; the weights are usual ones."""
    folder = model_dir(tmp_path / "model", "UVDoc")
    network = OnnxNetwork([-1, 3, 16, 16])
    mean = network.node("ReduceMean", "image", axes=[1, 2, 3], keepdims=1)
    grid = network.node("Sub", mean, network.constant(np.full((1, 2, 3, 3), 5, np.float32)))
    path = network.save(folder / "inference.onnx", network.node("Sqrt", grid))
    unwarping = TextImageUnwarping(model_name="UVDoc", model_dir=str(folder))
    with pytest.raises(InferenceError, match=re.escape(str(path))):
        unwarping.predict(PAGE)


# --- dictionaries ---------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [1, 3, 2000])
def test_dictionaries_of_another_length(tmp_path: Path, engine: str, count: int) -> None:
    """The message has the file, the classes of the network, and those of the dictionary."""
    folder = model_dir(tmp_path / "model", RECOGNITION, character_dict=["x"] * count)
    path = recognition_network(folder / "inference.onnx", 0.5)
    wanted = rf"{re.escape(str(path))}: .* 4 classes, its dictionary makes {count + 2} "
    with pytest.raises(ModelFormatError, match=wanted):
        TextRecognition(model_name=RECOGNITION, model_dir=str(folder), engine=engine).predict(PAGE)


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        (["a", "a"], "a"),  # twice the same: two classes that mean one thing
        (["", "b"], ""),  # no character: the class adds nothing
        (["two", "b"], "two"),
        (["\U0001f600", "b"], "\U0001f600"),
        (["\n", "b"], "\n"),
        (["true", "1"], "true"),
    ],
)
def test_odd_entries_of_dictionaries(tmp_path: Path, entries: list[str], text: str) -> None:
    folder = model_dir(tmp_path / "model", RECOGNITION, character_dict=entries)
    network = OnnxNetwork([-1, 3, 48, -1])
    weights = np.zeros((4, 3, 48, 8), np.float32)
    weights[1] = 0.5  # the first character, in every step
    scores = network.node("Conv", "image", network.constant(weights), strides=[48, 8])
    flat = network.node("Squeeze", scores, network.constant([2], np.int64))
    steps = network.node("Transpose", flat, perm=[0, 2, 1])
    network.save(folder / "inference.onnx", network.node("Softmax", steps, axis=2))
    recognition = TextRecognition(model_name=RECOGNITION, model_dir=str(folder))
    result = recognition.predict(np.full((48, 320, 3), 255, np.uint8), return_word_box=True)[0]
    assert result["rec_text"][0] == text
    assert result["rec_score"] > 0.9


# --- inference.yml --------------------------------------------------------------------------------

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join(['*' + before] * 9)}]\n"
    for before, after in zip("abcdefghij", "bcdefghijk", strict=True)
)

# What is wrong with the text of any YAML file, and what the message says of it.
TEXTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no mapping|is expected"),
    "a list": (b"- 1\n- 2\n", "no mapping|is expected"),
    "a scalar": (b"42", "no mapping|is expected"),
    "a cyclic list": (b"Global: &a [*a]\n", "contains itself|recursive"),
    "a cyclic mapping": (b"Global: &a\n  model_name: x\n  more: *a\n", "contains itself|recursive"),
    "a cyclic whole": (b"&a\nGlobal: *a\n", "contains itself|recursive"),
    "billion laughs": (LAUGHS.encode(), "repeats parts"),
    "an unknown alias": (b"Global: *nobody\n", "undefined alias"),
    "deep lists": (b"Global: " + b"[" * 90 + b"]" * 90, "nested more than 64 levels"),
    "deeper lists": (b"Global: " + b"[" * 900 + b"]" * 900, "nested|depth"),
    "the deepest lists": (b"Global: " + b"[" * 100_000, "nested|depth"),
    "deep mappings": (b"{a: " * 500 + b"1" + b"}" * 500, "nested|depth"),
    "invalid UTF-8": (b"Global: {model_name: \xff\xfe\xfa}\n", "UTF-8|codec|character"),
    "a zero byte": (b"Global: \0\n", "special characters|control characters"),
    "a tab": (b"Global:\n\tmodel_name: x\n", "found character"),
    "an open list": (b"Global: {model_name: [", "did not find expected"),
    "two documents": (b"a: 1\n---\nb: 2\n", "single document|another document"),
    "a key twice": (b"Global: {model_name: a}\nGlobal: {model_name: b}\n", "'Global' is there twi"),
    "an inner key twice": (b"Global:\n  a: 1\n  a: 2\n", "'a' is there twice"),
    "a list as a key": (b"? [1, 2]\n: 3\n", "unhashable"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_damaged_model_configurations(tmp_path: Path, name: str) -> None:
    content, wanted = TEXTS[name]
    file = tmp_path / "inference.yml"
    file.write_bytes(content)
    with pytest.raises(ModelFormatError, match=rf"(?s){re.escape(str(file))}.*({wanted})"):
        read_config(file)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.abort []", "!!python/name:os.abort", "!x"]
)
def test_tags_make_no_objects(tmp_path: Path, tag: str) -> None:
    """Scalars and lists stay what they are without a tag."""
    file = tmp_path / "inference.yml"
    file.write_text(f"Global: {{model_name: {DETECTION}}}\nOther: {tag}\n")
    assert read_config(file).name == DETECTION
    configuration = tmp_path / "pipeline.yml"
    configuration.write_text(f"pipeline_name: OCR\nOther: {tag}\n")
    with pytest.raises(InvalidOptionError, match=re.escape(str(configuration))):
        pipeline_config.read_config(str(configuration), pytest.fail)


WRONG: list[Any] = [
    ["a", "list"],
    {"a": "mapping"},
    "text",
    "",
    "nan",
    "-.inf",
    "1e999",
    "-1",
    "9" * 5000,
]

# Fields of inference.yml, by where they are, and the name that a message gives them.
FIELDS: dict[str, tuple[Callable[[Any], dict[str, Any]], str]] = {
    "model_name": (lambda v: {"Global": {"model_name": v}}, "model_name"),
    "character_dict": (lambda v: {"PostProcess": {"character_dict": v}}, "character_dict"),
    "thresh": (lambda v: {"PostProcess": {"thresh": v}}, "thresh"),
    "box_thresh": (lambda v: {"PostProcess": {"box_thresh": v}}, "box_thresh"),
    "unclip_ratio": (lambda v: {"PostProcess": {"unclip_ratio": v}}, "unclip_ratio"),
    "max_candidates": (lambda v: {"PostProcess": {"max_candidates": v}}, "max_candidates"),
    "box_type": (lambda v: {"PostProcess": {"box_type": v}}, "box_type"),
    "name": (lambda v: {"PostProcess": {"name": v}}, "PostProcess.name"),
    "label_list": (lambda v: {"PostProcess": {"Topk": {"label_list": v}}}, "label_list|size"),
    "topk": (lambda v: {"PostProcess": {"Topk": {"label_list": ["a"], "topk": v}}}, "topk"),
    "transform_ops": (lambda v: {"PreProcess": {"transform_ops": v}}, "transform_ops"),
    "mean": (lambda v: operation("NormalizeImage", mean=v), "mean"),
    "one mean": (lambda v: operation("NormalizeImage", mean=[v, 0, 0]), "mean"),
    "std": (lambda v: operation("NormalizeImage", std=v), "std"),
    "one std": (lambda v: operation("NormalizeImage", std=[v, 1, 1]), "std"),
    "scale": (lambda v: operation("NormalizeImage", scale=v), "scale"),
    "image_shape": (lambda v: operation("RecResizeImg", image_shape=v), "image_shape"),
    "one side": (lambda v: operation("RecResizeImg", image_shape=[3, v, 320]), "image_shape"),
    "resize_long": (lambda v: operation("DetResizeForTest", resize_long=v), "resize_long"),
    "limit_type": (lambda v: operation("DetResizeForTest", limit_type=v), "limit_type"),
    "trt_dynamic_shapes": (lambda v: shapes({"x": [[v], [v], [v]]}), "trt_dynamic_shapes"),
    "a shape": (lambda v: shapes({"x": v}), "trt_dynamic_shapes"),
}
# What is no mistake there: numbers below zero are a shift; empty means that nothing is said.
ALLOWED: dict[str, list[Any]] = {
    "model_name": ["text", "", "nan", "-.inf", "1e999", "-1", "9" * 5000],
    "character_dict": [["a", "list"], ""],
    "label_list": [],
    "name": [],
    "transform_ops": [""],
    "one mean": ["-1"],
    "one std": ["-1"],
    "scale": ["-1"],
}


def operation(name: str, **arguments: Any) -> dict[str, Any]:
    return {"PreProcess": {"transform_ops": [{name: arguments}]}}


def shapes(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"Hpi": {"backend_configs": {"paddle_infer": {"trt_dynamic_shapes": inputs}}}}


@pytest.mark.parametrize("field", FIELDS)
def test_wrong_types_of_every_field(tmp_path: Path, field: str) -> None:
    make, named = FIELDS[field]
    for value in WRONG:
        if value in ALLOWED.get(field, []):
            continue
        file = tmp_path / "inference.yml"
        file.write_text(yaml.safe_dump({"Global": {"model_name": "x"}, **make(value)}))
        with pytest.raises(ModelFormatError, match=rf"{re.escape(str(file))}.*({named})") as caught:
            read_config(file)
        assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("section", ["Global", "PreProcess", "PostProcess", "Hpi"])
def test_sections_of_a_wrong_kind(tmp_path: Path, section: str) -> None:
    """They say nothing, and what is needed of them is missed where it is."""
    for value in (5, "text", [1], None):
        file = tmp_path / "inference.yml"
        file.write_text(yaml.safe_dump({"Global": {"model_name": "x"}, section: value}))
        assert read_config(file).characters is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"std": [1e-300, 1, 1]}, "std 1e-300"),
        ({"mean": [1e300, 0, 0]}, "mean 1e+300"),
        ({"scale": 1e300}, "scale 1e+300"),
    ],
)
def test_input_beyond_single_precision(tmp_path: Path, arguments: Any, named: str) -> None:
    file = tmp_path / "inference.yml"
    text = {"Global": {"model_name": "x"}, **operation("NormalizeImage", **arguments)}
    file.write_text(yaml.safe_dump(text))
    with pytest.raises(ModelFormatError, match=re.escape(named)):
        read_config(file)


def test_a_configuration_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "inference.yml"
    file.write_text("Global: {}\n")

    def fail(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(ModelFormatError, match=re.escape(f"{file} cannot be read")):
        read_config(file)


# --- pipeline configurations ----------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_damaged_pipeline_configurations(tmp_path: Path, name: str) -> None:
    content, wanted = TEXTS[name]
    file = tmp_path / "pipeline.yml"
    file.write_bytes(content)
    with pytest.raises(InvalidOptionError, match=rf"(?s){re.escape(str(file))}.*({wanted})"):
        pipeline_config.read_config(str(file), pytest.fail)


@pytest.mark.parametrize(
    "scalar",
    [
        "2001-99-99",
        "9" * 5000,
        "0x" + "f" * 9000,
        "1:99:9999",
        "[" * 2000,
        "'[' * 9999",
        "'{[]: 1}'",
    ],
)
@pytest.mark.parametrize("key", ["thresh", "limit_side_len", "input_shape"])
def test_scalars_that_python_cannot_make(tmp_path: Path, key: str, scalar: str) -> None:
    file = tmp_path / "pipeline.yml"
    file.write_text(f"pipeline_name: OCR\nSubModules:\n  TextDetection:\n    {key}: {scalar}\n")
    with pytest.raises(InvalidOptionError, match=re.escape(str(file))) as caught:
        pipeline_config.read_config(str(file), pytest.fail)
    assert len(str(caught.value)) < 3000


def cyclic() -> dict[str, Any]:
    config: dict[str, Any] = {"pipeline_name": "OCR"}
    config["more"] = config
    return config


def deep(levels: int) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for _ in range(levels):
        config = {"more": config}
    return {"pipeline_name": "OCR", **config}


def laughing() -> dict[str, Any]:
    value: list[Any] = ["x"] * 9
    for _ in range(12):
        value = [value] * 9
    return {"pipeline_name": "OCR", "more": value}


@pytest.mark.parametrize("make", [cyclic, lambda: deep(100), lambda: deep(50_000), laughing])
def test_dictionaries_without_end(make: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(InvalidOptionError, match=r"paddlex_config: .*levels"):
        pipeline_config.read_config(make(), pytest.fail)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -1, 10**400, "0.3; import os", [0.3], {"a": 1}, True]
)
@pytest.mark.parametrize("key", ["thresh", "box_thresh", "unclip_ratio"])
def test_wrong_values_of_thresholds(key: str, value: Any) -> None:
    config = {"pipeline_name": "OCR", "SubModules": {"TextDetection": {key: value}}}
    wanted = rf"paddlex_config: SubModules\.TextDetection\.{key}="
    with pytest.raises(InvalidOptionError, match=wanted):
        pipeline_config.read_config(config, pytest.fail)


# --- records of downloads -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'{"files": []}',
        b'{"files": {"a": 5}}',
        b'{"files": {"a": {"size": 1}}}',
        b'{"files": {"a": {"sha256": "0", "size": 1}}, "files": null}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"files": ' + b'{"a":' * 5000,
        b'{"files": {"a\\u0000b": {"size": 1, "sha256": "0"}}}',
        b'{"files": {"a": {"size": ' + b"9" * 5000 + b', "sha256": "0"}}}',
    ],
)
def test_damaged_records(tmp_path: Path, record: bytes) -> None:
    """They are a problem that is told, with the name of the record or of what it records."""
    (tmp_path / manifest.FILE).write_bytes(record)
    problems = list(manifest.problems(tmp_path))
    assert len(problems) == 1
    assert str(tmp_path) in problems[0]


@pytest.mark.parametrize("size", ["1", None, 1.5, -1, [1], {}])
@pytest.mark.parametrize("digest", [5, None, "0", "\x00", ["0"]])
def test_wrong_values_of_records(tmp_path: Path, size: Any, digest: Any) -> None:
    (tmp_path / "a").write_bytes(b"x")
    record = {"files": {"a": {"size": size, "sha256": digest}}}
    (tmp_path / manifest.FILE).write_text(json.dumps(record))
    assert len(list(manifest.problems(tmp_path))) == 1


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../outside"])
def test_records_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    """What lies outside of the directory is no file of the model, whatever its hash."""
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "outside").write_bytes(b"x")
    record = {
        "files": {name: {"size": 1, "sha256": manifest.sha256_of(tmp_path / "outside")}},
    }
    (folder / manifest.FILE).write_text(json.dumps(record))
    assert len(list(manifest.problems(folder))) == 1


# --- Paddle's forms -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "pdmodel"])
@pytest.mark.parametrize(
    "damage",
    ["no weights", "empty weights", "half the weights", "garbage", "half the network", "empty"],
)
def test_damaged_paddle_models(
    networks: Any, run_python: RunPython, tmp_path: Path, form: str, damage: str
) -> None:
    """In a process of its own, as Paddle's library aborts on some damage."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in (networks.folder / form / "detection").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    network = next(f for f in folder.iterdir() if f.name in ("inference.json", "inference.pdmodel"))
    weights = folder / "inference.pdiparams"
    if damage == "no weights":
        weights.unlink()
    elif damage == "empty weights":
        weights.write_bytes(b"")
    elif damage == "half the weights":
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    elif damage == "garbage":
        network.write_bytes(b"\x5a" * 999)
    elif damage == "half the network":
        network.write_bytes(network.read_bytes()[: network.stat().st_size // 2])
    else:
        network.write_bytes(b"")
    script = tmp_path / "load.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from fastocr import TextDetection
            from fastocr.errors import ModelFormatError, ModelNotFoundError
            try:
                TextDetection(model_dir=sys.argv[1], engine="paddle", cpu_threads=1)
            except (ModelFormatError, ModelNotFoundError) as error:
                print("refused:", error)
            """
        )
    )
    done = run_python(script, folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("refused: ")
    assert str(folder) in done.stdout
