"""Folders in which models lie, and copies of a model in them."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastocr import cache
from fastocr.model_store import catalog
from fastocr.model_store.files import CONFIG_FILE, ModelFiles, from_directory

__all__ = ["Copy", "Folder", "Place", "own_cache", "paddlex_cache"]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a model on disk: `location` is its directory, or its network in a package.

    `load` raises what `from_directory` does.
    """

    name: str
    place: str
    location: Path
    load: Callable[[], ModelFiles]

    def files(self) -> list[Path]:
        """Return the files that belong to it."""
        if self.location.is_dir():
            return sorted(file for file in self.location.iterdir() if file.is_file())
        weights = self.location.with_suffix(".pdiparams")
        return [self.location, *([weights] if weights.is_file() else [])]


class Place(ABC):
    """Somewhere models can be."""

    __slots__ = ()

    @property
    @abstractmethod
    def title(self) -> str:
        """Return the place in words."""

    @abstractmethod
    def copies(self, name: str) -> list[Copy]:
        """Return the copies of a model, the best first."""

    @abstractmethod
    def absence(self, name: str) -> str | None:
        """Say why there is no copy, or None where nobody would expect one."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the models that are there."""


@dataclass(frozen=True, slots=True)
class Folder(Place):
    """A folder of directories in the official layout, each named like the package it holds.

    It may also be such a directory itself, of the model `alone`.
    """

    description: str
    root: Path
    alone: str | None = None

    @property
    def title(self) -> str:
        """Return the place in words."""
        return f"{self.description} {self.root}"

    def copies(self, name: str) -> list[Copy]:
        """Return the copies of a model: ONNX first, which all engines but one read."""
        return [self._copy(name, folder) for folder in self._directories(name) if folder.is_dir()]

    def absence(self, name: str) -> str | None:
        """Say why there is no copy, or None where nobody would expect one."""
        if self._is_model():
            return None
        return "no folder " + " or ".join(folder.name for folder in self._directories(name))

    def names(self) -> list[str]:
        """Return the models that are there."""
        if self._is_model():
            return [self.alone or ""]
        found = (catalog.model_of(file.parent.name) for file in self.root.glob(f"*/{CONFIG_FILE}"))
        return sorted(set(found))

    def _is_model(self) -> bool:
        return self.alone is not None and (self.root / CONFIG_FILE).is_file()

    def _directories(self, name: str) -> list[Path]:
        if self._is_model():
            return [self.root] if name == self.alone else []
        return [self.root / catalog.package(name, form) for form in ("onnx", "static")]

    def _copy(self, name: str, folder: Path) -> Copy:
        return Copy(name, self.description, folder, lambda: from_directory(name, folder))


def own_cache() -> Folder:
    """Return where downloads go."""
    return Folder("cache", cache.folder("models"))


def paddlex_cache() -> Folder:
    """Return where PaddleX keeps what it downloaded."""
    home = os.environ.get("PADDLE_PDX_CACHE_HOME")
    root = Path(home).expanduser() if home else Path.home() / ".paddlex"
    return Folder("PaddleX's cache", root / "official_models")
