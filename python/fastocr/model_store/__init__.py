"""Where models come from: a directory, the caches, installed packages, or the official hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastocr.model_store.files import ModelFiles
from fastocr.model_store.search import available, find_model, packaged_models

if TYPE_CHECKING:
    from fastocr.model_store.manage import (
        InstalledModel,
        ModelDescription,
        describe,
        download,
        installed_models,
        path_of,
        verify,
    )

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


def __getattr__(name: str) -> Any:
    """Load what manages models when it is asked for: finding them needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fastocr.model_store import manage

    return getattr(manage, name)
