"""Where models come from: a directory, the caches, installed packages, or the official hosts."""

from __future__ import annotations

from fastocr.model_store.files import ModelFiles
from fastocr.model_store.manage import (
    InstalledModel,
    ModelDescription,
    describe,
    download,
    installed_models,
    path_of,
    verify,
)
from fastocr.model_store.search import available, find_model, packaged_models

__all__ = [
    "InstalledModel",
    "ModelDescription",
    "ModelFiles",
    "available",
    "describe",
    "download",
    "find_model",
    "installed_models",
    "packaged_models",
    "path_of",
    "verify",
]
