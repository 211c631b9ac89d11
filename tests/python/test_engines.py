"""Finding the engine's library: wherever its package lies, in exactly the right version."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import fastocr
from fastocr import PaddleOCR, _core, engines
from fastocr.errors import EngineUnavailableError, InvalidOptionError, ModelFormatError
from fastocr.model_store import find_model

MakeOCR = Callable[..., PaddleOCR]
RunPython = Callable[..., Any]

REQUIREMENTS = _core.engine_requirements("openvino")


# --- another place --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An installation spread over three folders: fastocr, the engine's package, everything else.

    fastocr is copied, so that a path relative to its libraries does not lead back to the place
    where it is installed; the others are links.
    """
    root = tmp_path_factory.mktemp("layout")
    folders = {name: root / name for name in ("fastocr", "engine", "rest")}
    for folder in folders.values():
        folder.mkdir()
    # Two folders in an editable install, where the compiled part lies elsewhere.
    for part in dict.fromkeys([Path(fastocr.__file__).parent, Path(_core.__file__).parent]):
        shutil.copytree(part, folders["fastocr"] / "fastocr", dirs_exist_ok=True)
    numpy_folder = Path(np.__file__).parent
    for site in dict.fromkeys([numpy_folder.parent, Path(cv2.__file__).parents[1]]):
        for entry in site.iterdir():
            link = folders["rest"] / entry.name
            if not entry.name.startswith(("openvino", "fastocr", "__pycache__")):
                link.symlink_to(entry)
    package = importlib.util.find_spec("openvino")
    assert package is not None
    assert package.submodule_search_locations
    (folders["engine"] / "openvino").symlink_to(package.submodule_search_locations[0])
    return folders


def script(page: Path, *folders: Path, engine: str = "openvino") -> str:
    """A program that sees only `folders` and the standard library, for ``python -I -S -c``."""
    return f"""
import sys
sys.path += {[str(folder) for folder in folders]!r}
import fastocr
from fastocr import PaddleOCR, errors
assert fastocr.__file__.startswith({str(folders[0])!r}), fastocr.__file__
try:
    ocr = PaddleOCR(cpu_threads=2, engine={engine!r})
except errors.EngineUnavailableError as error:
    print(error)
else:
    print(*ocr.predict({str(page)!r})[0]["rec_texts"], sep="|")
    print([name for name in sys.modules if name.partition(".")[0] == "openvino"])
"""


def test_package_in_another_folder(
    run_python: RunPython, layout: dict[str, Path], pages_dir: Path, ocr: PaddleOCR
) -> None:
    """Also: the package is used without being imported, which would cost time and memory."""
    page = pages_dir / "noise_background.png"
    code = script(page, layout["fastocr"], layout["rest"], layout["engine"])
    done = run_python("-I", "-S", "-c", code)
    assert done.returncode == 0, done.stderr
    texts, imported = done.stdout.splitlines()
    assert texts.split("|") == ocr.predict(page)[0]["rec_texts"]
    assert imported == "[]"


def test_package_not_installed(
    run_python: RunPython, layout: dict[str, Path], pages_dir: Path
) -> None:
    code = script(pages_dir / "blank.png", layout["fastocr"], layout["rest"])
    done = run_python("-I", "-S", "-c", code)
    assert done.returncode == 0, done.stderr
    assert "'openvino', which is not installed" in done.stdout
    assert f"pip install openvino=={REQUIREMENTS.versions[0]}" in done.stdout


def test_package_is_not_needed_by_default(
    run_python: RunPython, layout: dict[str, Path], pages_dir: Path, ocr: PaddleOCR
) -> None:
    """The native engine is part of the core."""
    page = pages_dir / "noise_background.png"
    code = script(page, layout["fastocr"], layout["rest"], engine="auto")
    done = run_python("-I", "-S", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split("|") == ocr.predict(page)[0]["rec_texts"]


def test_predict_does_not_import_the_package(run_python: RunPython, pages_dir: Path) -> None:
    """In the ordinary layout."""
    code = (
        "import sys; from fastocr import PaddleOCR\n"
        f"PaddleOCR(cpu_threads=2, engine='openvino').predict({str(pages_dir / 'blank.png')!r})\n"
        "print([name for name in sys.modules if 'openvino' in name])"
    )
    done = run_python("-c", code)
    assert done.stdout == "[]\n", done.stderr


# --- another version ------------------------------------------------------------------------------


@pytest.fixture
def other_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of the engine's package that holds libraries of other names, first on the path."""
    package = tmp_path / "openvino"
    (package / "libs").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "libs" / "libopenvino.so.2410").touch()
    metadata = tmp_path / "openvino-2024.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: openvino\nVersion: 2024.1.0\n", encoding="utf-8"
    )
    assert "openvino" not in sys.modules
    monkeypatch.syspath_prepend(str(tmp_path))
    return package


def test_wrong_version(other_version: Path, make_ocr: MakeOCR) -> None:
    """Both versions, the place and the way out are named."""
    with pytest.raises(EngineUnavailableError) as caught:
        make_ocr(engine="openvino")
    message = str(caught.value)
    for part in (
        "2024.1.0",
        f"built for openvino {REQUIREMENTS.versions[0]}",
        f"pip install openvino=={REQUIREMENTS.versions[0]}",
        str(other_version),
    ):
        assert part in message


def test_wrong_version_without_metadata(other_version: Path, make_ocr: MakeOCR) -> None:
    """As left behind by a copy of the folder; the version of another copy is not taken for it."""
    shutil.rmtree(other_version.parent / "openvino-2024.1.0.dist-info")
    with pytest.raises(EngineUnavailableError, match="pip install openvino==") as caught:
        make_ocr(engine="openvino")
    assert str(other_version) in str(caught.value)
    assert f"version {REQUIREMENTS.versions[0]} is installed" not in str(caught.value)


@pytest.mark.parametrize("kind", ["nothing", "a module that is no package"])
def test_nothing_to_find(monkeypatch: pytest.MonkeyPatch, make_ocr: MakeOCR, kind: str) -> None:
    find_spec = importlib.util.find_spec
    single = None if kind == "nothing" else find_spec("this")

    def find(name: str, package: str | None = None) -> Any:
        return single if name == "openvino" else find_spec(name, package)

    monkeypatch.setattr("importlib.util.find_spec", find)
    with pytest.raises(
        EngineUnavailableError, match=f"pip install openvino=={REQUIREMENTS.versions[0]}"
    ):
        make_ocr(engine="openvino")


# --- damaged installations ------------------------------------------------------------------------


def test_missing_engine_library(
    monkeypatch: pytest.MonkeyPatch, make_ocr: MakeOCR, tmp_path: Path
) -> None:
    monkeypatch.setattr(_core, "__file__", str(tmp_path / "_core.so"))
    with pytest.raises(EngineUnavailableError, match="reinstall fastocr") as caught:
        make_ocr(engine="openvino")
    assert REQUIREMENTS.engine_library in str(caught.value)


@pytest.mark.parametrize("damaged", ["engine", "dependency"])
def test_damaged_libraries(run_python: RunPython, tmp_path: Path, damaged: str) -> None:
    """In a process of its own: this one has loaded the engine already."""
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a library")
    code = f"""
from pathlib import Path
from fastocr import _core, engines, errors
requirements = _core.engine_requirements("openvino")
engine = Path(_core.__file__).parent / "engines" / requirements.engine_library
dependency = engines._find_library(requirements)
broken = {str(broken)!r}
paths = (broken, dependency) if {damaged!r} == "engine" else (engine, broken)
for _ in range(2):
    try:
        _core.load_engine("openvino", *map(str, paths))
    except errors.EngineUnavailableError as error:
        print(error)
_core.load_engine("openvino", str(engine), str(dependency))
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == second
    assert f"engine 'openvino': cannot load {broken}" in first


# --- the registry ---------------------------------------------------------------------------------


def test_engine_names() -> None:
    assert _core.engine_names() == ["native", "openvino", "paddle"]
    assert _core.engine_requirements("native").package == ""
    with pytest.raises(InvalidOptionError, match="unknown engine 'foo'"):
        engines.load("foo")


def test_requirements_are_those_of_the_package() -> None:
    """What the metadata makes pip install is what the engine was built for."""
    requires = importlib.metadata.requires("fastocr") or []
    assert f"{REQUIREMENTS.package}=={REQUIREMENTS.versions[0]}" in requires


def test_models_of_the_engine(tmp_path: Path) -> None:
    """What the engine itself refuses, below the checks of `PaddleOCR`."""
    engine = engines.load("openvino")
    with pytest.raises(ModelFormatError, match=r"nowhere\.onnx"):
        engine.load(str(tmp_path / "nowhere.onnx"))
    with pytest.raises(InvalidOptionError, match="precision 'int8'"):
        engine.load(str(find_model("PP-OCRv5_mobile_det", None).paths[0]), precision="int8")


# --- OpenVINO's cache of compiled networks --------------------------------------------------------

CACHE = """
import sys
from fastocr import PaddleOCR
page, folder = sys.argv[1:]
ocr = PaddleOCR(cpu_threads=2, engine="openvino", engine_config={"CACHE_DIR": folder})
with open("/proc/self/maps") as maps:
    print(len({line.split()[-1] for line in maps if line.rstrip().endswith(".blob")}))
result = ocr.predict(page)[0]
print(result["rec_texts"], result["rec_scores"], [poly.tolist() for poly in result["dt_polys"]])
"""


def test_compiled_networks_are_kept(run_python: RunPython, pages_dir: Path, tmp_path: Path) -> None:
    """In a folder that the user names: written once, used from then on, with the same results."""
    folder = tmp_path / "compiled"

    def read() -> tuple[int, str, dict[str, int]]:
        done = run_python("-c", CACHE, pages_dir / "noise_background.png", folder)
        assert done.returncode == 0, done.stderr
        mapped, found = done.stdout.splitlines()
        return int(mapped), found, {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}

    used, expected, written = read()
    assert (used, len(written)) == (0, 3)  # detection, text line orientation, recognition
    assert read() == (3, expected, written)
